"""What an operation has to do right at one example, besides its derivatives: each promise is a function that looks.

They raise AssertionError, with the promise that is broken in the words before the first colon.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.autograd import grad, no_grad, same_memory
from tinygrad_lite.backend import to_numpy
from tinygrad_lite.op import Op
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import leaf
from tinygrad_lite.testing.properties import lay_out

Arrays = list[np.ndarray]
Gradients = list[np.ndarray | None]


class Refused(Exception):
    """The operation itself raised an error, which is the cause of this one."""


class Subject:
    """An operation with its settings, and what it is called in messages."""

    def __init__(self, operation: Callable[..., Any], settings: Mapping[str, Any] | None = None) -> None:
        self.operation, self.settings = operation, dict(settings or {})
        self.op = operation if isinstance(operation, Op) else None
        self.name = self.op.name if self.op else getattr(operation, "__name__", repr(operation))

    def __call__(self, *inputs: Any) -> Any:
        return self.operation(*inputs, **self.settings)

    def outputs(self, *inputs: Any) -> list[Tensor]:
        """What the operation returns, as a list. AssertionError if that is no Tensor, nor a tuple of them."""
        answer = self(*inputs)
        found = list(answer) if isinstance(answer, tuple | list) else [answer]
        for i, part in enumerate(found):
            what = f"a {type(answer).__name__}" if part is answer else f"a {type(part).__name__} as its part {i}"
            assert isinstance(part, Tensor), f"{self.name} returned {what}, not a Tensor"
        assert found, f"{self.name} returned an empty {type(answer).__name__}, not a Tensor"
        return found


# ------------------------------------------------------------------------------------------------------- the value


def check_value(subject: Subject, arrays: Arrays, reference: Callable[..., Any] | None) -> Arrays:
    """The value: twice the same, in any layout, of the reference; inputs as they were; nothing recorded or kept."""
    name, before = subject.name, _bytes(arrays)
    try:
        first = subject.outputs(*plain(arrays))
    except AssertionError:
        raise
    except Exception as error:
        raise Refused from error
    values = [to_numpy(y._array).copy() for y in first]
    assert _bytes(arrays) == before, f"{name} changed its inputs"
    second = subject.outputs(*plain(arrays))
    for again, value in zip(second, values, strict=True):
        text = f"{name} is not the same twice, for the same inputs, so there is nothing to compare"
        assert_close(to_numpy(again._array), value, 1e-12, text)
    assert _bytes(arrays) == before, f"{name} changed its inputs"
    assert not any(y.requires_grad for y in first), f"{name} recorded something, though no input requires a gradient"
    for y, again in zip(first, second, strict=True):
        own = not any(same_memory(y._array, x._array) for x in plain(arrays))
        assert not (own and y is not again and y._array.size and same_memory(y._array, again._array)), (
            f"{name} keeps the array that it returns: the next call returns the same one, so a change of one result"
            " changes the other. Return a new array each time"
        )
    contiguous = [np.array(array, order="C") for array in arrays]
    for again, value in zip(subject.outputs(*plain(contiguous)), values, strict=True):
        assert_close(to_numpy(again._array), value, 1e-12, f"the value of {name} depends on the memory layout")
    if reference is not None:
        found = reference(*arrays, **_taken(reference, subject.settings))
        for value, right in zip(values, found if isinstance(found, tuple | list) else [found], strict=True):
            assert_close(value, right, 1e-9, f"{name} differs from its reference")
    return values


def check_sharing(subject: Subject, arrays: Arrays) -> bool:
    """The output looks at the memory of an input only as a view. Returns whether it does."""
    leaves = [leaf(array) for array in arrays]
    shared = False
    if subject.op is not None and not subject.op.view:
        plainly = subject.op.forward(*arrays, **subject.settings)
        for i, array in enumerate(arrays):
            assert not (isinstance(plainly, np.ndarray) and array.size and same_memory(plainly, array)), (
                f"the output of {subject.name} is its input {i} or looks at its memory, though it is not a view: a"
                " change in place of one changes the other. Copy, or declare @op(view=True)"
            )
    for y in subject.outputs(*leaves):
        for i, x in enumerate(leaves):
            if y is x or not y._array.size or not same_memory(y._array, x._array):
                continue
            shared = True
            assert y._view is not None or not y.requires_grad, (
                f"the output of {subject.name} shares the memory of input {i}, though it is not a view: a change in"
                " place of one would change the other's value, and not its gradient. Copy, or declare @op(view=True)"
            )
    return shared


# --------------------------------------------------------------------------------------------------- the gradients


def check_gradients(subject: Subject, arrays: Arrays, words: Sequence[str] = ()) -> Gradients:
    """The gradients: for each input that asks, the same whatever others do, walk and layout; nothing is changed."""
    name, before = subject.name, _bytes(arrays)
    together = gradients(subject, [leaf(array) for array in arrays])
    assert _bytes(arrays) == before, f"the gradient rules of {name} changed its inputs"
    with no_grad():
        unrecorded = subject.outputs(*map(leaf, arrays))
    assert all(y.is_leaf for y in unrecorded), f"{name} is recorded under no_grad()"
    for asking in range(len(arrays)):
        leaves = [leaf(array).requires_grad_(i == asking) for i, array in enumerate(arrays)]
        for i, (mine, other) in enumerate(zip(gradients(subject, leaves), together, strict=True)):
            if i != asking:
                assert mine is None, f"{name} gave input {i} a gradient that it did not ask for"
            else:
                _same(mine, other, f"the gradient of {name} with respect to input {i} depends on who else asks for one")
    laid = gradients(subject, [leaf(array) for array in arrays], words)
    _same_all(laid, together, f"the gradient of {name} depends on the memory layout of the gradient that arrives")
    _check_walks(subject, arrays, together)
    if subject.op is not None and not subject.op.variadic:
        _check_rules(subject.op, subject, arrays)
    return together


def _check_walks(subject: Subject, arrays: Arrays, expected: Gradients) -> None:
    """Two walks, a write into what the first gave, and a call with other inputs in between, change nothing."""
    name, before = subject.name, _bytes(arrays)
    leaves = [leaf(array) for array in arrays]
    outputs = [y for y in subject.outputs(*leaves) if y.requires_grad]
    if not outputs or not leaves:
        return
    subject.outputs(*(leaf(np.array(np.flip(array))) for array in arrays))
    values = [to_numpy(y._array).copy() for y in outputs]
    for turn in ("the first", "the second"):
        starts = [_direction(y) for y in outputs]
        given = _bytes(starts)
        found = grad(
            outputs, leaves, [leaf(u).detach() for u in starts], retain_graph=turn == "the first", allow_unused=True
        )
        answers = [None if g is None else to_numpy(g._array) for g in found]
        what = "" if turn == "the first" else f" of {name} differs in a second walk"
        _same_all(answers, expected, f"the gradient{what or f' of {name} changes when it is called again before'}")
        assert _bytes(starts) == given, f"a gradient rule of {name} changed the gradient that it was given"
        for y, value in zip(outputs, values, strict=True):
            assert_close(to_numpy(y._array), value, 0, f"a gradient rule of {name} changed the output")
        for answer in answers:
            if answer is not None and answer.flags.writeable:
                answer[...] = np.nan
        assert _bytes(arrays) == before, f"a gradient of {name} shares the memory of an input"


def _check_rules(op: Op, subject: Subject, arrays: Arrays) -> None:
    """Each rule, called by itself on copies, changes none of them, and hands out no array that it keeps."""
    settings = {**op.defaults, **subject.settings}
    y = np.asarray(op.forward(*(array.copy() for array in arrays), **settings))
    if y.dtype.kind != "f":
        return
    for name, rule in op.functions.items():

        def given(name: str = name, rule: Callable[..., Any] = rule) -> list[Any]:
            known = {"y": y.copy(), "shape": arrays[op.inputs.index(name)].shape, "into": None, **settings}
            known |= {other: array.copy() for other, array in zip(op.inputs, arrays, strict=True)}
            return [_direction(y), *(known[asked] for asked in list(inspect.signature(rule).parameters)[1:])]

        kept = []
        for _ in range(2):
            arguments = given()
            before = _bytes([a for a in arguments if isinstance(a, np.ndarray)])
            answer = rule(*arguments)
            after = _bytes([a for a in arguments if isinstance(a, np.ndarray)])
            assert before == after, f"the gradient rule of {op.name} for {name!r} writes into what it is given"
            if answer is None:
                return
            answer = np.asarray(answer)
            kept.append(answer.copy())
            if answer.flags.writeable and not any(np.may_share_memory(answer, a) for a in arguments):
                answer[...] = np.nan
        text = f"the gradient rule of {op.name} for {name!r} hands out an array that it keeps, and so shares"
        assert_close(kept[1], kept[0], 1e-12, text)


def gradients(subject: Subject, leaves: list[Tensor], words: Sequence[str] = ()) -> Gradients:
    """With respect to each leaf, in a fixed direction of the outputs: None where none is asked for or nothing flows."""
    outputs = [y for y in subject.outputs(*leaves) if y.requires_grad]
    asking = [x for x in leaves if x.requires_grad]
    if not outputs or not asking:
        return [None] * len(leaves)
    starts = [_start(y, words) for y in outputs]
    with np.errstate(all="ignore"):
        found = iter(grad(outputs, asking, starts, allow_unused=True))
    answers = [next(found) if x.requires_grad else None for x in leaves]
    for x, answer in zip(leaves, answers, strict=True):
        if answer is not None:
            shapes = f"{tuple(answer.shape)}, not {tuple(x.shape)}"
            assert answer.shape == x.shape, f"{subject.name}: a gradient has the shape {shapes}"
    return [None if answer is None else to_numpy(answer._array) for answer in answers]


def _direction(y: Any) -> np.ndarray:
    """A fixed random gradient of an output's shape and dtype."""
    return np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, tuple(y.shape))).astype(y.dtype)


