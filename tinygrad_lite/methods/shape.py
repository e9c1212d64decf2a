"""Names for what moves elements without changing them, or picks some out (`ops/shape.py`, `ops/indexing.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.autograd import same_memory
from tinygrad_lite.methods.arguments import one_dim, sizes
from tinygrad_lite.methods.attributes import Size
from tinygrad_lite.methods.index import in_two_steps
from tinygrad_lite.op import Traced
from tinygrad_lite.ops.shape import Dim

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class Shape(Traced):
    """Other shapes, other orders, parts."""

    def __getitem__(self, index: Any) -> Tensor:
        view, picked = in_two_steps(index, self._array)
        part = self if view is None else ops.getitem(self, index=view)
        return part if picked is None else ops.getitem(part, index=picked)

    def reshape(self, *shape: Any) -> Tensor:
        """The elements in another shape, one size of which may be -1: a view if possible, else a copy."""
        return ops.reshape(self, shape=sizes(shape))

    def view(self, *shape: Any) -> Tensor:
        """The same memory in another shape. RuntimeError where the elements do not lie as that needs."""
        if len(shape) == 1 and isinstance(shape[0], np.dtype):
            raise TypeError("view takes a shape. To convert to another dtype use to(dtype)")
        result = self.reshape(*shape)
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
        if not self.ndim:
            return self.reshape(1)
        start, end = one_dim(start_dim, self.ndim), one_dim(end_dim, self.ndim)
        if start > end:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        shape = self._array.shape
        return self.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])

    def ravel(self) -> Tensor:
        """All elements in one dimension."""
        return self.reshape(-1)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two dimensions exchanged."""
        return ops.transpose(self, dim0=dim0, dim1=dim1)

    swapaxes = transpose

    def t(self) -> Tensor:
        """A matrix transposed; a vector as it is."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self if self.ndim < 2 else self.transpose(0, 1)

    def permute(self, *dims: Any) -> Tensor:
        """The dimensions in another order."""
        return ops.permute(self, dims=sizes(dims))

    def squeeze(self, dim: Dim = None) -> Tensor:
        """Without the dimensions of size 1, or without those named, where they have size 1."""
        return ops.squeeze(self, dim=dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of size 1 put in at `dim`."""
        return ops.unsqueeze(self, dim=dim)

    def expand(self, *shape: Any) -> Tensor:
        """Repeated along dimensions of size 1, without a copy; -1 keeps a size."""
        return ops.expand(self, shape=sizes(shape))

    def expand_as(self, other: Tensor) -> Tensor:
        """Repeated to the shape of another Tensor, without a copy."""
        return self.expand(other.shape)

    broadcast_to = expand

    def repeat(self, *repeats: Any) -> Tensor:
        """Copies side by side, so many along each dimension."""
        counts = sizes(repeats)
        if len(counts) < self.ndim:
            raise RuntimeError(
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor:"
                f" {counts} for shape {tuple(self.shape)}"
            )
        return ops.tile(self, repeats=counts)

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Pieces along `dim`, views: each of split_size (the last may be smaller), or of the sizes in a list."""
        d = one_dim(dim, self.ndim)
        total = self._array.shape[d]
        if isinstance(split_size, int):
            if split_size <= 0:
                raise RuntimeError(f"split expects split_size be positive, but got split_size={split_size}")
            starts = range(0, max(total, 1), split_size)
            lengths = [min(split_size, total - start) for start in starts]
        else:
            lengths = list(split_size)
            if sum(lengths) != total:
                raise RuntimeError(
                    f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size at dimension"
                    f" {dim}), but got split_sizes={lengths}"
                )
        ends = np.cumsum(lengths).tolist()
        before = (slice(None),) * d
        return tuple(self[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of equal size along `dim` (the last may be smaller), views."""
        if chunks <= 0:
            raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
        return self.split(max(-(-self.size(dim) // chunks), 1), dim)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, each without it: views."""
        return tuple(self.transpose(0, dim)) if dim == 0 else tuple(self.movedim(dim, 0))

    def movedim(self, source: int, destination: int) -> Tensor:
        """One dimension moved to another place, the others in their order."""
        order = [d for d in range(self.ndim) if d != one_dim(source, self.ndim)]
        order.insert(one_dim(destination, self.ndim), one_dim(source, self.ndim))
        return self.permute(*order)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """`length` elements along `dim` from `start` on: a view."""
        return self[(slice(None),) * one_dim(dim, self.ndim) + (slice(start, start + length),)]

    def flip(self, *dims: Any) -> Tensor:
        """In reverse order along each of `dims`. A view, where PyTorch copies."""
        return ops.flip(self, dims=sizes(dims))

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Moved on by `shifts` places along `dims` (None: flattened), around the end."""
        return ops.roll(self, shifts=shifts, dims=dims)

    def tril(self, diagonal: int = 0) -> Tensor:
        """The lower triangle, 0 above the diagonal."""
        return ops.tril(self, diagonal=diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        """The upper triangle, 0 below the diagonal."""
        return ops.triu(self, diagonal=diagonal)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The elements whose positions along dim1 and dim2 are equal (but for the offset), as a last dimension."""
        rows, columns = self.size(dim1), self.size(dim2)
        first, second = one_dim(dim1, self.ndim), one_dim(dim2, self.ndim)
        order = [d for d in range(self.ndim) if d not in (first, second)]
        length = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
        along = self._wrap(backend.create("arange", length, dtype="int64", where=self.device))
        moved = self.permute(*order, first, second)
        return moved[..., along + max(-offset, 0), along + max(offset, 0)]

    def gather(self, dim: int, index: Tensor) -> Tensor:
        """One element for each of the index, which names its position along `dim`."""
        return ops.gather(self, index, dim=dim)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The slices along `dim` at the positions in `index`, of one dimension."""
        if index.ndim > 1:
            raise IndexError("index_select(): Index is supposed to be a vector")
        return self[(slice(None),) * one_dim(dim, self.ndim) + (index,)]

    def dot(self, other: Tensor) -> Tensor:
        """Σ self · other, of two vectors of the same length."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"1D tensors expected, but got {self.ndim}D and {other.ndim}D tensors")
        return ops.matmul(self, other)

    def outer(self, other: Tensor) -> Tensor:
        """The product of each element of one vector with each of another."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D arguments, but got {self.ndim}-D and {other.ndim}-D")
        return ops.mul(self.unsqueeze(1), other)

    def mm(self, other: Tensor) -> Tensor:
        """The product of two matrices."""
        if self.ndim != 2 or other.ndim != 2:
            raise RuntimeError(f"mm: matrices expected, got {self.ndim}D and {other.ndim}D tensors")
        return ops.matmul(self, other)
