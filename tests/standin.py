"""A stand-in for CuPy, for machines without a GPU: as strict as CuPy 14, and computed by NumPy.

`install(monkeypatch)` puts a module called `cupy` in the place of the real one, with two devices. Its arrays are no
NumPy arrays: they answer to NumPy's protocols (NEP 13 and 18) for those functions and arguments that CuPy has. What
CuPy refuses, they refuse: to become NumPy arrays unasked, to be mixed with them, and to be used while another device
than theirs is the current one. And as in CuPy, what has no dimensions is an array still, never a NumPy scalar; a NumPy
scalar beside an array decides about the dtype (float32 * np.float64 is float64); and an index array that reaches beyond
the end wraps around. Code that runs on these arrays and gives NumPy's numbers runs on a GPU, as far as a test without
one can tell.
"""

import sys
import types

import numpy as np

# What CuPy 14.2 has, with its names for the arguments: the functions that reach it through NEP 18 ...
FUNCTIONS = """
all a axis out keepdims
amax a axis out keepdims
amin a axis out keepdims
any a axis out keepdims
argmax a axis dtype out keepdims
argmin a axis dtype out keepdims
argsort a axis kind
around a decimals out
broadcast_to array shape
clip a a_min a_max out
concatenate tup axis out dtype casting
copy a order
count_nonzero a axis
cumsum a axis dtype out
diagonal a offset axis1 axis2
einsum *operands dtype optimize
empty_like a dtype order subok shape
expand_dims a axis
flip a axis
full_like a fill_value dtype order subok shape
histogram x bins range density weights
max a axis out keepdims
mean a axis dtype out keepdims
min a axis out keepdims
moveaxis a source destination
nonzero a
ones_like a dtype order subok shape
prod a axis dtype out keepdims
ravel a order
repeat a repeats axis
reshape a newshape order copy
roll a shift axis
round a decimals out
sort a axis kind
squeeze a axis
stack tup axis out dtype casting
std a axis dtype out ddof keepdims
sum a axis dtype out keepdims
swapaxes a axis1 axis2
take a indices axis out
tile A reps
transpose a axes
tril m k
triu m k
var a axis dtype out ddof keepdims
where condition x y
zeros_like a dtype order subok shape
"""

# ... and the methods of its arrays.
METHODS = """
all axis out keepdims
any axis out keepdims
argmax axis out dtype keepdims
argmin axis out dtype keepdims
argsort axis kind
astype dtype order casting subok copy
clip a_min a_max out
copy order
cumsum axis dtype out
diagonal offset axis1 axis2
dot b out
fill value
flatten order
max axis out keepdims
mean axis dtype out keepdims
min axis out keepdims
nonzero
prod axis dtype out keepdims
ravel order
repeat repeats axis
round decimals out
squeeze axis
std axis dtype out ddof keepdims
sum axis dtype out keepdims
swapaxes axis1 axis2
take indices axis out
var axis dtype out ddof keepdims
view dtype type
"""

NO_UFUNCS = ("isnat", "matvec", "spacing", "vecdot", "vecmat")
UFUNC_SETTINGS = ("out", "dtype", "casting")
DEVICES = 2


def table(text):
    """Lines of a name and its arguments, as a dictionary."""
    return {name: arguments for name, *arguments in map(str.split, text.strip().splitlines())}


def check(name, arguments, inputs, settings):
    """TypeError unless CuPy's function takes so many inputs, and these settings."""
    too_many = len(inputs) > len(arguments) and not arguments[0].startswith("*")
    if too_many or set(settings) - set(arguments):
        raise TypeError(f"CuPy's {name} takes {arguments}, but got {len(inputs)} inputs and {sorted(settings)}")


class Device:
    """`cupy.cuda.Device(1)`: the current device inside a `with`."""

    current = 0

    def __init__(self, id=None):
        self.id = Device.current if id is None else id
        if not 0 <= self.id < DEVICES:
            raise RuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.before = []

    def __enter__(self):
        self.before.append(Device.current)
        Device.current = self.id
        return self

    def __exit__(self, *exception):
        Device.current = self.before.pop()


