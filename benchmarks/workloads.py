"""The work that is timed. `T` is tinygrad_lite or torch: both run the very same lines.

Each workload makes its data from NumPy's generator with a fixed seed, so that all engines compute the same numbers, and
returns a step: a function that does the work once, and returns the tensors in which the engines must agree.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Step = Callable[[], Any]
Make = Callable[[Any, str], Step]  # make(T, device)


@dataclass(frozen=True)
class Workload:
    """What is timed.

    target: how long it may take in PyTorch's time.
    blas: makes a step of the matrix products that the work cannot avoid, and nothing else.
    trains: whether it is a training step, whose peak memory is measured too.
    warm: how many steps come before the results are compared and the clock starts.
    units: how many nodes or examples a step has, where the cost of one is wanted.
    """

    text: str
    make: Make
    target: float | None = None
    blas: Callable[[], Step] | None = None
    trains: bool = False
    warm: int = 20
    units: int = 1


def random_array(*shape: int, low: float = 0.0, high: float = 1.0, seed: int = 0) -> np.ndarray:
    """Random float32 numbers, the same for every engine."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32")


def draw(T: Any, device: str, *shape: int, **settings: Any) -> Any:
    """A `random_array` as a tensor."""
    return T.tensor(random_array(*shape, **settings), device=device)


# ------------------------------------------------------------------------------------------------- training steps


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
        return loss, a

    return step


def start(T: Any, model: Any, bound: float) -> list[Any]:
    """Give the parameters of a model values that every engine draws alike, within ±bound."""
    rng = np.random.default_rng(0)
    parameters = list(model.parameters())
    with T.no_grad():
        for p in parameters:
            p.copy_(T.tensor(rng.uniform(-bound, bound, tuple(p.shape)).astype("float32"), device=p.device))
    return parameters


def descent(T: Any, parameters: list[Any], loss_of: Callable[[], Any], **settings: float) -> Step:
    """A step of SGD down a loss."""
    optimizer = T.optim.SGD(parameters, lr=0.01, **settings)

    def step() -> Any:
        loss = loss_of()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss, *parameters

    return step


def training(network: Callable[[Any], Any], shape: tuple[int, ...], bound: float, **settings: float) -> Make:
    """A training step on a batch of images of this shape: cross-entropy, SGD. Weights start within ±bound."""

    def make(T: Any, device: str) -> Step:
        model = network(T).to(device)
        parameters = start(T, model, bound)
        x = draw(T, device, *shape)
        y = T.tensor(np.random.default_rng(1).integers(0, 10, shape[0]), device=device)
        return descent(T, parameters, lambda: T.nn.functional.cross_entropy(model(x), y), **settings)

    return make


def mlp(hidden: int) -> Callable[[Any], Any]:
    """A 784-hidden-10 network: Linear, ReLU, Linear."""
    return lambda T: T.nn.Sequential(T.nn.Linear(784, hidden), T.nn.ReLU(), T.nn.Linear(hidden, 10))


def mlp_step(hidden: int, batch: int) -> Make:
    """A training step of it."""
    return training(mlp(hidden), (batch, 784), 0.03)


def lenet(T: Any) -> Any:
    """LeNet-5, with the ReLU and the largest numbers that are usual today."""
    n = T.nn
    return n.Sequential(
        n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU(), n.MaxPool2d(2),
        n.Flatten(), n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(), n.Linear(84, 10),
    )  # fmt: skip


def lenet_step(batch: int) -> Make:
    """A training step of LeNet-5 on MNIST's images, with momentum."""
    return training(lenet, (batch, 1, 28, 28), 0.05, momentum=0.9)


def lstm_step(T: Any, device: str) -> Step:
    """A training step of an LSTM that reads 50 steps of 64 numbers, for 32 sequences, and gives their last state."""
    model = T.nn.LSTM(64, 128).to(device)
    parameters = start(T, model, 0.08)
    x, wanted = draw(T, device, 50, 32, 64), draw(T, device, 32, 128, seed=1)
    return descent(T, parameters, lambda: T.nn.functional.mse_loss(model(x)[0][-1], wanted))


