"""The array library: NumPy on the CPU, CuPy on a GPU, chosen by device.

CuPy arrays answer to NumPy's own functions: `np.exp(x)` on a CuPy array runs CuPy's `exp` (through NEP 13 and
NEP 18), so the operations are written once, with `np.`. This module holds the rest: what these protocols do not
reach (creation, random numbers, reductions by `ufunc.reduce`, strided views), what a device is, and PyTorch's rules
for the dtype of a result. Nothing here knows of gradients, and of Tensors only, for a message, that they hold an array.

An array names the library it comes from by the module of its class: `namespace(x)` is `numpy` or `cupy`.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import math
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_lite import fast

Array = Any  # a numpy.ndarray or a cupy.ndarray: the two have no common class to name here
DType = np.dtype

LIBRARIES = {"cpu": "numpy", "cuda": "cupy"}  # device type -> the module whose arrays live there


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not fit. Both a ValueError, as NumPy raises, and a RuntimeError, as PyTorch does."""


# ---------------------------------------------------------------------------------------------------- devices


class Device:
    """Where an array lives: `device("cpu")`, `device("cuda")`, `device("cuda:1")` or `device("cuda", 1)`."""

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | Device, index: int | None = None) -> None:
        if isinstance(type, Device):
            self.type, self.index = type.type, type.index
            return
        name, colon, number = str(type).partition(":")
        if colon and not number.isdigit():
            raise RuntimeError(f"Invalid device string: {type!r}. Use 'cpu', 'cuda' or 'cuda:1'")
        if name not in LIBRARIES:
            raise RuntimeError(f"device {type!r} is not known. Use one of {', '.join(map(repr, LIBRARIES))}")
        self.type = name
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = Device(other)
            except RuntimeError:  # a string that names no device
                return False
        return isinstance(other, Device) and (self.type, self.index or 0) == (other.type, other.index or 0)

    def __hash__(self) -> int:
        return hash((self.type, self.index or 0))


CPU = Device("cpu")
_default_device = CPU


def set_default_device(where: str | Device) -> None:
    """Make new tensors on `where` when no device is named. RuntimeError where that device cannot be had."""
    global _default_device
    with on(Device(where)):  # an unusable device is refused here, not at the first tensor made on it
        _default_device = Device(where)


def get_default_device() -> Device:
    """The device on which tensors are made when none is named: the CPU, until `set_default_device`."""
    return _default_device


@contextlib.contextmanager
def on(where: str | Device | None) -> Iterator[ModuleType]:
    """The array library of a device, with that device current: `with on("cuda:1") as xp: xp.zeros(3)`.

    Raises RuntimeError, saying what to install, where the device cannot be used.
    """
    place = _default_device if where is None else Device(where)
    if place.type == "cuda":
        cupy = _cupy(place)
        with cupy.cuda.Device(place.index or 0):
            yield cupy
    else:
        yield importlib.import_module(LIBRARIES[place.type])


_usable: set[Device] = set()


def _cupy(place: Device) -> ModuleType:
    """CuPy, once an allocation on `place` has succeeded: importing CuPy succeeds on machines with no GPU too."""
    try:
        import cupy

        if place not in _usable:
            with cupy.cuda.Device(place.index or 0):
                cupy.zeros(1)
            _usable.add(place)
    except Exception as error:
        raise RuntimeError(
            f"device '{place}' cannot be used: {type(error).__name__}: {error}. It needs an NVIDIA GPU with its driver,"
            " and CuPy: pip install 'tinygrad_lite[cuda12]' or 'tinygrad_lite[cuda13]', after the driver's CUDA"
            " version. Or use device='cpu'"
        ) from error
    return cupy


def cuda_is_available() -> bool:
    """True if an array can be allocated on the first CUDA device."""
    try:
        _cupy(Device("cuda"))
    except RuntimeError:
        return False
    return True


def namespace(array: Array) -> ModuleType:
    """The library that an array comes from: numpy or cupy."""
    return np if isinstance(array, np.ndarray) else sys.modules[type(array).__module__.partition(".")[0]]


def device_of(array: Array) -> Device:
    """The device that an array lives on."""
    if isinstance(array, np.ndarray):
        return CPU
    library = namespace(array).__name__
    kind = next(kind for kind, name in LIBRARIES.items() if name == library)
    return Device(kind, getattr(array.device, "id", None))


def on_one_device(array: Array, *others: Any) -> bool:
    """True if an operation may take the arrays among these values together."""
    for other in others:
        here = isinstance(array, np.ndarray) and isinstance(other, np.ndarray)
        if not here and is_array(other) and device_of(other) != device_of(array):
            return False
    return True


