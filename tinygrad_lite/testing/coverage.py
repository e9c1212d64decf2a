"""Examples for an operation, few and yet of every kind: a covering set first, then random ones.

A `Plan` says which properties an example has (`properties.py`): the shapes of the inputs, and so the number of
dimensions, the sizes and how they are broadcast; the layout and the kind of values of each input; the settings. An
`Example` is a plan with numbers in it.

Most faults need one property to show, nearly all of the others two at once. So the covering set is a pairwise covering
array: each plan chosen is the one with the most new pairs of properties, until every pair that can occur together has
occurred. Some 25 examples cover what random ones would need hundreds for.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tinygrad_lite.testing.properties import (
    ORDERS,
    OTHERS,
    PLACES,
    STEPS,
    VALUES,
    Shape,
    broadcasting,
    expandable,
    fitting,
    lay_out,
    numbers_like,
)

Property = tuple[str, str, Any]  # of which input ("" for all), of what kind, and which: ("", "dimensions", 2)
Words = tuple[str, ...]
BROADCASTS = ("alike", "in front", "a row", "a column", "in the middle", "a number", "both ways")


class Plan(NamedTuple):
    """The properties of an example. Of each input: its shape, the kind of its values, the words of its layout."""

    shapes: tuple[Shape, ...]
    values: tuple[str, ...]
    words: tuple[Words, ...]
    settings: tuple[tuple[str, Any], ...] = ()
    gradient_words: Words = ()  # the layout of the gradient that the rules are given

    def properties(self) -> list[Property]:
        """What there is to say of the plan: one property of each kind."""
        largest = max(self.shapes, key=lambda shape: (len(shape), math.prod(shape)))
        found: list[Property] = [("", "dimensions", len(largest)), ("", "sizes", _sizes(largest))]
        if len(self.shapes) > 1:
            found.append(("", "broadcasting", broadcasting(self.shapes) or "none"))
        if 0 not in largest:
            for i, (values, words) in enumerate(zip(self.values, self.words, strict=True)):
                which = f" of input {i}" if len(self.shapes) > 1 else ""
                found += [(which, kind, level) for kind, level in (*_of_layout(words), ("values", values))]
        return found + [("", f"{name}=", repr(value)) for name, value in self.settings]


class Example(NamedTuple):
    """A plan, and the numbers of each input (float64)."""

    plan: Plan
    numbers: tuple[np.ndarray, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """What the operation is called with besides its inputs."""
        return dict(self.plan.settings)

    def arrays(self) -> list[np.ndarray]:
        """The inputs as arrays, each with its layout."""
        return [lay_out(one, *words) for one, words in zip(self.numbers, self.plan.words, strict=True)]

    def __repr__(self) -> str:
        parts = [
            f"{numbers.tolist()} of shape {numbers.shape} ({', '.join([values, *words])})"
            for numbers, values, words in zip(self.numbers, self.plan.values, self.plan.words, strict=True)
        ]
        return "; ".join([*parts, *(f"{name}={value!r}" for name, value in self.plan.settings)])


class Draws:
    """Examples for an operation with these shapes, values and settings.

    shapes: how many inputs of mutually broadcastable shapes, of 0 to 4 dimensions; or a list of lists of shapes, one
        for each input; or a strategy for such lists.
    low, high, distinct: of the values, see `numbers_like`.
    choices: the values that each setting may have, its default first; or a strategy for them.
    """

    def __init__(
        self,
        shapes: Any,
        low: float = -2.0,
        high: float = 2.0,
        distinct: bool = False,
        choices: Mapping[str, Any] | None = None,
    ) -> None:
        self.low, self.high, self.distinct, self.shapes = low, high, distinct, shapes
        self.any_shapes = isinstance(shapes, int)
        listed = () if self.any_shapes else samples(shapes) if _is_strategy(shapes) else shapes
        try:
            self.pool = tuple(tuple(tuple(int(size) for size in shape) for shape in one) for one in listed)
        except TypeError:
            raise TypeError(
                f"shapes={shapes!r}: give a list of lists of shapes, one shape for each input, such as [[(2, 3), (3,)]]"
            ) from None
        choices = choices or {}
        self.strategies = {name: some for name, some in choices.items() if _is_strategy(some)}
        self.choices = {name: samples(some, 5) if _is_strategy(some) else list(some) for name, some in choices.items()}
        if not self.any_shapes and not self.pool:
            raise ValueError("there are no shapes to draw from: `shapes` is empty")

    def covering(self, ways: int = 2) -> list[Example]:
        """A fixed set in which every pair of properties that can occur together does; with ways=3 every triple."""
        if self.any_shapes and not self.choices:
            plans = _covering_any(self.shapes, self.distinct, ways)
        else:
            plans = self.covering_plans(ways)
        rng = np.random.default_rng(0)
        return [self.example(plan, rng) for plan in plans]

    def random(self) -> st.SearchStrategy[Example]:
        """Examples that Hypothesis draws."""

        def draw(seed: int, shapes: Any, drawn: dict[str, Any]) -> Example:
            rng = np.random.default_rng(seed)
            plan = self.plan(rng)
            chosen = tuple({**dict(plan.settings), **drawn}.items())
            plan = plan._replace(settings=chosen, shapes=plan.shapes if shapes is None else shapes)
            return self.example(self.fitted(plan), rng)

        shapes = self.shapes if _is_strategy(self.shapes) else st.none()
        return st.builds(draw, st.integers(0, 2**32 - 1), shapes, st.fixed_dictionaries(self.strategies))

    def plan(self, rng: np.random.Generator) -> Plan:
        """A random plan."""
        shapes = self.draw_shapes(rng)
        values = tuple(VALUES[rng.integers(len(VALUES))] for _ in shapes)
        words = tuple(_words(rng) for _ in shapes)
        chosen = tuple((name, some[rng.integers(len(some))]) for name, some in self.choices.items())
        return self.fitted(Plan(shapes, values, words, chosen, _words(rng)))

    def draw_shapes(self, rng: np.random.Generator) -> tuple[Shape, ...]:
        """Random shapes."""
        return any_shapes(rng, self.shapes) if self.any_shapes else self.pool[rng.integers(len(self.pool))]

    def fitted(self, plan: Plan) -> Plan:
        """The plan without what does not go together."""
        words = tuple(
            tuple(word for word in fitting(words, shape) if not (self.distinct and word.startswith("expanded")))
            for words, shape in zip(plan.words, plan.shapes, strict=True)
        )
        values = tuple("spread" if self.distinct and kind == "ties" else kind for kind in plan.values)
        return plan._replace(shapes=tuple(map(tuple, plan.shapes)), words=words, values=values)

    def example(self, plan: Plan, rng: np.random.Generator) -> Example:
        """An example of this plan, with random numbers."""
        numbers = [
            numbers_like(kind, expandable(rng.random(shape), words), self.low, self.high, self.distinct)
            for shape, kind, words in zip(plan.shapes, plan.values, plan.words, strict=True)
        ]
        return Example(plan, tuple(numbers))

    def covering_plans(self, ways: int, candidates: int = 200, variations: int = 40) -> list[Plan]:
        """Greedily: the candidate with the most new pairs, varied as long as that gives it more of them.

        Triples are too many for that: there the candidates stay as they are.
        """
        rng = np.random.default_rng(0)
        known: dict[Property, int] = {}
        every = 0  # all pairs seen in any plan, as a number with one bit for each

        def pairs(plan: Plan) -> int:
            nonlocal every
            found = [known.setdefault(one, len(known)) for one in plan.properties()]
            bits = _groups(found, ways)
            every |= bits
            return bits

        pool = [(plan, pairs(plan)) for plan in (self.plan(rng) for _ in range(candidates))]
        chosen: list[Plan] = []
        covered = 0
        while not chosen or every & ~covered:
            best, bits = max(pool, key=lambda one: (one[1] & ~covered).bit_count())
            for _ in range(variations if ways == 2 else 0):
                other = self.varied(best, rng)
                more = pairs(other)
                if (more & ~covered).bit_count() > (bits & ~covered).bit_count():
                    best, bits = other, more
                    pool.append((other, more))
                elif more & ~covered & ~bits:
                    pool.append((other, more))
            chosen.append(best)
            covered |= bits
        return chosen

    def varied(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """The plan with one of its parts drawn anew."""
        number = len(plan.shapes)
        part, i = int(rng.integers(3 + bool(self.choices))), int(rng.integers(number))
        if part == 0:
            plan = plan._replace(shapes=self.draw_shapes(rng))
        elif part == 1:
            plan = plan._replace(words=(*plan.words[:i], _words(rng), *plan.words[i + 1 :]))
        elif part == 2:
            kind = VALUES[rng.integers(len(VALUES))]
            plan = plan._replace(values=(*plan.values[:i], kind, *plan.values[i + 1 :]))
        else:
            plan = plan._replace(settings=self.plan(rng).settings)
        return self.fitted(plan)


@functools.lru_cache(maxsize=32)
def _covering_any(number: int, distinct: bool, ways: int) -> list[Plan]:
    """Kept, since most operations take any shapes."""
    return Draws(number, distinct=distinct).covering_plans(ways, candidates=400, variations=80)


def _groups(numbers: Sequence[int], ways: int) -> int:
    """All groups of this many of these numbers, each a bit of the result: 1 << (a · 100 + b) for a pair."""
    if ways == 1:
        return functools.reduce(int.__or__, (1 << number for number in numbers), 0)
    found = 0
    for i, number in enumerate(sorted(numbers)):
        found |= _groups(sorted(numbers)[:i], ways - 1) << (number * 100 ** (ways - 1))
    return found


def any_shapes(rng: np.random.Generator, number: int) -> tuple[Shape, ...]:
    """Shapes that broadcast together: each number of dimensions and each kind of broadcasting equally often."""
    ndim = int(rng.integers(5))
    kind = ("unequal", "equal", "a one", "empty")[rng.integers(4)] if ndim else "equal"
    sizes = [2, 3, 2, 1] if ndim == 4 else [2, 3, 2][:ndim] if ndim > 1 else [3] * ndim
    whole = [2] * ndim if kind == "equal" and ndim > 1 else [int(size) for size in rng.permutation(sizes)]
    if kind in ("a one", "empty"):
        whole[rng.integers(ndim)] = 1 if kind == "a one" else 0
    full = tuple(whole)
    found = [full] * number
    if number > 1 and ndim:
        cut = 1 + int(rng.integers(ndim))
        less, more = full, full
        how = BROADCASTS[rng.integers(len(BROADCASTS))]
        if how == "in front":
            less = full[cut:]
        elif how == "a row":
            less = (1,) * cut + full[cut:]
        elif how == "a column":
            less = full[: ndim - cut] + (1,) * cut
        elif how == "in the middle" and ndim > 2:
            less = full[:1] + (1,) * (ndim - 2) + full[-1:]
        elif how == "a number":
            less = ()
        elif how == "both ways":
            less, more = (1,) * cut + full[cut:], full[:cut] + (1,) * (ndim - cut)
        one, other = (int(i) for i in rng.permutation(number)[:2])
        found[one], found[other] = less, more
    return tuple(found)


def _words(rng: np.random.Generator) -> Words:
    """A random layout."""
    step = STEPS[rng.integers(len(STEPS))]
    words = [ORDERS[rng.integers(len(ORDERS))], step and f"{step} {PLACES[rng.integers(len(PLACES))]}"]
    words += [word for word in OTHERS if rng.random() < 0.4]
    return tuple(word for word in words if word)


def _of_layout(words: Words) -> list[tuple[str, str]]:
    step, _, place = next((word for word in words if word.partition(" ")[0] in STEPS[1:]), "").partition(" ")
    order = next((word for word in words if word in ORDERS), "contiguous")
    flags = [(word, "yes" if word in words else "no") for word in OTHERS]
    return [("order", order), ("steps", step or "dense"), ("along", place or "none"), *flags]


def _sizes(shape: Shape) -> str:
    if 0 in shape:
        return "empty"
    if 1 in shape and len(shape) < 4:
        return "a one"
    return "unequal" if len(set(shape)) > 1 else "equal"


def _is_strategy(value: Any) -> bool:
    return isinstance(value, st.SearchStrategy)


def samples(strategy: st.SearchStrategy[Any], number: int = 60) -> list[Any]:
    """Some of what a strategy draws, without repetitions, always the same."""
    found: dict[str, Any] = {}

    @given(strategy)
    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def collect(drawn: Any) -> None:
        found.setdefault(repr(drawn), drawn)

    with contextlib.suppress(Unsatisfiable):
        collect()
    return list(found.values())
