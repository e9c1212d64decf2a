"""Sequential: a module that is also a sequence of modules."""

from collections import OrderedDict

import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


def kinds(modules):
    return [type(module).__name__ for module in modules]


def test_each_module_is_given_what_the_one_before_returned():
    first, last = nn.Linear(4, 3), nn.Linear(3, 1)
    x = tg.randn(5, 4)
    assert (nn.Sequential(first, nn.ReLU(), last)(x) == last(first(x).relu())).all()
    assert nn.Sequential()(x) is x


def test_it_is_a_sequence():
    model = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bend=nn.ReLU()))
    assert model.first is model[0]
    assert model[-1] is model.bend
    assert kinds(model[:1]) == ["Linear"]
    model.append(nn.Linear(3, 1))
    assert kinds(model) == ["Linear", "ReLU", "Linear"]
    model[1] = nn.Tanh()
    assert isinstance(model.bend, nn.Tanh)
    with pytest.raises(IndexError, match="index 3 is out of range: this Sequential has 3 modules"):
        _ = model[3]


def test_a_slice_shares_its_modules_and_can_grow():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    tail = model[1:]
    assert tail[0] is model[1]
    tail.append(nn.Tanh())  # the slice's names are "1" and "2": the new module must not take the place of one
    assert kinds(tail) == ["ReLU", "Linear", "Tanh"]
    assert len(model) == 3


def test_what_is_no_module_is_refused():
    for wrong in (3, [nn.ReLU()], lambda x: x):
        with pytest.raises(TypeError, match="is not a Module subclass"):
            nn.Sequential(wrong)


def test_it_prints_as_in_pytorch():
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.Sequential(nn.ReLU(), nn.Linear(30, 1, bias=False)))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Flatten(start_dim=1, end_dim=-1)\n"
        "  (1): Linear(in_features=784, out_features=30, bias=True)\n"
        "  (2): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=30, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Sequential()) == "Sequential()"
