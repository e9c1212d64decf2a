"""`check_op` finds mistakes of every kind, passes what is right, and `explain` shows it."""

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import Tensor, op
from tinygrad_lite.testing import GradcheckError, check_op, explain, has_derivative
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
        "gradient by input 1",
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
