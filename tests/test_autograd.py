"""Recording, the walk back, grad(), hooks, changes in place: each rule of the graph, and each fault of the peers."""

import asyncio
import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import Tensor, op, tensor
from tinygrad_lite.autograd import Function, backward_steps, grad

# ------------------------------------------------------------------------------------------------------- the walk


def test_a_value_used_twice_counts_twice_and_no_more():
    a = tensor(1.0, requires_grad=True)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4.0


def test_a_node_hands_on_once_however_often_it_was_used():
    x = tensor(2.0, requires_grad=True)
    y = x * x
    z = y * y + y
    nodes = [node for node, _, _ in backward_steps(z)]
    assert len(nodes) == len(set(nodes)) == 3
    assert x.grad.item() == 4 * 2.0**3 + 2 * 2.0


def test_the_walk_yields_the_gradient_that_came_and_those_that_go():
    x = tensor([1.0, 2.0], requires_grad=True)
    steps = list(backward_steps((x * 3).sum()))
    assert [node.name() for node, _, _ in steps] == ["SumBackward0", "MulBackward0"]
    node, gradient, handed_on = steps[1]
    assert gradient.tolist() == [1.0, 1.0]
    assert handed_on[0].tolist() == [3.0, 3.0]
    assert handed_on[1] is None  # the number 3 wants none
    assert node.next_functions == ()  # released


def test_the_walk_can_be_stepped_by_hand():
    x = tensor([1.0, 2.0], requires_grad=True)
    walk = backward_steps((x.exp() * 2).sum())
    next(walk)
    assert x.grad is None
    for _ in walk:
        pass
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([1.0, 2.0]), rtol=1e-6)


def test_gradients_of_parts_add_up_in_one_array():
    """Each part adds its own to the sum so far; what else is added must not be spoilt by it, nor spoil it."""
    rng = np.random.default_rng(0)
    x = tensor(rng.random((6, 4)), requires_grad=True)
    rows = tensor([1, 1, 5])

    def loss(x):
        y = x.exp()
        parts = [(part * (i + 1)).sum() for i, part in enumerate(y.unbind(0))]
        return sum(parts) + (y[2:] * y[:4]).sum() + y.mean() + y[rows].square().sum() + (x[0] * x[-1]).sum()

    loss(x).backward()
    by_parts, x.grad = x.grad, None
    for _ in backward_steps(loss(x)):  # without in_place: every gradient is an array of its own
        pass
    np.testing.assert_allclose(by_parts.numpy(), x.grad.numpy())
    (recorded,) = grad(loss(x), x, create_graph=True)
    np.testing.assert_allclose(by_parts.numpy(), recorded.detach().numpy())


def test_a_step_of_the_walk_hands_on_the_gradient_of_one_part():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    steps = backward_steps(x[0] * 5 + x[1] * 7)
    handed = [tuple(handed_on[0]) for node, _, handed_on in steps if node.name() == "GetitemBackward0"]
    assert sorted(handed) == [(0.0, 7.0, 0.0), (5.0, 0.0, 0.0)]


def test_a_rule_of_ones_own_can_add_to_the_sum():
    taken = []

    @op
    def head(x):
        return x[:1] + 0

    @head.gradient("x")
    def _(g, shape, into):
        taken.append(into is not None)
        into = np.zeros_like(g, shape=shape) if into is None else into
        into[:1] += g
        return into

    x = tensor([1.0, 2.0], requires_grad=True, dtype="float64")
    (head(x) * 2 + head(x) * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 0.0]
    assert taken == [False, True]


def test_a_chain_of_a_million_operations_goes_forward_and_back():
    x = tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 0.0
    y.backward()
    assert x.grad.item() == 1.0
    del y  # and away again, without recursion


def test_the_order_takes_n_log_n_steps_on_a_wide_graph():
    leaves = [tensor(float(i), requires_grad=True) for i in range(20_000)]
    total = tg.zeros(())
    for leaf in leaves:
        total = total + leaf * leaf
    total.backward()
    assert [leaf.grad.item() for leaf in leaves[:4]] == [0.0, 2.0, 4.0, 6.0]


