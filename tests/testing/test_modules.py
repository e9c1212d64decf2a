"""`check_module` passes every layer of the library, and finds what goes wrong in modules."""

import copy

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn, op
from tinygrad_lite.nn import functional as F
from tinygrad_lite.testing import GradcheckError, NoDerivative, check_module


def drawn(*shape):
    return tg.tensor(np.random.default_rng(sum(shape)).normal(size=shape).astype("float32"))


ROW, IMAGE, STEPS = drawn(3, 4), drawn(2, 2, 4, 4), drawn(3, 2, 2)
LAYERS = {
    "ReLU": (nn.ReLU, ROW),
    "LeakyReLU": (nn.LeakyReLU, ROW),
    "Sigmoid": (nn.Sigmoid, ROW),
    "Tanh": (nn.Tanh, ROW),
    "GELU": (nn.GELU, ROW),
    "SiLU": (nn.SiLU, ROW),
    "Softplus": (nn.Softplus, ROW),
    "Softmax": (lambda: nn.Softmax(-1), ROW),
    "LogSoftmax": (lambda: nn.LogSoftmax(0), ROW),
    "Linear": (lambda: nn.Linear(4, 2), ROW),
    "Flatten": (nn.Flatten, IMAGE),
    "Identity": (nn.Identity, ROW),
    "Dropout": (lambda: nn.Dropout(0.4), ROW),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 2, padding=1), STEPS),
    "Conv2d": (lambda: nn.Conv2d(2, 2, 3, stride=2, padding=1, groups=2), IMAGE),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 1, 2, stride=2), drawn(1, 2, 2, 2)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), ROW),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), drawn(2, 2, 2, 2)),
    "LayerNorm": (lambda: nn.LayerNorm(4), ROW),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), ROW),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), IMAGE),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, padding=1), IMAGE),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(3), IMAGE),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), IMAGE),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), drawn(1, 1, 2, 2)),
    "Embedding": (lambda: nn.Embedding(5, 2), tg.tensor([[0, 1], [4, 4]])),
    "RNN": (lambda: nn.RNN(2, 2), STEPS),
    "LSTM": (lambda: nn.LSTM(2, 2), STEPS),
    "GRU": (lambda: nn.GRU(2, 2), STEPS),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2, dropout=0.1), [drawn(3, 2, 4)] * 3),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.GELU(), nn.Linear(3, 1)), ROW),
}


def test_every_layer_is_among_them():
    no_layers = {"Module", "ModuleList", "ModuleDict"}
    layers = {
        name
        for name, value in vars(nn).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and not name.endswith("Loss")
    }
    assert layers - no_layers == set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_the_librarys_layers_pass(name):
    make, inputs = LAYERS[name]
    check_module(make, inputs, order=1 if name in ("LSTM", "GRU") else 2)


def test_an_instance_is_left_as_it_was():
    layer = nn.BatchNorm1d(4).eval()
    before = {name: value.tolist() for name, value in layer.state_dict().items()}
    source = tg.manual_seed(3)
    check_module(layer, ROW)
    check_module(nn.Dropout(0.5), ROW)
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == before
    assert not layer.training
    assert source.initial_seed() == 3
    drawn_after = tg.rand(2).tolist()
    tg.manual_seed(3)
    assert tg.rand(2).tolist() == drawn_after
    assert ROW.grad is None and not ROW.requires_grad


