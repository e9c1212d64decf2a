"""NumPy's functions on Tensors: what `np.exp(t)` and `np.sum(t, axis=0)` do.

NumPy asks its arguments whether one of them wants to take a call over (NEP 13 for ufuncs, NEP 18 for functions). A
Tensor does. A function that stands in the tables here becomes the Tensor's own, gradients included. Any other runs on
plain arrays if no Tensor given to it requires a gradient, and is an error that names it if one does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.methods.arguments import as_operand
from tinygrad_lite.op import Traced
from tinygrad_lite.ops.shape import one_dim

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: ops.add,
    np.subtract: ops.sub,
    np.multiply: ops.mul,
    np.divide: ops.div,
    np.negative: ops.neg,
    np.power: ops.pow,
    np.remainder: ops.remainder,
    np.floor_divide: ops.floor_divide,
    np.matmul: ops.matmul,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.exp: ops.exp,
    np.expm1: ops.expm1,
    np.log: ops.log,
    np.log1p: ops.log1p,
    np.log2: ops.log2,
    np.log10: ops.log10,
    np.sqrt: ops.sqrt,
    np.square: lambda x: ops.pow(x, 2),
    np.reciprocal: ops.reciprocal,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.tan: ops.tan,
    np.sinh: ops.sinh,
    np.cosh: ops.cosh,
    np.tanh: ops.tanh,
    np.absolute: ops.abs,
    np.fabs: ops.abs,
    np.sign: ops.sign,
    np.floor: ops.floor,
    np.ceil: ops.ceil,
    np.trunc: ops.trunc,
    np.equal: ops.eq,
    np.not_equal: ops.ne,
    np.less: ops.lt,
    np.less_equal: ops.le,
    np.greater: ops.gt,
    np.greater_equal: ops.ge,
    np.bitwise_and: ops.bitwise_and,
    np.bitwise_or: ops.bitwise_or,
    np.bitwise_xor: ops.bitwise_xor,
    np.invert: ops.bitwise_not,
    np.left_shift: ops.bitwise_left_shift,
    np.right_shift: ops.bitwise_right_shift,
    np.isnan: ops.isnan,
    np.isfinite: ops.isfinite,
    np.isinf: ops.isinf,
}


# NumPy's own names for the arguments, with its defaults: axis for dim, keepdims for keepdim, ddof for correction.


def _reduce(reduction: Callable[..., Any]) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return reduction(a, dim=axis, keepdim=bool(keepdims))

    return function


def _deviation(reduction: Callable[..., Any]) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return reduction(a, dim=axis, correction=ddof, keepdim=bool(keepdims))

    return function


def _transpose(a: Tensor, axes: Any = None) -> Tensor:
    return a.T if axes is None else a.permute(*axes)


def _take(a: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    indices = as_operand(indices)
    if isinstance(indices, Traced):
        indices = indices._array
    indices = backend.cast(indices, "int64")  # what would be a mask in an index is positions here
    return a.ravel()[indices] if axis is None else a[(slice(None),) * one_dim(axis, a.ndim) + (indices,)]


def _clip(a: Tensor, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    return a.clamp(a_min if min is None else min, a_max if max is None else max)


def _concatenate(arrays: Any, axis: int | None = 0) -> Tensor:
    if axis is None:
        return ops.cat(*(as_operand(array).reshape(-1) for array in arrays), dim=0)
    return ops.cat(*map(as_operand, arrays), dim=axis)


def _expand_dims(a: Tensor, axis: Any) -> Tensor:
    new = axis if isinstance(axis, tuple | list) else (axis,)
    for d in sorted(ops.shape.dims(tuple(new), a.ndim + len(new))):
        a = a.unsqueeze(d)
    return a


def _tile(A: Tensor, reps: Any) -> Tensor:
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    return A.repeat((1,) * (A.ndim - len(counts)) + counts)


def _dot(a: Any, b: Any) -> Tensor:
    a, b = as_operand(a), as_operand(b)
    if not a.ndim or not b.ndim:
        return ops.mul(a, b)
    if b.ndim > 2:
        raise TypeError(f"np.dot of Tensors of {a.ndim} and {b.ndim} dimensions is not supported. Use matmul or einsum")
    return ops.matmul(a, b)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    if not isinstance(x, Traced) and not isinstance(y, Traced):
        x = as_operand(x, condition.device)  # two numbers make a tensor of their own dtype
    return ops.where(as_operand(condition), x, y)


def _einsum(subscripts: str, *operands: Any) -> Tensor:
    return ops.linalg.summed(*ops.linalg.spelled_out(subscripts, [as_operand(operand) for operand in operands]))


def _norm(x: Tensor, ord: Any = None, axis: int | None = None, keepdims: bool = False) -> Tensor:
    if ord is not None and not (x.ndim == 1 or isinstance(axis, int)):
        raise TypeError("np.linalg.norm on a Tensor with ord is supported for vectors only: give axis")
    return x.norm(2 if ord is None else ord, axis, keepdims)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _reduce(ops.sum),
    np.mean: _reduce(ops.mean),
    np.prod: _reduce(ops.prod),
    np.max: _reduce(ops.amax),
    np.min: _reduce(ops.amin),
    np.amax: _reduce(ops.amax),
    np.amin: _reduce(ops.amin),
    np.any: _reduce(ops.any),
    np.all: _reduce(ops.all),
    np.argmax: _reduce(ops.argmax),
    np.argmin: _reduce(ops.argmin),
    np.var: _deviation(ops.var),
    np.std: _deviation(ops.std),
    np.cumsum: lambda a, axis=None: ops.cumsum(a if axis is not None else a.ravel(), dim=axis or 0),
    np.clip: _clip,
    np.where: _where,
    np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0: ops.stack(*map(as_operand, arrays), dim=axis),
    np.reshape: lambda a, shape: a.reshape(shape),
    np.ravel: lambda a: a.ravel(),
    np.transpose: _transpose,
    np.swapaxes: lambda a, axis1, axis2: a.transpose(axis1, axis2),
    np.moveaxis: lambda a, source, destination: a.movedim(source, destination),
    np.squeeze: lambda a, axis=None: a.squeeze(axis),
    np.expand_dims: _expand_dims,
    np.broadcast_to: lambda array, shape: array.expand(shape),
    np.tile: _tile,
    np.flip: lambda m, axis=None: m.flip(tuple(range(m.ndim)) if axis is None else axis),
    np.roll: lambda a, shift, axis=None: ops.roll(a, shifts=shift, dims=axis),
    np.tril: lambda m, k=0: m.tril(k),
    np.triu: lambda m, k=0: m.triu(k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: a.diagonal(offset, axis1, axis2),
    np.take: _take,
    np.dot: _dot,
    np.outer: lambda a, b: ops.mul(as_operand(a).reshape(-1, 1), as_operand(b).reshape(-1)),
    np.einsum: _einsum,
    np.zeros_like: lambda a: ops.zeros_like(a).detach(),
    np.copy: lambda a: a.clone(),
    np.shape: lambda a: tuple(a.shape),
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.numel(),
    np.round: lambda a, decimals=0: ops.round(a, decimals=decimals),
    np.linalg.norm: _norm,
}


class NumpyProtocol(Traced):
    """The three methods that NumPy asks for."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if copy is False and dtype is not None and np.dtype(dtype) != array.dtype:
            raise ValueError(f"a tensor of dtype {array.dtype} cannot become an array of dtype {dtype} without a copy")
        return array.astype(array.dtype if dtype is None else dtype, copy=bool(copy))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, settings)

    def __array_function__(self, function: Any, types: Any, inputs: Any, settings: Any) -> Any:
        return call_function(function, inputs, settings)


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """`ufunc(*inputs)` for inputs of which one is a Tensor; for other methods and settings, on plain arrays."""
    if method == "__call__" and not settings and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if any(isinstance(out, Traced) for out in settings.get("out", ())):
        raise TypeError(f"{name}: a Tensor cannot be the `out` of a NumPy function. Use copy_() on it")
    return getattr(ufunc, method)(*_detached(inputs, name), **_detached(settings, name))


def call_function(function: Any, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """`function(*inputs, **settings)` for arguments among which there is a Tensor."""
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    if function in FUNCTIONS:
        ours = FUNCTIONS[function]
        try:
            inspect.signature(ours).bind(*inputs, **settings)
        except TypeError as error:
            takes = inspect.signature(ours)
            raise TypeError(f"{name} on a Tensor takes {takes}, and not {', '.join(settings)}") from error
        return ours(*inputs, **settings)
    return function(*_detached(inputs, name), **_detached(settings, name))


def _detached(value: Any, name: str) -> Any:
    """Arguments with arrays in the place of Tensors. TypeError if one of these requires a gradient."""
    if isinstance(value, Traced):
        if value.requires_grad:
            raise TypeError(
                f"{name} is not differentiable here, and one of its arguments requires a gradient. If none should flow"
                f" through it, call it on detach()ed tensors"
            )
        return value.numpy()
    if isinstance(value, tuple | list):
        return type(value)([_detached(part, name) for part in value])
    if isinstance(value, dict):
        return {key: _detached(part, name) for key, part in value.items()}
    return value
