"""The same work on other engines on NumPy: DeZero and MyGrad, each imported only when it is asked for.

They have other names and no common optimizer. So each has an adapter with the few functions that the work needs, and
momentum is written here. Weights and data are drawn in the order of `workloads.py`: the losses must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.workloads import Step

Shapes = Sequence[tuple[int, ...]]


class DeZero:
    """DeZero 0.0.13. It asks for `np.int`, which NumPy 1.24 removed: it is given Python's."""

    def __init__(self) -> None:
        if not hasattr(np, "int"):
            np.int = int  # type: ignore[attr-defined]
        import dezero
        from dezero import functions

        self.variable, self.parameter = dezero.Variable, dezero.Parameter
        self.F = functions
        self.relu = functions.relu

    def conv2d(self, x: Any, weight: Any, bias: Any, padding: int) -> Any:
        return self.F.conv2d(x, weight, bias, 1, padding)

    def max_pool(self, x: Any) -> Any:
        return self.F.pooling(x, 2, 2)

    def linear(self, x: Any, weight: Any, bias: Any) -> Any:
        return self.F.linear(x, weight, bias)

    def flatten(self, x: Any) -> Any:
        return self.F.reshape(x, (x.shape[0], -1))

    def mean_square(self, difference: Any) -> Any:
        return self.F.sum(difference**2) / difference.size

    def cross_entropy(self, x: Any, classes: np.ndarray) -> Any:
        return self.F.softmax_cross_entropy(x, classes)

    def backward(self, y: Any, g: np.ndarray | None = None) -> None:
        if g is not None:
            y.grad = self.variable(g)
        y.backward()

    def gradient(self, parameter: Any) -> np.ndarray:
        return parameter.grad.data

    def forget(self, parameter: Any) -> None:
        parameter.cleargrad()


class MyGrad:
    """MyGrad 2.5."""

    def __init__(self) -> None:
        import mygrad
        from mygrad.nnet import activations, layers, losses

        self.mygrad, self.layers = mygrad, layers
        self.relu, self.cross_entropy = activations.relu, losses.softmax_crossentropy

    def variable(self, array: np.ndarray) -> Any:
        return self.mygrad.tensor(array, constant=True)

    def parameter(self, array: np.ndarray) -> Any:
        return self.mygrad.tensor(array, constant=False)

    def conv2d(self, x: Any, weight: Any, bias: Any, padding: int) -> Any:
        y = self.layers.conv_nd(x, weight, stride=1, padding=padding)
        return y if bias is None else y + bias.reshape(1, -1, 1, 1)

    def max_pool(self, x: Any) -> Any:
        return self.layers.max_pool(x, (2, 2), 2)

    def linear(self, x: Any, weight: Any, bias: Any) -> Any:
        return x @ weight + bias

    def flatten(self, x: Any) -> Any:
        return x.reshape(x.shape[0], -1)

    def mean_square(self, difference: Any) -> Any:
        return (difference**2).mean()

    def backward(self, y: Any, g: np.ndarray | None = None) -> None:
        y.backward(g)

    def gradient(self, parameter: Any) -> np.ndarray:
        return parameter.grad

    def forget(self, parameter: Any) -> None:
        parameter.null_grad()


def sgd_step(peer: Any) -> Step:
    """As in `workloads.py`."""
    rng = np.random.default_rng(0)
    x = np.ones((100, 2), "float32")
    x[:, 0] = rng.uniform(-1, 1, 100)
    y = x @ np.array([[3], [2]], "float32") + rng.random(100).astype("float32")[:, None]
    a = peer.parameter(np.array([[-1], [1]], "float32"))
    zero = np.zeros(1, "float32")

    def step() -> Any:
        loss = peer.mean_square(peer.linear(x, a, zero) - y)
        peer.backward(loss)
        a.data -= np.float32(0.001) * peer.gradient(a)
        peer.forget(a)
        return loss.data

    return step


def training(
    network: Callable[[Any, Any, Sequence[Any]], Any],
    parameters: Shapes,
    shape: tuple[int, ...],
    bound: float,
    momentum: float = 0.0,
) -> Callable[[Any], Step]:
    """As in `workloads.py`, of a network with parameters of these shapes. The weight of a linear layer is turned."""

    def make(peer: Any) -> Step:
        rng = np.random.default_rng(0)
        drawn = [rng.uniform(-bound, bound, s).astype("float32") for s in parameters]
        ps = [peer.parameter(w.T.copy() if w.ndim == 2 else w) for w in drawn]
        velocities = [np.zeros_like(p.data) for p in ps]
        x = rng.random(shape).astype("float32")
        y = rng.integers(0, 10, shape[0])

        def step() -> Any:
            loss = peer.cross_entropy(network(peer, x, ps), y)
            peer.backward(loss)
            for p, v in zip(ps, velocities, strict=True):
                v *= np.float32(momentum)
                v += peer.gradient(p)
                p.data -= np.float32(0.01) * v
                peer.forget(p)
            return loss.data

        return step

    return make


def mlp_step(hidden: int, batch: int) -> Callable[[Any], Step]:
    """As in `workloads.py`."""

    def network(peer: Any, x: Any, p: Sequence[Any]) -> Any:
        return peer.linear(peer.relu(peer.linear(x, p[0], p[1])), p[2], p[3])

    return training(network, [(hidden, 784), (hidden,), (10, hidden), (10,)], (batch, 784), 0.03)


def conv_step(n: int, channels: int, size: int) -> Callable[[Any], Step]:
    """As in `workloads.py`."""

    def make(peer: Any) -> Step:
        rng = np.random.default_rng(0)
        x = peer.parameter(rng.random((n, channels, size, size)).astype("float32"))
        weight = peer.parameter(rng.random((32, channels, 3, 3)).astype("float32"))
        g = rng.random((n, 32, size, size)).astype("float32")

        def step() -> Any:
            y = peer.conv2d(x, weight, None, 1)
            peer.backward(y, g)
            peer.forget(x)
            peer.forget(weight)
            return y.data[0, 0, 0, 0]

        return step

    return make


def lenet(peer: Any, x: Any, p: Sequence[Any]) -> Any:
    """As in `workloads.py`."""
    x = peer.max_pool(peer.relu(peer.conv2d(x, p[0], p[1], 2)))
    x = peer.flatten(peer.max_pool(peer.relu(peer.conv2d(x, p[2], p[3], 0))))
    x = peer.relu(peer.linear(x, p[4], p[5]))
    return peer.linear(peer.relu(peer.linear(x, p[6], p[7])), p[8], p[9])


LENET = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)]
PEERS = {"dezero": DeZero, "mygrad": MyGrad}
PEER_WORKLOADS = {
    "sgd-step": sgd_step,
    "mlp-50": mlp_step(50, 64),
    "mlp-300": mlp_step(300, 256),
    "conv-14": conv_step(64, 16, 14),
    "conv-28": conv_step(64, 32, 28),
    "lenet": training(lenet, LENET, (64, 1, 28, 28), 0.05, momentum=0.9),
}