def test_memory_goes_when_the_last_name_goes_without_the_collector():
    gc.disable()
    try:
        x = tg.ones(10, requires_grad=True)
        y = (x.exp() * x).sum()
        y.backward(retain_graph=True)
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.cpu
def test_memory_after_10_000_steps_is_what_it_was_after_100():
    x = tg.randn(20, 2)
    target = x @ tensor([3.0, 2.0])
    a = tensor([-1.0, 1.0], requires_grad=True)

    def step():
        loss = ((x @ a - target) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            a.sub_(0.01 * a.grad)
            a.grad.zero_()

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(100):
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(9_900):
            step()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 20_000  # bytes: less than a number per step; other threads allocate too


# ------------------------------------------------------------------------------------------------ starting, repeating


def test_a_second_backward_needs_the_graph_retained():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_second_backward_through_a_retained_graph_adds_the_right_sum():
    x = tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    y = (h * h).sum()
    y.backward(retain_graph=True)
    first = x.grad.tolist()
    y.backward()
    assert x.grad.tolist() == [2 * g for g in first] == [8.0, 64.0]


def test_a_shared_part_released_by_one_loss_is_an_error_for_the_other():
    x = tensor([1.0, 2.0], requires_grad=True)
    h = x.exp()
    (h * 2).sum().backward()
    with pytest.raises(RuntimeError, match="second time: what exp had saved"):
        (h * 3).sum().backward()


@pytest.mark.parametrize("shape", [(2,), (0,), (2, 3)])
def test_a_result_of_several_elements_needs_a_gradient_to_start_from(shape):
    y = tg.ones(*shape, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        y.backward()
    y.backward(tg.ones(*shape))


def test_one_element_of_any_rank_may_start():
    x = tg.ones(1, 1, requires_grad=True)
    (x * 3).backward()
    assert x.grad.tolist() == [[3.0]]


def test_the_starting_gradient_has_the_shape_of_the_output():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape.*\(3,\).*\(2,\)"):
        (x * 2).backward(tg.ones(3))
    (x * 2).backward([1.0, 10.0])
    assert x.grad.tolist() == [2.0, 20.0]


def test_backward_on_what_needs_no_gradient_says_so():
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        tensor(2.0).backward()
    with tg.no_grad():
        y = tensor(2.0, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"does not require grad.*requires_grad=True"):
        y.backward()


def test_backward_on_a_leaf_gives_it_one():
    x = tensor(2.0, requires_grad=True)
    x.backward()
    x.backward()
    assert x.grad.item() == 2.0


def test_integers_cannot_require_gradients():
    for make in (lambda: tensor([1, 2], requires_grad=True), lambda: tensor([1, 2]).requires_grad_()):
        with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
            make()


def test_a_loss_under_which_a_rule_fails_leaves_the_gradients_as_they_were():
    x = tensor([1.0, 2.0], requires_grad=True)
    x.grad = tensor([5.0, 5.0])
    h = x.exp()
    y = (h * h).sum()
    with tg.no_grad():
        h.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    assert x.grad.tolist() == [5.0, 5.0]


# ---------------------------------------------------------------------------------------------------- accumulation


def test_two_inputs_of_a_sum_do_not_share_one_gradient():
    a, b = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True)
    (a + b).sum().backward()
    a.grad.mul_(10)
    assert b.grad.tolist() == [1.0, 1.0, 1.0]
    assert a.grad.tolist() == [10.0, 10.0, 10.0]


def test_a_gradient_shares_no_memory_with_what_made_it():
    a, b = tg.ones(3, requires_grad=True), tg.full((3,), 2.0, requires_grad=True)
    start = tg.ones(3)
    (a + b).backward(start)
    a.grad.zero_()
    assert start.tolist() == [1.0] * 3
    assert b.grad.tolist() == [1.0] * 3
    c = tg.ones(2, 3, requires_grad=True)
    c.sum().backward()
    c.grad[0, 0] = 7.0  # a gradient that was expanded has memory of its own
    assert c.grad.tolist() == [[7.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_grad_accumulates_in_place_and_starts_anew_from_none():
    x = tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    kept = x.grad
    (x * 3).sum().backward()
    assert x.grad is kept
    assert kept.tolist() == [5.0, 5.0]
    x.grad = None
    (x * 3).sum().backward()
    assert kept.tolist() == [5.0, 5.0]
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_gradient_has_the_dtype_of_its_tensor():
    x = tg.ones(2, dtype=tg.float32, requires_grad=True)
    y = tg.ones(2, dtype=tg.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.dtype == tg.float32
    assert y.grad.dtype == tg.float64


def test_numbers_do_not_change_a_dtype():
    x = tg.ones(2, dtype=tg.float32)
    for y in (x * 2.0, 2.0 * x, x / 3, x**2, x - np.float64(1.0), np.float64(2.0) * x, x + True, x.mean() * 2.0):
        assert y.dtype == tg.float32


# --------------------------------------------------------------------------------------------------- grad(), higher


def test_grad_returns_gradients_and_touches_none():
    x = tensor([1.0, 2.0], requires_grad=True)
    w = tensor([3.0, 4.0], requires_grad=True)
    h = x * w
    by_x, by_h = grad(h.sum() * 2, [x, h])
    assert by_x.tolist() == [6.0, 8.0]
    assert by_h.tolist() == [2.0, 2.0]
    assert x.grad is None
    assert w.grad is None


def test_grad_to_any_order():
    x = tensor(1.5, dtype=tg.float64, requires_grad=True)
    y = x.sin()
    for derivative in (np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin, np.cos):
        (y,) = grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(derivative(1.5), abs=1e-12)


def test_backward_with_create_graph_makes_gradients_that_can_be_differentiated():
    x = tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_create_graph_records_under_no_grad_too():
    x = tensor(2.0, requires_grad=True)
    y = x**3
    with tg.no_grad():
        (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first, x)
    assert second.item() == 12.0
    assert tg.is_grad_enabled()


def test_a_gradient_penalty_reaches_the_weights():
    w = tensor([[1.0, -2.0], [0.5, 3.0]], dtype=tg.float64, requires_grad=True)
    x = tensor([0.3, -0.7], dtype=tg.float64, requires_grad=True)
    (by_x,) = grad((w @ x).tanh().sum(), x, create_graph=True)
    (by_w,) = grad((by_x**2).sum(), w)

    def penalty(weights):
        t = np.tanh(weights @ x.detach().numpy())
        return (((1 - t**2) @ weights) ** 2).sum()

    numeric = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            step = np.zeros((2, 2))
            step[i, j] = 1e-6
            numeric[i, j] = (penalty(w.detach().numpy() + step) - penalty(w.detach().numpy() - step)) / 2e-6
    np.testing.assert_allclose(by_w.numpy(), numeric, rtol=1e-6)


def test_an_input_that_was_not_used_is_an_error_or_none():
    x, z = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"input 1 of grad.*not have been used.*allow_unused=True"):
        grad(x.sum(), [x, z])
    by_x, by_z = grad((x * 2).sum(), [x, z], allow_unused=True)
    assert by_x.tolist() == [2.0, 2.0]
    assert by_z is None


def test_grad_by_what_requires_none_is_an_error():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="input 0 does not require grad"):
        grad(x.sum(), tg.ones(2))


def test_grad_of_several_outputs_adds_them():
    x = tensor([1.0, 2.0], requires_grad=True)
    (g,) = grad([x.sum(), (x * x).sum()], x, grad_outputs=[None, tensor(10.0)])
    assert g.tolist() == [21.0, 41.0]


def test_grad_computes_only_what_leads_to_the_inputs():
    x, w = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    calls = []
    w2 = w * 2
    w2.register_hook(lambda g: calls.append("w2"))
    grad((x * w2).sum(), x)
    assert calls == []


def test_a_leaf_given_other_data_is_differentiated_where_it_was():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = (x**3).sum()
    x.data = tensor([5.0, 5.0])
    (first,) = grad(y, x, create_graph=True)
    assert first.tolist() == [3.0, 12.0]
    (second,) = grad(first.sum(), x)
    assert second.tolist() == [6.0, 12.0]


@pytest.mark.parametrize("operation", [lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a**b])
def test_leaves_of_two_dtypes_are_differentiated_twice(operation):
    x = tensor([1.5, 2.5], dtype=tg.float32, requires_grad=True)
    y = tensor([2.0, 3.0], dtype=tg.float64, requires_grad=True)
    wide = x.detach().double().requires_grad_()
    firsts = grad(operation(x, y).sum(), [x, y], create_graph=True)
    expected = grad(operation(wide, y).sum(), [wide, y], create_graph=True)
    assert [g.dtype for g in firsts] == [tg.float32, tg.float64]
    seconds = grad(sum((g.double() ** 2).sum() for g in firsts), [x, y], allow_unused=True)
    wanted = grad(sum((g**2).sum() for g in expected), [wide, y], allow_unused=True)
    for mine, other in zip((*firsts, *seconds), (*expected, *wanted), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-5)


def test_integers_are_not_made_part_of_a_graph():
    leaf = tensor(1.5, requires_grad=True)
    x = tensor([4, 5])
    with pytest.raises(RuntimeError, match="float"):
        x.add_(leaf)
    x[0] = leaf * 2  # an assignment converts, as in PyTorch
    assert x.tolist() == [3, 5]
    assert not x.requires_grad


# ---------------------------------------------------------------------------------------------------------- modes


def test_nothing_is_recorded_under_no_grad():
    x = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        y = x * 2
        with tg.enable_grad():
            z = x * 2
    assert tg.is_grad_enabled()
    assert (y.requires_grad, y.grad_fn, z.requires_grad) == (False, None, True)


def test_modes_decorate_functions_even_recursive_ones():
    @tg.no_grad()
    def count_down(n):
        assert not tg.is_grad_enabled()
        return count_down(n - 1) if n else 0

    assert count_down(3) == 0
    assert tg.is_grad_enabled()


def test_no_grad_ends_with_an_exception_too():
    with pytest.raises(KeyError), tg.no_grad():
        raise KeyError
    assert tg.is_grad_enabled()


def test_set_grad_enabled_as_a_statement_a_block_and_a_decorator():
    tg.set_grad_enabled(False)
    assert not tg.is_grad_enabled()
    tg.set_grad_enabled(True)
    with tg.set_grad_enabled(False):
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()

    @tg.set_grad_enabled(False)
    def inside():
        return tg.is_grad_enabled()

    assert tg.is_grad_enabled()
    assert not inside()
    assert tg.is_grad_enabled()


def test_no_grad_is_of_its_own_thread():
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_no_grad_is_of_its_own_task():
    async def without():
        with tg.no_grad():
            await asyncio.sleep(0.01)
            return tg.is_grad_enabled()

    async def beside():
        await asyncio.sleep(0.005)
        return tg.is_grad_enabled()

    async def both():
        return await asyncio.gather(without(), beside())

    assert asyncio.run(both()) == [False, True]


# ---------------------------------------------------------------------------------------------------------- hooks


def test_a_hook_sees_the_gradient_and_may_replace_it():
    x = tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10)
    (h * 3).sum().backward()
    assert seen == [[3.0, 3.0]]
    assert x.grad.tolist() == [60.0, 60.0]


def test_a_hook_on_a_leaf_and_its_removal():
    x = tg.ones(2, requires_grad=True)
    handle = x.register_hook(lambda g: g + 1)
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    handle.remove()
    handle.remove()
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        tg.ones(2).register_hook(print)


def test_what_a_hook_returns_stays_the_users():
    constant, x = tg.tensor([5.0, 5.0]), tg.ones(2, requires_grad=True)
    x.register_hook(lambda g: constant)
    for create_graph in (False, True, False):
        (x * 3).sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [15.0, 15.0]
    grad((x * 3).sum(), x)[0].zero_()
    assert constant.tolist() == [5.0, 5.0]


def test_grad_runs_the_hooks_of_leaves_as_backward_does():
    x = tg.ones(2, requires_grad=True)
    x.register_hook(lambda g: g * 10)
    for create_graph in (False, True):
        assert grad((x * 3).sum(), x, create_graph=create_graph)[0].tolist() == [30.0, 30.0]
    assert x.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_gradient_to_start_from_stays_the_users(create_graph):
    x, v = tg.ones(2, requires_grad=True), tg.tensor([1.0, 2.0])
    for _ in range(2):
        (x + 1).backward(v, create_graph=create_graph)
    assert x.grad.tolist() == [2.0, 4.0]
    x.grad.detach().zero_()
    assert v.tolist() == [1.0, 2.0]


def test_create_graph_records_within_no_grad_too():
    x = tensor(2.0, requires_grad=True)
    y = x**3
    with tg.no_grad():
        for _ in range(2):
            y.backward(create_graph=True)
    (second,) = grad(x.grad, x)
    assert second.item() == 24.0  # twice (3x²)' = 6x


def test_a_hook_is_part_of_the_recorded_walk():
    x = tensor(2.0, requires_grad=True)
    x.register_hook(lambda g: g * x)
    (x**2).backward(create_graph=True)
    first = x.grad
    assert first.item() == 8.0
    (second,) = grad(first, x)
    assert second.item() == 16.0  # (2x · x)' = 4x, and through the hook again


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    x = tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h.retain_grad()
    (h**2).sum().backward()
    assert h.grad.tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="can't retain_grad"):
        tg.ones(2).retain_grad()


