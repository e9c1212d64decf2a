"""Finding the cause: which operation, on which line of yours, made the first NaN or infinity.

    with autograd.detect_anomaly():
        loss = model(x).log().mean()
        loss.backward()

Inside the block the result of every operation and of every gradient rule is looked at, and the first NaN or infinity is
an error that names the operation and the line. The line is that of the innermost caller outside of this package. It is
noted for recorded operations and for changes in place too, so that other errors of the backward pass can name it. All
this takes time: use it to look for a mistake, then take it out.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite.backend import Array, is_array
from tinygrad_lite.op import Op

PACKAGE = str(Path(__file__).parent)

# Of this thread, or this asynchronous task:
watching: ContextVar[bool] = ContextVar("watching", default=False)  # are lines noted?
checking: ContextVar[bool] = ContextVar("checking", default=True)  # and are the numbers looked at?


class set_detect_anomaly(contextlib.AbstractContextManager["set_detect_anomaly"]):
    """Switch the detection on or off from here on; as `with set_detect_anomaly(mode):`, until the end of the block.

    check_nan: look for NaN and infinity; otherwise only the lines are noted.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = watching.get(), checking.get()
        watching.set(bool(mode))
        checking.set(bool(check_nan))

    def __exit__(self, *exception: object) -> None:
        watching.set(self.before[0])
        checking.set(self.before[1])


class detect_anomaly(set_detect_anomaly):
    """`with detect_anomaly():` the first NaN or infinity, forward or backward, is a RuntimeError that names its cause.

    An infinity that you pass in, such as the -inf of a mask, is not an anomaly, nor is what follows from it, unless
    that is NaN.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def is_anomaly_enabled() -> bool:
    """True inside `detect_anomaly`."""
    return watching.get()


def line_of_caller() -> str:
    """The line that is being executed outside of this package: `train.py, line 12: loss = x.log().mean()`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    name, number = frame.f_code.co_filename, frame.f_lineno
    return f"{name}, line {number}: {linecache.getline(name, number).strip()}".rstrip(": ")


def look_at_output(op: Op, given: Iterable[Any], output: Array) -> None:
    """RuntimeError if a NaN or an infinity is in the output, and was not in what the operation was given."""
    found = _anomaly(output, given)
    if found:
        raise RuntimeError(f"detect_anomaly: {op.name} made the first {found}, in {line_of_caller()}")


def look_at_gradient(op: Op, name: str, index: int, g: Any, gradient: Any, line: str | None) -> None:
    """RuntimeError if a NaN or an infinity is in the gradient that a rule gave, and not in the one that came to it."""
    found = _anomaly(getattr(gradient, "_array", gradient), [getattr(g, "_array", g)])
    if found:
        kind = "nan" if found.startswith("NaN") else "infinite"
        raise RuntimeError(
            f"detect_anomaly: Function '{name}' returned {kind} values in its {index}th output: the gradient of"
            f" {op.name} with respect to its input {op.input_name(index)!r} has the first {found}. The operation was"
            f" recorded in {line or 'a place where detect_anomaly was not on'}"
        )


def _anomaly(output: Array, given: Iterable[Any]) -> str:
    """What is wrong with the output, and where; '' if nothing is, or if its inputs were wrong already."""
    if not checking.get() or not is_array(output) or output.dtype.kind != "f" or bool(np.isfinite(output).all()):
        return ""
    numbers = [value for value in given if _is_floating(value)]
    if any(bool(np.isnan(value).any()) for value in numbers):
        return ""
    if bool(np.isnan(output).any()):
        return f"NaN, at element {_first(np.isnan(output))} of {tuple(output.shape)}"
    if any(bool(np.isinf(value).any()) for value in numbers):
        return ""
    return f"infinity, at element {_first(np.isinf(output))} of {tuple(output.shape)}"


def _is_floating(value: Any) -> bool:
    return isinstance(value, float) or (is_array(value) and value.dtype.kind == "f")


def _first(mask: Array) -> tuple[int, ...]:
    """Where the first True is."""
    flat = int(mask.reshape(-1).argmax())
    return tuple(int(i) for i in np.unravel_index(flat, mask.shape))
