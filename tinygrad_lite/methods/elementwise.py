"""Names for what treats every element alike: the operators, and the textbook's functions (`ops/elementwise.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.autograd import no_grad
from tinygrad_lite.methods.arguments import Number, as_condition, as_element, as_mask
from tinygrad_lite.op import Traced

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class Elementwise(Traced):
    """Arithmetic, comparisons, and functions of each element."""

    # --------------------------------------------------------------------------------------------------- operators

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        """self · other, with broadcasting."""
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        """⌊self / other⌋."""
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        """self - other · ⌊self / other⌋, with the sign of other."""
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        """self @ other, for vectors, matrices and stacks of matrices."""
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        """-self."""
        return ops.neg(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __invert__(self) -> Tensor:
        """~self: "not" for bools, bit by bit for integers."""
        return ops.bitwise_not(self)

    def __and__(self, other: Any) -> Tensor:
        """self & other: "and" for bools, bit by bit for integers."""
        return ops.bitwise_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        """self | other: "or" for bools, bit by bit for integers."""
        return ops.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Tensor:
        """self ^ other: "either, not both" for bools, bit by bit for integers."""
        return ops.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self, other: Any) -> Tensor:
        """The bits of integers moved up."""
        return ops.bitwise_left_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return ops.bitwise_left_shift(other, self)

    def __rshift__(self, other: Any) -> Tensor:
        """The bits of integers moved down."""
        return ops.bitwise_right_shift(self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return ops.bitwise_right_shift(other, self)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        """True where equal."""
        return ops.eq(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        """True where not equal."""
        return ops.ne(self, other) if _comparable(other) else NotImplemented

    __hash__ = object.__hash__  # two Tensors are the same key only if they are the same object: == is elementwise

    def __lt__(self, other: Any) -> Tensor:
        """True where self is smaller."""
        return ops.lt(self, other)

    def __le__(self, other: Any) -> Tensor:
        """True where self is smaller or equal."""
        return ops.le(self, other)

    def __gt__(self, other: Any) -> Tensor:
        """True where self is larger."""
        return ops.gt(self, other)

    def __ge__(self, other: Any) -> Tensor:
        """True where self is larger or equal."""
        return ops.ge(self, other)

    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__
    mul, matmul, neg, remainder, floor_divide = __mul__, __matmul__, __neg__, __mod__, __floordiv__
    multiply, negative = __mul__, __neg__
    bitwise_and, bitwise_or, bitwise_xor, bitwise_not = __and__, __or__, __xor__, __invert__
    bitwise_left_shift, bitwise_right_shift = __lshift__, __rshift__

    # --------------------------------------------------------------------------------------- elementwise functions

    def add(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self + alpha · other"""
        return ops.add(self, other) if alpha == 1 else ops.add_scaled(self, other, factor=alpha)

    def sub(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self - alpha · other"""
        return ops.sub(self, other) if alpha == 1 else ops.add_scaled(self, other, factor=-alpha)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self / other; with rounding_mode "floor" or "trunc", rounded down or towards 0 (gradient 0)."""
        if rounding_mode is None:
            return ops.div(self, other)
        if rounding_mode == "floor":
            return ops.floor_divide(self, other)
        if rounding_mode == "trunc":
            return ops.trunc_divide(self, other)
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', but got {rounding_mode!r}")

    def pow(self, exponent: Any) -> Tensor:
        """self to a power"""
        return ops.pow(self, exponent)

    def exp(self) -> Tensor:
        """eˣ"""
        return ops.exp(self)

    def expm1(self) -> Tensor:
        """eˣ - 1"""
        return ops.expm1(self)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return ops.log(self)

    def log1p(self) -> Tensor:
        """ln(1 + x)"""
        return ops.log1p(self)

    def log2(self) -> Tensor:
        """The logarithm to base 2."""
        return ops.log2(self)

    def log10(self) -> Tensor:
        """The logarithm to base 10."""
        return ops.log10(self)

    def sqrt(self) -> Tensor:
        """√x"""
        return ops.sqrt(self)

    def rsqrt(self) -> Tensor:
        """1 / √x"""
        return ops.rsqrt(self)

    def square(self) -> Tensor:
        """x²"""
        return ops.pow(self, 2)

    def reciprocal(self) -> Tensor:
        """1 / x"""
        return ops.reciprocal(self)

    def sin(self) -> Tensor:
        """The sine."""
        return ops.sin(self)

    def cos(self) -> Tensor:
        """The cosine."""
        return ops.cos(self)

    def tan(self) -> Tensor:
        """The tangent."""
        return ops.tan(self)

    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
        return ops.sinh(self)

    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
        return ops.cosh(self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e⁻ˣ)"""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """max(x, 0)"""
        return ops.relu(self)

    def erf(self) -> Tensor:
        """The error function."""
        return ops.erf(self)

    def abs(self) -> Tensor:
        """|x|"""
        return ops.abs(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1"""
        return ops.sign(self)

    def floor(self) -> Tensor:
        """Rounded down."""
        return ops.floor(self)

    def ceil(self) -> Tensor:
        """Rounded up."""
        return ops.ceil(self)

    def trunc(self) -> Tensor:
        """Rounded towards 0."""
        return ops.trunc(self)

    def round(self, *, decimals: int = 0) -> Tensor:
        """Rounded to `decimals` decimals, halves to even."""
        return ops.round(self, decimals=decimals)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """At least `min`, at most `max`, each a number, a Tensor or None."""
        return ops.clamp(self, min, max)

    clip = clamp

    def clamp_min(self, min: Any) -> Tensor:
        """At least `min`."""
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Tensor:
        """At most `max`."""
        return self.clamp(max=max)

    def maximum(self, other: Any) -> Tensor:
        """The larger of both, element by element; where they are equal each gets half of the gradient."""
        return ops.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        """The smaller of both, element by element; where they are equal each gets half of the gradient."""
        return ops.minimum(self, other)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """self where the condition is True, else `other`."""
        return ops.where(as_condition(condition), self, other)

    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`value` where the mask (bool) is True, else self, in self's dtype.

        value: a number, or a Tensor without dimensions. RuntimeError if the dtype has no such number, such as 5.5 for
        int64, which PyTorch silently truncates to 5.
        """
        return ops.where(as_mask(mask), as_element(value, self), self)

    def isnan(self) -> Tensor:
        """True where NaN."""
        return ops.isnan(self)

    def isfinite(self) -> Tensor:
        """True where neither infinite nor NaN."""
        return ops.isfinite(self)

    def isinf(self) -> Tensor:
        """True where infinite."""
        return ops.isinf(self)

    def isclose(
        self,
        other: Any,
        rtol: float = 1e-05,
        atol: float = 1e-08,
        equal_nan: bool = False,
    ) -> Tensor:
        """True where |self - other| ≤ atol + rtol · |other|, or both are the same infinity (or NaN, if asked)."""
        other = other if isinstance(other, Traced) else self.new_tensor(other)
        with no_grad():
            near = other if other.is_floating_point() else other.to(backend.get_default_dtype())
            close = (self == other) | ((self - near).abs() <= atol + rtol * near.abs()) & other.isfinite()
            return close | (self.isnan() & other.isnan()) if equal_nan else close

    def allclose(
        self,
        other: Any,
        rtol: float = 1e-05,
        atol: float = 1e-08,
        equal_nan: bool = False,
    ) -> bool:
        """True if `isclose` holds everywhere."""
        return bool(self.isclose(other, rtol, atol, equal_nan).all())

    def equal(self, other: Tensor) -> bool:
        """True if the shapes and all elements are the same."""
        return self.shape == other.shape and bool((self == other).all())


def _comparable(value: Any) -> bool:
    return isinstance(value, Traced | int | float | np.generic) or backend.is_array(value)
