"""Derivatives compared with differences.

For a function y = f(x) and a random direction u of y, the number  s(x) = Σ u · f(x)  has as its gradient what the walk
back computes from u. Every element of it is compared with the central difference (s(x + ε) - s(x - ε)) / 2ε. Random
directions matter: with u all ones a softmax that is given a gradient of zero would pass, since its outputs sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.autograd import enable_grad, grad, no_grad
from tinygrad_lite.backend import to_numpy
from tinygrad_lite.tensor import Tensor


class GradcheckError(RuntimeError):
    """A derivative that differs from the differences."""


def gradcheck(
    function: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Compare the gradients of `function(*inputs)` by every input that requires one with central differences.

    function: takes the inputs, returns a Tensor or a sequence of Tensors; differentiable at these inputs.
    inputs: Tensors and anything else; those that require gradients are float64 leaves.
    eps: half the width of the difference.
    atol, rtol: the difference allowed: atol + rtol · |numerical|.
    seed: of the random direction in which several outputs are added up.

    Returns True, or, with raise_exception=False, False for a derivative that differs. Raises GradcheckError, which
    names the input, the element and both numbers; ValueError for inputs that cannot be checked.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    checked = _inputs_to_check(inputs)
    with enable_grad():
        outputs = _outputs(function, inputs)
        if not outputs:
            raise ValueError("gradcheck: no output is floating and depends on an input that requires a gradient")
        rng = np.random.default_rng(seed)
        directions = [rng.uniform(0.5, 1.5, output.shape) * rng.choice([-1, 1], output.shape) for output in outputs]
        starts = [output._wrap(_like(output, u)) for output, u in zip(outputs, directions, strict=True)]
        analytical = grad(outputs, [inputs[i] for i in checked], starts, allow_unused=True)

    def s() -> float:
        with no_grad():
            values = _outputs(function, inputs, recorded=False)
        return float(sum((u * to_numpy(v._array)).sum() for u, v in zip(directions, values, strict=True)))

    for i, gradient in zip(checked, analytical, strict=True):
        by_walk = np.zeros(inputs[i].shape) if gradient is None else to_numpy(gradient._array)
        for position in np.ndindex(*inputs[i].shape):
            numerical = _central_difference(s, inputs[i], position, eps)
            difference = abs(by_walk[position] - numerical)
            if not difference <= atol + rtol * abs(numerical):
                if not raise_exception:
                    return False
                raise GradcheckError(
                    f"the gradient by input {i}, of shape {tuple(inputs[i].shape)}, differs at element {position}:"
                    f" {by_walk[position]:.8g} by the walk back, {numerical:.8g} by a central difference with"
                    f" eps={eps:g} (allowed: {atol:g} + {rtol:g} · |numerical|). The input there is"
                    f" {to_numpy(inputs[i]._array)[position]:.8g}; is the function differentiable at that point?"
                )
    return True


def gradgradcheck(function: Callable[..., Any], inputs: Tensor | Sequence[Any], **settings: Any) -> bool:
    """`gradcheck` of the gradients of `function`: its second derivatives. Takes the same settings.

    The gradients are taken in a random direction of the outputs, by which they are differentiated too.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    checked = _inputs_to_check(inputs)
    with enable_grad():
        outputs = _outputs(function, inputs)
    rng = np.random.default_rng(settings.get("seed", 0) + 1)
    starts = [output._wrap(_like(output, rng.normal(size=output.shape))).requires_grad_() for output in outputs]

    def gradients(*arguments: Any) -> list[Tensor]:
        with enable_grad():
            again = _outputs(function, arguments[: len(inputs)])
            wanted = [arguments[i] for i in checked]
            found = grad(again, wanted, list(arguments[len(inputs) :]), create_graph=True, allow_unused=True)
        return [gradient for gradient in found if gradient is not None]

    return gradcheck(gradients, [*inputs, *starts], **settings)


def _inputs_to_check(inputs: Sequence[Any]) -> list[int]:
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: at least one of the inputs must require a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(
                f"gradcheck: input {i} is {inputs[i].dtype}, in which differences drown in rounding. Use double()"
            )
        if not inputs[i].is_leaf:
            raise ValueError(f"gradcheck: input {i} was computed ({inputs[i].grad_fn}). Use detach().requires_grad_()")
    return checked


def _outputs(function: Callable[..., Any], inputs: Sequence[Any], recorded: bool = True) -> list[Tensor]:
    """The floating outputs, of a recorded call those that lead back to an input."""
    answer = function(*inputs)
    outputs = [answer] if isinstance(answer, Tensor) else list(answer)
    return [out for out in outputs if out.is_floating_point() and (out.requires_grad or not recorded)]


def _like(output: Tensor, numbers: np.ndarray) -> Any:
    return output.new_tensor(numbers)._array


def _central_difference(s: Callable[[], float], x: Tensor, position: tuple[int, ...], eps: float) -> float:
    """(s(x + ε) - s(x - ε)) / 2ε, where x is changed at one position, and changed back."""
    original = x._array
    try:
        values = []
        for step in (eps, -eps):
            x._array = original.copy(order="K")
            x._array[position] += step
            values.append(s())
    finally:
        x._array = original
    return (values[0] - values[1]) / (2 * eps)
