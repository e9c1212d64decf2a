"""The Tensor: an array, the gradient that has been computed for it, and how it was made.

Its names for operations, with PyTorch's spelling, are in `methods/`. Here is what makes it a Tensor:

- **Recording.** Every operation with a Tensor among its inputs goes through `_apply`: it takes the arrays out, runs the
  operation on them, puts the result into a new Tensor, and, if a gradient may be asked for, records a `Node`.
- **Order in memory.** Nobody can see in which order an operation computed its result: see `_settled`.
- **Changes in place.** They write into the array, and note that its memory changed (see `autograd/changes.py`). One
  that a gradient must pass through is recorded as well: the Tensor then stands for the new value, made from the old
  one. A view remembers its base, and by which operations it was taken, so that a change of one is part of the other's
  history: see `View`.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.anomaly import line_of_caller, look_at_output, watching
from tinygrad_lite.autograd.changes import mark_changed, same_memory
from tinygrad_lite.autograd.graph import Handle, Hooks, Node
from tinygrad_lite.autograd.mode import enable_grad, grad_mode
from tinygrad_lite.autograd.sums import ALONE
from tinygrad_lite.autograd.walk import backward_steps
from tinygrad_lite.backend import Array
from tinygrad_lite.formatting import format_tensor
from tinygrad_lite.methods import Methods
from tinygrad_lite.methods.arguments import NUMBERS, all_ints
from tinygrad_lite.op import Op


class View(NamedTuple):
    """How a Tensor looks at the memory of another: through which operations, and at which point of its history.

    y = x * 2         y's node is a Mul
    row = y[0]        row's view: base y, chain (getitem 0), node that Mul
    end = row[1:]     end's view: base y again, chain (getitem 0, getitem 1:), node that Mul
    y.mul_(3)         y's node is a second Mul, and row's view still names the first: when row is used next, it is
                      taken from y again, so that its history is y's
    row.add_(1)       y's node is a WriteView: y, with the part that (getitem 0) picks out replaced by row + 1. Now
                      end is out of date, and will be taken again when it is used
    """

    base: Tensor
    chain: tuple[tuple[Op, dict[str, Any]], ...]
    node: Node | None  # the base's, when the view was taken


class Tensor(Methods):
    """An array of numbers that knows how it was computed.

    Made by `tensor(data)`, `zeros(2, 3)`, `randn(5)` and their like, or by an operation on other Tensors.

    Attributes:
        data: the same numbers and memory, as a Tensor outside of any graph.
        grad: after `backward()`, the gradient of the loss with respect to this Tensor (a leaf), of its shape; else
            None.
        requires_grad: True if gradients are to flow to it. Only floating dtypes can.
        grad_fn: the `Node` that made it, or None for a leaf.
        shape, dtype, device: of the array.
    """

    _array: Array
    _requires_grad: bool = False
    _node: Node | None = None
    _grad: Tensor | None = None
    _view: View | None = None
    _hooks: Hooks | None = None
    _own: bool = False  # nobody else has seen the array, so that its order in memory may still be changed

    def __init__(self, *data: Any, device: Any = None) -> None:
        """As PyTorch's: `Tensor([1, 2])` is floating whatever the data, `Tensor(2, 3)` an uninitialised array."""
        if data and all_ints(data):
            self._array = backend.create("empty", data, where=device)
        else:
            if len(data) > 1:
                raise TypeError(f"Tensor: takes sizes, or one sequence of data, but got {len(data)} arguments")
            self._array = backend.as_array(data[0] if data else [], backend.get_default_dtype(), device)

    @staticmethod
    def _wrap(array: Array, node: Node | None = None, own: bool = False) -> Tensor:
        """A Tensor around an array, made by `node`. own: nobody else holds the array."""
        tensor = Tensor.__new__(Tensor)
        tensor._array = array
        if own:
            tensor._own = True
        if node is not None:
            tensor._node = node
            tensor._requires_grad = True
        return tensor

    # -------------------------------------------------------------------------------- running and recording

    def _apply(self, op: Op, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """The operation's result for these inputs, at least one of them a Tensor, recorded if one needs a gradient."""
        if op.view and self._own:
            self._settled()
        library, dtype = type(self._array), self._array.dtype
        arrays: list[Any] = []
        parents: list[Node | Tensor | None] = []
        needs, bit = 0, 1  # the inputs that need a gradient, as the bits of a number
        alike = dtype.char in "fd"  # all float32 or all float64, so that there is nothing to promote
        for value in inputs:
            parent = None
            if isinstance(value, Tensor):
                if value._view is not None:
                    value._follow_base()
                if value._requires_grad:
                    parent = value._node or value
                    needs |= bit
                value = value._array
                if type(value) is not library:
                    raise _devices_differ(op, inputs)
                if value.dtype is not dtype:
                    alike = False
            elif type(value) not in NUMBERS and value is not None:
                value = _operand(value, op, self)
                alike = False
            arrays.append(value)
            parents.append(parent)
            bit += bit

        forward = op.forward if library is np.ndarray else self._on_device(op, inputs, arrays)
        try:
            if alike or op.types == "any":
                output = forward(*arrays, **settings)
            else:
                arrays = backend.in_types(arrays, op.types)
                output = backend.rounded(forward(*arrays, **settings), arrays)
        except Exception as error:
            raise op.explain(error, inputs) from error
        if type(output) is not library:
            output = _as_array(output, op)
        watched = watching.get()
        if watched:
            look_at_output(op, [*arrays, *settings.values()], output)

        result = Tensor.__new__(Tensor)
        if op.view:
            if inputs[0] is self and same_memory(output, arrays[0]):
                result._view = self._viewed_through(op, settings)
        elif (output.base is not None or getrefcount(output) > ALONE) and _is_an_input(output, arrays):
            output = backend.copy(output)  # a result that is an input, though it does not say that it is a view
        result._array = output
        if not output.flags.c_contiguous and result._view is None:
            result._own = True
        if needs and grad_mode.get() and output.dtype.kind == "f":
            saved: tuple[Any, ...] = ()
            if op.saves:
                values = [output, *arrays, None]
                saved = tuple([*map(values.__getitem__, op.kept.get(needs) or op.keeps(needs, len(arrays)))])
            if op.wants_shapes:
                settings = {**settings, "shapes": [array.shape for array in arrays]}
            result._node = Node(op, saved, tuple(parents), settings, output.shape, output.dtype)
            result._requires_grad = True
            if watched:
                result._node.line = line_of_caller()
        return result

    def _on_device(self, op: Op, inputs: tuple[Any, ...], arrays: list[Any]) -> Callable[..., Any]:
        """The operation's function, to be called with these arrays while their device is the current one."""
        if not backend.on_one_device(self._array, *arrays):
            raise _devices_differ(op, inputs)

        def forward(*arrays: Array, **settings: Any) -> Any:
            with backend.beside(self._array):
                return op.forward(*arrays, **settings)

        return forward

    def _source(self) -> Node | Tensor:
        """Where gradients for this Tensor go: the node that made it, or itself if it is a leaf."""
        if self._view is not None:
            self._follow_base()
        return self._node or self

    def _accumulate(self, gradient: Any) -> None:
        """Add a gradient, an array or a Tensor, to `grad`."""
        if self._grad is None:
            self._grad = gradient if isinstance(gradient, Tensor) else Tensor._wrap(gradient, own=True)
        elif isinstance(gradient, Tensor) or self._grad._requires_grad:
            with enable_grad():
                self._grad = self._grad + gradient
        else:
            backend.add_to(self._grad._array, gradient)
            mark_changed(self._grad._array)

    # -------------------------------------------------------------------------------------------- order in memory

    def _settled(self) -> Array:
        """The array for whoever is to look at its memory, or to hold it: from here on its order is fixed.

        An operation computes in the order that is fastest for it: a convolution gives its result with the batch last.
        Nobody can tell as long as nobody has seen the memory. So before the first view of it, or detach(), numpy(),
        stride() and their like, a result that lies in another order is brought into row-major order, PyTorch's.
        """
        if self._own:
            self._own = False
            self._array = backend.row_major(self._array)
        return self._array

    # ---------------------------------------------------------------------------------------- views and in-place

    def _viewed_through(self, op: Op, settings: dict[str, Any]) -> View:
        base, chain, _ = self._view or (self, (), None)
        return View(base, (*chain, (op, settings)), base._node)

    def _follow_base(self) -> None:
        """Take the view again if its base was changed in place since, by an operation that was recorded."""
        assert self._view is not None
        base, chain, node = self._view
        if base._node is not node:
            with enable_grad():
                fresh = ops.indexing.follow(base, chain)
            self._stand_for(fresh._node)
            self._requires_grad, self._view = fresh._requires_grad, fresh._view

    def _stand_for(self, node: Node | None) -> None:
        """From here on the numbers are those that `node` made; what retain_grad() asked for goes along."""
        if self._node is not None and self._node.hooks is not None and node is not None:
            keeper, self._node.hooks.keeper = self._node.hooks.keeper, None
            if keeper is not None:
                node.hooks = Hooks(keeper)
        self._node = node

    def _in_place(self, change: Callable[..., Any] | None, op: Op, *others: Any, **settings: Any) -> Tensor:
        """self = op(self, *others, **settings), in self's own memory.

        change(array, *others, **settings): does it to an array of float32 or float64, where nothing needs to be
            recorded; of an operation that takes any types, to every array. None: the operation is computed, and its
            result written.
        """
        array = self._array
        if (
            array.size > 1
            and 0 in array.strides
            and any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))
        ):
            raise RuntimeError(
                f"{op.name}: more than one element of the written-to tensor refers to a single memory location, as"
                " after expand(). Please clone() the tensor before performing the operation"
            )
        needs_recording = (grad_mode.get() and array.dtype.kind == "f") and (
            self.requires_grad or any(isinstance(other, Tensor) and other.requires_grad for other in others)
        )
        if needs_recording:
            self._change_recorded(op, others, settings)
            return self
        values = []
        for other in others:
            if isinstance(other, Tensor) and type(other._array) is type(array) is np.ndarray:
                values.append(other._array)
            else:
                values.append(_operand_in_place(other, op, self))
        try:
            if change is None or (array.dtype.char not in "fd" and op.types != "any"):
                _overwrite(array, op, values, settings)
            elif type(array) is np.ndarray:
                change(array, *values, **settings)
            else:
                with backend.beside(array):
                    change(array, *values, **settings)
        except Exception as error:
            raise op.explain(error, [array, *values]) from error
        if watching.get():
            look_at_output(op, [*values, *settings.values()], array)
        mark_changed(array)
        return self

    def _change_recorded(self, op: Op, others: tuple[Any, ...], settings: dict[str, Any]) -> None:
        root = self if self._view is None else self._view.base
        if root._requires_grad and root._node is None:
            what = "a leaf Variable" if root is self else "a view of a leaf Variable"
            raise RuntimeError(
                f"{what} that requires grad is being used in an in-place operation ({op.name}). Do it under"
                " no_grad(), or compute a new tensor"
            )
        before = Tensor._wrap(backend.copy(self._array), self._node)  # the rules may ask for what is overwritten now
        after = op(before, *others, **settings).to(self._array.dtype)
        if after._array.shape != self._array.shape:
            raise backend.ShapeError(
                f"{op.name}: output with shape {list(self._array.shape)} doesn't match the broadcast shape"
                f" {list(after._array.shape)}. An in-place operation cannot change the shape"
            )
        with backend.beside(self._array):
            self._array[...] = after._array
        mark_changed(self._array)
        if root is self:
            self._stand_for(after._node)
        else:
            assert self._view is not None
            write = ops.indexing.write_view
            parents = (root._node, after._node)
            node = Node(write, (), parents, {"view": self._view.chain}, root._array.shape, root._array.dtype)
            node.line = line_of_caller() if watching.get() else None
            root._stand_for(node)
        root._requires_grad = True

    # ------------------------------------------------------------------------------------------------- gradients

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the gradient of this Tensor with respect to each leaf it was computed from to that leaf's `grad`.

        gradient: what to start from, of this Tensor's shape; it may be left out for a single element, where it is 1.
        retain_graph: keep the graph, so that backward can be called again (default: the value of create_graph).
        create_graph: record the computation of the gradients, so that they can be differentiated.

        RuntimeError if nothing here requires a gradient, if the graph was used before and not retained, or if an
        array that a gradient rule needs was changed in place.
        """
        for _ in backward_steps(self, gradient, retain_graph, create_graph, in_place=True):
            pass

    @property
    def grad(self) -> Any:
        """The gradient accumulated by `backward()`, a Tensor: None before."""
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise TypeError(f"assigned grad must be a Tensor or None, but got {type(gradient).__name__}")
            theirs, mine = gradient._array, self._array
            if theirs.shape != mine.shape or theirs.dtype != mine.dtype or gradient.device != self.device:
                raise RuntimeError(
                    f"assigned grad has shape {theirs.shape}, dtype {theirs.dtype} and device {gradient.device}, but"
                    f" the tensor has shape {mine.shape}, dtype {mine.dtype} and device {self.device}"
                )
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def requires_grad(self) -> bool:
        """True if gradients are computed for this Tensor."""
        if self._view is not None:
            self._follow_base()
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value:
            self._settled()  # the graph knows a leaf by its array
        if value and self._array.dtype.kind != "f":
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, and this one is {self._array.dtype}."
                " Make it floating first, with float()"
            )
        if not value and self._source() is not self:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable"
                " in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`; returns the Tensor itself."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this Tensor; None for a leaf."""
        source = self._source()
        return source if isinstance(source, Node) else None

    @property
    def is_leaf(self) -> bool:
        """True if no recorded operation made this Tensor."""
        return self.grad_fn is None

    def retain_grad(self) -> None:
        """Keep the gradient of a computed Tensor too, as it is after its hooks: `backward()` will fill its `grad`."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is not None:
            self._node.hooks = Hooks() if self._node.hooks is None else self._node.hooks
            self._node.hooks.keeper = weakref.ref(self)  # weak, for the Tensor leads to its node

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call `hook(gradient)` whenever the gradient with respect to this Tensor has been computed.

        What the hook returns, if not None, takes the gradient's place: a Tensor of the same shape and dtype, else the
        walk raises RuntimeError. Returns a handle with a `remove()` method.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        source = self._source()
        if isinstance(source, Node):
            source.hooks = Hooks() if source.hooks is None else source.hooks
            return source.hooks.add(hook)
        self._hooks = Hooks() if self._hooks is None else self._hooks
        return self._hooks.add(hook)

    def detach(self) -> Tensor:
        """The same memory, as a Tensor outside of the graph: no gradient flows through it."""
        return Tensor._wrap(self._settled())

    def detach_(self) -> Tensor:
        """Cut this Tensor off from the graph that made it: it becomes a leaf that requires no gradient."""
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._requires_grad = None, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, as a Tensor outside of the graph; assigning another Tensor replaces the array."""
        return Tensor._wrap(self._settled())

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"data must be a Tensor, but got {type(other).__name__}. Use tensor(...)")
        if self._requires_grad and other._array.dtype.kind != "f":
            raise RuntimeError(f"data set to a tensor that requires gradients must be floating, not {other.dtype}")
        self._array, self._own = other._settled(), False

    # ------------------------------------------------------------------------------- to be copied, saved and shown

    def __repr__(self) -> str:
        return format_tensor(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the"
                " moment. Use clone() or detach() first"
            )
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(
            {
                name: copy.deepcopy(value, memo)
                for name, value in self.__dict__.items()
                if name not in ("_view", "_hooks")
            }
        )
        return copied

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                f"a computed tensor cannot be pickled with its graph ({self.grad_fn}): detach() it first"
            )
        state = {name: value for name, value in self.__dict__.items() if name not in ("_view", "_hooks")}
        return _rebuild, (type(self), state)


