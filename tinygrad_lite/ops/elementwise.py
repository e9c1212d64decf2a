"""Operations that treat every element alike, with NumPy's broadcasting: arithmetic and the textbook's functions.

Each function stands directly above its derivatives. A rule is given g, the gradient of the loss with respect to the
output y, and returns g · dy/dx, element by element. Where the inputs were broadcast, the walk sums the result back.

The functions take arrays and Python numbers, and use NumPy's own functions, which CuPy arrays answer to.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op

# ------------------------------------------------------------------------------------------------------ arithmetic


@op(types="common")
def add(a, b):
    """y = a + b"""
    return a + b


@add.gradient("a", "b")
def _(g):
    return g


@op(types="common")
def sub(a, b):
    """y = a - b"""
    return a - b


@sub.gradient("a")
def _(g):
    return g


@sub.gradient("b")
def _(g):
    return -g


@op(types="common")
def add_scaled(a, b, *, factor):
    """y = a + factor · b; of bools, "a or b" unless factor is 0. RuntimeError for a float as the factor of integers."""
    if "f" not in (_kind(a), _kind(b)):
        if isinstance(factor, float):
            raise RuntimeError(
                f"For integral input tensors, argument alpha must not be a floating point number: {factor}"
            )
        if _kind(a) == _kind(b) == "b":
            return a | (b & bool(factor))
    return a + factor * b


@add_scaled.gradient("a")
def _(g):
    return g


@add_scaled.gradient("b")
def _(g, factor):
    return g * factor


@op(types="common")
def mul(a, b):
    """y = a · b"""
    return a * b


@mul.gradient("a")
def _(g, b):
    return g * b


@mul.gradient("b")
def _(g, a):
    return g * a


@op(types="float")
def div(a, b):
    """y = a / b; integers are divided as floats."""
    return a / b


@div.gradient("a")
def _(g, b):
    return g / b


@div.gradient("b")
def _(g, a, b):
    return -g * (a / b) / b  # not from y: like PyTorch's, the quotient may be changed in place


@op
def neg(x):
    """y = -x"""
    return -x


@neg.gradient("x")
def _(g):
    return -g


@op(types="common")
def pow(a, b):
    """y = aᵇ.  dy/da is 0 where b is 0, and dy/db is 0 where a is 0 and b ≥ 0."""
    if isinstance(a, bool) or (not isinstance(a, (int, float)) and a.dtype.kind == "b"):
        _refuse_bools(a, b)  # 1ᵇ and 0ᵇ are numbers, not truth values
        a = int(a) if isinstance(a, bool) else a.astype(backend.result_type(a, b))
    if isinstance(b, (int, float)) and b == 3:
        return a * a * a  # NumPy has a short way to the square and the root, but takes 300 times as long for the cube
    return a**b


@pow.gradient("a")
def _(g, a, b):
    if isinstance(b, (int, float)):
        return zeros_like(g) if b == 0 else g * (b * (a if b == 2 else pow(a, b - 1)))
    # a⁰ is 1, of NaN too. But at b = 0 the exponent -1 would give 0 · ∞ for a = 0: any other makes the product 0.
    return g * (b * pow(a, where(((a == 0) | (a != a)) & (b == 0), 0.0, b - 1)))


@pow.gradient("b")
def _(g, y, a, b):
    if isinstance(a, (int, float)) and a > 0:
        return g * y * math.log(a)
    return g * y * log(where((a == 0) & (b >= 0), 1.0, a + zeros_like(b)))


@op(types="common")
def remainder(a, b):
    """y = a - b · ⌊a / b⌋, with the sign of b, as Python's %. RuntimeError where an integer is divided by 0."""
    _refuse_bools(a, b)
    _refuse_zero(a, b)
    return a % b


@remainder.gradient("a")
def _(g):
    return g


@remainder.gradient("b")
def _(g, a, b):
    return -g * floor_divide(a, b)


