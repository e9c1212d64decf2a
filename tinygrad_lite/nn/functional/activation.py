"""A linear layer, and activations, as functions."""

from __future__ import annotations

from tinygrad_lite import ops
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weightᵀ + bias,  shapes (..., in), (out, in), (out,) → (..., out)."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"linear: argument 'input' must be a Tensor, not {type(input).__name__}. Make one with tensor(...)"
        )
    if weight.ndim != 2:
        raise ShapeError(f"linear: weight must have the shape (out, in), but has {tuple(weight.shape)}")
    return ops.linear(input, weight, bias)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    return ops.leaky_relu(input, negative_slope=negative_slope)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function; or its approximation by "tanh" (Hendrycks and Gimpel 2016)."""
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor) -> Tensor:
    """x · sigmoid(x)."""
    return ops.silu(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(beta · x)) / beta, and x itself where beta · x > threshold."""
    return ops.softplus(input, beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """ln sigmoid(x), without underflow."""
    return -ops.binary_cross_entropy_with_logits(input, 1.0)
