"""What an operation is: rules by the names of inputs, plans of what to save, and errors that say what to do."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import op
from tinygrad_lite.autograd import backward_steps


def test_an_operation_of_ones_own_takes_six_lines():
    @op
    def cube(x):
        return x * x * x

    @cube.gradient("x")
    def _(g, x):
        return 3 * x * x * g

    array = np.array([1.0, 2.0])
    assert isinstance(cube(array), np.ndarray)  # on arrays it is the plain function

    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = cube(x)
    assert repr(y.grad_fn) == "<CubeBackward0>"
    (first,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = tg.autograd.grad(second.sum(), x)
    assert [first.tolist(), second.tolist(), third.tolist()] == [[3.0, 12.0], [6.0, 12.0], [6.0, 6.0]]


def test_settings_and_shapes_reach_the_rules_that_ask_for_them():
    seen = {}

    @op
    def scale_up(x, *, factor=3):
        return x * factor

    @scale_up.gradient("x")
    def _(g, shape, factor):
        seen.update(shape=shape, factor=factor)
        return g * factor

    x = tg.ones(2, 3, requires_grad=True)
    scale_up(x).sum().backward()
    assert seen == {"shape": (2, 3), "factor": 3}
    scale_up(x, factor=5).sum().backward()
    assert seen["factor"] == 5
    assert x.grad.tolist() == [[8.0] * 3] * 2


def test_a_node_saves_only_what_some_rule_asks_for():
    x = tg.ones(3, requires_grad=True)
    assert (x + 1).grad_fn.saved == ()
    assert len((x * 2).grad_fn.saved) == 2
    y = x.exp()
    assert len(y.grad_fn.saved) == 1
    assert y.grad_fn.saved[0] is y._array


def test_only_the_gradients_that_are_needed_are_computed():
    calls = []

    @op
    def product(a, b):
        return a * b

    @product.gradient("a")
    def _(g, b):
        calls.append("a")
        return g * b

    @product.gradient("b")
    def _(g, a):
        calls.append("b")
        return g * a

    a, b = tg.ones(2, requires_grad=True), tg.ones(2)
    product(a, b).sum().backward()
    assert calls == ["a"]
    assert b.grad is None


def test_a_gradient_of_the_broadcast_shape_is_summed_back_in_the_walk():
    @op
    def plus(a, b):
        return a + b

    @plus.gradient("a", "b")
    def _(g):
        return g

    a, b = tg.ones(3, 1, requires_grad=True), tg.ones(4, requires_grad=True)
    plus(a, b).sum().backward()
    assert a.grad.tolist() == [[4.0]] * 3
    assert b.grad.tolist() == [3.0] * 4


def test_a_missing_rule_is_an_error_that_says_how_to_write_it():
    @op
    def shift(x, by):
        return x + by

    @shift.gradient("x")
    def _(g):
        return g

    by = tg.tensor(2.0, requires_grad=True)
    y = shift(tg.ones(2, requires_grad=True), by)
    with pytest.raises(NotImplementedError, match=r"shift has no gradient rule for its input 'by'.*@shift.gradient"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda g, z: g, r"takes g first, then any of y, x, factor, shape.*takes g, z"),
        (lambda x, g: g, r"takes g first"),
        (lambda g, factor, x: g, r"arrays before settings"),
    ],
)
def test_a_rule_that_asks_for_the_unknown_is_refused_at_once(rule, message):
    @op
    def scaled(x, *, factor=1):
        return x * factor

    with pytest.raises(TypeError, match=message):
        scaled.gradient("x")(rule)


def test_a_rule_for_an_unknown_input_is_refused():
    @op
    def same(x):
        return x.copy()

    with pytest.raises(TypeError, match="same has no input 'y'; its inputs are x"):
        same.gradient("y")(lambda g: g)


def test_one_rule_serves_any_number_of_inputs():
    @op
    def total(*parts):
        result = parts[0].copy()
        for part in parts[1:]:
            result = result + part
        return result

    @total.gradient("parts")
    def _(g, index):
        return g * (index + 1)

    leaves = [tg.ones(2, requires_grad=True) for _ in range(3)]
    total(*leaves).sum().backward()
    assert [leaf.grad.tolist() for leaf in leaves] == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


@pytest.mark.cpu
def test_an_error_in_a_forward_names_the_operation_and_what_it_was_given():
    with pytest.raises(
        RuntimeError, match=r"add: The size of tensor a \(3\).*float32 \(2, 3\) on cpu, float64 \(4,\) on cpu"
    ) as caught:
        tg.ones(2, 3) + tg.ones(4, dtype=tg.float64)
    assert isinstance(caught.value, ValueError)  # NumPy's kind of error, and PyTorch's

    with pytest.raises(RuntimeError, match=r"matmul: mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        tg.ones(2, 3) @ tg.ones(2, 3)


def test_an_error_in_a_rule_names_the_operation_and_the_input():
    @op
    def broken(x):
        return x * 2

    @broken.gradient("x")
    def _(g, x):
        raise ZeroDivisionError("in the rule")

    with pytest.raises(ZeroDivisionError) as caught:
        broken(tg.ones(2, requires_grad=True)).sum().backward()
    assert "gradient of broken with respect to its input 'x'" in caught.value.__notes__[0]
    assert "shape (2,) and dtype float32" in caught.value.__notes__[0]


def test_a_gradient_of_a_shape_that_cannot_be_right_is_an_error():
    @op
    def halves(x):
        return x * 0.5

    @halves.gradient("x")
    def _(g):
        return g[:1]

    with pytest.raises(RuntimeError, match=r"cannot have been broadcast"):
        halves(tg.ones(3, requires_grad=True)).sum().backward()


def test_a_rule_may_say_that_nothing_flows():
    @op
    def stop(x):
        return x.copy()

    @stop.gradient("x")
    def _(g):
        return None

    x = tg.ones(2, requires_grad=True)
    steps = list(backward_steps((stop(x) * 2).sum()))
    assert [node.name() for node, _, _ in steps] == ["SumBackward0", "MulBackward0", "StopBackward0"]
    assert steps[-1][2] == [None]
    assert x.grad is None


def test_types_decide_what_the_function_sees():
    seen = []

    @op(types="float")
    def look(a, b):
        seen.append((a.dtype.name, b.dtype.name))
        return a + b

    look(tg.ones(2, dtype=tg.int64), tg.ones(2, dtype=tg.float64))
    look(tg.ones(2, dtype=tg.int64), tg.ones(2, dtype=tg.int64))
    assert seen == [("float64", "float64"), ("float32", "float32")]


def test_an_input_named_as_the_output_is_refused():
    with pytest.raises(TypeError, match="scaled: an input cannot be called g or y"):

        @op
        def scaled(y):
            return y * 2
