"""Modules: what they register and find, layers, losses' settings, first values."""

import copy
import math
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import Tensor, nn, tensor
from tinygrad_lite.nn import functional as F


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


def test_a_module_finds_what_is_in_it():
    model = Model()
    names = [name for name, _ in model.named_parameters()]
    assert names == ["scale", "layer_0.weight", "layer_0.bias", "layer_2.weight", "layer_2.bias"]
    assert [name for name, _ in model.named_children()] == ["layer_0", "layer_1", "layer_2"]
    assert [name for name, _ in model.named_modules()] == ["", "layer_0", "layer_1", "layer_2"]
    assert [name for name, _ in model.named_buffers()] == ["mean"]
    assert len(list(model.children())) == 3
    assert len(list(model.modules())) == 4
    assert model(tg.ones(5, 4)).shape == (5, 2)
    weight, bias = model.layer_0.parameters()
    assert weight.shape == (3, 4)
    assert bias.shape == (3,)


def test_a_parameter_that_two_modules_share_is_found_once():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    assert len(list(nn.Sequential(a, b, a).parameters())) == 3


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
    layer.weight.data -= 1.0
    layer.weight.grad = None
    layer.zero_grad()
    assert layer.bias.grad is None


def test_attributes_are_guarded():

    class Forgetful(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(tg.ones(1))

    with pytest.raises(AttributeError, match=r"cannot assign Parameter before Module.__init__\(\) call"):
        Forgetful()
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"cannot assign 'Tensor' as parameter 'weight'"):
        layer.weight = tg.ones(2, 2)
    layer.bias = None
    assert layer.bias is None
    assert layer(tg.ones(1, 2)).shape == (1, 2)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        _ = layer.wieght
    with pytest.raises(KeyError, match="already exists"):
        layer.register_buffer("forward", tg.ones(1))
    with pytest.raises(TypeError, match="not a Module subclass"):
        layer.add_module("child", 3)
    with pytest.raises(NotImplementedError, match='Module \\[Module\\] is missing the required "forward" function'):
        nn.Module()(1)
    del layer.weight
    assert [name for name, _ in layer.named_parameters()] == []


def test_train_eval_requires_grad_and_dtype_reach_all():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1)))
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())
    weight = model[0].weight
    model.double()
    assert model[0].weight is weight
    assert weight.dtype == tg.float64
    assert model(tg.ones(1, 2, dtype=tg.float64)).dtype == tg.float64
    model.requires_grad_(False)
    assert not model(tg.ones(1, 2).double()).requires_grad
    with pytest.raises(TypeError, match="only accepts floating point"):
        model.to(tg.int64)
    seen = []
    model.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Linear", "Sequential", "Sequential"]


def test_hooks_see_inputs_and_outputs_until_removed():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    means = []
    handle = model[1].register_forward_hook(lambda module, inputs, output: means.append(output.mean().item()))
    before = model.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0,))
    output = model(tg.ones(4, 2))
    np.testing.assert_allclose(output.detach().numpy()[0], np.maximum(model[0].bias.detach().numpy(), 0))
    assert len(means) == 1
    handle.remove()
    before.remove()
    model(tg.ones(4, 2))
    assert len(means) == 1
    with model.register_forward_hook(lambda module, inputs, output: output + 100):
        assert model(tg.ones(4, 2)).min() >= 100


def test_sequential_is_a_sequence():
    model = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), bend=nn.ReLU()))
    assert model.first is model[0]
    assert model[-1] is model.bend
    assert len(model[:1]) == 1
    model.append(nn.Linear(3, 1))
    assert [type(m).__name__ for m in model] == ["Linear", "ReLU", "Linear"]
    model[1] = nn.Tanh()
    assert isinstance(model.bend, nn.Tanh)
    with pytest.raises(IndexError, match="out of range"):
        _ = model[3]


def test_modules_are_copied_and_pickled():
    model = Model()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.scale is not model.scale
        assert isinstance(other.scale, nn.Parameter)
        with tg.no_grad():
            other.layer_0.weight.zero_()
        assert model.layer_0.weight.abs().sum() > 0


