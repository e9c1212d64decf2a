"""Schedules: PyTorch's sequence of rates, for each; and resumed."""

import pickle

import pytest

import tinygrad_lite as tg
from tinygrad_lite import optim
from tinygrad_lite.optim import lr_scheduler

SCHEDULES = [
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 5, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.1, "total_iters": 9}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.5**t, lambda t: 2.0]}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": [1.0, 0.5], "epochs": 4, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20, "three_phase": True, "pct_start": 0.4, "div_factor": 10}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 20, "cycle_momentum": False, "final_div_factor": 100}),
]


def optimizer_for(T, kind):
    first, second = (T.ones(1, requires_grad=True) for _ in range(2))
    return getattr(T.optim, kind)([{"params": [first]}, {"params": [second], "lr": 0.2}], lr=0.1, **(
        {"momentum": 0.9} if kind == "SGD" else {}
    ))  # fmt: skip


def settings_in_force(optimizer):
    return [[g["lr"], *(g.get("betas") or [g["momentum"]])] for g in optimizer.param_groups]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_the_rates_are_pytorchs(name, settings, kind):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    sequences = []
    for T in (tg, torch):
        optimizer = optimizer_for(T, kind)
        schedule = getattr(T.optim.lr_scheduler, name)(optimizer, **settings)
        rates = [settings_in_force(optimizer)]
        for _ in range(20):
            optimizer.step()
            schedule.step()
            rates.append(settings_in_force(optimizer))
            assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        sequences.append(rates)
    for mine, other in zip(*sequences, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert a == pytest.approx(b, rel=1e-9, abs=1e-15)


METRICS = [5, 4, 4.1, 4.2, 4.0, 4.0, 3.9999, 3, 3, 3, 3, 3, 3, 3, 3, 2.9, 3, 3, -1, -1, -1, -1, -2, -2]


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        {"mode": "max", "patience": 0, "min_lr": [0.01, 0.05]},
        {"patience": 1, "threshold": 0.5, "threshold_mode": "abs"},
        {"patience": 0, "eps": 0.05, "threshold": 0.1},
    ],
    ids=str,
)
def test_a_plateau_is_pytorchs(settings):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    sequences = []
    for T in (tg, torch):
        optimizer = optimizer_for(T, "SGD")
        schedule = T.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = []
        for metric in METRICS:
            schedule.step(T.tensor(float(metric)))
            rates += [group["lr"] for group in optimizer.param_groups]
        sequences.append(rates)
    assert sequences[0] == pytest.approx(sequences[1])


@pytest.mark.parametrize(("name", "settings"), SCHEDULES[:7] + SCHEDULES[9:])
def test_a_schedule_is_resumed(name, settings):
    def run(stop):
        optimizer = optimizer_for(tg, "SGD")
        schedule, rates = getattr(lr_scheduler, name)(optimizer, **settings), []
        for t in range(15):
            if t == stop:
                kept = pickle.loads(pickle.dumps((optimizer.state_dict(), schedule.state_dict())))
                optimizer = optimizer_for(tg, "SGD")
                schedule = getattr(lr_scheduler, name)(optimizer, **settings)
                optimizer.load_state_dict(kept[0])
                schedule.load_state_dict(kept[1])
            schedule.step()
            rates.append(settings_in_force(optimizer))
        return rates

    assert run(stop=6) == run(stop=None)


def test_a_schedule_of_ones_own():

    class Halving(lr_scheduler.LRScheduler):
        def rate(self, t, base, group):
            return base / 2**t

    optimizer = optimizer_for(tg, "SGD")
    schedule = Halving(optimizer)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.1]


def test_what_makes_no_sense_is_refused():
    optimizer = optimizer_for(tg, "SGD")
    plain = optim.Adagrad([tg.ones(1, requires_grad=True)])
    for make, kind, message in (
        (lambda: lr_scheduler.StepLR("sgd", 3), TypeError, "str is not an Optimizer"),
        (lambda: lr_scheduler.LambdaLR(optimizer, [lambda t: 1.0]), ValueError, "Expected 2 lr_lambdas, but got 1"),
        (lambda: lr_scheduler.LinearLR(optimizer, start_factor=0), ValueError, "greater than 0"),
        (lambda: lr_scheduler.LinearLR(optimizer, end_factor=2), ValueError, "between 0 and 1"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 1.0), ValueError, "either total_steps OR"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, [1.0], 10), ValueError, "Expected 2 values for max_lr"),
        (lambda: lr_scheduler.OneCycleLR(optimizer, 1.0, 10, anneal_strategy="up"), ValueError, "'cos' or 'linear'"),
        (lambda: lr_scheduler.OneCycleLR(plain, 1.0, 10), ValueError, "must support momentum"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.0), ValueError, "Factor should be < 1.0"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer, mode="up"), ValueError, "mode up is unknown"),
        (lambda: lr_scheduler.StepLR(plain, 3, last_epoch=4), KeyError, "initial_lr"),
    ):
        with pytest.raises(kind, match=message):
            make()
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, 2)
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="Tried to step 3 times. The specified number of total steps is 2"):
        schedule.step()
