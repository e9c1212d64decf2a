"""Arguments in the forms that people give them, made ready for an operation: sizes, dimensions, data."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import Traced

Number = bool | int | float
NUMBERS = (float, int, bool)


def without_tensors(data: Any) -> Any:
    """Nested sequences of numbers, arrays and Tensors, with arrays in the place of the Tensors."""
    if isinstance(data, Traced):
        return data._array
    if isinstance(data, (list, tuple)):
        return [part if type(part) in NUMBERS else _on_host(without_tensors(part)) for part in data]
    return data


def _on_host(value: Any) -> Any:
    return backend.to_numpy(value) if backend.is_array(value) else value


def as_operand(value: Any, device: Any = None) -> Any:
    """What stands beside a Tensor: a Tensor as it is, anything else (a number, a list) as an array."""
    return value if isinstance(value, Traced) else backend.as_array(without_tensors(value), where=device)


def all_ints(values: Sequence[Any]) -> bool:
    """True if every value is a Python or NumPy integer."""
    return all(isinstance(value, int | np.integer) for value in values)


def sizes(given: tuple[Any, ...], named: Any = None) -> tuple[int, ...]:
    """Sizes or dimensions as a tuple: given one by one, as one sequence, or by name, as in zeros(size=(2, 3))."""
    if named is not None:
        if given:
            raise TypeError(f"sizes or dimensions are given twice: as {given}, and by name as {named}")
        given = (named,)
    if len(given) == 1 and isinstance(given[0], tuple | list):
        given = tuple(given[0])
    if bool in map(type, given):
        raise TypeError(f"sizes and dimensions must be ints, not bools: {given}")
    return tuple(operator.index(size) for size in given)


def without_leading_ones(value: Any) -> Any:
    """What is assigned, without sizes of 1 in front: they broadcast anyway, and NumPy refuses them beside a mask."""
    if not isinstance(value, Traced) and not backend.is_array(value):
        return value
    sizes = list(value.shape)
    while sizes and sizes[0] == 1:
        del sizes[0]
    return value if len(sizes) == value.ndim else value.reshape(sizes)


def as_condition(condition: Any) -> Any:
    """What `where` chooses by; uint8, PyTorch's dtype of masks before it had bools, becomes bool."""
    return condition != 0 if getattr(condition, "dtype", None) == "uint8" else condition


def as_mask(mask: Any) -> Any:
    """What `masked_fill` chooses by. RuntimeError unless it is bool."""
    if getattr(mask, "dtype", None) != "bool":
        kind = getattr(mask, "dtype", type(mask).__name__)
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {kind}. Use e.g. x > 0")
    return mask


def as_element(value: Any, of: Any) -> Any:
    """A number, or a Tensor without dimensions, as an element of `of`. RuntimeError if its dtype has no such number."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)"
        )
    number = value.item() if hasattr(value, "item") else value
    kind = of.dtype.kind
    if kind == "b":
        return bool(number)
    if kind == "f":
        fits = not math.isfinite(number) or abs(number) <= float(np.finfo(of.dtype).max)
    else:
        limits = np.iinfo(of.dtype)
        fits = math.isfinite(number) and int(number) == number and limits.min <= number <= limits.max
    if not fits:
        raise RuntimeError(f"value {number} cannot be converted to {of.dtype} without overflow or loss")
    if kind == "f":
        return value.to(of.dtype) if isinstance(value, Traced) else float(number)  # a Tensor's gradient passes
    return int(number)
