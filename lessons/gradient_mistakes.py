"""A dozen classic mistakes in gradient rules, each planted in an operation, for the lesson `gradient_check`.

Whoever wants to find them should not read on: `python -m lessons gradient_check --bug 1` shows what the checks say, and
`--bug 1 --answer` what was wrong. Each was made by somebody, in an engine that people used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lite import Tensor, float64, op, tensor
from tinygrad_lite.op import Op
from tinygrad_lite.testing import check_op, explain


@dataclass
class Mistake:
    """An operation with one wrong rule."""

    what: str  # the mistake, in words
    operation: Op
    input: str  # the input whose rule is wrong
    wrong: str  # the rule as it is planted, and as it should be
    right: str
    how: dict[str, Any] = field(default_factory=dict)  # settings of check_op: where the operation is defined


def planted(forward: Callable[..., Any], **rules: Callable[..., Any]) -> Op:
    """An operation from a function on arrays and its rules, by input."""
    operation = op(forward)
    for name, rule in rules.items():
        operation.gradient(name)(rule)
    return operation


def minus(a, b):
    """y = a - b"""
    return a - b


def square(x):
    """y = x²"""
    return x * x


def sigmoid(x):
    """y = 1 / (1 + e⁻ˣ)"""
    return 1 / (1 + np.exp(-x))


def tanh(x):
    """y = tanh x"""
    return np.tanh(x)


def divide(a, b):
    """y = a / b"""
    return a / b


def product(a, b):
    """y = a @ b, a product of matrices"""
    return a @ b


def softmax(x):
    """y = eˣ / Σ eˣ"""
    e = np.exp(x - x.max())
    return e / e.sum()


def average(x):
    """y = Σ x / n"""
    return x.sum() / x.size


def magnitude(x):
    """y = |x|"""
    return abs(x)


def plus(a, b):
    """y = a + b"""
    return a + b


def times(a, b):
    """y = a · b"""
    return a * b


def in_place(g, b):
    """g · b, computed in g's own memory."""
    g *= b
    return g


def constant(x: Any) -> Any:
    """x as a constant, which gets no gradient."""
    return x.detach() if isinstance(x, Tensor) else x


SQUARES = {"shapes": st.just([(2, 2), (2, 2)])}
VECTOR = {"shapes": st.just([(3,)])}
POSITIVE = {"low": 0.5, "high": 2.5}
MISTAKES = [
    Mistake("the sign", planted(minus, a=lambda g: g, b=lambda g: g), "b", "g", "-g"),
    Mistake("a factor", planted(square, x=lambda g, x: g * x), "x", "g * x", "g * 2 * x"),
    Mistake(
        "the chain rule: g is left out", planted(sigmoid, x=lambda g, y: y * (1 - y)),
        "x", "y * (1 - y)", "g * y * (1 - y)",
    ),
    Mistake(
        "the input where the output belongs", planted(tanh, x=lambda g, x: g * (1 - x * x)),
        "x", "g * (1 - x * x)", "g * (1 - y * y)",
    ),
    Mistake(
        "a square", planted(divide, a=lambda g, b: g / b, b=lambda g, a, b: -g * a / b),
        "b", "-g * a / b", "-g * a / b**2", POSITIVE,
    ),
    Mistake(
        "the transpose", planted(product, a=lambda g, b: g @ b, b=lambda g, a: a.T @ g),
        "a", "g @ b", "g @ b.T", SQUARES,
    ),
    Mistake(
        "zeros, which weights of 1 would not find", planted(softmax, x=lambda g, x: 0 * x),
        "x", "0 * x", "y * (g - (g * y).sum())", VECTOR,
    ),
    Mistake(
        "the mean's 1 / n", planted(average, x=lambda g, x: g + 0 * x), "x", "g + 0 * x", "(g + 0 * x) / len(x)", VECTOR
    ),
    Mistake(
        "wrong only for negative numbers", planted(magnitude, x=lambda g: g), "x", "g", "g * sign(x)"
    ),
    Mistake(
        "the gradient is summed too far", planted(plus, a=lambda g: g, b=lambda g: g.sum() + 0 * g),
        "b", "g.sum() + 0 * g", "g",
    ),
    Mistake(
        "g is changed in place, and the next rule gets it", planted(times, a=in_place, b=lambda g, a: g * a),
        "a", "g *= b; return g", "g * b",
    ),
    Mistake(
        "right, but its own derivative is not", planted(square, x=lambda g, x: 2 * g * constant(x)),
        "x", "2 * g * x.detach()", "2 * g * x",
    ),
]  # fmt: skip


def verdict(mistake: Mistake) -> Exception | None:
    """What `check_op` finds."""
    try:
        check_op(mistake.operation, **mistake.how)
    except Exception as error:
        return error
    return None


def smallest_example(error: Exception) -> str:
    """The example that the check ended with, from its note on the error; its numbers with three digits."""
    note = next(note for note in error.__notes__ if "drawn=" in note).partition("drawn=")[2]
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.3g}", note)


def needed(error: Exception | None) -> str:
    """What an example must have for the mistake to show: the last sentence of the error."""
    return "NOT FOUND" if error is None else str(error).rpartition(". ")[2]


def hunt(number: int, answer: bool) -> None:
    """Show what the checks say of mistake `number`, and not the source; with `answer`, the rule that is wrong."""
    mistake = MISTAKES[number - 1]
    print(f"\nMistake {number} is in an operation that claims to be:  {mistake.operation.forward.__doc__}\n")
    numbers = [0.5, 1.5, 2.0] if mistake.how is VECTOR else [[0.5, 1.5], [2.0, -1.0]]
    at = [tensor(numbers, dtype=float64, requires_grad=True) for _ in mistake.operation.inputs]
    page = explain(mistake.operation, *at)
    print(page[page.index("input  ") :])
    found = verdict(mistake)
    assert found is not None, "check_op finds each of them: a test says so"
    print("check_op says:", found)
    print("the simplest example:", smallest_example(found))
    if answer:
        print(f"\nThe mistake: {mistake.what}.")
        print(f"The rule for {mistake.input} is   {mistake.wrong}\nand should be   {mistake.right}")
    else:
        print(f"\nWhat is wrong? `python -m lessons gradient_check --bug {number} --answer` shows the rule.")
