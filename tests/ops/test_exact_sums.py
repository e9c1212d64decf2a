"""How exact sums are: in every dtype, memory layout and direction, of few numbers and of millions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite
from tinygrad_lite import backend, tensor


@st.composite
def arrays_and_axes(draw):
    """An array of any float dtype and layout, with dimensions that are long enough to matter, and axes to sum over."""
    dims = draw(st.integers(1, 4))
    shape = tuple(draw(st.sampled_from([1, 2, 3, 7, 130, 300, 1500])) for _ in range(dims))
    if math.prod(shape) > 1_000_000:
        shape = (*shape[:1], *(min(n, 7) for n in shape[1:]))
    dtype = draw(st.sampled_from(["float16", "float32", "float64"]))
    equal = draw(st.booleans())  # rounding errors of equal numbers all go the same way
    x = np.full(shape, 0.1) if equal else np.random.default_rng(draw(st.integers(0, 99))).uniform(-1, 1, shape)
    x = x.astype(dtype).transpose(draw(st.permutations(range(dims))))
    x = x[tuple(slice(None, None, draw(st.sampled_from([1, 1, 2, -1]))) for _ in range(dims))]
    if draw(st.booleans()):
        x = np.broadcast_to(x, (5, *x.shape))
    axes = draw(st.lists(st.integers(-x.ndim, x.ndim - 1), min_size=1, unique_by=lambda d: d % x.ndim))
    return x, draw(st.sampled_from([None, axes[0], tuple(axes)]))


@given(arrays_and_axes(), st.booleans())
def test_a_sum_is_as_exact_as_its_dtype(drawn, keepdims):
    x, axis = drawn
    exact = x.astype("longdouble")
    y, z, size = backend.sum(x, axis, keepdims), *(a.sum(axis=axis, keepdims=keepdims) for a in (exact, abs(exact)))
    assert y.shape == z.shape
    assert y.dtype == x.dtype
    assert np.all(np.abs(y - z) <= 60 * np.finfo(x.dtype).eps * size)


@given(arrays_and_axes())
def test_a_cumulative_sum_is_as_exact_as_its_dtype(drawn):
    x, axis = drawn
    axis = axis if isinstance(axis, int) else 0
    exact = x.astype("longdouble")
    y = backend.cumsum(x, axis)
    assert y.dtype == x.dtype
    assert np.all(np.abs(y - exact.cumsum(axis)) <= 2 * np.finfo(x.dtype).eps * abs(exact).cumsum(axis))


@pytest.mark.cpu  # NumPy's order of summing: a GPU sums in a tree
def test_millions_of_numbers_along_the_first_dimension():
    x = tinygrad_lite.full((2_000_000, 3), 0.1)
    for mean in (x.mean(0), x.mean(), x[:, ::2].mean(), x.T.mean(1), x.sum(0) / 2_000_000, x.cumsum(0)[-1] / 2_000_000):
        np.testing.assert_allclose(mean.numpy(), 0.1, rtol=1e-5)
    np.testing.assert_allclose(x.T.cumsum(1)[:, -1].numpy(), 200_000, rtol=1e-6)
    assert x.var(0).max().item() < 1e-10


@pytest.mark.cpu  # NumPy's order of summing: a GPU sums in a tree
def test_the_gradient_of_a_row_added_to_many():
    row = tinygrad_lite.zeros(4, requires_grad=True)
    ((tinygrad_lite.zeros(200_000, 4) + row) * 0.1).sum().backward()
    np.testing.assert_allclose(row.grad.numpy(), 20_000, rtol=1e-5)
    bias = tinygrad_lite.zeros(4, requires_grad=True)
    x, weight = tinygrad_lite.zeros(200_000, 2), tinygrad_lite.zeros(4, 2)
    (tinygrad_lite.nn.functional.linear(x, weight, bias) * 0.1).sum().backward()
    np.testing.assert_allclose(bias.grad.numpy(), 20_000, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint16", "int32", "int64"])
def test_integers_are_summed_and_multiplied_as_int64(dtype):
    x = tensor(np.array([[1, 0, 1], [1, 1, 1]], dtype))
    for y in (x.sum(), x.sum(0), x.sum((0, 1), keepdim=True), x.prod(), x.prod(1), x.cumsum(0)):
        assert y.dtype == "int64"
    assert x.sum(1).tolist() == [2, 3]
    assert x.prod(1).tolist() == [0, 1]
    large = tensor(np.full(10, 100, "uint8"))
    assert (large.sum().item(), large.cumsum(0)[-1].item(), large[:4].prod().item()) == (1000, 1000, 10**8)
