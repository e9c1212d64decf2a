"""The graph: a `Node` for each operation that was recorded, and the one count that numbers nodes and changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tinygrad_lite.op import Op

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

next_number = itertools.count(1).__next__  # numbers the nodes and the changes in place, in one order of time

NO_SETTINGS: dict[str, Any] = {}  # shared by all nodes without settings: a long graph has millions


class Node:
    """One recorded operation: PyTorch's `grad_fn`."""

    __slots__ = ("__weakref__", "dtype", "hooks", "line", "number", "op", "parents", "saved", "settings", "shape")

    def __init__(
        self,
        op: Op,
        saved: tuple[Any, ...] | None,
        parents: tuple[Node | Tensor | None, ...],
        settings: dict[str, Any],
        shape: tuple[int, ...],
        dtype: Any,
    ) -> None:
        self.op = op
        self.saved = saved  # the arrays that `op.keeps` names; None once the graph has been released
        self.parents = parents  # for each input: its node, the leaf Tensor itself, or None if it needs no gradient
        self.settings = settings or NO_SETTINGS
        self.shape = shape  # of the output
        self.dtype = dtype
        self.number = next_number()
        self.hooks: Hooks | None = None  # to be called with the gradient with respect to the output
        self.line: str | None = None  # of the user's code, noted while anomalies are detected

    def name(self) -> str:
        """The name PyTorch prints: MeanBackward0."""
        return "".join(part[:1].upper() + part[1:] for part in self.op.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Node | Tensor | None, int], ...]:
        """The nodes, or leaf Tensors, that gradients are handed on to, each with 0 (the number of its one output)."""
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class Hooks(dict[int, Callable[..., Any]]):
    """Functions to be called with a gradient, or by a module, by number, in the order in which they were added.

    keeper: a weak link to the Tensor that said retain_grad(), to be given the gradient after all of them.
    """

    def __init__(self, keeper: Callable[[], Tensor | None] | None = None) -> None:
        self.keeper = keeper

    def add(self, hook: Callable[..., Any]) -> Handle:
        """Add a function. The handle's `remove()` takes this one away, and no other."""
        number = next_number()
        self[number] = hook
        return Handle(self, number)

    def now(self) -> list[Callable[..., Any]]:
        """The functions as they are now: one may remove itself, or another, while it runs."""
        return list(self.values())


class Handle:
    """What a hook's registration returns: `remove()` takes the hook away again, as does the end of a `with` block."""

    def __init__(self, hooks: Hooks, number: int) -> None:
        self._hooks, self._number = hooks, number

    def remove(self) -> None:
        """Take the hook away. Doing so twice does nothing."""
        self._hooks.pop(self._number, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