def _rebuild(kind: type[Tensor], state: dict[str, Any]) -> Tensor:
    restored = kind.__new__(kind)
    restored.__dict__.update(state)
    return restored


def _as_array(output: Any, op: Op) -> Array:
    """What a function returned as an array: NumPy may return a scalar instead of an array without dimensions."""
    if isinstance(output, np.generic):
        return np.asarray(output)
    if not backend.is_array(output):
        raise TypeError(f"{op.name} must return an array, but it returned a {type(output).__name__}: {output!r}")
    return output


def _is_an_input(output: Array, arrays: list[Any]) -> bool:
    """True if an operation's output looks at the memory of one of its inputs."""
    return any(backend.is_array(array) and same_memory(output, array) for array in arrays)


def _overwrite(array: Array, op: Op, others: list[Any], settings: dict[str, Any]) -> None:
    """array[...] = op(array, *others, **settings), computed in their common dtype and then converted to the array's.

    RuntimeError if that loses more than a range: a float never becomes an integer unasked, nor an integer a bool.
    """
    with backend.beside(array):
        result = op.forward(*backend.in_types([array, *others], op.types), **settings)
        if KINDS[result.dtype.kind] > KINDS[array.dtype.kind]:
            raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {array.dtype}")
        if result.shape != array.shape:
            raise backend.ShapeError(
                f"output with shape {list(array.shape)} doesn't match the broadcast shape {list(result.shape)}"
            )
        array[...] = result


