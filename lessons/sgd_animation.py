"""SGD animation: a line is fitted to points, step by step, by gradient descent.

Run it (`python -m lessons sgd_animation`), or step through its cells in an editor that knows `# %%`, or in Jupyter.
"""

# %% [markdown]
# # Fitting a line by gradient descent
#
# The points below lie near a line, y = ax + b. We pretend not to know a and b, and find them in the way in which the
# weights of every neural network are found: guess; measure how wrong the guess is, by a single number, the *loss*;
# ask in which direction the loss falls; take a small step that way; repeat.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinygrad_lite
from lessons.shared import Album, read_options
from tinygrad_lite import Tensor, linspace, nn, ones, randperm, tensor
from tinygrad_lite.autograd import backward_steps

options = read_options(__doc__)
album = Album(options.save)
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#999999"  # told apart by colour-blind eyes too

# %% [markdown]
# ## The points
#
# `x` has a row for each point and two columns: the position, between -1 and 1, and a column of ones. With the ones,
# slope and intercept together are a single matrix product: `x @ a` is a₀ · position + a₁ · 1, for all points at once.
#
# `uniform_` ends in an underscore: it changes the tensor in place. `x[:, 0]` is a view, the first column itself and no
# copy of it, so it is x that is filled with random numbers.

# %%
n = 100
x = ones(n, 2, device=options.device)
x[:, 0].uniform_(-1.0, 1)
print("the first five rows of x:", x[:5], sep="\n")

# %%
a_true = tensor(3.0, 2, device=options.device)
y = x @ a_true + tinygrad_lite.rand(n, device=options.device)

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.scatter(x[:, 0].cpu(), y.cpu(), s=14, color=BLUE)
axes.set(xlabel="x", ylabel="y", title="100 points near a line")
album.add(figure, "points")

# %% [markdown]
# The noise lies between 0 and 1. It lifts the points by 0.5 on average, so the line to be found is nearly
# y = 3x + 2.5.
#
# ## The loss
#
# The mean squared error: how far the line is from the points, squared, on average.


# %%
def mse(y_hat: Tensor, y: Tensor) -> Tensor:
    return ((y_hat - y) ** 2).mean()


a = tensor(-1.0, 1, device=options.device)
print("a guess, y = -x + 1, has the loss", mse(x @ a, y))

# %% [markdown]
# ## The gradient
#
# A `Parameter` is a tensor that is to be learned: from here on, what is computed with it is recorded. The loss then
# knows how it was made, by `grad_fn`, and `backward()` walks that way back. After it, `a.grad` says how much the loss
# would grow if a₀, or a₁, grew a little.

# %%
a = nn.Parameter(a)
loss = mse(x @ a, y)
print(loss)
loss.backward()
print("a.grad is", a.grad)

# %% [markdown]
# Nothing about it is hidden. `backward()` takes these steps; each is an operation of the formula above, the last one
# first, and the derivative of each is a line or two in `tinygrad_lite/ops/`.

# %%
for node, gradient, handed_on in backward_steps(mse(x @ a, y)):
    passed = [tuple(g.shape) for g in handed_on if g is not None]
    print(f"    {node.name():<16} got a gradient of shape {gradient.shape!s:<7} and handed on {passed}")

# %% [markdown]
# Why the last one first, and not simply from each operation on to those before it? Because a value may be used twice.
# Here b is used twice, and has to wait for both of its gradients before it hands them on; else a's share would be
# counted wrong. With c = 2b and b = 2a the derivative is 4.

# %%
a_number = tensor(1.0, requires_grad=True)
b_number = a_number + a_number
c_number = b_number + b_number
c_number.backward()
print("the derivative of c = (a + a) + (a + a) with respect to a:", a_number.grad)

# %% [markdown]
# ## The step
#
# Against the gradient, the loss falls fastest. How far to go is the *learning rate*. The step itself must not be
# recorded (`no_grad`), and gradients add up until they are set to zero (`zero_`).


# %%
def update(a: nn.Parameter, x: Tensor, y: Tensor, lr: float) -> None:
    loss = mse(x @ a, y)
    loss.backward()
    with tinygrad_lite.no_grad():
        a.sub_(lr * a.grad)
        a.grad.zero_()


a = nn.Parameter(tensor(-1.0, 1, device=options.device))
for step in range(61):
    if step % 10 == 0:
        print(f"    step {step:2}   loss {mse(x @ a, y).item():.4f}   a = {a[0].item():.3f}, b = {a[1].item():.3f}")
    update(a, x, y, lr=0.1)

# %% [markdown]
# ## The animation
#
# To watch it, we note slope, intercept and loss at each step. The loss depends on two numbers only, so it can be drawn
# as a landscape: the *loss surface*. We compute it for a whole grid of slopes and intercepts at once, by broadcasting:
# (81, 1, 1) · (100,) + (81, 1) gives (81, 81, 100), of which the mean over the points remains.

