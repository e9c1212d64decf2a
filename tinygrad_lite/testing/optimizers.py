"""`check_optimizer`: all that an optimizer has to do right, against a plain update that you write.

    def plain(p, g, state, lr, momentum):
        state["v"] = momentum * state["v"] + g if state else g
        return p - lr * state["v"]

    check_optimizer(optim.SGD, plain, lr=0.1, momentum=0.9)

The update on paper is two lines. What goes wrong stands around them: one state for all parameters, a state that is the
user's gradient, a run that is resumed without it, a group whose own rate is not listened to.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.autograd import is_grad_enabled
from tinygrad_lite.backend import get_default_device, to_numpy
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.testing.same import assert_same

SHAPES = ((3, 2), (), (2, 1, 2), (4,))  # of the parameters; the last two are in a group of their own
SKIPS = 1  # the parameter that has no gradient in some steps


def check_optimizer(
    cls: Callable[..., Optimizer],
    reference: Callable[..., Any] | None = None,
    *,
    steps: int = 6,
    dtypes: Sequence[str] = ("float32",),
    rtol: float = 1e-9,
    **settings: Any,
) -> None:
    """Check an optimizer, of the package or your own, with these settings.

        check_optimizer(MyAdam, plain_adam, lr=0.1, betas=(0.8, 0.9))

    cls: a subclass of Optimizer, or a function of parameters and settings that makes one.
    reference: `reference(p, g, state, lr, ...)` gives the parameter after one step. p and g are NumPy arrays, state is
        a dictionary, empty at first, that it keeps for this parameter; its other parameters name the settings it
        needs. It is not called in a step in which a parameter has no gradient.
    steps: how many are taken, at least 4.
    dtypes: in which it must do the same, as well as they can. rtol: the relative difference allowed from the reference.
    settings: of the optimizer, `lr` among them.

    Four parameters of different shapes and memory layouts, in two groups with rates of their own, get random
    gradients; one has none in some steps, and then stays as it is; in the middle the rates change, as a schedule
    changes them. Parameters are changed in place and unrecorded, gradients not at all, and what is done to a gradient
    afterwards has no influence. Each parameter takes the path that it takes alone. A run that is stopped, pickled and
    resumed in another optimizer ends bit for bit the same. AssertionError that says what is wrong.
    """
    if steps < 4:
        raise ValueError(f"check_optimizer: at least 4 steps are needed, but got {steps}")
    name = getattr(cls, "__name__", "the optimizer")
    path = _Run(cls, settings).go(range(steps))
    moved = any(not np.array_equal(path[-1][i], start) for i, start in enumerate(_starts("float64")))
    assert moved, f"{name} moved no parameter in {steps} steps"
    if reference is not None:
        _check_reference(name, reference, _Run(cls, settings), path, rtol)
    _check_side_effects(name, _Run(cls, settings))
    _check_gradients_reused(name, cls, settings, path)
    for i in range(len(SHAPES)):
        alone = _Run(cls, settings, only=i).go(range(steps))
        for step in range(steps):
            text = f"{name}: parameter {i}, of shape {SHAPES[i]}, takes another path than alone (step {step + 1})"
            assert_same(path[step][i], alone[step][i], 0.0, text)
    _check_resumed(name, cls, settings, path)
    _check_closure_and_zero_grad(name, _Run(cls, settings))
    for dtype in dtypes:
        run = _Run(cls, settings, dtype=dtype)
        numbers = run.go(range(steps))[-1]
        for i, p in enumerate(run.parameters):
            assert p.dtype == np.dtype(dtype), f"{name}: a parameter that was {dtype} is {p.dtype} after a step"
            text = f"{name}: parameter {i} in {dtype} takes another path than in float64"
            assert_same(numbers[i], path[-1][i], 2e3 * float(np.finfo(dtype).eps), text)


def _starts(dtype: str) -> list[np.ndarray]:
    """The parameters' first numbers, in different layouts."""
    rng = np.random.default_rng(0)
    drawn = [np.asarray(rng.normal(size=shape)).astype(dtype) for shape in SHAPES]
    drawn[0] = np.asfortranarray(drawn[0])
    drawn[3] = np.repeat(drawn[3], 2)[::2]
    return drawn


def _gradient(step: int, i: int) -> np.ndarray:
    return np.asarray(np.random.default_rng([step, i]).normal(size=SHAPES[i]))


def _has_gradient(step: int, i: int) -> bool:
    return i != SKIPS or step % 3 == 1


class _Run:
    """An optimizer and its parameters, which are always the same four, or one of them."""

    def __init__(
        self, cls: Callable[..., Optimizer], settings: dict[str, Any], dtype: str = "float64", only: int | None = None
    ) -> None:
        device = get_default_device()
        self.parameters = [Tensor._wrap(array).to(device).requires_grad_() for array in _starts(dtype)]
        wanted = [(k, p) for k, p in enumerate(self.parameters) if only is None or k == only]
        first, second = [p for k, p in wanted if k < 2], [p for k, p in wanted if k >= 2]
        groups: list[dict[str, Any]] = [{"params": first}] if first else []
        if second:
            groups.append({"params": second, **({"lr": 2 * settings["lr"]} if "lr" in settings else {})})
        self.only = only
        self.optimizer = cls(groups, **settings)

    def go(self, steps: Sequence[int], reuse: bool = False) -> list[list[np.ndarray]]:
        """Take these steps. Returns all parameters after each.

        reuse: keep one gradient for each parameter, and overwrite its numbers, as accumulating gradients does.
        """
        return [self.step(step, reuse) for step in steps]

    def step(self, step: int, reuse: bool = False) -> list[np.ndarray]:
        """One step, with its gradients."""
        for i, p in enumerate(self.parameters):
            if not _has_gradient(step, i):
                p.grad = None
            elif reuse and p.grad is not None:
                p.grad.copy_(p.new_tensor(_gradient(step, i)))
            else:
                p.grad = p.new_tensor(_gradient(step, i))
        if step == 2:
            for group in self.optimizer.param_groups:
                if "lr" in group:
                    group["lr"] = group["lr"] / 2
        self.optimizer.step()
        return [to_numpy(p._array).copy() for p in self.parameters]


