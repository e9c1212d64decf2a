"""A second array library, for machines without a GPU: as strict as CuPy, and computed by NumPy.

Its arrays are no NumPy arrays. They answer to NumPy's two protocols (NEP 13 and 18), for those functions and arguments
that CuPy has; they refuse to become NumPy arrays unasked, and to be mixed with them; and what has no dimensions is an
array still. Code that runs on them and gives NumPy's numbers runs on a GPU, as far as a test without one can tell.
"""

import sys
import types

import numpy as np

FUNCTIONS = {
    "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "around", "broadcast_to", "clip", "concatenate",
    "copy", "copyto", "count_nonzero", "cumsum", "diff", "einsum", "empty_like", "expand_dims", "flip", "full_like",
    "histogram", "isclose", "linspace", "matmul", "max", "mean", "min", "moveaxis", "nonzero", "ones_like", "prod",
    "put_along_axis", "ravel", "repeat", "reshape", "roll", "round", "sort", "split", "squeeze", "stack", "sum",
    "swapaxes", "take", "take_along_axis", "tile", "transpose", "tril", "triu", "where", "zeros_like",
}  # fmt: skip
NOT_ON_CUPY = {"where", "initial"}  # arguments of reductions


class Where:
    """CuPy's `array.device`."""

    id = 0


def unwrap(value):
    """The NumPy arrays inside; TypeError for a NumPy array beside ours."""
    if isinstance(value, ndarray):
        return value._numbers
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>: NumPy arrays do not mix with arrays on a device")
    if isinstance(value, list | tuple):
        return type(value)(unwrap(part) for part in value)
    return value


def wrap(value, base=None):
    """NumPy's results as arrays of ours, scalars among them."""
    if isinstance(value, np.ndarray | np.generic):
        made = object.__new__(ndarray)
        made._numbers = np.asarray(value)
        made.base = base if isinstance(value, np.ndarray) and value.base is not None else None
        return made
    if isinstance(value, list | tuple):
        return type(value)(wrap(part, base) for part in value)
    return value


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on the device."""

    __module__ = "standin"
    device = Where()

    def __array__(self, *arguments, **settings):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        if method != "__call__" or set(settings) - {"dtype", "casting"}:
            raise TypeError(f"the device has no {ufunc.__name__}.{method} with {sorted(settings)}")
        if out is not None:
            ufunc(*unwrap(inputs), out=unwrap(out), **settings)
            return out[0]
        return wrap(ufunc(*unwrap(inputs), **settings))

    def __array_function__(self, function, kinds, inputs, settings):
        if function.__name__ not in FUNCTIONS or NOT_ON_CUPY & set(settings):
            raise TypeError(f"the device has no {function.__name__} with {sorted(settings)}")
        settings = {name: unwrap(value) for name, value in settings.items()}
        return wrap(function(*unwrap(inputs), **settings), self)

    def get(self):
        """A NumPy array with these numbers: a copy from the device."""
        return self._numbers.copy()

    def __getitem__(self, index):
        return wrap(self._numbers[unwrap(index)], self)

    def __setitem__(self, index, value):
        self._numbers[unwrap(index)] = unwrap(value)

    def __len__(self):
        return len(self._numbers)

    def __bool__(self):
        return bool(self._numbers)

    def __int__(self):
        return int(self._numbers)

    def __index__(self):
        return self._numbers.__index__()

    def __float__(self):
        return float(self._numbers)

    def __iter__(self):
        return (self[i] for i in range(len(self)))


def _attribute(name):
    return property(lambda self: getattr(self._numbers, name))


def _method(name):
    def method(self, *inputs, **settings):
        if NOT_ON_CUPY & set(settings):
            raise TypeError(f"the device has no {name} with {sorted(settings)}")
        return wrap(getattr(self._numbers, name)(*unwrap(inputs), **settings), self)

    return method


for name in ("shape", "dtype", "ndim", "size", "strides", "itemsize", "flags", "nbytes"):
    setattr(ndarray, name, _attribute(name))
for name in (
    "all", "any", "argmax", "argmin", "argsort", "astype", "copy", "fill", "flatten", "item", "max", "mean", "min",
    "ravel", "repeat", "reshape", "squeeze", "sum", "swapaxes", "take", "tolist", "transpose", "view",
):  # fmt: skip
    setattr(ndarray, name, _method(name))
ndarray.T = property(lambda self: self.transpose())


class Random:
    """`standin.random.default_rng(seed)`."""

    def __init__(self, seed=None):
        self._rng = np.random.default_rng(seed)

    def __getattr__(self, name):
        return lambda *inputs, **settings: wrap(getattr(self._rng, name)(*inputs, **settings))


def library():
    """The module `standin`, as `cupy` would be."""
    module = types.ModuleType("standin")
    module.ndarray = ndarray
    module.asarray = lambda x, **settings: x if isinstance(x, ndarray) else wrap(np.array(x, **settings))
    module.empty_like = lambda x: wrap(np.empty_like(unwrap(x)))
    for name in ("zeros", "ones", "empty", "full", "arange", "linspace", "eye"):
        setattr(module, name, lambda *inputs, _name=name, **settings: wrap(getattr(np, _name)(*inputs, **settings)))
    module.random = types.SimpleNamespace(default_rng=Random)
    module.add = types.SimpleNamespace(at=lambda x, i, y: np.add.at(unwrap(x), unwrap(i), unwrap(y)))
    module.lib = types.SimpleNamespace(
        stride_tricks=types.SimpleNamespace(
            as_strided=lambda x, shape, strides: wrap(
                np.lib.stride_tricks.as_strided(unwrap(x), shape, strides, writeable=False), x
            )
        )
    )
    sys.modules["standin"] = module
    return module
