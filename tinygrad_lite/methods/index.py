"""An index in the forms that people give, read as PyTorch reads it, and made ready for NumPy.

PyTorch reads an index in two steps. Ints, slices and None come first: they give a view. Then the index arrays and masks
pick elements out of this view: `x[0, :, i]` is `x[0][:, i]`. The new dimensions stand where the arrays stood; if a
slice stood between two arrays, they stand in front.

NumPy takes an int next to an index array for an index array too, so that its `x[0, :, i]` has another order of
dimensions. Of index arrays and full slices alone both give the same. So an index is handed on in the same two steps.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.methods.arguments import without_tensors
from tinygrad_lite.op import Traced

ALL = slice(None)


def in_two_steps(index: Any, x: Array) -> tuple[Any, Any]:
    """The index into x that gives a view, and the index into this view that picks elements out; None for no such step.

    The first one ends with an Ellipsis: what it gives is a view even of a single element, never a copied scalar.
    IndexError for what is not an index, for too many, and for a mask of another shape than what it stands for.
    """
    if index.__class__ is int:
        return (index, ...), None  # the commonest case
    parts = [_part(part, x) for part in (index if isinstance(index, tuple) else (index,))]
    ellipses = sum(part is Ellipsis for part in parts)
    if ellipses > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not any(map(backend.is_array, parts)):
        return (*parts, ...) if not ellipses else tuple(parts), None

    taken = sum(map(_dims_taken, parts))
    if taken > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    rest = [ALL] * (x.ndim - taken)
    whole: list[Any] = [part for each in parts for part in (rest if each is Ellipsis else [each])]
    view: list[Any] = []
    picked: list[Any] = []  # for each dimension of the view, an index array or a full slice
    dim = 0
    for part in whole:
        n = _dims_taken(part)
        if not backend.is_array(part):
            view.append(part)
            picked += [] if isinstance(part, int) else [ALL]
        elif part.ndim:
            if _is_mask(part) and part.shape != x.shape[dim : dim + n]:
                raise IndexError(
                    f"The shape of the mask {list(part.shape)} does not match the shape of the indexed tensor"
                    f" {list(x.shape)} from dimension {dim} on"
                )
            if not _is_mask(part) and not isinstance(x, np.ndarray):
                _refuse_beyond(part, x.shape[dim])
            view += [ALL] * n
            picked.append(part)
        else:  # a single bool: a new dimension, of size 1 where it is True, else 0
            view.append(None)
            picked.append(_on_device_of(np.zeros(int(part), "int64"), x))
        dim += n
    if sum(map(backend.is_array, picked)) > 1:  # on CuPy at most one of these may be a mask
        with backend.beside(x):
            picked = [part for each in picked for part in (np.nonzero(each) if _is_mask(each) else (each,))]
    needed = any(part is None or part != ALL for part in view)
    return (*view, ...) if needed else None, tuple(picked) if len(picked) > 1 else picked[0]


def _part(part: Any, x: Array) -> Any:
    """One part of an index: an int, a slice, None or Ellipsis as it is, all else as an array of int64 or bools."""
    if part is None or part is Ellipsis or part.__class__ is int:
        return part
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)  # a Tensor may be among them, and be changed later
        return slice(*(end if end is None or end.__class__ is int else operator.index(end) for end in ends))
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    is_tensor = isinstance(part, Traced)
    if is_tensor:
        part = part._array
    elif isinstance(part, list | range | tuple):
        part = np.array(without_tensors(list(part)))
        part = part if part.size else part.astype("int64")
    elif isinstance(part, bool | np.bool_):
        part = np.asarray(part)
    elif not backend.is_array(part):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors are valid indices (got"
            f" {type(part).__name__})"
        )
    if part.ndim == 0 and part.dtype.kind in "iu" and part.dtype != "uint8":
        return int(part.item())
    if part.dtype in ("bool", "uint8"):  # uint8 was PyTorch's dtype of masks before it had bools
        wanted = "bool"
    elif part.dtype in ("int64", "int32") or (part.dtype.kind == "i" and not is_tensor):
        wanted = "int64"
    else:
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, and this one is {part.dtype}"
        )
    with backend.beside(part):
        return _on_device_of(part.astype(wanted), x)  # a copy: its owner may change it later


def _refuse_beyond(positions: Array, size: int) -> None:
    """IndexError for positions that a dimension does not have, as NumPy's. CuPy would wrap around."""
    with backend.beside(positions):
        if positions.size and not -size <= int(positions.min()) <= int(positions.max()) < size:
            raise IndexError(f"index {int(positions.min())} or {int(positions.max())} is out of bounds for size {size}")


def _on_device_of(part: Array, x: Array) -> Array:
    if isinstance(x, np.ndarray) and not isinstance(part, np.ndarray):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu): use index.cpu()"
        )
    return backend.move(part, backend.device_of(x)) if isinstance(part, np.ndarray) else part


def _is_mask(part: Any) -> bool:
    return backend.is_array(part) and part.dtype == "bool"


def _dims_taken(part: Any) -> int:
    """How many dimensions a part of an index stands for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if _is_mask(part) else 1
