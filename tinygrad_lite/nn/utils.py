"""Keeping gradients from becoming too large, between `backward()` and the optimizer's step."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_lite import ops
from tinygrad_lite.functions import stack
from tinygrad_lite.tensor import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients, in place, so that their norm taken together is at most max_norm (Pascanu et al. 2013).

    Returns the norm before, of half precision in 32 bits. RuntimeError if it is infinite or NaN, with
    error_if_nonfinite=True.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return Tensor([0.0])[0]
    norms = [ops.single(gradient).norm(norm_type).to(gradients[0].device) for gradient in gradients]
    total = stack(norms).norm(norm_type)
    if error_if_nonfinite and not total.isfinite().item():
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be"
            " clipped. Use error_if_nonfinite=False to scale by it anyway"
        )
    share = min(max_norm / (total.item() + 1e-6), 1.0)
    for gradient in gradients:
        gradient.mul_(share)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every number of the gradients, in place, to between -clip_value and clip_value."""
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    some = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad.detach() for parameter in some if parameter.grad is not None]
