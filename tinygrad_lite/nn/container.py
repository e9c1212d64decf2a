"""Modules made of other modules."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from tinygrad_lite.nn.module import Module


class _Ordered(Module):
    """Modules in an order: what Sequential and ModuleList share."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._of(dict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def _of(self, modules: dict[str, Any]) -> Any:
        """A container of the same kind that holds these."""
        raise NotImplementedError

    def _name(self, index: Any) -> str:
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"index {position} is out of range: this {type(self).__name__} has {len(self)} modules")
        return list(self._modules)[position]

    def append(self, module: Module) -> Any:
        """Add a module at the end, under the first free number from its position on. Returns the container."""
        self.add_module(next(name for name in map(str, count(len(self))) if name not in self._modules), module)
        return self


class Sequential(_Ordered):
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

    def _of(self, modules: dict[str, Any]) -> Sequential:
        return Sequential(modules)  # which keeps their names


class ModuleList(_Ordered):
    """A list of modules, which a module finds among its attributes, as it would not find those of a plain list."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or [])

    def _of(self, modules: dict[str, Any]) -> ModuleList:
        return ModuleList(modules.values())

    def __delitem__(self, index: int | slice) -> None:
        kept = list(self)
        del kept[index]
        self._refill(kept)

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add several modules at the end. Returns the list."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        kept = list(self)
        kept.insert(index, module)
        self._refill(kept)

    def _refill(self, modules: list[Module]) -> None:
        for name in list(self._modules):
            delattr(self, name)
        self.extend(modules)


class ModuleDict(Module):
    """A dictionary of modules, which a module finds among its attributes."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        if key not in self._modules:
            self.add_module(key, module)
        else:
            setattr(self, key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self._modules:
            raise KeyError(key)
        delattr(self, key)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and modules."""
        return self._modules.items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of another dictionary, or of pairs."""
        for key, module in dict(modules).items():
            self[key] = module
