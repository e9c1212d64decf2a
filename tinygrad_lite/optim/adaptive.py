"""Optimizers that give each weight a rate of its own: smaller where gradients have been large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_lite.creation import full_like, zeros_like
from tinygrad_lite.functions import maximum
from tinygrad_lite.optim.optimizer import Optimizer, check_not_negative
from tinygrad_lite.tensor import Tensor


class Adagrad(Optimizer):
    """Divides by the root of all squared gradients so far (Duchi, Hazan and Singer 2011).

    g ← ∇loss(p) + weight_decay · p
    s ← s + g²
    p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {
            "lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "eps": eps,
        }  # fmt: skip
        check_not_negative(settings)
        super().__init__(params, {**settings, "maximize": maximize})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of the algorithm above, for one parameter."""
        state = self.state.setdefault(parameter, {})
        if not state:
            state.update(step=0, sum=full_like(parameter.detach(), group["initial_accumulator_value"]))
        state["step"] += 1
        g = self.descended(parameter, gradient, group)
        s = state["sum"].add_(g * g)
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        parameter.sub_(g / (s.sqrt() + group["eps"]), alpha=rate)


class RMSprop(Optimizer):
    """Divides by the root of a running mean of squared gradients (Hinton 2012, lecture 6e).

        g ← ∇loss(p) + weight_decay · p
        s ← alpha · s + (1 - alpha) · g²
        v ← momentum · v + g / (√s + eps)
        p ← p - lr · v

    With centered=True the running mean of g, squared, is subtracted from s: what is left is the variance (Graves 2013).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        check_not_negative(settings)
        super().__init__(params, {**settings, "centered": centered, "maximize": maximize})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of the algorithm above, for one parameter."""
        state, alpha = self.state.setdefault(parameter, {}), group["alpha"]
        if not state:
            state["square_avg"] = zeros_like(parameter.detach())
            if group["centered"]:
                state["grad_avg"] = zeros_like(parameter.detach())
            if group["momentum"]:
                state["momentum_buffer"] = zeros_like(parameter.detach())
        g = self.descended(parameter, gradient, group)
        s = state["square_avg"].mul_(alpha).add_(g * g, alpha=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].mul_(alpha).add_(g, alpha=1 - alpha)
            s = s - mean * mean
        g = g / (s.sqrt() + group["eps"])
        if group["momentum"]:
            g = state["momentum_buffer"].mul_(group["momentum"]).add_(g)
        parameter.sub_(g, alpha=group["lr"])


class Adam(Optimizer):
    """Momentum, divided by the root of a running mean of squared gradients (Kingma and Ba 2015).

        g ← ∇loss(p) + weight_decay · p
        m ← β₁ · m + (1 - β₁) · g
        v ← β₂ · v + (1 - β₂) · g²
        p ← p - lr · m̂ / (√v̂ + eps)    with  m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ),  t the number of the step

    m and v start with zeros, so in the first steps they are too small: m̂ and v̂ make up for that. With amsgrad=True v̂
    is the largest so far (Reddi, Kale and Kumar 2018).
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative({"lr": lr, "eps": eps, "weight_decay": weight_decay})
        for i, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}. It must be at least 0 and below 1")
        settings = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "amsgrad": amsgrad, "maximize": maximize})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of the algorithm above, for one parameter."""
        state, (beta1, beta2) = self.state.setdefault(parameter, {}), group["betas"]
        if not state:
            state.update(step=0, exp_avg=zeros_like(parameter.detach()), exp_avg_sq=zeros_like(parameter.detach()))
        state["step"] += 1
        t = state["step"]
        if self.decoupled:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            g = -gradient if group["maximize"] else gradient
        else:
            g = self.descended(parameter, gradient, group)
        m = state["exp_avg"].mul_(beta1).add_(g, alpha=1 - beta1)
        v = state["exp_avg_sq"].mul_(beta2).add_(g * g, alpha=1 - beta2)
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"] = maximum(state.get("max_exp_avg_sq", v), v)
        denominator = v.sqrt().div_((1 - beta2**t) ** 0.5).add_(group["eps"])
        parameter.sub_(m / denominator, alpha=group["lr"] / (1 - beta1**t))


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): p ← p - lr · weight_decay · p before each step.

    Added to the gradient, as Adam does it, the decay of a weight is divided by the root of its squared gradients too.
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
