"""How a Tensor prints: PyTorch's form, with NumPy doing the layout.

tensor([[1.0000, 2.5000],
        [3.0000, 4.0000]], requires_grad=True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

PRECISION = 4  # digits after the point
LONG = 1000  # elements from which on only the edges are shown


def format_tensor(tensor: Tensor, name: str = "tensor") -> str:
    """The text of a Tensor: its numbers, and of dtype, device and gradient what is not the default."""
    array = backend.to_numpy(tensor._array)
    suffixes = []
    if array.size == 0 and array.ndim != 1:
        suffixes.append(f"size={tuple(array.shape)}")
    if tensor.device.type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    usual = array.dtype in (np.int64, np.bool_) or array.dtype == backend.get_default_dtype()
    if not usual or (array.size == 0 and array.dtype != backend.get_default_dtype()):
        suffixes.append(f"dtype={array.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn={tensor.grad_fn}")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    text = name + "(" + _numbers(array, len(name) + 1)
    for suffix in suffixes:
        last_line = text[text.rfind("\n") + 1 :]
        separator = ",\n" + " " * (len(name) + 1) if len(last_line) + len(suffix) + 3 > 80 else ", "
        text += separator + suffix
    return text + ")"


def _numbers(array: np.ndarray, indent: int) -> str:
    if array.size == 0:
        return "[]"
    text = _formatter(array)
    if array.ndim == 0:
        return text(array.item()).strip()
    shown = np.array2string(
        array,
        formatter={"all": text},
        separator=", ",
        prefix=" " * indent,
        threshold=LONG,
        edgeitems=3,
        max_line_width=80,
    )
    return shown


def _formatter(array: np.ndarray) -> Callable[[Any], str]:
    """How to print each element, so that all take up the same width and show the same number of digits."""
    seen = array if array.size <= LONG else _edges(array)
    if array.dtype.kind != "f":
        width = max(len(str(x)) for x in seen.ravel().tolist())
        return lambda x: str(x).rjust(width)
    numbers = [abs(x) for x in seen.ravel().tolist() if math.isfinite(x) and x != 0]
    if all(x == math.floor(x) for x in numbers):
        # Whole numbers: "1." and no digits after the point, unless they are too large to be told apart so.
        style = f".{PRECISION}e" if numbers and (max(numbers) > 1000 * min(numbers) or max(numbers) >= 1e8) else ".0f"
        form = (lambda x: f"{x:.0f}." if math.isfinite(x) else str(x)) if style == ".0f" else None
    else:
        form = None
        wide = max(numbers) > 1000 * min(numbers) or max(numbers) > 1e8 or min(numbers) < 1e-4
        style = f".{PRECISION}e" if wide else f".{PRECISION}f"
    show = form or (lambda x: format(x, style))
    width = max(len(show(x)) for x in seen.ravel().tolist())
    return lambda x: show(float(x)).rjust(width)


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that are shown of a long array: the first and last three along each dimension."""
    for axis, size in enumerate(array.shape):
        if size > 6:
            array = np.take(array, [0, 1, 2, size - 3, size - 2, size - 1], axis=axis)
    return array
