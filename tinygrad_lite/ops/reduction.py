"""Operations that gather many elements into one: sums, means, extremes, norms; and their relatives that keep the shape.

`dim` is an int, a tuple of ints, or None for all dimensions, and negative numbers count from the end; `keepdim` leaves
each reduced dimension with size 1. The gradient of a reduction is spread back over what was reduced.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import abs, cast, exp, keep, pow, sign, single, where, zeros_like
from tinygrad_lite.ops.shape import Dim, dims, expand, flip, one_dim, pad, permute, reshape, stack


def count(shape: tuple[int, ...], dim: Dim) -> int:
    """How many elements are gathered into one when `dim` is reduced."""
    return math.prod(shape if dim is None else [shape[d] for d in dims(dim, len(shape))])


def spread(x: Any, shape: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """A reduced x, repeated over the dimensions that were reduced: back to `shape`."""
    if dim is not None and not keepdim:
        reduced = dims(dim, len(shape))
        x = reshape(x, shape=tuple(1 if d in reduced else size for d, size in enumerate(shape)))
    return expand(x, shape=shape)


# ------------------------------------------------------------------------------------------------- sums and means


@op
def sum(x, *, dim=None, keepdim=False):
    """y = Σ x over `dim`. Bools and integers are summed as int64."""
    return backend.sum(x, None if dim is None else dims(dim, x.ndim), keepdim)


@sum.gradient("x")
def _(g, shape, dim, keepdim):
    return spread(g, shape, dim, keepdim)


@op
def sum_to(x, *, shape):
    """x summed over the dimensions along which an array of `shape` was broadcast to x's shape."""
    added = x.ndim - len(shape)
    if added == 1 and x.shape[1:] == shape:
        return backend.sum(x, 0)  # the commonest case: a bias, added to every row
    if added < 0 or builtins.any(size not in (1, wide) for size, wide in zip(shape, x.shape[added:], strict=True)):
        raise backend.ShapeError(f"sum_to: shape {tuple(shape)} cannot have been broadcast to {tuple(x.shape)}")
    if added:
        x = backend.sum(x, tuple(range(added)))
    stretched = tuple(d for d, size in enumerate(shape) if size == 1 and x.shape[d] != 1)
    return backend.sum(x, stretched, True) if stretched else x


@sum_to.gradient("x")
def _(g, shape):
    return expand(g, shape=shape)


@op
def mean(x, *, dim=None, keepdim=False):
    """y = Σ x / n over `dim`, for floating dtypes."""
    _require_floating("mean", x)
    n = count(x.shape, dim) or math.nan
    if x.dtype is backend.HALF:  # the sum may be more than half precision holds, though the mean is not
        return (sum.forward(single(x), dim=dim, keepdim=keepdim) / n).astype(x.dtype)
    return sum.forward(x, dim=dim, keepdim=keepdim) / n


@mean.gradient("x")
def _(g, shape, dim, keepdim):
    return spread(single(g) / count(shape, dim), shape, dim, keepdim)


@op
def var(x, *, dim=None, correction=1, keepdim=False):
    """y = Σ (x - mean)² / (n - correction) over `dim`: unbiased by default. NaN where n ≤ correction."""
    _require_floating("var", x)
    wide = single(x)
    centred = wide - mean(wide, dim=dim, keepdim=True)
    y = sum(centred * centred, dim=dim, keepdim=keepdim) / _freedom(x.shape, dim, correction)
    return backend.cast(y, x.dtype)


@var.gradient("x")
def _(g, x, dim, correction, keepdim):
    x, scale = single(x), single(g) * (2 / _freedom(x.shape, dim, correction))
    return spread(scale, x.shape, dim, keepdim) * (x - mean(x, dim=dim, keepdim=True))


@op
def std(x, *, dim=None, correction=1, keepdim=False):
    """y = √var: unbiased by default. Where all elements are equal the gradient is 0."""
    _require_floating("std", x)
    wide = single(x)
    scale = _scale(wide, dims(dim, x.ndim))
    y = np.sqrt(var.forward(wide / scale, dim=dim, correction=correction, keepdim=keepdim))
    return backend.cast(y * scale.reshape(y.shape), x.dtype)


@std.gradient("x")
def _(g, y, x, dim, correction, keepdim):
    x, y = single(x), spread(single(y), x.shape, dim, keepdim)
    unit = (x - mean(x, dim=dim, keepdim=True)) / where(y == 0, 1.0, y)  # first: it is neither large nor small
    scale = single(g) * (1 / _freedom(x.shape, dim, correction))
    return keep(y != 0, unit * spread(scale, x.shape, dim, keepdim))


