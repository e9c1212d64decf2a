"""The walk back: from the result to the leaves, by the chain rule.

It starts with the gradient of the result with respect to itself, which is 1, and hands gradients from node to node,
until the leaves (the Tensors nobody computed) have theirs.

**The order matters.** With a = 1, b = a + a, c = b + b, the node of b receives a gradient twice, once for each use.
It must wait for both before it hands its own on: plain recursion would run b's rules twice, with its sum so far, 1 and
then 2, and a would get 2 + 4 = 6 instead of 4. Every node is numbered when it is made, and so is younger than its
inputs. So the walk always takes the *youngest* node that waits: whatever was computed from it is younger still, and has
already given its share. This is a topological order; a heap finds it in n log n steps, without recursion.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from sys import getrefcount
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.anomaly import look_at_gradient, watching
from tinygrad_lite.autograd.changes import Latest, refuse_changed
from tinygrad_lite.autograd.graph import NO_SETTINGS, Hooks, Node
from tinygrad_lite.autograd.mode import enable_grad
from tinygrad_lite.autograd.sums import ALONE, Sums
from tinygrad_lite.op import Traced
from tinygrad_lite.ops.elementwise import cast
from tinygrad_lite.ops.reduction import sum_to

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

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

    Each step comes after a node has handed on the gradients with respect to its inputs, a list with one for each of
    `node.parents` (None where no gradient is needed). At the end of the walk every leaf's `.grad` has its gradient.

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
    sums = Sums(in_place and not create_graph)
    outputs = _start(sums, outputs, gradients, create_graph)
    retain_graph = create_graph if retain_graph is None else retain_graph
    useful = None if wanted is None else _leading_to(wanted, outputs)
    wrap, watched = outputs[0]._wrap, watching.get()
    retained: list[tuple[Tensor, Any]] = []  # gradients for Tensors that said retain_grad()

    while sums.nodes:
        node, g = sums.youngest()
        if node.hooks is not None:
            g = _after_hooks(node.hooks, g, wrap)
            if (keeper := node.hooks.keeper and node.hooks.keeper()) is not None:
                retained.append((keeper, g if create_graph else backend.copy(g)))
        if wanted is not None and node in wanted:
            wanted[node] = g if create_graph else backend.copy(g)
        op, saved, settings = node.op, node.saved, node.settings
        if saved is None or create_graph:
            saved = _saved_tensors(node, wrap)
        around = None if type(g) is np.ndarray else _around(g)  # nothing has to be set for NumPy's arrays
        if around is not None:
            around.__enter__()
        handed: list[Any] = []
        try:
            for index, parent in enumerate(node.parents):
                if parent is None or (useful is not None and parent not in useful):
                    handed.append(None)
                    continue
                like = parent if isinstance(parent, Node) else parent._array
                rule, takes, names, shape, adds = op.rules[0 if op.variadic else index] or op.no_rule(index)
                if Latest.change > node.number:
                    refuse_changed(node, takes)
                asked: dict[str, Any] = {}
                for name in names:
                    asked[name] = settings[name] if name in settings else op.defaults.get(name, index)
                if shape:
                    asked["shape"] = like.shape
                into = None
                if adds:
                    into = asked["into"] = sums.owned(parent)

                gradient = rule(g, *(saved if op.variadic else map(saved.__getitem__, takes)), **asked)

                if gradient is not None and gradient is not into:  # else nothing flows, or it was added
                    if gradient.shape != like.shape:
                        gradient = sum_to(gradient, shape=like.shape)
                    if gradient.dtype is not like.dtype:
                        gradient = cast(gradient, dtype=like.dtype)
                    if isinstance(gradient, np.generic):
                        gradient = np.asarray(gradient)  # NumPy may return a scalar instead of an array
                    if watched:
                        look_at_gradient(op, node.name(), index, g, gradient, node.line)
                    own = not create_graph and gradient.base is None and getrefcount(gradient) <= ALONE
                    sums.add(parent, gradient, own)
                handed.append(gradient)
        except Exception as error:
            error.add_note(_what_happened(node, index, g))
            raise
        finally:
            if around is not None:
                around.__exit__(None, None, None)
        if not retain_graph:
            node.saved, node.parents, node.settings = None, (), NO_SETTINGS
        yield node, g, handed

    # The nodes are done: only leaves are left. No leaf gets its gradient before every hook has run without an error.
    for leaf in list(sums.of):
        gradient = sums.of.pop(leaf)
        if wanted is None:
            retained.append((leaf, _for_a_leaf(leaf, gradient, leaf in sums.own, wrap)))
        elif leaf in wanted:
            wanted[leaf] = _for_a_leaf(leaf, gradient, create_graph or leaf in sums.own, wrap)
    for tensor, gradient in retained:
        tensor._accumulate(gradient)


# ----------------------------------------------------------------------------- before, beside and after the loop


def _start(sums: Sums, outputs: Any, gradients: Any, create_graph: bool) -> Sequence[Tensor]:
    """Hand each output the gradient to start from. Returns the outputs as a list."""
    if not isinstance(outputs, (list, tuple)):
        outputs, gradients = [outputs], [gradients]
    elif gradients is None:
        gradients = [None] * len(outputs)
    elif len(gradients) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients: give one for each, or None")
    for output, gradient in zip(outputs, gradients, strict=True):
        sums.add(output._source(), _starting_gradient(output, gradient, create_graph), own=False)
    return outputs


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


def _leading_to(wanted: dict[Node | Tensor, Any], outputs: Sequence[Tensor]) -> set[Node | Tensor]:
    """The nodes and leaves from which a wanted one can be reached, among those that the outputs were computed from."""
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


@contextlib.contextmanager
def _around(gradient: Any) -> Iterator[None]:
    """While the rules run: the gradient's device is the current one and, if it is a Tensor, everything is recorded."""
    if isinstance(gradient, Traced):
        with enable_grad(), backend.beside(gradient._array):
            yield
    else:
        with backend.beside(gradient):
            yield


