"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_lite.optim.optimizer import Optimizer, check_not_negative
from tinygrad_lite.tensor import Tensor


class SGD(Optimizer):
    """Steps against the gradient, with momentum if asked for (Polyak 1964; Nesterov 1983; Sutskever et al. 2013).

        g ← ∇loss(p) + weight_decay · p
        v ← momentum · v + (1 - dampening) · g        in the first step v ← g
        p ← p - lr · v                                with nesterov  p ← p - lr · (g + momentum · v)

    With maximize=True the gradient's sign is turned first.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative({"learning rate": lr, "momentum": momentum, "weight_decay": weight_decay})
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "nesterov": nesterov, "maximize": maximize})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of the algorithm above, for one parameter."""
        momentum = group["momentum"]
        g = self.descended(parameter, gradient, group)
        if momentum:
            state = self.state.setdefault(parameter, {})
            v = state.get("momentum_buffer")
            if v is None:
                v = state["momentum_buffer"] = g.detach().clone()
            else:
                v.mul_(momentum).add_(g, alpha=1 - group["dampening"])
            g = g + momentum * v if group["nesterov"] else v
        parameter.sub_(g, alpha=group["lr"])