_HERE = contextlib.nullcontext()


def beside(array: Array) -> contextlib.AbstractContextManager[Any]:
    """A `with` block in which the array's device is the current one, as CuPy demands of whoever computes with it."""
    return _HERE if isinstance(array, np.ndarray) else array.device


def is_array(value: object) -> bool:
    """True for a NumPy array, and for an array of any other library that a device stands for."""
    if isinstance(value, np.ndarray):
        return True
    library = type(value).__module__.partition(".")[0]
    return library != "numpy" and library in LIBRARIES.values()  # NumPy's own scalars are numbers, not arrays


def described(value: Any) -> str:
    """What an operation was given, for a message: dtype, shape and device of an array or a Tensor, or the number."""
    array = getattr(value, "_array", value)
    return f"{array.dtype} {tuple(array.shape)} on {device_of(array)}" if is_array(array) else repr(value)


def copy(array: Array) -> Array:
    """The same numbers in memory of their own, in the same order there, on the same device."""
    if isinstance(array, np.ndarray):
        return array.copy("K")
    with beside(array):
        return array.copy("K")


def added(a: Array, b: Array) -> Array:
    """a + b, a new array: of no dimensions too, where NumPy gives a scalar."""
    if isinstance(a, np.ndarray):
        return np.asarray(a + b)
    with beside(a):
        return a + b


def add_to(total: Array, part: Array) -> None:
    """total += part, in place."""
    if isinstance(total, np.ndarray):
        total += part
    else:
        with beside(total):
            total += part


def row_major(array: Array) -> Array:
    """The numbers in row-major order: the array itself if they are, else a copy."""
    if array.flags.c_contiguous:
        return array
    with beside(array):
        return array.copy("C")


def to_numpy(array: Array) -> np.ndarray:
    """The same numbers as a NumPy array: the array itself if it is one, else a copy in the host's memory."""
    return array if isinstance(array, np.ndarray) else array.get()


def move(array: Array, where: Device) -> Array:
    """The array on another device; the array itself if it is there already."""
    if device_of(array) == where:
        return array
    with on(where) as xp:
        return xp.asarray(array if namespace(array) is xp else to_numpy(array))


# ------------------------------------------------------------------------------------------------------ dtypes

HALF, SINGLE = np.dtype("float16"), np.dtype("float32")
_default_dtype: DType = SINGLE


def get_default_dtype() -> DType:
    """The dtype of tensors made from Python floats: float32, until `set_default_dtype`."""
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Make tensors from Python floats as float16, float32 or float64."""
    global _default_dtype
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"only floating-point types are supported as the default type, not {np.dtype(dtype)}")
    _default_dtype = np.dtype(dtype)


def as_dtype(dtype: Any) -> DType:
    """The dtype that a name or a type stands for, in the machine's byte order.

    TypeError unless it is one that a Tensor can have: bool, or an integer or floating type of at most 64 bits.
    """
    found = np.dtype(dtype)
    if found.kind not in "biuf" or found.itemsize > 8:
        raise TypeError(f"Tensors are made of bools, integers or floats of at most 64 bits, not {found}: use astype()")
    return np.dtype(f"{found.kind}{found.itemsize}")


def promote_types(a: Any, b: Any) -> DType:
    """The dtype that holds the results of two dtypes: NumPy's, but an integer never widens a float (PyTorch)."""
    a, b = np.dtype(a), np.dtype(b)
    if (a.kind == "f") != (b.kind == "f"):
        return a if a.kind == "f" else b
    return np.promote_types(a, b)


def result_type(*values: Any) -> DType:
    """The dtype in which an operation on arrays and Python numbers is done, by PyTorch's rules.

    The kinds are ordered bool < integer < float. Among values of the highest kind, arrays with dimensions decide
    before arrays without, and these before Python numbers: so 2.0 never makes a float32 array float64.
    """
    ranks: list[DType | None] = [None, None, None]  # arrays with dimensions, arrays without, Python numbers
    for value in values:
        if _has_dtype(value):
            rank, dtype = (0 if value.ndim else 1), value.dtype
        else:
            rank, dtype = 2, dtype_of_number(value)
        current = ranks[rank]
        ranks[rank] = dtype if current is None else promote_types(current, dtype)
    found = [dtype for dtype in ranks if dtype is not None]
    highest = builtins.max(_kind_order(dtype) for dtype in found)
    return next(dtype for dtype in found if _kind_order(dtype) == highest)


