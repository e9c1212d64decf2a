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
import heapq
import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.anomaly import detect_anomaly as detect_anomaly
from tinygrad_lite.anomaly import line_of_caller, look_at_gradient, watching
from tinygrad_lite.anomaly import set_detect_anomaly as set_detect_anomaly
from tinygrad_lite.backend import Array
from tinygrad_lite.op import Op, Traced
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

    def __call__(self, function: Any) -> Any:
        grad_mode.set(self.before)  # as a decorator it switches nothing until the function is called
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """True where operations on tensors that require gradients are recorded."""
    return grad_mode.get()


# ------------------------------------------------------------------------------------------------------ recording


NO_SETTINGS: dict[str, Any] = {}  # one for all nodes that have none: a long graph is made of millions


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
        self.saved = saved  # the arrays that `op.saves` names; None once the graph has been released
        self.parents = parents  # for each input: its node, the leaf Tensor itself, or None if it needs no gradient
        self.settings = settings or NO_SETTINGS
        self.shape = shape  # of the output
        self.dtype = dtype
        self.number = next_number()
        self.hooks: list[Callable[[Any], Any]] | None = None
        self.line = line_of_caller() if watching.get() else None  # of the user's code, while anomalies are detected

    def name(self) -> str:
        """The name PyTorch prints: MeanBackward0."""
        return "".join(part[:1].upper() + part[1:] for part in self.op.name.split("_")) + "Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Node | Tensor | None, int], ...]:
        """The nodes, or leaf Tensors, that gradients are handed on to, each with 0 (its number of that output)."""
        return tuple((parent, 0) for parent in self.parents)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


# ------------------------------------------------------------------------------------------------ changes in place

# id of the array owning the memory -> the number of its latest change and, where anomalies are detected, the line
_changes: dict[int, tuple[weakref.ref[Any], int, str | None]] = {}
_latest_change = 0
_one_at_a_time = threading.Lock()  # the latest change must never be set back to an older one by another thread


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
    line = line_of_caller() if watching.get() else None
    with _one_at_a_time:
        _latest_change = next_number()
        _changes[key] = (reference, _latest_change, line)


def same_memory(a: Array, b: Array) -> bool:
    """True if one array is a view of the other, or both of a third."""
    return owner_of(a) is owner_of(b)


def _refuse_changed(node: Node, arrays: Iterable[Any]) -> None:
    """RuntimeError if one of the arrays that a rule asks for was changed after the node was made."""
    for array in arrays:
        _, number, line = _changes.get(id(owner_of(array)), (None, 0, None)) if backend.is_array(array) else (0, 0, 0)
        if number > node.number:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation:"
                f" {node.op.name} was recorded with an array of shape {array.shape} and dtype {array.dtype}, which was"
                " changed afterwards, so its gradient would be wrong. Change a clone() instead, or change it after"
                f" backward(). {_lines(node, line)}"
            )


def _lines(node: Node, changed: Any) -> str:
    """Where an operation was recorded, and an array of its changed, as far as that is known."""
    if node.line is None and changed is None:
        return "To see the lines, run it within autograd.detect_anomaly()"
    unknown = "a place where detect_anomaly was not on"
    return f"It was recorded in {node.line or unknown}; the change was made in {changed or unknown}"


# ---------------------------------------------------------------------------------------------------- the walk back


Step = tuple[Node, Any, list[Any]]  # a node, the gradient that came in, and those it hands on: one for each parent


