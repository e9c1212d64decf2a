"""Modules: what they register and find, what reaches all that is in them, hooks and texts."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)]
        for i, layer in enumerate(self.layers):
            self.add_module(f"layer_{i}", layer)
        self.scale = nn.Parameter(tg.ones(1))
        self.register_buffer("mean", tg.zeros(2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.scale - self.mean


def parameter_names(module):
    return [name for name, _ in module.named_parameters()]


def test_a_module_finds_what_is_in_it():
    model = Model()
    assert parameter_names(model) == ["scale", "layer_0.weight", "layer_0.bias", "layer_2.weight", "layer_2.bias"]
    assert [name for name, _ in model.named_children()] == ["layer_0", "layer_1", "layer_2"]
    assert [name for name, _ in model.named_modules()] == ["", "layer_0", "layer_1", "layer_2"]
    assert [name for name, _ in model.named_modules(prefix="m")] == ["m", "m.layer_0", "m.layer_1", "m.layer_2"]
    assert [name for name, _ in model.named_buffers()] == ["mean"]
    assert list(model.buffers()) == [model.mean]
    assert list(model.children()) == model.layers
    assert list(model.modules()) == [model, *model.layers]
    assert list(model.parameters(recurse=False)) == [model.scale]
    assert model(tg.ones(5, 4)).shape == (5, 2)


def test_what_several_modules_share_is_found_once():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    model = nn.Sequential(a, b, a)
    assert parameter_names(model) == ["0.weight", "0.bias", "1.bias"]
    assert [name for name, _ in model.named_children()] == ["0", "1"]
    assert [name for name, _ in model.named_modules()] == ["", "0", "1"]


def test_a_new_value_takes_the_old_ones_place():
    module = nn.Module()
    module.x = 3
    module.x = nn.Parameter(tg.ones(1))
    assert parameter_names(module) == ["x"]
    module.x = None
    assert parameter_names(module) == []
    assert module.x is None
    del module.x
    module.x = nn.Linear(1, 1)
    assert parameter_names(module) == ["x.weight", "x.bias"]
    module.x = nn.ReLU()
    assert [type(child).__name__ for child in module.children()] == ["ReLU"]
    del module.x
    assert list(module.children()) == []
    assert not hasattr(module, "x")


def test_what_does_not_belong_there_is_refused():
    layer = nn.Linear(2, 2)
    layer.register_buffer("mean", tg.zeros(1))
    layer.child = nn.ReLU()
    for name, value, message in (
        ("weight", tg.ones(2, 2), r"cannot assign 'Tensor' as parameter 'weight' \(nn.Parameter or None expected\)"),
        ("weight", nn.ReLU(), "cannot assign 'ReLU' as parameter 'weight'"),
        ("mean", 3, r"cannot assign 'int' as buffer 'mean' \(Tensor or None expected\)"),
        ("child", 3, "int is not a Module subclass: it cannot be the child module 'child'"),
    ):
        with pytest.raises(TypeError, match=message):
            setattr(layer, name, value)
    for register in (layer.register_parameter, layer.add_module, layer.register_module, layer.register_buffer):
        with pytest.raises(KeyError, match="attribute 'in_features' already exists"):
            register("in_features", None)
        with pytest.raises(KeyError, match="attribute 'forward' already exists"):
            register("forward", None)
        with pytest.raises(KeyError, match="nor be the empty string"):
            register("a.b", None)
    assert parameter_names(layer) == ["weight", "bias"]
    assert layer.in_features == 2


def test_a_forgotten_init_is_named():

    class Forgetful(nn.Module):
        def __init__(self, value):
            self.value = value

        def forward(self, x):
            return x

    for value in (nn.Parameter(tg.ones(1)), nn.Linear(1, 1)):
        with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call: call super\(\).__init__\(\) first"):
            Forgetful(value)
    module = Forgetful(3)
    assert module.value == 3
    for use in (lambda: module(1), lambda: list(module.parameters()), lambda: module.training):
        with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\) first in Forgetful.__init__"):
            use()


def test_an_attribute_that_is_not_there():
    with pytest.raises(AttributeError, match="^'Linear' object has no attribute 'wieght'$") as caught:
        _ = nn.Linear(2, 2).wieght
    assert caught.value.name == "wieght"  # Python's "Did you mean" stands on these two
    assert isinstance(caught.value.obj, nn.Linear)


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match='Module \\[Module\\] is missing the required "forward" function'):
        nn.Module()(1)


def test_train_and_eval_reach_all():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1)))
    assert model.training
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    assert model.train() is model
    assert all(m.training for m in model.modules())
    with pytest.raises(ValueError, match="training mode is expected to be boolean, but got 'yes'"):
        model.train("yes")


def test_dtype_reaches_parameters_gradients_and_floating_buffers():
    model = Model()
    model.register_buffer("steps", tg.tensor(3))
    weight = model.layer_0.weight
    model(tg.ones(1, 4)).sum().backward()
    assert model.double() is model
    assert model.layer_0.weight is weight
    assert weight.is_leaf
    assert {t.dtype for t in [*model.parameters(), weight.grad, model.mean]} == {tg.float64}
    assert model.steps.dtype == tg.int64
    assert model(tg.ones(1, 4, dtype=tg.float64)).dtype == tg.float64
    assert model.half().mean.dtype == tg.float16
    assert model.to(tg.float64).float().to("cpu").cpu().mean.dtype == tg.float32
    with pytest.raises(TypeError, match="only accepts floating point dtypes, but got dtype=int64"):
        model.to(tg.int64)


def test_requires_grad_and_zero_grad_reach_all():
    model = Model()
    model(tg.ones(1, 4)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    assert model.requires_grad_(False) is model
    assert not model(tg.ones(1, 4)).requires_grad


def test_apply_starts_with_what_is_inside():
    seen = []
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert model.apply(lambda m: seen.append(type(m).__name__)) is model
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_hooks_see_inputs_and_outputs_until_removed():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    means = []
    handle = model[1].register_forward_hook(lambda module, inputs, output: means.append(output.mean().item()))
    before = model.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0,))
    output = model(tg.ones(4, 2))
    np.testing.assert_allclose(output.detach().numpy()[0], np.maximum(model[0].bias.detach().numpy(), 0))
    assert means == [pytest.approx(output.mean().item())]
    handle.remove()
    before.remove()
    model(tg.ones(4, 2))
    assert len(means) == 1
    with model.register_forward_hook(lambda module, inputs, output: output + 100):
        assert model(tg.ones(4, 2)).min() >= 100
    assert model(tg.ones(4, 2)).min() < 100


def test_modules_are_copied_and_pickled():
    model = Model()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.scale is not model.scale
        assert isinstance(other.scale, nn.Parameter)
        assert next(other.parameters()) is other.scale
        with tg.no_grad():
            other.layer_0.weight.zero_()
        assert model.layer_0.weight.abs().sum() > 0


def test_it_prints_as_in_pytorch():

    class Block(nn.Module):
        def __init__(self, note):
            super().__init__()
            self.note = note
            self.inner = nn.Sequential(nn.Tanh())

        def extra_repr(self):
            return self.note

    assert repr(Block("")) == "Block(\n  (inner): Sequential(\n    (0): Tanh()\n  )\n)"
    assert repr(Block("a=1\nb=2")) == "Block(\n  a=1\n  b=2\n  (inner): Sequential(\n    (0): Tanh()\n  )\n)"
    assert repr(nn.Module()) == "Module()"
    assert repr(nn.Linear(2, 3)) == "Linear(in_features=2, out_features=3, bias=True)"


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.ReLU(), "ReLU()"),
        (nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.SiLU(), "SiLU()"),
        (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Softmax(dim=-1), "Softmax(dim=-1)"),
        (nn.LogSoftmax(dim=1), "LogSoftmax(dim=1)"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.Identity(), "Identity()"),
        (nn.CrossEntropyLoss(weight=tg.ones(3)), "CrossEntropyLoss()"),
        (nn.MSELoss(reduction="sum"), "MSELoss()"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_print_as_in_pytorch(module, text):
    assert repr(module) == text


def test_layers_print_as_pytorch_prints_them():
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    for make in (
        lambda n: n.Sequential(n.Flatten(), n.Linear(2, 3), n.Sequential(n.Softplus(2.0, 5.0)), n.Softmax(dim=0)),
        lambda n: n.Sequential(n.LeakyReLU(0.3), n.GELU(), n.SiLU(), n.Identity(), n.LogSoftmax(1), n.Sigmoid()),
        lambda n: [n.NLLLoss(), n.BCEWithLogitsLoss(), n.L1Loss(), n.MSELoss(), n.CrossEntropyLoss()],
        lambda n: n.Sequential(n.Sequential(), n.Sequential(n.Linear(1, 1, bias=False))),
    ):
        assert repr(make(nn)) == repr(make(torch.nn))
