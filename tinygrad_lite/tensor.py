"""The Tensor: an array, the gradient that has been computed for it, and how it was made.

Its methods are names for the operations in `ops/`, with PyTorch's spelling. Two things live here themselves:

- `_apply`, which every operation with a Tensor among its inputs goes through: it takes the arrays out, runs the
  operation on them, puts the result into a new Tensor, and, if a gradient may be asked for, records a `Node`.
- changes in place. They write into the array, and note that its memory changed (see `autograd`). One that a gradient
  must pass through is recorded as well: the Tensor then stands for the new value, made from the old one. A view
  remembers its base, and by which operations it was taken, so that a change of one is part of the other's history.
"""

from __future__ import annotations

import builtins
import copy
import operator
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite import autograd, backend, ops
from tinygrad_lite.anomaly import look_at_output, watching
from tinygrad_lite.autograd import Node, backward_steps, enable_grad, grad_mode, mark_changed, no_grad, same_memory
from tinygrad_lite.backend import Array, Device, DType, Generator
from tinygrad_lite.formatting import format_tensor
from tinygrad_lite.op import Op, Traced
from tinygrad_lite.ops.shape import Dim

Number = builtins.bool | builtins.int | builtins.float
NUMBERS = (builtins.float, builtins.int, builtins.bool)


class Size(tuple[builtins.int, ...]):
    """The shape of a tensor: a tuple that can also tell the number of elements."""

    def numel(self) -> builtins.int:
        """The number of elements of a tensor of this shape."""
        return builtins.int(np.prod(self, dtype=np.int64))

    def __repr__(self) -> str:
        return f"Size({list(self)})"


class View(NamedTuple):
    """How a Tensor looks at the memory of another: through which operations, and at which point of its history."""

    base: Tensor
    chain: tuple[tuple[Op, dict[str, Any]], ...]
    node: (
        Node | None
    )  # the base's node when the view was taken: if it has another now, the view's history is out of date


class ValuesIndices(NamedTuple):
    """What `max`, `min`, `sort` and `topk` along a dimension give: the values, and where they stood (int64)."""

    values: Tensor
    indices: Tensor