@op(types="common")
def floor_divide(a, b):
    """y = ⌊a / b⌋, whose derivative is 0. RuntimeError where an integer is divided by 0."""
    _refuse_bools(a, b)
    _refuse_zero(a, b)
    return a // b


@op(types="common")
def trunc_divide(a, b):
    """y = a / b without its fractional part; the derivative is 0. RuntimeError where an integer is divided by 0."""
    _refuse_bools(a, b)
    _refuse_zero(a, b)
    if _kind(a) == "f" or _kind(b) == "f":
        return np.trunc(a / b)
    down = a // b
    return down + ((down < 0) & (down * b != a))  # of integers, not through a float, which would round them


def _kind(x: Any) -> str:
    """What an array or a number is made of: "b" for bools, "i" or "u" for integers, "f" for floats."""
    return backend.dtype_of_number(x).kind if isinstance(x, (int, float)) else x.dtype.kind


def _refuse_bools(a: Any, b: Any) -> None:
    if _kind(a) == _kind(b) == "b":
        raise NotImplementedError("not defined for bools. Use long() or float() first")


def _refuse_zero(a: Any, b: Any) -> None:
    """RuntimeError, as PyTorch raises, where an integer would be divided by 0; a float divided by 0 is ±∞ or NaN."""
    if _kind(a) != "f" and _kind(b) != "f" and not np.all(b) and 0 not in getattr(a, "shape", ()):
        raise RuntimeError("ZeroDivisionError: integer division or remainder by zero. Use float() to get inf and nan")


@op(types="common")
def maximum(a, b):
    """The larger of a and b. Where they are equal, each gets half of the gradient."""
    return np.maximum(a, b)


@maximum.gradient("a")
def _(g, a, b):
    return keep(~(a <= b), g) + keep(a == b, g) * 0.5  # not a > b: a NaN, in a or in b, passes the gradient on


@maximum.gradient("b")
def _(g, a, b):
    return keep(~(b <= a), g) + keep(a == b, g) * 0.5


@op(types="common")
def minimum(a, b):
    """The smaller of a and b. Where they are equal, each gets half of the gradient."""
    return np.minimum(a, b)


@minimum.gradient("a")
def _(g, a, b):
    return keep(~(a >= b), g) + keep(a == b, g) * 0.5


@minimum.gradient("b")
def _(g, a, b):
    return keep(~(b >= a), g) + keep(a == b, g) * 0.5


# ------------------------------------------------------------------------------------------- choosing by a condition


@op
def where(condition, a, b):
    """a where the condition (bool) is True, else b. The gradient of the branch not taken is exactly 0."""
    kind = getattr(condition, "dtype", type(condition).__name__)
    if kind != "bool":
        raise TypeError(f"where expected condition to be a boolean tensor, but got {kind}. Use e.g. x > 0")
    values = backend.promote([a, b], to_float=False)
    return backend.rounded(backend.where(condition, *values), values)


@where.gradient("a")
def _(g, condition):
    return keep(condition, g)


@where.gradient("b")
def _(g, condition):
    return keep(~condition, g)


@op
def keep(mask, x):
    """x where the mask (bool) is True, else 0, even for an infinity or NaN in x."""
    return backend.keep(mask, x)


@keep.gradient("x")
def _(g, mask):
    return keep(mask, g)


@op(types="common")
def clamp(x, min=None, max=None):
    """x, but at least `min` and at most `max`; and `max` where that is less than `min`.

    The gradient goes to x where min ≤ x ≤ max, else to the bound that takes x's place.
    """
    if min is None and max is None:
        raise RuntimeError("at least one of 'min' or 'max' must not be None")
    return backend.clip(x, min, max)


@clamp.gradient("x")
def _(g, x, min, max):
    if min is not None:
        g = keep(x >= min, g)
    return g if max is None else keep(x <= max, g)


@clamp.gradient("min")
def _(g, x, min, max):
    return keep(x < min if max is None else (x < min) & (min < max), g)


