"""Mistakes planted in small operations, of every kind that `check_op` promises to find, and right ones beside them.

    python -m tests.testing.planted             how often each is found, over 20 seeds
    python -m tests.testing.planted 100         over 100
    python -m tests.testing.planted 100 right   how often a right operation is blamed

A mistake's settings say how it is checked: `order=1` where its rule is for arrays only, so that it is not found by what
the rule does with Tensors.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis
import numpy as np

import tinygrad_lite as tg
from tinygrad_lite import Tensor, op
from tinygrad_lite.testing import check_op


class Planted(NamedTuple):
    """An operation made anew for each check, for it may remember, and how it is checked."""

    make: Callable[[], Any]
    settings: dict[str, Any]


def operation(forward: Callable[..., Any], view: bool = False, **rules: Callable[..., Any]) -> Any:
    """An operation of a function and its rules, by the names of the inputs."""
    made = op(forward, view=view)
    for name, rule in rules.items():
        made.gradient(name)(rule)
    return made


def square(wrong: Callable[[Any], Any], **settings: Any) -> Planted:
    """x², whose derivative is twice as large where `wrong(x)`: an array, or True for all of them."""
    rule = lambda g, x: g * 2 * x * np.where(wrong(x), 2.0, 1.0)  # noqa: E731
    return Planted(lambda: operation(lambda x: x * x, x=rule), settings)


def product(wrong: Callable[[Any, Any], bool], **settings: Any) -> Planted:
    """a · b, whose gradient with respect to b is wrong where `wrong(a, b)`."""
    rule = lambda g, b, a: g * a * (1.5 if wrong(a, b) else 1.0)  # noqa: E731
    return Planted(lambda: operation(lambda a, b: a * b, a=lambda g, b: g * b, b=rule), settings)


def value(wrong: Callable[[np.ndarray], bool], **settings: Any) -> Planted:
    """2x, or 3x where `wrong(x)`."""
    forward = lambda x: x * (3 if wrong(x) else 2)  # noqa: E731
    return Planted(lambda: operation(forward, x=lambda g, x: g * 2), settings)


def one(forward: Callable[..., Any], rule: Callable[..., Any], view: bool = False, **settings: Any) -> Planted:
    """An operation of one input, x."""
    return Planted(lambda: operation(forward, view, x=rule), settings)


# ------------------------------------------------------------------------------------------ operations that remember


def keeps_its_input() -> Any:
    kept: dict[str, Any] = {}

    def forward(x):
        kept["x"] = x
        return x * x

    return operation(forward, x=lambda g: g * 2 * kept["x"])


def keeps_its_output() -> Any:
    kept: dict[Any, np.ndarray] = {}

    def forward(x):
        out = kept.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
        out[...] = 2 * x
        return out

    return operation(forward, x=lambda g: g * 2)


def keeps_its_gradient() -> Any:
    kept: dict[Any, Any] = {}

    def rule(g):
        if isinstance(g, Tensor):
            return g * 2
        out = kept.setdefault((g.shape, g.dtype), np.empty(g.shape, g.dtype))
        out[...] = 2 * g
        return out

    def second(g):
        return rule(g) if isinstance(g, Tensor) else kept.setdefault(g.shape, 2 * g)

    return operation(lambda x: 2 * x, x=second)


def rules_share_a_buffer() -> Any:
    kept: dict[str, Any] = {}

    def for_a(g, b):
        kept["g"] = g * 1
        return g * b

    return operation(lambda a, b: a * b, a=for_a, b=lambda g, a: kept.pop("g", 0 * g) * a)


def draws_anew() -> Any:
    rng = np.random.default_rng(0)
    return operation(lambda x: x * rng.random(), x=lambda g: g)


def writes_into_g(g):
    g *= 2
    return g


def writes_into_x(g, x):
    if not isinstance(x, Tensor) and x.flags.writeable:
        x *= 2
        return g * x
    return g * 2 * x


def changes_its_input(x):
    if x.flags.writeable:
        x += 1
        return (x - 1) * 2
    return x * 2


def flat_order(x):
    """Scrambled in every layout but the usual one."""
    return x.ravel("K").reshape(x.shape)


def mean_in_front(g, shape):
    return g.mean(0) if len(shape) < g.ndim and g.shape[0] else g * 1


def not_reversed(g):
    return np.cumsum(g, axis=-1)


def sorted_last(x):
    return np.sort(x, axis=-1)


def softmax_naive(x):
    e = np.exp(x)
    return e / e.sum()


def gradient_of_softmax(g, y):
    return y * (g - (g * y).sum())


def row_sums_as_if_square(x):
    return x.sum(-1) / x.shape[-1]


def power(x, *, exponent=2):
    return x**exponent


def scaled(x, *, scale=1.0):
    return x * scale


def negated(x, *, negate=False):
    return -x * 2 if negate else x * 2


def reduced(x, *, keepdims=True):
    return x.sum(axis=-1, keepdims=keepdims)


ROW = {"shapes": "at least one dimension"}
ARRAYS = {"order": 1}  # the rule is for arrays only

MISTAKES: dict[str, Planted] = {
    # the formula
    "sign": one(lambda x: x**3, lambda g, x: -3 * x * x * g),
    "factor": one(lambda x: x**3, lambda g, x: x * x * g),
    "operand": Planted(lambda: operation(lambda a, b: a * b, a=lambda g, b: g * b, b=lambda g, b: g * b), {}),
    "nothing flows": Planted(lambda: operation(lambda a, b: a * b, a=lambda g, b: g * b, b=lambda g: None), {}),
    "no rule for b": Planted(lambda: operation(lambda a, b: a * b, a=lambda g, b: g * b), {}),
    "without g": one(lambda x: x * x, lambda g, x: 2 * x),
    "zeros for a softmax": one(softmax_naive, lambda g, x: 0 * x, shapes="not empty"),
    "a little more": one(lambda x: x**3, lambda g, x: g * 3 * x * x + 1e-3),
    # memory order
    "value in flat order": one(flat_order, lambda g: g * 1, **ARRAYS),
    "gradient in flat order": one(lambda x: x * 2, lambda g: flat_order(g) * 2, **ARRAYS),
    "value if not contiguous": value(lambda x: not x.flags.c_contiguous),
    "value if Fortran order": value(lambda x: x.flags.f_contiguous and x.ndim > 1 and not x.flags.c_contiguous),
    "value if permuted": value(lambda x: x.ndim == 3 and x.strides[1] > max(x.strides[0], x.strides[2])),
    "value if reversed": value(lambda x: any(stride < 0 for stride in x.strides)),
    "value if reversed first": value(lambda x: x.ndim > 1 and x.strides[0] < 0),
    "value if expanded": value(lambda x: any(s == 0 for s, n in zip(x.strides, x.shape, strict=True) if n > 1)),
    "value if strided": value(lambda x: x.ndim > 0 and x.shape[-1] > 1 and x.strides[-1] == 2 * x.itemsize),
    "value if read-only": value(lambda x: not x.flags.writeable),
    "value if misaligned": value(lambda x: not x.flags.aligned),
    "value if offset": value(lambda x: x.base is not None and x.base.size > x.size),
    "rule if Fortran order": square(lambda x: x.ndim == 2 and not x.flags.c_contiguous, **ARRAYS),
    "rule if g is not contiguous": one(
        lambda x: x * 2, lambda g: g * (2 if isinstance(g, Tensor) or g.flags.c_contiguous else 3), dtypes=()
    ),
    # sharing
    "the input itself": one(lambda x: x, lambda g: g * 1),
    "a view undeclared": one(lambda x: x.reshape(-1), lambda g, shape: g.reshape(shape) * 1),
    "a view in part": one(lambda x: x[..., :1], lambda g, x: np.concatenate([g, 0 * x[..., 1:]], axis=-1), **ROW),
    "declared a view": one(lambda x: x * 2, lambda g: g * 2, view=True),
    "keeps its output": Planted(keeps_its_output, {}),
    "keeps its gradient": Planted(keeps_its_gradient, {}),
    "keeps its input": Planted(keeps_its_input, ARRAYS),
    "writes into g": one(lambda x: x * 2, writes_into_g, **ARRAYS),
    "writes into x": one(lambda x: x * x, writes_into_x),
    "changes its input": one(changes_its_input, lambda g: g * 2),
    "rules share a buffer": Planted(rules_share_a_buffer, {}),
    "draws anew": Planted(draws_anew, {}),
    # the order of indices
    "cumsum not reversed": one(lambda x: np.cumsum(x, axis=-1), not_reversed, **ROW),
    "sort not undone": one(sorted_last, lambda g, x: np.take_along_axis(g, np.argsort(x, -1), -1), **ROW, **ARRAYS),
    "roll not turned": one(lambda x: np.roll(x, 1, -1), lambda g: np.roll(g, 1, -1), **ROW, **ARRAYS),
    "flip of another dim": one(lambda x: np.flip(x, -1) * 1, lambda g: np.flip(g, 0) * 1, **ROW),
    "reshape for a transpose": one(lambda x: x.T * 1, lambda g, shape: g.reshape(shape) * 1, **ARRAYS),
    "moveaxis forth and forth": one(
        lambda x: np.moveaxis(x, 0, -1) * 1, lambda g: np.moveaxis(g, 0, -1) * 1, **ROW, **ARRAYS
    ),
    # broadcasting
    "broadcast of a row": product(lambda a, b: b.ndim == a.ndim > 1 and b.shape[0] == 1 < a.shape[0]),
    "broadcast of a column": product(lambda a, b: b.ndim == a.ndim > 1 and b.shape[-1] == 1 < a.shape[-1]),
    "broadcast in front": product(lambda a, b: 0 < b.ndim < a.ndim),
    "broadcast in the middle": product(lambda a, b: b.ndim > 2 and b.shape[1] == 1 < b.shape[0] and a.shape[1] > 1),
    "broadcast of a number": product(lambda a, b: b.ndim == 0 < a.ndim),
    "broadcast both ways": product(
        lambda a, b: a.ndim > 1 < b.ndim and a.shape[0] == 1 < b.shape[0] and b.shape[-1] == 1 < a.shape[-1]
    ),
    "mean for a sum": Planted(lambda: operation(lambda a, b: a + b, a=lambda g: g * 1, b=mean_in_front), {}),
    # only some shapes
    "no dimensions": square(lambda x: x.ndim == 0),
    "two dimensions": square(lambda x: x.ndim == 2 and x.shape[0] > 1),
    "three dimensions": square(lambda x: x.ndim == 3),
    "four dimensions": square(lambda x: x.ndim == 4),
    "more rows than columns": square(lambda x: x.ndim == 2 and x.shape[0] > x.shape[1] > 1),
    "a size of 1": square(lambda x: 1 in x.shape),
    "the first size for the last": one(
        row_sums_as_if_square, lambda g, x: (g / x.shape[0]).reshape((*g.shape, 1)) + 0 * x, shapes="matrices"
    ),
    "an error without elements": one(lambda x: x * 1 if x.size else x[0], lambda g: g * 1),
    # values
    "negative numbers": square(lambda x: x < 0),
    "near zero": square(lambda x: abs(x) < 0.02),
    "large numbers": square(lambda x: abs(x) > 1.8),
    "equal to one": square(lambda x: x == 1),
    "zeros in a product": one(lambda x: np.prod(x), lambda g, x, y: g * y / x),
    # the second derivative
    "second derivative cut": one(lambda x: x**3, lambda g, x: g * 3 * x * getattr(x, "detach", lambda: x)()),
    "second derivative of g cut": one(lambda x: x**3, lambda g, x: 3 * x * x * getattr(g, "detach", lambda: g)()),
    "second derivative by item": one(lambda x: np.exp(x.sum()), lambda g, x: g * np.exp(x.sum().item()) + 0 * x),
    # half precision and other dtypes
    "a float64 constant": one(lambda x: x * np.float64(2), lambda g: g * 2),
    "squares in half precision": one(lambda x: np.sqrt((x * x).sum() + 1), lambda g, x, y: g * x / y),
    "a gradient too large for half": one(lambda x: x * x, lambda g, x: g * 40000 * x / 20000),
    "a constant too small for half": one(
        lambda x: x / (abs(x) + 1e-12), lambda g, x: 0 * g * x, shapes="not empty", order=0
    ),
    "halves of integers": Planted(lambda: lambda x: x * 0 + tg.full_like(x, 0.5), {"order": 0}),
    # the range
    "log(1 + exp(x))": one(lambda x: np.log(1 + np.exp(x)), lambda g, x: g / (1 + np.exp(-x))),
    "rule of log(1 + exp(x))": one(
        lambda x: np.logaddexp(x, 0), lambda g, x: g * np.exp(x) / (1 + np.exp(x)), **ARRAYS
    ),
    "softmax without its maximum": one(softmax_naive, gradient_of_softmax, shapes="not empty"),
    "rule of tanh by exp": one(lambda x: np.tanh(x), lambda g, x: g * 4 * np.exp(2 * x) / (np.exp(2 * x) + 1) ** 2),
    # settings
    "a bool unheeded": one(negated, lambda g: g * 2),
    "a scale unheeded": one(scaled, lambda g: g * 1),
    "an exponent unheeded": one(power, lambda g, x: g * 2 * x),
    "keepdims unheeded": one(reduced, lambda g, shape: np.broadcast_to(g, shape) * 1, **ROW),
    "a setting drawn": one(
        lambda x, *, delta=None: x * (delta or 1), lambda g: g, settings={"delta": hypothesis.strategies.floats(1.5, 2)}
    ),
}


def last(x: Any) -> Any:
    return x.softmax(-1)


SHAPED = {"shapes": "at least one dimension"}
RIGHT: dict[str, tuple[Any, dict[str, Any]]] = {
    "abs": (lambda x: x.abs(), {}),
    "sort": (lambda x: x.sort(-1)[0], SHAPED),
    "max": (lambda x: x.max(), {"shapes": "not empty"}),
    "max of two": (lambda a, b: tg.maximum(a, b), {}),
    "where": (lambda a, b: tg.where(a > b, a * a, b), {}),
    "floor": (lambda x: x.floor(), {}),
    "sqrt": (lambda x: x.sqrt(), {"low": 0.0, "high": 4.0}),
    "softmax": (last, SHAPED),
    "cumsum": (lambda x: x.cumsum(-1), SHAPED),
    "prod": (lambda x: x.prod(), {}),
    "exp": (lambda x: x.exp(), {"reference": np.exp}),
    "log": (lambda x: x.log(), {"low": 0.1, "high": 4.0}),
    "relu": (lambda x: x.relu(), {}),
    "div": (lambda a, b: a / b, {"low": 0.4, "high": 3.0}),
    "mul": (lambda a, b: a * b, {"reference": np.multiply}),
    "matmul": (lambda a, b: a @ b, {"shapes": "matmul"}),
    "sum": (lambda x: x.sum(), {}),
    "round": (lambda x: x.round(), {}),
    "sigmoid": (lambda x: x.sigmoid(), {}),
    "transpose": (lambda x: x.transpose(0, -1), SHAPED),
}


def is_found(mistake: Planted, seed: int, **how: Any) -> bool:
    """Whether check_op finds a mistake, with Hypothesis's random numbers from this seed."""
    try:
        run(mistake.make(), {**mistake.settings, **how}, seed)
    except Exception:
        return True
    return False