def _start(y: Tensor, words: Sequence[str]) -> Tensor:
    steady = [word for word in words if not word.startswith("expanded")]  # for then it would be another gradient
    return Tensor._wrap(lay_out(_direction(y), *steady)).to(y.device)


# ------------------------------------------------------------------------------------------ dtypes, devices, integers


def check_like(
    subject: Subject, arrays: Arrays, values: Arrays, found: Gradients, dtype: str, device: Any = None
) -> None:
    """The same value and gradients as in float64 on the default device, as well as the dtype can tell.

    A nudge tells how well that is: inputs that differ by as much as the dtype rounds.
    """
    leaves = [leaf(array.astype(dtype)) for array in arrays]
    if device is not None:
        leaves = [x.detach().to(device).requires_grad_() for x in leaves]
    where = f"{subject.name} in {dtype} on {leaves[0].device}"
    outputs = subject.outputs(*leaves)
    eps = float(np.finfo(dtype).eps)
    tolerance = {"float16": 40}.get(dtype, 2e3) * eps
    rng = np.random.default_rng(1)
    nudged = [np.asarray(array * (1 + 2 * eps * rng.choice([-1, 1], array.shape))) for array in arrays]
    other_values = [to_numpy(y._array) for y in subject.outputs(*plain(nudged))]
    than = "differs from that in float64 on the default device"
    for y, value, other in zip(outputs, values, other_values, strict=True):
        assert value.dtype.kind != "f" or y.dtype == np.dtype(dtype), f"{where}: the output is {y.dtype}"
        assert y.device == leaves[0].device, f"{where}: the output is on {y.device}"
        assert_close(to_numpy(y._array), value, tolerance, f"the value of {where} {than}", moved(value, other))
    if any(g is not None for g in found):
        others = gradients(subject, [leaf(array) for array in nudged])
        for i, (mine, right, nearby) in enumerate(zip(gradients(subject, leaves), found, others, strict=True)):
            if mine is not None and right is not None and nearby is not None:
                assert mine.dtype == np.dtype(dtype), f"{where}: the gradient with respect to input {i} is {mine.dtype}"
                text = f"the gradient of {where} with respect to input {i} {than}"
                assert_close(mine, right, tolerance, text, moved(right, nearby))


