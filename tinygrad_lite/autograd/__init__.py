"""Recording what was computed, and walking back through it.

A Tensor made by an operation carries a `Node`: the operation, what its gradient rules will need, and the nodes of its
inputs. `backward()` walks back over these nodes, by the chain rule. Each subject has a file:

    walk.py      from a result back to the leaves: one loop, and what happens before, beside and after it
    sums.py      the gradients on their way, added up for each node and leaf
    graph.py     the nodes, and their hooks
    changes.py   changes in place, which the walk must not miss
    mode.py      the recording switch: `no_grad` and its like

`Function`, operations written as PyTorch's users write them, is found here by PyTorch's name; as it is written on
Tensors, its room, `function.py`, comes after theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_lite.anomaly import detect_anomaly, set_detect_anomaly
from tinygrad_lite.autograd.changes import mark_changed, owner_of, same_memory
from tinygrad_lite.autograd.graph import Handle, Hooks, Node
from tinygrad_lite.autograd.mode import enable_grad, grad_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinygrad_lite.autograd.walk import backward_steps, grad

if TYPE_CHECKING:
    from tinygrad_lite.function import Function


def __getattr__(name: str) -> Any:
    if name == "Function":
        from tinygrad_lite.function import Function

        return Function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