# %%
STEPS = 60
START = (-1.0, 1.0)
slopes = linspace(-3, 8, 81, device=options.device)
intercepts = linspace(-2, 6, 81, device=options.device)
lines = slopes[:, None, None] * x[:, 0] + intercepts[:, None]
surface = ((lines - y) ** 2).mean(-1)
print("the loss surface has the shape", surface.shape)


def descend(lr: float, batch_size: int = n) -> np.ndarray:
    """Slope, intercept and loss before each step and after the last: (STEPS + 1, 3)."""
    a = nn.Parameter(tensor(*START, device=options.device))
    history = [[*a.tolist(), mse(x @ a, y).item()]]
    for _ in range(STEPS):
        batch = randperm(n, device=options.device)[:batch_size]
        update(a, x[batch], y[batch], lr)
        history.append([*a.tolist(), mse(x @ a, y).item()])
    return np.array(history)


def animate(runs: dict[str, np.ndarray], name: str, title: str) -> None:
    """The fit, the loss and the path on the loss surface, a colour for each run, every step a frame."""
    figure, (fit, curve, path) = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    fit.scatter(x[:, 0].cpu(), y.cpu(), s=8, color=GREY)
    fit.set(xlim=(-1.1, 1.1), ylim=(-2, 7), xlabel="x", ylabel="y", title=title)
    curve.set(yscale="log", xlabel="step", ylabel="loss")
    levels = np.geomspace(0.1, surface.max().item(), 16)
    path.contour(slopes.cpu(), intercepts.cpu(), surface.T.cpu(), levels=levels, colors="#cccccc", linewidths=0.8)
    lowest = surface.argmin().item()
    path.plot(slopes[lowest // 81].cpu(), intercepts[lowest % 81].cpu(), "*", color="black", markersize=12)
    path.set(xlim=(-3, 8), ylim=(-2, 6), xlabel="slope", ylabel="intercept", title="path on the loss surface")
    moving = []
    for (label, history), color in zip(runs.items(), [ORANGE, BLUE, GREEN], strict=False):
        (line,) = fit.plot([], [], color=color, linewidth=2.5, label=label)
        curve.plot(history[:, 2], color=color, linewidth=0.6, alpha=0.5)
        (done,) = curve.plot([], [], color=color, linewidth=2.5)
        (trail,) = path.plot([], [], "o-", color=color, markersize=3, linewidth=1)
        moving.append((history, line, done, trail))
    fit.legend(loc="upper left")

    def draw(step: int) -> None:
        curve.set_title(f"step {step}")
        for history, line, done, trail in moving:
            slope, intercept, _ = history[step]
            line.set_data([-1.1, 1.1], [intercept - 1.1 * slope, intercept + 1.1 * slope])
            done.set_data(range(step + 1), history[: step + 1, 2])
            trail.set_data(history[: step + 1, 0], history[: step + 1, 1])

    album.add_animation(figure, draw, STEPS + 1, name, title)


animate({"learning rate 0.1": descend(0.1)}, "sgd", "A line is fitted")

# %% [markdown]
# ## Too small, and too large
#
# With a learning rate of 0.005 the line is still far from the points after 60 steps. And there is an upper limit. Along
# each direction the loss is a parabola, and a step overshoots its bottom if the learning rate is more than
# 1 / curvature; more than 2 / curvature, and the next point is higher than the last: the line swings further with every
# step. The curvature in the steepest direction is the largest eigenvalue of the Hessian, 2 · xᵀx / n.

# %%
hessian = 2 * x.T @ x / n
steepest = float(np.linalg.eigvalsh(hessian.cpu())[-1])
limit = 2 / steepest
print(f"the largest eigenvalue of the Hessian is {steepest:.3f}: above a learning rate of {limit:.3f} descent diverges")

rates = {"too small": 0.005, "about right": 0.1, "too large": 1.03 * limit}
animate(
    {f"{word}: {rate:.3g}": descend(rate) for word, rate in rates.items()},
    "learning_rates",
    "Three learning rates",
)

# %% [markdown]
# ## Mini-batches
#
# A step needs a direction, not an exact one. Computed from 10 points, drawn at random, the gradient costs a tenth of
# that from all 100, and points the right way on average. The path trembles, and arrives. This is *stochastic* gradient
# descent, the S in SGD. With a million images instead of 100 points, nobody would wait for the exact gradient.

# %%
animate(
    {"all 100 points per step": descend(0.1), "mini-batches of 10": descend(0.1, batch_size=10)},
    "mini_batches",
    "Batches, full and mini",
)

# %%
album.show()
