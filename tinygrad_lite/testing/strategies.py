"""Hypothesis strategies: shapes, axes, indices, and tensors of every memory layout, which shrink to simple ones.

@given(tensors(shapes(max_dims=2)))
def test_my_operation(x):
    assert gradcheck(my_operation, x)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import has_derivative, leaf
from tinygrad_lite.testing.properties import (
    ORDERS,
    OTHERS,
    STEPPED,
    VALUES,
    expandable,
    lay_out,
    numbers_like,
    special_numbers,
)

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


def shapes(min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[Any]:
    """Shapes as tuples, each number of dimensions equally often, with sizes of 1 and, more rarely, 0."""
    sides = [side for side in (1, 2, 3, 2, 3, *range(4, max_side + 1), 0) if min_side <= side <= max_side]
    return st.sampled_from(range(min_dims, max(min_dims, max_dims) + 1)).flatmap(
        lambda ndim: st.tuples(*[st.sampled_from(sides or [min_side])] * ndim)
    )


@st.composite
def broadcastable_shapes(draw: Any, number: int = 2, **limits: Any) -> list[tuple[int, ...]]:
    """Several shapes that broadcast together: one whole, and others with dimensions set to 1 or left out in front."""
    whole = draw(shapes(**limits))
    found = [whole]
    for _ in range(number - 1):
        shape = tuple(draw(st.sampled_from([size, 1])) for size in whole)
        found.append(shape[draw(st.integers(0, len(shape))) :])
    return list(draw(st.permutations(found)))


def axes(ndim: int) -> st.SearchStrategy[int]:
    """One dimension of this many, counted from the front or, below 0, from the end."""
    return st.integers(-ndim, ndim - 1)


def dtypes(kinds: str = "f") -> st.SearchStrategy[Any]:
    """dtypes of these kinds: "f" floating, "i" integers, "b" bool."""
    return st.sampled_from([np.dtype(name) for name in DTYPES if np.dtype(name).kind in kinds])


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """What an array of this shape may be indexed with: ints, slices, None, ..., lists of positions, or a mask."""
    if draw(st.integers(0, 4)) == 4:
        return draw(arrays(shape, low=-1, high=1)) > 0
    index: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        kinds: list[Any] = [st.slices(size), st.just(slice(None))]
        if size:
            kinds += [st.integers(-size, size - 1), st.lists(st.integers(-size, size - 1), min_size=1, max_size=3)]
        index.append(draw(st.one_of(kinds)))
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, len(index))), None)
    if draw(st.booleans()):
        index.append(...)
    lists = [len(part) for part in index if isinstance(part, list)]
    if len(set(lists)) > 1:  # lists of positions go hand in hand
        index = [part[: min(lists)] if isinstance(part, list) else part for part in index]
    return tuple(index)


def where_differentiable(function: Callable[..., Any], inputs: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Of these inputs, a Tensor or a list of them, those that lie on no kink, jump or pole of the function."""
    return inputs.filter(lambda drawn: has_derivative(function, drawn))


@st.composite
def layouts(draw: Any) -> tuple[str, ...]:
    """Words for `lay_out`: an order, a step along a dimension, and what else there is."""
    step = draw(st.sampled_from(("", *STEPPED)))
    words = [draw(st.sampled_from(ORDERS)), step, *draw(st.lists(st.sampled_from(OTHERS), unique=True))]
    return tuple(word for word in words if word)


@st.composite
def arrays(
    draw: Any,
    shape: Any = None,
    dtype: Any = "float64",
    low: float = -3.0,
    high: float = 3.0,
    distinct: bool = False,
    special: bool = False,
) -> np.ndarray:
    """NumPy arrays with values from low to high, of all kinds and in any layout (see `properties.py`).

    shape: a tuple, or a strategy for one. distinct: no two values nearer than the range allows, for functions that
    have no derivative where values are equal, or 0. special: ±0, ±inf, NaN and the ends of the dtype are among them.
    """
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    size = int(np.prod(shape))
    kind = draw(st.sampled_from(VALUES))
    if distinct:
        steps = draw(st.permutations(range(size)))
        share = np.array(steps, "float64") / max(size, 1)
    else:
        # A failing value shrinks to 1.5, not to 1, whose powers and reciprocal are all the same.
        simplest = round(1000 * (min(max(1.5, low), high) - low) / (high - low))
        steps = draw(st.lists(st.integers(0, 1000), min_size=size, max_size=size))
        share = (simplest + np.array(steps, int)) % 1001 / 1000
    words = tuple(word for word in draw(layouts()) if not (distinct and word.startswith("expanded")))
    share = expandable(share.reshape(shape), words)
    numbers = np.asarray(numbers_like(kind, share, low, high, distinct)).astype(dtype)
    if special and size and np.dtype(dtype).kind == "f" and not any(word.startswith("expanded") for word in words):
        places = draw(st.lists(st.integers(0, size - 1), max_size=3))
        for place in places:
            numbers.reshape(-1)[place] = draw(st.sampled_from(special_numbers(dtype)))
    return lay_out(numbers, *words)


@st.composite
def tensors(draw: Any, shape: Any = None, dtype: Any = "float64", requires_grad: bool = True, **values: Any) -> Tensor:
    """Tensors around `arrays`, with their arguments."""
    return leaf(draw(arrays(shape, dtype, **values))).requires_grad_(requires_grad)
