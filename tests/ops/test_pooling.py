"""Poolings against PyTorch over their settings, and where they have no derivative: at ties, NaN and -∞."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import ops, tensor
from tinygrad_lite.nn import functional as F
from tinygrad_lite.ops.windows import Windows
from tinygrad_lite.testing import check_op

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(pairs, pairs, pairs, st.tuples(st.integers(0, 1), st.integers(0, 1)), st.booleans(), st.integers(0, 100))
def test_max_pool2d_is_pytorchs(kernel, stride, dilation, padding, ceil_mode, seed):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    x = np.random.default_rng(seed).integers(0, 4, (2, 2, 7, 8)).astype("float64")  # with many ties
    results = []
    for T in (tg, torch):
        leaf = T.tensor(x, requires_grad=True)
        y, indices = T.nn.functional.max_pool2d(
            leaf, kernel, stride, padding, dilation, ceil_mode=ceil_mode, return_indices=True
        )
        (g,) = T.autograd.grad((y * y).sum(), leaf)
        results.append((y.tolist(), indices.tolist(), g.tolist()))
    assert results[0] == results[1]


@given(pairs, pairs, st.tuples(st.integers(0, 1), st.integers(0, 1)), st.booleans(), st.booleans(), st.integers(0, 100))
def test_avg_pool2d_is_pytorchs(kernel, stride, padding, ceil_mode, count_include_pad, seed):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    x = np.random.default_rng(seed).normal(size=(2, 2, 7, 8))
    results = []
    for T in (tg, torch):
        leaf = T.tensor(x, requires_grad=True)
        y = T.nn.functional.avg_pool2d(
            leaf, kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad
        )
        (g,) = T.autograd.grad((y * y).sum(), leaf)
        results.append((y.detach().numpy(), g.numpy()))
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 7), st.integers(1, 9))
def test_adaptive_poolings_are_pytorchs(height, width, down, across):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    x = np.random.default_rng(0).normal(size=(2, height, width))
    for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        mine, other = (getattr(T.nn.functional, name)(T.tensor(x), (down, across)) for T in (tg, torch))
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)


def test_of_several_largest_the_first_gets_the_gradient():
    x = tensor([[[[1.0, 3.0], [3.0, 3.0]]]], requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[0.0, 1.0], [0.0, 0.0]]]]


def test_nan_is_larger_than_all():
    x = tensor([[[[1.0, float("nan")], [5.0, 3.0]]]], requires_grad=True)
    y = F.max_pool2d(x, 2)
    y.sum().backward()
    assert np.isnan(y.item())
    assert x.grad.tolist() == [[[[0.0, 1.0], [0.0, 0.0]]]]


def test_windows_that_overlap_add_their_gradients_up():
    x = tg.arange(9.0).reshape(1, 1, 3, 3).requires_grad_()
    F.max_pool2d(x, 2, 1).sum().backward()
    assert x.grad.flatten().tolist() == [0, 0, 0, 0, 1, 1, 0, 1, 1]
    x.grad = None
    F.avg_pool2d(x, 2, 1).sum().backward()
    assert x.grad.flatten().tolist() == [0.25, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 0.25]


def test_one_image_and_memory_layouts():
    x = tg.randn(4, 6, 3).permute(2, 0, 1)
    np.testing.assert_array_equal(F.max_pool2d(x, 2).numpy(), F.max_pool2d(x.contiguous().unsqueeze(0), 2)[0].numpy())
    assert F.avg_pool2d(x, (2, 3)).shape == (3, 2, 2)
    assert F.max_pool2d(tg.ones(0, 2, 4, 4), 2).shape == (0, 2, 2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.max_pool2d(tg.ones(1, 1, 2, 2), 3), r"padded input size.*\(2, 2\).*Kernel size: \(3, 3\).*greater"),
        (lambda: F.max_pool2d(tg.ones(4, 4), 2), r"max_pool2d: expected images .*, but got \(4, 4\)"),
        (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), 2, padding=2), "pad should be at most half of effective kernel"),
        (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), 2, padding=-1), "padding must be an int of at least 0"),
        (lambda: F.avg_pool2d(tg.ones(1, 1, 4, 4), 0), "avg_pool2d: kernel_size must be an int of at least 1"),
        (lambda: F.avg_pool2d(tg.ones(1, 1, 4, 4), 2, divisor_override=0), "divisor must be not zero"),
        (lambda: F.avg_pool2d(tg.ones(1, 1, 0, 4), 2), r"c, h and w not 0, but got \(1, 1, 0, 4\)"),
        (lambda: F.adaptive_avg_pool2d(tg.ones(1, 4, 4), (1, 2, 3)), "output_size must be an int"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_taking_and_putting_places_are_each_others_derivatives():
    windows = Windows(kernel=(2, 2), size=(2, 2), stride=(2, 1))
    place = tg.tensor([[[[0, 3], [2, 1]]]], dtype=tg.int16)
    check_op(lambda x: ops.take_place(x, place, windows=windows), st.just([(1, 1, 4, 3)]))
    check_op(lambda x: ops.put_place(x, place, image=(4, 3), windows=windows), st.just([(1, 1, 2, 2)]))


@pytest.mark.parametrize("settings", [(2, 2, 1), (3, 1, 1), (3, 2, 1), (2, 1, 1, 3), (3, 2, 1, 2), (3, 2, 1, 1, True)])
def test_the_largest_is_on_the_image_also_where_all_is_minus_infinity(settings):
    torch = pytest.importorskip("torch")
    x = np.full((1, 2, 5, 4), -np.inf)
    x[0, 1, 2, 1] = 0
    mine, theirs = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, index = F.max_pool2d(mine, *settings, return_indices=True)
    z, index_there = torch.nn.functional.max_pool2d(theirs, *settings, return_indices=True)
    assert index.tolist() == index_there.tolist()
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_array_equal(mine.grad.numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("padding", [0, 1])
def test_windows_larger_than_the_image_with_ceil_mode(kernel, stride, padding):
    torch = pytest.importorskip("torch")
    if 2 * padding > kernel:
        return
    image = np.arange(6.0).reshape(1, 2, 3)
    for name in ("max_pool2d", "avg_pool2d"):
        try:
            expected = getattr(torch.nn.functional, name)(torch.tensor(image), kernel, stride, padding, ceil_mode=True)
        except RuntimeError:
            with pytest.raises(RuntimeError, match="Kernel size"):
                getattr(F, name)(tensor(image), kernel, stride, padding, ceil_mode=True)
        else:
            found = getattr(F, name)(tensor(image), kernel, stride, padding, ceil_mode=True)
            np.testing.assert_allclose(found.numpy(), expected.numpy())


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32"])
def test_the_padding_is_less_than_every_number_of_any_dtype(dtype):
    x = tg.tensor([[[[-1, -4], [2, -4]]]], dtype=dtype)
    numbers, places = F.max_pool2d(x, 2, padding=(0, 1), return_indices=True)
    assert numbers.flatten().tolist() == [2, -4]
    assert places.flatten().tolist() == [2, 1]