def dtype_of_number(value: Any) -> DType:
    """The dtype that a Python number becomes: bool, int64, or the default floating dtype."""
    if isinstance(value, bool):
        return np.dtype("bool")
    if isinstance(value, int):
        return np.dtype("int64")
    if isinstance(value, float):
        return _default_dtype
    raise TypeError(f"expected a number or an array, but got {type(value).__name__}: {value!r}")


def _kind_order(dtype: DType) -> int:
    return 0 if dtype.kind == "b" else 2 if dtype.kind == "f" else 1


def promote(values: Sequence[Any], to_float: bool) -> list[Any]:
    """The values, each array cast to their common dtype (`result_type`); with `to_float`, integers become floats.

    Python numbers, and bool arrays beside arrays of another kind, are left as they are: neither changes a dtype. But
    beside half precision a float becomes one of 32 bits, since half holds neither 1e-8 nor 1e5; `rounded` brings the
    result back. None, an input left out, stays None.
    """
    dtype = result_type(*(value for value in values if value is not None))
    if dtype.kind != "f" and to_float:
        dtype = _default_dtype
    if dtype.kind == "b":
        return list(values)
    keep_bool = not to_float and any(_has_dtype(value) and value.dtype.kind != "b" for value in values)
    found = [
        cast(value, dtype) if _has_dtype(value) and not (keep_bool and value.dtype.kind == "b") else value
        for value in values
    ]
    return found if dtype != HALF else [SINGLE.type(value) if type(value) is float else value for value in found]


def rounded(output: Array, inputs: Sequence[Any]) -> Array:
    """What an operation made of half precision, rounded to it, where a number beside it had widened the result."""
    if getattr(output, "dtype", None) == SINGLE:
        dtypes = {value.dtype for value in inputs if is_array(value) and value.dtype.kind == "f"}
        if dtypes == {HALF}:
            with np.errstate(over="ignore"):  # to infinity, as in PyTorch
                return cast(output, HALF)
    return output


def in_types(values: Sequence[Any], types: str) -> list[Any]:
    """The values in the dtypes that an operation wants: "any", "same", "common" or "float" (see `op.op`)."""
    if types in ("common", "float"):
        return promote(values, to_float=types == "float")
    if types == "same":
        require_one_dtype(*values)
    return list(values)


def require_one_dtype(first: Any, *others: Any) -> None:
    """RuntimeError unless all are of one dtype (None, an input left out, has none).

    So products of matrices, and layers: pixels, integers, would else pass for numbers to compute with.
    """
    for other in others:
        if other is not None and getattr(other, "dtype", None) != first.dtype:
            kind = getattr(other, "dtype", type(other).__name__)
            raise RuntimeError(f"expected all to have the same dtype, but got {first.dtype} and {kind}. Use float()")


def _has_dtype(value: Any) -> bool:
    """True for an array, and for the scalar that NumPy gives as the result for arrays without dimensions."""
    return is_array(value) or isinstance(value, np.generic)


def cast(x: Array, dtype: Any) -> Array:
    """The array with its elements converted to `dtype`; the array itself if it has that dtype already."""
    if x.dtype == dtype:
        return x
    if isinstance(x, (np.ndarray, np.generic)):  # NumPy gives a scalar for an array without dimensions
        return x.astype(dtype)
    with beside(x):
        return x.astype(dtype)


# ---------------------------------------------------------------------------------------------------- creation


def as_array(data: Any, dtype: Any = None, where: str | Device | None = None) -> Array:
    """A new array holding a copy of `data`: a number, an array, or nested sequences of numbers and arrays.

    Unless `where` names a device, CuPy's arrays stay on theirs, and all else goes to the default device. Arrays keep
    their dtype; Python numbers become bool, int64 or the default floating dtype. TypeError for what is no number,
    ShapeError for rows of different lengths.
    """
    if is_array(data):
        if where is None:
            where = _default_device if isinstance(data, np.ndarray) else device_of(data)
        array = move(data, Device(where))
        with beside(array):
            array = array.astype(as_dtype(array.dtype if dtype is None else dtype))  # astype copies
        return array.view(np.ndarray) if isinstance(array, np.ndarray) else array
    try:
        array = np.array(data, dtype=None if dtype is None else as_dtype(dtype))
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise ShapeError(f"tensor: the rows of a nested sequence must have equal lengths ({error})") from error
        raise
    if array.dtype.kind not in "biuf":
        raise TypeError(f"tensor: could not infer a numeric dtype from {type(data).__name__}: {str(data)[:60]!r}")
    if dtype is None and array.dtype.kind == "f":
        array = array.astype(_dtype_of_floats(data))
    with on(where) as xp:
        return array if xp is np else xp.asarray(array)


