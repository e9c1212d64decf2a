"""Recording what was computed, and walking back through it.

A Tensor made by an operation carries a `Node`: the operation, what its gradient rules will need, and the nodes of
its inputs. `backward()` starts with the gradient of the result by itself, which is 1, and hands gradients from node
to node by the chain rule, until the leaves (the Tensors nobody computed) have theirs.

**The order matters.** With a = 1, b = a + a, c = b + b, the node of b receives a gradient twice, once for each use.
It must wait for both before it hands its own on: plain recursion would run b's rules twice, and count a four times
where two of these were already in b. Every node is numbered when it is made, and so is younger than its inputs. So
the walk always takes the *youngest* node that waits: whatever was computed from it is younger still, and has already
given its share. This is a topological order; a heap finds it in n log n steps, without recursion.

**Changes in place** take a number from the same count. A node that needs an array whose memory was changed after
the node was made would compute a wrong gradient: the walk compares the two numbers and raises an error.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import itertools
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.op import Op, Rule, Traced
from tinygrad_lite.ops.elementwise import cast
from tinygrad_lite.ops.reduction import sum_to

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

next_number = itertools.count(1).__next__  # numbers the nodes and the changes in place, in one order of time


# ------------------------------------------------------------------------------------- is recording switched on?

grad_mode: ContextVar[bool] = ContextVar("grad_mode", default=True)  # of this thread, or this asynchronous task


class _GradMode(contextlib.ContextDecorator):
    """A `with` block, or a decorated function, in which recording is on or off. Blocks may be nested."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.outside: list[bool] = []

    def _recreate_cm(self) -> _GradMode:
        return _GradMode(self.mode)  # each call of a decorated function gets a block of its own

    def __enter__(self) -> None:
        self.outside.append(grad_mode.get())
        grad_mode.set(self.mode)

    def __exit__(self, *exception: object) -> None:
        grad_mode.set(self.outside.pop())


class no_grad(_GradMode):
    """`with no_grad():` or `@no_grad()`: nothing computed inside is recorded, so parameters can be changed."""

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_GradMode):
    """`with enable_grad():` or `@enable_grad()`: recording is on inside, within a `no_grad` block too."""

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_GradMode):
    """Switch recording on or off from here on; as `with set_grad_enabled(mode):`, until the end of the block."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.before = grad_mode.get()
        grad_mode.set(self.mode)

    def __enter__(self) -> None:
        self.outside.append(self.before)
        grad_mode.set(self.mode)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        grad_mode.set(self.before)  # as a decorator it switches nothing until the function is called
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """True where operations on tensors that require gradients are recorded."""
    return grad_mode.get()


# ------------------------------------------------------------------------------------------------------ recording


class Node:
    """One recorded operation: PyTorch's `grad_fn`."""

    __slots__ = ("op", "saved", "parents", "settings", "shape", "dtype", "number", "hooks", "__weakref__")

    def __init__(
        self,
        op: Op,
        saved: list[Any] | None,
        parents: list[Node | Tensor | None],
        settings: dict[str, Any],
        shape: tuple[int, ...],
        dtype: Any,
    ) -> None:
        self.op = op
        self.saved = saved  # the arrays that `op.saves` names; None once the graph has been released
        self.parents = parents  # for each input: its node, the leaf Tensor itself, or None if it needs no gradient
        self.settings = settings
        self.shape = shape  # of the output
        self.dtype = dtype
        self.number = next_number()
        self.hooks: list[Callable[[Any], Any]] | None = None

    def name(self) -> str:
        """The name PyTorch prints: MeanBackward0."""
        return "".join(part.capitalize() for part in self.op.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Node | Tensor | None, int], ...]:
        """The nodes, or leaf Tensors, that gradients are handed on to, each with 0 (its number of that output)."""
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


# ------------------------------------------------------------------------------------------------ changes in place

_changes: dict[int, tuple[weakref.ref[Any], int]] = {}  # id of the array owning the memory -> latest change of it
_latest_change = 0


def owner_of(array: Array) -> Array:
    """The array whose memory this one looks at: itself, unless it is a view."""
    while isinstance(array.base, type(array)):
        array = array.base
    return array


def mark_changed(array: Array) -> None:
    """Note that the memory of an array was changed in place just now."""
    global _latest_change
    owner = owner_of(array)
    key = id(owner)
    known = _changes.get(key)
    reference = known[0] if known else weakref.ref(owner, lambda _: _changes.pop(key, None))
    _latest_change = next_number()
    _changes[key] = (reference, _latest_change)


def same_memory(a: Array, b: Array) -> bool:
    """True if one array is a view of the other, or both of a third."""
    return owner_of(a) is owner_of(b)