def backward_steps(
    outputs: Any,
    gradients: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    wanted: dict[Node | Tensor, Any] | None = None,
    in_place: bool = False,
) -> Iterator[Step]:
    """Walk back from `outputs`: `for node, gradient, handed_on in backward_steps(loss)`.

    Each step comes after a node has handed on the gradients by its inputs, a list with one for each of `node.parents`
    (None where none is needed). At the end of the walk every leaf's `.grad` has its gradient.

    outputs: a Tensor, or a list of several.
    gradients: what to start from, one for each output and of its shape; None stands for 1, for an output of one
        element.
    retain_graph: keep what the nodes have saved, so that the walk can be repeated (default: as create_graph).
    create_graph: compute with Tensors, and record it, so that the gradients can be differentiated in their turn.
        Otherwise the gradients in a step are plain arrays, which belong to the walk: copy what you keep.
    wanted: nodes and leaves whose gradients are put into this dictionary, while no `.grad` is touched: for `grad()`.
    in_place: let a rule add to the sum so far (`into`, see op.py), as `backward()` does. It saves memory, but what is
        handed on is then the sum of several steps.

    Raises RuntimeError for an output that needs no gradient, a graph already released, an array changed in place;
    NotImplementedError for an input that its operation has no rule for.
    """
    if not isinstance(outputs, (list, tuple)):
        outputs, gradients = [outputs], [gradients]
    elif gradients is None:
        gradients = [None] * len(outputs)
    elif len(gradients) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients: give one for each, or None")
    retain_graph = create_graph if retain_graph is None else retain_graph
    wrap, watched = outputs[0]._wrap, watching.get()
    useful = None if wanted is None else _leading_to(wanted, outputs)

    pending: dict[Any, Any] = {}  # node or leaf -> the sum of the gradients handed to it so far
    summed: set[Node | Tensor] = set()  # those whose sum is an array made here, so that more can be added in place
    unshared: set[Node | Tensor] = set()  # leaves whose gradient is an array that a rule made for them alone
    waiting: list[tuple[int, Node]] = []  # a heap of the nodes in pending, youngest first

    def hand(parent: Node | Tensor, gradient: Any) -> None:
        if parent not in pending:
            pending[parent] = gradient
            if isinstance(parent, Node):
                heapq.heappush(waiting, (-parent.number, parent))
            return
        with _computing_with(gradient):
            if parent in summed:
                pending[parent] += gradient
            else:
                total = pending[parent] + gradient
                pending[parent] = np.asarray(total) if isinstance(total, np.generic) else total
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
            wanted[node] = g if create_graph else backend.copy(g)
        op = node.op
        saved: Sequence[Any] | None = node.saved
        if saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: what {op.name} had saved was released by the"
                " first backward(). Say backward(retain_graph=True) there, or compute the result anew"
            )
        if create_graph:
            saved = _as_tensors(node, wrap)
        handed: list[Any] = []
        try:
            with _computing_with(g):
                for index, parent in enumerate(node.parents):
                    if parent is None or (useful is not None and parent not in useful):
                        handed.append(None)
                        continue
                    like = parent if isinstance(parent, Node) else parent._array
                    function, takes, settings, adds = op.rules[0 if op.variadic else index] or op.no_rule(index)
                    if _latest_change > node.number:
                        kept = node.saved or ()
                        _refuse_changed(node, kept if op.variadic else [kept[i] for i in takes])
                    arrays = saved if op.variadic else map(saved.__getitem__, takes)
                    more = op.settings_for(settings, node.settings, index, like.shape) if settings else {}
                    if adds:
                        more["into"] = pending[parent] if in_place and parent in summed else None
                    gradient = function(g, *arrays, **more)
                    if adds and gradient is more["into"]:
                        handed.append(gradient)  # it has been added already
                        continue
                    if gradient is None:
                        handed.append(None)  # the rule says that nothing flows this way
                        continue
                    if gradient.shape != like.shape:
                        gradient = sum_to(gradient, shape=like.shape)
                    if gradient.dtype is not like.dtype:
                        gradient = cast(gradient, dtype=like.dtype)
                    if isinstance(gradient, np.generic):
                        gradient = np.asarray(gradient)  # NumPy gives a scalar where an array of no dimensions is due
                    if watched:
                        look_at_gradient(op, node.name(), index, g, gradient, node.line)
                    handed.append(gradient)
                    if like is not parent and not create_graph and _made_here(gradient, g, saved):
                        unshared.add(parent)
                    hand(parent, gradient)
                    if adds and in_place and not create_graph:
                        summed.add(parent)  # the gradient of a part is an array of its own
        except Exception as error:
            given = ", ".join(map(backend.described, node.saved or ())) or "nothing"
            line = f". The operation was recorded in {node.line}" if node.line else ""
            error.add_note(
                f"This happened in the gradient of {op.name} by its input {op.input_name(index)!r}, given the gradient"
                f" of an output of shape {tuple(node.shape)} and dtype {node.dtype}: {backend.described(g)}. Kept for"
                f" it was {given}{line}"
            )
            raise
        summed.discard(node)
        if not retain_graph:
            node.saved, node.parents = None, ()
        yield node, g, handed

    for leaf, gradient in pending.items():  # the nodes are done: only leaves are left
        if wanted is not None and leaf not in wanted:
            continue
        own = leaf in unshared or leaf in summed or (create_graph and wanted is not None)
        if leaf._hooks:
            handed_in = gradient
            gradient = _run_hooks(leaf._hooks, gradient, wrap)
            own = own and gradient is handed_in
        with _computing_with(gradient):
            if not own:  # somebody else may hold it too
                gradient = gradient.clone() if create_graph else backend.copy(gradient)
            if wanted is None:
                leaf._accumulate(gradient)
            else:
                wanted[leaf] = gradient