def _dtype_of_floats(data: Any) -> DType:
    """The dtype of numbers with floats among them: that of the arrays and NumPy's scalars; of Python's, the default."""
    kinds = _kinds(data)
    found = [kind for kind in kinds if isinstance(kind, np.dtype)]
    if float in kinds or not found:
        found.append(_default_dtype)
    return functools.reduce(promote_types, found)


def _kinds(data: Any) -> set[Any]:
    """The dtypes, and of Python numbers the types, that occur in nested sequences."""
    if not isinstance(data, list | tuple | range):
        return {data.dtype if _has_dtype(data) else type(data)}
    types = set(map(type, data))
    return types if types <= {bool, int, float} else set().union(*map(_kinds, data))


def create(name: str, *arguments: Any, dtype: Any = None, where: str | Device | None = None) -> Array:
    """A new array from the library's own function: `create("zeros", (2, 3), dtype="float32", where="cuda")`."""
    with on(where) as xp:
        return getattr(xp, name)(*arguments, dtype=_default_dtype if dtype is None else as_dtype(dtype))


def full_like(x: Array, value: float) -> Array:
    """A new array of x's shape, dtype and device, every element `value`."""
    if isinstance(x, np.ndarray):
        filled = np.empty(x.shape, x.dtype)
        filled.fill(value)
        return filled
    with beside(x):
        return namespace(x).full_like(x, value)


# -------------------------------------------------------------------------------------------- random numbers


