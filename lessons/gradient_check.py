"""Is this gradient right? Differences, their traps, and a property test that finds a dozen classic mistakes.

Run it (`python -m lessons gradient_check`), or with `--bug N`, from 1 to 12: then mistake N is planted in an operation,
and you are shown what the checks say, not the source. Find it; `--bug N --answer` shows the rule that is wrong.
"""

# %% [markdown]
# # Is this gradient right?
#
# A wrong gradient makes no noise. The loss still falls, only slower, or not as far, and nobody knows why. So whoever
# writes a gradient checks it, and there is one judge who needs no calculus: the *difference*. Move the input a little,
# and see how much the output moves.

# %%
import sys

import matplotlib.pyplot as plt
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import tinygrad_lite
from lessons.gradient_mistakes import MISTAKES, hunt, needed, verdict
from lessons.shared import Album, read_options
from tinygrad_lite import float64, op, tensor
from tinygrad_lite.testing import GradcheckError, NoDerivative, check_op, errors_by_step, explain, gradcheck, mutants

options = read_options(
    __doc__,
    ("--bug", {"type": int, "choices": range(1, 13), "help": "plant mistake N, and hunt for it"}),
    ("--answer", {"action": "store_true", "help": "with --bug: show the rule that is wrong"}),
)
settings.register_profile("lesson", max_examples=30, deadline=None, database=None, derandomize=True)
settings.load_profile("lesson")
if options.answer and not options.bug:
    print("--answer goes with --bug N: it shows the rule that is wrong there", file=sys.stderr)
    sys.exit(2)
if options.bug:
    hunt(options.bug, options.answer)
    sys.exit()
album = Album(options.save)

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
# error has a valley. On its left slope the error is rounding; on the right one the function is bent, and there the
# error of the central difference falls with the square of the step.

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
# outputs of a softmax are probabilities: their sum is 1, whatever the input. Added up like this, a softmax has the
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
# At 0 the ReLU has no derivative: 0 on the left, 1 on the right, and the central difference says ½. That is nobody's
# mistake. `gradcheck` recognises a kink: the slope on the right minus that on the left does not become smaller with the
# step, as it does where a function is smooth. Such elements are left out; if none remains, it says so.

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
# for a transposed one, when both inputs are asked for, in float32, or in the second derivative. `check_op` goes through
# inputs of all these kinds. And when it has found one that fails, it makes it smaller and simpler, for as long as it
# still fails: what you see in the end is the simplest example, and what that could not do without.

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
print(f"{'':>3} {'mistake':<50} what it takes to show")
for number, mistake in enumerate(MISTAKES, start=1):
    print(f"{number:>3} {mistake.what:<50} {needed(verdict(mistake))}")

# %% [markdown]
# ## Green, and nothing looked at
#
# A check that passes has looked at something, or at nothing: the green is the same. Here are three rules that are
# wrong, and three checks that pass, each because of where it looked.


# %%
@op
def product(a, b):
    """y = a @ b, a product of matrices"""
    return a @ b


product.gradient("a")(lambda g, b: g @ b)  # that should be g @ b.T
product.gradient("b")(lambda g, a: a.T @ g)


@op
def gate(x):
    """y = max(x, 0)"""
    return np.maximum(x, 0)


gate.gradient("x")(lambda g: 0 * g)  # nothing ever gets through


@op
def double(x):
    """y = 2 x"""
    return 2 * x


double.gradient("x")(lambda g: 2 * g if g.ndim < 2 else 2 * g.swapaxes(-1, -2).reshape(g.shape))

symmetric = [tensor([[2.0, 1.0], [1.0, 3.0]], dtype=float64, requires_grad=True) for _ in range(2)]
negative = tensor([-1.0, -2.0, -0.5], dtype=float64, requires_grad=True)
print("a product without its transposition, at symmetric matrices:", gradcheck(product, symmetric))
print("a ReLU without a gradient, at negative numbers:", gradcheck(gate, negative))
print("a matrix's gradient transposed, at a vector:", gradcheck(double, x))

# %% [markdown]
# More examples do not help if luck draws them. Here are a hundred pairs of shapes that broadcast together, drawn with
# dice: for each dimension its size, from 0 to 3, then for each of the two whether the size is 1, and how many
# dimensions are left out in front.

# %%
rng = np.random.default_rng(options.seed)


def with_dice():
    whole = rng.integers(0, 4, size=rng.integers(0, 4))
    both = [np.where(rng.random(len(whole)) < 0.5, whole, 1)[rng.integers(0, len(whole) + 1) :] for _ in range(2)]
    return [tuple(shape.tolist()) for shape in both]


pairs = [with_dice() for _ in range(100)]
for what, holds in (
    ("neither has any dimensions", lambda a, b: not a and not b),
    ("one of them has no elements at all", lambda a, b: 0 in a + b),
    ("the first is a matrix of several rows and columns", lambda a, b: len(a) == 2 and min(a) > 1),
    ("the first is that, and not square", lambda a, b: len(a) == 2 and min(a) > 1 and a[0] != a[1]),
):
    print(f"of 100 pairs, {what}: {sum(holds(a, b) for a, b in pairs)}")

# %% [markdown]
# A transposed gradient shows in a matrix only, a wrong sum only where something was broadcast, a mistake with memory
# only where an array is not contiguous: and a number is contiguous in whatever layout it was made. So `check_op` first
# goes through examples that were chosen: any two properties that can occur together, such as "three dimensions" and
# "reversed", do so in one of them. With report=True it says what it has drawn, and how many elements it compared.


# %%
def times_sine(a, b):
    return a * b.sin()


check_op(times_sine, report=True)

# %% [markdown]
# ## Who checks the check?
#
# The last question has an answer too: make the rule wrong, and see whether the check notices. `mutants` does this for
# every sign, factor, operand, number and shape in turn. A mutant that passes has *survived*, and what survived could
# have been your own mistake.


# %%
@op
def smooth_step(x):
    """y = 3 x² - 2 x³"""
    return 3 * x**2 - 2 * x**3


@smooth_step.gradient("x")
def _(g, x):
    return g * 6 * x * (1 - x)


print("gradcheck at three numbers:")
print(mutants(smooth_step, lambda: gradcheck(smooth_step, x)))
print("check_op of vectors:")
print(mutants(smooth_step, lambda: check_op(smooth_step, st.just([(3,)]))))
print("check_op:")
print(mutants(smooth_step))

# %% [markdown]
# For the operations in a module of your own the command is `python -m tinygrad_lite.testing.mutants MODULE`.

# %% [markdown]
# ## Your own
#
# `explain` shows an operation on one page: the formula, the source, both derivatives side by side, and the valley.

# %%
print(explain(tinygrad_lite.ops.tanh))
album.show()