@clamp.gradient("max")
def _(g, x, min, max):
    return keep(x > max if min is None else (x > max) | (max < min), g)


# ------------------------------------------------------------------------------------- exponentials and logarithms


@op(types="float")
def exp(x):
    """y = eˣ"""
    return np.exp(x)


@exp.gradient("x")
def _(g, y):
    return g * y


@op(types="float")
def expm1(x):
    """y = eˣ - 1, accurate for small x"""
    return np.expm1(x)


@expm1.gradient("x")
def _(g, y):
    return g * (y + 1)


@op(types="float")
def log(x):
    """y = ln x"""
    return np.log(x)


@log.gradient("x")
def _(g, x):
    return g / x


@op(types="float")
def log1p(x):
    """y = ln(1 + x), accurate for small x"""
    return np.log1p(x)


@log1p.gradient("x")
def _(g, x):
    return g / (x + 1)


@op(types="float")
def log2(x):
    """y = log₂ x"""
    return np.log2(x)


@log2.gradient("x")
def _(g, x):
    return g / (x * math.log(2))


@op(types="float")
def log10(x):
    """y = log₁₀ x"""
    return np.log10(x)


@log10.gradient("x")
def _(g, x):
    return g / (x * math.log(10))


@op(types="float")
def sqrt(x):
    """y = √x; the derivative at 0 is infinite."""
    return np.sqrt(x)


@sqrt.gradient("x")
def _(g, y):
    return g / (2 * y)


@op(types="float")
def rsqrt(x):
    """y = 1 / √x"""
    return 1 / np.sqrt(x)


@rsqrt.gradient("x")
def _(g, y):
    return -0.5 * g * y**3


@op(types="float")
def reciprocal(x):
    """y = 1 / x"""
    return 1 / x


@reciprocal.gradient("x")
def _(g, y):
    return -g * y * y


# ------------------------------------------------------------------------------------------ trigonometry and friends


@op(types="float")
def sin(x):
    """y = sin x"""
    return np.sin(x)


@sin.gradient("x")
def _(g, x):
    return g * cos(x)


@op(types="float")
def cos(x):
    """y = cos x"""
    return np.cos(x)


@cos.gradient("x")
def _(g, x):
    return -g * sin(x)


@op(types="float")
def tan(x):
    """y = tan x"""
    return np.tan(x)


@tan.gradient("x")
def _(g, y):
    return g * (1 + y * y)


@op(types="float")
def sinh(x):
    """y = sinh x"""
    return np.sinh(x)


@sinh.gradient("x")
def _(g, x):
    return g * cosh(x)


@op(types="float")
def cosh(x):
    """y = cosh x"""
    return np.cosh(x)


@cosh.gradient("x")
def _(g, x):
    return g * sinh(x)


@op(types="float")
def tanh(x):
    """y = tanh x"""
    return np.tanh(x)


@tanh.gradient("x")
def _(g, y):
    return g * (1 - y * y)


# Rational approximations of the error function: W. J. Cody, "Rational Chebyshev Approximations for the Error
# Function", Mathematics of Computation 23 (1969). Coefficients from the highest power down, accurate to 1e-16: of erf
# up to 0.46875, and of 1 - erf from there to 4; at 6, where 1 - erf is 2e-17, that is still enough to take it from 1.
_ERF_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# fmt: off
_ERFC = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
        1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
# fmt: on


def _ratio(x, coefficients):
    numerator, denominator = (_polynomial(x, part) for part in coefficients)
    numerator /= denominator
    return numerator


def _polynomial(x, coefficients):
    total = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        total *= x  # in place: making a new array takes as long as filling it
        total += coefficient
    return total


