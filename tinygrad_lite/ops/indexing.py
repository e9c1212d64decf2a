"""Operations that pick elements out by their positions, or put them there.

Reading and adding-back are each other's gradient: `getitem` and `index_put`, `gather` and `scatter_add`. An element
that is read twice receives the sum of both gradients.

An index is what NumPy takes, in the two forms that Tensors use (`methods/index.py`): a tuple of ints, slices, None
and an Ellipsis, or one of index arrays, masks and full slices. NumPy reads these as PyTorch does, but not an int and an
index array together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import keep
from tinygrad_lite.ops.shape import one_dim, reshape


@op(view=True)
def getitem(x, *, index):
    """y = x[index]: a view for ints and slices, as in NumPy, a copy for index arrays."""
    return x[index]


@getitem.gradient("x")
def _(g, shape, index, into):
    if into is None:
        return index_put(g, index=index, shape=shape)
    _add(into, index, g)
    return into


@op
def index_put(x, *, index, shape):
    """An array of zeros of `shape` in which x has been added at `index`; repeated positions add up."""
    y = np.zeros_like(x, shape=shape)
    _add(y, index, x)
    return y


def _add(x: Array, index: Any, value: Array) -> None:
    """x[index] += value in place; repeated positions add up."""
    if has_arrays(index):
        backend.add_at(x, index, value)
    else:
        x[index] += value


@index_put.gradient("x")
def _(g, index):
    return getitem(g, index=index)


@op
def setitem(x, value, *, index):
    """x with x[index] replaced by the value, broadcast to fit. Of repeated positions the last one counts."""
    y = x.copy()
    y[index] = value
    return y


@setitem.gradient("x")
def _(g, index):
    return setitem(g, 0.0, index=index)


@setitem.gradient("value")
def _(g, shape, index):
    written = getitem(g, index=index)
    if has_arrays(index):
        written = keep(_written_last(index, tuple(g.shape)), written)
    added = len(shape) - written.ndim  # NumPy takes a value with more dimensions, if the first of them are 1
    return reshape(written, shape=(*[1] * added, *written.shape)) if added > 0 else written


def has_arrays(index: Any) -> bool:
    """True if an index holds arrays, so that NumPy's "advanced" indexing copies."""
    return any(backend.is_array(part) for part in (index if isinstance(index, tuple) else (index,)))


def _written_last(index: Any, shape: tuple[int, ...]) -> Array:
    """For each value assigned by an index array: True if it stays, False if a later one goes to the same position."""
    parts = index if isinstance(index, tuple) else (index,)
    xp = backend.namespace(next(part for part in parts if backend.is_array(part)))
    marks = xp.zeros(shape, dtype="int64")
    order = xp.arange(marks[index].size).reshape(marks[index].shape)
    marks[index] = order
    return marks[index] == order


@op
def write_view(x, value, *, view):
    """x with the part that a chain of view operations picks out replaced by the value.

    view: the chain, a tuple of (operation, settings), which turns x into the part.
    """
    y = x.copy()
    follow(y, view)[...] = value
    return y


@write_view.gradient("x")
def _(g, view):
    return write_view(g, 0.0, view=view)


@write_view.gradient("value")
def _(g, view):
    return follow(g, view)


def follow(x: Any, view: tuple[tuple[Any, dict[str, Any]], ...]) -> Any:
    """x through a chain of view operations."""
    for operation, settings in view:
        x = operation(x, **settings)
    return x


@op
def gather(x, index, *, dim):
    """y[i][j][k] = x[index[i][j][k]][j][k] for dim 0, and so on: one element of x for each element of the index."""
    return x[_positions(x.shape, index, one_dim(dim, x.ndim))]


@gather.gradient("x")
def _(g, index, shape, dim):
    return scatter_add(g, index, dim=dim, shape=shape)


@op
def scatter_add(x, index, *, dim, shape):
    """Zeros of `shape`, in which each element of x has been added where `gather` would have read it."""
    y = np.zeros_like(x, shape=shape)
    backend.add_at(y, _positions(shape, index, one_dim(dim, len(shape))), x)
    return y


@scatter_add.gradient("x")
def _(g, index, dim):
    return gather(g, index, dim=dim)


def _positions(shape: tuple[int, ...], index: Array, dim: int) -> tuple[Array, ...]:
    """An index array for each dimension: the given one along `dim`, the element's own place along the others."""
    if index.dtype not in ("int64", "int32"):
        raise RuntimeError(f"gather(): Expected dtype int64 for index, but got {index.dtype}")
    fits = index.ndim == len(shape) and all(
        d == dim or chosen <= size for d, (chosen, size) in enumerate(zip(index.shape, shape, strict=True))
    )
    if not fits:
        raise backend.ShapeError(
            f"gather: Size does not match at some dimension: index {index.shape}, input {tuple(shape)}, dim {dim}. The"
            " index has as many dimensions as the input, and no larger size apart from dim"
        )
    xp = backend.namespace(index)
    places = []
    for d, size in enumerate(index.shape):
        along = tuple(size if other == d else 1 for other in range(index.ndim))
        places.append(index if d == dim else xp.arange(size).reshape(along))
    return tuple(places)