def attention_step(T: Any, device: str) -> Step:
    """A training step of x + attention(layer norm(x)): 8 sequences of 128 tokens, width 128, 4 heads."""
    norm = T.nn.LayerNorm(128).to(device)
    attention = T.nn.MultiheadAttention(128, 4, batch_first=True).to(device)
    parameters = [*norm.parameters(), *start(T, attention, 0.1)]
    x = draw(T, device, 8, 128, 128, low=-1)
    wanted = draw(T, device, 8, 128, 128, seed=1)

    def loss_of() -> Any:
        z = norm(x)
        return T.nn.functional.mse_loss(x + attention(z, z, z, need_weights=False)[0], wanted)

    return descent(T, parameters, loss_of)


# ----------------------------------------------------------------------------------- layers, forward and backward


def there_and_back(layer: Callable[..., Any], *shapes: tuple[int, ...], low: float = -1, high: float = 1) -> Make:
    """`layer(T, *tensors)` of tensors of these shapes, drawn from low to high, and the gradients for all of them."""

    def make(T: Any, device: str) -> Step:
        inputs = [draw(T, device, *s, low=low, high=high, seed=i).requires_grad_() for i, s in enumerate(shapes)]
        output = layer(T, *inputs)
        g = draw(T, device, *output.shape, low=-1, seed=len(shapes))

        def step() -> Any:
            y = layer(T, *inputs)
            y.backward(g)
            gradients = [x.grad for x in inputs]
            for x in inputs:
                x.grad = None
            return y, *gradients

        return step

    return make


def conv_step(n: int, channels: int, size: int) -> Make:
    """A convolution with 3×3 kernels and padding 1, to 32 channels."""
    shapes = (n, channels, size, size), (32, channels, 3, 3)
    return there_and_back(lambda T, x, w: T.nn.functional.conv2d(x, w, padding=1), *shapes)


def pool_step(n: int, channels: int, size: int) -> Make:
    """The largest of every 2×2 numbers."""
    return there_and_back(lambda T, x: T.nn.functional.max_pool2d(x, 2), (n, channels, size, size))


def batch_norm_step(n: int, channels: int, size: int) -> Make:
    """Batch norm in training, the running means moved along."""

    def make(T: Any, device: str) -> Step:
        mean, var = T.zeros(channels, device=device), T.ones(channels, device=device)

        def layer(T: Any, x: Any, weight: Any, bias: Any) -> Any:
            return T.nn.functional.batch_norm(x, mean, var, weight, bias, training=True)

        return there_and_back(layer, (n, channels, size, size), (channels,), (channels,))(T, device)

    return make


# ------------------------------------------------------------------------------------- second derivatives, and data


def hessian_vector_product(hidden: int, batch: int) -> Make:
    """The derivative of (gradient · v) for the network above: backward through backward."""

    def make(T: Any, device: str) -> Step:
        model = mlp(hidden)(T).to(device)
        parameters = start(T, model, 0.03)
        vectors = [draw(T, device, *p.shape, low=-1, seed=i) for i, p in enumerate(parameters)]
        x = draw(T, device, batch, 784)
        y = T.tensor(np.random.default_rng(1).integers(0, 10, batch), device=device)

        def step() -> Any:
            loss = T.nn.functional.cross_entropy(model(x), y)
            gradients = T.autograd.grad(loss, parameters, create_graph=True)
            along = sum((g * v).sum() for g, v in zip(gradients, vectors, strict=True))
            return along, *T.autograd.grad(along, parameters)

        return step

    return make


def loader(T: Any, device: str) -> Step:
    """All batches of a shuffled DataLoader, 64 of 10,000 examples of 784 numbers each."""
    data = importlib.import_module(f"{T.__name__}.utils.data")
    dataset = data.TensorDataset(draw(T, device, 10_000, 784), T.arange(10_000, device=device))
    batches = data.DataLoader(dataset, batch_size=64, shuffle=True)

    def step() -> Any:
        seen = 0
        for _, y in batches:
            seen += len(y)
        return [T.tensor(float(seen))]

    return step


