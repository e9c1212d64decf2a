"""`check_op` finds mistakes of every kind, passes what is right, and `explain` shows it."""

import re

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import Tensor, op
from tinygrad_lite.testing import GradcheckError, NoDerivative, check_op, explain, has_derivative
from tinygrad_lite.testing.strategies import arrays, axes, dtypes, indices, shapes, tensors, where_differentiable


def operation(forward, **rules):
    made = op(forward)
    for name, rule in rules.items():
        made.gradient(name)(rule)
    return made


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        (tg.exp, {"reference": np.exp}),
        (tg.relu, {"reference": lambda x: np.maximum(x, 0)}),
        (tg.floor, {}),
        (tg.log, {"low": 0.1, "reference": np.log}),
        (lambda a, b: a * b, {"reference": np.multiply}),
        (lambda a, b, c: a * b + c.sin(), {}),
        (tg.ops.where, {"shapes": 2, "order": 0}),
        (lambda x: x.argmax(), {"shapes": st.just([(2, 3)]), "order": 0}),
        (tg.softmax, {"shapes": st.just([(2, 3)])}),
        (lambda x: x.sum(), {"reference": np.sum, "dtypes": ("float32", "float16")}),
    ],
    ids=["exp", "relu", "floor", "log", "mul", "three", "where", "argmax", "softmax", "sum"],
)
def test_what_is_right_passes(function, settings):
    if function is tg.softmax:
        function = lambda x: tg.softmax(x, -1)  # noqa: E731
    if function is tg.ops.where:
        function = lambda a, b: tg.where(a > 0, a, b)  # noqa: E731
    check_op(function, **settings)


def layout_matters(x):
    return x * 1 if x.flags.c_contiguous else x * 2


def changes_its_input(x):
    if x.flags.writeable:
        x += 1
    return x * 1


def only_float64(x):
    return x * np.float64(1.0)


WRONG = {
    "first derivative": (operation(lambda x: x**3, x=lambda g, x: g * 2 * x), {}, "differs at element"),
    "of one of two inputs": (
        operation(lambda a, b: a * b, a=lambda g, b: g * b, b=lambda g, b: g * b),
        {},
        "gradient with respect to input 1",
    ),
    "second derivative": (
        operation(lambda x: x**3, x=lambda g, x: g * 3 * (x.detach() if isinstance(x, Tensor) else x) * x),
        {},
        "differs at element",
    ),
    "zeros for a softmax": (
        operation(lambda x: np.exp(x) / np.exp(x).sum(), x=lambda g, x: 0 * x),
        {"shapes": st.just([(3,)])},
        "differs at element",
    ),
    "layout": (operation(layout_matters, x=lambda g: g), {"examples": 100}, "depends on the memory layout"),
    "input changed": (operation(changes_its_input, x=lambda g: g), {}, "changed its inputs"),
    "dtype": (operation(only_float64, x=lambda g: g), {}, "in float32 on cpu: the output is float64"),
    "reference": (tg.exp, {"reference": np.expm1}, "differs from its reference"),
    "kind of the result": (lambda x: x.detach().numpy(), {}, "returned a ndarray, not a Tensor"),
    "always recorded": (lambda x: x * tg.ones((), requires_grad=True), {}, "recorded something"),
    "a gradient unasked": (
        lambda a, b: a.detach().requires_grad_() * b if not a.requires_grad else a * b,
        {"shapes": 2, "dtypes": ()},
        "recorded something",
    ),
    "who else asks": (
        lambda a, b: a * b if a.requires_grad and b.requires_grad else a.detach() * b + 2 * (a * b.detach()),
        {"shapes": 2, "low": 0.5},
        "depends on who else asks",
    ),
    "sizes of 0": (operation(lambda x: x / x.sum() * x.shape[-1] if x[0].size else None, x=lambda g: g), {}, None),
}


@pytest.mark.cpu
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name):
    function, settings, message = WRONG[name]
    with pytest.raises(Exception, match=message) as caught:
        check_op(function, **settings)
    if name != "sizes of 0":
        assert isinstance(caught.value, (AssertionError, GradcheckError))


def test_the_example_is_made_small():
    # wrong only above 1: the smallest example has one element
    wrong = operation(lambda x: x * x, x=lambda g, x: g * np.where(x > 1, 3 * x, 2 * x))
    with pytest.raises(GradcheckError) as caught:
        check_op(wrong, order=1, examples=100)
    assert "1 of 1 elements differ" in str(caught.value)
    assert str(caught.value).endswith("simplest, at 2.0. It fails even for a single number")
    assert any("drawn=" in note for note in caught.value.__notes__)