class Generator:
    """A source of random numbers on one device, repeatable once seeded with `manual_seed`."""

    def __init__(self, device: str | Device = "cpu") -> None:
        self.device = Device(device)
        self._seed: int | None = None
        self._library: Any = None

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence that belongs to this seed, an integer ≥ 0. Returns the generator."""
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"manual_seed: the seed must be an integer of at least 0, but got {seed!r}")
        self._seed, self._library = seed, None
        return self

    def initial_seed(self) -> int | None:
        """The seed given by `manual_seed`, or None."""
        return self._seed

    @contextlib.contextmanager
    def _drawing(self) -> Iterator[Any]:
        with on(self.device) as xp:
            if self._library is None:
                self._library = xp.random.default_rng(self._seed)
            yield self._library

    def random(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Uniform on [0, 1)."""
        if np.dtype(_default_dtype if dtype is None else dtype) != HALF:
            return self._draw("random", shape, dtype)
        with on(self.device) as xp:  # half precision has 11 binary digits; a number rounded to them may be 1
            return xp.asarray(np.floor(self._draw("random", shape, SINGLE) * 2048) / 2048).astype(HALF)

    def uniform(self, low: float, high: float, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Uniform on [low, high); `low` alone where they are equal."""
        y = self.random(shape, dtype)
        with on(self.device):
            y = y * (high - low) + low
            return np.where(y < high, y, y.dtype.type(low))  # what was rounded up to high

    def normal(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Normal with mean 0 and standard deviation 1."""
        return self._draw("standard_normal", shape, dtype)

    def _draw(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        wanted = np.dtype(_default_dtype if dtype is None else dtype)
        drawn = wanted if wanted.itemsize >= 4 else np.dtype("float32")  # the libraries draw no float16
        with self._drawing() as library:
            return getattr(library, name)(size=shape, dtype=drawn).astype(wanted, copy=False)

    def integers(self, low: int, high: int, shape: tuple[int, ...], dtype: Any = "int64") -> Array:
        """Whole numbers, uniform on low, ..., high - 1."""
        with self._drawing() as library:
            return library.integers(low, high, size=shape).astype(dtype)

    def permutation(self, n: int) -> Array:
        """The numbers 0, ..., n - 1 in random order, int64: the order that sorts n random numbers."""
        with self._drawing() as library:
            return library.random(size=(n,)).argsort().astype("int64")


_default_generators: dict[Device, Generator] = {}
_global_seed: int | None = None


def default_generator(where: str | Device | None = None) -> Generator:
    """The generator that random tensors on a device are drawn from when none is named."""
    place = _default_device if where is None else Device(where)
    if place not in _default_generators:
        generator = Generator(place)
        if _global_seed is not None:
            generator.manual_seed(_global_seed)
        _default_generators[place] = generator
    return _default_generators[place]


def manual_seed(seed: int) -> Generator:
    """Seed the default generator of every device, so that a run on one device can be repeated. Returns the CPU's."""
    global _global_seed
    Generator().manual_seed(seed)  # refuses a bad seed before anything changes
    _global_seed = seed
    _default_generators.clear()
    return default_generator(CPU)


# --------------------------------------------------- functions that NumPy's protocols do not carry over to CuPy


def sum(x: Array, axis: Any = None, keepdims: Any = False) -> Array:
    """The sum over `axis` (an int, a tuple, or None for all): of bools and integers as int64.

    It is as exact as x's dtype: half precision is summed in 32 bits, and no long row of numbers is added up one after
    the other, since each step is rounded.
    """
    dtype = x.dtype
    if dtype.kind != "f":
        return x.sum(axis=axis, dtype="int64", keepdims=keepdims)
    if dtype is HALF:
        return sum(x.astype(SINGLE), axis, keepdims).astype(HALF)
    if type(x) is not np.ndarray:
        return x.sum(axis=axis, keepdims=keepdims)
    if x.size > 2 * fast.BLOCK:
        while (long := fast.long_dimension(x.shape, x.strides, axis)) is not None:
            x = fast.sum_blocks(x, long)
    return fast.reduce(np.add, x, axis, keepdims)  # np.sum does this, after a microsecond of preparation


def cumsum(x: Array, axis: int) -> Array:
    """The sums of the first 1, 2, 3, ... elements along an axis, added up in twice as many bits: integers as int64."""
    if x.dtype.kind != "f":
        return x.cumsum(axis=axis, dtype="int64")
    return x.cumsum(axis=axis, dtype=SINGLE if x.dtype == HALF else "float64").astype(x.dtype, copy=False)


def max(x: Array, axis: Any = None, keepdims: Any = False) -> Array:
    """The largest element over `axis` (an int, a tuple, or None for all)."""
    if isinstance(x, np.ndarray):
        return fast.reduce(np.maximum, x, axis, keepdims)
    return x.max(axis=axis, keepdims=keepdims)


def expand(x: Array, shape: tuple[int, ...]) -> Array:
    """A view of x that repeats it to `shape`, without a copy (stride 0 along each repeated dimension).

    Like CuPy's it can be written: a part of it in which each element stands once may be.
    """
    if isinstance(x, (np.ndarray, np.generic)) and x.ndim == 0:  # what a mean hands back, eight times as fast:
        return np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
    wide = np.broadcast_to(x, shape)
    if isinstance(wide, np.ndarray):
        wide.flags.writeable = x.flags.writeable
    return wide


def diagonal(x: Array, offset: int, dim1: int, dim2: int) -> Array:
    """A view of x's diagonal along two dimensions. Like CuPy's it can be written; NumPy's cannot, unless told so."""
    found = np.diagonal(x, offset, dim1, dim2)
    if isinstance(found, np.ndarray):
        found.flags.writeable = x.flags.writeable
    return found


def keep(mask: Array, x: Array) -> Array:
    """x where mask is True, else 0, an infinity or NaN in x too (which x * mask would turn into NaN)."""
    return fast.keep(mask, x) if fast.by_bits(mask, x) else np.where(mask, x, 0)


def where(mask: Array, a: Any, b: Any) -> Array:
    """a where mask is True, else b: arrays that broadcast together, or numbers."""
    if fast.by_bits(mask, a) and fast.by_bits(mask, b) and a.dtype == b.dtype:
        return fast.choose(mask, a, b)
    return np.where(mask, a, b)


def clip(x: Array, low: Any, high: Any, out: Array | None = None) -> Array:
    """x, but at least `low` and at most `high`, numbers or arrays. With both bounds NumPy takes a third of the time."""
    if x.dtype.kind == "f":
        low, high = -math.inf if low is None else low, math.inf if high is None else high
    return np.clip(x, low, high) if out is None else np.clip(x, low, high, out=out)


def add_at(x: Array, index: Any, value: Array) -> None:
    """x[index] += value in place, where an index that occurs several times adds several times."""
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and x.flags.c_contiguous:
        width = x[:1].size  # NumPy is several times as fast in one dimension: rows are added there, number by number
        index = (index.astype("int64")[..., None] * width + np.arange(width)).reshape(-1)
        x, value = x.reshape(-1), value.reshape(-1)
    if x.dtype == HALF:  # in which 2048 + 1 is 2048
        total = x.astype(SINGLE)
        namespace(x).add.at(total, index, value.astype(SINGLE))
        x[...] = total
    else:
        namespace(x).add.at(x, index, value)