class Scale(nn.Module):
    """y = scale · x, from which each of the following differs by one mistake."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(tg.tensor([0.5, 1.5, 2.0, 3.0]))

    def forward(self, x):
        return self.scale * x


class PlainTensor(Scale):
    def __init__(self):
        super().__init__()
        self.shift = tg.ones(4, requires_grad=True)

    def forward(self, x):
        return self.scale * x + self.shift


class ParametersInAList(Scale):
    def __init__(self):
        super().__init__()
        self.shifts = [nn.Parameter(tg.ones(4))]

    def forward(self, x):
        return self.scale * x + self.shifts[0]


class ModulesInAList(Scale):
    def __init__(self):
        super().__init__()
        self.layers = {"first": [nn.Linear(4, 4)]}

    def forward(self, x):
        return self.layers["first"][0](self.scale * x)


class PlainBuffer(Scale):
    def __init__(self):
        super().__init__()
        self.mean = tg.zeros(4)

    def forward(self, x):
        return self.scale * (x - self.mean)


class PythonState(Scale):
    mean = 0.0

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean().item())
        return self.scale * x - self.mean


class StateOnlyInEval(Scale):
    mean = 0.0

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean().item())
            return self.scale * x
        return self.scale * x - self.mean


class RandomConstant(Scale):
    def __init__(self):
        super().__init__()
        self.directions = tg.rand(4).numpy(force=True)

    def forward(self, x):
        return self.scale * x + x.new_tensor(self.directions)


class Counts(Scale):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return self.scale * x / self.calls


class Detached(Scale):
    def forward(self, x):
        return self.scale.detach() * x + 0 * self.scale


class DetachedInput(Scale):
    def forward(self, x):
        return self.scale * x.data


class Unused(Scale):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(tg.ones(4))


class DropoutGoesOn(Scale):
    def forward(self, x):
        return F.dropout(self.scale * x, 0.5, training=True)


class BuffersMoveInEval(Scale):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", tg.zeros(()))

    def forward(self, x):
        self.seen += 1
        return self.scale * x


class ChangesItsInput(Scale):
    def forward(self, x):
        x.detach().mul_(2)
        return self.scale * x


class ConstantInFloat32(Scale):
    def forward(self, x):
        return self.scale * x + tg.ones(4)


class AlwaysRecorded(Scale):
    def forward(self, x):
        return self.scale * x + tg.zeros(4, requires_grad=True)


class SharesItsCopy(Scale):
    def __deepcopy__(self, memo):
        other = type(self)()
        other.scale = self.scale
        return other


class CopyForgets(Scale):
    def __deepcopy__(self, memo):
        return type(self)()

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(tg.rand(4))


class LosesState(Scale):
    def state_dict(self, prefix=""):
        return {}

    def load_state_dict(self, state, strict=True):
        pass


class EvalStopsHere(Scale):
    def __init__(self):
        super().__init__()
        self.inner = nn.Dropout(0.5)

    def train(self, mode=True):
        self.training = mode
        return self

    def forward(self, x):
        return self.inner(self.scale * x)


class ReturnsAnArray(Scale):
    def forward(self, x):
        return (self.scale * x).numpy(force=True)


class WrongRule(Scale):
    def forward(self, x):
        return doubled(self.scale) * x


@op
def doubled(x):
    return 2 * x


@doubled.gradient("x")
def _(g):
    return 2.2 * g


class WrongSecondDerivative(Scale):
    def forward(self, x):
        return cubed(self.scale) * x


@op
def cubed(x):
    return x**3


@cubed.gradient("x")
def _(g, x):
    return 3 * g * (x.detach() if isinstance(x, tg.Tensor) else x) ** 2


WRONG = {
    PlainTensor: r"PlainTensor\.shift is not registered.*make it an nn\.Parameter",
    ParametersInAList: r"ParametersInAList\.shifts\[0\] is not registered.*nn\.Parameter in an attribute of its own",
    ModulesInAList: r"ModulesInAList\.layers\['first'\]\[0\] is a module that is not registered.*nn\.ModuleList",
    PlainBuffer: r"PlainBuffer\.mean is not registered.*use register_buffer",
    PythonState: "different function the second time",
    StateOnlyInEval: r"in eval\(\): a module that was given its state_dict\(\) computes something else",
    RandomConstant: r"in train\(\): a module that was given its state_dict\(\) computes something else",
    Counts: r"Counts in train\(\) is a different function the second time.*make it a buffer",
    Detached: r"Detached in train\(\), the parameter scale: .*differs at element",
    DetachedInput: r"DetachedInput in train\(\), input 0: ",
    Unused: r"the parameter shift gets no gradient in train or eval\(\)",
    DropoutGoesOn: r"in eval\(\) depends on random numbers.*training=self\.training",
    BuffersMoveInEval: r"in eval\(\) changed the buffer seen, which only training may",
    ChangesItsInput: r"in train\(\) changed input 0 in place",
    ConstantInFloat32: r"in float16: the output is float32\. Make constants in the dtype of the input",
    AlwaysRecorded: "neither its inputs nor its parameters require a gradient",
    SharesItsCopy: "copy.deepcopy of SharesItsCopy shares the memory of scale",
    CopyForgets: "copy.deepcopy of CopyForgets has a different scale",
    LosesState: r"LosesState\.state_dict\(\) leaves out scale",
    EvalStopsHere: r"EvalStopsHere\.eval\(\) does not reach EvalStopsHere\.inner: its training is True",
    ReturnsAnArray: "returned no Tensor",
    WrongRule: r"the parameter scale: .*by the factor 1\.1",
    WrongSecondDerivative: r"WrongSecondDerivative in train\(\), the parameter scale: ",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_what_is_wrong_is_found(wrong):
    with pytest.raises((AssertionError, GradcheckError), match=WRONG[wrong]):
        check_module(wrong, ROW, order=2 if wrong is WrongSecondDerivative else 1)


def test_what_is_right_passes():
    check_module(Scale, ROW)
    check_module(Unused, ROW, unused=["shift"])
    check_module(DropoutGoesOn, ROW, modes=["train"])
    check_module(copy.deepcopy(Scale()).requires_grad_(False), ROW)


def test_where_nothing_can_be_compared_it_says_so():
    with pytest.raises(NoDerivative, match="Move the inputs away"):
        check_module(nn.ReLU(), tg.zeros(3))
