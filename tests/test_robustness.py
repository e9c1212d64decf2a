"""What users do to an engine: threads, interrupts, copies, extreme numbers, batches without examples."""

from __future__ import annotations

import concurrent.futures
import copy
import gc
import pickle
import signal
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import autograd, nn, op, optim, tensor
from tinygrad_lite.data import DataLoader, TensorDataset
from tinygrad_lite.nn import functional as F

inf = float("inf")


# ------------------------------------------------------------------------------------------------------- threads


def make_training(seed):
    """A model of its own, and a function that trains it for a while and gives its weights."""
    tg.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rng = np.random.default_rng(seed)
    x, y = tensor(rng.normal(size=(32, 4)).astype("float32")), tensor(rng.integers(0, 2, 32))

    def train(steps=200):
        for step in range(steps):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 10 == 0:
                with tg.no_grad():
                    model(x)
        return [p.detach().numpy().copy() for p in model.parameters()]

    return train


def test_two_threads_that_train_two_models_get_what_each_gets_alone():
    alone = [make_training(seed)() for seed in (1, 2)]
    for _ in range(3):
        trainings = [make_training(seed) for seed in (1, 2)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda train: train(), trainings))
        for mine, other in zip(together, alone, strict=True):
            for weights, expected in zip(mine, other, strict=True):
                np.testing.assert_array_equal(weights, expected)


def test_a_change_in_place_is_noticed_whatever_other_threads_change():
    stop = threading.Event()

    def others():
        x = tg.ones(3)
        while not stop.is_set():
            x.add_(1)

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            x = tg.ones(3, requires_grad=True)
            y = x.exp()
            with tg.no_grad():
                y.mul_(2)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# ---------------------------------------------------------------------------------------------------- interrupts


def test_an_interrupt_within_a_rule_leaves_all_gradients_as_they_were():
    @op
    def interrupted(x):
        return x * 1

    @interrupted.gradient("x")
    def _(g):
        raise KeyboardInterrupt

    a, b = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    (a * b).sum().backward()
    with pytest.raises(KeyboardInterrupt):
        (a * 2 + interrupted(b) + b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [1.0, 1.0]
    assert tg.is_grad_enabled()
    (a * b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [2.0, 2.0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timer that interrupts")
def test_an_interrupt_at_any_moment_leaves_each_gradient_untouched_or_complete():
    leaves = [tg.ones(50, 50, dtype=tg.float64, requires_grad=True) for _ in range(12)]

    def loss():
        y = leaves[0]
        for x in leaves[1:] * 3:
            y = (y @ x * 0.02).tanh()
        return y.sum()

    once = [g.numpy() for g in autograd.grad(loss(), leaves)]
    interrupted = 0

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for moment in np.linspace(1e-5, 6e-3, 120):
            kept = [None if x.grad is None else x.grad.numpy().copy() for x in leaves]
            y = loss()
            try:
                signal.setitimer(signal.ITIMER_REAL, moment)
                y.backward()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            for x, old, gradient in zip(leaves, kept, once, strict=True):
                new = gradient if old is None else old + gradient
                if x.grad is None:
                    assert old is None
                else:
                    now = x.grad.numpy()
                    untouched = old is not None and np.array_equal(now, old)
                    assert untouched or np.allclose(now, new, rtol=1e-12, atol=1e-12)
            assert tg.is_grad_enabled()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 10
    for x in leaves:
        x.grad = None
    loss().backward()
    for x, gradient in zip(leaves, once, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), gradient)


# -------------------------------------------------------------------------------------------------- large graphs


def test_a_leaf_that_is_used_100_000_times():
    x = tensor(2.0, dtype=tg.float64, requires_grad=True)
    total = x * 0
    for k in range(100_000):
        total = total + x * (k % 3)
    total.backward()
    assert x.grad.item() == sum(k % 3 for k in range(100_000))
    y = tg.stack([x] * 100_000).sum()
    (gradient,) = autograd.grad(y, x)
    assert gradient.item() == 100_000


# -------------------------------------------------------------------------------------------- copies, weak references


def test_tensors_and_modules_are_copied_with_all_they_have():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    model(tg.randn(4, 2)).sum().backward()
    model.eval()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not other.training
        assert [name for name, _ in other.named_parameters()] == [name for name, _ in model.named_parameters()]
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
            assert type(theirs) is nn.Parameter
            assert theirs.requires_grad
            np.testing.assert_array_equal(mine.grad.numpy(), theirs.grad.numpy())
            assert not np.shares_memory(mine.detach().numpy(), theirs.detach().numpy())
        for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
        x = tg.randn(4, 2)
        np.testing.assert_array_equal(model(x).detach().numpy(), other(x).detach().numpy())
        other(x).sum().backward()  # and it trains by itself


def test_what_is_shared_is_shared_in_the_copy():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    other = copy.deepcopy(model)
    assert other[0] is other[2]
    assert len(list(other.parameters())) == 2
    pair = copy.deepcopy([layer.weight, layer.weight])
    assert pair[0] is pair[1]


def test_weak_references_see_tensors_and_modules_go_without_the_collector():
    gc.disable()
    try:
        model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
        x = tg.randn(3, 2, requires_grad=True)
        y = model(x)
        loss = y.sum()
        loss.backward()
        references = [weakref.ref(thing) for thing in (model, model[0].weight, x, y, loss, x.grad)]
        assert all(reference() is not None for reference in references)
        del model, x, y, loss
        assert [reference() for reference in references] == [None] * 6
    finally:
        gc.enable()


# ------------------------------------------------------------------------------------------------- extreme numbers


def test_a_scaled_loss_keeps_what_float16_would_lose():
    x = tensor([1e-4, 2e-4], dtype=tg.float16, requires_grad=True)
    target = tensor([0.0, 0.0], dtype=tg.float16)

    def loss():
        return F.mse_loss(x * 1e-3, target, reduction="sum")

    loss().backward()
    assert x.grad.tolist() == [0.0, 0.0]  # 2 · x · 1e-6 is less than float16 can tell from 0
    x.grad = None
    (F.mse_loss((x.float() * 1e-3), target.float(), reduction="sum") * 2.0**24).backward()
    unscaled = x.grad.float() / 2.0**24
    np.testing.assert_allclose(unscaled.numpy(), 2e-6 * x.detach().float().numpy(), rtol=2e-3)
    assert x.grad.dtype == tg.float16


LOGITS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e4, -1e4, -inf]), min_size=3, max_size=3).filter(
        lambda row: max(row) > -inf
    ),
    min_size=1,
    max_size=3,
)
EXTREME = {
    "softmax": lambda T, x: T.softmax(x, -1),
    "log_softmax": lambda T, x: T.log_softmax(x, -1),
    "logsumexp": lambda T, x: T.logsumexp(x, -1),
    "cross_entropy": lambda T, x: T.nn.functional.cross_entropy(x, x.detach().argmax(-1)),
    "cross_entropy of an unlikely class": lambda T, x: T.nn.functional.cross_entropy(
        x, T.where(x.detach() == -inf, inf, x.detach()).argmin(-1)
    ),
    "sigmoid": lambda T, x: T.sigmoid(x),
    "bce": lambda T, x: T.nn.functional.binary_cross_entropy_with_logits(x.clamp(min=-1e4), T.ones_like(x.detach())),
}


