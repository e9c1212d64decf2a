"""Random programs on Tensors: operations, views, changes in place through every alias, hooks, several backwards.

Hypothesis writes the programs and, where one fails, makes it short. They are compared with central differences and,
where PyTorch is installed, with PyTorch, step by step.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import tinygrad_lite
from tinygrad_lite import nn
from tinygrad_lite.testing import NoDerivative, gradcheck, gradgradcheck
from tinygrad_lite.testing.differences import leaf

HAS_TORCH = importlib.util.find_spec("torch") is not None
SHAPES = [(), (1,), (3,), (2, 3), (3, 1), (2, 1, 3)]
IMAGES = [(1, 1, 3, 3), (2, 1, 3, 2), (1, 2, 2, 3), (2, 2, 3, 3)]

STRICTER = (  # where ours refuses what PyTorch may let pass
    "a second time",  # every node is released, those that had saved nothing too
    "more than one element of the written-to tensor",  # of an expanded tensor no part can be written
)


def package(x):
    """The package that a tensor comes from."""
    return tinygrad_lite if isinstance(x, tinygrad_lite.Tensor) else importlib.import_module("torch")


def convolved(x, scale=1.0):
    """Images of two rows or more through a convolution, its kernels multiplied by `scale`; all else through sin."""
    if x.ndim != 4 or x.shape[2] < 2:
        return x.sin() * scale
    kernels = np.linspace(-1, 1, 8 * x.shape[1]).reshape(2, x.shape[1], 2, 2)
    return package(x).nn.functional.conv2d(x, package(x).tensor(kernels) * scale, padding=(0, 1))


def pooled(x, name):
    """Images through a pooling, where they are large enough."""
    if x.ndim != 4 or min(x.shape[2:]) < 2:
        return x * 1
    return getattr(package(x).nn.functional, name)(x, 2, stride=1)


# The same lines run on both engines.
UNARY = {
    "sin": lambda x: x.sin(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "square": lambda x: (x * x).tanh(),
    "softmax": lambda x: x.softmax(-1) if x.ndim else x * 1,
    "sum": lambda x: x.sum() * 0.3,
    "mean": lambda x: x.mean(0) if x.ndim else x * 2,
    "negative": lambda x: -x,
    "clone": lambda x: x.clone(),
    "relu": lambda x: x.relu(),
    "twice": lambda x: x + x,
    "conv": convolved,
    "max_pool": lambda x: pooled(x, "max_pool2d"),
    "avg_pool": lambda x: pooled(x, "avg_pool2d"),
}
BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b * b + 1),
    "max": lambda a, b: (a - b).relu() + b,
    "conv": lambda a, b: convolved(a, b.mean()),
}
VIEWS = {
    "reshape": lambda x: x.reshape(-1),
    "flatten": lambda x: x.flatten(-2) if x.ndim > 1 else x.flatten(),
    "view": lambda x: x.view(-1),
    "two columns": lambda x: x.view(2, -1) if x.numel() % 2 == 0 else x,
    "image": lambda x: x.reshape(1, 1, *x.shape) if x.ndim == 2 else x,
    "diagonal": lambda x: x.diagonal() if x.ndim > 1 else x,
    "first": lambda x: x[0] if x.ndim else x,
    "last": lambda x: x[..., -1:] if x.ndim else x.unsqueeze(0),
    "turned": lambda x: x.transpose(0, -1) if x.ndim else x,
    "unsqueeze": lambda x: x.unsqueeze(-1) if x.ndim < 4 else x,
    "expand": lambda x: x.expand(2, *x.shape) if x.ndim < 3 else x,
    "detach": lambda x: x.detach(),
}
CHANGES = {
    "add_ number": lambda x, y: x.add_(0.5),
    "mul_ number": lambda x, y: x.mul_(-0.7),
    "add_": lambda x, y: x.add_(y),
    "mul_": lambda x, y: x.mul_(y),
    "zero_": lambda x, y: x.zero_(),
    "set": lambda x, y: x.__setitem__(0, 0.25) if x.ndim else x.fill_(0.25),
    "copy_": lambda x, y: x.copy_(y),
    "view": lambda x, y: x.view(-1).mul_(2),
    "flatten": lambda x, y: x.flatten().add_(1),
    "row": lambda x, y: x[0].mul_(3) if x.ndim else x.mul_(3),
    "detach": lambda x, y: x.detach().mul_(0.5),
}


def at(values, i):
    """One of the values, counted from the latest, which most programs go on with."""
    return values[-1 - i % len(values)]


def apply(kind, name, values, i, j):
    """One line of a program: the new value, or None for a change in place."""
    x, y = at(values, i), at(values, j)
    if kind == "unary":
        return UNARY[name](x)
    if kind == "binary":
        return BINARY[name](x, y)
    if kind == "view":
        return VIEWS[name](x)
    CHANGES[name](x, y)
    return None


def lines_of(kind, names):
    """Lines of one kind: (kind, name, which value, which other)."""
    return st.tuples(st.just(kind), st.sampled_from(sorted(names)), st.integers(0, 9), st.integers(0, 9))


COMPUTED = st.one_of(
    lines_of("unary", UNARY), lines_of("binary", BINARY), lines_of("unary", ["conv", "max_pool", "avg_pool"])
)
VIEWED, CHANGED = lines_of("view", VIEWS), lines_of("change", CHANGES)
LINES = st.one_of(COMPUTED, VIEWED, CHANGED)


def run_program(lines, leaves):
    """What a program makes of its leaves: its last value. Lines that make no sense are skipped."""
    values = [x * 1 for x in leaves]
    for kind, name, i, j in lines:
        if name == "detach":
            continue  # differences see through it
        try:
            made = apply(kind, name, values, i, j)
        except (RuntimeError, ValueError, IndexError):
            continue
        if made is not None:
            values.append(made)
    return values[-1] if len(values) > len(leaves) else values[0] * 2


@given(
    st.lists(st.sampled_from(SHAPES + IMAGES[:2]), min_size=1, max_size=3),
    st.lists(LINES, min_size=2, max_size=12),
    st.data(),
)
@settings(max_examples=settings.default.max_examples * 6)
def test_programs_have_the_derivatives_of_differences(shapes, lines, data):
    numbers = np.random.default_rng(data.draw(st.integers(0, 9)))
    leaves = [leaf(numbers.uniform(-1, 1, shape)) for shape in shapes]

    def program(*leaves):
        return run_program(lines, leaves)

    assume(program(*leaves).requires_grad)
    try:
        gradcheck(program, leaves)
        gradgradcheck(program, leaves)
    except NoDerivative:
        assume(False)
    except RuntimeError as error:  # what the walk back needs was changed in place: refused, as it has to be
        if "modified by an inplace operation" not in str(error):
            raise


# What is computed in an order of its own: images in, images out.
LAYERS = {
    "conv": lambda x: convolved(x),
    "conv, relu": lambda x: convolved(x).relu(),
    "conv, pool": lambda x: pooled(convolved(x), "max_pool2d"),
    "conv, conv": lambda x: convolved(convolved(x)),
    "conv, batch_norm": lambda x: nn.functional.batch_norm(convolved(x), None, None, training=True),
    "max_pool": lambda x: pooled(x, "max_pool2d"),
    "avg_pool": lambda x: pooled(x, "avg_pool2d"),
    "transposed conv": lambda x: nn.functional.conv_transpose2d(x, tinygrad_lite.ones(x.shape[1], 2, 2, 2).double()),
    "interpolate": lambda x: nn.functional.interpolate(x, scale_factor=2, mode="bilinear"),
    "gradient of conv": lambda x: gradient_of(convolved, x),
    "gradient of conv, pool": lambda x: gradient_of(LAYERS["conv, pool"], x),
    "grad of a leaf": lambda x: filled_grad(convolved, x),
}


def gradient_of(function, x):
    """The gradient of Σ function(x)², itself recorded."""
    (gradient,) = tinygrad_lite.autograd.grad((function(x) ** 2).sum(), x, create_graph=True)
    return gradient


def filled_grad(function, x):
    """x.grad after a walk back."""
    (function(x) ** 2).sum().backward()
    return x.grad


@pytest.mark.cpu
@given(
    st.sampled_from(sorted(LAYERS)),
    st.sampled_from(IMAGES),
    st.booleans(),
    st.lists(st.one_of(VIEWED, CHANGED), min_size=2, max_size=8),
)
@settings(max_examples=settings.default.max_examples * 20)
def test_a_layers_result_is_a_tensor_like_any_other(layer, shape, recorded, lines):
    """Its views, and changes through them, are those of a row-major tensor of the same numbers."""
    x = leaf(np.random.default_rng(0).uniform(-1, 1, shape))
    result = LAYERS[layer](x)
    plain = tinygrad_lite.tensor(result.detach().numpy().copy("C"), requires_grad=recorded and result.requires_grad)
    values = [result if recorded else result.detach()], [plain * 1]
    for kind, name, i, j in lines:
        if kind == "change" and np.shares_memory(*(at(values[1], k).detach().numpy() for k in (i, j))):
            name = "mul_ number"  # an operation on overlapping memory has no defined order
        answers = []
        for side in values:
            try:
                answers.append(apply(kind, name, side, i, j))
            except (RuntimeError, ValueError, IndexError) as error:
                answers.append(error)
        refused = [isinstance(answer, Exception) for answer in answers]
        assert refused[0] == refused[1], f"{kind} {name}: {answers}"
        if refused[0]:
            continue
        for side, answer in zip(values, answers, strict=True):
            if answer is not None:
                side.append(answer)
        for mine, other in zip(*values, strict=True):
            np.testing.assert_array_equal(mine.detach().numpy(), other.detach().numpy(), err_msg=f"{kind} {name}")
            assert mine.requires_grad == other.requires_grad


class Programs(RuleBasedStateMachine):
    """One program, run line by line by both engines. After each line all numbers and gradients must agree."""

    def __init__(self):
        super().__init__()
        import torch

        self.torch = torch
        self.over = False  # from where the engines may differ: one has refused what is not well defined
        self.ours, self.theirs = [], []
        self.handles = []  # of the hooks, in pairs
        self.numbers = np.random.default_rng(0)

    def both(self, run, *, may_be_over=False):
        """Run the line on both engines: both give something, or both refuse."""
        answers, errors = [], []
        for module, values in ((tinygrad_lite, self.ours), (self.torch, self.theirs)):
            try:
                answers.append(run(module, values))
                errors.append(None)
            except (RuntimeError, ValueError, IndexError) as error:
                answers.append(None)
                errors.append(error)
        laxer = errors[0] is None and errors[1] is not None and may_be_over
        stricter = any(reason in str(errors[0]) for reason in STRICTER)
        if laxer or stricter:
            self.over = True
        elif (errors[0] is None) != (errors[1] is None):
            raise AssertionError(f"only one engine refuses: {errors[0]!r}, {errors[1]!r}")
        return answers, errors

    @initialize(shape=st.sampled_from(SHAPES + IMAGES))
    def first(self, shape):
        self.leaf(shape, True)

    @rule(shape=st.sampled_from(SHAPES + IMAGES), requires_grad=st.booleans())
    def leaf(self, shape, requires_grad):
        if self.over:
            return
        array = self.numbers.uniform(-1, 1, shape)
        self.ours.append(tinygrad_lite.tensor(array, requires_grad=requires_grad))
        self.theirs.append(self.torch.tensor(array, requires_grad=requires_grad))

    @rule(line=COMPUTED, recorded=st.booleans())
    def compute(self, line, recorded):
        self.line(line, recorded)

    @rule(line=VIEWED)
    def view(self, line):
        self.line(line, True)  # of an unrecorded view PyTorch says at first that it requires a gradient

    @rule(line=CHANGED, recorded=st.booleans())
    def change(self, line, recorded):
        self.line(line, recorded)

    def line(self, line, recorded):
        if self.over:
            return
        kind, name, i, j = line

        def run(module, values):
            x, y = (at(values, k).detach().numpy() for k in (i, j))
            if kind == "change" and np.shares_memory(x, y):
                return None  # an operation on overlapping memory has no defined order
            if recorded:
                return apply(kind, name, values, i, j)
            with module.no_grad():
                return apply(kind, name, values, i, j)

        (mine, other), errors = self.both(run, may_be_over=kind == "change")
        if kind == "change" and errors[0] is not None:
            self.over = True  # PyTorch may have begun to write
        elif mine is not None and other is not None:
            self.ours.append(mine)
            self.theirs.append(other)

    @rule(i=st.integers(0, 9), factor=st.sampled_from([2.0, -1.0]), once=st.booleans())
    def hook(self, i, factor, once):
        """A hook that multiplies the gradient; one that is for once removes itself while the walk is under way."""
        if self.over:
            return

        def run(module, values):
            def multiply(gradient):
                if once:
                    handle.remove()
                return gradient * factor

            handle = at(values, i).register_hook(multiply)
            return handle

        handles, errors = self.both(run)
        if errors == [None, None]:
            self.handles.append(handles)

    @rule(i=st.integers(0, 9))
    def remove_hook(self, i):
        """Also one that is removed already."""
        for handle in self.handles[i % len(self.handles)] if self.handles else ():
            handle.remove()

    @rule(i=st.integers(0, 9))
    def retain_grad(self, i):
        if self.over:
            return
        self.both(lambda module, values: at(values, i).retain_grad())

    @rule(i=st.integers(0, 9), retain=st.booleans())
    def backward(self, i, retain):
        if self.over:
            return
        before = [None if x.grad is None else x.grad.numpy().copy() for x in self.ours]

        def run(module, values):
            x = at(values, i)
            x.backward(module.ones_like(x.detach()), retain_graph=retain)

        _, errors = self.both(run, may_be_over=True)
        if errors[0] is not None:
            for x, kept in zip(self.ours, before, strict=True):  # ours leaves all as it was; PyTorch need not
                assert (x.grad is None) == (kept is None)
                if kept is not None:
                    np.testing.assert_array_equal(x.grad.numpy(), kept)
            self.over = True

    @rule(i=st.integers(0, 9), way=st.sampled_from(["zero", "none", "view", "flatten", "row"]))
    def change_grad(self, i, way):
        """Forget a gradient, or change it in place through a view of it."""
        if self.over:
            return
        for values in (self.ours, self.theirs):
            x = at(values, i)
            if not x.is_leaf or x.grad is None:
                continue
            if way == "zero":
                x.grad.zero_()
            elif way == "none":
                x.grad = None
            elif way == "view":
                x.grad.view(-1).mul_(2)
            elif way == "flatten":
                x.grad.flatten().zero_()
            elif x.ndim:
                x.grad[0].add_(1)

    @invariant()
    def all_agree(self):
        if self.over:
            return
        for mine, other in zip(self.ours, self.theirs, strict=True):
            assert tuple(mine.shape) == tuple(other.shape)
            np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-9)
            assert mine.requires_grad == other.requires_grad
            assert mine.is_leaf == other.is_leaf
            assert (mine.grad is None) == (other.grad is None)
            if mine.grad is not None:
                np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-7, atol=1e-9)


@pytest.mark.cpu
@pytest.mark.skipif(not HAS_TORCH, reason="compares with PyTorch, which is not installed")
@pytest.mark.filterwarnings("ignore")
def test_programs_do_in_every_line_what_pytorch_does():
    run_state_machine_as_test(
        Programs,
        settings=settings(max_examples=settings.default.max_examples * 10, stateful_step_count=25, deadline=None),
    )
