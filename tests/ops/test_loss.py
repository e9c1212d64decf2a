"""The losses that are single operations, against the same composed of small ones: values, first and second derivatives.

(`test_derivatives` compares them with differences and with PyTorch.)
"""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lite import Tensor, ops, tensor, where
from tinygrad_lite.autograd import grad
from tinygrad_lite.nn import functional as F
from tinygrad_lite.testing.strategies import arrays


def value_and_derivatives(loss, *inputs):
    """The loss, its gradients, and the gradients of a weighted sum of these."""
    y = loss(*inputs)
    first = grad(y, list(inputs), create_graph=True)
    total = sum(((g * tensor(np.cos(np.arange(g.numel()).reshape(g.shape)))).sum() for g in first), tensor(0.0))
    second = grad(total, list(inputs), allow_unused=True)
    return [np.zeros(()) if t is None else t.detach().numpy() for t in (y, *first, *second)]


def agree(fused, composed, *inputs):
    for mine, other in zip(
        value_and_derivatives(fused, *inputs), value_and_derivatives(composed, *inputs), strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-11)


def leaf(array):
    return tensor(np.asarray(array), requires_grad=True)


@given(st.data(), st.integers(1, 5), st.integers(1, 4))
def test_cross_entropy_is_log_softmax_at_the_targets(data, rows, classes):
    logits = leaf(data.draw(arrays((rows, classes), low=-30, high=30)))
    targets = data.draw(st.lists(st.integers(-1, classes - 1), min_size=rows, max_size=rows))
    if set(targets) == {-1}:
        targets[0] = 0
    counted = [i for i, target in enumerate(targets) if target != -1]

    def composed(x: Tensor) -> Tensor:
        return -x.log_softmax(1)[counted, [targets[i] for i in counted]].mean()

    agree(lambda x: F.cross_entropy(x, tensor(targets), ignore_index=-1), composed, logits)


@given(st.data(), st.sampled_from([((3,), (3,)), ((2, 3), (2, 3)), ((2, 1), (3,)), ((), (2,))]))
def test_mse_loss_is_the_mean_of_squares(data, shapes):
    agree(ops.mse_loss, lambda a, b: ((a - b) ** 2).mean(), *(leaf(data.draw(arrays(shape))) for shape in shapes))


@given(st.data())
def test_binary_cross_entropy_is_two_logarithms(data):
    x = leaf(data.draw(arrays((2, 3), low=-8, high=8)))
    t = leaf(data.draw(arrays((2, 3), low=0.1, high=0.9)))
    agree(
        lambda x, t: ops.binary_cross_entropy_with_logits(x, t).sum(),
        lambda x, t: -(t * x.sigmoid().log() + (1 - t) * (1 - x.sigmoid()).log()).sum(),
        x,
        t,
    )


def test_large_logits_neither_overflow_nor_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], requires_grad=True)
        loss = F.cross_entropy(x, tensor([0, 0]))
        loss.backward()
        assert loss.item() == 1e4
        assert x.grad.tolist() == [[0.0, 0.0, 0.0], [-0.5, 0.5, 0.0]]
        x = tensor([1e4, -1e4, 1e4, -1e4], requires_grad=True)
        losses = ops.binary_cross_entropy_with_logits(x, tensor([1.0, 0.0, 0.0, 1.0]))
        losses.sum().backward()
        assert losses.tolist() == [0.0, 0.0, 1e4, 1e4]
        assert x.grad.tolist() == [0.0, 0.0, 1.0, -1.0]


def test_a_class_that_cannot_be_has_no_gradient():
    x = tensor([[float("-inf"), 0.0, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    np.testing.assert_allclose(x.grad.tolist(), [[0.0, -0.5, 0.5]])


def test_a_row_that_is_ignored_lets_no_nan_through():
    x = tensor([[float("nan"), 1.0], [0.0, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, tensor([-100, 1]))
    assert loss.item() == pytest.approx(np.log(2))
    everything_ignored = F.cross_entropy(x, tensor([-100, -100]))
    assert np.isnan(everything_ignored.item())  # the mean of nothing: as in PyTorch


@pytest.mark.cpu
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_targets_of_any_integer_dtype(dtype):
    x = tensor([[0.0, 1.0, 2.0]])
    target = Tensor._wrap(np.array([2], dtype=dtype))
    assert F.cross_entropy(x, target).item() == pytest.approx(F.cross_entropy(x, tensor([2])).item())


@pytest.mark.parametrize(("target", "wrong"), [([0, 5], 5), ([-1, 0], -1), ([3, 1], 3), ([-100, 2**40], 2**40)])
def test_a_target_that_is_no_class_is_refused_by_name(target, wrong):
    with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds: with 3 classes.*0, ..., 2"):
        F.cross_entropy(tensor(np.zeros((2, 3))), tensor(target))


def test_each_loss_is_one_recorded_operation():
    x, t = leaf(np.zeros((2, 3))), tensor([0, 2])
    for loss, name in (
        (F.nll_loss(x, t), "NllLossBackward0"),
        (ops.mse_loss(x, tensor(np.ones((2, 3)))), "MseLossBackward0"),
    ):
        assert loss.grad_fn.name() == name
        assert loss.grad_fn.next_functions[0][0] is x


def test_where_keeps_what_is_compared_honest():
    """The composed form of an ignored row: its gradient is exactly zero, in the fused form too."""
    x = leaf([[1.0, 2.0], [3.0, -1.0]])
    kept = tensor([True, False])
    composed = where(kept, -x.log_softmax(1)[[0, 1], [1, 0]], 0.0).sum()
    (expected,) = grad(composed, x)
    (given,) = grad(F.cross_entropy(x, tensor([1, -100])), x)
    np.testing.assert_allclose(given.numpy(), expected.numpy(), rtol=1e-12)
    assert given.tolist()[1] == [0.0, 0.0]


def test_logistic_losses_far_out():
    """At ±∞ the loss of a sure and right guess is 0, and no digit is lost where it is nearly so."""
    x = tensor([np.inf, -np.inf, 17.0, 50.0, -50.0, 0.0], dtype="float32", requires_grad=True)
    y = F.logsigmoid(x)
    np.testing.assert_allclose(y.detach().numpy(), [0, -np.inf, -4.14e-8, -1.929e-22, -50, -0.693147], rtol=1e-3)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 1, 4.14e-8, 1.929e-22, 1, 0.5], rtol=1e-3)
    bce = F.binary_cross_entropy_with_logits
    assert bce(tensor([np.inf, -np.inf]), tensor([1.0, 0.0]), reduction="none").tolist() == [0.0, 0.0]
    assert bce(tensor([np.inf, -np.inf]), tensor([0.0, 0.5]), reduction="none").tolist() == [np.inf, np.inf]
    assert np.isnan(bce(tensor([np.nan]), tensor([1.0])).item())
