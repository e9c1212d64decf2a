"""Making Tensors: from data, filled with a number, in steps, or at random.

Sizes are given one by one or as one tuple. `dtype` defaults to the default floating dtype (float32), `device` to the
default device, and a result with `requires_grad=True` is a leaf whose gradient `backward()` will fill in.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Generator
from tinygrad_lite.methods.arguments import all_ints, sizes, without_tensors
from tinygrad_lite.tensor import Tensor


def _leaf(array: Any, requires_grad: bool) -> Tensor:
    made = Tensor._wrap(array)
    if requires_grad:
        made.requires_grad = True
    return made


def _check_held(name: str, dtype: Any, *numbers: Any) -> None:
    """RuntimeError if an integer dtype cannot hold one of the numbers. Cast, it would be a different one."""
    dtype = backend.as_dtype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        for number in numbers:
            if not limits.min <= number <= limits.max:
                raise RuntimeError(
                    f"{name}: {number} cannot be converted to {dtype} without overflow: it holds {limits.min} to"
                    f" {limits.max}"
                )


def tensor(
    *values: Any, data: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A new Tensor holding a copy of `data`: a number, nested sequences, an array, or several numbers.

    device: by default that of a Tensor, or of a CuPy array; for all else the default device.

    Python floats become float32, ints int64, bools bool; arrays keep their dtype. `tensor(3., 2)` is
    `tensor([3., 2])`. TypeError for what is not a number, ShapeError for rows of different lengths, RuntimeError for a
    dtype that cannot require gradients.
    """
    if data is not None:
        values = (*values, data)
    if not values:
        raise TypeError("tensor() needs data: a number, a sequence or an array")
    data = values[0] if len(values) == 1 else values
    if device is None and isinstance(data, Tensor):
        device = data.device
    return _leaf(backend.as_array(without_tensors(data), dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory with a Tensor or an array where dtype and device allow it."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if backend.is_array(data) and backend.as_dtype(data.dtype) == data.dtype:
        if isinstance(data, np.ndarray):
            data, device = data.view(np.ndarray), backend.get_default_device() if device is None else device
        return Tensor._wrap(data).to(dtype, device=device)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(array: np.ndarray) -> Tensor:
    """A Tensor that shares memory with a NumPy array: a change of one shows in the other.

    A change through the array is not seen by the walk back: make it before the Tensor is used, or use `tensor(array)`.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    if backend.as_dtype(array.dtype) != array.dtype:
        raise ValueError(f"an array of dtype {array.dtype} has its bytes in another order: use tensor(array), a copy")
    return Tensor._wrap(array.view(np.ndarray))


def from_dlpack(source: Any) -> Tensor:
    """A Tensor that shares memory with an array of another library, handed over by DLPack."""
    kind, index = source.__dlpack_device__()  # kind 1: the CPU's memory, 2: CUDA's
    with backend.on(backend.Device("cuda", index) if kind == 2 else "cpu") as xp:
        return Tensor._wrap(xp.from_dlpack(source))


def zeros(*shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All elements 0."""
    return _leaf(backend.create("zeros", sizes(shape, size), dtype=dtype, where=device), requires_grad)


def ones(*shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All elements 1."""
    return _leaf(backend.create("ones", sizes(shape, size), dtype=dtype, where=device), requires_grad)


def empty(*shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory: whatever was there."""
    return _leaf(backend.create("empty", sizes(shape, size), dtype=dtype, where=device), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All elements `fill_value`, whose type decides the dtype."""
    value = fill_value.item() if isinstance(fill_value, Tensor | np.generic) else fill_value
    dtype = backend.dtype_of_number(value) if dtype is None else dtype
    _check_held("full", dtype, value)
    shape = sizes((size,)) if not isinstance(size, int) else (size,)
    return _leaf(backend.create("full", shape, value, dtype=dtype, where=device), requires_grad)


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... below `end`; `arange(n)` is 0, ..., n - 1. int64 if all three are integers.

    If an integer dtype is asked for, floats are truncated. RuntimeError if it cannot hold them.
    """
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    if end is None:
        raise TypeError("arange() needs an end")
    start, end, step = (x.item() if isinstance(x, Tensor | np.generic) else x for x in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(f"arange: cannot go from {start} to {end} in steps of {step}")
    integers = all_ints((start, end, step))
    if dtype is None:
        dtype = "int64" if integers else backend.get_default_dtype()
    dtype = backend.as_dtype(dtype)
    count = math.ceil((end - start) / step)
    if count:
        _check_held("arange", dtype, start, start + (count - 1) * step)
    between = dtype if integers or dtype.kind == "f" else "float64"  # NumPy would truncate the step too
    numbers = backend.create("arange", start, end, step, dtype=between, where=device)
    return _leaf(Tensor._wrap(numbers).to(dtype)._array, requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances from `start` to `end`, both included."""
    return _leaf(backend.create("linspace", start, end, steps, dtype=dtype, where=device), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The (n, m) matrix with ones on its diagonal; m defaults to n."""
    return _leaf(backend.create("eye", n, n if m is None else m, dtype=dtype, where=device), requires_grad)


# ----------------------------------------------------------------------------------------------------------- random


def _source(generator: Generator | None, device: Any) -> Generator:
    if generator is not None and device is not None and generator.device != backend.Device(device):
        raise RuntimeError(f"Expected a '{device}' generator, but found one on '{generator.device}'")
    return backend.default_generator(device) if generator is None else generator


def rand(
    *shape: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Random numbers, uniform on [0, 1)."""
    return _leaf(_source(generator, device).random(sizes(shape, size), dtype), requires_grad)


def randn(
    *shape: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Random numbers from the normal distribution of mean 0 and standard deviation 1."""
    return _leaf(_source(generator, device).normal(sizes(shape, size), dtype), requires_grad)


def randint(
    low: Any = None, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = "int64",
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Random integers, uniform on low, ..., high - 1: `randint(high, size)` or `randint(low, high, size)`."""
    if size is None:
        low, high, size = None, low, high
    if high is None:
        low, high = None, low
    low = 0 if low is None else low
    if size is None or isinstance(size, int) or high is None:
        raise TypeError("randint: size must be a tuple: randint(high, size) or randint(low, high, size)")
    low, high = operator.index(low), operator.index(high)
    if high <= low:
        raise RuntimeError(f"randint expects 'low' to be less than 'high', but got low={low} >= high={high}")
    _check_held("randint", dtype, low, high - 1)
    if backend.as_dtype(dtype).kind == "b" and not 0 <= low < high <= 2:
        raise RuntimeError(f"randint: low={low} or high - 1 = {high - 1} is out of bounds for bool")
    return Tensor._wrap(_source(generator, device).integers(low, high, sizes((size,)), dtype))


def randperm(n: int, *, generator: Generator | None = None, device: Any = None) -> Tensor:
    """The numbers 0, ..., n - 1 in random order, int64."""
    return Tensor._wrap(_source(generator, device).permutation(n))


# --------------------------------------------------------------------------------------------------- like another


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape, dtype and device of another Tensor."""
    return zeros(input.shape, **_like(input, dtype, device), requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape, dtype and device of another Tensor."""
    return ones(input.shape, **_like(input, dtype, device), requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory of the shape, dtype and device of another Tensor."""
    return empty(input.shape, **_like(input, dtype, device), requires_grad=requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number throughout, in the shape, dtype and device of another Tensor."""
    return full(input.shape, fill_value, **_like(input, dtype, device), requires_grad=requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in the shape, dtype and device of another Tensor."""
    return rand(input.shape, **_like(input, dtype, device), requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal random numbers in the shape, dtype and device of another Tensor."""
    return randn(input.shape, **_like(input, dtype, device), requires_grad=requires_grad)


def randint_like(
    input: Tensor, low: int | None = None, high: int | None = None, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Random integers in the shape, dtype and device of another Tensor, uniform on low, ..., high - 1."""
    return randint(low, high, tuple(input.shape), **_like(input, dtype, device))


def _like(input: Tensor, dtype: Any, device: Any) -> dict[str, Any]:
    return {
        "dtype": input.dtype if dtype is None else dtype,
        "device": input.device if device is None else device,
    }