def _check_reference(
    name: str, reference: Callable[..., Any], run: _Run, path: list[list[np.ndarray]], rtol: float
) -> None:
    asked = list(inspect.signature(reference).parameters)[3:]
    expected = [to_numpy(p._array).copy() for p in run.parameters]
    states: list[dict[str, Any]] = [{} for _ in expected]
    for step, found in enumerate(path):
        run.step(step)  # so that the groups have the settings of this step
        for group in run.optimizer.param_groups:
            unknown = [setting for setting in asked if setting not in group]
            assert not unknown, f"{name} has no setting {', '.join(unknown)}, which the reference asks for"
            for p in group["params"]:
                i = next(i for i, other in enumerate(run.parameters) if other is p)
                if _has_gradient(step, i):
                    how = {setting: group[setting] for setting in asked}
                    expected[i] = np.asarray(reference(expected[i], _gradient(step, i), states[i], **how))
        for i, (mine, other) in enumerate(zip(found, expected, strict=True)):
            where = f"parameter {i}, of shape {SHAPES[i]}, in step {step + 1}"
            if not _has_gradient(step, i):
                where += ", in which it has no gradient"
            assert_same(mine, other, rtol, f"{name} differs from its reference at {where}")


def _check_side_effects(name: str, run: _Run) -> None:
    """Steps are in place and unrecorded, and leave gradients and parameters without one alone."""
    arrays = [p._array for p in run.parameters]
    for step in range(3):
        before = [to_numpy(p._array).copy() for p in run.parameters]
        after = run.step(step)
        for i, p in enumerate(run.parameters):
            which = f"parameter {i}"
            assert p._array is arrays[i], f"{name} gives {which} another array: change it in place"
            assert p.is_leaf, f"{name} records its step: run it under no_grad()"
            if _has_gradient(step, i):
                same = p.grad is not None and np.array_equal(to_numpy(p.grad._array), _gradient(step, i))
                assert same, f"{name} changes the gradient of {which}, which is the user's: compute a new one"
            else:
                assert np.array_equal(before[i], after[i]), f"{name} moves {which}, which has no gradient"
    for state in run.optimizer.state.values():
        for key, value in state.items():
            recorded = isinstance(value, Tensor) and value.requires_grad
            assert not recorded, f"{name} records what it remembers ({key}): detach it"


def _check_gradients_reused(
    name: str, cls: Callable[..., Optimizer], settings: dict[str, Any], path: list[list[np.ndarray]]
) -> None:
    reused = _Run(cls, settings).go(range(len(path)), reuse=True)
    for step, (mine, other) in enumerate(zip(reused, path, strict=True)):
        for i in range(len(SHAPES)):
            text = f"{name} keeps the gradient itself, which is overwritten later: clone() it (step {step + 1})"
            assert_same(mine[i], other[i], 0.0, text)


def _check_resumed(
    name: str, cls: Callable[..., Optimizer], settings: dict[str, Any], path: list[list[np.ndarray]]
) -> None:
    half = len(path) // 2
    stopped = _Run(cls, settings)
    stopped.go(range(half))
    kept = pickle.dumps(stopped.optimizer.state_dict())
    stopped.go(range(half, len(path)))  # what happens afterwards does not reach what was kept
    elsewhere = {**settings, "lr": 7.0} if "lr" in settings else settings
    resumed = _Run(cls, elsewhere)
    for p, numbers in zip(resumed.parameters, path[half - 1], strict=True):
        p.detach().copy_(p.new_tensor(numbers))
    state = pickle.loads(kept)
    before = copy.deepcopy(state)
    resumed.optimizer.load_state_dict(state)
    for step, found in zip(range(half, len(path)), resumed.go(range(half, len(path))), strict=True):
        for i, (mine, other) in enumerate(zip(found, path[step], strict=True)):
            text = (
                f"{name}: a run resumed from its state_dict() after {half} steps takes another path, at parameter {i}"
                f" in step {step + 1}. It remembers something outside of self.state and param_groups"
            )
            assert_same(mine, other, 0.0, text)
    assert _equal(state, before), f"{name}.load_state_dict() keeps what it was given, and changes it: copy it"


def _equal(a: Any, b: Any) -> bool:
    """Whether two states are the same, Tensors compared by their numbers."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and np.array_equal(to_numpy(a._array), to_numpy(b._array))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


def _check_closure_and_zero_grad(name: str, run: _Run) -> None:
    optimizer, asked = run.optimizer, []

    def closure() -> float:
        asked.append(is_grad_enabled())
        return 0.25

    assert optimizer.step(closure) == 0.25, f"{name}.step(closure) does not return what the closure returned"
    assert asked == [True], f"{name}.step(closure) must call the closure once, with recording switched on"
    run.step(1)
    optimizer.zero_grad(set_to_none=False)
    zeros = all(p.grad is not None and not p.grad._array.any() for p in run.parameters)
    assert zeros, f"{name}.zero_grad(set_to_none=False) does not set all gradients to 0"
    optimizer.zero_grad()
    assert all(p.grad is None for p in run.parameters), f"{name}.zero_grad() does not forget all gradients"
