"""The linear layer, and those that pass on or reshape."""

import math

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


def test_linear_multiplies_and_adds():
    layer = nn.Linear(3, 2)
    x = tg.randn(4, 5, 3)
    expected = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_linear_without_bias():
    layer = nn.Linear(3, 2, bias=False)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    np.testing.assert_allclose(layer(tg.ones(3)).tolist(), layer.weight.sum(1).tolist(), rtol=1e-6)


def test_linear_starts_uniform_on_one_over_root_fan_in():
    tg.manual_seed(0)
    layer = nn.Linear(400, 300)
    for p in (layer.weight, layer.bias):
        assert p.abs().max().item() <= 1 / 20
        assert p.abs().max().item() > 0.9 / 20
        assert abs(p.mean().item()) < 0.005
    assert layer.weight.std().item() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.02)


def test_a_seed_repeats_the_first_values():
    tg.manual_seed(3)
    first = nn.Linear(3, 2).weight.tolist()
    tg.manual_seed(3)
    assert nn.Linear(3, 2).weight.tolist() == first
    assert nn.Linear(3, 2).weight.tolist() != first


def test_linear_has_a_dtype():
    layer = nn.Linear(2, 1, dtype=tg.float64)
    assert layer.weight.dtype == layer.bias.dtype == tg.float64


def test_linear_is_one_recorded_operation():
    layer = nn.Linear(3, 2)
    node = layer(tg.ones(1, 3)).grad_fn
    assert node.name() == "LinearBackward0"
    assert [parent for parent, _ in node.next_functions] == [None, layer.weight, layer.bias]


def test_linear_refuses_what_does_not_fit():
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match=r"linear: mat1 and mat2 shapes cannot be multiplied \(4x5 and 3x2\)"):
        layer(tg.ones(4, 5))
    with pytest.raises(TypeError, match="linear: argument 'input' must be a Tensor, not list"):
        layer([1.0, 2.0, 3.0])


def test_flatten_and_identity():
    x = tg.randn(2, 3, 4, 5)
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0, 1)(x).shape == (6, 4, 5)
    assert nn.Identity(3, "anything", a=1)(x) is x
