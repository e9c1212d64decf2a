"""Operations as PyTorch's users write them: a class with a forward and a backward, on Tensors.

Underneath, a `Function` is an `Op` like any other. Its function hands out what forward computed, and its one gradient
rule asks backward. What a call saves is a setting of its node, so it is let go of when the node is.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite.autograd.changes import refuse_changed_arrays
from tinygrad_lite.autograd.graph import Node
from tinygrad_lite.autograd.mode import grad_mode, no_grad, set_grad_enabled
from tinygrad_lite.backend import Array
from tinygrad_lite.op import Op, Traced
from tinygrad_lite.tensor import Tensor


class Context:
    """What the forward of a `Function` leaves for its backward: Tensors saved, and attributes of any name.

    Attributes:
        needs_input_grad: for each argument of `apply`, whether it is a Tensor that requires a gradient.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple[Any, ...] = ()
    _arrays: tuple[Any, ...] = ()
    _constant: tuple[Any, ...] = ()
    _flows: list[bool]  # for each result, whether a gradient flows through it
    _outputs: list[Tensor]  # the results that one flows through, kept if one of them was saved
    _forms: list[Form]  # of these results
    _positions: list[int]  # of the Tensors among the arguments
    _node: weakref.ref[Node] | None = None  # weak, for the node leads to the context
    _answer: Answer | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep Tensors, arguments or results of forward, for backward."""
        self._saved = tensors
        self._arrays = tuple(None if tensor is None else tensor._settled() for tensor in tensors)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Let no gradient flow through these results of forward. (None ever does through integers.)"""
        self._constant = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The Tensors saved. RuntimeError if one of them was changed after the operation was recorded."""
        node = None if self._node is None else self._node()
        if node is None:
            return self._saved
        refuse_changed_arrays(node, self._arrays)
        if any(t is not None and t._array is not array for t, array in zip(self._saved, self._arrays, strict=True)):
            raise RuntimeError(f"a tensor that {node.op.name} saved was given other data (x.data = ...) afterwards")
        if not grad_mode.get() or not self._outputs:
            return self._saved
        # To be differentiated again, a result that was saved must lead on to the node that made it.
        results = _unpack(Tensor._wrap(_pack(self._outputs), node), self._forms)
        recorded = {id(raw): result for raw, result in zip(self._outputs, results, strict=True)}
        return tuple(recorded.get(id(tensor), tensor) for tensor in self._saved)


class Form(NamedTuple):
    """What is known of a result without keeping its numbers."""

    shape: tuple[int, ...]
    dtype: Any
    size: int


class Answer(NamedTuple):
    """What backward made of a gradient: for all arguments at once, while a node asks for one after the other."""

    given: Any  # the gradient that arrived
    asked: int  # the input that asked last
    gradients: list[Any]


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

    forward runs unrecorded. backward gets the gradient of the loss with respect to each result, and returns the one
    with respect to each argument, or None. With create_graph=True backward is recorded, so that it can be
    differentiated in its turn.
    """

    _op: Op

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls._op = _operation(cls)

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """The operation: a Tensor, or a tuple of Tensors."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradient with respect to each argument of forward, given the one with respect to each of its results."""
        raise NotImplementedError("You must implement the backward function for custom autograd.Function.")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """What forward makes of these arguments, recorded if one of them is a Tensor that requires a gradient."""
        ctx = Context()
        ctx.needs_input_grad = tuple(isinstance(x, Traced) and x.requires_grad for x in inputs)
        with no_grad():
            returned = cls.forward(ctx, *inputs)
        results = list(returned) if isinstance(returned, tuple) else [returned]
        ctx._flows = [
            isinstance(r, Traced) and r._array.dtype.kind == "f" and not any(r is c for c in ctx._constant)
            for r in results
        ]
        outputs = [r for r, flows in zip(results, ctx._flows, strict=True) if flows]
        if not any(ctx.needs_input_grad) or not outputs or not grad_mode.get():
            return returned

        ctx._outputs = outputs
        ctx._forms = [Form(r._array.shape, r._array.dtype, r._array.size) for r in outputs]
        ctx._positions = [i for i, x in enumerate(inputs) if isinstance(x, Traced)]
        packed = cls._op(*(inputs[i] for i in ctx._positions), ctx=ctx)
        ctx._node = weakref.ref(packed._node)
        if not any(saved is output for saved in ctx._saved for output in outputs):
            ctx._outputs = []
        recorded = iter(_unpack(packed, ctx._forms))
        results = [next(recorded) if flows else r for r, flows in zip(results, ctx._flows, strict=True)]
        return tuple(results) if isinstance(returned, tuple) else results[0]

    @classmethod
    def _ask_backward(cls, ctx: Context, g: Any) -> list[Any]:
        """The gradients with respect to all arguments: arrays or, where g is one, Tensors."""
        recorded = isinstance(g, Traced)
        flowing = iter(_unpack(g if recorded else Tensor._wrap(g), ctx._forms))
        with set_grad_enabled(recorded):
            answer = cls.backward(ctx, *(next(flowing) if flows else None for flows in ctx._flows))
        gradients = list(answer) if isinstance(answer, tuple | list) else [answer]
        arguments = len(ctx.needs_input_grad)
        if len(gradients) != arguments:
            raise RuntimeError(
                f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {arguments}, got"
                f" {len(gradients)}): backward returns one for each argument of forward, or None"
            )
        return [gradient if gradient is None or recorded else gradient._array for gradient in gradients]


def _operation(function: type[Function]) -> Op:
    """The operation behind a Function."""

    def forward(*arrays: Array, ctx: Context) -> Array:
        return _pack(ctx._outputs)

    def gradient(g: Any, index: int, ctx: Context) -> Any:
        answer = ctx._answer
        if answer is None or answer.given is not g or answer.asked >= index:  # the first to ask, on this walk
            answer = Answer(g, index, function._ask_backward(ctx, g))
        ctx._answer = answer._replace(asked=index)
        return answer.gradients[ctx._positions[index]]

    operation = Op(forward)
    operation.name = function.__name__
    operation.gradient("arrays")(gradient)
    return operation


def _pack(outputs: Sequence[Tensor]) -> Array:
    """The arrays of several results as one, since an operation has one output: flat, one after the other."""
    if len(outputs) == 1:
        return outputs[0]._array
    return np.concatenate([output._array.reshape(-1) for output in outputs])


def _unpack(packed: Tensor, forms: Sequence[Form]) -> list[Tensor]:
    """The parts of a packed Tensor, in the shapes and dtypes of the results that were packed."""
    if len(forms) == 1:
        return [packed]
    parts = packed.split([form.size for form in forms])
    return [part.reshape(form.shape).to(form.dtype) for part, form in zip(parts, forms, strict=True)]