def _saved_tensors(node: Node, wrap: Callable[..., Tensor]) -> tuple[Any, ...]:
    """What the node has kept for its rules, as Tensors that lead on into the graph. RuntimeError if it was released."""
    if node.saved is None:
        raise RuntimeError(
            f"Trying to backward through the graph a second time: what {node.op.name} had saved was released by the"
            " first backward(). Say backward(retain_graph=True) there, or compute the result anew"
        )
    tensors = []
    for value, position in zip(node.saved, node.op.slots(len(node.parents)), strict=True):
        source = node if position == 0 else node.parents[position - 1]
        if not backend.is_array(value):
            tensors.append(value)
        elif source is None or isinstance(source, Node):
            tensors.append(wrap(value, source))
        elif source._array is value:
            tensors.append(source)
        else:  # the leaf as it was: its numbers in another dtype, or from before it was given other data (x.data = ...)
            tensors.append(wrap(value, Node(cast, (), (source,), {"dtype": value.dtype}, value.shape, value.dtype)))
    return tuple(tensors)


def _after_hooks(hooks: Hooks, gradient: Any, wrap: Callable[..., Tensor]) -> Any:
    """The gradient after each hook has seen it, as a Tensor, and perhaps returned another in its place."""
    recorded = isinstance(gradient, Traced)
    tensor = gradient if recorded else wrap(gradient)
    for hook in hooks.now():
        answer = hook(tensor)
        if answer is None:
            continue
        if not isinstance(answer, Traced):
            raise TypeError(
                f"a hook must return None or a Tensor, the gradient from there on, but it returned a"
                f" {type(answer).__name__}"
            )
        mine, theirs = tensor._array, answer._array
        if theirs.shape != mine.shape or theirs.dtype != mine.dtype or not backend.on_one_device(mine, theirs):
            raise RuntimeError(
                f"hook has changed the size or type of the gradient: it was given {backend.described(mine)}, and"
                f" returned {backend.described(theirs)}. What it returns must be like what it was given"
            )
        tensor = answer
    return tensor if recorded else tensor._array


def _what_happened(node: Node, index: int, g: Any) -> str:
    """For the note of an error in a rule: where it happened, and with what."""
    given = ", ".join(backend.described(value) for value in node.saved or () if value is not None) or "nothing"
    line = f". The operation was recorded in {node.line}" if node.line else ""
    return (
        f"This happened in the gradient of {node.op.name} with respect to its input {node.op.input_name(index)!r},"
        f" given the gradient of an output of shape {tuple(node.shape)} and dtype {node.dtype}: {backend.described(g)}."
        f" Kept for it was {given}{line}"
    )


def _for_a_leaf(leaf: Tensor, gradient: Any, own: bool, wrap: Callable[..., Tensor]) -> Any:
    """The gradient that a leaf receives, which from here on belongs to the leaf alone."""
    if leaf._hooks:
        gradient, own = _after_hooks(leaf._hooks, gradient, wrap), False  # a hook may have kept it
    if own:
        return gradient
    if isinstance(gradient, Traced):
        with enable_grad():
            return gradient.clone()  # type: ignore[attr-defined]
    return backend.copy(gradient)


# ---------------------------------------------------------------------------------------------------------- grad()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs' sum with respect to each of `inputs`, as a tuple; no `.grad` is changed.

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
        results.append(gradient if gradient is None or create_graph else tensor._wrap(gradient, own=True))
    return tuple(results)
