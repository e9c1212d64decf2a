"""Hooks and retained gradients: each hook once, in order, and what it returns is like what it was given."""

import pytest

import tinygrad_lite as tg
from tinygrad_lite import tensor


def computed():
    x = tensor([1.0, 2.0], requires_grad=True)
    return x, x * 3.0


@pytest.mark.parametrize("what", ["leaf", "computed"])
def test_a_hook_that_removes_itself_or_another_lets_the_others_run(what):
    x, y = computed()
    target = x if what == "leaf" else y
    calls = []
    handles = []

    def once(g):
        calls.append("once")
        handles[0].remove()

    handles.append(target.register_hook(once))
    target.register_hook(lambda g: calls.append("second"))
    handles.append(target.register_hook(lambda g: calls.append("third")))
    y.sum().backward(retain_graph=True)
    assert calls == ["once", "second", "third"]
    calls.clear()
    handles[1].remove()
    handles[1].remove()
    y.sum().backward()
    assert calls == ["second"]


def test_removing_one_of_two_equal_hooks_removes_that_one_only():
    _, y = computed()
    calls = []
    hook = calls.append
    first = y.register_hook(hook)
    y.register_hook(hook)
    first.remove()
    first.remove()
    y.sum().backward()
    assert len(calls) == 1


@pytest.mark.parametrize("what", ["leaf", "computed"])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda g: g[:1], "hook has changed the size or type"),
        (lambda g: g.double(), r"given float32 \(2,\).*returned float64 \(2,\)"),
        (lambda g: 3.0, "must return None or a Tensor"),
    ],
)
def test_an_answer_unlike_the_gradient_is_refused_and_nothing_is_left_behind(what, answer, message):
    x, y = computed()
    w = tensor([1.0, 1.0], requires_grad=True)
    (x if what == "leaf" else y).register_hook(answer)
    y.retain_grad()
    with pytest.raises((RuntimeError, TypeError), match=message):
        (y * w).sum().backward()
    assert x.grad is None
    assert w.grad is None
    assert y.grad is None


def test_a_retained_gradient_is_that_after_the_hooks_wherever_they_were_registered():
    x, y = computed()
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.retain_grad()  # twice is once
    y.sum().backward()
    assert y.grad.tolist() == [10.0, 10.0]
    assert x.grad.tolist() == [30.0, 30.0]


def test_a_retained_gradient_follows_the_tensor_through_changes_in_place():
    x, y = computed()
    y.retain_grad()
    y.mul_(5.0)
    (y * 3.0).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [45.0, 45.0]

    x, y = computed()
    y.retain_grad()
    y[0].mul_(5.0)  # by a view
    (y * tensor([1.0, 2.0])).sum().backward()
    assert y.grad.tolist() == [1.0, 2.0]

    x, y = computed()
    part = y[1]
    part.retain_grad()
    y.mul_(2.0)  # of what it is a view of
    (part * 7.0).backward()
    assert part.grad.item() == 7.0
    assert x.grad.tolist() == [0.0, 42.0]


def test_a_hook_registered_before_a_change_in_place_sees_the_gradient_from_before_it():
    """As in PyTorch: the hook belongs to the value that the tensor had."""
    seen = []
    _, y = computed()
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.mul_(5.0)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1.0, 1.0], [5.0, 5.0]]


def test_retain_grad_twice_walks_adds_up_and_a_leaf_does_not_count_twice():
    x, y = computed()
    y.retain_grad()
    x.retain_grad()
    for _ in range(2):
        y.sum().backward(retain_graph=True)
    assert y.grad.tolist() == [2.0, 2.0]
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_retained_gradient_is_its_own():
    x, y = computed()
    y.retain_grad()
    (y + 0.0).sum().backward()
    y.grad.mul_(7)
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_tensor_that_is_gone_retains_nothing():
    x, y = computed()
    y.retain_grad()
    z = y * 2
    del y
    z.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_failing_hook_of_a_leaf_leaves_all_leaves_as_they_were():
    a, b = (tensor([1.0], requires_grad=True) for _ in range(2))

    def fails(g):
        raise KeyboardInterrupt

    for failing in (a, b):
        handle = failing.register_hook(fails)
        with pytest.raises(KeyboardInterrupt):
            (a * b).sum().backward()
        assert a.grad is None
        assert b.grad is None
        handle.remove()
    (a * b).sum().backward()
    assert a.grad.tolist() == [1.0]


def test_a_module_hook_may_remove_itself():
    layer = tg.nn.Linear(2, 2)
    calls = []

    def once(*_):
        calls.append("once")
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda *_: calls.append("always"))
    for _ in range(2):
        layer(tg.ones(1, 2))
    handle.remove()
    assert calls == ["once", "always", "always"]
