"""Names for what is known of a Tensor without computing: shape, dtype, device, and how it lies in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.autograd.changes import owner_of
from tinygrad_lite.backend import Device, DType
from tinygrad_lite.op import Traced
from tinygrad_lite.ops.shape import one_dim

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that can also tell the number of elements."""

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return int(np.prod(self, dtype=np.int64))

    def __repr__(self) -> str:
        return f"Size({list(self)})"


class Attributes(Traced):
    """Shape, dtype, device, memory."""

    @property
    def shape(self) -> Size:
        """The number of elements along each dimension."""
        return Size(self._array.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self._array.shape[one_dim(dim, self._array.ndim)]

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._array.dtype

    @property
    def device(self) -> Device:
        """Where the array lives."""
        return backend.device_of(self._array)

    @property
    def is_cuda(self) -> bool:
        """True on a GPU."""
        return self.device.type == "cuda"

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes per element."""
        return self._array.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """How many elements of memory lie between neighbours along each dimension: 0 where one is repeated."""
        strides = tuple(step // self._array.itemsize for step in self._settled().strides)
        return strides if dim is None else strides[one_dim(dim, self._array.ndim)]

    def storage(self) -> Tensor:
        """The memory behind this Tensor, of one dimension: shared by all its views, each element there once."""
        owner = owner_of(self._settled())
        with backend.beside(owner):
            return self._wrap(owner.reshape(-1))

    def is_contiguous(self) -> bool:
        """True if the elements lie in memory one after another, in row-major order."""
        return self._settled().flags.c_contiguous

    def contiguous(self) -> Tensor:
        """This Tensor if it is contiguous, else a copy that is."""
        return self if self.is_contiguous() else self.clone()

    def is_floating_point(self) -> bool:
        """True for float16, float32 and float64."""
        return self._array.dtype.kind == "f"

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order: a matrix transposed."""
        return self.permute(*range(self.ndim - 1, -1, -1))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
            )
        return self.transpose(-2, -1)
