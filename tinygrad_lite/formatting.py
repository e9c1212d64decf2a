"""How a Tensor prints: as PyTorch's do.

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
LONG = 1000  # elements: of a longer array only the edges are shown
EDGE = 3  # how many are shown at each edge
LINE = 80  # characters


def format_tensor(tensor: Tensor, name: str = "tensor") -> str:
    """The text of a Tensor: its numbers, and whatever of dtype, device and gradient is not the default."""
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
        separator = ",\n" + " " * (len(name) + 1) if len(last_line) + len(suffix) + 3 > LINE else ", "
        text += separator + suffix
    return text + ")"


def _numbers(array: np.ndarray, indent: int) -> str:
    if array.size == 0:
        return "[]"
    text = _formatter(array)
    if array.ndim == 0:
        return text(array.item()).strip()
    return _nested(array, indent, text, array.size > LONG)


def _nested(array: np.ndarray, indent: int, text: Callable[[Any], str], shortened: bool) -> str:
    """The brackets of one dimension, and what they hold; of a shortened one, the first and last EDGE parts."""
    cut = shortened and len(array) > 2 * EDGE
    shown = [*array[:EDGE], *array[-EDGE:]] if cut else list(array)
    if array.ndim > 1:
        parts = [_nested(part, indent + 1, text, shortened) for part in shown]
        separator = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return "[" + separator.join([*parts[:EDGE], "...", *parts[EDGE:]] if cut else parts) + "]"
    parts = [text(part) for part in shown]
    a_line = max(1, (LINE - indent) // (len(parts[0]) + 2))
    if cut:
        parts.insert(EDGE, " ...")
    lines = [", ".join(parts[start : start + a_line]) for start in range(0, len(parts), a_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _formatter(array: np.ndarray) -> Callable[[Any], str]:
    """How to print each element, so that all take up the same width and show the same number of digits."""
    seen = array if array.size <= LONG else _edges(array)
    if array.dtype.kind != "f":
        width = max(len(str(x)) for x in seen.ravel().tolist())
        return lambda x: str(x).rjust(width)
    counted = [x for x in seen.ravel().tolist() if math.isfinite(x) and x != 0]  # these decide the form of all
    sizes = [abs(x) for x in counted] or [1.0]
    whole = all(x == math.floor(x) for x in sizes)
    scientific = max(sizes) > 1000 * min(sizes) or max(sizes) > 1e8 or (not whole and min(sizes) < 1e-4)

    def show(x: Any) -> str:
        if scientific or not whole:
            return format(float(x), f".{PRECISION}{'e' if scientific else 'f'}")
        return f"{x:.0f}." if math.isfinite(x) else str(float(x))

    width = max((len(show(x)) for x in counted), default=0)
    return lambda x: show(x).rjust(width)


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements that are shown of a long array: the first and last EDGE along each dimension."""
    for axis, size in enumerate(array.shape):
        if size > 2 * EDGE:
            array = np.take(array, [*range(EDGE), *range(size - EDGE, size)], axis=axis)
    return array
