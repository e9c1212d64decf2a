"""The gradients on their way: for each node and leaf that has been handed some, their sum so far.

A sum is *own* if nobody but the walk holds its array. Then more can be added to it in place, and a leaf may keep it
without a copy. An array that somebody else holds as well (the gradient of a + b is handed to a and to b; a rule may
return an array that it keeps) must never be written to: a copy too many costs time, one too few is a wrong gradient.
"""

from __future__ import annotations

import sys
from heapq import heappop, heappush
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.autograd.graph import Node
from tinygrad_lite.autograd.mode import enable_grad
from tinygrad_lite.backend import Array
from tinygrad_lite.op import Traced


def _references_to_a_new_array() -> int:
    array = np.empty(0)
    return sys.getrefcount(array)


# What `sys.getrefcount(x)` says of an array that only the local name x refers to: 2 in Python 3.13, with that of the
# call itself, and 1 in 3.14. So Python is asked, once.
ALONE = _references_to_a_new_array()


class Sums:
    """The sums of a walk. With `in_place=False` none is ever added to in place: each step's gradients stay as they are.

    Attributes:
        of: for each node and leaf, the sum so far: an array or, where the walk is recorded, a Tensor.
        own: the nodes and leaves whose sum nobody else holds.
        nodes: the nodes among them, as a heap whose top is the youngest.
    """

    def __init__(self, in_place: bool) -> None:
        self.of: dict[Any, Any] = {}
        self.own: set[Any] = set()
        self.nodes: list[tuple[int, Node]] = []
        self.in_place = in_place

    def add(self, source: Any, gradient: Any, own: bool) -> None:
        """Add what was handed to a node or leaf. own: nobody but the walk holds the gradient's array."""
        if source not in self.of:
            self.of[source] = gradient
            if own:
                self.own.add(source)
            if isinstance(source, Node):
                heappush(self.nodes, (-source.number, source))
        elif self.in_place and source in self.own:
            backend.add_to(self.of[source], gradient)
        elif isinstance(gradient, Traced):
            with enable_grad():
                self.of[source] = self.of[source] + gradient
        else:
            self.of[source] = backend.added(self.of[source], gradient)
            self.own.add(source)

    def owned(self, source: Any) -> Array | None:
        """The sum so far, where a rule may add to it in place; else None."""
        return self.of[source] if self.in_place and source in self.own else None

    def youngest(self) -> tuple[Node, Any]:
        """The youngest node that waits, and the sum of all that it was handed. Both are taken out."""
        node = heappop(self.nodes)[1]
        self.own.discard(node)
        return node, self.of.pop(node)
