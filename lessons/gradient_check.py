"""Is this gradient right? Differences, their traps, and a property test that finds a dozen classic mistakes.

Run it (`python -m lessons gradient_check`), or with `--bug N`, from 1 to 12: then mistake N is planted in an operation,
and you are shown what the checks say, not the source. Find it before you look it up in this file.
"""

# %% [markdown]
# # Is this gradient right?
#
# A wrong gradient makes no noise. The loss still falls, only slower, or not as far, and nobody knows why. So whoever
# writes a gradient checks it, and there is one judge who needs no calculus: the *difference*. Move the input a little,
# and see how much the output moves.

# %%
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import tinygrad_lite
from lessons.shared import Album, read_options
from tinygrad_lite import Tensor, float64, op, tensor
from tinygrad_lite.op import Op
from tinygrad_lite.testing import GradcheckError, NoDerivative, check_op, errors_by_step, explain, gradcheck

options = read_options(__doc__, ("--bug", {"type": int, "choices": range(1, 13), "help": "plant mistake N, find it"}))
album = Album(options.save)
settings.register_profile("lesson", max_examples=30, deadline=None, database=None, derandomize=True)
settings.load_profile("lesson")

# %% [markdown]
# ## A derivative by differences
#
# The derivative of x³ at 2 is 12. The *forward difference* (f(x + ε) - f(x)) / ε comes near it; the *central
# difference* (f(x + ε) - f(x - ε)) / 2ε much nearer, since what is bent to the right and to the left cancels out.


# %%
def cube(x):
    return x**3


for step in (0.1, 0.01, 0.001):
    forward = (cube(2 + step) - cube(2)) / step
    central = (cube(2 + step) - cube(2 - step)) / (2 * step)
    print(f"step {step:<6g} forward {forward:.8f}   central {central:.8f}")

# %% [markdown]
# A smaller step is better, but not for ever: a computer rounds f to 16 digits, and the rounding is divided by ε. So the
# error has a valley. On its left slope it is rounding; on the right one the function is bent, and there the error of
# the central difference falls with the square of the step.

# %%
x = tensor([0.5, 1.0, 2.0], dtype=float64, requires_grad=True)
steps = [10.0 ** (-k / 4) for k in range(2, 49)]
central = [error for _, error in errors_by_step(lambda x: x.exp(), x, steps)]
forward = [abs((np.exp(2 + step) - np.exp(2)) / step - np.exp(2)) for step in steps]
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.loglog(steps, forward, label="forward difference", color="#d55e00")
axes.loglog(steps, central, label="central difference", color="#0072b2")
axes.set(xlabel="step ε", ylabel="error of the derivative of eˣ", title="Too small a step is as bad as too large a one")
axes.legend()
album.add(figure, "steps")
best = steps[int(np.argmin(central))]
print(f"the central difference is best with a step of about {best:.0e}, and off by {min(central):.0e} there")

# %% [markdown]
# ## Every element, one after another
#
# `gradcheck` does this for every number of every input, and compares with what `backward()` computes. It works in
# float64: in float32, with 7 digits, the valley is shallow, and every gradient looks wrong.

# %%
print("gradcheck of eˣ:", gradcheck(lambda x: x.exp(), x))


@op
def cubed(x):
    """y = x³"""
    return x**3


@cubed.gradient("x")
def _(g, x):
    return g * 3 * x  # that should be x squared


try:
    gradcheck(cubed, x)
except GradcheckError as error:
    print("gradcheck of x³ says:", error)

# %% [markdown]
# ## First trap: weights of 1
#
# An operation has many outputs, and a difference is one number. So the outputs are added up, and it matters how. The
# outputs of a softmax are probabilities: their sum is 1, whatever the input. Added up just so, a softmax has the
# derivative 0, and a rule that returns nothing but zeros passes! With random weights it does not.


# %%
@op
def softmax(x):
    """y = eˣ / Σ eˣ"""
    e = np.exp(x - x.max())
    return e / e.sum()


@softmax.gradient("x")
def _(g, x):
    return 0 * x


def with_weights_of_1(x):
    return softmax(x).sum()


print("a softmax whose gradient is always 0, added up with weights of 1:", gradcheck(with_weights_of_1, x))
print("with random weights:", gradcheck(softmax, x, raise_exception=False))

# %% [markdown]
# ## Second trap: kinks
#
# At 0 the ReLU has no derivative: 0 on the left, 1 on the right, and the central difference says ½. That is no mistake
# of anybody's. `gradcheck` recognises a kink: the slope on the right minus that on the left does not become smaller
# with the step, as it does where a function is smooth. Such elements are left out; if none remains, it says so.

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
line = np.linspace(-1, 1, 201)
axes.plot(line, np.maximum(line, 0), color="black", linewidth=2, label="ReLU")
for step, colour in ((0.8, "#009e73"), (0.4, "#d55e00")):
    axes.plot([-step, step], [0, step], "o-", color=colour, label=f"central difference, step {step}: slope ½")