def _refuse_changed(node: Node, rule: Rule) -> None:
    """RuntimeError if an array that the rule asks for was changed after the node was made."""
    for array in node.saved if node.op.variadic else [node.saved[i] for i in rule.takes]:
        if backend.is_array(array) and _changes.get(id(owner_of(array)), (None, 0))[1] > node.number:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation:"
                f" {node.op.name} was recorded with an array of shape {array.shape} and dtype {array.dtype}, which was"
                " changed afterwards, so its gradient would be wrong. Change a clone() instead, or change it after"
                " backward()"
            )


# ---------------------------------------------------------------------------------------------------- the walk back


Step = tuple[Node, Any, list[Any]]  # a node, the gradient that came in, and those it hands on: one for each parent


def backward_steps(
    outputs: Tensor | Sequence[Tensor],
    gradients: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    wanted: dict[Node | Tensor, Any] | None = None,
) -> Iterator[Step]:
    """Walk back from `outputs`: `for node, gradient, handed_on in backward_steps(loss)`.

    Each step comes after a node has handed on the gradients by its inputs, a list with one for each of `node.parents`
    (None where none is needed). At the end of the walk every leaf's `.grad` has its gradient.

    gradients: what to start from, one for each output and of its shape; None stands for 1, for an output of one
        element.
    retain_graph: keep what the nodes have saved, so that the walk can be repeated (default: as create_graph).
    create_graph: compute with Tensors, and record it, so that the gradients can be differentiated in their turn.
        Otherwise the gradients in a step are plain arrays, which belong to the walk: copy what you keep.
    wanted: nodes and leaves whose gradients are put into this dictionary, while no `.grad` is touched: for `grad()`.

    Raises RuntimeError for an output that needs no gradient, a graph already released, an array changed in place;
    NotImplementedError for an input that its operation has no rule for.
    """
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    gradients = gradients if isinstance(gradients, list | tuple) else [gradients] * len(outputs)
    retain_graph = create_graph if retain_graph is None else retain_graph
    wrap = outputs[0]._wrap
    useful = None if wanted is None else _leading_to(wanted, outputs)

    pending: dict[Node | Tensor, Any] = {}  # node or leaf -> the sum of the gradients handed to it so far
    summed: set[Node | Tensor] = set()  # those whose sum is an array made here, so that more can be added in place
    unshared: set[Tensor] = set()  # leaves whose gradient is an array that a rule made for them alone
    waiting: list[tuple[int, Node]] = []  # a heap of the nodes in pending, youngest first

    def hand(parent: Node | Tensor, gradient: Any) -> None:
        if parent not in pending:
            pending[parent] = gradient
            if isinstance(parent, Node):
                heapq.heappush(waiting, (-parent.number, parent))
        elif parent in summed:
            pending[parent] += gradient
        else:
            pending[parent] = pending[parent] + gradient
            if not create_graph:
                summed.add(parent)

    for output, gradient in zip(outputs, gradients, strict=True):
        hand(output._source(), _starting_gradient(output, gradient, create_graph))

    while waiting:
        node = heapq.heappop(waiting)[1]
        g = pending.pop(node)
        if node.hooks:
            g = _run_hooks(node.hooks, g, wrap)
        if wanted is not None and node in wanted:
            wanted[node] = g
        op, saved = node.op, node.saved
        if saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: what {op.name} had saved was released by the"
                " first backward(). Say backward(retain_graph=True) there, or compute the result anew"
            )
        if create_graph:
            saved = _as_tensors(node, wrap)
        handed: list[Any] = []
        mode = grad_mode.set(True) if create_graph else None  # what is computed on arrays is never recorded
        try:
            for index, parent in enumerate(node.parents):
                if parent is None or (useful is not None and parent not in useful):
                    handed.append(None)
                    continue
                like = parent if isinstance(parent, Node) else parent._array
                rule = op.rules[0 if op.variadic else index] or op.no_rule(index)
                if _latest_change > node.number:
                    _refuse_changed(node, rule)
                arrays = saved if op.variadic else list(map(saved.__getitem__, rule.takes))
                if rule.settings:
                    gradient = rule.function(g, *arrays, **op.settings_for(rule, node.settings, index, like.shape))
                else:
                    gradient = rule.function(g, *arrays)
                handed.append(gradient)
                if gradient is None:
                    continue  # the rule says that nothing flows this way
                if gradient.shape != like.shape:
                    gradient = sum_to(gradient, shape=like.shape)
                if gradient.dtype is not like.dtype:
                    gradient = cast(gradient, dtype=like.dtype)
                if like is not parent and not create_graph and _made_here(gradient, g, arrays):
                    unshared.add(parent)
                hand(parent, gradient)
        except Exception as error:
            error.add_note(
                f"This happened in the gradient of {op.name} by its input {op.input_name(index)!r}, given the gradient"
                f" of an output of shape {tuple(node.shape)} and dtype {node.dtype}"
            )
            raise
        finally:
            if mode is not None:
                grad_mode.reset(mode)
        summed.discard(node)
        if not retain_graph:
            node.saved, node.parents = None, []
        yield node, g, handed

    if wanted is not None:
        wanted.update((leaf, gradient) for leaf, gradient in pending.items() if leaf in wanted)
        return
    for leaf, gradient in pending.items():  # the nodes are done: only leaves are left
        if leaf._hooks:
            gradient = _run_hooks(leaf._hooks, gradient, wrap)
        leaf._accumulate(gradient if create_graph or leaf in unshared or leaf in summed else gradient.copy())


