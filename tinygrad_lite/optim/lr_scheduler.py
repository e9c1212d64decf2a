"""Schedules: learning rates that change while a network is trained.

    scheduler = StepLR(optimizer, step_size=10)
    for epoch in range(30):
        ...                  # train, with optimizer.step() for each batch
        scheduler.step()     # once per epoch (OneCycleLR: once per batch)

A schedule is a formula for the rate at step t = `last_epoch`, which counts the calls of `step()`, from the rate that
each parameter group began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_lite.optim.optimizer import Optimizer


class LRScheduler:
    """The base of schedules: a subclass writes `rate`, a formula.

    Attributes:
        last_epoch: t, how often `step()` was called.
        base_lrs: the rates that the parameter groups began with.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group["initial_lr"] = group["lr"]
            elif "initial_lr" not in group:
                raise KeyError("param 'initial_lr' is not specified in the groups when resuming an optimizer")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def rate(self, t: int, base: float, group: int) -> float:
        """The learning rate at step t of the group with this number, which began with the rate `base`."""
        raise NotImplementedError(f"{type(self).__name__} must implement rate(t, base, group)")

    def step(self) -> None:
        """Go one step on, and set the rates of that step."""
        self.last_epoch += 1
        for i, (group, base) in enumerate(zip(self.optimizer.param_groups, self.base_lrs, strict=True)):
            group["lr"] = self.rate(self.last_epoch, base, i)

    def get_last_lr(self) -> list[float]:
        """The rates in force, one for each parameter group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to be resumed: everything but the optimizer, and functions."""
        return {name: value for name, value in self.__dict__.items() if name not in ("optimizer", "lr_lambdas")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where another schedule stopped. (The rates in force are in the optimizer's own state.)"""
        self.__dict__.update(state_dict)


class StepLR(LRScheduler):
    """base · gammaᵏ, where k grows by 1 every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class ExponentialLR(LRScheduler):
    """base · gammaᵗ"""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        return base * self.gamma**t


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from base down to eta_min in T_max steps (Loshchilov and Hutter 2017), and up again after them."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class LinearLR(LRScheduler):
    """base times a factor that goes straight from start_factor to end_factor in total_iters steps, and stays there."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0.0 < start_factor <= 1.0:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if not 0.0 <= end_factor <= 1.0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        share = min(t, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


class LambdaLR(LRScheduler):
    """base · lr_lambda(t), a function of your own: one, or a list with one for each parameter group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        return base * self.lr_lambdas[group](t)


class OneCycleLR(LRScheduler):
    """One cycle: up from max_lr / div_factor to max_lr, and down to far below where it began (Smith and Topin 2019).

    total_steps: of the whole cycle, or epochs and steps_per_epoch; pct_start: the share of it that goes up.
    anneal_strategy: "cos" or "linear". three_phase: down to where it began first, in as many steps as up.
    cycle_momentum: the momentum (Adam's first beta) goes the other way, from max_momentum to base_momentum and back.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1:
            raise ValueError(f"Expected positive integer total_steps, but got {total_steps}")
        if not 0.0 <= pct_start <= 1.0:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        groups = optimizer.param_groups
        rates = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(f"Expected {len(groups)} values for max_lr, but got {len(rates)}")
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not ({"momentum", "betas"} & set(optimizer.defaults)):
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        # the corners of the cycle: the step, the rate as a share of max_lr, and the momentum
        low, end = 1 / div_factor, 1 / div_factor / final_div_factor
        self.corners = [(0.0, low, max_momentum), (pct_start * total_steps - 1, 1.0, base_momentum)]
        if three_phase:
            self.corners += [(2 * pct_start * total_steps - 2, low, max_momentum)]
        self.corners += [(total_steps - 1.0, end, max_momentum)]
        if last_epoch == -1:
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = group["initial_lr"] = rate * low
        self.max_lrs = rates
        super().__init__(optimizer, last_epoch)

    def rate(self, t: int, base: float, group: int) -> float:
        share, _ = self._at(t)
        return self.max_lrs[group] * share

    def step(self) -> None:
        """Go one step on. ValueError after total_steps of them."""
        if self.last_epoch + 1 > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch + 1} times. The specified number of total steps is {self.total_steps}"
            )
        super().step()
        if self.cycle_momentum:
            _, momentum = self._at(self.last_epoch)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _at(self, t: int) -> tuple[float, float]:
        """The rate, as a share of max_lr, and the momentum at step t, between the corners before and after it."""
        for before, after in zip(self.corners, self.corners[1:], strict=False):
            if t <= after[0] or after is self.corners[-1]:
                way = (t - before[0]) / (after[0] - before[0]) if after[0] != before[0] else 1.0
                if self.anneal_strategy == "cos":
                    way = (1 - math.cos(math.pi * way)) / 2
                return before[1] + (after[1] - before[1]) * way, before[2] + (after[2] - before[2]) * way
        raise AssertionError("the last corner takes all steps that are left")


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rates by `factor` when a number, the validation loss say, has not improved for a while.

        scheduler.step(loss)

    mode: "min", the number should fall, or "max". patience: how many steps without improvement are tolerated.
    threshold: how much is an improvement: a share of the best so far ("rel"), or that much ("abs").
    cooldown: steps after a reduction in which nothing is counted. min_lr: no rate falls below it. eps: a smaller change
    of the rate is not made.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! Use 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! Use 'rel' or 'abs'")
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(self.min_lrs)}")
        self.optimizer = optimizer
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Take in the value of one more epoch, a Python number or a Tensor of one element."""
        current = float(metrics)
        self.last_epoch += 1
        if self._better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lower = max(group["lr"] * self.factor, least)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _better(self, current: float) -> bool:
        margin = self.threshold if self.mode == "max" else -self.threshold
        target = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return current > target if self.mode == "max" else current < target
