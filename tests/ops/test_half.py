"""Half precision is stored in 16 bits and summed in 32: a result that it can hold is right, however it came about."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import nn, tensor
from tinygrad_lite.nn import functional as F

BY_ROWS = {  # functions of a matrix
    "sum": lambda x: (x * (1 / len(x))).sum(),
    "sum 0": lambda x: (x * (1 / len(x))).sum(0),
    "mean": lambda x: x.mean(),
    "mean 0": lambda x: x.mean(0),
    "var": lambda x: (x * 0.01).var(),
    "std": lambda x: x.std(0),
    "norm": lambda x: (x * len(x) ** -0.5).norm(dim=0),
    "norm 3": lambda x: (x * len(x) ** -0.5).norm(3, dim=0),
    "norm of few": lambda x: (x[:3] * 0.5).norm(),
    "amax": lambda x: x.amax(),
    "max of equals": lambda x: (x * 0).max(),
    "cumsum": lambda x: x[:300].cumsum(0),
    "prod": lambda x: (x * 0 + 1).prod(0),
    "logsumexp": lambda x: x.logsumexp(0),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: (x * 1e-3).log_softmax(1),
    "einsum": lambda x: tg.einsum("ij->j", x * (1 / len(x))),
    "matmul": lambda x: x.T * (1 / len(x)) @ (x * 0 + 1),
    "broadcast": lambda x: (x * 0 + x[:1]) * (1 / len(x)),
    "embedding": lambda x: F.embedding(tg.zeros(len(x), dtype="int64"), x) * (1 / len(x)),
    "take": lambda x: x[[0] * len(x)] * (1 / len(x)),
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[1],)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "group_norm": lambda x: F.group_norm(x.reshape(1, 2, -1), 2),
    "mse_loss": lambda x: F.mse_loss(x * 0.01, x * 0.0),
    "l1_loss": lambda x: F.l1_loss(x, x * 0.0),
    "cross_entropy": lambda x: F.cross_entropy(x * 0.5, tg.zeros(len(x), dtype="int64")),
    "nll_loss": lambda x: F.nll_loss(x, tg.zeros(len(x), dtype="int64")),
    "bce": lambda x: F.binary_cross_entropy_with_logits(x * 0.5, x * 0.0 + 0.5),
    "attention": lambda x: F.scaled_dot_product_attention(*[x[:9] * 1e-3] * 3),
    "attention causal": lambda x: F.scaled_dot_product_attention(*[x[:9] * 1e-3] * 3, is_causal=True),
    "linear": lambda x: F.linear(x, tg.full((1, 2), 0.5, dtype=x.dtype)),
    "avg_pool2d": lambda x: F.avg_pool2d(x[None], (min(len(x), 50), 2)),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x[None], 1),
    "conv2d": lambda x: F.conv2d(x[None, None], tg.full((1, 1, 2, 2), 0.25, dtype=x.dtype)),
    "fold": lambda x: F.fold(F.unfold(x[None, None, :20], 2) * 0.25, (min(len(x), 20), x.shape[1]), 2),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what half precision cannot hold is infinite
@pytest.mark.parametrize("name", BY_ROWS)
@given(
    rows=st.sampled_from([4, 300, 5_000, 70_000]),
    size=st.sampled_from([1.0, 300.0, 50_000.0]),
    equal=st.booleans(),
    seed=st.integers(0, 9),
)
def test_half_precision_is_what_more_precise_numbers_are_when_rounded(name, rows, size, equal, seed):
    rng = np.random.default_rng(seed)
    equal = equal and not ("_norm" in name and size > 1000)  # the mean's own rounding in 32 bits is all that is left
    x = (np.ones((rows, 2)) if equal else rng.choice([-1, -0.5, 0.25, 1], (rows, 2))) * size
    weights = None
    found = []
    for dtype in ("float16", "float64"):
        leaf = tensor(x.astype(dtype), requires_grad=True)
        y = BY_ROWS[name](leaf)
        weights = rng.choice([0.5, 1, 2], y.shape) if weights is None else weights
        y.backward(tensor(weights, dtype=dtype))
        assert y.dtype == leaf.grad.dtype == dtype
        found.append([y.detach().numpy().astype("float64"), leaf.grad.numpy().astype("float64")])
    for half, exact in zip(*found, strict=True):
        held = np.abs(exact) < 65_000
        assert np.isfinite(half[held]).all()
        # A hundredth of the largest is the rounding of the steps between, 6e-8 the least number in half precision, and
        # 1e-6 of the numbers' size what 32 bits leave of a difference that should be 0.
        largest = np.abs(exact[held]).max(initial=0)
        np.testing.assert_allclose(half[held], exact[held], rtol=0.01, atol=0.01 * largest + 6e-8 + 1e-6 * size)


def test_the_gradient_of_a_bias_under_many_rows():
    bias = tg.zeros(3, dtype="float16", requires_grad=True)
    x, weight = tg.ones(5_000, 2, dtype="float16"), tg.ones(3, 2, dtype="float16")
    F.linear(x, weight, bias).sum().backward()
    assert bias.grad.tolist() == [5_000] * 3
    bias = tg.zeros(3, dtype="float16", requires_grad=True)
    (tg.ones(5_000, 3, dtype="float16") + bias).sum().backward()
    assert bias.grad.tolist() == [5_000] * 3


def test_gradients_of_half_precision_are_clipped():
    p = nn.Parameter(tg.zeros(2, dtype="float16"))
    p.grad = tensor([300.0, 400.0], dtype="float16")
    total = nn.utils.clip_grad_norm_([p], 1.0)
    assert (total.item(), total.dtype) == (500, "float32")
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-3)
    p.grad = tensor([60_000.0, 60_000.0], dtype="float16")  # the norm is more than half precision holds
    nn.utils.clip_grad_norm_([p], 1.0)
    np.testing.assert_allclose(p.grad.numpy(), [0.5**0.5] * 2, rtol=2e-3)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (lambda x: x * 1e30, [0.0, np.inf, np.inf]),
        (lambda x: x * 1e-8, [0.0, 1e-8, 6e-4]),
        (lambda x: x / 1e5, [0.0, 1e-5, 0.6]),
        (lambda x: x.clone().mul_(1e-8), [0.0, 1e-8, 6e-4]),
        (lambda x: x.clone().div_(1e5), [0.0, 1e-5, 0.6]),
        (lambda x: x.clone().add_(x, alpha=-1e-8), [0.0, 1.0, 6e4]),
    ],
)
def test_a_number_beside_half_precision_may_be_one_that_half_does_not_hold(operation, expected):
    x = tg.tensor([0.0, 1.0, 60000.0], dtype=tg.float16)
    y = operation(x)
    assert y.dtype == tg.float16
    np.testing.assert_array_equal(y.numpy(), np.array(expected, "float64").astype("float16"))


def test_nor_do_its_gradients_lose_that_number():
    x = tg.tensor([60000.0], dtype=tg.float16, requires_grad=True)
    ((x * 1e-8) * 1e4).sum().backward()
    assert x.grad.item() == pytest.approx(1e-4, rel=2e-3)
