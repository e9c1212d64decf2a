"""The work that is timed. `T` is tinygrad_lite or torch: both run the very same lines.

Each workload makes its data from NumPy's generator with a fixed seed, so that all engines compute the same numbers, and
returns a function that takes one step and gives the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Step = Callable[[], Any]


def sgd_step(T: Any, device: str) -> Step:
    """The step of the first lesson: a line through 100 points, by hand."""
    rng = np.random.default_rng(0)
    x = T.ones(100, 2, device=device)
    x[:, 0] = T.tensor(rng.uniform(-1, 1, 100).astype("float32"), device=device)
    y = x @ T.tensor([3.0, 2.0], device=device) + T.tensor(rng.random(100).astype("float32"), device=device)
    a = T.nn.Parameter(T.tensor([-1.0, 1.0], device=device))

    def step() -> Any:
        loss = ((x @ a - y) ** 2).mean()
        loss.backward()
        with T.no_grad():
            a.sub_(0.001 * a.grad)
            a.grad.zero_()
        return loss

    return step


def training(
    network: Callable[[Any], Any], shape: tuple[int, ...], bound: float, **settings: float
) -> Callable[[Any, str], Step]:
    """A training step on a batch of images of this shape: cross-entropy, SGD. Weights start within ±bound."""

    def make(T: Any, device: str) -> Step:
        rng = np.random.default_rng(0)
        model = network(T).to(device)
        with T.no_grad():
            for p in model.parameters():
                p.copy_(T.tensor(rng.uniform(-bound, bound, tuple(p.shape)).astype("float32"), device=device))
        optimizer = T.optim.SGD(model.parameters(), lr=0.01, **settings)
        x = T.tensor(rng.random(shape).astype("float32"), device=device)
        y = T.tensor(rng.integers(0, 10, shape[0]), device=device)

        def step() -> Any:
            loss = T.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        return step

    return make


def mlp_step(hidden: int, batch: int) -> Callable[[Any, str], Step]:
    """A training step of a 784-hidden-10 network: Linear, ReLU, Linear."""
    return training(
        lambda T: T.nn.Sequential(T.nn.Linear(784, hidden), T.nn.ReLU(), T.nn.Linear(hidden, 10)), (batch, 784), 0.03
    )


def conv_step(n: int, channels: int, size: int) -> Callable[[Any, str], Step]:
    """A convolution with 32 kernels of 3×3 and padding 1, forward, and back to images and kernels."""

    def make(T: Any, device: str) -> Step:
        rng = np.random.default_rng(0)
        shape = (n, channels, size, size)
        x = T.tensor(rng.random(shape).astype("float32"), device=device, requires_grad=True)
        weight = T.tensor(rng.random((32, channels, 3, 3)).astype("float32"), device=device, requires_grad=True)
        g = T.tensor(rng.random((n, 32, size, size)).astype("float32"), device=device)

        def step() -> Any:
            y = T.nn.functional.conv2d(x, weight, padding=1)
            y.backward(g)
            x.grad = weight.grad = None
            return y[0, 0, 0, 0]

        return step

    return make


def lenet(T: Any) -> Any:
    """LeNet-5, with the ReLU and the largest numbers that are usual today."""
    n = T.nn
    return n.Sequential(
        n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2),
        n.Flatten(), n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10),
    )  # fmt: skip


def lenet_step(batch: int) -> Callable[[Any, str], Step]:
    """A training step of LeNet-5 on MNIST's images, with momentum."""
    return training(lenet, (batch, 1, 28, 28), 0.05, momentum=0.9)


def chain(T: Any, device: str) -> Step:
    """1,000 recorded operations, one after another, forward and back."""
    x = T.ones(1, device=device, requires_grad=True)

    def step() -> Any:
        y = x
        for _ in range(1000):
            y = y + 0.001
        y.backward()
        x.grad = None
        return y

    return step


def blas(hidden: int, batch: int) -> Callable[[], Step]:
    """The matrix products of `mlp_step` and nothing else: no engine on NumPy can be faster."""

    def make() -> Step:
        rng = np.random.default_rng(0)
        x, g = rng.random((batch, 784)).astype("float32"), rng.random((batch, hidden)).astype("float32")
        w1, w2 = rng.random((hidden, 784)).astype("float32"), rng.random((10, hidden)).astype("float32")
        g2 = rng.random((batch, 10)).astype("float32")

        def step() -> Any:
            return x @ w1.T, g @ w2.T, g2 @ w2, g2.T @ g, g.T @ x

        return step

    return make


@dataclass(frozen=True)
class Workload:
    """What is timed, and how long it may take in PyTorch's time."""

    text: str
    make: Callable[[Any, str], Step]
    target: float | None
    blas: Callable[[], Step] | None = None


WORKLOADS = {
    "sgd-step": Workload("the lesson's SGD step, n = 100", sgd_step, 0.6),
    "mlp-50": Workload("784-50-10 network, batch 64, a training step", mlp_step(50, 64), 0.8, blas(50, 64)),
    "mlp-300": Workload("784-300-10 network, batch 256, a training step", mlp_step(300, 256), 1.0, blas(300, 256)),
    "conv-14": Workload("conv2d (64, 16, 14, 14) → 32, forward and back", conv_step(64, 16, 14), 3.5),
    "conv-28": Workload("conv2d (64, 32, 28, 28) → 32, forward and back", conv_step(64, 32, 28), 3.2),
    "lenet": Workload("LeNet-5, batch 64, a training step", lenet_step(64), 2.5),
    "chain": Workload("a chain of 1,000 operations, forward and back", chain, None),
}
