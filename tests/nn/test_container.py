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


def test_a_module_list_is_a_list_that_is_found():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    layers.append(nn.Linear(2, 1)).extend([nn.Tanh()])
    assert kinds(layers) == ["Linear", "ReLU", "Linear", "Tanh"]
    layers.insert(1, nn.Sigmoid())
    del layers[0]
    layers[-1] = nn.SiLU()
    assert kinds(layers) == ["Sigmoid", "ReLU", "Linear", "SiLU"]
    assert [name for name, _ in layers.named_parameters()] == ["2.weight", "2.bias"]
    assert kinds(layers[1:3]) == ["ReLU", "Linear"]
    assert isinstance(layers[1:3], nn.ModuleList)
    assert [name for name, _ in layers[1:3].named_parameters()] == ["1.weight", "1.bias"]
    with pytest.raises(IndexError, match="index 4 is out of range: this ModuleList has 4 modules"):
        _ = layers[4]
    with pytest.raises(NotImplementedError, match="missing the required"):
        layers(1)


def test_a_module_dict_is_a_dictionary_that_is_found():
    choices = nn.ModuleDict({"bend": nn.ReLU(), "line": nn.Linear(1, 1)})
    choices["bend"] = nn.Tanh()
    choices.update([("last", nn.Sigmoid())])
    assert list(choices) == list(choices.keys()) == ["bend", "line", "last"]
    assert kinds(choices.values()) == ["Tanh", "Linear", "Sigmoid"]
    assert "line" in choices
    assert [name for name, _ in choices.named_parameters()] == ["line.weight", "line.bias"]
    del choices["line"]
    assert len(choices) == 2
    assert [key for key, _ in choices.items()] == ["bend", "last"]
    with pytest.raises(KeyError):
        del choices["line"]
    with pytest.raises(KeyError, match="already exists"):
        choices["forward"] = nn.ReLU()