def check_integers(subject: Subject, arrays: Arrays) -> None:
    """Given integers, the value is that of the same numbers as floats, or there is an error."""
    whole = [np.asarray(np.rint(array)).astype("int64") for array in arrays]
    try:
        found = [to_numpy(y._array) for y in subject.outputs(*map(Tensor._wrap, whole))]
    except Exception:
        return  # loud is all right
    floats = [to_numpy(y._array) for y in subject.outputs(*plain([array.astype("float64") for array in whole]))]
    for mine, other in zip(found, floats, strict=True):
        if np.isfinite(np.asarray(other, "float64")).all():
            text = f"the value of {subject.name} of integers differs from that of the same numbers as floats"
            assert_close(mine.astype("float64"), other.astype("float64"), 2e-4, text)


def moved(a: np.ndarray, b: np.ndarray) -> float:
    """How far a nudge of the inputs has moved a result: rounding on the way may move it 16 times as far."""
    if a.dtype.kind != "f" or a.shape != b.shape:
        return 0.0
    distance = np.abs(a - b)
    return 16 * float(distance[np.isfinite(distance)].max(initial=0.0))


def plain(arrays: Sequence[np.ndarray]) -> list[Tensor]:
    """The arrays as Tensors that require no gradient."""
    return [leaf(array).detach() for array in arrays]


def assert_close(mine: Any, other: Any, tolerance: float, text: str, allowed: float = 0.0) -> None:
    """AssertionError, with the text, for shapes or numbers that differ: by more than rounding, or than is allowed."""
    mine, other = np.asarray(mine), np.asarray(other)
    assert mine.shape == other.shape, f"{text}: the shapes are {mine.shape} and {other.shape}"
    with np.errstate(all="ignore"):
        scale = np.abs(other[np.isfinite(other)]).max(initial=1.0) if other.dtype.kind == "f" else 1.0
        same = np.isclose(mine, other, rtol=tolerance, atol=tolerance * scale + allowed, equal_nan=True)
    assert same.all(), f"{text}: {mine[~same][0]!r} and {other[~same][0]!r} at {tuple(np.argwhere(~same)[0].tolist())}"


def _same(mine: np.ndarray | None, other: np.ndarray | None, text: str) -> None:
    if mine is not None and other is not None:
        assert_close(mine, other, 1e-12, text)


def _same_all(found: Gradients, expected: Gradients, text: str) -> None:
    for i, (mine, other) in enumerate(zip(found, expected, strict=True)):
        _same(mine, other, f"{text} (input {i})")


def _bytes(arrays: Sequence[np.ndarray]) -> list[bytes]:
    return [array.tobytes() for array in arrays]


def _taken(function: Callable[..., Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings that a function takes."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: value for name, value in settings.items() if name in known}
