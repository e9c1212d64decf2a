"""From an example that fails to the simplest that still does, and what that one needs, in words.

One property after another is taken away, a layout's word, a kind of values, a dimension, an element, a setting, as long
as what is left still fails. What cannot be taken away is what the fault needs to show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.testing.coverage import Draws, Example
from tinygrad_lite.testing.properties import ORDERS, STEPPED, Shape, broadcasting, expandable, fitting


def simplest(example: Example, draws: Draws, fails: Callable[[Example], bool], tries: int = 300) -> Example:
    """An example that fails, and no longer if one of its properties is taken away. At most this many are tried."""
    progress = True
    while progress:
        progress = False
        for other in simpler(example, draws):
            tries -= 1
            if tries < 0:
                return example
            if fails(other):
                example, progress = other, True
                break
    return example


def simpler(example: Example, draws: Draws) -> Iterator[Example]:
    """The example with one of its properties taken away, each in turn."""
    plan = example.plan
    for name, some in draws.choices.items():
        if example.settings[name] != some[0]:
            chosen = tuple((n, some[0] if n == name else value) for n, value in plan.settings)
            yield Example(plan._replace(settings=chosen), example.numbers)
    for i, words in enumerate(plan.words):
        for word in words:
            yield Example(plan._replace(words=_changed(plan.words, i, _without(words, word))), example.numbers)
        for word in words:
            if word in STEPPED and not word.endswith("last"):
                last = tuple(f"{w.partition(' ')[0]} last" if w == word else w for w in words)
                moved = plan._replace(words=_changed(plan.words, i, last))
                numbers = expandable(example.numbers[i], last)
                yield Example(draws.fitted(moved), _changed(example.numbers, i, numbers))
    for word in plan.gradient_words:
        yield Example(plan._replace(gradient_words=_without(plan.gradient_words, word)), example.numbers)
    for shapes in _smaller(plan.shapes, draws):
        for start in range(max(1, min(6, max(map(math.prod, plan.shapes))))):
            yield _resized(example, shapes, start, draws)
    for i, kind in enumerate(plan.values):
        for seed in range(3 if kind != "spread" else 0):
            other = plan._replace(values=_changed(plan.values, i, "spread"))
            numbers = draws.example(other, np.random.default_rng(seed)).numbers[i]
            yield Example(other, _changed(example.numbers, i, numbers))


def needed(example: Example, draws: Draws) -> str:
    """What the simplest failing example could not do without, as a sentence."""
    plan = example.plan
    ndim = max(map(len, plan.shapes))
    count = ("no dimensions", "one dimension", "two dimensions", "three dimensions", "four dimensions")
    parts = [count[ndim] if ndim < len(count) else f"{ndim} dimensions"] if ndim else []
    if any(0 in shape for shape in plan.shapes):
        parts.append("without elements")
    kind = broadcasting(plan.shapes)
    if draws.any_shapes and kind not in ("alike", ""):
        parts.append(f"with {kind} broadcast" if kind.startswith("a ") else f"broadcast {kind}")
    kinds = {"near zero": "with values near zero", "ties": "with equal values or zeros", "large": "with large values"}
    for i, (words, values) in enumerate(zip(plan.words, plan.values, strict=True)):
        of = f" of input {i}" if len(plan.shapes) > 1 else ""
        parts += [_in_words(word) + of for word in words]
        parts += [kinds[values] + of] if values in kinds else []
    parts += [f"with a gradient {_in_words(word)}" for word in plan.gradient_words]
    parts += [f"with {name}={value!r}" for name, value in plan.settings if value != draws.choices[name][0]]
    if not parts:
        return "It fails even for a single number"
    first, rest = (parts[0], parts[1:]) if ndim else ("a single number", parts)
    told = f"It fails only for {' '.join([first, *rest[:1]])}{''.join(f' and {part}' for part in rest[1:])}"
    return f"{told}: of shape {' and '.join(map(str, plan.shapes))}" if ndim else told


def _in_words(word: str) -> str:
    if word in STEPPED:
        step, _, place = word.partition(" ")
        return f"{step} in the {place} dimension"
    return f"in {word}" if word in ORDERS and word != "permuted" else word


def _resized(example: Example, shapes: Sequence[Shape], start: int, draws: Draws) -> Example:
    """The example with other shapes, filled with its own numbers from element `start` on."""
    moved = tuple(_moved(words, shape) for words, shape in zip(example.plan.words, shapes, strict=True))
    plan = draws.fitted(example.plan._replace(shapes=tuple(shapes), words=moved))
    numbers = []
    for old, shape, words in zip(example.numbers, shapes, plan.words, strict=True):
        row = old.reshape(-1) if old.size else np.array([(draws.low + draws.high) / 2])
        numbers.append(expandable(np.resize(np.roll(row, -start), shape), words))
    return Example(plan, tuple(numbers))


def _moved(words: Sequence[str], shape: Shape) -> tuple[str, ...]:
    """The words, with a step along a dimension that is gone moved to the last one."""
    fits = fitting(words, shape)
    return tuple(f"{w.partition(' ')[0]} last" if w in STEPPED and w not in fits else w for w in words)


def _smaller(shapes: tuple[Shape, ...], draws: Draws) -> Iterator[tuple[Shape, ...]]:
    """Shapes that are simpler: without broadcasting, with one dimension fewer, smaller ones."""
    if not draws.any_shapes:
        yield from sorted((one for one in draws.pool if _weight(one) < _weight(shapes)), key=_weight)
        return
    whole = np.broadcast_shapes(*shapes)
    if any(shape != whole for shape in shapes):
        yield (whole,) * len(shapes)
    for back in range(1, len(whole) + 1):  # dimensions are counted from the end, where shapes meet
        yield tuple(shape[:-back] + shape[len(shape) - back + 1 :] if len(shape) >= back else shape for shape in shapes)
    for back, size in enumerate(reversed(whole), 1):
        for less in {0: (1, 2), 3: (1, 2), 2: (1,)}.get(size, ()):
            yield tuple(
                tuple(less if len(shape) - axis == back and n == size else n for axis, n in enumerate(shape))
                for shape in shapes
            )


def _weight(shapes: Sequence[Shape]) -> tuple[int, int]:
    return max(map(len, shapes)), sum(map(sum, shapes)) + 4 * sum(0 in shape for shape in shapes)


def _without(words: tuple[str, ...], word: str) -> tuple[str, ...]:
    return tuple(other for other in words if other != word)


def _changed(parts: tuple[Any, ...], i: int, part: Any) -> tuple[Any, ...]:
    return (*parts[:i], part, *parts[i + 1 :])
