"""Normalizations, dropout, embeddings and attention as functions: what the table of operations does not tell."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import tensor
from tinygrad_lite.nn import functional as F


def test_batch_norm_moves_the_running_statistics():
    x = tensor([[1.0, 10.0], [3.0, 30.0]])
    mean, var = tg.zeros(2), tg.ones(2)
    y = F.batch_norm(x, mean, var, training=True, momentum=0.5)
    np.testing.assert_allclose(y.numpy(), [[-1, -1], [1, 1]], atol=1e-4)
    np.testing.assert_allclose(mean.numpy(), [1.0, 10.0])
    np.testing.assert_allclose(var.numpy(), [0.5 + 1.0, 0.5 + 100.0])  # of the unbiased variances, 2 and 200
    y = F.batch_norm(x, mean, var)
    np.testing.assert_allclose(y.numpy()[0], [0.0, 0.0], atol=1e-6)


def test_dropout_keeps_the_mean_and_repeats_with_the_seed():
    tg.manual_seed(0)
    x = tg.ones(10000, requires_grad=True)
    y = F.dropout(x, 0.3)
    assert set(np.unique(y.detach().numpy())) == {np.float32(0), np.float32(1 / 0.7)}
    assert y.mean().item() == pytest.approx(1, abs=0.02)
    y.sum().backward()
    assert (x.grad == y.detach()).all()
    tg.manual_seed(0)
    assert (F.dropout(x, 0.3) == y).all()
    assert F.dropout(x, 0.3, training=False) is x
    assert (F.dropout(x, 1.0) == 0).all()


def test_embedding_adds_up_gradients_and_leaves_padding_alone():
    weight = tg.randn(4, 2).requires_grad_()
    (F.embedding(tensor([1, 3, 1]), weight, padding_idx=3) * tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert weight.grad.tolist() == [[0, 0], [4, 4], [0, 0], [0, 0]]
    assert F.embedding(tg.zeros(2, 0, dtype=tg.int64), weight).shape == (2, 0, 2)


def test_one_hot():
    assert F.one_hot(tensor([[0, 2]])).tolist() == [[[1, 0, 0], [0, 0, 1]]]
    assert F.one_hot(tensor([1]), 4).tolist() == [[0, 1, 0, 0]]
    assert F.one_hot(tensor([1])).dtype == tg.int64


def test_a_query_that_may_look_at_nothing_gets_zero():
    q = tg.ones(2, 3, requires_grad=True)
    mask = tensor([[False, False], [True, False]])
    y = F.scaled_dot_product_attention(q, tg.ones(2, 3), tensor([[1.0], [5.0]]), attn_mask=mask)
    y.sum().backward()
    assert y.tolist() == [[0.0], [1.0]]
    assert q.grad.isfinite().all()
    added = tensor([[0.0, float("-inf")], [0.0, 0.0]])
    y = F.scaled_dot_product_attention(q, tg.ones(2, 3), tensor([[1.0], [5.0]]), attn_mask=added)
    np.testing.assert_allclose(y.tolist(), [[1.0], [3.0]], rtol=1e-6)


def test_attention_as_in_pytorch_with_dropout_and_masks():
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(2, 4, 5, 8)), rng.normal(size=(2, 4, 6, 8)), rng.normal(size=(2, 4, 6, 3))
    mask = rng.random((5, 6)) > 0.5
    mask[0] = False
    ours, theirs = (
        T.nn.functional.scaled_dot_product_attention(
            T.tensor(q), T.tensor(k), T.tensor(v), attn_mask=T.tensor(mask)
        ).numpy()
        for T in (tg, torch)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.batch_norm(tg.ones(1, 3), None, None, training=True), ValueError, "more than 1 value per channel"),
        (lambda: F.batch_norm(tg.ones(2, 3), tg.zeros(2), tg.ones(3)), ValueError, "running_mean should contain 3"),
        (lambda: F.batch_norm(tg.ones(2, 3), None, None), ValueError, "to be defined when training=False"),
        (lambda: F.batch_norm(tg.ones(3), None, None, training=True), ValueError, r"expected an input \(n, channels"),
        (lambda: F.layer_norm(tg.ones(2, 3), (2,)), ValueError, r"normalized_shape=\[2\] expected .* got \(2, 3\)"),
        (lambda: F.layer_norm(tg.ones(2, 3), (3,), tg.ones(2)), ValueError, r"weight should have the shape \(3,\)"),
        (lambda: F.group_norm(tg.ones(2, 3), 2), ValueError, "divisible by num_groups=2"),
        (lambda: F.dropout(tg.ones(2), 1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: F.embedding(tensor([0, 4]), tg.ones(4, 2)), IndexError, "indices go from 0 to 4.*rows 0, ..., 3"),
        (lambda: F.embedding(tensor([-1]), tg.ones(4, 2)), IndexError, "index out of range"),
        (lambda: F.embedding(tensor([0.5]), tg.ones(4, 2)), TypeError, "expected integer indices, but got float32"),
        (lambda: F.one_hot(tensor([3]), 3), IndexError, "from 0 to num_classes - 1 = 2"),
        (
            lambda: F.scaled_dot_product_attention(tg.ones(2, 3), tg.ones(2, 4), tg.ones(2, 4)),
            ValueError,
            r"\(2, 3\), \(2, 4\) and \(2, 4\)",
        ),
        (lambda: F.unfold(tg.ones(1, 1, 2, 2), 3), ValueError, "Kernel size can't be greater"),
        (lambda: F.fold(tg.ones(1, 4, 3), (3, 3), 2), ValueError, r"expected columns \(n, c · 4, 4\)"),
        (lambda: F.interpolate(tg.ones(1, 1, 2, 2)), ValueError, "give either size or scale_factor"),
        (lambda: F.interpolate(tg.ones(1, 1, 2, 2), 3, mode="cubic"), NotImplementedError, "'nearest' or 'bilinear'"),
    ],
)
def test_what_makes_no_sense_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
