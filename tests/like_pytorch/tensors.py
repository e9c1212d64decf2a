"""Random tensors, as the lines of a program that makes them: shapes, dtypes, values, and how they lie in memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Shape = tuple[int, ...]

FLOATS = ("float32", "float64", "float16")
INTS = ("int64", "int32", "int16", "int8", "uint8")
ALL = (*FLOATS, *INTS, "bool")
PROFILES = ("ordinary", "special", "extreme")  # what the values of a floating tensor are like


@dataclass(frozen=True)
class Drawn:
    """A tensor of a program: its base is made of numbers, and `view` takes it from there.

    x_base = T.tensor([[1.0, 2.0]], requires_grad=True)
    x = x_base.t()
    """

    name: str
    numbers: np.ndarray
    view: str = ""  # ".t()", "[::2]", ...; with none the tensor is its own base
    requires_grad: bool = False
    profile: str = "ordinary"
    changed: bool = False  # in place, by the program: no leaf may be, so it stands on a copy of its base

    @property
    def base(self) -> str:
        """The name of what is made of the numbers."""
        return f"{self.name}_base" if self.view or self.changed else self.name

    def lines(self) -> list[str]:
        """The program that makes it."""
        leaf = ", requires_grad=True" if self.requires_grad else ""
        dtype = f", dtype=T.{self.numbers.dtype.name}"
        lines = [f"{self.base} = T.tensor({literal(self.numbers)}{dtype}{leaf})"]
        if self.changed:
            lines.append(f"{self.name} = {self.base}.clone(){self.view}")
        elif self.view:
            lines.append(f"{self.name} = {self.base}{self.view}")
        return lines

    def plain(self) -> Drawn:
        """The same numbers, row by row in memory."""
        looked_at = eval("x" + self.view.replace(".expand(", ".broadcast_to("), {"x": _Array(self.numbers)})
        return replace(self, numbers=looked_at.numbers.copy(), view="")


class _Array:
    """A NumPy array that understands the views which `lay_out` draws."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __getitem__(self, index: Any) -> _Array:
        return _Array(np.asarray(self.numbers[index]))

    def transpose(self, first: int, second: int) -> _Array:
        return _Array(self.numbers.swapaxes(first, second))

    def broadcast_to(self, *shape: int) -> _Array:
        return _Array(np.broadcast_to(self.numbers, shape))


def literal(numbers: np.ndarray) -> str:
    """The numbers as Python text."""
    if numbers.size > 64 and not np.isnan(numbers).any() and (numbers == pattern(numbers.shape, numbers.dtype)).all():
        return f"np.arange({numbers.size}).reshape{numbers.shape} % 7 * 0.25"
    if 0 in numbers.shape and numbers.ndim > 1:
        return f"np.zeros({numbers.shape})"
    return str(numbers.tolist())


def pattern(shape: Shape, dtype: Any) -> np.ndarray:
    """Numbers that a short formula makes, for tensors of many elements."""
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 7 * 0.25).astype(dtype)


def draw_shape(rng: random.Random, least: int = 0, most: int = 4) -> Shape:
    """A shape of few small sizes; some are 1, a few 0."""
    dims = rng.choices(range(5), [10, 25, 35, 25, 5])[0]
    dims = min(max(dims, least), most)
    return tuple(rng.choices([0, 1, 2, 3, 4], [3, 20, 35, 32, 10])[0] for _ in range(dims))


def draw_dtype(rng: random.Random) -> str:
    """Any dtype, floating ones more often."""
    return rng.choices(ALL, [45, 15, 10, 8, 4, 2, 3, 5, 8])[0]


def draw_numbers(rng: random.Random, shape: Shape, dtype: str, profile: str = "ordinary") -> np.ndarray:
    """Numbers with ties; "special" with ±0, ±inf and NaN among them, "extreme" with the ends of the range."""
    size = int(np.prod(shape))
    if size > 64:
        return pattern(shape, dtype)
    one: Callable[[], Any]
    if dtype == "bool":
        one = lambda: rng.random() < 0.5  # noqa: E731
    elif dtype in INTS:
        ends = np.iinfo(dtype)
        small = range(max(ends.min, -4), 6)
        extremes = [ends.min, ends.max, ends.min + 1, ends.max - 1, 0, 1]
        one = lambda: rng.choice(extremes if profile == "extreme" and rng.random() < 0.5 else small)  # noqa: E731
    else:
        limits = np.finfo(dtype)
        pool = {
            "ordinary": [],
            "special": [0.0, -0.0, np.inf, -np.inf, np.nan],
            "extreme": [limits.max, -limits.max, limits.tiny, limits.max / 4, -limits.max / 16, limits.eps, 0.0],
        }[profile]
        one = lambda: rng.choice(pool) if pool and rng.random() < 0.4 else rng.randint(-10, 10) / 4  # noqa: E731
    return np.array([one() for _ in range(size)], dtype).reshape(shape)


def lay_out(rng: random.Random, shape: Shape) -> tuple[Shape, str]:
    """The shape of a base, and how a tensor of the given shape is taken from it."""
    ways = ["plain"] * 5
    if len(shape) >= 2:
        ways += ["transposed", "transposed", "strided"]
    if shape:
        ways += ["strided", "later", "expanded"]
    ways += ["part"]
    way = rng.choice(ways)
    if way == "transposed":
        first, second = sorted(rng.sample(range(len(shape)), 2))
        base = list(shape)
        base[first], base[second] = base[second], base[first]
        return tuple(base), f".transpose({first}, {second})"
    if way == "strided":
        return (*shape[:-1], 2 * shape[-1]), "[..., ::2]"
    if way == "later":
        return (shape[0] + 1, *shape[1:]), "[1:]"
    if way == "expanded":
        d = rng.randrange(len(shape))
        return (*shape[:d], 1, *shape[d + 1 :]), f".expand{_text(shape)}"
    if way == "part":
        return (2, *shape), "[1]"
    return shape, ""


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"
