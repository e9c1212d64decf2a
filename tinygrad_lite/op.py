"""What an operation is: a function on arrays, and one gradient rule for each differentiable input.

    @op
    def multiply(a, b):
        return a * b

    @multiply.gradient("a")
    def _(g, b):
        return g * b

    @multiply.gradient("b")
    def _(g, a):
        return g * a

The positional parameters of the function are its *inputs*: arrays, Tensors or Python numbers. Its keyword-only
parameters are its *settings* (`dim`, `keepdim`, an index), which get no gradient.

Called with arrays, an operation is the plain function. Called with at least one Tensor, it hands the call over to
that Tensor, which runs the function on the arrays inside and records the call. Because a rule is written with
operators and other operations, the same holds for the rule: given arrays it computes, given Tensors it is recorded
and can itself be differentiated.

A rule's parameters say what it needs, and only what will be needed is kept for the backward pass:

    g           the gradient that arrives: of the loss with respect to the output y, and of y's shape
    y           the output
    a, b, ...   an input, by its name in the function
    shape       the shape of the input that the rule is for
    into        the sum of the input's gradients so far, an array to which the rule may add, or None
    dim, ...    a setting, by its name in the function

It returns the gradient of the loss with respect to its input, in that input's shape or any shape that the input was
broadcast to: the walk sums it back. A rule that asks for `into` adds to it and returns it, or where it is None returns
a new array: so the many parts of one input each add a little, where each would be a whole array otherwise, most of it
zeros. A function with `*inputs` has one rule for all of them, which may also ask for `index`, the position of the input
in question, and `shapes`, the shapes of them all.

Three lists of positions connect a rule with what was saved for it. For `multiply` above:

    values      y, a, b     the output, then the inputs: positions 0, 1, 2
    saves       (1, 2)      the values that some rule asks for, here a and b: what a node has room for
    takes       (1,)        what the rule for a asks for, as a position in `saves`: b. The rule for b takes (0,): a

Where only a needs a gradient, only b is kept, and the room for a stays empty: `x @ constant` holds on to nothing of x.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, NoReturn

from tinygrad_lite.backend import Array, ShapeError, described

Types = Literal["any", "same", "common", "float"]


class Traced:
    """A value that takes over the operations it is given to, so as to record them: the base of Tensor.

    What follows is all that operations and the walk back ask of one.
    """

    _array: Array  # the numbers
    _node: Any  # the operation that made it; None for a leaf
    _hooks: Any  # of a leaf: the functions to be called with its gradient, or None
    requires_grad: bool

    @staticmethod
    def _wrap(array: Array, node: Any = None, own: bool = False) -> Any:
        """A Traced around an array, made by `node`. own: nobody else holds the array."""
        raise NotImplementedError

    def _apply(self, op: Op, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        """The result of an operation for these inputs, recorded where a gradient may be asked for."""
        raise NotImplementedError

    def _source(self) -> Any:
        """Where gradients for it go: the node that made it, or itself if it is a leaf."""
        raise NotImplementedError

    def _accumulate(self, gradient: Any) -> None:
        """Add the gradient that the walk found, an array or a Traced, to that of this leaf."""
        raise NotImplementedError


class Rule(NamedTuple):
    """A gradient rule, and what to call it with."""

    function: Callable[..., Any]
    takes: tuple[int, ...]  # positions in what the recorded node has saved, in the order of the rule's parameters
    settings: tuple[str, ...]  # those of its parameters that are settings, or shapes or index
    shape: bool  # whether it asks for the shape of its input,
    adds: bool  # and for the sum so far


class Op:
    """A differentiable operation, made by `@op`. Call it with arrays, Tensors and numbers."""

    def __init__(self, forward: Callable[..., Any], types: Types = "any", view: bool = False) -> None:
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.types = types
        self.view = view
        self.name = forward.__name__.strip("_")
        parameters = inspect.signature(forward).parameters.values()
        self.inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if {"g", "y"} & set(self.inputs):
            raise TypeError(f"{self.name}: an input cannot be called g or y, which mean the gradient and the output")
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.functions: dict[str, Callable[..., Any]] = {}  # input name -> the rule as written
        self.rules: list[Rule | None] = [None] * len(self.inputs)
        self.saves: tuple[int, ...] = ()  # what a node has room for: 0 for the output, k + 1 for input k
        self.wants_shapes = False
        self.kept: dict[int, tuple[int, ...]] = {}  # what `keeps` has found

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        for value in inputs:
            if isinstance(value, Traced):
                return value._apply(self, inputs, settings)
        return self.forward(*inputs, **settings)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def gradient(self, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated function as the gradient rule for the inputs named.

        Raises TypeError if an input, or a parameter of the rule, has a name that the operation does not know.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            for name in names:
                if name not in self.inputs:
                    raise TypeError(f"{self.name} has no input {name!r}; its inputs are {', '.join(self.inputs)}")
                self.functions[name] = function
            self._plan()
            return function

        return register

    def _plan(self) -> None:
        """Work out what a node must save for these rules, and where each rule finds what it asks for."""
        values = ["y", *self.inputs]
        asked = [self._asks(function) for function in self.functions.values()]
        names = {name for asks in asked for name in asks}
        self.saves = tuple(i for i, name in enumerate(values) if name in names)
        self.wants_shapes = "shapes" in names
        self.kept.clear()
        for name, asks in zip(self.functions, asked, strict=True):
            self.rules[self.inputs.index(name)] = Rule(
                self.functions[name],
                tuple(self.saves.index(values.index(a)) for a in asks if a in values),
                tuple(a for a in asks if a not in values and a not in ("shape", "into")),
                "shape" in asks,
                "into" in asks,
            )

    def _asks(self, function: Callable[..., Any]) -> list[str]:
        first, *asks = inspect.signature(function).parameters
        known = ["y", *self.inputs, *self.defaults, "shape", "into", *(["index", "shapes"] if self.variadic else [])]
        unknown = [name for name in asks if name not in known]
        arrays = [name in ("y", *self.inputs) for name in asks]
        if first != "g" or unknown or arrays != sorted(arrays, reverse=True):
            raise TypeError(
                f"a gradient rule of {self.name} takes g first, then any of {', '.join(known)}, arrays before settings;"
                f" this one takes {', '.join([first, *asks])}"
            )
        return asks

    def no_rule(self, index: int) -> NoReturn:
        """NotImplementedError: nobody has written a rule for input number `index`."""
        raise NotImplementedError(
            f"{self.name} has no gradient rule for its input {self.input_name(index)!r}. Write one with"
            f" @{self.name}.gradient({self.inputs[0 if self.variadic else index]!r}), or detach() that input"
        )

    def keeps(self, needs: int, number_of_inputs: int) -> tuple[int, ...]:
        """The values that a node keeps, one for each of `slots`: their positions in (y, *inputs), -1 for nothing.

        needs: the inputs that need a gradient, as the bits of a number: bit k is set for input k. What only the other
            inputs' rules ask for is not kept.
        """
        if self.variadic:
            return self.slots(number_of_inputs)
        rules = [rule for k, rule in enumerate(self.rules) if rule is not None and needs >> k & 1]
        taken = {position for rule in rules for position in rule.takes}
        self.kept[needs] = tuple(i if slot in taken else -1 for slot, i in enumerate(self.saves))
        return self.kept[needs]

    def slots(self, number_of_inputs: int) -> tuple[int, ...]:
        """What a node has room for: positions in (y, *inputs). Of an operation on any number of inputs, all or none."""
        if self.variadic and self.saves and self.saves[-1] == 1:
            return (*self.saves[:-1], *range(1, number_of_inputs + 1))
        return self.saves

    def input_name(self, index: int) -> str:
        """What input number `index` is called in the function: the name of its parameter, or operands[2]."""
        return f"{self.inputs[0]}[{index}]" if self.variadic else self.inputs[index]

    def explain(self, error: Exception, arrays: Sequence[Any]) -> Exception:
        """The error of a forward function again, naming the operation and what it was given."""
        given = ", ".join(map(described, arrays))
        shapes = [tuple(value.shape) for value in arrays if hasattr(value, "shape")]
        if isinstance(error, ValueError) and "broadcast" in str(error) and not isinstance(error, ShapeError):
            error = ShapeError(_broadcast_mismatch(shapes) or str(error))
        kinds = (ShapeError, IndexError, TypeError, ValueError, NotImplementedError, RuntimeError)
        kind = next((kind for kind in kinds if isinstance(error, kind)), None)
        if kind is not None:
            error = kind(f"{self.name}: {error} (given {given})")
        named = ", ".join(f"{self.input_name(i)}: {described(value)}" for i, value in enumerate(arrays))
        error.add_note(f"This happened in {self.name}({named})")
        return error


def _broadcast_mismatch(shapes: list[tuple[int, ...]]) -> str | None:
    """The first two sizes, from the right, that keep arrays of these shapes from being broadcast together."""
    for back in range(1, max(map(len, shapes), default=0) + 1):
        stretched = [(shape[-back], shape) for shape in shapes if len(shape) >= back and shape[-back] != 1]
        for size, shape in stretched[1:]:
            if size != stretched[0][0]:
                dim = max(map(len, shapes)) - back
                return (
                    f"The size of tensor a ({stretched[0][0]}) must match the size of tensor b ({size}) at"
                    f" non-singleton dimension {dim}: shapes {stretched[0][1]} and {shape} do not broadcast. Sizes are"
                    " compared from the right, and must be equal or 1: reshape or unsqueeze one"
                )
    return None


def op(forward: Callable[..., Any] | None = None, *, types: Types = "any", view: bool = False) -> Any:
    """Make an operation of a function on arrays; its gradient rules follow, each under `@name.gradient(input)`.

    types: what Tensors of different dtypes become before the function sees them (`backend.result_type`):
        "any": they stay as they are; "same": RuntimeError unless they are of one dtype already; "common": one dtype;
        "float": one dtype, and integers become floats.
    view: True if the output may share the memory of the first input, so that a change in place shows in both.
    """
    if forward is None:
        return functools.partial(Op, types=types, view=view)
    return Op(forward, types, view)
