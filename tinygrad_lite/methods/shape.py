"""Names for what moves elements without changing them, or picks some out (`ops/shape.py`, `ops/indexing.py`)."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import ops
from tinygrad_lite.autograd import same_memory
from tinygrad_lite.methods.arguments import sizes
from tinygrad_lite.methods.attributes import Size
from tinygrad_lite.methods.index import in_two_steps
from tinygrad_lite.op import Traced
from tinygrad_lite.ops.shape import Dim, one_dim

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class Shape(Traced):
    """Other shapes, other orders, parts."""

    def __getitem__(self, index: Any) -> Tensor:
        view, picked = in_two_steps(index, self._array)
        part = self if view is None else ops.getitem(self, index=view)
        return part if picked is None else ops.getitem(part, index=picked)

    def reshape(self, *dims: Any, shape: Any = None) -> Tensor:
        """The elements in another shape, one size of which may be -1: a view if possible, else a copy."""
        return ops.reshape(self, shape=sizes(dims, shape))

    def view(self, *shape: Any, size: Any = None) -> Tensor:
        """The same memory in another shape. RuntimeError where the elements' layout in memory does not allow it."""
        if len(shape) == 1 and isinstance(shape[0], np.dtype):
            raise TypeError("view takes a shape. To convert to another dtype use to(dtype)")
        result = ops.reshape(self, shape=sizes(shape, size))
        if self.numel() and not same_memory(result._array, self._array):
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across"
                " two contiguous subspaces). Use .reshape(...) instead."
            )
        return result

    def view_as(self, other: Tensor) -> Tensor:
        """The same memory in the shape of another Tensor."""
        return self.view(other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """The elements in the shape of another Tensor."""
        return self.reshape(other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """The dimensions from start_dim to end_dim as one."""
        start, end = one_dim(start_dim, self.ndim), one_dim(end_dim, self.ndim)
        if not self.ndim:
            return self.reshape(1)
        if start > end:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        shape = self._array.shape
        return self.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])

    def ravel(self) -> Tensor:
        """All elements in one dimension: a view of a contiguous Tensor, else a copy."""
        return self.contiguous().reshape(-1)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two dimensions exchanged."""
        return ops.transpose(self, dim0=dim0, dim1=dim1)

    def swapaxes(self, axis0: int, axis1: int) -> Tensor:
        """Two dimensions exchanged, under NumPy's names."""
        return ops.transpose(self, dim0=axis0, dim1=axis1)

    def t(self) -> Tensor:
        """A matrix transposed; a vector as it is."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self if self.ndim < 2 else self.transpose(0, 1)

    def permute(self, *order: Any, dims: Any = None) -> Tensor:
        """The dimensions in another order."""
        return ops.permute(self, dims=sizes(order, dims))

    def squeeze(self, dim: Dim = None) -> Tensor:
        """Without the dimensions of size 1, or without those named, where they have size 1."""
        return ops.squeeze(self, dim=dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of size 1 put in at `dim`."""
        return ops.unsqueeze(self, dim=dim)

    def expand(self, *shape: Any, size: Any = None) -> Tensor:
        """Repeated along dimensions of size 1, without a copy; -1 keeps a size."""
        return ops.expand(self, shape=sizes(shape, size))

    def expand_as(self, other: Tensor) -> Tensor:
        """Repeated to the shape of another Tensor, without a copy."""
        return self.expand(other.shape)

    broadcast_to = expand

    def repeat(self, *times: Any, repeats: Any = None) -> Tensor:
        """Copies side by side: how many, for each dimension."""
        counts = sizes(times, repeats)
        if len(counts) < self.ndim:
            raise RuntimeError(
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor:"
                f" {counts} for shape {tuple(self.shape)}"
            )
        return ops.tile(self, repeats=counts)

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces along `dim`, views: each of split_size (the last may be smaller), or of the sizes in a list."""
        d = one_dim(dim, self.ndim)
        if not self.ndim:
            raise RuntimeError("split expects at least a 1-dimensional tensor")
        total = self._array.shape[d]
        if not isinstance(split_size, tuple | list):
            step = operator.index(split_size)
            if step < 0 or (step == 0 and total):
                raise RuntimeError(f"split expects split_size be positive, but got split_size={split_size}")
            lengths = [min(step, total - start) for start in range(0, max(total, 1), step or 1)]
        else:
            lengths = [operator.index(size) for size in split_size]
            if min(lengths, default=0) < 0:
                raise RuntimeError(
                    "split_with_sizes expects split_sizes have only non-negative entries, but got"
                    f" split_sizes={lengths}"
                )
            if sum(lengths) != total:
                raise RuntimeError(
                    f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size at dimension"
                    f" {dim}), but got split_sizes={lengths}"
                )
        ends = np.cumsum(lengths).tolist()
        return tuple(self._part(d, slice(end - n, end)) for n, end in zip(lengths, ends, strict=True))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of equal size along `dim` (the last may be smaller), views."""
        if chunks <= 0:
            raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
        if not self.ndim:
            raise RuntimeError("chunk expects at least a 1-dimensional tensor")
        size = self.size(dim)
        return self.split(-(-size // chunks) if size else [0] * chunks, dim)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, each without it: views."""
        if not self.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        d = one_dim(dim, self.ndim)
        return tuple(self._part(d, i) for i in range(self._array.shape[d]))

    def select(self, dim: int, index: int) -> Tensor:
        """The slice at position `index` along `dim`, without that dimension: a view."""
        if not self.ndim:
            raise IndexError("select() cannot be applied to a 0-dim tensor.")
        return self._part(one_dim(dim, self.ndim), operator.index(index))

    def _part(self, d: int, where: int | slice) -> Tensor:
        """What stands at a position, or in a slice, along dimension d: a view."""
        return ops.getitem(self, index=(*(slice(None),) * d, where, ...))

    def movedim(self, source: Any, destination: Any) -> Tensor:
        """A dimension moved to another place, or each of several to one of as many; the others stay in their order."""
        if isinstance(source, tuple | list) != isinstance(destination, tuple | list):
            raise TypeError(f"movedim takes two ints, or two sequences of them, but got {source!r} and {destination!r}")
        several = isinstance(source, tuple | list)
        taken = [one_dim(d, self.ndim) for d in (source if several else [source])]
        places = [one_dim(d, self.ndim) for d in (destination if several else [destination])]
        if len(taken) != len(places):
            raise RuntimeError(
                f"movedim: Invalid source or destination dims: source ({source} dims) should contain the same number of"
                f" dims as destination ({destination} dims)"
            )
        for name, found, given in (("source", taken, source), ("destination", places, destination)):
            if len(set(found)) < len(found):
                raise RuntimeError(f"movedim: repeated dim in `{name}` ({given})")
        order = [d for d in range(self.ndim) if d not in taken]
        for place, d in sorted(zip(places, taken, strict=True)):
            order.insert(place, d)
        return self.permute(order[: self.ndim])

    moveaxis = movedim

    def narrow(self, dim: int, start: Any, length: int) -> Tensor:
        """`length` elements along `dim` from `start` on: a view. A negative start counts from the end."""
        if not self.ndim:
            raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
        d = one_dim(dim, self.ndim)
        size, first, length = self._array.shape[d], operator.index(start), operator.index(length)
        if length < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        if not -size <= first <= size:
            raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {first})")
        first += size if first < 0 else 0
        if first + length > size:
            raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
        return self._part(d, slice(first, first + length))

    def flip(self, *chosen: Any, dims: Any = None) -> Tensor:
        """In reverse order along each of `dims`: a copy."""
        return ops.flip(self, dim=sizes(chosen, dims))

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Moved on by `shifts` places along `dims` (None: flattened), around the end; a shift for each dimension."""
        shifts = sizes((shifts,))
        dims = () if dims is None else sizes((dims,))
        if len(shifts) != (len(dims) or 1):
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
        return ops.roll(self, shifts=shifts, dims=dims) if dims else ops.roll(self, shifts=shifts[0])

    def tril(self, diagonal: int = 0) -> Tensor:
        """The lower triangle, 0 above the diagonal."""
        return ops.tril(self, diagonal=operator.index(diagonal))

    def triu(self, diagonal: int = 0) -> Tensor:
        """The upper triangle, 0 below the diagonal."""
        return ops.triu(self, diagonal=operator.index(diagonal))

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The elements whose positions along dim1 and dim2 are equal, or offset, along a new last dimension: a view."""
        return ops.diagonal(self, offset=operator.index(offset), dim1=dim1, dim2=dim2)

    def gather(self, dim: int, index: Tensor) -> Tensor:
        """One element for each of the index, which gives its position along `dim`, counted from 0.

        A tensor without dimensions counts as a vector of one element.
        """
        if self.ndim > 1 or index.ndim > 1 or self.ndim == index.ndim == 1:
            _check_positions("gather", index, self.size(dim) if self.ndim else 1)
            return ops.gather(self, index, dim=dim)
        one_dim(dim, self.ndim)
        return self.reshape(-1).gather(0, index.reshape(-1)).reshape(index.shape)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The slices along `dim` at the positions in `index`, a vector: a copy. Positions are counted from 0."""
        if index.ndim > 1:
            raise IndexError("index_select(): Index is supposed to be a vector")
        d = one_dim(dim, self.ndim)
        _check_positions("index_select", index, self._array.shape[d] if self.ndim else 1)
        if self.ndim:
            return self[(slice(None),) * d + (index.reshape(-1),)]
        if index.numel() != 1:
            raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.numel()} value(s)")
        return self.clone()

    def dot(self, tensor: Tensor) -> Tensor:
        """Σ self · tensor, of two vectors of the same length."""
        if self.ndim != 1 or tensor.ndim != 1:
            raise RuntimeError(f"1D tensors expected, but got {self.ndim}D and {tensor.ndim}D tensors")
        return ops.matmul(self, tensor)

    def outer(self, vec2: Tensor) -> Tensor:
        """The product of each element of one vector with each of another."""
        if self.ndim != 1 or vec2.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D arguments, but got {self.ndim}-D and {vec2.ndim}-D")
        return ops.mul(self.unsqueeze(1), vec2)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices."""
        if self.ndim != 2 or mat2.ndim != 2:
            raise RuntimeError(f"mm: matrices expected, got {self.ndim}D and {mat2.ndim}D tensors")
        return ops.matmul(self, mat2)


def _check_positions(name: str, index: Tensor, size: int) -> None:
    """RuntimeError unless these are whole numbers from 0 to size - 1. NumPy would count negative ones from the end."""
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index, but got {index.dtype}")
    if index.numel() and not 0 <= index.min().item() <= index.max().item() < size:
        raise RuntimeError(
            f"{name}(): index out of range: its positions go from {index.min().item()} to {index.max().item()}, and the"
            f" dimension has size {size}"
        )
