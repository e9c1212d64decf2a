"""Operations that move elements without changing them: reshaping, reordering, repeating, joining, cutting.

The gradient of a move is the opposite move. Where several outputs come from one input (a repeated element) their
gradients add up; where an output comes from no input (padding, what `tril` cuts away) its gradient goes nowhere.

Those marked `view=True` share memory with their input where the library's own function does.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op

Dim = int | tuple[int, ...] | None


def dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dimensions that `dim` names, each from 0 to ndim - 1. IndexError for one out of range or named twice."""
    if dim.__class__ is int and 0 <= dim < ndim:
        return (dim,)  # the commonest case
    if dim is None:
        return tuple(range(ndim))
    span = ndim or 1  # as PyTorch, a tensor without dimensions answers to dim 0 and -1
    found = []
    for d in dim if isinstance(dim, tuple | list) else (dim,):
        if d.__class__ is not int:
            d = _an_int(d)
        if not -span <= d < span:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {d})")
        found.append(d % span)
    if len(set(found)) < len(found):
        raise RuntimeError(f"dim {tuple(found)} appears multiple times in the list of dims")
    return tuple(found) if ndim else ()


def one_dim(dim: Any, ndim: int) -> int:
    """The dimension that `dim` names, from 0 to ndim - 1 (without dimensions 0). TypeError unless it is an int."""
    if dim.__class__ is int and 0 <= dim < ndim:
        return dim
    return dims(_an_int(dim), ndim or 1)[0]


def _an_int(dim: Any) -> int:
    if not isinstance(dim, bool) and hasattr(dim, "__index__"):
        return operator.index(dim)
    raise TypeError(f"a dimension must be an int, not {type(dim).__name__} ({dim!r})")


# ------------------------------------------------------------------------------------------- the same elements anew


@op(view=True)
def reshape(x, *, shape):
    """The elements of x in another shape, in row-major order; one size may be -1."""
    try:
        if shape and min(shape) < -1:
            raise ValueError("NumPy takes every negative size for -1")
        return x.reshape(shape)
    except ValueError as error:
        raise backend.ShapeError(f"shape '{list(shape)}' is invalid for input of size {x.size}") from error


@reshape.gradient("x")
def _(g, shape):
    return reshape(g, shape=shape)


@op(view=True)
def transpose(x, *, dim0, dim1):
    """x with two dimensions exchanged."""
    first, second = one_dim(dim0, x.ndim), one_dim(dim1, x.ndim)
    return x.swapaxes(first, second) if x.ndim else x


@transpose.gradient("x")
def _(g, dim0, dim1):
    return transpose(g, dim0=dim0, dim1=dim1)


@op(view=True)
def swap_last(x):
    """A matrix, or a stack of matrices, transposed."""
    return x.swapaxes(-2, -1)


@swap_last.gradient("x")
def _(g):
    return swap_last(g)


@op(view=True)
def permute(x, *, dims):
    """x with its dimensions in the order of `dims`."""
    if sorted(d % max(x.ndim, 1) for d in dims) != list(range(x.ndim)):
        raise backend.ShapeError(f"permute: dims {tuple(dims)} must name each of the {x.ndim} dimensions once")
    return x.transpose(dims)


@permute.gradient("x")
def _(g, dims):
    inverse = [0] * len(dims)
    for position, d in enumerate(dims):
        inverse[d % len(dims)] = position
    return permute(g, dims=tuple(inverse))


@op(view=True)
def squeeze(x, *, dim=None):
    """x without its dimensions of size 1: all of them, or those that `dim` names."""
    chosen = dims(dim, x.ndim)
    return x.reshape(tuple(size for d, size in enumerate(x.shape) if d not in chosen or size != 1))


@op(view=True)
def unsqueeze(x, *, dim):
    """x with a dimension of size 1 put in at `dim`, counted in the result."""
    d = one_dim(dim, x.ndim + 1)
    return x.reshape((*x.shape[:d], 1, *x.shape[d:]))


@squeeze.gradient("x")
@unsqueeze.gradient("x")
def _(g, shape):
    return reshape(g, shape=shape)


# ------------------------------------------------------------------------------------------------------- repeating


@op(view=True)
def expand(x, *, shape):
    """x repeated to a broadcast shape, without a copy; -1 keeps a size."""
    if x.ndim == 0 and -1 not in shape:
        return backend.expand(x, shape) if math.prod(shape) != 1 else x.reshape(shape)
    added = len(shape) - x.ndim
    sizes = tuple(x.shape[d - added] if size == -1 and d >= added else size for d, size in enumerate(shape))
    if added < 0 or not all(old in (1, new) for old, new in zip(x.shape, sizes[max(added, 0) :], strict=False)):
        raise backend.ShapeError(
            f"The expanded size of the tensor {tuple(shape)} must match the existing size {tuple(x.shape)} at"
            " non-singleton dimensions: only dimensions of size 1, or new ones on the left, can be expanded"
        )
    if math.prod(sizes) == x.size:
        return x.reshape(sizes)  # nothing is repeated, so that this view can be written too
    return backend.expand(x, sizes)


@expand.gradient("x")
def _(g):
    return g  # the walk sums it back to the shape of x