# --------------------------------------------------------------------------------------------- the version check


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.mul_(2),
        lambda y: y.zero_(),
        lambda y: y.__setitem__(0, 5.0),
        lambda y: y[1:].add_(1),
        lambda y: y.data.sub_(1),
        lambda y: y.detach().fill_(3.0),
        lambda y: y.view(2, 1).copy_(tg.ones(2, 1)),
        lambda y: y.T.normal_(),
    ],
)
def test_what_was_changed_after_exp_is_an_error_not_a_wrong_gradient(change):
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = y.sum()
    with tg.no_grad():
        change(y)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: exp was recorded.*clone\(\)"):
        z.backward()


def test_a_change_that_no_rule_minds_is_allowed():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x + 1
    z = y.sum()
    with tg.no_grad():
        y.zero_()
    z.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_change_before_recording_is_no_change():
    x = tensor([1.0, 2.0], requires_grad=True)
    with tg.no_grad():
        x.mul_(2)
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_a_parameter_changed_between_forward_and_backward_is_noticed():
    w = tensor([1.0, 2.0], requires_grad=True)
    y = (w * w).sum()
    with tg.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match="modified by an inplace operation: mul"):
        y.backward()


@pytest.mark.cpu
def test_an_array_given_beside_a_tensor_is_copied_since_its_changes_cannot_be_seen():
    x = tensor([1.0, 2.0], requires_grad=True)
    factor = np.array([3.0, 4.0], dtype=np.float32)
    y = (x * factor).sum()
    factor[:] = 100.0
    y.backward()
    assert x.grad.tolist() == [3.0, 4.0]


