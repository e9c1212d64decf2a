"""`check_optimizer` passes every optimizer of the library beside a plain update, and finds what goes wrong."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import optim
from tinygrad_lite.optim import Optimizer
from tinygrad_lite.testing import check_optimizer


def plain_sgd(p, g, state, lr, momentum, dampening, weight_decay, nesterov, maximize):
    g = (-g if maximize else g) + weight_decay * p
    v = state["v"] = momentum * state["v"] + (1 - dampening) * g if state else g
    return p - lr * (g + momentum * v if nesterov else v if momentum else g)


def plain_adam(p, g, state, lr, betas, eps, weight_decay, amsgrad, maximize):
    return adam(p, (-g if maximize else g) + weight_decay * p, state, lr, betas, eps, amsgrad)


def plain_adamw(p, g, state, lr, betas, eps, weight_decay, amsgrad, maximize):
    return adam(p - lr * weight_decay * p, -g if maximize else g, state, lr, betas, eps, amsgrad)


def adam(p, g, state, lr, betas, eps, amsgrad):
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
    state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g**2
    state["most"] = np.maximum(state.get("most", 0), state["v"])
    v = state["most"] if amsgrad else state["v"]
    return p - lr * state["m"] / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def plain_rmsprop(p, g, state, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    g = (-g if maximize else g) + weight_decay * p
    state["s"] = alpha * state.get("s", 0) + (1 - alpha) * g**2
    state["mean"] = alpha * state.get("mean", 0) + (1 - alpha) * g
    s = state["s"] - state["mean"] ** 2 if centered else state["s"]
    state["v"] = momentum * state.get("v", 0) + g / (np.sqrt(s) + eps)
    return p - lr * state["v"]


def plain_adagrad(p, g, state, lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize):
    g = (-g if maximize else g) + weight_decay * p
    state["t"] = t = state.get("t", 0) + 1
    state["s"] = state.get("s", initial_accumulator_value) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(state["s"]) + eps)


RIGHT = [
    (optim.SGD, plain_sgd, {}),
    (optim.SGD, plain_sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    (optim.SGD, plain_sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    (optim.Adam, plain_adam, {}),
    (optim.Adam, plain_adam, {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "amsgrad": True}),
    (optim.AdamW, plain_adamw, {"lr": 0.1, "weight_decay": 0.3}),
    (optim.AdamW, plain_adamw, {"lr": 0.1, "amsgrad": True, "maximize": True}),
    (optim.RMSprop, plain_rmsprop, {}),
    (optim.RMSprop, plain_rmsprop, {"lr": 0.1, "alpha": 0.9, "momentum": 0.5, "centered": True, "eps": 1e-4}),
    (optim.Adagrad, plain_adagrad, {}),
    (optim.Adagrad, plain_adagrad, {"lr": 0.3, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
]


def test_every_optimizer_is_among_them():
    found = {o for o in vars(optim).values() if isinstance(o, type) and issubclass(o, Optimizer)} - {Optimizer}
    assert found == {cls for cls, *_ in RIGHT}


@pytest.mark.parametrize(("cls", "reference", "settings"), RIGHT, ids=lambda part: getattr(part, "__name__", str(part)))
def test_the_librarys_optimizers_pass(cls, reference, settings):
    check_optimizer(cls, reference, **settings)


def plain(p, g, state, lr, momentum):
    state["v"] = momentum * state["v"] + g if state else g
    return p - lr * state["v"]


class Momentum(Optimizer):
    """v ← momentum · v + g, p ← p - lr · v, from which each of the following differs by one mistake."""

    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    def update(self, parameter, gradient, group):
        state = self.state.setdefault(parameter, {})
        state["v"] = group["momentum"] * state["v"] + gradient if "v" in state else gradient.clone()
        parameter.sub_(state["v"], alpha=group["lr"])


class WrongSign(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, -gradient, group)


class OneMemoryForAll(Momentum):
    v = 0.0

    def update(self, parameter, gradient, group):
        self.v = group["momentum"] * self.v + float(gradient.mean().item())
        parameter.sub_(gradient * 0 + self.v, alpha=group["lr"])


class MemoryOutsideOfTheState(Momentum):
    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.memory = {}

    def update(self, parameter, gradient, group):
        v = self.memory[parameter] = group["momentum"] * self.memory.get(parameter, 0) + gradient
        parameter.sub_(v, alpha=group["lr"])


class KeepsTheGradient(Momentum):
    def update(self, parameter, gradient, group):
        state = self.state.setdefault(parameter, {})
        state["v"] = group["momentum"] * state["v"] + gradient if "v" in state else gradient
        parameter.sub_(state["v"], alpha=group["lr"])


class ChangesTheGradient(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, gradient.mul_(1.0 + 1e-12), group)


class FirstGroupOnly(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, gradient, self.param_groups[0])


class RateOfTheStart(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, gradient, {**group, "lr": self.defaults["lr"]})


class MovesWithoutAGradient(Momentum):
    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None and p in self.state:
                    p.detach().sub_(self.state[p]["v"], alpha=group["lr"])
        return loss


class NewArray(Momentum):
    def update(self, parameter, gradient, group):
        parameter.data = parameter.detach() - group["lr"] * gradient


class Recorded(Momentum):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    v = self.state.setdefault(p, {})["v"] = (p * 1 - p).sum() + p.grad
                    p.detach().sub_(v.detach(), alpha=group["lr"])
        return closure and closure()


class IgnoresTheClosure(Momentum):
    def step(self, closure=None):
        super().step()


class ClosureUnrecorded(Momentum):
    def step(self, closure=None):
        with tg.no_grad():
            loss = closure() if closure else None
        super().step()
        return loss


class StandsStill(Momentum):
    def update(self, parameter, gradient, group):
        pass


class KeepsWhatItLoads(Momentum):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        numbers = dict(enumerate(p for group in self.param_groups for p in group["params"]))
        self.state = {numbers[i]: state for i, state in state_dict["state"].items()}


class HalfAStep(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, gradient, {**group, "lr": group["lr"] / 2})


class OnlyMatrices(Momentum):
    def update(self, parameter, gradient, group):
        super().update(parameter, gradient if parameter.ndim else 2 * gradient, group)


class ForgetsZeroGrad(Momentum):
    def zero_grad(self, set_to_none=True):
        pass


WRONG = {
    WrongSign: "differs from its reference at parameter 0",
    OneMemoryForAll: "differs from its reference|takes another path than alone",
    MemoryOutsideOfTheState: r"a run resumed from its state_dict\(\) after 3 steps takes another path",
    KeepsTheGradient: r"keeps the gradient itself, which is overwritten later: clone\(\) it",
    ChangesTheGradient: "changes the gradient of parameter 0",
    FirstGroupOnly: r"parameter 2, of shape \(2, 1, 2\), in step 1",
    RateOfTheStart: "in step",
    MovesWithoutAGradient: "differs from its reference at parameter 1.*has no gradient|moves parameter 1",
    NewArray: "gives parameter 0 another array|differs from its reference",
    Recorded: r"records what it remembers \(v\): detach it|differs from its reference",
    IgnoresTheClosure: "does not return what the closure returned",
    ClosureUnrecorded: "with recording switched on",
    StandsStill: "moved no parameter in 6 steps",
    KeepsWhatItLoads: "keeps what it was given, and changes it: copy it",
    HalfAStep: "differs from its reference",
    OnlyMatrices: r"parameter 1, of shape \(\)",
    ForgetsZeroGrad: r"zero_grad\(set_to_none=False\) does not set",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_what_is_wrong_is_found(wrong):
    with pytest.raises(AssertionError, match=WRONG[wrong]):
        check_optimizer(wrong, plain, lr=0.1, momentum=0.9)


@pytest.mark.parametrize(
    "wrong",
    [OneMemoryForAll, MemoryOutsideOfTheState, KeepsTheGradient, ChangesTheGradient, MovesWithoutAGradient, NewArray,
     Recorded, KeepsWhatItLoads],
    ids=lambda wrong: wrong.__name__,
)  # fmt: skip
def test_what_needs_no_reference_is_found_without_one(wrong):
    with pytest.raises(AssertionError):
        check_optimizer(wrong, lr=0.1, momentum=0.9)


def test_what_is_right_passes():
    check_optimizer(Momentum, plain, lr=0.1, momentum=0.9)
    check_optimizer(Momentum)
    with pytest.raises(ValueError, match="at least 4 steps"):
        check_optimizer(Momentum, steps=2)
    with pytest.raises(AssertionError, match="has no setting beta, which the reference asks for"):
        check_optimizer(Momentum, lambda p, g, state, beta: p)
