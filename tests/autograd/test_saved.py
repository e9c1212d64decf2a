"""What is saved is what will be used, and it goes when the graph is released."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import nn, tensor
from tinygrad_lite.autograd import Function, changes
from tinygrad_lite.nn import functional as F


def array_goes(make):
    """Whether the array of the Tensor that `make` returns first is gone when only the result is held."""
    x, result = make()
    array = weakref.ref(x._array)
    del x
    gc.collect()
    return array() is None and result is not None


def inner(*shape):
    """A Tensor that needs a gradient and is no leaf, so that nobody but its users holds it."""
    return tg.ones(*shape, requires_grad=True) * 2.0


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x @ tg.ones(3, 2),
        lambda x: tg.ones(2, 2) @ x,
        lambda x: x * tg.ones(3),
        lambda x: x * 2.0,
        lambda x: x / tg.full((3,), 2.0),
        lambda x: x + tg.ones(3),
        lambda x: F.linear(x, tg.ones(4, 3), tg.ones(4)),
        lambda x: x.sum(),
        lambda x: x.exp(),
        lambda x: x.sigmoid(),
        lambda x: F.mse_loss(x.mean(), tensor(0.0)) * 0 + x.sum(),
    ],
)
def test_beside_a_constant_nothing_of_the_input_is_kept(operation):
    def make():
        x = inner(2, 3)
        return x, operation(x)

    assert array_goes(make)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(3, 4), (2, 3)),
        (nn.Conv2d(2, 3, 3), (1, 2, 5, 5)),
        (nn.Conv1d(2, 3, 3), (1, 2, 5)),
        (nn.ConvTranspose2d(2, 3, 3), (1, 2, 5, 5)),
    ],
)
def test_a_frozen_layer_keeps_no_activations(layer, shape):
    layer.requires_grad_(False)

    def make():
        x = inner(*shape)
        return x, layer(x)

    assert array_goes(make)
    layer.requires_grad_(True)
    assert not array_goes(make), "the gradient of the weight needs them"


def test_of_what_needs_no_gradient_nothing_is_kept():
    x = tg.ones(3)
    y = x.exp()
    array = weakref.ref(y._array)
    z = y + tg.ones(3, requires_grad=True)
    del y
    assert array() is None
    assert z.requires_grad


class Square(Function):
    """x², which saves its input or its output, and a remark."""

    save_output = False

    @classmethod
    def made(cls, ctx, x):
        y = x * x
        ctx.save_for_backward(y if cls.save_output else x)
        ctx.remark = tg.ones(1000)
        cls.remark = weakref.ref(ctx.remark._array)
        return y

    @staticmethod
    def forward(ctx, x):
        return Square.made(ctx, x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


@pytest.mark.parametrize("retain", [False, True])
def test_a_function_lets_go_of_what_it_saved_when_its_node_is_released(retain):
    x = inner(3)
    saved = weakref.ref(x)
    y = Square.apply(x)
    y.sum().backward(retain_graph=retain)
    del x
    gc.collect()
    assert (saved() is None) is not retain
    assert (Square.remark() is None) is not retain
    if retain:
        y.sum().backward()
        assert Square.remark() is None
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()


def test_a_function_does_not_keep_a_result_that_it_did_not_save():
    y = Square.apply(inner(3))
    array = weakref.ref(y._array)
    z = y + 1.0
    del y
    assert array() is None
    z.sum().backward()


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_whoever_needs_a_gradient_gets_the_same_one(needs):
    """What is kept depends on who asks; the gradients must not."""
    numbers = [[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]]

    def gradients(needs):
        leaves = [tensor(n, dtype=tg.float64, requires_grad=r) for n, r in zip(numbers, needs, strict=True)]
        a, b, c = leaves
        y = (
            (a * b / c).sum()
            + (a @ b) * (b @ c)
            + (a**b).sum()
            + tg.maximum(a * 3, c).sum()
            + F.linear(a[None], b[None], c[:1]).sum()
        )
        if any(needs):
            y.backward()
        return [leaf.grad for leaf in leaves]

    for needed, mine, full in zip(needs, gradients(needs), gradients([True] * 3), strict=True):
        assert (mine is not None) == needed
        if needed:
            assert mine.tolist() == pytest.approx(full.tolist())


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_change_of_any_operand_that_a_rule_needs_is_refused(changed):
    operands = [inner(2, 2) for _ in range(3)]
    y = tg.einsum("ij,jk,kl->il", *operands)
    with tg.no_grad():
        operands[changed].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_change_of_what_only_the_other_rule_needs_is_not():
    a, b = inner(2), inner(2)
    y = (a * b).sum()
    with tg.no_grad():
        a.mul_(10)
    (by_a,) = tg.autograd.grad(y, a, retain_graph=True)
    assert by_a.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        tg.autograd.grad(y, b)


def test_a_change_through_any_view_of_the_memory_is_seen():
    y = inner(2, 3)
    z = (y.t()[1:] @ tg.ones(2, 2, requires_grad=True)).sum()
    y.detach()[0].mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_a_change_is_forgotten_when_its_memory_is_gone():
    gc.collect()
    before = len(changes._changes)
    changed = [tg.ones(3).mul_(2) for _ in range(100)]  # all there at once, so that none has the address of another
    for x in changed[:50]:
        x.mul_(2)
    assert len(changes._changes) == before + 100
    del changed, x
    assert len(changes._changes) == before