@needs_torch
@pytest.mark.parametrize("name", EXTREME)
@given(rows=LOGITS, dtype=st.sampled_from(["float32", "float64"]))
def test_extreme_logits_give_pytorchs_values_and_gradients(name, rows, dtype):
    import torch

    answers = []
    for T in (tg, torch):
        x = T.tensor(rows, dtype=getattr(T, dtype), requires_grad=True)
        y = EXTREME[name](T, x)
        weights = T.tensor(np.linspace(0.5, 1.5, int(np.prod(y.shape))).reshape(tuple(y.shape)), dtype=y.dtype)
        finite = T.where(T.isfinite(y.detach()), y, T.zeros_like(y.detach()))
        (finite * weights).sum().backward()
        answers.append((y.detach().numpy(), x.grad.numpy()))
    for mine, other in zip(*answers, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------------- batches without examples


def test_batches_without_examples_go_through_layers_losses_and_back():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(2), nn.Linear(2, 3), nn.Dropout(0.5), nn.Softmax(-1),
    ).eval()  # fmt: skip
    x = tg.zeros(0, 1, 8, 8, requires_grad=True)
    y = model(x)
    assert y.shape == (0, 3)
    F.cross_entropy(y, tg.zeros(0, dtype=tg.int64), reduction="sum").backward()
    assert x.grad.shape == (0, 1, 8, 8)
    for p in model.parameters():
        assert p.grad.shape == p.shape
        assert not p.grad.any()
    assert F.mse_loss(y, tg.zeros(0, 3), reduction="sum").item() == 0
    assert nn.LSTM(2, 3, batch_first=True)(tg.zeros(0, 4, 2))[0].shape == (0, 4, 3)
    assert nn.MultiheadAttention(4, 2, batch_first=True)(*[tg.zeros(0, 3, 4)] * 3)[0].shape == (0, 3, 4)
    assert list(DataLoader(TensorDataset(tg.zeros(0, 2)), batch_size=4)) == []


@needs_torch
def test_losses_of_no_example_are_pytorchs():
    import torch

    for reduction in ("sum", "none"):
        mine = F.cross_entropy(tg.zeros(0, 3), tg.zeros(0, dtype=tg.int64), reduction=reduction)
        other = torch.nn.functional.cross_entropy(
            torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), reduction=reduction
        )
        assert mine.shape == other.shape
        assert mine.tolist() == other.tolist()
