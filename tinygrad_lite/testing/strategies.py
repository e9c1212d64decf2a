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

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
LAYOUTS = ("contiguous", "transposed", "strided", "reversed", "read-only")


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[Any]:
    """Shapes as tuples, dimensions of size 0 and 1 among them."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable_shapes(draw: Any, number: int = 2, **limits: Any) -> list[tuple[int, ...]]:
    """Several shapes that broadcast together: one shape, with dimensions set to 1 or left out in front."""
    whole = draw(shapes(**limits))
    found = []
    for _ in range(number):
        shape = tuple(draw(st.sampled_from([size, 1])) for size in whole)
        found.append(shape[draw(st.integers(0, len(shape))) :])
    return found


def axes(ndim: int) -> st.SearchStrategy[int]:
    """One dimension of so many, counted from the front or, below 0, from the end."""
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
def arrays(
    draw: Any,
    shape: Any = None,
    dtype: Any = "float64",
    low: float = -3.0,
    high: float = 3.0,
    distinct: bool = False,
) -> np.ndarray:
    """NumPy arrays with values from low to high, in any of LAYOUTS.

    shape: a tuple, or a strategy for one. distinct: no two values nearer than the range allows, for functions that
    have no derivative where values are equal, or 0.
    """
    shape = draw(shapes()) if shape is None else draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    size = int(np.prod(shape))
    if distinct:
        order = draw(st.permutations(range(size)))
        values = [low + (high - low) * (i + 0.37) / max(size, 1) for i in order]
    else:
        # What fails shrinks to 1.5, for 1 would not do: of it powers and reciprocals are all the same.
        simplest = round(1000 * (min(max(1.5, low), high) - low) / (high - low))
        steps = draw(st.lists(st.integers(0, 1000), min_size=size, max_size=size))
        values = [low + (high - low) * ((simplest + step) % 1001) / 1000 for step in steps]
    numbers = np.array(values, "float32").astype(dtype)  # the same in every precision from float32 on
    return lay_out(numbers.reshape(shape), draw(st.sampled_from(LAYOUTS)))


@st.composite
def tensors(draw: Any, shape: Any = None, dtype: Any = "float64", requires_grad: bool = True, **values: Any) -> Tensor:
    """Tensors around `arrays`, with their arguments."""
    return leaf(draw(arrays(shape, dtype, **values))).requires_grad_(requires_grad)


def lay_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same numbers in the same shape, in another order in memory."""
    if layout == "transposed":
        return np.asfortranarray(array)
    if layout == "strided" and array.ndim:
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.pi).astype(array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "reversed" and array.ndim:
        return array[::-1].copy()[::-1]
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array
