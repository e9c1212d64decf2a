"""The linear layer, and layers that only pass on or reshape."""

from __future__ import annotations

from typing import Any

from tinygrad_lite import creation
from tinygrad_lite.nn import functional, init
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor


class Linear(Module):
    """y = x @ weightᵀ + bias,  shapes (..., in_features) → (..., out_features).

    weight (out_features, in_features) and bias (out_features,) start uniform on ±1/√in_features.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(creation.empty(out_features, in_features, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(creation.empty(out_features, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first values."""
        init.uniform_by_fan_in_(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in_features) → (..., out_features)."""
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """Several dimensions as one: (n, 28, 28) → (n, 784)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        """x with the dimensions from start_dim to end_dim joined."""
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """y = x, whatever arguments it was made with: it holds the place of another layer."""

    def __init__(self, *settings: Any, **more: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """x itself."""
        return x
