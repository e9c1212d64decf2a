"""The checker is checked: it finds wrong rules of every kind, and passes right ones."""

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import op, tensor
from tinygrad_lite.testing import GradcheckError, NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.differences import errors_by_step, has_derivative
from tinygrad_lite.testing.properties import LAYOUTS, OTHERS, expandable, fitting, lay_out
from tinygrad_lite.testing.strategies import broadcastable_shapes, shapes, tensors


def operation(forward, rule):
    made = op(forward)
    made.gradient(made.inputs[0])(rule)
    return made


def inputs(*values):
    return tensor(list(values), dtype=tg.float64, requires_grad=True)


def test_right_rules_pass():
    cube = operation(lambda x: x**3, lambda g, x: 3 * x * x * g)
    assert gradcheck(cube, inputs(0.5, -2.0))
    assert gradgradcheck(cube, inputs(0.5, -2.0))
    assert gradcheck(lambda a, b: (a @ b, a.sum()), [tg.ones(2, 2).double().requires_grad_(), inputs(1.0, 2.0)])


@pytest.mark.parametrize(
    "rule",
    [
        lambda g, x: -3 * x * x * g,
        lambda g, x: x * x * g,
        lambda g, x: 0 * g,
        lambda g, x: None,
        lambda g, x: 3 * x * x,
        lambda g, x: g * 3 * x * x + 1e-3,
    ],
    ids=["sign", "factor", "zeros", "none", "without g", "a little more"],
)
def test_wrong_rules_are_found(rule):
    cube = operation(lambda x: x**3, rule)
    with pytest.raises(GradcheckError, match=r"with respect to input 0, of shape \(2,\), differs at element \(0,\)"):
        gradcheck(cube, inputs(0.5, -2.0))
    assert not gradcheck(cube, inputs(0.5, -2.0), raise_exception=False)


def test_a_softmax_without_a_gradient_is_found_though_its_outputs_sum_to_1():
    softmax = operation(lambda x: tg.softmax(tensor(x), -1).numpy(), lambda g, x: 0 * x)
    with pytest.raises(GradcheckError):
        gradcheck(softmax, inputs(0.5, -2.0, 1.0))


def test_a_wrong_second_derivative_is_found():
    cube = operation(lambda x: x**3, lambda g, x: 3 * x.detach() * x * g if isinstance(x, tg.Tensor) else 3 * x * x * g)
    assert gradcheck(cube, inputs(0.5, -2.0))
    with pytest.raises(GradcheckError):
        gradgradcheck(cube, inputs(0.5, -2.0))


def test_elements_without_a_derivative_are_left_out_and_the_others_are_not():
    assert gradcheck(tg.relu, inputs(0.0, 1.0))
    assert gradcheck(tg.floor, inputs(1.0, 1.5))
    assert gradcheck(lambda x: x.sqrt(), inputs(0.0, 1.0))
    wrong = operation(lambda x: np.maximum(x, 0), lambda g, x: g * 2 * (x > 0))
    with pytest.raises(GradcheckError, match=r"element \(1,\)"):
        gradcheck(wrong, inputs(0.0, 1.0))
    with pytest.raises(GradcheckError, match=r"element \(0,\)"):  # more than the kink explains
        gradcheck(operation(lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, 5, x > 0)), inputs(0.0, 1.0))


@pytest.mark.parametrize("function", [tg.relu, tg.floor, tg.round, lambda x: 1 / x], ids=range(4))
def test_where_there_is_no_derivative_at_all_nothing_is_passed(function):
    at = 0.5 if function is tg.round else 0.0
    with pytest.raises(NoDerivative, match="Move the inputs away"):
        gradcheck(function, inputs(at), atol=1e-9)


@given(st.floats(-3, 3), st.floats(0, 0.99), st.floats(0.1, 3), st.floats(-3, 3))
def test_a_kink_is_found_wherever_within_the_step_it_lies(x, share, turn, slope):
    kink = x + share * 1e-6

    def bent(t):
        return slope * t + turn * (t - kink).abs()

    with contextlib.suppress(NoDerivative):
        assert gradcheck(bent, inputs(x))
    assert not has_derivative(bent, inputs(x))
    assert has_derivative(bent, inputs(x + 1))


def test_a_step_that_is_too_large_is_an_error():
    assert gradcheck(tg.exp, inputs(0.5), eps=1e-4)
    for step in (0.5, 0.1, 0.03):
        with pytest.raises(GradcheckError, match=f"eps={step}"):
            gradcheck(tg.exp, inputs(0.5, 1.0), eps=step)


def test_the_report_says_what_is_wrong_and_at_which_inputs():
    double = operation(lambda x: x**3 / 3, lambda g, x: g * 2 * x * x)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(double, inputs(0.731, -1.937, 0.0))
    assert re.fullmatch(
        r"the gradient with respect to input 0, of shape \(3,\), differs at element \(0,\): \S+ by the walk"
        r" back, \S+ by a central difference with eps=1e-06 \(allowed: \S+\). The input there is 0.731."
        r" 2 of 3 elements differ, by the factor"
        r" 2. The inputs: \(3,\). It fails as well, and simplest, at \[0.0, 1.0, 0.0\]",
        str(caught.value),
    )


def test_the_errors_by_step_have_a_valley():
    steps = [10.0**-k for k in range(1, 12)]
    errors = [error for _, error in errors_by_step(tg.exp, inputs(0.5, 1.0), steps)]
    least = errors.index(min(errors))
    assert 3 <= least <= 7
    assert errors[0] > 1e-4
    assert errors[-1] > 10 * errors[least]
    assert 80 < errors[0] / errors[1] < 120  # the square of the step


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ValueError, match="float32.*double"):
        gradcheck(tg.exp, tg.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="at least one of the inputs must require a gradient"):
        gradcheck(tg.exp, tg.ones(2, dtype=tg.float64))
    with pytest.raises(ValueError, match="was computed"):
        gradcheck(tg.exp, inputs(1.0) * 2)
    with pytest.raises(ValueError, match="no output is floating"):
        gradcheck(lambda x: x > 0, inputs(1.0))


@pytest.mark.cpu
def test_inputs_are_left_as_they_were():
    x = inputs(1.0, 2.0)
    array = x.detach().numpy()
    gradcheck(tg.exp, x)
    assert x.detach().numpy() is array
    assert array.tolist() == [1.0, 2.0]
    assert x.grad is None


@given(tensors(shapes(max_dims=2), low=0.5, high=2.0))
def test_the_strategies_draw_what_can_be_checked(x):
    assert x.dtype == tg.float64
    assert x.requires_grad
    assert bool(((x >= 0.5) & (x <= 2.0)).all())
    assert gradcheck(tg.log, x)


@given(broadcastable_shapes(3))
def test_broadcastable_shapes_broadcast(drawn):
    tg.broadcast_tensors(*(tg.zeros(shape) for shape in drawn))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_the_same_numbers(layout):
    array = expandable(tg.arange(6.0).reshape(2, 3).numpy(), [layout])
    laid = lay_out(array, layout)
    assert laid.tolist() == array.tolist()
    assert laid.flags.writeable == (layout != "read-only")
    assert laid.flags.c_contiguous == (layout not in fitting([layout], (2, 3)) or layout in OTHERS)
