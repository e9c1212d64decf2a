"""Layers that bring signals to mean 0 and variance 1; and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lite import creation
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.nn import functional
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor


class _Affine(Module):
    """A weight that starts with ones and a bias that starts with zeros; both None where nothing is to be learned."""

    weight: Parameter | None
    bias: Parameter | None

    def _add_affine(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        ones = Parameter(creation.ones(shape, device=device, dtype=dtype)) if weight else None
        self.register_parameter("weight", ones)
        zeros = Parameter(creation.zeros(shape, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", zeros)


class _BatchNorm(_Affine):
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._add_affine((num_features,), affine, affine and bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer(
            "running_mean", creation.zeros(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "running_var", creation.ones(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer("num_batches_tracked", creation.tensor(0, device=device) if tracked else None)

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, num_features, ...), normalized by its own statistics in training, else by the running ones."""
        self._check_input(x)
        training = self.training or self.running_mean is None
        momentum = self.momentum or 0.0
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the plain mean of all batches so far
                momentum = 1 / self.num_batches_tracked.item()
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training, momentum, self.eps
        )

    def _check_input(self, x: Tensor) -> None:
        raise NotImplementedError

    def _expect(self, x: Tensor, form: str, dims: tuple[int, ...]) -> None:
        if x.ndim not in dims or x.shape[1] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__}: expected an input {form} with {self.num_features} channels, but got"
                f" {tuple(x.shape)}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine},"
            f" bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Each feature of a batch (n, features), or (n, features, length), normalized: see `functional.batch_norm`.

    Buffers: running_mean and running_var (num_features,), and num_batches_tracked. momentum=None: the running ones are
    the plain mean of all batches.
    """

    def _check_input(self, x: Tensor) -> None:
        self._expect(x, "(n, c) or (n, c, length)", (2, 3))


class BatchNorm2d(_BatchNorm):
    """Each channel of a batch of images (n, c, h, w) normalized: see `functional.batch_norm`, and `BatchNorm1d`."""

    def _check_input(self, x: Tensor) -> None:
        self._expect(x, "(n, c, h, w)", (4,))


class LayerNorm(_Affine):
    """Each example normalized over its last dimensions, of sizes normalized_shape: see `functional.layer_norm`."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._add_affine(shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., *normalized_shape)"""
        return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine},"
            f" bias={self.bias is not None}"
        )


class GroupNorm(_Affine):
    """Each of num_groups groups of channels of each example normalized: see `functional.group_norm`."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ShapeError(f"GroupNorm: num_channels={num_channels} must be divisible by num_groups={num_groups}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._add_affine((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, num_channels, ...)"""
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine},"
            f" bias={self.bias is not None}"
        )


class Dropout(Module):
    """In training, each number is 0 with probability p, else divided by 1 - p; in evaluation nothing changes.

    inplace is accepted because PyTorch accepts it: the numbers are the same, and always in new memory.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape."""
        return functional.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
