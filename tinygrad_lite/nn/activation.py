"""Activations as modules: each calls the function of the same name, element by element."""

from __future__ import annotations

from tinygrad_lite.nn import functional
from tinygrad_lite.nn.module import Module
from tinygrad_lite.tensor import Tensor


class ReLU(Module):
    """y = max(x, 0). inplace is accepted because PyTorch accepts it: y is the same, and always in new memory."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.relu(x)


class LeakyReLU(Module):
    """y = x where x > 0, else negative_slope · x"""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """y = 1 / (1 + e⁻ˣ)"""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.sigmoid(x)


class Tanh(Module):
    """y = tanh x"""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.tanh(x)


class GELU(Module):
    """y = x · Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016); or its "tanh" approximation."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """y = x · sigmoid x"""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.silu(x)


class Softplus(Module):
    """y = ln(1 + e^(beta · x)) / beta; x itself where beta · x > threshold"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return functional.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """y = eˣ / Σ eˣ along `dim`"""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape."""
        return functional.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """y = x - ln Σ eˣ along `dim`"""

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape."""
        return functional.log_softmax(x, self.dim)