@given(where_differentiable(lambda x: x.abs() + 1 / (x - 1), tensors((2,))))
def test_inputs_where_there_is_a_derivative(x):
    assert not ((x == 0) | (x == 1)).any()
    assert not has_derivative(tg.abs, tg.zeros(2, dtype=tg.float64, requires_grad=True))


@pytest.mark.cpu
@given(st.data())
def test_axes_indices_and_dtypes_are_what_they_say(data):
    array = data.draw(arrays(shapes(min_dims=1, max_dims=3)))
    axis = data.draw(axes(array.ndim))
    assert array.sum(axis).ndim == array.ndim - 1
    index = data.draw(indices(array.shape))
    ours = Tensor._wrap(array)[index if isinstance(index, tuple) else tg.tensor(index)]
    np.testing.assert_array_equal(ours.numpy(), array[index])
    assert data.draw(dtypes()).kind == "f"
    assert data.draw(dtypes("ib")).kind in "ib"


def test_indices_of_all_kinds_are_drawn():
    def parts(index):
        return index if isinstance(index, tuple) else (index,)

    for kind in (int, slice, list, type(None), type(...), np.ndarray):
        find(indices((2, 3)), lambda index, kind=kind: any(isinstance(part, kind) for part in parts(index)))


def test_an_explanation_shows_formula_source_numbers_and_the_errors():
    page = explain(tg.ops.mul)
    assert page.startswith("mul(a, b)\n=========\n\ny = a · b\n")
    assert "    def mul(a, b):" in page
    assert '    @mul.gradient("b")' in page
    table = page[page.index("step ") :].split("\n\n")[0].splitlines()
    assert "of them chosen to cover all pairs" in page
    assert "second derivatives" in page
    errors = {float(line.split()[0]): float(line.split()[1]) for line in table[1:] if line}
    assert list(errors) == [10.0**-k for k in range(1, 13)]
    assert errors[1e-3] < 1e-9 < errors[1e-9]  # no bend, so the larger the step the better
    rows = [line.split() for line in page[page.index("input ") : page.index("step ")].splitlines()[1:] if line]
    assert [row[0] for row in rows] == ["a"] * 3 + ["b"] * 3
    assert all(abs(float(row[-1]) - float(row[-2])) < 1e-6 for row in rows)


def test_an_explanation_of_a_function_of_ones_own_and_at_given_inputs():
    def half_square(x):
        """x² / 2"""
        return x * x / 2

    page = explain(half_square, tg.tensor([2.0], dtype=tg.float64, requires_grad=True))
    assert page.startswith("half_square(x)\n==============\n\nx² / 2\n\n")
    assert "return x * x / 2" in page
    assert explain(tg.ops.sum, tg.ones(2, 2, dtype=tg.float64, requires_grad=True), dim=0).count("\nx ") == 4


def test_the_report_says_what_was_drawn_and_how_much_was_compared(capsys):
    def scaled(x, *, factor=2.0, twice=False, mode="plain"):
        return x.abs() * factor * (1 + twice)

    check_op(scaled, examples=40, report=True)
    page = capsys.readouterr().out
    assert page.startswith("scaled: 40 examples, the first ")
    for row in ("dimensions ", "values ", "factor= ", "twice= ", "first derivatives", "large and tiny"):
        assert f"\n{row}" in page
    assert re.search(r"first derivatives +\d+ of \d+ elements compared, passed over \d+ at a kink or a jump", page)
    assert page.endswith("left alone          mode: say settings={...} to draw them\n")


def test_too_little_to_compare_is_a_failure_with_the_reason():
    for function, settings, reason in (
        (
            lambda x: (x - 10).sqrt(),
            {},
            "at no element of the inputs drawn: [1-9][0-9]* lie where it is not finite, 0 on",
        ),
        (
            tg.relu,
            {"low": -1e-9, "high": 1e-9},
            "at no element of the inputs drawn: 0 lie where it is not finite, [1-9]",
        ),
        (lambda x: (x - 1).sqrt(), {}, "at only [1-9][0-9]* of [1-9][0-9]* elements.* low= and high= "),
    ):
        with pytest.raises(NoDerivative, match=reason):
            check_op(function, extremes=False, **settings)
    check_op(lambda x: (x - 1).sqrt(), low=1.5)