def _scale(x: Any, axes: tuple[int, ...]) -> Any:
    """The power of two next to the largest |x| over the axes: what is divided by it neither overflows nor vanishes
    when it is squared. 1 where the largest is 0, infinite or NaN.
    """
    if not x.size:
        return np.ones_like(x, shape=tuple(1 if d in axes else size for d, size in enumerate(x.shape)))
    top = backend.max(np.abs(x), axes, True)
    limit = np.finfo(x.dtype).maxexp - 2
    exponent = np.clip(np.where(np.isfinite(top), np.frexp(top)[1], 0), -limit, limit)
    return np.ldexp(np.ones_like(top), exponent)


def _freedom(shape: tuple[int, ...], dim: Dim, correction: float) -> float:
    n = count(shape, dim) - correction
    return n if n > 0 else math.nan


def _require_floating(name: str, x: Any) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be floating point, and got {x.dtype}."
            " Use float() first"
        )


@op
def cumsum(x, *, dim):
    """yᵢ = x₁ + ... + xᵢ along `dim`, an int. Bools and integers are summed as int64."""
    y = backend.cumsum(x, one_dim(dim, x.ndim))
    return y.reshape(x.shape)  # without dimensions: one element of one


@cumsum.gradient("x")
def _(g, dim):
    if not g.ndim:
        return g
    return flip(cumsum(flip(g, dim=dim), dim=dim), dim=dim)


# ------------------------------------------------------------------------------------------------------- products


@op
def prod(x, *, dim=None, keepdim=False):
    """y = Π x over `dim`. Bools and integers are multiplied as int64."""
    axes = None if dim is None else dims(dim, x.ndim)
    if x.dtype.kind != "f":
        return np.prod(x, axis=axes, dtype="int64", keepdims=keepdim)
    return backend.cast(np.prod(single(x), axis=axes, keepdims=keepdim), x.dtype)


@prod.gradient("x")
def _(g, x, dim, keepdim):
    return spread(g, x.shape, dim, keepdim) * _product_of_others(single(x), dims(dim, x.ndim))


def _product_of_others(x: Any, reduced: tuple[int, ...]) -> Any:
    """For each element, the product of the others. Nothing is divided by the element, so zeros are no exception.

    A tree of products of pairs is built upwards; on the way down each child receives its parent's outside times its
    sibling: what lies outside the parent, and what is in it besides the child.
    """
    order = tuple(d for d in range(x.ndim) if d not in reduced) + reduced
    back = tuple(order.index(d) for d in range(x.ndim))
    moved = permute(x, dims=order)
    n = count(x.shape, reduced)
    rows = math.prod(size for d, size in enumerate(x.shape) if d not in reduced)
    row = reshape(moved, shape=(rows, n))
    pairs = []
    while row.shape[1] > 1:
        if row.shape[1] % 2:
            row = pad(row, widths=(0, 1), value=1.0)
        pairs.append((row[:, 0::2], row[:, 1::2]))
        row = pairs[-1][0] * pairs[-1][1]
    outside = zeros_like(row) + 1
    for left, right in reversed(pairs):
        outside = outside[:, : left.shape[1]]  # the padding's own place is not needed
        outside = reshape(stack(outside * right, outside * left, dim=2), shape=(rows, 2 * left.shape[1]))
    outside = outside[:, :n]
    return permute(reshape(outside, shape=moved.shape), dims=back)


# ------------------------------------------------------------------------------------------------------- extremes


@op
def amax(x, *, dim=None, keepdim=False):
    """The largest element over `dim`, NaN if one is NaN. Several equally large ones share the gradient evenly."""
    return np.max(x, axis=None if dim is None else dims(dim, x.ndim), keepdims=keepdim)


@op
def amin(x, *, dim=None, keepdim=False):
    """The smallest element over `dim`, NaN if one is NaN. Several equally small ones share the gradient evenly."""
    return np.min(x, axis=None if dim is None else dims(dim, x.ndim), keepdims=keepdim)


@amax.gradient("x")
@amin.gradient("x")
def _(g, y, x, dim, keepdim):
    g, whole = single(g), spread(y, x.shape, dim, keepdim)
    chosen = (x == whole) | (whole != whole)
    number = cast(sum(chosen, dim=dim, keepdim=keepdim), dtype=g.dtype)
    return keep(chosen, spread(where(y == y, g / number, math.nan), x.shape, dim, keepdim))


@op
def argmax(x, *, dim=None, keepdim=False):
    """The position of the largest element along `dim`, the first of several: int64, with no gradient."""
    d = None if dim is None else one_dim(dim, x.ndim)
    return np.argmax(x, axis=d if x.ndim else None, keepdims=keepdim)


@op
def argmin(x, *, dim=None, keepdim=False):
    """The position of the smallest element along `dim`, the first of several: int64, with no gradient."""
    d = None if dim is None else one_dim(dim, x.ndim)
    return np.argmin(x, axis=d if x.ndim else None, keepdims=keepdim)