@op(types="float")
def erf(x):
    """y = 2/√π · ∫₀ˣ e^(-t²) dt, the error function, to the precision of x."""
    if x.dtype == "float16":
        return erf.forward(x.astype("float32")).astype("float16")  # the polynomials grow beyond what it can hold
    size = np.abs(x)
    near, far = np.minimum(size, 0.5), np.clip(size, 0.46875, 6.0)  # each formula is evaluated where it holds,
    of_near = near * _ratio(near * near, _ERF_SMALL)
    of_far = 1 - np.exp(-far * far) * _ratio(far, _ERFC)
    return np.copysign(backend.where(size <= 0.46875, of_near, of_far), x)  # and one is chosen


@erf.gradient("x")
def _(g, x):
    return g * (2 / math.sqrt(math.pi) * exp(-x * x))


# ---------------------------------------------------------------------------------------------- activation functions


@op(types="float")
def sigmoid(x):
    """y = 1 / (1 + e⁻ˣ), and eˣ / (1 + eˣ) where x < 0, so that nothing overflows and no digits are lost near 0."""
    e = np.exp(-np.abs(x))
    return np.maximum(e, x >= 0) / (1 + e)  # e is at most 1: this takes 1 where x ≥ 0, and e elsewhere


@sigmoid.gradient("x")
def _(g, y):
    return g * (y * (1 - y))


@op
def relu(x):
    """y = max(x, 0); the derivative at 0 is 0."""
    return backend.clip(x, 0, None)


@relu.gradient("x")
def _(g, y):
    return keep(y != 0, g)  # NaN too


@op(types="float")
def leaky_relu(x, *, negative_slope=0.01):
    """y = x where x > 0, else negative_slope · x; the derivative at 0 is negative_slope."""
    return backend.where(x > 0, x, x * negative_slope)


@leaky_relu.gradient("x")
def _(g, x, negative_slope):
    return where(x > 0, g, g * negative_slope)


@op(types="float")
def gelu(x, *, approximate="none"):
    """y = x · Φ(x), with Φ the normal distribution function, or its "tanh" approximation (Hendrycks, Gimpel 2016)."""
    return x * _gelu_gate(x, approximate)


@gelu.gradient("x")
def _(g, x, approximate):
    near = clamp(x, -30.0, 30.0)  # beyond, the gate is 0 or 1 to any precision, but x³ may be too large for x
    gate = _gelu_gate(near, approximate)
    if approximate == "none":
        slope = exp(-0.5 * near * near) * (1 / math.sqrt(2 * math.pi))
    else:
        slope = 2 * gate * (1 - gate) * (math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near * near))
    return g * (gate + near * slope)


def _gelu_gate(x: Any, approximate: str) -> Any:
    """Φ(x), or 1/2 + 1/2 · tanh(√(2/π) (x + 0.044715 x³))."""
    if approximate == "none":
        return 0.5 * (1 + erf(x * (1 / math.sqrt(2))))
    if approximate == "tanh":
        return 0.5 * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', but got {approximate!r}")


@op(types="float")
def silu(x):
    """y = x · sigmoid(x)"""
    return x * sigmoid(x)


@silu.gradient("x")
def _(g, x):
    s = sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


@op(types="float")
def softplus(x, *, beta=1.0, threshold=20.0):
    """y = ln(1 + e^(βx)) / β, and x itself where βx > threshold."""
    bx = x * beta
    return backend.where(bx > threshold, x, (np.maximum(bx, 0) + np.log1p(np.exp(-np.abs(bx)))) / beta)


@softplus.gradient("x")
def _(g, x, beta, threshold):
    return where(x * beta > threshold, g, g * sigmoid(x * beta))


# --------------------------------------------------------------------------------------------- signs, steps, copies


@op
def abs(x):
    """y = |x|; the derivative at 0 is 0."""
    return np.abs(x)


@abs.gradient("x")
def _(g, x):
    return g * sign(x)


@op
def sign(x):
    """-1, 0 or 1, by the sign of x; the derivative is 0."""
    return np.sign(x) if _kind(x) != "b" else x.copy()


