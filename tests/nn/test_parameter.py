"""Parameters: Tensors to be learned, which stay the same objects while their numbers change."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import Tensor, nn, tensor


def test_a_parameter_needs_a_tensor_and_a_floating_one():
    with pytest.raises(TypeError, match="expected a Tensor, but got list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(tensor([1]))
    assert not nn.Parameter(tensor([1]), requires_grad=False).requires_grad


@pytest.mark.cpu
def test_it_prints_as_in_pytorch():
    assert repr(nn.Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr(nn.Parameter(tg.ones(1), requires_grad=False)) == "Parameter containing:\ntensor([1.])"


def test_it_shares_memory_with_its_tensor_and_is_a_leaf():
    x = tg.ones(2, requires_grad=True)
    parameter = nn.Parameter(x * 3)
    assert parameter.is_leaf
    assert parameter.requires_grad
    data = tg.zeros(2)
    nn.Parameter(data).data.add_(1.0)
    assert data.tolist() == [1.0, 1.0]


def test_what_is_computed_from_it_is_a_plain_tensor():
    product = nn.Parameter(tg.ones(2)) * 2
    assert type(product) is Tensor
    assert not product.is_leaf


def test_updates_under_no_grad_change_the_same_parameter():
    layer = nn.Linear(2, 1)
    weight, before = layer.weight, layer.weight.detach().clone()
    layer(tg.ones(3, 2)).sum().backward()
    with tg.no_grad():
        layer.weight -= 0.1 * layer.weight.grad
        for p in layer.parameters():
            p -= p.grad * 0.1
    assert layer.weight is weight
    assert isinstance(layer.weight, nn.Parameter)
    np.testing.assert_allclose(weight.detach().numpy(), before.numpy() - 0.2 * 3, rtol=1e-6)


def test_a_learners_own_optimizer():

    class BasicOptim:
        def __init__(self, params, lr):
            self.params, self.lr = list(params), lr

        def step(self):
            for p in self.params:
                p.data -= p.grad.data * self.lr

        def zero_grad(self):
            for p in self.params:
                p.grad = None

    layer = nn.Linear(1, 1)
    w, b = layer.parameters()
    first = w.item()
    optimizer = BasicOptim(layer.parameters(), lr=0.5)
    layer(tg.full((4, 1), 2.0)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    assert layer.weight is w
    assert w.item() == pytest.approx(first - 0.5 * 8)
    assert w.grad is None
    assert b.grad is None
