"""`check_op`: all that an operation has to do right, as one property test.

The examples come from `coverage.py`, a covering set first and then random ones. What is looked at in each stands in
`promises.py`; derivatives are compared in `gradcheck.py`, large and tiny values in `extremes.py`. An example that fails
is made as simple as it can be (`simplest.py`), and the error says what it needed.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from tinygrad_lite.autograd import enable_grad
from tinygrad_lite.backend import ShapeError, cuda_is_available
from tinygrad_lite.op import Op
from tinygrad_lite.testing import extremes as ranges
from tinygrad_lite.testing import promises
from tinygrad_lite.testing.coverage import Draws, Example
from tinygrad_lite.testing.differences import Differences, leaf
from tinygrad_lite.testing.gradcheck import GradcheckError, NoDerivative, compare, of_gradients
from tinygrad_lite.testing.promises import Refused, Subject
from tinygrad_lite.testing.properties import SHAPES, named_shapes
from tinygrad_lite.testing.report import Report
from tinygrad_lite.testing.signatures import choices_for, number_of_inputs, settings_of
from tinygrad_lite.testing.simplest import needed, simplest


def check_op(
    operation: Callable[..., Any],
    shapes: Any = None,
    *,
    reference: Callable[..., Any] | None = None,
    low: float = -2.0,
    high: float = 2.0,
    distinct: bool = False,
    order: int = 2,
    dtypes: Sequence[str] = ("float32", "float16"),
    devices: Sequence[str] | None = None,
    rtol: float = 1e-4,
    examples: int | None = None,
    settings: Mapping[str, Any] | None = None,
    extremes: bool = True,
    integers: bool = True,
    ways: int = 2,
    report: bool = False,
) -> None:
    """Check an operation, of the package or your own, on inputs of every kind and, if it fails, make them simple.

        check_op(my_op)
        check_op(tinygrad_lite.log, low=0.1, reference=np.log)
        check_op(my_product, "matmul", settings={"scale": st.floats(0.1, 2)}, report=True)

    operation: takes Tensors, returns a Tensor or a tuple of them.
    shapes: which shapes it takes. How many inputs of mutually broadcastable shapes, of 0 to 4 dimensions, sizes of 0
        among them (default: as many as it has parameters without default); or a name: "not empty", "at least one
        dimension", "matrices", "square matrices", "matmul", "matmul of stacks", "images", "images and kernels"; or a
        list of lists of shapes, one for each input, such as [[(2, 3), (3,)]]; or a strategy for such lists.
    reference: the same function of NumPy arrays, whose values must be the same.
    low, high: the range of the inputs' values. distinct: no two values of an input are equal, and none is 0.
    order: 2 for first and second derivatives, 1 for first ones, 0 for none.
    dtypes: in which the operation must do the same, as well as they can, and which output and gradients keep.
    devices: on which it must do the same as on the default device. Default: a GPU, if there is one.
    rtol: the relative difference allowed between derivatives and differences.
    examples: how many; default: a covering set (some 30 for one input, 60 for two), and random ones until there are
        as many as the Hypothesis profile says.
    settings: what to call it with besides the inputs, by name: a strategy, or a list of values, the usual one first.
        Default: both values for a parameter whose default is a bool; for a number its default and two others near it.
    extremes: also look at large and tiny values, in float64 and in the dtypes, of all signs that low and high allow.
    integers: also give it integers: it must give what it gives for the same floats, or raise an error.
    ways: 2 to cover all pairs of properties, 3 to cover all triples.
    report: print a table of what was drawn, and how many elements had a derivative and were compared.

    For each example: the operation gives the same twice; the inputs, in any memory layout, read-only ones among them,
    are left as they were; the layout makes no difference to the value; the result shares no memory unseen. Nothing is
    recorded if no input requires a gradient, and each input gets one exactly if it asks for it, of its own shape and
    dtype, the same whoever else asks, in a second walk, and for a gradient of any layout; the rules change nothing and
    keep nothing that they hand out. First and second derivatives are those of differences (`gradcheck`), except at
    points without a derivative, which are recognised and counted.

    AssertionError or GradcheckError with the simplest example found and what it needs; ShapeError for an operation that
    does not take the shapes, with those that it does; NoDerivative if fewer than half of the elements have a
    derivative; TypeError or ValueError for arguments that make no sense.
    """
    number = shapes if isinstance(shapes, int) else number_of_inputs(operation)
    if not number and (shapes is None or isinstance(shapes, str | int)):
        raise TypeError(f"check_op: {Subject(operation).name} takes no inputs, so it has no gradients to check")
    given = number if shapes is None else named_shapes(shapes, number) if isinstance(shapes, str) else shapes
    draws = Draws(given, low, high, distinct, choices_for(operation, settings))
    if devices is None:
        devices = ["cuda"] if cuda_is_available() else []
    check = Check(operation, draws, reference, order, dtypes, devices, rtol, integers)
    try:
        check.run(
            hypothesis_settings().max_examples if examples is None else examples, ways, extremes, examples is None
        )
    finally:
        if report:
            print(check.report)


class Check:
    """A check of one operation: what it looks at, and what it has seen so far."""

    def __init__(
        self,
        operation: Callable[..., Any],
        draws: Draws,
        reference: Callable[..., Any] | None,
        order: int,
        dtypes: Sequence[str],
        devices: Sequence[str],
        rtol: float,
        integers: bool,
    ) -> None:
        self.operation, self.draws, self.reference, self.order = operation, draws, reference, order
        self.dtypes, self.devices, self.rtol, self.integers = dtypes, devices, rtol, integers
        self.report = Report(Subject(operation).name)
        self.report.left_alone = [name for name in settings_of(operation) if name not in draws.choices]
        self.shared = False

    def run(self, number: int, ways: int, extremes: bool, all_chosen: bool = True) -> None:
        """Look at this many examples, and at extreme ones. Raises the error of the first that fails, made simple."""
        with enable_grad(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            self.examples(number, ways, all_chosen)
            if extremes:
                self.extremes()
            self.whole()

    def examples(self, number: int, ways: int, all_chosen: bool) -> None:
        """Look at a covering set of examples, then at random ones, until there are this many."""
        covering = self.draws.covering(ways)
        covering = covering if all_chosen else covering[:number]
        self.report.chosen = len(covering)
        for example in covering:
            self._look(example, self.look_at)
        if number <= len(covering):
            return
        failed: list[Example] = []

        @given(self.draws.random())
        @hypothesis_settings(
            max_examples=number - len(covering),
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
            report_multiple_bugs=False,
        )
        def look(example: Example) -> None:
            failed[:] = [example]
            self.look_at(example)

        try:
            look()
        except Exception as error:
            if not failed:
                raise
            self._explain(error, failed[0], self.look_at)

    def extremes(self) -> None:
        """Look at large and tiny numbers, and with a reference at infinities and NaN."""
        for example in ranges.extreme_examples(self.draws, "float64"):
            self._look(example, self._look_at_extreme)
        for dtype in self.dtypes:
            for example in ranges.extreme_examples(self.draws, dtype):
                self._look(example, functools.partial(self._look_at_extreme, dtype=dtype))
        if self.reference is not None:
            signs = [sign for sign in (1.0, -1.0) if (self.draws.high > 0 if sign > 0 else self.draws.low < 0)]
            for example in ranges.extreme_examples(self.draws, "float32")[:1]:
                ranges.check_special(Subject(self.operation), example.numbers, self.reference, signs)

    def whole(self) -> None:
        """What only all examples together can tell."""
        if isinstance(self.operation, Op) and self.operation.view and self.report.examples and not self.shared:
            raise AssertionError(
                f"{self.report.name} is declared as a view, and in no example shared its input's memory: leave out"
                " view=True"
            )
        reason = self.report.passed_over() if self.order else None
        if reason:
            raise NoDerivative(reason)

    def look_at(self, example: Example, counted: bool = True) -> None:
        """Look at all that the operation has to do right at this example."""
        arrays, subject = example.arrays(), Subject(self.operation, example.settings)
        try:
            values = promises.check_value(subject, arrays, self.reference)
        except Refused:
            if example.plan.settings and self._runs(arrays):
                self.report.refused += counted
                return
            raise
        if counted:
            self.report.drew(example.plan)
        self.shared |= promises.check_sharing(subject, arrays)
        found: promises.Gradients = []
        smooth = True
        if self.order:
            found = promises.check_gradients(subject, arrays, example.plan.gradient_words)
            smooth = self._compare(subject, arrays, counted)
        if smooth:  # at a kink another rounding may well end on its other side
            for dtype in self.dtypes:
                promises.check_like(subject, arrays, values, found, dtype)
            for device in self.devices:
                promises.check_like(subject, arrays, values, found, "float64", device)
        if self.integers and all(
            self.draws.low <= n <= self.draws.high for array in arrays for n in np.rint(array).flat
        ):
            promises.check_integers(subject, arrays)

    def _compare(self, subject: Subject, arrays: list[np.ndarray], counted: bool) -> bool:
        """Compare the derivatives. Returns whether there were some, and no kink is near."""
        leaves = [leaf(array) for array in arrays]
        first = compare(subject, leaves, rtol=self.rtol)
        if counted:
            self.report.compared("first", first)
        defined = all(array.size for array in arrays) or not self._is_nan(subject, arrays)
        if self.order > 1 and defined:
            second = compare(*of_gradients(subject, leaves), rtol=self.rtol)
            if counted:
                self.report.compared("second", second)
        if isinstance(self.operation, Op) and self.operation.view and all(array.size for array in arrays):
            compare(_through_the_view(subject), leaves, rtol=self.rtol)
        return first.compared == first.elements and _is_smooth(subject, leaves)

    def _is_nan(self, subject: Subject, arrays: list[np.ndarray]) -> bool:
        """True for what has no value, such as the mean of nothing."""
        return any(bool(y.isnan().any()) for y in subject.outputs(*promises.plain(arrays)))

    def _look_at_extreme(self, example: Example, dtype: str | None = None) -> None:
        subject = Subject(self.operation, example.settings)
        if dtype is not None:
            ranges.check_extremes_in(subject, example.numbers, dtype, self.order)
            return
        self.report.extremes += 1
        self.report.extreme_elements += ranges.check_extremes(subject, example.numbers, self.rtol, self.order)

    # ------------------------------------------------------------------------------------- when an example fails

    def _look(self, example: Example, look_at: Callable[..., Any]) -> None:
        try:
            look_at(example)
        except Exception as error:
            self._explain(error, example, look_at)

    def _explain(self, error: Exception, example: Example, look_at: Callable[..., Any]) -> None:
        """Raise the error of the simplest example that fails in the same way, with what that needs."""
        if isinstance(error, Refused) and not self._takes(example.plan.shapes):
            self._refuse(example.plan.shapes, error)
        complaint, found = _complaint(error), [error]

        def fails(other: Example) -> bool:
            try:
                self.look_at(other, counted=False)
            except Exception as new:
                if _complaint(new) == complaint:
                    found[:] = [new]
                    return True
            return False

        if look_at == self.look_at:
            example = simplest(example, self.draws, fails)
        last = found[0]
        where = last.__traceback__
        if isinstance(last, Refused):
            last = last.__cause__ or last  # type: ignore[assignment]
        what = needed(example, self.draws) if look_at == self.look_at else "It fails for large or tiny numbers"
        if isinstance(last, AssertionError | GradcheckError):
            last = type(last)(f"{last}. {what}")
        else:
            last.add_note(what)
        last.add_note(f"The example drawn={example!r}")
        raise last.with_traceback(where) from None

    def _takes(self, shapes: Sequence[tuple[int, ...]]) -> bool:
        """Whether the operation takes inputs of these shapes, if nothing else is special about them."""
        middle = (self.draws.low + 3 * self.draws.high) / 4
        return self._runs([np.full(shape, middle) for shape in shapes])

    def _runs(self, arrays: list[np.ndarray]) -> bool:
        try:
            Subject(self.operation, {name: some[0] for name, some in self.draws.choices.items()})(
                *promises.plain(arrays)
            )
        except Exception:
            return False
        return True

    def _refuse(self, shapes: Sequence[tuple[int, ...]], error: Exception) -> None:
        """ShapeError for an operation that raises an error: which shapes it does not take, and which it does."""
        cause, number = error.__cause__, len(shapes)
        tried = [example.plan.shapes for example in self.draws.covering()[:24]]
        which = "does not take all of" if any(map(self._takes, tried)) else "takes none of"
        fitting = [name for name in SHAPES if all(map(self._takes, named_shapes(name, number)))]
        remedy = " or ".join(f"shapes={name!r}" for name in fitting[:3]) or (
            f"a list of lists of shapes that it takes, such as shapes={[[(2, 3)] * number]}"
        )
        raise ShapeError(
            f"{self.report.name} {which} the shapes that are drawn for it: given {' and '.join(map(str, shapes))}, it"
            f" raised {type(cause).__name__}: {cause}. If that is as it should be, say which it takes: {remedy}"
        ) from cause


def _complaint(error: Exception) -> tuple[Any, str]:
    """What makes two errors the same: their type, and of an assertion what it says before its numbers."""
    if isinstance(error, Refused):
        return Refused, type(error.__cause__).__name__
    return type(error), str(error).partition(":")[0] if isinstance(error, AssertionError) else ""


def _is_smooth(subject: Subject, leaves: list[Any]) -> bool:
    """True if within a wide step in a random direction the function looks smooth."""
    if not any(x.numel() for x in leaves):
        return True
    differences = Differences(subject, leaves)
    slopes = [differences.along(eps, seed=2)[1] for eps in (1e-2, 5e-3, 1e-4)]
    spread = max(slopes) - min(slopes)
    return bool(np.isfinite(slopes).all() and spread <= 2e-2 * (1 + max(map(abs, slopes))))


def _through_the_view(subject: Subject) -> Callable[..., Any]:
    """The operation's first input after a change in place of the view that the operation is."""

    def function(first: Any, *rest: Any) -> Any:
        base = first * 1
        view = subject(base, *rest)
        if not any(stride == 0 for stride in view._array.strides):
            view.mul_(3)
        return base

    return function
