"""Arguments in the forms that people give them, made ready for an operation: sizes, dimensions, data, indices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import Array
from tinygrad_lite.op import Traced

Number = bool | int | float
NUMBERS = (float, int, bool)


def plain(data: Any) -> Any:
    """Nested sequences of numbers, arrays and Tensors, with arrays in the place of the Tensors."""
    if isinstance(data, Traced):
        return data._array
    if isinstance(data, (list, tuple)):
        return [part if type(part) in NUMBERS else _on_host(plain(part)) for part in data]
    return data


def _on_host(value: Any) -> Any:
    return backend.to_numpy(value) if backend.is_array(value) else value


def as_operand(value: Any, device: Any = None) -> Any:
    """What stands beside a Tensor: a Tensor as it is, anything else (a number, a list) as an array."""
    return value if isinstance(value, Traced) else backend.as_array(plain(value), where=device)


def all_ints(values: Sequence[Any]) -> bool:
    """True if every value is a Python or NumPy integer."""
    return all(isinstance(value, int | np.integer) for value in values)


def sizes(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or dimensions given one by one or as one sequence, as a tuple."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        given = tuple(given[0])
    return tuple(operator.index(size) for size in given)


def one_dim(dim: int, ndim: int) -> int:
    return ops.shape.dims(dim, ndim)[0] if ndim else min(ops.shape.dims(dim, 1)[0], 0)


def as_index(index: Any, like: Array) -> Any:
    """An index as the arrays know it: Tensors, lists and ranges as integer or bool arrays, copied, beside `like`."""
    if isinstance(index, tuple):
        return tuple(_index_part(part, like) for part in index)
    return _index_part(index, like)


def _index_part(part: Any, like: Array) -> Any:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, int) and not isinstance(part, bool):
        return part
    if isinstance(part, Traced):
        part = backend.copy(part._array)
    elif isinstance(part, list | range | tuple):
        part = np.array([p.item() if isinstance(p, Traced) else p for p in part]) if len(part) else np.zeros(0, "int64")
    elif backend.is_array(part):
        part = backend.copy(part)
    elif isinstance(part, bool | np.bool_):
        part = np.asarray(part)
    elif isinstance(part, np.integer):
        return int(part)
    else:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors are valid indices (got"
            f" {type(part).__name__})"
        )
    if part.dtype.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, and this one is {part.dtype}"
        )
    if part.ndim == 0 and part.dtype.kind != "b":
        return int(part.item())
    if isinstance(like, np.ndarray) and not isinstance(part, np.ndarray):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu): use index.cpu()"
        )
    return backend.move(part, backend.device_of(like)) if isinstance(part, np.ndarray) else part
