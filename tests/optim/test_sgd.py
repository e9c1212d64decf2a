"""SGD: the algorithm's steps, equal to PyTorch's over a hundred of them; groups, and what is refused."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn, optim, tensor
from tinygrad_lite.nn import functional as F

SETTINGS = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.05},
    {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True},
    {"lr": 0.01, "maximize": True, "momentum": 0.5},
]


def run(T, settings, steps=100):
    x = T.tensor(np.random.default_rng(0).normal(size=(20, 3)))
    y = T.tensor(np.random.default_rng(1).normal(size=(20, 1)))
    w = T.tensor(np.random.default_rng(2).normal(size=(3, 1)), requires_grad=True)
    b = T.zeros(1, dtype=T.float64, requires_grad=True)
    optimizer = T.optim.SGD([{"params": [w]}, {"params": b, "lr": 0.02}], **settings)
    path = []
    for step in range(steps):
        loss = T.nn.functional.mse_loss(x @ w + b, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        path.append([*w.reshape(-1).tolist(), *b.tolist()])
    return np.array(path)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_hundred_steps_are_pytorchs(settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    np.testing.assert_allclose(run(tg, settings), run(torch, settings), rtol=1e-9)


def test_one_step_by_hand():
    p = tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.5)
    p.grad = tensor([1.0, 0.0])
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), [1 - 0.1 * 1.5, 2 - 0.1 * 1.0], rtol=1e-6)
    before = p.grad.tolist()
    assert before == [1.0, 0.0]  # the gradient is the user's: the step leaves it alone


@pytest.mark.cpu
def test_parameters_stay_the_same_objects_and_leaves():
    layer = nn.Linear(2, 1)
    weight, array = layer.weight, layer.weight.detach().numpy()
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        F.mse_loss(layer(tg.ones(4, 2)), tg.zeros(4, 1)).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert layer.weight is weight
    assert weight.is_leaf
    assert weight.grad is None
    assert weight.detach().numpy() is array  # in place


@pytest.mark.cpu
def test_zero_grad_may_keep_the_memory():
    p = tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=1)
    p.sum().backward()
    array = p.grad.numpy()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    assert p.grad.numpy() is array


def test_a_parameter_without_a_gradient_is_left_alone_and_settings_may_change():
    p, q = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    optimizer = optim.SGD([p, q], lr=1.0)
    p.grad = tensor([1.0])
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    assert (p.item(), q.item()) == (0.75, 1.0)


def test_a_closure_computes_the_loss():
    p = tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.item() == pytest.approx(1.6)


def test_what_cannot_be_optimized_is_refused():
    p = tg.ones(1, requires_grad=True)
    for make, message in (
        (lambda: optim.SGD([]), "empty parameter list"),
        (lambda: optim.SGD([p * 2]), "non-leaf"),
        (lambda: optim.SGD([p, p]), "more than one parameter group, or twice"),
        (lambda: optim.SGD([{"params": [p]}, {"params": [p]}]), "more than one parameter group"),
        (lambda: optim.SGD([p], lr=-1), "Invalid learning rate value: -1"),
        (lambda: optim.SGD([p], lr=float("nan")), "Invalid learning rate value: nan"),
        (lambda: optim.SGD([p], momentum=-1), "Invalid momentum value"),
        (lambda: optim.SGD([p], nesterov=True), "Nesterov momentum requires a momentum"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="iterable of Tensors"):
        optim.SGD(p)
    with pytest.raises(TypeError, match=r"not Linear: for a module, give its parameters\(\)"):
        optim.SGD(nn.Linear(1, 1))
    with pytest.raises(TypeError, match="must be in an order, which a set does not have"):
        optim.SGD([{"params": {tg.ones(1)}}])
    with pytest.raises(TypeError, match="must be a dict with the key 'params', but got {'lr': 1}"):
        optim.SGD([{"lr": 1}])
    with pytest.raises(TypeError, match="can only optimize Tensors"):
        optim.SGD([3.0])
    parameters = iter([p])
    optim.SGD(parameters)
    with pytest.raises(ValueError, match="run only once"):
        optim.SGD(parameters)


def test_the_text_lists_the_groups():
    text = repr(optim.SGD([tg.ones(1, requires_grad=True)], lr=0.5))
    assert text.startswith("SGD (\nParameter Group 0\n")
    assert "    lr: 0.5\n" in text


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop"])
@pytest.mark.parametrize("lr", ["0.1", None, [0.1]])
def test_a_rate_is_a_number(optimizer, lr):
    with pytest.raises(TypeError, match="must be a number"):
        getattr(optim, optimizer)([tg.ones(1, requires_grad=True)], lr=lr)