KINDS = {"b": 0, "u": 1, "i": 1, "f": 2}  # the kinds of dtypes, in the order in which one may become another unasked


def _operand_in_place(value: Any, op: Op, like: Tensor) -> Any:
    """An operand of an in-place operation as an array or a number."""
    if isinstance(value, Tensor):
        if not backend.on_one_device(like._array, value._array):
            raise _devices_differ(op, (like, value))
        return value._array
    return value if value is None or type(value) in NUMBERS else _operand(value, op, like)


def _operand(value: Any, op: Op, like: Tensor) -> Any:
    """What is combined with a Tensor without being one: a number, or an array of the same library."""
    if not isinstance(value, np.generic) and not backend.is_array(value):
        raise TypeError(
            f"{op.name}(): expected a Tensor, an array or a number beside a Tensor, but got"
            f" {type(value).__name__}. Convert it with tensor(...)"
        )
    backend.as_dtype(value.dtype)  # refuses complex numbers and the like
    if isinstance(value, np.generic):
        return value.item()  # as a Python number it does not widen the Tensor's dtype
    if not backend.on_one_device(like._array, value):
        raise _devices_differ(op, (like, value))
    return backend.copy(value) if grad_mode.get() else value  # the walk could not see a change made by its owner


def _devices_differ(op: Op, inputs: tuple[Any, ...]) -> RuntimeError:
    arrays = [value._array if isinstance(value, Tensor) else value for value in inputs]
    names = dict.fromkeys(str(backend.device_of(array)) for array in arrays if backend.is_array(array))
    return RuntimeError(
        f"{op.name}: Expected all tensors to be on the same device, but found at least two devices,"
        f" {' and '.join(names)}! Move one with .to(device)"
    )
