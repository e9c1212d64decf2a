"""What all optimizers share: parameters in groups, each with settings of its own, and a state for each parameter."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_lite.autograd import enable_grad, no_grad
from tinygrad_lite.tensor import Tensor


class Optimizer:
    """The base of optimizers. A subclass writes `update`, which changes one parameter in place.

    params: Tensors (leaves), or dictionaries {"params": Tensors, "lr": ...}, groups with settings of their own.
    defaults: the settings that a group takes where it has none of its own.

    Attributes:
        param_groups: a list of dictionaries; changing a setting there holds from the next step on.
        state: for each parameter, a dictionary of what the optimizer remembers about it.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors: write [tensor]")
        if not isinstance(params, Iterable):
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors, not {type(params).__name__}:"
                " for a module, give its parameters()"
            )
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list. (Iterators, such as parameters(), run only once)")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters, with settings of their own: {"params": Tensors, "lr": ...}.

        Raises ValueError for computed tensors and for parameters already in a group, TypeError for what is not a
        Tensor.
        """
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f"param_group must be a dict with the key 'params', but got {group!r}")
        params = group["params"]
        if isinstance(params, (set, frozenset)):
            raise TypeError("optimizer parameters must be in an order, which a set does not have. Use a list instead")
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {parameter for other in self.param_groups for parameter in other["params"]}
        for parameter in params:
            if not isinstance(parameter, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(parameter).__name__}"
                )
            if not parameter.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor: it is computed anew in every step. Give its leaves")
            if parameter in known:
                raise ValueError("some parameters appear in more than one parameter group, or twice in one")
            known.add(parameter)
        self.param_groups.append({**self.defaults, **group, "params": params})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or, with set_to_none=False, set them to 0 in place."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    parameter.grad = parameter.grad.detach().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        closure: computes the loss anew, with its gradients; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self.update(parameter, parameter.grad, group)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to be resumed: {"state": {number: ...}, "param_groups": [...]}, parameters by number.

        Tensors in it share the optimizer's memory; pickle or deepcopy it to keep it.
        """
        numbers = self._numbers()
        groups = [{**group, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {numbers[p]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state from another optimizer's `state_dict()`, as a copy.

        ValueError, which leaves everything as it was, where groups or parameters do not correspond.
        """
        groups = state_dict["param_groups"]
        sizes, own = ([len(group["params"]) for group in some] for some in (groups, self.param_groups))
        if sizes != own:
            raise ValueError(
                f"loaded state dict has parameter groups of {sizes} parameters, and this optimizer has {own}: they must"
                " be of the same model, grouped in the same way"
            )
        numbers = [number for group in groups for number in group["params"]]
        parameters = dict(zip(numbers, self._numbers(), strict=True))
        self.state = {parameters[number]: state for number, state in copy.deepcopy(state_dict["state"]).items()}
        for group, given in zip(self.param_groups, groups, strict=True):
            group.update({name: value for name, value in given.items() if name != "params"})

    def _numbers(self) -> dict[Tensor, int]:
        return {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}

    @staticmethod
    def descended(parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
        """The gradient to descend along: its sign turned with maximize, and weight_decay · parameter added."""
        g = -gradient if group["maximize"] else gradient
        return g + group["weight_decay"] * parameter if group["weight_decay"] else g

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Change one parameter in place, given its gradient and the settings of its group."""
        raise NotImplementedError(f"{type(self).__name__} must implement update(parameter, gradient, group)")

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
        return text + ")"


def check_not_negative(settings: dict[str, float]) -> None:
    """ValueError that names the first setting below 0, TypeError for one that is not a number."""
    for name, value in settings.items():
        if not isinstance(value, (int, float, np.number, Tensor)):
            raise TypeError(f"{name} must be a number, but got {type(value).__name__}: {value!r}")
        if not value >= 0:
            raise ValueError(f"Invalid {name} value: {value}. It must be at least 0")