class Tensor(Traced):
    """An array of numbers that knows how it was computed.

    Made by `tensor(data)`, `zeros(2, 3)`, `randn(5)` and their like, or by an operation on other Tensors.

    Attributes:
        data: the same numbers and memory, as a Tensor outside of any graph.
        grad: after `backward()`, the gradient of the loss by this Tensor (a leaf), of its shape; else None.
        requires_grad: True if gradients are to flow to it. Only floating dtypes can.
        grad_fn: the `Node` that made it, or None for a leaf.
        shape, dtype, device: of the array.
    """

    _array: Array
    _requires_grad: builtins.bool = False
    _node: Node | None = None
    _grad: Tensor | None = None
    _view: View | None = None
    _hooks: list[Callable[[Tensor], Any]] | None = None

    def __init__(self, *data: Any, device: Any = None) -> None:
        """As PyTorch's: `Tensor([1, 2])` is floating whatever the data, `Tensor(2, 3)` an uninitialised array."""
        if data and all_ints(data):
            self._array = backend.create("empty", data, where=device)
        else:
            if len(data) > 1:
                raise TypeError(f"Tensor: takes sizes, or one sequence of data, but got {len(data)} arguments")
            self._array = backend.as_array(data[0] if data else [], backend.get_default_dtype(), device)

    @staticmethod
    def _wrap(array: Array, node: Node | None = None) -> Tensor:
        """A Tensor around an array, made by `node`."""
        tensor = Tensor.__new__(Tensor)
        tensor._array = array
        if node is not None:
            tensor._node = node
            tensor._requires_grad = True
        return tensor

    # -------------------------------------------------------------------------------- running and recording

    def _apply(self, op: Op, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Tensor:
        """The operation's result for these inputs, at least one of them a Tensor, recorded if one needs a gradient."""
        library, dtype = type(self._array), self._array.dtype
        arrays: list[Any] = []
        parents: list[Node | Tensor | None] = []
        needs_gradient, alike = False, dtype.kind == "f"  # alike: of one floating dtype, so there is nothing to promote
        for value in inputs:
            parent = None
            if isinstance(value, Tensor):
                if value._view is not None:
                    value._follow_base()
                if value._requires_grad:
                    parent = value._node or value
                    needs_gradient = True
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
        if library is not np.ndarray and not backend.on_one_device(self._array, *arrays):
            raise _devices_differ(op, inputs)

        try:
            if not alike and op.types != "any":
                arrays = backend.promote(arrays, op.types == "float")
            if library is np.ndarray:
                output = op.forward(*arrays, **settings)
            else:
                with backend.beside(self._array):
                    output = op.forward(*arrays, **settings)
        except Exception as error:
            raise op.explain(error, inputs) from error
        if isinstance(output, np.generic):
            output = np.asarray(output)  # NumPy gives a scalar where an array of no dimensions is due
        if watching.get():
            look_at_output(op, [*arrays, *settings.values()], output)

        result = Tensor.__new__(Tensor)
        result._array = output
        if needs_gradient and grad_mode.get() and output.dtype.kind == "f":
            saved: tuple[Any, ...] = ()
            if op.saves:
                saved = tuple(arrays if op.variadic else [output if i == 0 else arrays[i - 1] for i in op.saves])
            if op.wants_shapes:
                settings = {**settings, "shapes": [array.shape for array in arrays]}
            result._node = Node(op, saved, tuple(parents), settings, output.shape, output.dtype)
            result._requires_grad = True
        if op.view and isinstance(inputs[0], Tensor) and same_memory(output, arrays[0]):
            result._view = inputs[0]._viewed_through(op, settings)
        return result

    def _source(self) -> Node | Tensor:
        """Where gradients for this Tensor go: the node that made it, or itself if it is a leaf."""
        if self._view is not None:
            self._follow_base()
        return self._node or self

    def _accumulate(self, gradient: Any) -> None:
        """Add a gradient, an array or a Tensor, to `grad`."""
        if isinstance(gradient, Tensor):
            self._grad = gradient if self._grad is None else self._grad + gradient
            return
        if self._grad is None:
            self._grad = Tensor._wrap(gradient)
        elif self._grad._requires_grad:
            self._grad = self._grad + gradient
        else:
            with backend.beside(gradient):
                self._grad._array += gradient
            mark_changed(self._grad._array)

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
            self._node, self._requires_grad, self._view = fresh._node, fresh._requires_grad, fresh._view

    def _in_place(self, change: Callable[..., Any], op: Op, *others: Any, **settings: Any) -> Tensor:
        """self = op(self, *others, **settings), in self's own memory.

        change(array, *others, **settings): does it to the array, where nothing needs to be recorded.
        """
        array = self._array
        if (
            array.size > 1
            and 0 in array.strides
            and builtins.any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))
        ):
            raise RuntimeError(
                f"{op.name}: more than one element of the written-to tensor refers to a single memory location, as"
                " after expand(). Please clone() the tensor before performing the operation"
            )
        needs_recording = grad_mode.get() and (
            self.requires_grad or builtins.any(isinstance(other, Tensor) and other.requires_grad for other in others)
        )
        if needs_recording:
            self._change_recorded(op, others, settings)
            return self
        values = []
        for other in others:
            values.append(_plain(other, op, self))
        try:
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
            self._node, self._requires_grad = after._node, True
        else:
            assert self._view is not None
            write = ops.indexing.write_view
            parents = (root._node, after._node)
            root._node = Node(write, (), parents, {"view": self._view.chain}, root._array.shape, root._array.dtype)
            root._requires_grad = True

    def add_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self += alpha · other"""
        if alpha == 1:
            return self._in_place(operator.iadd, ops.add, other)
        return self._in_place(_add_scaled, ops.add_scaled, other, factor=alpha)

    def sub_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self -= alpha · other"""
        if alpha == 1:
            return self._in_place(operator.isub, ops.sub, other)
        return self._in_place(_add_scaled, ops.add_scaled, other, factor=-alpha)

    def mul_(self, other: Any) -> Tensor:
        """self *= other"""
        return self._in_place(operator.imul, ops.mul, other)

    def div_(self, other: Any) -> Tensor:
        """self /= other"""
        return self._in_place(operator.itruediv, ops.div, other)

    def pow_(self, exponent: Any) -> Tensor:
        """self **= exponent"""
        return self._in_place(operator.ipow, ops.pow, exponent)

    def clamp_(self, min: Number | None = None, max: Number | None = None) -> Tensor:
        """Raise what is below `min` to it, and lower what is above `max`."""

        def change(array: Array, min: Any, max: Any) -> None:
            array[...] = ops.clamp.forward(array, min=min, max=max)

        return self._in_place(change, ops.clamp, min=min, max=max)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._in_place(_write, ops.indexing.setitem, value, index=_index(index, self._array))

    def copy_(self, other: Any) -> Tensor:
        """Overwrite with another tensor's numbers, broadcast to this shape; it may be on another device."""
        if isinstance(other, Tensor) and other.ndim > self.ndim:
            raise backend.ShapeError(
                f"copy_: output with shape {list(self.shape)} doesn't match the broadcast shape {list(other.shape)}."
                " An in-place operation cannot change the shape"
            )
        self[...] = other.to(self.device) if isinstance(other, Tensor) else other
        return self

    def fill_(self, value: Any) -> Tensor:
        """Set every element to one value."""
        return self._in_place(_write, ops.indexing.setitem, value, index=...)

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return self.fill_(0)

    def uniform_(self, low: Number = 0.0, high: Number = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with random numbers, uniform on [low, high)."""
        source = generator or backend.default_generator(self.device)
        self[...] = Tensor._wrap(source.random(self._array.shape, self._array.dtype)) * (high - low) + low
        return self

    def normal_(self, mean: Number = 0.0, std: Number = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with random numbers from the normal distribution."""
        source = generator or backend.default_generator(self.device)
        self[...] = Tensor._wrap(source.normal(self._array.shape, self._array.dtype)) * std + mean
        return self

    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """Set the elements where the mask (bool) is True to one value."""
        self[mask.expand(self.shape)] = value
        return self

    def __iadd__(self, other: Any) -> Tensor:
        return self.add_(other)

    def __isub__(self, other: Any) -> Tensor:
        return self.sub_(other)

    def __imul__(self, other: Any) -> Tensor:
        return self.mul_(other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self.div_(other)

    def __ipow__(self, other: Any) -> Tensor:
        return self.pow_(other)

    # ------------------------------------------------------------------------------------------------- gradients

    def backward(
        self, gradient: Any = None, retain_graph: builtins.bool | None = None, create_graph: builtins.bool = False
    ) -> None:
        """Add the gradient of this Tensor by every leaf it was computed from to that leaf's `grad`.

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
                raise TypeError(f"assigned grad must be a Tensor or None, but got {builtins.type(gradient).__name__}")
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
    def requires_grad(self) -> builtins.bool:
        """True if gradients are computed for this Tensor."""
        if self._view is not None:
            self._follow_base()
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: builtins.bool) -> None:
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
        self._requires_grad = builtins.bool(value)

    def requires_grad_(self, requires_grad: builtins.bool = True) -> Tensor:
        """Set `requires_grad`; returns the Tensor itself."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this Tensor; None for a leaf."""
        source = self._source()
        return source if isinstance(source, Node) else None

    @property
    def is_leaf(self) -> builtins.bool:
        """True if no recorded operation made this Tensor."""
        return self.grad_fn is None

    def retain_grad(self) -> None:
        """Keep the gradient of a computed Tensor too: `backward()` will fill its `grad`."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if not self.is_leaf:
            me = weakref.ref(self)  # a hook that held the Tensor would keep it alive as long as its own node

            def keep(gradient: Tensor) -> None:
                if (tensor := me()) is not None:
                    tensor._accumulate(backend.copy(gradient._array) if gradient._node is None else gradient)

            self.register_hook(keep)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call `hook(gradient)` whenever the gradient by this Tensor has been computed.

        What the hook returns, if not None, takes the gradient's place. Returns a handle with a `remove()` method.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        source = self._source()
        if isinstance(source, Node):
            source.hooks = [] if source.hooks is None else source.hooks
            return Handle(source.hooks, hook)
        self._hooks = [] if self._hooks is None else self._hooks
        return Handle(self._hooks, hook)

    def detach(self) -> Tensor:
        """The same memory, as a Tensor outside of the graph: no gradient flows through it."""
        return Tensor._wrap(self._array)

    def detach_(self) -> Tensor:
        """Cut this Tensor off from the graph that made it: it becomes a leaf that requires no gradient."""
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._requires_grad = None, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, as a Tensor outside of the graph; assigning another Tensor replaces the array."""
        return Tensor._wrap(self._array)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"data must be a Tensor, but got {builtins.type(other).__name__}. Use tensor(...)")
        if self._requires_grad and other._array.dtype.kind != "f":
            raise RuntimeError(f"data set to a tensor that requires gradients must be floating, not {other.dtype}")
        self._array = other._array

    # ---------------------------------------------------------------------------------------------- attributes

    @property
    def shape(self) -> Size:
        """The number of elements along each dimension."""
        return Size(self._array.shape)

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self._array.shape[_one_dim(dim, self._array.ndim)]

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._array.dtype

    @property
    def device(self) -> Device:
        """Where the array lives."""
        return backend.device_of(self._array)

    @property
    def is_cuda(self) -> builtins.bool:
        """True on a GPU."""
        return self.device.type == "cuda"

    @property
    def ndim(self) -> builtins.int:
        """The number of dimensions."""
        return self._array.ndim

    def dim(self) -> builtins.int:
        """The number of dimensions."""
        return self._array.ndim

    def numel(self) -> builtins.int:
        """The number of elements."""
        return self._array.size

    nelement = numel

    def element_size(self) -> builtins.int:
        """Bytes an element."""
        return self._array.itemsize

    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many elements of memory lie between neighbours along each dimension: 0 where one is repeated."""
        strides = tuple(step // self._array.itemsize for step in self._array.strides)
        return strides if dim is None else strides[_one_dim(dim, self._array.ndim)]

    def storage(self) -> Tensor:
        """The memory behind this Tensor, of one dimension: shared by all its views, each element there once."""
        owner = autograd.owner_of(self._array)
        with backend.beside(owner):
            return Tensor._wrap(owner.reshape(-1))

    def is_contiguous(self) -> builtins.bool:
        """True if the elements lie in memory one after another, in row-major order."""
        return self._array.flags.c_contiguous

    def contiguous(self) -> Tensor:
        """This Tensor if it is contiguous, else a copy that is."""
        return self if self.is_contiguous() else self.clone()

    def is_floating_point(self) -> builtins.bool:
        """True for float16, float32 and float64."""
        return self._array.dtype.kind == "f"

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order: a matrix transposed."""
        return self.permute(*range(self.ndim - 1, -1, -1))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
            )
        return self.transpose(-2, -1)

    # ----------------------------------------------------------------------------------- to Python and to NumPy

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
        return self._array.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a Tensor without dimensions."""
        return backend.to_numpy(self._array).tolist()

    def numpy(self, *, force: builtins.bool = False) -> np.ndarray:
        """The NumPy array itself, sharing memory. For a CPU Tensor that requires no gradient.

        force: of any other, what detach().cpu() gives.
        """
        if force:
            return self.detach().cpu().numpy()
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not isinstance(self._array, np.ndarray):
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host"
                " memory first."
            )
        return self._array

    def __array__(self, dtype: Any = None, copy: builtins.bool | None = None) -> np.ndarray:
        array = self.numpy()
        if copy is False and dtype is not None and np.dtype(dtype) != array.dtype:
            raise ValueError(f"a tensor of dtype {array.dtype} cannot become an array of dtype {dtype} without a copy")
        return array.astype(array.dtype if dtype is None else dtype, copy=builtins.bool(copy))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        from tinygrad_lite import numpy_protocol

        return numpy_protocol.call_ufunc(ufunc, method, inputs, settings)

    def __array_function__(self, function: Any, types: Any, inputs: Any, settings: Any) -> Any:
        from tinygrad_lite import numpy_protocol

        return numpy_protocol.call_function(function, inputs, settings)

    def __dlpack__(self, **settings: Any) -> Any:
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._array.__dlpack__(**settings)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    def __bool__(self) -> builtins.bool:
        if self._array.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'no' if not self._array.size else 'more than one'} values is ambiguous."
                " Use any() or all()"
            )
        return builtins.bool(self._array.item())

    def __float__(self) -> builtins.float:
        return builtins.float(self.item())

    def __int__(self) -> builtins.int:
        return builtins.int(self.item())

    def __index__(self) -> builtins.int:
        if self._array.size != 1 or self._array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return builtins.int(self._array.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self._array.ndim else object.__format__(self, spec)

    def __len__(self) -> builtins.int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._array)))

    def __contains__(self, value: Any) -> builtins.bool:
        return builtins.bool((self == value).any())

    __hash__ = object.__hash__  # two Tensors are the same key only if they are the same object: == is elementwise

    def __repr__(self) -> str:
        return format_tensor(self)

    def __deepcopy__(self, memo: dict[builtins.int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the"
                " moment. Use clone() or detach() first"
            )
        copied = builtins.type(self).__new__(builtins.type(self))
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
        return _rebuild, (builtins.type(self), state)

    # ------------------------------------------------------------------------------------------------- operators

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        """self · other, with broadcasting."""
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        """⌊self / other⌋."""
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Tensor:
        """self - other · ⌊self / other⌋, of the sign of other."""
        return ops.remainder(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        """self @ other, for vectors, matrices and stacks of matrices."""
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        """-self."""
        return ops.neg(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __invert__(self) -> Tensor:
        return ops.bitwise_not(self)

    def __and__(self, other: Any) -> Tensor:
        return ops.bitwise_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return ops.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Tensor:
        return ops.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        """True where equal."""
        return ops.eq(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        """True where not equal."""
        return ops.ne(self, other) if _comparable(other) else NotImplemented

    def __lt__(self, other: Any) -> Tensor:
        """True where self is smaller."""
        return ops.lt(self, other)

    def __le__(self, other: Any) -> Tensor:
        """True where self is smaller or equal."""
        return ops.le(self, other)

    def __gt__(self, other: Any) -> Tensor:
        """True where self is larger."""
        return ops.gt(self, other)

    def __ge__(self, other: Any) -> Tensor:
        """True where self is larger or equal."""
        return ops.ge(self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index=_index(index, self._array))

    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__
    mul, matmul, neg, remainder, floor_divide = __mul__, __matmul__, __neg__, __mod__, __floordiv__
    multiply, negative = __mul__, __neg__

    # ------------------------------------------------------------------------------------- elementwise functions

    def add(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self + alpha · other"""
        return ops.add(self, other) if alpha == 1 else ops.add_scaled(self, other, factor=alpha)

    def sub(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self - alpha · other"""
        return ops.sub(self, other) if alpha == 1 else ops.add_scaled(self, other, factor=-alpha)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self / other; with rounding_mode "floor" or "trunc", rounded down or towards 0 (gradient 0)."""
        if rounding_mode is None:
            return ops.div(self, other)
        if rounding_mode == "floor":
            return ops.floor_divide(self, other)
        if rounding_mode == "trunc":
            return ops.trunc(ops.div(self, other))
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', but got {rounding_mode!r}")

    def pow(self, exponent: Any) -> Tensor:
        """self to a power"""
        return ops.pow(self, exponent)

    def exp(self) -> Tensor:
        """eˣ"""
        return ops.exp(self)

    def expm1(self) -> Tensor:
        """eˣ - 1"""
        return ops.expm1(self)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return ops.log(self)

    def log1p(self) -> Tensor:
        """ln(1 + x)"""
        return ops.log1p(self)

    def log2(self) -> Tensor:
        """The logarithm to base 2."""
        return ops.log2(self)

    def log10(self) -> Tensor:
        """The logarithm to base 10."""
        return ops.log10(self)

    def sqrt(self) -> Tensor:
        """√x"""
        return ops.sqrt(self)

    def rsqrt(self) -> Tensor:
        """1 / √x"""
        return ops.rsqrt(self)

    def square(self) -> Tensor:
        """x²"""
        return ops.pow(self, 2)

    def reciprocal(self) -> Tensor:
        """1 / x"""
        return ops.reciprocal(self)

    def sin(self) -> Tensor:
        """The sine."""
        return ops.sin(self)

    def cos(self) -> Tensor:
        """The cosine."""
        return ops.cos(self)

    def tan(self) -> Tensor:
        """The tangent."""
        return ops.tan(self)

    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
        return ops.sinh(self)

    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
        return ops.cosh(self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e⁻ˣ)"""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """max(x, 0)"""
        return ops.relu(self)

    def erf(self) -> Tensor:
        """The error function."""
        return ops.erf(self)

    def abs(self) -> Tensor:
        """|x|"""
        return ops.abs(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1"""
        return ops.sign(self)

    def floor(self) -> Tensor:
        """Rounded down."""
        return ops.floor(self)

    def ceil(self) -> Tensor:
        """Rounded up."""
        return ops.ceil(self)

    def trunc(self) -> Tensor:
        """Rounded towards 0."""
        return ops.trunc(self)

    def round(self, *, decimals: builtins.int = 0) -> Tensor:
        """Rounded to `decimals` decimals, halves to even."""
        return ops.round(self, decimals=decimals)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """At least `min`, at most `max`, each a number, a Tensor or None."""
        if isinstance(min, Tensor) or isinstance(max, Tensor):
            low = self if min is None else ops.maximum(self, min)
            return low if max is None else ops.minimum(low, max)
        return ops.clamp(self, min=min, max=max)

    clip = clamp

    def clamp_min(self, min: Any) -> Tensor:
        """At least `min`."""
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Tensor:
        """At most `max`."""
        return self.clamp(max=max)

    def maximum(self, other: Any) -> Tensor:
        """The larger of both, element by element; where they are equal each gets half of the gradient."""
        return ops.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        """The smaller of both, element by element; where they are equal each gets half of the gradient."""
        return ops.minimum(self, other)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """self where the condition is True, else `other`."""
        return ops.where(condition, self, other)

    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`value` where the mask (bool) is True, else self."""
        return ops.where(mask, value, self)

    def isnan(self) -> Tensor:
        """True where not a number."""
        return ops.isnan(self)

    def isfinite(self) -> Tensor:
        """True where neither infinite nor NaN."""
        return ops.isfinite(self)

    def isinf(self) -> Tensor:
        """True where infinite."""
        return ops.isinf(self)

    def isclose(
        self,
        other: Any,
        rtol: builtins.float = 1e-05,
        atol: builtins.float = 1e-08,
        equal_nan: builtins.bool = False,
    ) -> Tensor:
        """True where |self - other| ≤ atol + rtol · |other|, or both are the same infinity (or NaN, if asked)."""
        other = other if isinstance(other, Tensor) else self.new_tensor(other)
        with no_grad():
            close = (self == other) | ((self - other).abs() <= atol + rtol * other.abs()) & other.isfinite()
            return close | (self.isnan() & other.isnan()) if equal_nan else close

    def allclose(
        self,
        other: Any,
        rtol: builtins.float = 1e-05,
        atol: builtins.float = 1e-08,
        equal_nan: builtins.bool = False,
    ) -> builtins.bool:
        """True if `isclose` holds everywhere."""
        return builtins.bool(self.isclose(other, rtol, atol, equal_nan).all())

    def equal(self, other: Tensor) -> builtins.bool:
        """True if the shapes and all elements are the same."""
        return self.shape == other.shape and builtins.bool((self == other).all())

    # ------------------------------------------------------------------------------------------------ reductions

    def sum(self, dim: Dim = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The sum over `dim` (an int, a tuple, or None for all)."""
        return ops.sum(self if dtype is None else self.to(dtype), dim=dim, keepdim=keepdim)

    def mean(self, dim: Dim = None, keepdim: builtins.bool = False, *, dtype: Any = None) -> Tensor:
        """The mean over `dim`; of floating tensors only."""
        return ops.mean(self if dtype is None else self.to(dtype), dim=dim, keepdim=keepdim)

    def var(
        self, dim: Any = None, keepdim: builtins.bool = False, *, correction: Number = 1, unbiased: Any = None
    ) -> Tensor:
        """The variance over `dim`, divided by n - correction: unbiased by default. `var(False)` divides by n."""
        dim, correction = _unbiased(dim, correction, unbiased)
        return ops.var(self, dim=dim, correction=correction, keepdim=keepdim)

    def std(
        self, dim: Any = None, keepdim: builtins.bool = False, *, correction: Number = 1, unbiased: Any = None
    ) -> Tensor:
        """The square root of `var`: unbiased by default."""
        dim, correction = _unbiased(dim, correction, unbiased)
        return ops.std(self, dim=dim, correction=correction, keepdim=keepdim)

    def prod(self, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """The product over `dim`."""
        return ops.prod(self, dim=dim, keepdim=keepdim)

    def cumsum(self, dim: builtins.int) -> Tensor:
        """The sums of the first 1, 2, 3, ... elements along `dim`."""
        return ops.cumsum(self, dim=dim)

    def amax(self, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """The largest element over `dim`; equally large ones share the gradient evenly."""
        return ops.amax(self, dim=dim, keepdim=keepdim)

    def amin(self, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """The smallest element over `dim`; equally small ones share the gradient evenly."""
        return ops.amin(self, dim=dim, keepdim=keepdim)

    def max(self, dim: Any = None, keepdim: builtins.bool = False) -> Any:
        """Three functions, as in PyTorch.

        max(): the largest element of all; equally large ones share the gradient.
        max(dim): (values, indices) along a dimension; of equally large ones the first gets all of the gradient.
        max(other): a Tensor: the larger of both, element by element.
        """
        if isinstance(dim, Tensor):
            return ops.maximum(self, dim)
        return ops.amax(self) if dim is None else self._chosen(ops.argmax, dim, keepdim)

    def min(self, dim: Any = None, keepdim: builtins.bool = False) -> Any:
        """As `max`, for the smallest."""
        if isinstance(dim, Tensor):
            return ops.minimum(self, dim)
        return ops.amin(self) if dim is None else self._chosen(ops.argmin, dim, keepdim)

    def _chosen(self, choose: Op, dim: builtins.int, keepdim: builtins.bool) -> ValuesIndices:
        if not self.ndim:
            return ValuesIndices(self.clone(), choose(self))
        indices = choose(self, dim=dim, keepdim=True)
        values = ops.gather(self, indices, dim=dim)
        return ValuesIndices(values, indices) if keepdim else ValuesIndices(values.squeeze(dim), indices.squeeze(dim))

    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The position of the largest element along `dim`, or in the flattened tensor: the first of several."""
        return ops.argmax(self, dim=dim, keepdim=keepdim)

    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Tensor:
        """The position of the smallest element along `dim`, or in the flattened tensor: the first of several."""
        return ops.argmin(self, dim=dim, keepdim=keepdim)

    def argsort(self, dim: builtins.int = -1, descending: builtins.bool = False) -> Tensor:
        """The positions that sort the elements along `dim`, equal ones in their order."""
        return ops.argsort(self, dim=dim, descending=descending)

    def sort(self, dim: builtins.int = -1, descending: builtins.bool = False) -> ValuesIndices:
        """The elements sorted along `dim`, and where they stood."""
        indices = self.argsort(dim, descending)
        return ValuesIndices(ops.gather(self, indices, dim=dim) if self.ndim else self.clone(), indices)

    def topk(self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True) -> ValuesIndices:
        """The k largest (or smallest) elements along `dim`, the most extreme first, and where they stood."""
        size = self.size(dim) if self.ndim else 1
        if not 0 <= k <= size:
            raise RuntimeError(
                f"topk: selected index k out of range: k is {k}, and dimension {dim} has {size} elements"
            )
        indices = self.argsort(dim, largest)
        indices = indices[(slice(None),) * _one_dim(dim, self.ndim) + (slice(k),)]
        return ValuesIndices(ops.gather(self, indices, dim=dim), indices)

    def any(self, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """True where some element over `dim` is not 0."""
        return ops.any(self, dim=dim, keepdim=keepdim)

    def all(self, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """True where no element over `dim` is 0."""
        return ops.all(self, dim=dim, keepdim=keepdim)

    def norm(self, p: Any = 2, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """(Σ |x|ᵖ)^(1/p) over `dim`. p: a number, ±inf (largest, smallest |x|), 0 (how many are not 0) or "fro"."""
        p = 2 if p == "fro" else builtins.float(p)
        if p in (np.inf, -np.inf):
            return (ops.amax if p > 0 else ops.amin)(self.abs(), dim=dim, keepdim=keepdim)
        if p == 0:
            return (self != 0).to(self.dtype).sum(dim, keepdim)
        return self.abs().sum(dim, keepdim) if p == 1 else ops.norm(self, p=p, dim=dim, keepdim=keepdim)

    def logsumexp(self, dim: Dim, keepdim: builtins.bool = False) -> Tensor:
        """ln Σ eˣ over `dim`, without overflow."""
        return ops.logsumexp(self, dim=dim, keepdim=keepdim)

    def softmax(self, dim: builtins.int) -> Tensor:
        """eˣ / Σ eˣ along `dim`."""
        return ops.softmax(self, dim=dim)

    def log_softmax(self, dim: builtins.int) -> Tensor:
        """The logarithm of softmax along `dim`."""
        return ops.log_softmax(self, dim=dim)

    def histc(self, bins: builtins.int = 100, min: Number = 0, max: Number = 0) -> Tensor:
        """How many elements fall into each of `bins` equal intervals from min to max (0, 0: of all elements)."""
        array = self._array
        low, high = (min, max) if (min, max) != (0, 0) or not array.size else (self.amin().item(), self.amax().item())
        low, high = (low - 1, high + 1) if low == high else (low, high)
        with backend.beside(array):
            counts, _ = np.histogram(array, bins, (low, high))
            return Tensor._wrap(counts.astype(array.dtype))

    # ---------------------------------------------------------------------------------------------------- shapes

    def reshape(self, *shape: Any) -> Tensor:
        """The elements in another shape, one size of which may be -1: a view if possible, else a copy."""
        return ops.reshape(self, shape=sizes(shape))

    def view(self, *shape: Any) -> Tensor:
        """The same memory in another shape. RuntimeError where the elements do not lie as that needs."""
        if len(shape) == 1 and isinstance(shape[0], np.dtype):
            raise TypeError("view takes a shape. To convert to another dtype use to(dtype)")
        if self._computed_row_by_row():
            self._reorder()
        result = self.reshape(*shape)
        if self.numel() and not same_memory(result._array, self._array):
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across"
                " two contiguous subspaces). Use .reshape(...) instead."
            )
        return result

    def _computed_row_by_row(self) -> builtins.bool:
        """True for what a convolution, or what followed it, gave: its numbers lie in an order of our own choice."""
        array = self._array
        if array.ndim != 4 or array.flags.c_contiguous or self._view is not None:
            return False
        return ops.windows.rows_first(array).flags.c_contiguous and (self._node is not None or not self._requires_grad)

    def _reorder(self) -> None:
        """Bring the numbers into row-major order, as views need it. Who shares the memory so far can only read it."""
        old = self._array
        with backend.beside(old):
            self._array = old.copy()
        if isinstance(old, np.ndarray):
            old.flags.writeable = False

    def view_as(self, other: Tensor) -> Tensor:
        """The same memory in the shape of another Tensor."""
        return self.view(other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """The elements in the shape of another Tensor."""
        return self.reshape(other.shape)

    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """The dimensions from start_dim to end_dim as one."""
        if not self.ndim:
            return self.reshape(1)
        start, end = _one_dim(start_dim, self.ndim), _one_dim(end_dim, self.ndim)
        if start > end:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        shape = self._array.shape
        return self.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])

    def ravel(self) -> Tensor:
        """All elements in one dimension."""
        return self.reshape(-1)

    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """Two dimensions exchanged."""
        return ops.transpose(self, dim0=dim0, dim1=dim1)

    swapaxes = transpose

    def t(self) -> Tensor:
        """A matrix transposed; a vector as it is."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self if self.ndim < 2 else self.transpose(0, 1)

    def permute(self, *dims: Any) -> Tensor:
        """The dimensions in another order."""
        return ops.permute(self, dims=sizes(dims))

    def squeeze(self, dim: Dim = None) -> Tensor:
        """Without the dimensions of size 1, or without those named, where they have size 1."""
        return ops.squeeze(self, dim=dim)

    def unsqueeze(self, dim: builtins.int) -> Tensor:
        """With a dimension of size 1 put in at `dim`."""
        return ops.unsqueeze(self, dim=dim)

    def expand(self, *shape: Any) -> Tensor:
        """Repeated along dimensions of size 1, without a copy; -1 keeps a size."""
        return ops.expand(self, shape=sizes(shape))

    def expand_as(self, other: Tensor) -> Tensor:
        """Repeated to the shape of another Tensor, without a copy."""
        return self.expand(other.shape)

    broadcast_to = expand

    def repeat(self, *repeats: Any) -> Tensor:
        """Copies side by side, so many along each dimension."""
        counts = sizes(repeats)
        if len(counts) < self.ndim:
            raise RuntimeError(
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor:"
                f" {counts} for shape {tuple(self.shape)}"
            )
        return ops.tile(self, repeats=counts)

    def split(self, split_size: Any, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """Pieces along `dim`, views: each of split_size (the last may be smaller), or of the sizes in a list."""
        d = _one_dim(dim, self.ndim)
        total = self._array.shape[d]
        if isinstance(split_size, builtins.int):
            if split_size <= 0:
                raise RuntimeError(f"split expects split_size be positive, but got split_size={split_size}")
            starts = range(0, builtins.max(total, 1), split_size)
            lengths = [builtins.min(split_size, total - start) for start in starts]
        else:
            lengths = list(split_size)
            if builtins.sum(lengths) != total:
                raise RuntimeError(
                    f"split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size at dimension"
                    f" {dim}), but got split_sizes={lengths}"
                )
        ends = np.cumsum(lengths).tolist()
        before = (slice(None),) * d
        return tuple(self[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True))

    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` pieces of equal size along `dim` (the last may be smaller), views."""
        if chunks <= 0:
            raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
        return self.split(builtins.max(-(-self.size(dim) // chunks), 1), dim)

    def unbind(self, dim: builtins.int = 0) -> tuple[Tensor, ...]:
        """The slices along `dim`, each without it: views."""
        return tuple(self.transpose(0, dim)) if dim == 0 else tuple(self.movedim(dim, 0))

    def movedim(self, source: builtins.int, destination: builtins.int) -> Tensor:
        """One dimension moved to another place, the others in their order."""
        order = [d for d in range(self.ndim) if d != _one_dim(source, self.ndim)]
        order.insert(_one_dim(destination, self.ndim), _one_dim(source, self.ndim))
        return self.permute(*order)

    def narrow(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """`length` elements along `dim` from `start` on: a view."""
        return self[(slice(None),) * _one_dim(dim, self.ndim) + (slice(start, start + length),)]

    def flip(self, *dims: Any) -> Tensor:
        """In reverse order along each of `dims`. A view, where PyTorch copies."""
        return ops.flip(self, dims=sizes(dims))

    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Moved on by `shifts` places along `dims` (None: flattened), around the end."""
        return ops.roll(self, shifts=shifts, dims=dims)

    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The lower triangle, 0 above the diagonal."""
        return ops.tril(self, diagonal=diagonal)

    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The upper triangle, 0 below the diagonal."""
        return ops.triu(self, diagonal=diagonal)

    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """The elements whose positions along dim1 and dim2 are equal (but for the offset), as a last dimension."""
        rows, columns = self.size(dim1), self.size(dim2)
        first, second = _one_dim(dim1, self.ndim), _one_dim(dim2, self.ndim)
        order = [d for d in range(self.ndim) if d not in (first, second)]
        length = builtins.max(
            builtins.min(rows, columns - offset) if offset >= 0 else builtins.min(rows + offset, columns), 0
        )
        along = Tensor._wrap(backend.create("arange", length, dtype="int64", where=self.device))
        moved = self.permute(*order, first, second)
        return moved[..., along + builtins.max(-offset, 0), along + builtins.max(offset, 0)]

    def gather(self, dim: builtins.int, index: Tensor) -> Tensor:
        """One element for each of the index, which names its position along `dim`."""
        return ops.gather(self, index, dim=dim)

    def index_select(self, dim: builtins.int, index: Tensor) -> Tensor:
        """The slices along `dim` at the positions in `index`, of one dimension."""
        if index.ndim > 1:
            raise IndexError("index_select(): Index is supposed to be a vector")
        return self[(slice(None),) * _one_dim(dim, self.ndim) + (index,)]

    def dot(self, other: Tensor) -> Tensor:
        """Σ self · other, of two vectors of the same length."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"1D tensors expected, but got {self.ndim}D and {other.ndim}D tensors")
        return ops.matmul(self, other)

    def outer(self, other: Tensor) -> Tensor:
        """The product of each element of one vector with each of another."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D arguments, but got {self.ndim}-D and {other.ndim}-D")
        return ops.mul(self.unsqueeze(1), other)

    def mm(self, other: Tensor) -> Tensor:
        """The product of two matrices."""
        if self.ndim != 2 or other.ndim != 2:
            raise RuntimeError(f"mm: matrices expected, got {self.ndim}D and {other.ndim}D tensors")
        return ops.matmul(self, other)

    # -------------------------------------------------------------------------- copies, dtypes, devices

    def clone(self) -> Tensor:
        """A copy, through which gradients flow."""
        return ops.clone(self)

    def to(self, *where: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """This Tensor in a dtype, on a device, or like another Tensor; itself if nothing changes."""
        for target in where:
            if isinstance(target, Tensor):
                dtype, device = target.dtype, target.device
            elif isinstance(target, Device) or (
                isinstance(target, str) and target.partition(":")[0] in backend.LIBRARIES
            ):
                device = target
            else:
                dtype = target
        result = self
        if dtype is not None and np.dtype(dtype) != self._array.dtype:
            result = ops.cast(result, dtype=backend.as_dtype(dtype))
        if device is not None and Device(device) != self.device:
            result = ops.move(result, to=Device(device), back=self.device)
        return result

    def cpu(self) -> Tensor:
        """On the CPU."""
        return self.to(backend.CPU)

    def cuda(self, index: builtins.int | None = None) -> Tensor:
        """On a GPU."""
        return self.to(Device("cuda", index))

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(np.float16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(np.int32)

    def bool(self) -> Tensor:
        """As bool: True where not 0."""
        return self.to(np.bool_)

    def type(self, dtype: Any = None) -> Any:
        """The name of the kind of tensor, as "tinygrad_lite.FloatTensor"; or the tensor in another dtype."""
        if dtype is not None:
            return self.to(dtype)
        place = ".cuda" if self.is_cuda else ""
        return f"tinygrad_lite{place}.{_TYPE_NAMES.get(self.dtype.name, self.dtype.name.capitalize())}Tensor"

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another Tensor."""
        return self.to(other.dtype)

    def new_tensor(self, data: Any) -> Tensor:
        """A new Tensor holding `data`, of this dtype, on this device."""
        return Tensor._wrap(backend.as_array(plain(data), self.dtype, self.device))

    def new_zeros(self, *shape: Any) -> Tensor:
        """Zeros of this dtype, on this device."""
        return Tensor._wrap(backend.create("zeros", sizes(shape), dtype=self.dtype, where=self.device))

    def new_ones(self, *shape: Any) -> Tensor:
        """Ones of this dtype, on this device."""
        return Tensor._wrap(backend.create("ones", sizes(shape), dtype=self.dtype, where=self.device))


class Handle:
    """What a hook's registration returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: list[Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self) -> None:
        """Take the hook away. Doing so twice does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


_TYPE_NAMES = {
    "float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool", "uint8": "Byte", "int8": "Char",
    "int16": "Short", "int32": "Int", "int64": "Long",
}  # fmt: skip


def _rebuild(kind: builtins.type[Tensor], state: dict[str, Any]) -> Tensor:
    restored = kind.__new__(kind)
    restored.__dict__.update(state)
    return restored


# -------------------------------------------------------------------------------------------- arguments, made ready


def plain(data: Any) -> Any:
    """Nested sequences of numbers, arrays and Tensors, with arrays in the place of the Tensors."""
    if isinstance(data, Tensor):
        return data._array
    if isinstance(data, (list, tuple)):
        return [part if builtins.type(part) in NUMBERS else _on_host(plain(part)) for part in data]
    return data


def _on_host(value: Any) -> Any:
    return backend.to_numpy(value) if backend.is_array(value) else value


def all_ints(values: Sequence[Any]) -> builtins.bool:
    """True if every value is a Python or NumPy integer."""
    return builtins.all(isinstance(value, builtins.int | np.integer) for value in values)


def sizes(given: tuple[Any, ...]) -> tuple[builtins.int, ...]:
    """Sizes or dimensions given one by one or as one sequence, as a tuple."""
    if len(given) == 1 and isinstance(given[0], tuple | list):
        given = tuple(given[0])
    return tuple(operator.index(size) for size in given)


def _one_dim(dim: builtins.int, ndim: builtins.int) -> builtins.int:
    return ops.shape.dims(dim, ndim)[0] if ndim else builtins.min(ops.shape.dims(dim, 1)[0], 0)


def _unbiased(dim: Any, correction: Number, unbiased: Any) -> tuple[Any, Number]:
    if isinstance(dim, builtins.bool):  # var(False): PyTorch's older form of unbiased=False
        dim, unbiased = None, dim
    return dim, correction if unbiased is None else builtins.int(unbiased)


def _write(array: Array, value: Any, index: Any) -> None:
    array[index] = value


def _add_scaled(array: Array, other: Any, factor: Number) -> None:
    array += factor * other


def _comparable(value: Any) -> builtins.bool:
    return isinstance(value, Tensor | builtins.int | builtins.float | np.generic) or backend.is_array(value)


def _plain(value: Any, op: Op, like: Tensor) -> Any:
    """An operand of an in-place operation as an array or a number."""
    if isinstance(value, Tensor):
        if not backend.on_one_device(like._array, value._array):
            raise _devices_differ(op, (like, value))
        return value._array
    return value if builtins.type(value) in NUMBERS else _operand(value, op, like)


def _operand(value: Any, op: Op, like: Tensor) -> Any:
    """What stands beside a Tensor in an operation and is none: a number, or an array of the same library."""
    if not isinstance(value, np.generic) and not backend.is_array(value):
        raise TypeError(
            f"{op.name}(): expected a Tensor, an array or a number beside a Tensor, but got"
            f" {builtins.type(value).__name__}. Make one of it with tensor(...)"
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


def _index(index: Any, like: Array) -> Any:
    """An index as the arrays know it: Tensors, lists and ranges as integer or bool arrays, copied, beside `like`."""
    if isinstance(index, tuple):
        return tuple(_index_part(part, like) for part in index)
    return _index_part(index, like)


def _index_part(part: Any, like: Array) -> Any:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, builtins.int) and not isinstance(part, builtins.bool):
        return part
    if isinstance(part, Tensor):
        part = backend.copy(part._array)
    elif isinstance(part, list | range | tuple):
        part = np.array([p.item() if isinstance(p, Tensor) else p for p in part]) if len(part) else np.zeros(0, "int64")
    elif backend.is_array(part):
        part = backend.copy(part)
    elif isinstance(part, builtins.bool | np.bool_):
        part = np.asarray(part)
    elif isinstance(part, np.integer):
        return builtins.int(part)
    else:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors are valid indices (got"
            f" {builtins.type(part).__name__})"
        )
    if part.dtype.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, and this one is {part.dtype}"
        )
    if part.ndim == 0 and part.dtype.kind != "b":
        return builtins.int(part.item())
    if isinstance(like, np.ndarray) and not isinstance(part, np.ndarray):
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu): use index.cpu()"
        )
    return backend.move(part, backend.device_of(like)) if isinstance(part, np.ndarray) else part