def test_linear_starts_uniform_on_one_over_root_fan_in():
    tg.manual_seed(0)
    layer = nn.Linear(400, 300)
    for p in (layer.weight, layer.bias):
        assert p.abs().max().item() <= 1 / 20
        assert p.abs().max().item() > 0.9 / 20
    assert layer.weight.std().item() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda t: nn.init.xavier_uniform_(t), math.sqrt(2 / 700)),
        (lambda t: nn.init.xavier_normal_(t, gain=2), 2 * math.sqrt(2 / 700)),
        (lambda t: nn.init.kaiming_uniform_(t, nonlinearity="relu"), math.sqrt(2 / 400)),
        (lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), math.sqrt(2 / 300)),
        (lambda t: nn.init.normal_(t, 0, 3), 3),
        (lambda t: nn.init.uniform_(t, -1, 1), 1 / math.sqrt(3)),
        (lambda t: nn.init.trunc_normal_(t, std=0.5), 0.5),
    ],
)
def test_first_values_have_the_spread_of_their_paper(fill, std):
    weight = nn.Parameter(tg.empty(300, 400))
    assert fill(weight) is weight
    assert weight.is_leaf
    assert weight.std().item() == pytest.approx(std, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.02 * std)


def test_constants_and_the_identity():
    weight = nn.Parameter(tg.empty(2, 2))
    assert nn.init.eye_(weight).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert nn.init.constant_(weight, 3.0).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert nn.init.zeros_(weight).sum() == 0
    assert nn.init.ones_(weight).sum() == 4
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.kaiming_uniform_(tg.ones(3))
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        nn.init.calculate_gain("swoosh")


@pytest.mark.parametrize(
    "loss",
    [
        lambda: F.cross_entropy(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64)),
        lambda: F.nll_loss(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64)),
        lambda: F.mse_loss(tg.ones(0), tg.ones(0)),
        lambda: F.l1_loss(tg.ones(0, 2), tg.ones(0, 2)),
        lambda: F.binary_cross_entropy_with_logits(tg.ones(0), tg.ones(0)),
    ],
)
def test_the_mean_of_an_empty_batch_is_an_error(loss):
    with pytest.raises(ValueError, match=r"the mean of an empty batch \(shape .*\) does not exist"):
        loss()


def test_a_target_that_is_no_class_is_refused_by_name():
    logits = tg.zeros(2, 3, requires_grad=True)
    for target, wrong in (([0, 5], 5), ([-1, 0], -1), ([3, 1], 3)):
        for function in (F.cross_entropy, F.nll_loss):
            with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds.*3 classes"):
                function(logits, tensor(target))
    for dtype in (tg.uint8, tg.int32, tg.int8):
        assert F.cross_entropy(logits, tensor([0, 2], dtype=dtype)).item() == pytest.approx(math.log(3))
    with pytest.raises(TypeError, match="expected scalar type Long"):
        F.cross_entropy(logits, tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"Expected target size \(2,\).*got \(3,\)"):
        F.cross_entropy(logits, tensor([0, 1, 2]))


def test_losses_as_modules_do_what_the_functions_do():
    x, t = tg.randn(4, 3), tensor([0, 2, 1, 1])
    w = tensor([1.0, 2.0, 3.0])
    assert nn.CrossEntropyLoss(weight=w, label_smoothing=0.1)(x, t).item() == pytest.approx(
        F.cross_entropy(x, t, w, label_smoothing=0.1).item()
    )
    assert nn.NLLLoss(ignore_index=1)(x.log_softmax(1), t).item() == pytest.approx(
        F.cross_entropy(x[:2], t[:2]).item(), rel=1e-6
    )
    assert nn.MSELoss(reduction="sum")(x, x + 2).item() == pytest.approx(48, rel=1e-6)
    assert nn.L1Loss()(x, x + 2).item() == pytest.approx(2, rel=1e-6)
    assert nn.BCEWithLogitsLoss(pos_weight=w)(x, (x > 0).float()).item() > 0


def test_mse_of_shapes_that_broadcast_is_warned_of():
    with pytest.warns(UserWarning, match=r"target size \(3,\) that is different to the input size \(3, 1\)"):
        F.mse_loss(tg.ones(3, 1), tg.ones(3))


def test_a_parameter_needs_a_tensor_and_a_floating_one():
    assert repr(nn.Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    with pytest.raises(TypeError, match="expected a Tensor, but got list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(tensor([1]))
    assert not nn.Parameter(tensor([1]), requires_grad=False).requires_grad
    assert isinstance(nn.Parameter(tg.ones(2)) * 2, Tensor)
    assert not isinstance(nn.Parameter(tg.ones(2)) * 2, nn.Parameter)