@op
def floor(x):
    """The largest whole number ≤ x; the derivative is 0."""
    return np.floor(x)


@op
def ceil(x):
    """The smallest whole number ≥ x; the derivative is 0."""
    return np.ceil(x)


@op
def trunc(x):
    """x without its fractional part; the derivative is 0."""
    return np.trunc(x)


@op
def round(x, *, decimals=0):
    """x rounded to `decimals` decimals, halves to even; the derivative is 0."""
    return np.round(x, decimals)


@op
def zeros_like(x):
    """0 for each element of x; the derivative is 0."""
    return np.zeros_like(x)


@sign.gradient("x")
@floor.gradient("x")
@ceil.gradient("x")
@trunc.gradient("x")
@round.gradient("x")
@zeros_like.gradient("x")
@floor_divide.gradient("a", "b")
@trunc_divide.gradient("a", "b")
def _(g):
    return zeros_like(g)


@op
def cast(x, *, dtype):
    """x in another dtype."""
    return x.astype(dtype)


@cast.gradient("x")
def _(g):
    return g  # in the output's dtype: the walk casts every gradient to the dtype of what it is the gradient of


def single(x: Any) -> Any:
    """Half precision in 32 bits, in which its sums, squares and quotients are computed; anything else as it is."""
    return cast(x, dtype=backend.SINGLE) if x.dtype == backend.HALF else x


@op
def move(x, *, to, back):
    """x on the device `to`; `back` is the one it comes from."""
    return backend.move(x, to)


@move.gradient("x")
def _(g, to, back):
    return move(g, to=back, back=to)


@op
def clone(x):
    """A copy of x."""
    return x.copy()


@clone.gradient("x")
def _(g):
    return g


# ------------------------------------------------------------------- comparisons and logic: bools, with no gradient


@op
def eq(a, b):
    """a == b, element by element"""
    return a == b


@op
def ne(a, b):
    """a != b, element by element"""
    return a != b


@op
def lt(a, b):
    """a < b, element by element"""
    return a < b


@op
def le(a, b):
    """a ≤ b, element by element"""
    return a <= b


@op
def gt(a, b):
    """a > b, element by element"""
    return a > b


@op
def ge(a, b):
    """a ≥ b, element by element"""
    return a >= b


@op(types="common")
def bitwise_and(a, b):
    """a & b: "and" for bools, bit by bit for integers"""
    return a & b


@op(types="common")
def bitwise_or(a, b):
    """a | b: "or" for bools, bit by bit for integers"""
    return a | b


@op(types="common")
def bitwise_xor(a, b):
    """a ^ b: "either, not both" for bools, bit by bit for integers"""
    return a ^ b


@op
def bitwise_not(x):
    """~x: "not" for bools, bit by bit for integers"""
    return ~x


@op(types="common")
def bitwise_left_shift(a, b):
    """a << b: the bits of a moved up by b places, zeros coming in; from the number of bits on, 0"""
    _require_integers("<<", a, b)
    return np.left_shift(a, b)


@op(types="common")
def bitwise_right_shift(a, b):
    """a >> b: the bits of a moved down by b places, the sign coming in"""
    _require_integers(">>", a, b)
    return np.right_shift(a, b)


def _require_integers(sign: str, a: Any, b: Any) -> None:
    dtypes = [getattr(x, "dtype", np.dtype(type(x))) for x in (a, b)]
    if not {"i", "u"} & {dtype.kind for dtype in dtypes} or any(dtype.kind == "f" for dtype in dtypes):
        raise NotImplementedError(f"{sign} moves the bits of integers, not of {dtypes[0]} and {dtypes[1]}")


@op
def isnan(x):
    """True where x is NaN"""
    return np.isnan(x)


@op
def isfinite(x):
    """True where x is neither infinite nor NaN"""
    return np.isfinite(x)


@op
def isinf(x):
    """True where x is infinite"""
    return np.isinf(x)
