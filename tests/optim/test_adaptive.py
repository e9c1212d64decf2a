"""Adam and its relatives: step by step PyTorch's, each setting; by hand; and resumed as if never stopped."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_lite as tg
from tests.optim.test_sgd import SETTINGS as SGD_SETTINGS
from tinygrad_lite import nn, optim, tensor
from tinygrad_lite.nn import functional as F

SETTINGS = [
    *(("SGD", settings) for settings in SGD_SETTINGS),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"lr": 0.1, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "eps": 1e-4, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.3, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"maximize": True}),
]


def problem(T):
    x = T.tensor(np.random.default_rng(0).normal(size=(20, 3)))
    y = T.tensor(np.random.default_rng(1).normal(size=(20, 1)))
    w = T.tensor(np.random.default_rng(2).normal(size=(3, 1)), requires_grad=True)
    b = T.zeros(1, dtype=T.float64, requires_grad=True)
    return [w, b], lambda: T.nn.functional.mse_loss(x @ w + b, y)


def train(optimizer, parameters, loss_of, steps):
    path = []
    for _ in range(steps):
        loss_of().backward()
        optimizer.step()
        optimizer.zero_grad()
        path.append([number for p in parameters for number in p.reshape(-1).tolist()])
    return np.array(path)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
def test_a_hundred_steps_are_pytorchs(name, settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    paths = []
    for T in (tg, torch):
        (w, b), loss_of = problem(T)
        optimizer = getattr(T.optim, name)([{"params": [w]}, {"params": [b], "lr": 0.02}], **settings)
        paths.append(train(optimizer, [w, b], loss_of, 100))
    np.testing.assert_allclose(*paths, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
@pytest.mark.parametrize(
    "keep", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))], ids=["copied", "pickled"]
)
def test_a_run_that_is_stopped_and_resumed_ends_bit_for_bit_the_same(name, settings, keep):
    parameters, loss_of = problem(tg)
    through = train(getattr(optim, name)(parameters, **settings), parameters, loss_of, 20)
    parameters, loss_of = problem(tg)
    optimizer = getattr(optim, name)(parameters, **settings)
    train(optimizer, parameters, loss_of, 7)
    kept, weights = keep(optimizer.state_dict()), [p.tolist() for p in parameters]
    train(optimizer, parameters, loss_of, 3)  # what happens after does not reach what was kept
    parameters, loss_of = problem(tg)
    for p, numbers in zip(parameters, weights, strict=True):
        p.data.copy_(tensor(numbers, dtype=tg.float64))
    resumed = getattr(optim, name)(parameters, lr=123.0)
    resumed.load_state_dict(kept)
    assert resumed.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    assert (train(resumed, parameters, loss_of, 13) == through[7:]).all()


def test_the_first_step_of_adam_is_the_learning_rate():
    p = tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.Adam([p], lr=0.1)
    p.grad = tensor([1000.0, -0.001])
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), [0.9, -1.9], rtol=1e-4)
    assert p.grad.tolist() == pytest.approx([1000.0, -0.001])  # the gradient is the user's


@pytest.mark.cpu
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_updates_are_in_place_and_unrecorded(name):
    tg.manual_seed(0)
    layer = nn.Linear(2, 1)
    weight, array = layer.weight, layer.weight.detach().numpy()
    optimizer = getattr(optim, name)(layer.parameters(), lr=0.01)
    before = array.copy()
    for _ in range(3):
        F.mse_loss(layer(tg.ones(4, 2)), tg.zeros(4, 1)).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert layer.weight is weight
    assert weight.is_leaf
    assert weight.detach().numpy() is array
    assert (array != before).all()
    assert all(
        not t.requires_grad for state in optimizer.state.values() for t in state.values() if not isinstance(t, int)
    )


def test_states_that_do_not_correspond_are_refused():
    optimizer = optim.Adam(nn.Linear(2, 1).parameters())
    other = optim.Adam([*nn.Linear(2, 1).parameters(), *nn.Linear(1, 1).parameters()], lr=0.5)
    with pytest.raises(ValueError, match=r"parameter groups of \[4\] parameters, and this optimizer has \[2\]"):
        optimizer.load_state_dict(other.state_dict())
    assert optimizer.param_groups[0]["lr"] == 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.Adam(p, lr=-1), "Invalid lr value: -1"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), "Invalid beta parameter at index 0: 1.0"),
        (lambda p: optim.AdamW(p, eps=-1), "Invalid eps value"),
        (lambda p: optim.RMSprop(p, alpha=-0.1), "Invalid alpha value"),
        (lambda p: optim.Adagrad(p, lr_decay=-1), "Invalid lr_decay value"),
        (lambda p: optim.Adam(p, lr=float("nan")), "Invalid lr value: nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make([tg.ones(1, requires_grad=True)])