axes.set(title="At a kink the difference is a slope that the function has nowhere", xlabel="x")
axes.legend()
album.add(figure, "kink")

print(
    "ReLU at -1, 0 and 2:", gradcheck(tinygrad_lite.relu, tensor([-1.0, 0.0, 2.0], dtype=float64, requires_grad=True))
)
try:
    gradcheck(tinygrad_lite.relu, tensor([0.0], dtype=float64, requires_grad=True))
except NoDerivative as error:
    print("ReLU at 0 only:", error)

# %% [markdown]
# ## One line instead of a hundred tests
#
# Right at three points does not mean right. It may be wrong for negative numbers, for a matrix, for one without rows,
# for a transposed one, when both inputs are asked for, in float32, or in the second derivative. `check_op` lets the
# library Hypothesis draw inputs of all these kinds. And when it has found one that fails, Hypothesis makes it smaller
# and simpler, as long as it still fails: what you see in the end is the smallest example.

# %%
check_op(lambda a, b: a * b.sin(), reference=lambda a, b: a * np.sin(b))
print("a · sin(b) passes.")
try:
    check_op(cubed)
except GradcheckError as error:
    print("x³ with the wrong rule:", error)

# %% [markdown]
# ## A dozen classic mistakes
#
# Each was made by somebody, in an engine that people used. Before you read on, try `--bug 1` to `--bug 12`.


# %%
def planted(forward, **rules) -> Op:
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
    g *= b
    return g


def constant(x: Tensor) -> Tensor:
    return x.detach() if isinstance(x, Tensor) else x


SQUARES = {"shapes": st.just([(2, 2), (2, 2)])}
VECTOR = {"shapes": st.just([(3,)])}
POSITIVE = {"low": 0.5, "high": 2.5}
MISTAKES: list[tuple[str, Op, dict[str, Any]]] = [
    ("the sign", planted(minus, a=lambda g: g, b=lambda g: g), {}),
    ("a factor", planted(square, x=lambda g, x: g * x), {}),
    ("the chain rule: g is left out", planted(sigmoid, x=lambda g, y: y * (1 - y)), {}),
    ("the input where the output belongs", planted(tanh, x=lambda g, x: g * (1 - x * x)), {}),
    ("a square", planted(divide, a=lambda g, b: g / b, b=lambda g, a, b: -g * a / b), POSITIVE),
    ("the transpose", planted(product, a=lambda g, b: g @ b, b=lambda g, a: a.T @ g), SQUARES),
    ("zeros, which weights of 1 would not find", softmax, VECTOR),
    ("the mean's 1 / n", planted(average, x=lambda g, x: g + 0 * x), VECTOR),
    ("wrong only for negative numbers", planted(magnitude, x=lambda g: g), {}),
    ("the gradient is summed too far", planted(plus, a=lambda g: g, b=lambda g: g.sum()), {}),
    ("g is changed in place, and the next rule gets it", planted(times, a=in_place, b=lambda g, a: g * a), {}),
    ("right, but its own derivative is not", planted(square, x=lambda g, x: 2 * g * constant(x)), {}),
]


def verdict(operation: Op, how: dict[str, Any]) -> Exception | None:
    """What `check_op` finds."""
    try:
        check_op(operation, **how)
    except Exception as error:
        return error
    return None


def smallest_example(error: Exception | None) -> str:
    """The example that Hypothesis ended with, from its note on the error."""
    if error is None:
        return "NOT FOUND"
    note = next((note for note in getattr(error, "__notes__", []) if "drawn=" in note), "")
    lines = [line.partition("#")[0].strip() for line in note.splitlines()]
    return ", ".join(re.findall(r"array[(].*?[)](?=[,)])", "".join(lines)))


# %%
if options.bug:
    name, operation, how = MISTAKES[options.bug - 1]
    print(f"\nMistake {options.bug} is in an operation that claims to be:  {operation.forward.__doc__}\n")
    at = [tensor([[0.5, 1.5], [2.0, -1.0]], dtype=float64, requires_grad=True) for _ in operation.inputs]
    at = [at[0].detach()[0].clone().requires_grad_()] if how is VECTOR else at
    print(explain(operation, *at).partition("input  ")[2].join(["input  ", ""]))
    found = verdict(operation, how)
    print("check_op says:", found)
    print("the smallest example:", smallest_example(found))
    print(f"\nWhat is wrong? The answer is number {options.bug} of MISTAKES in lessons/gradient_check.py.")
else:
    print(f"{'':>3} {'mistake':<50} found at")
    for number, (name, operation, how) in enumerate(MISTAKES, start=1):
        print(f"{number:>3} {name:<50} {smallest_example(verdict(operation, how))}")

# %% [markdown]
# ## Your own
#
# `explain` shows an operation on one page: the formula, the source, both derivatives side by side, and the valley.

# %%
if not options.bug:
    print(explain(tinygrad_lite.ops.tanh))
album.show()