@op
def argsort(x, *, dim=-1, descending=False):
    """The positions that sort x along `dim`, equal elements in their order, NaN as the largest: int64, no gradient."""
    d = one_dim(dim, x.ndim)
    if not x.ndim:
        return np.zeros_like(x, dtype="int64")
    if not descending:
        return np.argsort(x, axis=d, kind="stable")
    # Sort the reverse, and reverse the result: -x would not do, since uint8, bool and the least int64 have no negative.
    # Equal elements, reversed twice, are in their order again.
    backwards = np.argsort(np.flip(x, d), axis=d, kind="stable")
    return x.shape[d] - 1 - np.flip(backwards, d)


@op
def any(x, *, dim=None, keepdim=False):
    """True where some element over `dim` is not 0."""
    return np.any(x, axis=None if dim is None else dims(dim, x.ndim), keepdims=keepdim)


@op
def all(x, *, dim=None, keepdim=False):
    """True where no element over `dim` is 0."""
    return np.all(x, axis=None if dim is None else dims(dim, x.ndim), keepdims=keepdim)


# ------------------------------------------------------------------------------------------------ norms and softmax


@op(types="float")
def norm(x, *, p=2.0, dim=None, keepdim=False):
    """y = (Σ |x|ᵖ)^(1/p) over `dim`, for a p other than ±∞; for 0, how many are not 0. The gradient is 0 where y is."""
    wide, axes = single(x), dims(dim, x.ndim)
    if p == 0:
        return backend.cast(backend.sum((x != 0).astype(wide.dtype), axes, keepdim), x.dtype)
    if p == 2:
        with np.errstate(over="ignore", under="ignore"):
            y = np.sqrt(backend.sum(wide * wide, axes, keepdim))
        limits = np.finfo(wide.dtype)
        if ((y > math.sqrt(limits.tiny / limits.eps)) & (y < math.inf)).all():
            return backend.cast(y, x.dtype)  # no square was too large or too small
    scale = _scale(wide, axes)
    y = backend.sum(np.abs(wide / scale) ** p, axes, keepdim) ** (1 / p)
    return backend.cast(y * scale.reshape(y.shape), x.dtype)


@norm.gradient("x")
def _(g, y, x, dim, keepdim, p):
    if p == 0:
        return zeros_like(x)
    x, y = single(x), spread(single(y), x.shape, dim, keepdim)
    unit = x / where(y == 0, 1.0, y)
    if p != 2:
        size = abs(unit)
        unit = sign(unit) * pow(where(size == 0, 1.0, size), p - 1)
    return keep(y != 0, spread(g, x.shape, dim, keepdim) * unit)


@op(types="float")
def logsumexp(x, *, dim, keepdim=False):
    """y = ln Σ eˣ over `dim`. The largest element is taken out first, so that nothing overflows."""
    wide, axes = single(x), dims(dim, x.ndim)
    top = _largest(wide, axes)
    top = np.where(np.isfinite(top), top, 0) if x.size else top
    with np.errstate(divide="ignore"):  # of nothing, or of e^-∞ alone: ln 0 = -∞
        y = np.log(backend.sum(np.exp(wide - top), axes, True)) + top
    y = y if keepdim else y.reshape(tuple(size for d, size in enumerate(x.shape) if d not in axes))
    return backend.cast(y, x.dtype)


@logsumexp.gradient("x")
def _(g, y, x, dim, keepdim):
    if x.dtype == backend.HALF:  # a rounded exponent would be far off
        x = single(x)
        y = logsumexp(x, dim=dim, keepdim=keepdim)
    return spread(g, x.shape, dim, keepdim) * exp(x - spread(y, x.shape, dim, keepdim))


def _largest(x: Any, axes: tuple[int, ...]) -> Any:
    """The largest element over the axes, to be taken out so that nothing overflows; 0 if there are no elements."""
    return backend.max(x, axes, True) if x.size else 0


@op(types="float")
def softmax(x, *, dim):
    """y = eˣ / Σ eˣ along `dim`, an int."""
    if not x.ndim:
        return softmax.forward(x.reshape(1), dim=dim).reshape(())
    axes = (one_dim(dim, x.ndim),)
    y = single(x) - _largest(x, axes)  # the only array made here: a new one for each step would cost more than the step
    np.exp(y, out=y)
    y /= backend.sum(y, axes, True)
    return backend.cast(y, x.dtype)


@softmax.gradient("x")
def _(g, y, dim):
    return y * (g - sum(g * y, dim=dim, keepdim=True))


@op(types="float")
def log_softmax(x, *, dim):
    """y = x - ln Σ eˣ along `dim`, an int: the logarithm of softmax, without underflow."""
    if not x.ndim:
        return log_softmax.forward(x.reshape(1), dim=dim).reshape(())
    axes = (one_dim(dim, x.ndim),)
    y = single(x) - _largest(x, axes)
    y -= np.log(backend.sum(np.exp(y), axes, True))
    return backend.cast(y, x.dtype)


@log_softmax.gradient("x")
def _(g, y, dim):
    return g - exp(y) * sum(g, dim=dim, keepdim=True)
