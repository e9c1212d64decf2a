"""The properties that an input can have, and how to make an array that has them.

A fault often shows only for some inputs: of two dimensions in Fortran order, of equal values, broadcast in front. So
the properties are named here, one by one; `coverage.py` puts them together into examples.

**Layouts.** How the numbers lie in memory is said in words, any number of them: `lay_out(array, "Fortran order",
"reversed first", "read-only")`. Without words the array is contiguous. Strided, reversed and expanded say along
which dimension, first, middle or last. Words that say nothing of a shape (the order of a vector) fall away: `fitting`.

**Values.** Which numbers: spread over a range, near zero, ties (few different ones, so that many are equal, zeros
among them), large (near the ends of the range), and on request special: ±0, ±inf, NaN, the ends of the dtype.

**Shapes.** `SHAPES` has lists of shapes by name, for operations that do not take any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Shape = tuple[int, ...]

ORDERS = ("", "Fortran order", "permuted")
STEPS = ("", "strided", "reversed", "expanded")
PLACES = ("last", "first", "middle")
OTHERS = ("offset", "read-only", "misaligned")
STEPPED = tuple(f"{step} {place}" for step in STEPS[1:] for place in PLACES)
LAYOUTS = ("contiguous", *ORDERS[1:], *STEPPED, *OTHERS)
VALUES = ("spread", "near zero", "ties", "large")


def lay_out(array: np.ndarray, *layout: str) -> np.ndarray:
    """The same numbers in the same shape, lying in memory as the words say, among them:

    "Fortran order"     the first dimension's elements are neighbours, not the last's
    "permuted"          neither this nor that, for three dimensions or more
    "strided last"      every second place of the memory is somebody else's; or first, or middle
    "reversed last"     from the last element to the first
    "expanded last"     one place for all elements of the dimension, which must be equal
    "offset"            a part of a larger array
    "read-only"         cannot be written to
    "misaligned"        at addresses that are not multiples of the element size
    "other byte order"  as on another machine: the dtype says so; a Tensor does not take it

    ValueError for any other word, and for elements that are not equal.
    """
    array = np.asarray(array)
    words = fitting(layout, array.shape)
    memory_shape = list(array.shape)
    index: list[Any] = [slice(None)] * array.ndim
    expanded = None
    for word in words:
        step, _, place = word.partition(" ")
        axis = _axis(place, array.ndim) if word in STEPPED else 0
        if step == "strided":
            memory_shape[axis], index[axis] = 2 * memory_shape[axis], slice(None, None, 2)
        elif step == "reversed":
            index[axis] = slice(None, None, -1)
        elif step == "expanded":
            expanded, memory_shape[axis] = axis, 1
    order = list(range(array.ndim))
    if "Fortran order" in words:
        order.reverse()
    elif "permuted" in words:
        order = order[1:] + order[:1]
    dtype = array.dtype.newbyteorder() if "other byte order" in words else array.dtype
    memory = _memory([memory_shape[axis] for axis in order], dtype, "offset" in words, "misaligned" in words)
    laid = memory.transpose(np.argsort(order).astype(int))[(..., *index)]
    if expanded is not None:
        if not np.array_equal(array, array.take([0], expanded).repeat(array.shape[expanded], expanded), equal_nan=True):
            raise ValueError("lay_out: to be expanded along a dimension, its elements must be equal")
        laid[...] = array.take([0], expanded)
        strides = [0 if axis == expanded else stride for axis, stride in enumerate(laid.strides)]
        laid = np.lib.stride_tricks.as_strided(laid, array.shape, strides)
    else:
        laid[...] = array
    if "read-only" in words:
        laid.flags.writeable = False
    return laid


def fitting(words: Sequence[str], shape: Shape) -> tuple[str, ...]:
    """Those words that make a difference to an array of this shape. ValueError for an unknown one."""
    long = sum(size > 1 for size in shape)
    found = []
    for word in words:
        if word not in (*LAYOUTS, "other byte order"):
            raise ValueError(f"lay_out: unknown layout {word!r}; there are {', '.join(LAYOUTS)}, other byte order")
        if word in STEPPED:
            place = word.partition(" ")[2]
            axis = _axis(place, len(shape))
            fits = axis < len(shape) and shape[axis] > 1 and 0 not in shape
            fits = fits and len(shape) > ("last", "first", "middle").index(place)
        else:
            fits = {"Fortran order": long > 1, "permuted": long > 2, "contiguous": False}.get(word, True)
        if fits and (0 not in shape or word in ("read-only", "other byte order")):
            found.append(word)
    return tuple(found)


def expandable(numbers: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """The numbers, equal to each other along a dimension that is to be expanded."""
    for word in fitting(words, numbers.shape):
        if word.startswith("expanded"):
            axis = _axis(word.partition(" ")[2], numbers.ndim)
            numbers = numbers.take([0], axis).repeat(numbers.shape[axis], axis)
    return numbers


def numbers_like(kind: str, share: np.ndarray, low: float, high: float, distinct: bool = False) -> np.ndarray:
    """Numbers of one of the kinds in VALUES, from low to high, the same in every floating dtype from float16 on.

    share: an array of random numbers between 0 and 1, one for each; where they are equal the numbers are.
    distinct: no two are equal, and none is 0, for functions that have no derivative there.
    """
    if distinct:
        share = (share.reshape(-1).argsort(kind="stable").argsort().reshape(share.shape) + 0.37) / max(share.size, 1)
    if kind == "near zero":
        if low < 0 < high:
            values = (2 * share - 1) * 0.03 * min(-low, high)
        else:
            values = low + share * 0.03 * (high - low) if low >= 0 else high - share * 0.03 * (high - low)
    elif kind == "large":
        values = np.where(share < 0.5, low + 0.2 * share * (high - low), high - 0.2 * (1 - share) * (high - low))
    elif kind == "ties" and not distinct:
        whole = [n for n in (0.0, 1.0, -1.0, 2.0) if low <= n <= high][:3]
        choice = np.array(whole if len(whole) > 1 else [low, (low + high) / 2, high])
        values = choice[np.minimum((share * len(choice)).astype(int), len(choice) - 1)]
    else:
        values = low + (high - low) * share
    return _rounded(values, low, high, distinct)


def special_numbers(dtype: str | np.dtype = "float64") -> list[float]:
    """±0, ±inf, NaN, and the ends of a floating dtype: its largest, smallest normal and smallest number."""
    limits = np.finfo(dtype)
    ends = [float(limits.max), float(limits.tiny), float(limits.smallest_subnormal)]
    return [0.0, -0.0, np.inf, -np.inf, np.nan, *ends, *(-end for end in ends)]


def broadcasting(shapes: Sequence[Shape]) -> str:
    """How these shapes are broadcast together; "" if they are not."""
    try:
        whole = np.broadcast_shapes(*shapes)
    except ValueError:
        return ""
    stretched = [_stretched(shape, whole) for shape in shapes]
    if not any(stretched):
        return "in front" if any(len(shape) < len(whole) for shape in shapes) else "alike"
    if sum(map(bool, stretched)) > 1 and any(not (a <= b or b <= a) for a in stretched for b in stretched):
        return "both ways"
    shape, axes = max(zip(shapes, stretched, strict=True), key=lambda pair: len(pair[1]))
    if all(size == 1 for size in shape):
        return "a number"
    if min(axes) == 0 and max(axes) == len(axes) - 1:
        return "a row" if len(shape) == len(whole) else "in front"
    if max(axes) == len(whole) - 1 and len(axes) == 1 + max(axes) - min(axes):
        return "a column"
    return "in the middle"


def _stretched(shape: Shape, whole: Shape) -> set[int]:
    """The dimensions of the whole that a shape is repeated along."""
    padded = (1,) * (len(whole) - len(shape)) + shape
    return {axis for axis, (size, full) in enumerate(zip(padded, whole, strict=True)) if size != full}


def _axis(place: str, ndim: int) -> int:
    return {"first": 0, "middle": ndim // 2, "last": max(ndim - 1, 0)}[place]


def _memory(shape: Sequence[int], dtype: np.dtype, offset: bool, misaligned: bool) -> np.ndarray:
    """An array of this shape in memory of its own, filled with numbers that nobody may look at."""
    size, before = int(np.prod(shape, dtype=int)), 3 if offset else 0
    if misaligned:
        memory = np.ndarray((before + size,), dtype, bytearray((before + size) * dtype.itemsize + 1), 1)
    else:
        memory = np.empty(before + size, dtype)
    memory[...] = np.full((), 3.140625).astype(dtype)
    return memory[before:].reshape(shape)


def _rounded(values: np.ndarray, low: float, high: float, distinct: bool) -> np.ndarray:
    """The values in float64, rounded to what half precision holds, or, where that does not tell them apart, single.

    They stay between low and high.
    """
    for dtype in ("float16", "float32"):
        with np.errstate(over="ignore"):
            rounded = values.astype(dtype)
        rounded = np.where(rounded.astype("float64") < low, np.nextafter(rounded, rounded.dtype.type(np.inf)), rounded)
        rounded = np.where(
            rounded.astype("float64") > high, np.nextafter(rounded, -rounded.dtype.type(np.inf)), rounded
        )
        found = rounded.astype("float64")
        told_apart = not distinct or (len(np.unique(found)) == found.size and (found != 0).all())
        if told_apart and ((found >= low) & (found <= high)).all():
            return found
    return values


# --------------------------------------------------------------------------------- shapes for operations that choose

MATRICES = [(2, 3), (3, 2), (2, 2), (1, 3), (3, 1), (1, 1), (3, 3), (0, 2), (2, 0)]
SQUARE = [(2, 2), (3, 3), (1, 1), (0, 0)]
NOT_EMPTY = [(2, 3), (3,), (), (2, 3, 2), (1,), (3, 2), (1, 3), (3, 1), (2, 1, 3), (2, 3, 1, 2), (2, 2)]
PRODUCTS = [((2, 3), (3, 2)), ((3, 2), (2, 2)), ((1, 3), (3, 2)), ((2, 3), (3, 1)), ((2, 1), (1, 3)), ((1, 1), (1, 1)),
            ((2, 0), (0, 3)), ((0, 2), (2, 3))]  # fmt: skip
STACKS = [((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2)), ((1, 2, 3), (2, 3, 1)),
          ((2, 1, 2, 3), (3, 3, 1)), ((2, 3), (3, 2))]  # fmt: skip
IMAGES = [(2, 2, 3, 4), (1, 3, 4, 3), (2, 1, 5, 3), (1, 1, 2, 2)]
FILTERED = [((2, 2, 4, 3), (3, 2, 2, 3)), ((1, 2, 3, 4), (1, 2, 1, 2)), ((2, 1, 4, 4), (2, 1, 3, 2)),
            ((1, 3, 3, 3), (2, 3, 3, 3)), ((2, 2, 3, 3), (2, 2, 1, 1))]  # fmt: skip


def _alike(shapes: Sequence[Shape]) -> Callable[[int], list[tuple[Shape, ...]]]:
    return lambda number: [(shape,) * number for shape in shapes]


def _pairs(pairs: Sequence[tuple[Shape, Shape]], bias: Callable[[Shape], Shape]) -> Callable[[int], list]:
    """Pairs of shapes, and, for operations of more inputs, those that are added to the result."""
    return lambda number: [(a, b, *(bias(b),) * (number - 2))[:number] for a, b in pairs]


SHAPES: dict[str, Callable[[int], list[tuple[Shape, ...]]]] = {
    "not empty": _alike(NOT_EMPTY),
    "at least one dimension": _alike([shape for shape in [*NOT_EMPTY, (0,), (0, 3)] if shape]),
    "matrices": _alike(MATRICES),
    "square matrices": _alike(SQUARE),
    "matmul": _pairs(PRODUCTS, lambda b: b[-1:]),
    "matmul of stacks": _pairs(STACKS, lambda b: b[-1:]),
    "images": _alike(IMAGES),
    "images and kernels": _pairs(FILTERED, lambda w: w[:1]),
}


def named_shapes(name: str, number: int) -> list[tuple[Shape, ...]]:
    """The lists of shapes that a name stands for, for this many inputs. ValueError, with all names, for another."""
    if name not in SHAPES:
        raise ValueError(f"shapes={name!r} is not a name of shapes; there are {', '.join(map(repr, SHAPES))}")
    return SHAPES[name](number)