REFUSED = {
    "no inputs": (lambda: tg.ones(2), {}, TypeError, "takes no inputs"),
    "no Tensor in a tuple": (
        lambda x: (x * 2, 3.0),
        {},
        AssertionError,
        "returned a float as its part 1, not a Tensor",
    ),
    "an empty tuple": (lambda x: (), {}, AssertionError, "returned an empty tuple"),
    "no rule": (operation(lambda x: x * 2), {}, NotImplementedError, "no gradient rule for its input 'x'"),
    "some shapes": (lambda a, b: a @ b, {}, tg.backend.ShapeError, "not take all of the shapes.* shapes='matmul' or"),
    "no shapes": (
        lambda a, b: a @ b,
        {"shapes": [[(2, 3), (2, 3)], [(4, 5), (2,)]]},
        tg.backend.ShapeError,
        "takes none of the shapes .* shapes='matmul'",
    ),
    "no elements": (lambda x: x.max(), {}, ValueError, "shapes='not empty'"),
    "a name that is none": (tg.exp, {"shapes": "bananas"}, ValueError, "there are 'not empty', "),
    "shapes in one list too few": (tg.exp, {"shapes": [(2, 3)]}, TypeError, "a list of lists of shapes"),
    "nothing to draw": (tg.exp, {"shapes": st.nothing()}, ValueError, "no shapes to draw from"),
    "integers out": (lambda x: x > 0, {}, ValueError, "no output is floating"),
    "an unknown setting": (lambda x: x * 1, {"settings": {"delta": [1]}}, TypeError, "has no setting delta"),
    "a setting that nobody says": (lambda x, *, k: x * k, {}, TypeError, "needs k=: say with which values"),
    "a function of NumPy's in a rule": (
        operation(lambda x: x * 2, x=lambda g: np.nan_to_num(g) * 2),
        {},
        TypeError,
        "np.nan_to_num is not differentiable here",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_with_the_remedy(name):
    function, settings, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        check_op(function, **settings)


def test_the_functions_of_numpy_that_a_rule_uses_are_recorded():
    check_op(operation(lambda x: np.sin(x) + np.exp(-x), x=lambda g, x: g * (np.cos(x) - np.exp(-x))))


def test_each_part_of_a_tuple_is_checked():
    check_op(lambda x: (x * 2, x.sin()))
    wrong = operation(lambda x: np.sin(x), x=lambda g, x: g * np.sin(x))
    with pytest.raises(GradcheckError):
        check_op(lambda x: (x * 2, wrong(x)))


def test_an_error_inside_that_has_nothing_to_do_with_shapes_says_what_it_took():
    def fails(x):
        if not x.flags.writeable:
            raise ValueError("assignment destination is read-only")
        return x * 1

    with pytest.raises(ValueError, match="read-only") as caught:
        check_op(operation(fails, x=lambda g: g * 1))
    assert "It fails only for a single number read-only" in caught.value.__notes__


def test_what_is_interrupted_leaves_nothing_behind():
    calls = 0

    def interrupted(x):
        nonlocal calls
        calls += 1
        if calls == 100:
            raise KeyboardInterrupt
        return x * x

    before = np.geterr(), tg.is_grad_enabled()
    with pytest.raises(KeyboardInterrupt):
        check_op(interrupted)
    assert (np.geterr(), tg.is_grad_enabled()) == before
    check_op(lambda x: x * x)


def test_the_same_random_numbers_every_time_are_no_reason_to_complain():
    def noisy(x):
        tg.manual_seed(0)
        return x * tg.rand((), dtype=tg.float64).item()

    check_op(noisy)
    with pytest.raises(AssertionError, match="is not the same twice"):
        check_op(lambda x: x * tg.rand(()))


def test_with_a_reference_infinities_and_nan_are_compared_too():
    check_op(tg.relu, reference=lambda x: np.maximum(x, 0))
    loses_nan = operation(lambda x: np.where(x > 0, x, 0), x=lambda g, x: g * (x > 0))
    with pytest.raises(AssertionError, match="differs from its reference"):
        check_op(loses_nan, reference=lambda x: np.maximum(x, 0))
    check_op(loses_nan, reference=lambda x: np.maximum(x, 0), extremes=False)
