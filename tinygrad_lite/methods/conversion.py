"""Names for what leads out of a Tensor: to Python, to NumPy, to another dtype or device."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import Device
from tinygrad_lite.methods.arguments import sizes, without_tensors
from tinygrad_lite.op import Traced

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class Conversion(Traced):
    """Python numbers, NumPy arrays, and Tensors of another dtype or on another device."""

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
        return self._array.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a Tensor without dimensions."""
        return backend.to_numpy(self._array).tolist()

    def numpy(self, *, force: builtins.bool = False) -> np.ndarray:
        """The NumPy array itself, sharing memory. For a CPU Tensor that requires no gradient.

        force: for any other, give what detach().cpu() gives.
        """
        if force:
            return self.detach().cpu().numpy()
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not isinstance(self._array, np.ndarray):
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host"
                " memory first."
            )
        return self._settled()

    def __dlpack__(self, **settings: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._settled().__dlpack__(**settings)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def __bool__(self) -> builtins.bool:
        if self._array.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'no' if not self._array.size else 'more than one'} values is ambiguous."
                " Use any() or all()"
            )
        return builtins.bool(self._array.item())

    def __float__(self) -> builtins.float:
        return builtins.float(self.item())

    def __int__(self) -> builtins.int:
        return builtins.int(self.item())

    def __index__(self) -> builtins.int:
        if self._array.size != 1 or self._array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return builtins.int(self._array.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self._array.ndim else object.__format__(self, spec)

    def __len__(self) -> builtins.int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._array)))

    def __contains__(self, value: Any) -> builtins.bool:
        if not isinstance(value, Traced | builtins.int | builtins.float | np.number):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value).__name__}"
            )
        return builtins.bool((self == value).any())

    # ------------------------------------------------------------------------------------- copies, dtypes, devices

    def __copy__(self) -> Tensor:
        """Another Tensor with the same memory. For a computed one it is a view, with its history."""
        if not self.is_leaf:
            return self[...]
        self._settled()
        parts: Any = self.__reduce__()
        rebuild, state = parts
        return rebuild(*state)

    def clone(self) -> Tensor:
        """A copy, through which gradients flow."""
        return ops.clone(self)

    def to(self, *where: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """This Tensor in a dtype, on a device, or like another Tensor; itself if nothing changes."""
        for target in where:
            if isinstance(target, Traced):
                dtype, device = target.dtype, target.device
            elif isinstance(target, Device) or (
                isinstance(target, str) and target.partition(":")[0] in backend.LIBRARIES
            ):
                device = target
            else:
                dtype = target
        result = self
        if dtype is not None and np.dtype(dtype) != self._array.dtype:
            result = ops.cast(result, dtype=backend.as_dtype(dtype))
        if device is not None and Device(device) != self.device:
            result = ops.move(result, to=Device(device), back=self.device)
        return result

    def cpu(self) -> Tensor:
        """On the CPU."""
        return self.to(backend.CPU)

    def cuda(self, index: builtins.int | None = None) -> Tensor:
        """On a GPU."""
        return self.to(Device("cuda", index))

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(np.float16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(np.int32)

    def bool(self) -> Tensor:
        """As bool: True where not 0."""
        return self.to(np.bool_)

    def type(self, dtype: Any = None) -> Any:
        """The name of the kind of tensor, as "tinygrad_lite.FloatTensor"; or the tensor in another dtype."""
        if dtype is not None:
            return self.to(dtype)
        place = ".cuda" if self.is_cuda else ""
        return f"tinygrad_lite{place}.{_TYPE_NAMES.get(self.dtype.name, self.dtype.name.capitalize())}Tensor"

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another Tensor."""
        return self.to(other.dtype)

    def new_tensor(
        self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
    ) -> Tensor:
        """A new leaf holding `data`, of this dtype and on this device unless others are named."""
        made = self._wrap(backend.as_array(without_tensors(data), dtype or self.dtype, device or self.device))
        return made.requires_grad_(requires_grad)

    def new_zeros(
        self, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
    ) -> Tensor:
        """Zeros, of this dtype and on this device unless others are named."""
        return self._new("zeros", sizes(shape, size), dtype, device, requires_grad)

    def new_ones(
        self, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
    ) -> Tensor:
        """Ones, of this dtype and on this device unless others are named."""
        return self._new("ones", sizes(shape, size), dtype, device, requires_grad)

    def _new(
        self, name: str, shape: tuple[builtins.int, ...], dtype: Any, device: Any, requires_grad: builtins.bool
    ) -> Tensor:
        made = self._wrap(backend.create(name, shape, dtype=dtype or self.dtype, where=device or self.device))
        return made.requires_grad_(requires_grad)


_TYPE_NAMES = {
    "float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool", "uint8": "Byte", "int8": "Char",
    "int16": "Short", "int32": "Int", "int64": "Long",
}  # fmt: skip