def _computing_with(gradient: Any) -> contextlib.AbstractContextManager[Any]:
    """A `with` block in which the gradient's device is the current one, and, if it is a Tensor, all is recorded."""
    return _recording_beside(gradient) if isinstance(gradient, Traced) else backend.beside(gradient)


@contextlib.contextmanager
def _recording_beside(gradient: Any) -> Iterator[None]:
    with enable_grad(), backend.beside(gradient._array):
        yield


def _made_here(gradient: Array, g: Array, saved: Sequence[Any]) -> bool:
    """True if a rule's result is an array of its own: neither what it was given nor a view of it."""
    for array in saved:
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
        gradient = gradient._array  # type: ignore[attr-defined]
    if gradient.shape != array.shape:
        raise RuntimeError(
            f"Mismatch in shape: the gradient passed to backward has shape {tuple(gradient.shape)}, and the output"
            f" {array.shape}. It must have the output's shape"
        )
    return output._wrap(gradient) if create_graph and not isinstance(gradient, Traced) else gradient


def _run_hooks(hooks: list[Callable[[Tensor], Any]], gradient: Any, wrap: Callable[..., Tensor]) -> Any:
    """The gradient after each hook has seen it, as a Tensor, and perhaps returned another in its place."""
    recorded = isinstance(gradient, Traced)
    tensor = gradient if recorded else wrap(gradient, None)
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
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs' sum by each of `inputs`, returned as a tuple; no `.grad` is changed.

    outputs, inputs: a Tensor, or a list of several.
    grad_outputs: what to start from, one for each output and of its shape; None stands for 1.
    create_graph: record the computation, so that the results can be differentiated again.
    allow_unused: give None for an input that the outputs do not depend on, instead of raising RuntimeError.
    """
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if grad_outputs is not None and not isinstance(grad_outputs, (list, tuple)):
        grad_outputs = [grad_outputs]
    for i, tensor in enumerate(inputs):
        if not tensor.requires_grad:
            raise RuntimeError(f"grad: input {i} does not require grad. Make it with requires_grad=True")
    wanted: dict[Node | Tensor, Any] = {tensor._source(): None for tensor in inputs}
    for _ in backward_steps(outputs, grad_outputs, retain_graph, create_graph, wanted, in_place=True):
        pass
    results = []
    for i, tensor in enumerate(inputs):
        gradient = wanted[tensor._source()]
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"One of the differentiated Tensors (input {i} of grad) appears to not have been used in the graph."
                " Set allow_unused=True if this is the desired behavior."
            )
        results.append(gradient if gradient is None or create_graph else tensor._wrap(gradient))
    return tuple(results)


# -------------------------------------------------------------------- operations as PyTorch's users write their own


class Context:
    """What the forward of a `Function` leaves for its backward: Tensors saved, and attributes of any name.

    Attributes:
        needs_input_grad: for each argument of `apply`, whether it is a Tensor that requires a gradient.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple[Any, ...] = ()
    _arrays: tuple[Any, ...] = ()
    _constant: tuple[Any, ...] = ()
    _outputs: list[Tensor]
    _node: weakref.ref[Node] | None = None  # weak, for the node leads to the context
    _answer: tuple[Any, list[Any]] | None = None  # a gradient that arrived, and what backward made of it

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep Tensors, arguments or results of forward, for backward."""
        self._saved = tensors
        self._arrays = tuple(None if tensor is None else tensor._array for tensor in tensors)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Let no gradient flow through these results of forward. (None ever does through integers.)"""
        self._constant = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The Tensors saved. RuntimeError if one of them was changed after the operation was recorded."""
        node = None if self._node is None else self._node()
        if node is None:
            return self._saved
        _refuse_changed(node, self._arrays)
        if any(t is not None and t._array is not array for t, array in zip(self._saved, self._arrays, strict=True)):
            raise RuntimeError(f"a tensor that {node.op.name} saved was given other data (x.data = ...) afterwards")
        if not grad_mode.get():
            return self._saved
        # To be differentiated again, a result that was saved must lead on to the node that made it.
        results = _unpack(self._outputs[0]._wrap(_pack(self._outputs), node), self._outputs)
        recorded = {id(raw): result for raw, result in zip(self._outputs, results, strict=True)}
        return tuple(recorded.get(id(tensor), tensor) for tensor in self._saved)


class Function:
    """An operation written as PyTorch's users write it: a class with a forward and a backward, on Tensors.

        class Square(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, gradient):
                (x,) = ctx.saved_tensors
                return 2 * x * gradient

        y = Square.apply(x)

    forward runs unrecorded. backward gets the gradient by each result, and returns the gradient by each argument, or
    None. With create_graph=True backward is recorded, so that it is differentiated in its turn. Underneath, each
    call is an `Op` like any other, whose gradient rule asks backward.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """The operation: a Tensor, or a tuple of Tensors."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient by each argument of forward, given the gradient by each of its results."""
        raise NotImplementedError("You must implement the backward function for custom autograd.Function.")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """What forward makes of these arguments, recorded if one of them is a Tensor that requires a gradient."""
        ctx = Context()
        ctx.needs_input_grad = tuple(isinstance(x, Traced) and x.requires_grad for x in inputs)  # type: ignore[attr-defined]
        with no_grad():
            returned = cls.forward(ctx, *inputs)
        results = list(returned) if isinstance(returned, tuple) else [returned]
        differentiable = [r.dtype.kind == "f" and not any(r is c for c in ctx._constant) for r in results]
        ctx._outputs = [r for r, flows in zip(results, differentiable, strict=True) if flows]
        positions = [i for i, x in enumerate(inputs) if isinstance(x, Traced)]
        if not any(ctx.needs_input_grad) or not ctx._outputs or not grad_mode.get():
            return returned

        def forward(*arrays: Array) -> Array:
            packed = _pack(ctx._outputs)
            return backend.copy(packed) if any(same_memory(packed, array) for array in arrays) else packed

        def gradient(g: Any, index: int) -> Any:
            if ctx._answer is None or ctx._answer[0] is not g:
                ctx._answer = g, cls._ask_backward(ctx, g, differentiable, len(inputs))
            return ctx._answer[1][positions[index]]

        operation = Op(forward)
        operation.name = cls.__name__
        operation.gradient("arrays")(gradient)
        packed = operation(*(inputs[i] for i in positions))
        ctx._node = weakref.ref(packed._node)
        recorded = iter(_unpack(packed, ctx._outputs))
        results = [next(recorded) if flows else r for r, flows in zip(results, differentiable, strict=True)]
        return tuple(results) if isinstance(returned, tuple) else results[0]

    @classmethod
    def _ask_backward(cls, ctx: Context, g: Any, differentiable: list[bool], arguments: int) -> list[Any]:
        """The gradients by all arguments, arrays or, as g is, Tensors."""
        recorded = isinstance(g, Traced)
        flowing = iter(_unpack(g if recorded else ctx._outputs[0]._wrap(g), ctx._outputs))
        with set_grad_enabled(recorded):
            answer = cls.backward(ctx, *(next(flowing) if flows else None for flows in differentiable))
        gradients = list(answer) if isinstance(answer, tuple | list) else [answer]
        if len(gradients) != arguments:
            raise RuntimeError(
                f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {arguments}, got"
                f" {len(gradients)}): backward returns one for each argument of forward, or None"
            )
        return [gradient if gradient is None or recorded else gradient._array for gradient in gradients]


def _pack(outputs: Sequence[Tensor]) -> Array:
    """The arrays of several results as one, since an operation has one output: flat, one behind the other."""
    if len(outputs) == 1:
        return outputs[0]._array
    return np.concatenate([output._array.reshape(-1) for output in outputs])


def _unpack(packed: Tensor, outputs: Sequence[Tensor]) -> list[Tensor]:
    """The parts of a packed Tensor, in the shapes and dtypes of the results that were packed."""
    if len(outputs) == 1:
        return [packed]
    parts = packed.split([output.numel() for output in outputs])
    return [part.reshape(o.shape).to(o.dtype) for part, o in zip(parts, outputs, strict=True)]
