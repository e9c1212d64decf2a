"""What belongs to the walk alone: a gradient that somebody else holds too is never written to, nor given to a leaf."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import op, tensor
from tinygrad_lite.autograd import Function, backward_steps
from tinygrad_lite.autograd.sums import ALONE, Sums


class Twice(Function):
    """a + b, whose backward returns one and the same Tensor for both."""

    @staticmethod
    def forward(ctx, a, b):
        return a + b

    @staticmethod
    def backward(ctx, g):
        h = 2 * g
        return h, h


def holding(held):
    """An operation whose rule returns an array that it keeps."""

    @op
    def held_by_its_rule(x):
        return x * 1

    @held_by_its_rule.gradient("x")
    def _(g):
        return held

    return held_by_its_rule


def test_two_leaves_that_one_function_serves_do_not_share_a_gradient():
    a, b = tensor([1.0], requires_grad=True), tensor([1.0], requires_grad=True)
    for _ in range(2):
        Twice.apply(a, b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [4.0]


def test_an_array_that_a_rule_keeps_is_not_written_to():
    held = tg.full((1,), 3.0)._array
    x = tensor([1.0], requires_grad=True)
    for calls in (1, 2, 3):
        holding(held)(x).sum().backward()
        assert x.grad.tolist() == [3.0 * calls]
    assert held.tolist() == [3.0]
    x.grad.zero_()
    assert held.tolist() == [3.0]


@pytest.mark.parametrize("given", ["sum so far", "inside the graph"])
def test_nor_when_more_is_added_to_it_on_the_way(given):
    held = tg.full((2,), 3.0)._array
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0 if given == "inside the graph" else x
    (holding(held)(y) + y * 5.0 + holding(held)(y) + y[0] + y[1]).sum().backward()
    assert held.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [3 + 5 + 3 + 2.0] * 2


def test_views_of_what_a_rule_keeps_are_not_written_to_either():
    held = tg.full((2, 2), 3.0)._array
    x = tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        holding(held[0])(x).sum().backward()
    assert held.tolist() == [[3.0, 3.0]] * 2
    assert x.grad.tolist() == [6.0, 6.0]


def test_what_the_caller_started_from_stays_as_it_was():
    start = tensor([1.0, 2.0])
    a, b = (tensor([1.0, 1.0], requires_grad=True) for _ in range(2))
    y = a + b
    for _ in range(2):
        y.backward(start, retain_graph=True)
    a.grad.mul_(10)
    assert start.tolist() == [1.0, 2.0]
    assert b.grad.tolist() == [2.0, 4.0]


def test_a_gradient_that_was_changed_between_two_walks_is_looked_at_again():
    """backward() of a Function gives all its gradients at once: an answer of an earlier walk must not be used."""
    start = tensor([1.0])
    a, b = tensor([1.0], requires_grad=True), tensor([1.0], requires_grad=True)
    y = Twice.apply(a, b)
    (first,) = tg.autograd.grad(y, a, start, retain_graph=True)
    start.fill_(5.0)
    (second,) = tg.autograd.grad(y, a, start, retain_graph=True)
    assert [first.item(), second.item()] == [2.0, 10.0]


def test_an_own_array_is_kept_without_a_copy():
    """The one array that a rule made is the leaf's: a copy too many would only cost time, so this is about speed."""
    x = tensor([1.0, 2.0], requires_grad=True)
    made = []

    @op
    def thrice(x):
        return x * 3

    @thrice.gradient("x")
    def _(g):
        made.append(id(g * 3))
        return g * 3

    steps = list(backward_steps(thrice(x).sum(), in_place=True))
    assert x.grad._array is steps[-1][2][0]


def test_this_python_counts_one_reference_for_one_name():
    assert 1 <= ALONE <= 2
    sums = Sums(in_place=True)
    source, array = object(), np.ones(2)
    sums.add(source, array, own=False)
    assert sums.owned(source) is None
    sums.add(source, np.ones(2), own=True)
    assert array.tolist() == [1.0, 1.0]
    assert sums.owned(source).tolist() == [2.0, 2.0]
    assert Sums(in_place=False).owned(source) is None


@given(st.data())
def test_any_graph_of_holders_and_adders(data):
    """Sums, parts, holders and Functions in any order: held arrays are as before, the gradient is right."""
    held = tg.full((3,), 3.0, dtype=tg.float64)._array
    keeper = holding(held)
    x = tensor([1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)
    values, slopes = [x], [np.ones(3)]
    for _ in range(data.draw(st.integers(1, 6))):
        i, j = (data.draw(st.integers(0, len(values) - 1)) for _ in range(2))
        a, b, da, db = values[i], values[j], slopes[i], slopes[j]
        kind = data.draw(st.sampled_from(["add", "sub", "scale", "parts", "twice", "stack"]))
        if kind == "add":
            values.append(a + b), slopes.append(da + db)
        elif kind == "sub":
            values.append(a - b), slopes.append(da - db)
        elif kind == "scale":
            values.append(a * 2.0), slopes.append(da * 2)
        elif kind == "parts":
            values.append(tg.stack([a[0], b[1], a[2]])), slopes.append(np.array([da[0], db[1], da[2]]))
        elif kind == "twice":
            values.append(Twice.apply(a, b)), slopes.append(2 * (da + db))
        else:
            values.append(tg.stack([a, b]).sum(0)), slopes.append(da + db)
    loss = values[-1] + keeper(x)
    for times in (1, 2):
        loss.sum().backward(retain_graph=True)
        np.testing.assert_allclose(x.grad.numpy(), times * (slopes[-1] + 3.0))
        assert held.tolist() == [3.0] * 3