def _made_here(gradient: Array, g: Array, arrays: list[Any]) -> bool:
    """True if a rule's result is an array of its own: neither what it was given nor a view of it."""
    for array in arrays:
        if gradient is array:
            return False
    return gradient is not g and gradient.base is None


def _as_tensors(node: Node, wrap: Callable[..., Tensor]) -> list[Any]:
    """What the node has saved, as Tensors that lead on into the graph."""
    tensors = []
    for value, position in zip(node.saved or (), node.op.saved_positions(len(node.parents)), strict=True):
        source = node if position == 0 else node.parents[position - 1]
        if not backend.is_array(value):
            tensors.append(value)
        elif source is None or isinstance(source, Node):
            tensors.append(wrap(value, source))
        elif source._array is value:
            tensors.append(source)
        else:
            raise RuntimeError(
                f"an input of {node.op.name} was given other data after it was recorded (x.data = ...), so the"
                " gradient of its gradient would be wrong. Compute the result anew"
            )
    return tensors


def _starting_gradient(output: Tensor, gradient: Any, create_graph: bool) -> Any:
    """The gradient that a walk starts with, checked: an array, or with create_graph a Tensor."""
    if not output.requires_grad:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn: nothing it was computed from"
            " requires a gradient. Make one of these tensors with requires_grad=True, and compute outside no_grad()"
        )
    array = output._array
    if gradient is None:
        if array.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, and this one has shape {array.shape}."
                " Reduce it with sum() or mean() first, or pass gradient=, a tensor of that shape"
            )
        gradient = backend.full_like(array, 1)
    elif not isinstance(gradient, Traced):
        gradient = backend.as_array(gradient, array.dtype, backend.device_of(array))
    elif not create_graph:
        gradient = gradient._array
    if gradient.shape != array.shape:
        raise RuntimeError(
            f"Mismatch in shape: the gradient passed to backward has shape {tuple(gradient.shape)}, and the output"
            f" {array.shape}. It must have the output's shape"
        )
    return output._wrap(gradient) if create_graph and not isinstance(gradient, Traced) else gradient


def _run_hooks(hooks: list[Callable[[Tensor], Any]], gradient: Any, wrap: Callable[..., Tensor]) -> Any:
    """The gradient after each hook has seen it, as a Tensor, and perhaps returned another in its place."""
    recorded = not backend.is_array(gradient) and not isinstance(gradient, np.generic)
    tensor = gradient if recorded else wrap(np.asarray(gradient) if isinstance(gradient, np.generic) else gradient, None)
    for hook in hooks:
        answer = hook(tensor)
        if answer is not None:
            tensor = answer
    return tensor if recorded else tensor._array


def _leading_to(wanted: dict[Node | Tensor, Any], outputs: Sequence[Tensor]) -> set[Node | Tensor]:
    """The nodes and leaves from which a wanted one can be reached, among those that the outputs stand on."""
    useful = set(wanted)
    found: set[Node] = set()
    stack = [output._source() for output in outputs]
    while stack:
        source = stack.pop()
        if isinstance(source, Node) and source not in found:
            found.add(source)
            stack.extend(parent for parent in source.parents if parent is not None)
    for node in sorted(found, key=lambda node: node.number):  # oldest first: parents before what was made of them
        if not useful.isdisjoint(node.parents):
            useful.add(node)
    return useful


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs' sum by each of `inputs`, returned as a tuple; no `.grad` is changed.

    grad_outputs: what to start from, one for each output and of its shape; None stands for 1.
    create_graph: record the computation, so that the results can be differentiated again.
    allow_unused: give None for an input that the outputs do not depend on, instead of raising RuntimeError.
    """
    outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    inputs = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    for i, tensor in enumerate(inputs):
        if not tensor.requires_grad:
            raise RuntimeError(f"grad: input {i} does not require grad. Make it with requires_grad=True")
    wanted: dict[Node | Tensor, Any] = {tensor._source(): None for tensor in inputs}
    for _ in backward_steps(outputs, grad_outputs, retain_graph, create_graph, wanted):
        pass
    results = []
    for i, tensor in enumerate(inputs):
        gradient = wanted[tensor._source()]
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"One of the differentiated Tensors (input {i} of grad) appears to not have been used in the graph."
                " Set allow_unused=True if this is the desired behavior."
            )
        results.append(gradient if gradient is None or create_graph else tensor._wrap(gradient.copy(), None))
    return tuple(results)