# ---------------------------------------------------------------------------------------------- autograd.Function


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient


class ExpTwice(Function):
    """Two results, of which one is saved; an argument that is no Tensor; a result that is no floating one."""

    @staticmethod
    def forward(ctx, x, factor):
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.factor = factor
        return y, y * factor, x > 0

    @staticmethod
    def backward(ctx, by_first, by_second, by_third):
        (y,) = ctx.saved_tensors
        assert by_third is None
        return y * by_first + y * ctx.factor * by_second, None


def test_a_function_in_pytorchs_style():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = Square.apply(x)
    assert not Square.apply(x.detach()).requires_grad
    assert "SquareBackward" in repr(y)
    (first,) = grad(y.sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    assert first.tolist() == [2.0, 4.0, 6.0]
    assert second.tolist() == [2.0, 2.0, 2.0]


def test_a_function_of_several_results_that_saves_one():
    x = tensor([0.5, -1.0], dtype=tg.float64, requires_grad=True)
    first, second, positive = ExpTwice.apply(x, 3.0)
    assert positive.tolist() == [True, False]
    assert not positive.requires_grad
    e = np.exp(2 * x.detach().numpy())
    (by_x,) = grad((first * second).sum(), x, create_graph=True)
    np.testing.assert_allclose(by_x.detach().numpy(), 6 * e)
    (again,) = grad(by_x.sum(), x)
    np.testing.assert_allclose(again.numpy(), 12 * e)


def test_a_function_whose_backward_is_wrong_in_number_says_so():
    class Pair(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g

    a = tg.ones(2, requires_grad=True)
    with pytest.raises(
        RuntimeError, match=r"PairBackward returned an incorrect number of gradients \(expected 2, got 1\)"
    ):
        Pair.apply(a, a).sum().backward()


def test_a_function_minds_changes_in_place():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = Square.apply(x).sum()
    with tg.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation: Square"):
        y.backward()


def test_a_function_asks_its_backward_once_for_all_inputs():
    calls = []

    class Add(Function):
        @staticmethod
        def forward(ctx, a, b):
            assert ctx.needs_input_grad == (True, True)
            assert not tg.is_grad_enabled()
            return a + b

        @staticmethod
        def backward(ctx, g):
            assert not tg.is_grad_enabled()
            calls.append(g)
            return g, g

    a, b = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    Add.apply(a, b).sum().backward()
    assert len(calls) == 1
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]


def test_a_function_left_unfinished_says_so():
    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x / 2

    with pytest.raises(NotImplementedError, match="implement the backward function"):
        Half.apply(tg.ones(2, requires_grad=True)).sum().backward()
    with pytest.raises(NotImplementedError, match="implement the forward function"):
        Function.apply(tg.ones(2, requires_grad=True))


def test_a_function_that_returns_its_input_gives_a_tensor_of_its_own():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = tg.ones(2, requires_grad=True)
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_nodes_lead_on_to_nodes():
    x = tensor(2.0, requires_grad=True)
    y = (x * 3).sum()
    assert y.grad_fn.next_functions[0][0].name() == "MulBackward0"
    assert y.grad_fn.next_functions[0][0].next_functions[0][0] is x
    assert isinstance(x, Tensor)
