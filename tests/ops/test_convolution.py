"""Convolution: against the sum it stands for, against differences, against PyTorch, to second order; memory; errors."""

import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import Tensor
from tinygrad_lite.nn import functional as F
from tinygrad_lite.testing import gradcheck, gradgradcheck
from tinygrad_lite.testing.properties import LAYOUTS, expandable, lay_out


@st.composite
def problems(draw, largest=6):
    groups = draw(st.integers(1, 2))
    stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))  # rows and columns are treated differently
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for d, k, p in zip(dilation, kernel, padding, strict=True)]
    size = [draw(st.integers(smallest, max(smallest, largest))) for smallest in least]
    n, c, o = draw(st.integers(0, 2)), groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 100)))
    layouts = draw(st.sampled_from(LAYOUTS)), draw(st.sampled_from(LAYOUTS))
    sizes = (n, c, *size), (o, c // groups, *kernel)
    x, w = (lay_out(expandable(rng.normal(size=s), [way]), way) for s, way in zip(sizes, layouts, strict=True))
    return x, w, rng.normal(size=o), {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def by_definition(x, w, b, stride, padding, dilation, groups):
    """The sum, number by number."""
    padded = np.pad(x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    size = [(n - span) // s + 1 for n, span, s in zip(padded.shape[2:], spans, stride, strict=True)]
    y = np.zeros((len(x), len(w), *size))
    inputs, outputs = x.shape[1] // groups, len(w) // groups
    for o in range(len(w)):
        channels = slice(o // outputs * inputs, (o // outputs + 1) * inputs)
        for i in range(size[0]):
            for j in range(size[1]):
                rows = slice(i * stride[0], i * stride[0] + spans[0], dilation[0])
                columns = slice(j * stride[1], j * stride[1] + spans[1], dilation[1])
                y[:, o, i, j] = (padded[:, channels, rows, columns] * w[o]).sum((1, 2, 3)) + b[o]
    return y


def leaves(*arrays):
    return [Tensor._wrap(array).requires_grad_() for array in arrays]


@given(problems())
@settings(max_examples=settings.default.max_examples * 2)
def test_the_sum_it_stands_for(problem):
    x, w, b, how = problem
    y = F.conv2d(*leaves(x, w, b), **how)
    np.testing.assert_allclose(y.detach().numpy(), by_definition(x, w, b, **how), atol=1e-12)


@given(problems(largest=4))
@settings(max_examples=settings.default.max_examples // 4)
def test_first_and_second_derivatives(problem):
    x, w, b, how = problem
    assert gradcheck(lambda *a: F.conv2d(*a, **how), leaves(x, w, b))
    assert gradgradcheck(lambda *a: F.conv2d(*a, **how) ** 2, leaves(x[:1], w, b))


@given(problems(), st.integers(0, 1))
def test_values_and_derivatives_are_pytorchs(problem, more):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    x, w, b, how = problem
    x = np.concatenate([x, np.ones((1, *x.shape[1:]))])
    wide = np.random.default_rng(0).normal(size=(x.shape[1], w.shape[0] // how["groups"], *w.shape[2:]))
    extra = [more if s > 1 else 0 for s in how["stride"]]

    def run(T, leaf):
        a, k, c, t = (leaf(array) for array in (x, w, b, wide))
        first = T.nn.functional.conv2d(a, k, c, **how).tanh()
        up = None
        if all((n - 1) * s - 2 * p + d * (m - 1) + 1 > 0 for n, s, p, d, m in zip(
            x.shape[2:], how["stride"], how["padding"], how["dilation"], w.shape[2:], strict=True
        )):  # fmt: skip
            up = T.nn.functional.conv_transpose2d(a, t, c, output_padding=extra, **how).tanh()
        total = first.sum() if up is None else first.sum() + (up**2).sum()
        inputs = [a, k, c] if up is None else [a, k, c, t]
        grads = T.autograd.grad(total, inputs, create_graph=True)
        again = T.autograd.grad(sum((g**2).sum() for g in grads), inputs)
        return [z.detach().numpy() for z in [first, *([] if up is None else [up]), *grads, *again]]

    ours = run(tg, lambda array: tg.tensor(array, requires_grad=True))
    theirs = run(torch, lambda array: torch.tensor(array.copy(), requires_grad=True))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_one_dimension_one_image_and_padding_same(kernel, dilation):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(2, 3, 9)), rng.normal(size=(4, 3, kernel)), rng.normal(size=4)
    for how in ({"padding": "same", "dilation": dilation}, {"padding": "valid"}, {"stride": 2, "padding": 1}):
        mine = F.conv1d(*(tg.tensor(array) for array in (x, w, b)), **how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch copies for an even kernel, and says so
            other = torch.nn.functional.conv1d(*(torch.tensor(array) for array in (x, w, b)), **how)
        np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=1e-12)
    single = F.conv2d(tg.tensor(x), tg.tensor(w[:, :2].reshape(4, 2, 1, kernel)), padding="same")
    assert single.shape == (4, 3, 9)


@pytest.mark.cpu
@pytest.mark.parametrize("piece", [1, 2_000, 10**9])
def test_a_batch_gives_what_each_image_gives_by_itself(monkeypatch, piece):
    """In one piece or several, turned round in one go or several, rows multiplied one by one or all together."""
    monkeypatch.setattr(sys.modules["tinygrad_lite.ops.convolution"], "PIECE", piece)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(70, 2, 9, 8)), rng.normal(size=(24, 1, 3, 2))
    how = {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "groups": 2}
    images, weight = leaves(x, w)
    y = F.conv2d(images, weight, **how)
    g = rng.normal(size=y.shape)
    y.backward(tg.tensor(g))
    total = np.zeros_like(w)
    for i in range(len(x)):
        image, weight_again = leaves(x[i : i + 1], w)
        one = F.conv2d(image, weight_again, **how)
        one.backward(tg.tensor(g[i : i + 1]))
        np.testing.assert_allclose(y[i].detach().numpy(), one[0].detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(images.grad[i].numpy(), image.grad[0].numpy(), atol=1e-12)
        total += weight_again.grad.numpy()
    np.testing.assert_allclose(weight.grad.numpy(), total, atol=1e-10)


@pytest.mark.cpu
def test_memory_stays_within_a_small_multiple_of_inputs_and_outputs():
    x = tg.randn(32, 16, 28, 28, requires_grad=True)
    w = tg.randn(32, 16, 5, 5, requires_grad=True)
    F.conv2d(x[:1], w).sum().backward()
    tracemalloc.start()
    y = F.conv2d(x, w, padding=2)
    y.sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    bytes_of = 4 * (x.numel() + y.numel())
    assert peak < 3 * bytes_of + 2**24  # the rows for the whole batch would be 25 times x


def test_no_images_give_no_outputs_and_a_gradient_of_zeros():
    x, w = leaves(np.ones((0, 2, 4, 4)), np.ones((3, 2, 3, 3)))
    y = F.conv2d(x, w)
    assert y.shape == (0, 3, 2, 2)
    y.sum().backward()
    assert x.grad.shape == x.shape
    assert w.grad.abs().sum().item() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.conv2d(tg.ones(1, 2, 3, 3), tg.ones(1, 2, 4, 4)), "Kernel size can't be greater"),
        (lambda: F.conv2d(tg.ones(1, 2, 3, 3), tg.ones(1, 3, 2, 2)), "expected input to have 3 channels, but got 2"),
        (lambda: F.conv2d(tg.ones(1, 3, 3, 3), tg.ones(2, 1, 2, 2), groups=2), "divisible by groups=2"),
        (lambda: F.conv2d(tg.ones(3, 3), tg.ones(1, 1, 2, 2)), r"expected an input \(n, c, h, w\)"),
        (lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 2, 2)), r"weight \(1, 2, 2\)"),
        (
            lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2), padding=-1),
            "padding must be an int of at least 0",
        ),
        (lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2), stride=0), "stride must be an int of at least 1"),
        (lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2), padding="same", stride=2), "not supported for str"),
        (lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2), padding="some"), "padding must be an int"),
        (lambda: F.conv1d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2)), "conv1d: expected an input"),
        (lambda: F.conv_transpose2d(tg.ones(1, 2, 3, 3), tg.ones(3, 1, 2, 2)), "expected input to have 3 channels"),
        (
            lambda: F.conv_transpose2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2), output_padding=1),
            "output padding must be smaller",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("layer", [lambda x: x, lambda x: x.relu(), lambda x: F.max_pool2d(x, 2)])
def test_what_follows_a_convolution_can_be_viewed(layer):
    """Its numbers lie in another order in memory, which `view` must not show."""
    rng = np.random.default_rng(0)
    x, weight = (tg.tensor(rng.random(shape), requires_grad=True) for shape in ((3, 2, 6, 6), (4, 2, 3, 3)))
    y = layer(F.conv2d(x, weight))
    expected = y.detach().numpy().copy()
    flat = y.view(y.size(0), -1)
    np.testing.assert_array_equal(flat.detach().numpy(), expected.reshape(3, -1))
    assert y.is_contiguous()
    (flat * flat).sum().backward()
    found = weight.grad.numpy()
    weight.grad = None
    y = layer(F.conv2d(x, weight))
    (y * y).sum().backward()
    np.testing.assert_allclose(found, weight.grad.numpy())
    with tg.no_grad():
        y = layer(F.conv2d(x, weight))
        flat = y.view(-1)
        flat.zero_()
        assert not y.any(), "a view shares the memory"


def test_a_view_of_what_the_user_has_reordered_is_refused():
    x = tg.tensor(np.zeros((2, 3, 4, 5))).permute(3, 0, 1, 2)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(-1)