def unwrap(value):
    """The NumPy arrays inside our arrays, which are on the current device. TypeError for a NumPy array beside them."""
    if isinstance(value, ndarray):
        if value.device.id != Device.current:
            raise ValueError(
                f"Array device must be same as the current device: array device = {value.device.id} while current ="
                f" {Device.current}"
            )
        return value._numbers
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, list | tuple):
        return type(value)(unwrap(part) for part in value)
    return value


def arrays_in(values):
    """Our arrays among the values, and in lists among them."""
    for value in values:
        if isinstance(value, ndarray):
            yield value
        elif isinstance(value, list | tuple):
            yield from arrays_in(value)


def wrap(value, sources=()):
    """NumPy's results, scalars too, as arrays on the current device: views of those sources whose memory they share."""
    if isinstance(value, np.ndarray | np.generic):
        made = object.__new__(ndarray)
        made._numbers = np.asarray(value)
        made.device = Device()
        views = [x for x in arrays_in(sources) if np.may_share_memory(made._numbers, x._numbers)]
        made.base = None if not views else views[0] if views[0].base is None else views[0].base
        return made
    if isinstance(value, list | tuple):
        return type(value)(wrap(part, sources) for part in value)
    return value


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """`cupy.ndarray`"""

    __module__ = "cupy"

    def __array__(self, dtype=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **settings):
        if method != "__call__" or ufunc.__name__ in NO_UFUNCS or set(settings) - set(UFUNC_SETTINGS):
            return NotImplemented
        if out is not None:
            ufunc(*unwrap(inputs), out=unwrap(out), **settings)
            return out[0]
        return wrap(ufunc(*unwrap(inputs), **settings))

    def __array_function__(self, function, kinds, inputs, settings):
        arguments = table(FUNCTIONS).get(function.__name__)
        if arguments is None:
            return NotImplemented
        check(function.__name__, arguments, inputs, settings)
        found = function(*unwrap(inputs), **{name: unwrap(value) for name, value in settings.items()})
        if function in (np.diagonal, np.broadcast_to):
            found.flags.writeable = True  # unlike NumPy's
        return wrap(found, inputs)

    def get(self):
        """A NumPy array with these numbers: a copy in the host's memory, whichever device is current."""
        return self._numbers.copy()

    def item(self):
        """The one element as a Python number."""
        return self.get().item()

    def tolist(self):
        """Nested lists of Python numbers."""
        return self.get().tolist()

    def __getitem__(self, index):
        return wrap(unwrap(self)[wrapped_around(index, self.shape)], [self])

    def __setitem__(self, index, value):
        unwrap(self)[wrapped_around(index, self.shape)] = unwrap(value)

    def reshape(self, *shape, order="C"):
        """The elements in another shape: a view where that is possible."""
        return wrap(unwrap(self).reshape(*shape, order=order), [self])

    def transpose(self, *axes):
        """The dimensions in another order."""
        return wrap(unwrap(self).transpose(*axes), [self])

    @property
    def T(self):
        return self.transpose()

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self._numbers)

    def __bool__(self):
        return bool(self._numbers)

    def __int__(self):
        return int(self._numbers)

    def __float__(self):
        return float(self._numbers)

    def __deepcopy__(self, memo):
        with self.device:
            return self.copy()

    def __reduce__(self):
        return array, (self.get(),)

    def __dlpack_device__(self):
        return 2, self.device.id

    def __dlpack__(self, **settings):
        return self


def wrapped_around(index, shape):
    """An index whose integer arrays reach nowhere beyond the end: as CuPy does it, i % size takes the place of i."""
    parts = list(unwrap(index if isinstance(index, tuple) else (index,)))
    masks = [isinstance(part, np.ndarray) and part.dtype == bool for part in parts]
    if sum(masks) > 1:
        raise ValueError("CuPy does not take more than one boolean array in an index")
    takes = [
        part.ndim if mask else part is not None and part is not ... for part, mask in zip(parts, masks, strict=True)
    ]
    dim = 0
    for i, (part, mask) in enumerate(zip(parts, masks, strict=True)):
        if isinstance(part, np.ndarray) and not mask and shape[dim]:
            parts[i] = part % shape[dim]
        dim += len(shape) - sum(takes) if part is ... else takes[i]
    return tuple(parts)


