"""Changes in place: whose memory was changed, when, and an error where a gradient would be wrong for it.

An array may be a view of another's memory, and that of a third: the *owner* stands at the end of that chain. Each
change gives the owner a number, from the count that numbers the nodes too. A node that keeps an array whose owner has
a larger number than the node itself was recorded before the change: what it would compute is wrong, so it is refused.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import Any

from tinygrad_lite import backend
from tinygrad_lite.anomaly import line_of_caller, watching
from tinygrad_lite.autograd.graph import Node, next_number
from tinygrad_lite.backend import Array

# id of the array owning the memory -> the number of its latest change and, where anomalies are detected, the line
_changes: dict[int, tuple[weakref.ref[Any], int, str | None]] = {}
_one_at_a_time = threading.Lock()  # the latest change must never be set back to an older one by another thread


class Latest:
    """The number of the latest change of all. A node that is younger need not look at its arrays one by one."""

    change = 0


def owner_of(array: Array) -> Array:
    """The array whose memory this one looks at: itself, unless it is a view."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


def same_memory(a: Array, b: Array) -> bool:
    """True if one array is a view of the other, or both of a third."""
    return owner_of(a) is owner_of(b)


def mark_changed(array: Array) -> None:
    """Note that the memory of an array was changed in place just now."""
    owner = owner_of(array)
    key = id(owner)
    known = _changes.get(key)
    reference = known[0] if known else weakref.ref(owner, lambda _: _changes.pop(key, None))
    line = line_of_caller() if watching.get() else None
    with _one_at_a_time:
        Latest.change = next_number()
        _changes[key] = (reference, Latest.change, line)


def refuse_changed(node: Node, takes: tuple[int, ...]) -> None:
    """RuntimeError if an array that a rule takes from what the node has saved was changed after the node was made."""
    saved = node.saved or ()
    refuse_changed_arrays(node, saved if node.op.variadic else [saved[i] for i in takes])


def refuse_changed_arrays(node: Node, arrays: Iterable[Any]) -> None:
    """RuntimeError if one of these arrays was changed after the node was made."""
    for array in arrays:
        if not backend.is_array(array):
            continue
        _, number, line = _changes.get(id(owner_of(array)), (None, 0, None))
        if number > node.number:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation:"
                f" {node.op.name} was recorded with an array of shape {array.shape} and dtype {array.dtype}, which was"
                " changed afterwards, so its gradient would be wrong. Change a clone() instead, or change it after"
                f" backward(). {_lines(node, line)}"
            )


def _lines(node: Node, changed: str | None) -> str:
    """Where the operation was recorded and where its array was changed, as far as that is known."""
    if node.line is None and changed is None:
        return "To see the lines, run it within autograd.detect_anomaly()"
    unknown = "a place where detect_anomaly was not on"
    return f"It was recorded in {node.line or unknown}; the change was made in {changed or unknown}"