def epoch(T: Any, device: str) -> Step:
    """The lesson's epoch: 60,000 images of MNIST's kind from bytes to accuracy, a 784-50-10 network, batches of 64."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 60_000)
    prototypes = rng.integers(0, 160, (10, 784))
    images = (prototypes[labels] + rng.integers(0, 96, (60_000, 784))).astype("uint8")  # hard enough to be learned
    data = importlib.import_module(f"{T.__name__}.utils.data")

    def step() -> Any:
        model = mlp(50)(T).to(device)
        parameters = start(T, model, 0.03)
        optimizer = T.optim.SGD(parameters, lr=0.1)
        x = T.tensor(images, device=device).float() / 255
        y = T.tensor(labels, device=device)
        for xb, yb in data.DataLoader(data.TensorDataset(x, y), batch_size=64, shuffle=True):
            loss = T.nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        with T.no_grad():
            right = (model(x[:10_000]).argmax(1) == y[:10_000]).float().mean()
        return [(right > 0.99).float()]  # the order is each engine's own

    return step


# --------------------------------------------------------------------------------------------------------- growth


def chain(nodes: int) -> Make:
    """So many recorded operations, one after another, forward and back."""

    def make(T: Any, device: str) -> Step:
        x = T.ones(1, device=device, requires_grad=True)

        def step() -> Any:
            y = x
            for _ in range(nodes):
                y = y + 0.001
            y.backward()
            gradient, x.grad = x.grad, None
            return [gradient]

        return step

    return make


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


BATCHES = {f"batch-{n}": n for n in (1, 4, 16, 64, 256, 1024, 4096)}
CHAINS = {f"nodes-{n}": n for n in (10, 100, 1_000, 10_000, 100_000, 1_000_000)}
STEPS = {
    "sgd-step": Workload("the lesson's SGD step, n = 100", sgd_step, 0.4, trains=True),
    "mlp-50": Workload("784-50-10 network, batch 64, step", mlp_step(50, 64), 0.5, blas(50, 64), trains=True),
    "mlp-300": Workload("784-300-10 network, batch 256, step", mlp_step(300, 256), 0.8, blas(300, 256), trains=True),
    "lenet-64": Workload("LeNet-5, batch 64, step", lenet_step(64), 1.8, trains=True),
    "lenet-256": Workload("LeNet-5, batch 256, step", lenet_step(256), trains=True),
    "lstm": Workload("LSTM 64-128, 50 times, batch 32, step", lstm_step, trains=True),
    "attention": Workload("attention block (8, 128, 128), 4 heads, step", attention_step, trains=True),
    "conv-7": Workload("conv2d (64, 64, 7, 7) → 32, 3×3", conv_step(64, 64, 7)),
    "conv-14": Workload("conv2d (64, 16, 14, 14) → 32, 3×3", conv_step(64, 16, 14), 2.0),
    "conv-28": Workload("conv2d (64, 32, 28, 28) → 32, 3×3", conv_step(64, 32, 28), 2.0),
    "pool-8": Workload("max_pool2d (64, 64, 8, 8), 2×2", pool_step(64, 64, 8)),
    "pool-14": Workload("max_pool2d (64, 16, 14, 14), 2×2", pool_step(64, 16, 14)),
    "pool-28": Workload("max_pool2d (64, 32, 28, 28), 2×2", pool_step(64, 32, 28)),
    "batch-norm": Workload("batch_norm (64, 32, 14, 14)", batch_norm_step(64, 32, 14)),
    "hvp-50": Workload("Hessian · vector, 784-50-10, batch 64", hessian_vector_product(50, 64), 0.8),
    "hvp-300": Workload("Hessian · vector, 784-300-10, batch 256", hessian_vector_product(300, 256), 0.8),
    "loader": Workload("DataLoader, 10,000 examples in batches of 64", loader, warm=1),
    "epoch": Workload("an epoch of the MNIST lesson, loading included", epoch, 0.5, warm=1),
}
GROWTH = {
    **{name: Workload(f"a chain of {n:,} operations", chain(n), units=n, warm=1 if n > 10_000 else 20)
       for name, n in CHAINS.items()},
    **{name: Workload(f"784-50-10 network, batch {n:,}, step", mlp_step(50, n), units=n)
       for name, n in BATCHES.items()},
}  # fmt: skip