def attribute(name):
    """A property of our array that is the NumPy array's."""
    return property(lambda self: getattr(self._numbers, name))


def method(name, arguments):
    """A method of our array that is the NumPy array's, for the arguments that CuPy takes."""

    def call(self, *inputs, **settings):
        check(name, arguments, inputs, settings)
        return wrap(getattr(unwrap(self), name)(*unwrap(inputs), **settings), [self])

    return call


for name in ("shape", "dtype", "ndim", "size", "strides", "itemsize", "flags", "nbytes"):
    setattr(ndarray, name, attribute(name))
for name, arguments in table(METHODS).items():
    setattr(ndarray, name, method(name, arguments))


def array(data, dtype=None, copy=True, order="K"):
    """`cupy.array`: from numbers, a NumPy array, or an array on any device."""
    if isinstance(data, ndarray):
        return wrap(data._numbers.astype(dtype or data.dtype, copy=copy or data.device.id != Device.current), [data])
    return wrap(np.array(data, dtype=dtype))


def asarray(data, dtype=None):
    """`cupy.asarray`: the array itself, if it is on the current device already."""
    return array(data, dtype, copy=False)


class Generator:
    """`cupy.random.Generator`, of the device that was current when it was made."""

    def __init__(self, seed=None):
        self._numbers = np.random.default_rng(seed)
        self.device = Device()

    def random(self, size=None, dtype=np.float64, out=None):
        """Uniform on [0, 1)."""
        return self._draw("random", size=size, dtype=dtype)

    def standard_normal(self, size=None, dtype=np.float64, out=None):
        """Normal with mean 0 and standard deviation 1."""
        return self._draw("standard_normal", size=size, dtype=dtype)

    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False):
        """Uniform on low, ..., high - 1."""
        return self._draw("integers", low, high, size=size, dtype=dtype, endpoint=endpoint)

    def _draw(self, name, *inputs, **settings):
        if self.device.id != Device.current:
            raise ValueError(f"this generator is of device {self.device.id}, and {Device.current} is current")
        return wrap(getattr(self._numbers, name)(*inputs, **settings))


def as_strided(x, shape=None, strides=None):
    """`cupy.lib.stride_tricks.as_strided`: its result has no base."""
    return wrap(np.lib.stride_tricks.as_strided(unwrap(x), shape, strides, writeable=False))


def creation(name):
    """NumPy's function of this name, for an array on the current device."""
    return lambda *inputs, **settings: wrap(getattr(np, name)(*unwrap(inputs), **settings))


def at(name):
    """`cupy.add.at` and its like: in place, an index that occurs several times counting several times."""
    return lambda x, index, y: getattr(np, name).at(unwrap(x), wrapped_around(index, x.shape), unwrap(y))


def install(monkeypatch):
    """Let `import cupy` find this stand-in, until monkeypatch undoes it."""
    module = types.ModuleType("cupy")
    module.ndarray, module.array, module.asarray = ndarray, array, asarray
    for name in (
        "zeros",
        "ones",
        "empty",
        "full",
        "arange",
        "linspace",
        "eye",
        "empty_like",
        "zeros_like",
        "full_like",
    ):
        setattr(module, name, creation(name))
    for name in ("add", "maximum", "minimum"):
        setattr(module, name, types.SimpleNamespace(at=at(name)))
    module.random = types.SimpleNamespace(default_rng=Generator)
    module.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=as_strided))
    module.cuda = types.SimpleNamespace(Device=Device)
    module.from_dlpack = lambda source: source.__dlpack__()
    monkeypatch.setitem(sys.modules, "cupy", module)