def run(checked: Any, how: dict[str, Any], seed: int) -> None:
    """check_op with random numbers from a seed: Hypothesis takes them from Python's random."""
    profile = hypothesis.settings(database=None, derandomize=False, max_examples=how.pop("max_examples", 100))
    hypothesis.settings.register_profile("planted", profile)
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.load_profile("planted")
    hypothesis.core.global_force_seed = seed
    try:
        check_op(checked, **how)
    finally:
        hypothesis.core.global_force_seed = None
        hypothesis.settings.load_profile(before)


def main(arguments: list[str]) -> int:
    """Print how often each mistake is found, or each right operation blamed."""
    seeds = int(arguments[0]) if arguments else 20
    if "right" in arguments:
        for name, (checked, how) in RIGHT.items():
            started, blamed = time.perf_counter(), 0
            for seed in range(seeds):
                try:
                    run(checked, dict(how), seed)
                except Exception as error:
                    blamed += 1
                    print(f"{name}, seed {seed}: {error}")
            print(
                f"{name:<12} blamed {blamed} of {seeds}, {(time.perf_counter() - started) / seeds:.2f} s each",
                flush=True,
            )
        return 0
    for name, mistake in MISTAKES.items():
        rates = [sum(is_found(mistake, seed, max_examples=number) for seed in range(seeds)) for number in (100, 1)]
        print(f"{name:<32} found {rates[0]:>4} and, by the covering set alone, {rates[1]:>4} of {seeds}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
