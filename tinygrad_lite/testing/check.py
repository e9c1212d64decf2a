"""`check_op`: all that an operation has to do right, as one property test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from tinygrad_lite.autograd import grad, no_grad
from tinygrad_lite.backend import cuda_is_available, to_numpy
from tinygrad_lite.op import Op
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import has_derivative, leaf
from tinygrad_lite.testing.gradcheck import NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.strategies import arrays, broadcastable_shapes


def check_op(
    operation: Callable[..., Any],
    shapes: Any = None,
    *,
    reference: Callable[..., Any] | None = None,
    low: float = -2.0,
    high: float = 2.0,
    distinct: bool = False,
    order: int = 2,
    dtypes: Sequence[str] = ("float32",),
    devices: Sequence[str] | None = None,
    rtol: float = 1e-4,
    examples: int | None = None,
) -> None:
    """Check an operation, of the package or your own, on inputs that Hypothesis draws and, if it fails, makes small.

        check_op(my_op)
        check_op(tinygrad_lite.log, low=0.1, reference=np.log)

    operation: takes Tensors, returns a Tensor.
    shapes: a strategy for lists of shapes, one for each input, such as `st.just([(2, 3), (3,)])`; or how many inputs
        of mutually broadcastable shapes, sizes of 0 among them. Default: as many as it has parameters without default.
    reference: the same function of NumPy arrays, whose values must be the same.
    low, high: the range of the inputs' values. distinct: no two values of an input are equal, and none is 0.
    order: 2 for first and second derivatives, 1 for first ones, 0 for none.
    dtypes: in which the operation must do the same, as well as they can, and which output and gradients keep.
    devices: on which it must do the same as on the default device. Default: a GPU, if there is one.
    rtol: the relative difference allowed between derivatives and differences.
    examples: how many are drawn; default: as the Hypothesis profile says.

    For each example: the inputs are of any memory layout, read-only ones among them, and are left as they were; the
    layout makes no difference to the value; nothing is recorded if no input requires a gradient, and each input gets
    one exactly if it asks for it, of its own shape and dtype, and the same whoever else asks; first and second
    derivatives are those of differences (`gradcheck`), except at points without a derivative, which are recognised.
    AssertionError or GradcheckError at the smallest example found.
    """
    if shapes is None:
        shapes = number_of_inputs(operation)
    if isinstance(shapes, int):
        shapes = broadcastable_shapes(shapes, max_dims=3, max_side=3)
    if devices is None:
        devices = ["cuda"] if cuda_is_available() else []
    drawn_inputs = shapes.flatmap(
        lambda drawn: st.tuples(*(arrays(shape, low=low, high=high, distinct=distinct) for shape in drawn))
    )

    @given(drawn_inputs)
    @settings(
        max_examples=examples or settings().max_examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        deadline=None,
        report_multiple_bugs=False,
    )
    def check(drawn: tuple[np.ndarray, ...]) -> None:
        inputs = list(drawn)
        value = _check_value(operation, inputs, reference)
        if order:
            gradients = _check_who_gets_gradients(operation, inputs)
            leaves = [leaf(array) for array in inputs]
            try:
                gradcheck(operation, leaves, rtol=rtol)
                if order > 1:
                    gradgradcheck(operation, leaves, rtol=rtol)
            except NoDerivative:
                reject()
            if not has_derivative(operation, leaves):
                return  # another rounding may well end on the other side of a jump
        else:
            gradients = []
        for dtype in dtypes:
            _check_like(operation, [leaf(array.astype(dtype)) for array in inputs], value, gradients, dtype)
        for device in devices:
            there = [leaf(array).detach().to(device).requires_grad_() for array in inputs]
            _check_like(operation, there, value, gradients, "float64")

    check()


def number_of_inputs(operation: Callable[..., Any]) -> int:
    """How many inputs an operation takes: its parameters without a default. Of one that takes any number, 3."""
    if isinstance(operation, Op):
        if operation.variadic:
            return 3
        operation = operation.forward
    parameters = inspect.signature(operation).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty for p in positional)


def _check_value(
    operation: Callable[..., Any], inputs: list[np.ndarray], reference: Callable[..., Any] | None
) -> np.ndarray:
    """The value, which must not depend on the layout, nor change the inputs, and agree with the reference."""
    before = [array.tobytes() for array in inputs]
    y = operation(*(leaf(array).detach() for array in inputs))
    assert isinstance(y, Tensor), f"{_name(operation)} returned a {type(y).__name__}, not a Tensor"
    assert not y.requires_grad, f"{_name(operation)} recorded something, though no input requires a gradient"
    value = to_numpy(y._array).copy()
    assert [array.tobytes() for array in inputs] == before, f"{_name(operation)} changed its inputs"
    plain = operation(*(leaf(np.ascontiguousarray(array).reshape(array.shape)).detach() for array in inputs))
    _assert_close(to_numpy(plain._array), value, 1e-12, f"the value of {_name(operation)} depends on the memory layout")
    if reference is not None:
        _assert_close(value, reference(*inputs), 1e-9, f"{_name(operation)} differs from its reference")
    return value


def _check_who_gets_gradients(operation: Callable[..., Any], inputs: list[np.ndarray]) -> list[np.ndarray | None]:
    """The gradients in a random direction, each input asking alone and all of them together."""
    together = _gradients(operation, [leaf(array) for array in inputs])
    with no_grad():
        unrecorded = operation(*map(leaf, inputs))
    assert unrecorded.is_leaf, f"{_name(operation)} is recorded under no_grad()"
    for asking in range(len(inputs)):
        leaves = [leaf(array).requires_grad_(i == asking) for i, array in enumerate(inputs)]
        alone = _gradients(operation, leaves)
        for i, (mine, other) in enumerate(zip(alone, together, strict=True)):
            if i != asking:
                assert mine is None, f"{_name(operation)} gave input {i} a gradient that it did not ask for"
            elif mine is not None and other is not None:
                text = f"the gradient of {_name(operation)} by input {i} depends on who else asks for one"
                _assert_close(mine, other, 1e-12, text)
    return together


def _check_like(
    operation: Callable[..., Any],
    leaves: list[Tensor],
    value: np.ndarray,
    gradients: Sequence[np.ndarray | None],
    dtype: str,
) -> None:
    """The same value and gradients as in float64 on the default device, as well as the dtype can tell."""
    where = f"{_name(operation)} in {dtype} on {leaves[0].device if leaves else 'cpu'}"
    tolerance = 2e3 * float(np.finfo(dtype).eps)
    y = operation(*leaves)
    kept = value.dtype.kind != "f" or y.dtype == np.dtype(dtype)
    assert kept, f"{where}: the output is {y.dtype}"
    assert not leaves or y.device == leaves[0].device, f"{where}: the output is on {y.device}"
    _assert_close(
        to_numpy(y._array), value, tolerance, f"the value of {where} is another than in float64 on the default device"
    )
    if gradients:
        for i, (mine, other) in enumerate(zip(_gradients(operation, leaves), gradients, strict=True)):
            if mine is not None and other is not None:
                assert mine.dtype == np.dtype(dtype), f"{where}: the gradient by input {i} is {mine.dtype}"
                text = f"the gradient of {where} by input {i} is another than in float64 on the default device"
                _assert_close(mine, other, tolerance, text)


def _gradients(operation: Callable[..., Any], leaves: list[Tensor]) -> list[np.ndarray | None]:
    """By each leaf, in a random direction of the output: None where none is asked for or nothing flows."""
    y = operation(*leaves)
    asking = [x for x in leaves if x.requires_grad]
    if not y.requires_grad or not asking:
        return [None] * len(leaves)
    u = np.random.default_rng(0).uniform(0.5, 1.5, tuple(y.shape))
    with np.errstate(all="ignore"):
        found = iter(grad(y, asking, y.new_tensor(u), allow_unused=True))
    answers = [next(found) if x.requires_grad else None for x in leaves]
    for x, answer in zip(leaves, answers, strict=True):
        if answer is not None:
            shapes = f"{tuple(answer.shape)}, not {tuple(x.shape)}"
            assert answer.shape == x.shape, f"{_name(operation)}: a gradient has the shape {shapes}"
    return [None if answer is None else to_numpy(answer._array) for answer in answers]


def _assert_close(mine: Any, other: Any, tolerance: float, text: str) -> None:
    mine, other = np.asarray(mine), np.asarray(other)
    assert mine.shape == other.shape, f"{text}: the shapes are {mine.shape} and {other.shape}"
    scale = np.abs(other[np.isfinite(other)]).max(initial=1.0) if other.dtype.kind == "f" else 1.0
    same = np.isclose(mine, other, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    assert same.all(), f"{text}: {mine[~same][0]!r} and {other[~same][0]!r} at {tuple(np.argwhere(~same)[0].tolist())}"


def _name(operation: Any) -> str:
    return operation.name if isinstance(operation, Op) else getattr(operation, "__name__", repr(operation))
