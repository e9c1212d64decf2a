"""`check_loss`: all that a loss has to do right, on predictions and targets that Hypothesis draws.

    check_loss(nn.MSELoss)
    check_loss(F.cross_entropy, "classes")
    check_loss(my_loss, reference=lambda input, target: np.mean(np.maximum(1 - input * target, 0)))

A loss goes wrong in its own ways: its mean is taken over the wrong dimension; a column of predictions and a row of
targets broadcast into a table of all pairs; the logarithm of a probability that was rounded to 0 is infinite, and the
first confident prediction ends the training with NaN.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygrad_lite.autograd import grad
from tinygrad_lite.backend import get_default_device, to_numpy
from tinygrad_lite.nn.module import Module
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.differences import has_derivative, leaf
from tinygrad_lite.testing.gradcheck import GradcheckError, NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.same import assert_same, name_of
from tinygrad_lite.testing.strategies import arrays, shapes

TARGETS = ("values", "classes", "probabilities", "distributions")


def check_loss(
    loss: Any,
    targets: str = "values",
    *,
    reference: Callable[[np.ndarray, np.ndarray], Any] | None = None,
    reductions: Sequence[str] | None = None,
    low: float = -3.0,
    high: float = 3.0,
    extremes: bool = True,
    order: int = 2,
    dtypes: Sequence[str] = ("float32",),
    rtol: float = 1e-4,
    examples: int | None = None,
) -> None:
    """Check a loss, of the package or your own: `loss(input, target)`, one number for a batch.

        check_loss(lambda input, target: -(target * input.sigmoid().log()).mean(), "probabilities")
        # AssertionError: the loss is inf in float32, where the input is -1000 ...

    loss: a function, a Module, or a class of Modules.
    targets: what a target is. "values", or "probabilities" from 0 to 1: one for each element of the input. Of an input
        (n, classes, ...): "classes", indices (n, ...), or "distributions", of the input's shape, which sum to 1 over
        the classes.
    reference: the same function of NumPy arrays, with the default reduction.
    reductions: those of "none", "sum" and "mean" that it knows. Default: all three if it takes `reduction=`, else ().
        "sum" must be the sum of "none"; "mean" its mean, so leave it out where the mean is a weighted one.
    low, high: the range of the input. extremes: also check inputs as large as ±1000, where value and gradient must be
        finite and the same in float32 as in float64. Switch it off for inputs of a limited range (probabilities).
    order: 2 for first and second derivatives, 1 for first ones.
    dtypes: in which value and gradient must be the same, as well as they can.
    rtol: the relative difference allowed between derivatives and differences. examples: how many batches are drawn.

    The loss is one number of the input's dtype; inputs stay as they were; it does not depend on the order of the
    batch; gradients with respect to input and, where it is floating, target are those of differences; a target of
    another shape is refused, or warned about. AssertionError or GradcheckError at the smallest batch found.
    """
    if targets not in TARGETS:
        raise ValueError(f"check_loss: targets must be one of {', '.join(TARGETS)}, but got {targets!r}")
    name, call, known = _as_function(loss)
    if reductions is None:
        reductions = ("none", "sum", "mean") if known else ()

    def check(drawn: tuple[np.ndarray, np.ndarray]) -> None:
        input, target = drawn
        value = _check_value(name, call, input, target)
        if reference is not None:
            assert_same(value, reference(input, target), 1e-9, f"{name} differs from its reference")
        _check_order_of_batch(name, call, input, target, value)
        _check_reductions(name, call, targets, input, target, reductions)
        _check_derivatives(name, call, input, target, order, rtol)
        for dtype in dtypes:
            _check_dtype(name, call, input, target, dtype)

    def check_extreme(drawn: tuple[np.ndarray, np.ndarray]) -> None:
        for dtype in ("float64", *dtypes):
            _check_finite(name, call, *drawn, dtype)

    quietly = settings(
        max_examples=examples or settings().max_examples,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        report_multiple_bugs=False,
    )
    quietly(given(_batches(targets, low, high))(check))()
    if extremes:
        quietly(given(_extreme_batches(targets))(check_extreme))()
    _check_shapes_refused(name, call, targets)


def _as_function(loss: Any) -> tuple[str, Callable[..., Any], bool]:
    """Its name, a function of input and target that also takes `reduction=`, and whether that is listened to."""
    if isinstance(loss, type) and issubclass(loss, Module):
        known = "reduction" in inspect.signature(loss).parameters
        return loss.__name__, lambda input, target, **how: loss(**how)(input, target), known
    if isinstance(loss, Module):

        def call(input: Tensor, target: Tensor, **how: Any) -> Any:
            other = copy.deepcopy(loss)
            vars(other).update(how)
            return other(input, target)

        return type(loss).__name__, call, hasattr(loss, "reduction")
    return name_of(loss), loss, "reduction" in inspect.signature(loss).parameters


# --------------------------------------------------------------------------------------------------------- batches


def _batches(targets: str, low: float, high: float) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    return _shapes(targets).flatmap(lambda shape: st.tuples(arrays(shape, low=low, high=high), _target(targets, shape)))


def _extreme_batches(targets: str) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    def of(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
        size = int(np.prod(shape))
        values = st.lists(st.sampled_from([1000.0, -1000.0, 100.0, -100.0, 0.5]), min_size=size, max_size=size)
        return st.tuples(values.map(lambda drawn: np.array(drawn).reshape(shape)), _target(targets, shape))

    return _shapes(targets).flatmap(of)


def _shapes(targets: str) -> st.SearchStrategy[tuple[int, ...]]:
    least = 2 if targets in ("classes", "distributions") else 1
    return shapes(min_dims=least, max_dims=3, min_side=1, max_side=3)


def _target(targets: str, shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    if targets == "classes":
        of = (shape[0], *shape[2:])
        size = int(np.prod(of))
        indices = st.lists(st.integers(0, shape[1] - 1), min_size=size, max_size=size)
        return indices.map(lambda drawn: np.array(drawn, "int64").reshape(of))
    if targets == "distributions":
        return arrays(shape, low=0.1, high=1.0).map(lambda drawn: drawn / drawn.sum(1, keepdims=True))
    return arrays(shape, low=0.0, high=1.0) if targets == "probabilities" else arrays(shape)


def _tensors(input: np.ndarray, target: np.ndarray, dtype: str = "float64") -> tuple[Tensor, Tensor]:
    """The input as a leaf, the target as a constant; both floating ones of one dtype."""
    kind = dtype if target.dtype.kind == "f" else target.dtype
    return leaf(input.astype(dtype)), Tensor._wrap(target.astype(kind)).to(get_default_device())


# ---------------------------------------------------------------------------------------------------------- checks


def _check_value(name: str, call: Callable[..., Any], input: np.ndarray, target: np.ndarray) -> np.ndarray:
    before = input.tobytes(), target.tobytes()
    device = get_default_device()
    x, t = (Tensor._wrap(array).to(device) for array in (input, target))
    y = call(x, t)
    assert isinstance(y, Tensor), f"{name} returned a {type(y).__name__}, not a Tensor"
    assert tuple(y.shape) == (), f"{name} is one number for a batch, but this one has the shape {tuple(y.shape)}"
    assert (to_numpy(x._array).tobytes(), to_numpy(t._array).tobytes()) == before, f"{name} changed its inputs"
    assert y.dtype == x.dtype, f"{name} of {x.dtype} is {y.dtype}"
    return to_numpy(y._array).copy()


def _check_order_of_batch(
    name: str, call: Callable[..., Any], input: np.ndarray, target: np.ndarray, value: np.ndarray
) -> None:
    order = np.random.default_rng(0).permutation(len(input))
    other = call(*_tensors(input[order], target[order])).detach()
    assert_same(to_numpy(other._array), value, 1e-9, f"{name} depends on the order of the batch")


def _check_reductions(
    name: str,
    call: Callable[..., Any],
    targets: str,
    input: np.ndarray,
    target: np.ndarray,
    reductions: Sequence[str],
) -> None:
    found = {how: call(*_tensors(input, target), reduction=how).detach() for how in reductions}
    values = {how: to_numpy(y._array) for how, y in found.items()}
    if "none" in values:
        parts = values["none"]
        batch = (input.shape[0], *input.shape[2:]) if targets in ("classes", "distributions") else input.shape
        assert parts.shape == batch, (
            f"{name} with reduction='none' has the shape {parts.shape}, not {batch}, for an input {input.shape} and a"
            f" target {target.shape}"
        )
        for how, expected in (("sum", parts.sum()), ("mean", parts.mean())):
            if how in values:
                assert_same(values[how], expected, 1e-9, f"{name} with reduction={how!r} is not the {how} of 'none'")
        order = np.random.default_rng(0).permutation(len(input))
        shuffled = call(*_tensors(input[order], target[order]), reduction="none").detach()
        assert_same(
            to_numpy(shuffled._array), parts[order], 1e-9, f"{name}: one element's loss depends on the others' order"
        )


def _check_derivatives(
    name: str, call: Callable[..., Any], input: np.ndarray, target: np.ndarray, order: int, rtol: float
) -> None:
    x, t = _tensors(input, target)
    if not call(x, t).requires_grad:
        raise AssertionError(f"{name} does not lead back to its input: no gradient can flow")
    for which in ("input", "target"):
        if which == "target" and not t.is_floating_point():
            continue
        asked = x if which == "input" else t.clone().requires_grad_()

        def function(moved: Tensor, which: str = which) -> Any:
            return call(moved, t) if which == "input" else call(x.detach(), moved)

        if not function(asked).requires_grad:
            continue  # a loss may take its target as a constant
        try:
            gradcheck(function, [asked], rtol=rtol)
            if order > 1 and has_derivative(function, [asked]):
                gradgradcheck(function, [asked], rtol=rtol)
        except GradcheckError as error:
            raise GradcheckError(f"{name}, with respect to the {which}: {error}") from None
        except NoDerivative:
            pass  # this batch lies on kinks, as equal numbers do for |input - target|


def _check_dtype(name: str, call: Callable[..., Any], input: np.ndarray, target: np.ndarray, dtype: str) -> None:
    tolerance = 2e3 * float(np.finfo(dtype).eps)
    (x, t), (expected_x, expected_t) = _tensors(input, target, dtype), _tensors(input, target)
    y, expected = call(x, t), call(expected_x, expected_t)
    assert y.dtype == np.dtype(dtype), f"{name} of {dtype} is {y.dtype}"
    text = f"the value of {name} in {dtype} differs from that in float64"
    assert_same(to_numpy(y.detach()._array), to_numpy(expected.detach()._array), tolerance, text)
    if has_derivative(lambda x: call(x, expected_t), [expected_x]):
        gradient, wanted = (to_numpy(grad(a, b)[0]._array) for a, b in ((y, x), (expected, expected_x)))  # type: ignore[union-attr]
        assert_same(gradient, wanted, tolerance, f"the gradient of {name} in {dtype} differs from that in float64")


def _check_finite(name: str, call: Callable[..., Any], input: np.ndarray, target: np.ndarray, dtype: str) -> None:
    """Neither value nor gradient is lost to rounding where inputs are large."""
    x, t = _tensors(input, target, dtype)
    with np.errstate(all="ignore"):
        y = call(x, t)
        (gradient,) = grad(y, x)
    assert gradient is not None
    for what, found in (("loss", y.detach()), ("gradient", gradient)):
        numbers = to_numpy(found._array)
        assert np.isfinite(numbers).all(), (
            f"{name}: the {what} is {numbers[~np.isfinite(numbers)][0]} in {dtype}, where the input is {input.tolist()}"
            f" and the target {target.tolist()}. Compute with logits, as F.logsigmoid and F.log_softmax do"
        )


def _check_shapes_refused(name: str, call: Callable[..., Any], targets: str) -> None:
    """A target that does not belong to the input is an error or a warning, not a table of all pairs."""
    input = np.array([[0.5], [1.5], [-1.0]])
    target = np.array([0, 0], "int64") if targets == "classes" else np.array([0.25, 1.0, 0.5])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            call(*_tensors(input, target))
        except Exception:
            return
    assert warned, (
        f"{name} takes an input of shape {input.shape} and a target of shape {target.shape}, which do not belong"
        " together, without an error or a warning. Compare the shapes first"
    )
