"""Modules made of other modules."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import count
from typing import Any

from tinygrad_lite.nn.module import Module


class Sequential(Module):
    """Modules one after another, each given what the one before returned.

    `Sequential(a, b, c)`, or a dictionary of names and modules; `model[0]`, `model[-1]`, `model[:2]`, `len(model)`.
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            named = modules[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(modules))  # type: ignore[assignment]
        for name, module in named:
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        """x through all modules in turn."""
        for module in self._modules.values():
            x = module(x)  # type: ignore[misc]
        return x

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _name(self, index: Any) -> str:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"index {position} is out of range: this Sequential has {len(self)} modules")
        return list(self._modules)[position]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def append(self, module: Module) -> Sequential:
        """Add a module at the end, under the first free number from its position on. Returns the Sequential."""
        self.add_module(next(name for name in map(str, count(len(self))) if name not in self._modules), module)
        return self