@op
def tile(x, *, repeats):
    """x laid side by side `repeats[d]` times along each dimension d."""
    return np.tile(x, repeats)


@tile.gradient("x")
def _(g, shape, repeats):
    sizes = (1,) * (len(repeats) - len(shape)) + tuple(shape)
    blocks = reshape(g, shape=tuple(n for pair in zip(repeats, sizes, strict=True) for n in pair))
    for d in reversed(range(len(repeats))):
        blocks = blocks.sum(2 * d)
    return reshape(blocks, shape=shape)


# ----------------------------------------------------------------------------------------------- joining and cutting


@op(types="common")
def cat(*tensors, dim=0):
    """The tensors joined along `dim`; their other sizes agree. One of shape (0,) may stand beside any."""
    joined = [x for x in tensors if x.shape != (0,)] or tensors
    y = np.concatenate(joined, axis=one_dim(dim, joined[0].ndim))
    return backend.cast(y, backend.result_type(*tensors))


@cat.gradient("tensors")
def _(g, dim, index, shapes):
    d = one_dim(dim, g.ndim)
    sizes = [0 if shape == (0,) else shape[d] for shape in shapes]
    start = sum(sizes[:index])
    part = g[(slice(None),) * d + (slice(start, start + sizes[index]),)]
    return part if sizes[index] else reshape(part, shape=shapes[index])


@op(types="common")
def stack(*tensors, dim=0):
    """Tensors of one shape joined along a new dimension, which stands at `dim` in the result."""
    return np.stack(tensors, axis=one_dim(dim, tensors[0].ndim + 1))


@stack.gradient("tensors")
def _(g, dim, index):
    return g[(slice(None),) * one_dim(dim, g.ndim) + (index,)]


@op
def pad(x, *, widths, value=0.0):
    """x with a margin of `value`. `widths` is (left, right) of the last dimension, then of the one before, and so on.

    A negative width cuts off instead: so the gradient of a padding is the padding with the opposite widths.
    """
    pairs = [(0, 0)] * x.ndim
    for d, pair in enumerate(zip(widths[0::2], widths[1::2], strict=True)):
        pairs[x.ndim - 1 - d] = pair
    shape = tuple(size + left + right for size, (left, right) in zip(x.shape, pairs, strict=True))
    if min(shape, default=0) < 0:
        raise backend.ShapeError(f"pad: the widths {tuple(widths)} cut more than there is of shape {tuple(x.shape)}")
    y = np.full_like(x, value, shape=shape)
    inside = tuple(slice(max(left, 0), size - max(right, 0)) for size, (left, right) in zip(shape, pairs, strict=True))
    kept = tuple(
        slice(max(-left, 0), size - max(-right, 0)) for size, (left, right) in zip(x.shape, pairs, strict=True)
    )
    y[inside] = x[kept]
    return y


@pad.gradient("x")
def _(g, widths):
    return pad(g, widths=tuple(-width for width in widths))


@op
def flip(x, *, dim):
    """x with the order of its elements reversed along each dimension that `dim` names: a copy."""
    return np.flip(x, dims(dim, x.ndim)).copy()


@flip.gradient("x")
def _(g, dim):
    return flip(g, dim=dim)


@op
def roll(x, *, shifts, dims=None):
    """x moved on by `shifts` places along `dims`, what falls off the end coming in at the start; None: flattened."""
    return np.roll(x, shifts, dims)


@roll.gradient("x")
def _(g, shifts, dims):
    back = tuple(-n for n in shifts) if isinstance(shifts, tuple | list) else -shifts
    return roll(g, shifts=back, dims=dims)


@op
def tril(x, *, diagonal=0):
    """The lower triangle of a matrix, or of each of a stack, up to the given diagonal; 0 elsewhere."""
    return np.tril(x, diagonal)


@tril.gradient("x")
def _(g, diagonal):
    return tril(g, diagonal=diagonal)


@op
def triu(x, *, diagonal=0):
    """The upper triangle of a matrix, or of each of a stack, from the given diagonal; 0 elsewhere."""
    return np.triu(x, diagonal)


@triu.gradient("x")
def _(g, diagonal):
    return triu(g, diagonal=diagonal)


@op(view=True)
def diagonal(x, *, offset=0, dim1=0, dim2=1):
    """The elements whose positions along dim1 and dim2 are equal, but for the offset, along a new last dimension."""
    first, second = one_dim(dim1, x.ndim), one_dim(dim2, x.ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return backend.diagonal(x, offset, first, second)


@diagonal.gradient("x")
def _(g, shape, offset, dim1, dim2):
    return diagonal_put(g, shape=shape, offset=offset, dim1=dim1, dim2=dim2)


@op
def diagonal_put(x, *, shape, offset, dim1, dim2):
    """An array of zeros of `shape` with x on its diagonal."""
    y = np.zeros_like(x, shape=shape)
    diagonal(y, offset=offset, dim1=dim1, dim2=dim2)[...] = x
    return y


@diagonal_put.gradient("x")
def _(g, offset, dim1, dim2):
    return diagonal(g, offset=offset, dim1=dim1, dim2=dim2)
