"""Each operation by itself: one call, forward, and forward and back, at three sizes.

The letters in a list of shapes are sizes: n is the size in question, so most operations work on n · n numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.workloads import Make, Step, Workload, draw, there_and_back

SIZES = {"small": 10, "middle": 100, "large": 1000}


@dataclass(frozen=True)
class Operation:
    """call(T, *tensors), and the shapes of these for a size n. Numbers are drawn from low to high."""

    call: Callable[..., Any]
    shapes: Callable[[int], list[tuple[int, ...]]]
    low: float = -1.0
    high: float = 1.0


def one(n: int) -> list[tuple[int, ...]]:
    return [(n, n)]


def two(n: int) -> list[tuple[int, ...]]:
    return [(n, n), (n, n)]


@functools.cache
def _classes(T: Any, rows: int, columns: int, device: Any) -> Any:
    return T.arange(rows, device=device) % columns


def classes(T: Any, x: Any) -> Any:
    """A class for each row of x, made once."""
    return _classes(T, *x.shape, x.device)


OPERATIONS = {
    "add": Operation(lambda T, a, b: a + b, two),
    "add a row": Operation(lambda T, a, b: a + b, lambda n: [(n, n), (n,)]),
    "sub": Operation(lambda T, a, b: a - b, two),
    "mul": Operation(lambda T, a, b: a * b, two),
    "mul by a number": Operation(lambda T, a: a * 3.0, one),
    "div": Operation(lambda T, a, b: a / b, two, 1, 2),
    "pow": Operation(lambda T, a: a**3, one),
    "square": Operation(lambda T, a: a**2, one),
    "neg": Operation(lambda T, a: -a, one),
    "abs": Operation(lambda T, a: a.abs(), one),
    "exp": Operation(lambda T, a: a.exp(), one),
    "log": Operation(lambda T, a: a.log(), one, 1, 2),
    "sqrt": Operation(lambda T, a: a.sqrt(), one, 1, 2),
    "sin": Operation(lambda T, a: a.sin(), one),
    "cos": Operation(lambda T, a: a.cos(), one),
    "tanh": Operation(lambda T, a: a.tanh(), one),
    "sigmoid": Operation(lambda T, a: a.sigmoid(), one),
    "relu": Operation(lambda T, a: a.relu(), one),
    "leaky_relu": Operation(lambda T, a: T.nn.functional.leaky_relu(a), one),
    "gelu": Operation(lambda T, a: T.nn.functional.gelu(a), one),
    "silu": Operation(lambda T, a: T.nn.functional.silu(a), one),
    "softplus": Operation(lambda T, a: T.nn.functional.softplus(a), one),
    "clamp": Operation(lambda T, a: a.clamp(-0.5, 0.5), one),
    "maximum": Operation(lambda T, a, b: T.maximum(a, b), two),
    "where": Operation(lambda T, a, b: T.where(a > 0, a, b), two),
    "sum": Operation(lambda T, a: a.sum(), one),
    "sum of columns": Operation(lambda T, a: a.sum(0), one),
    "sum of rows": Operation(lambda T, a: a.sum(1), one),
    "mean": Operation(lambda T, a: a.mean(), one),
    "var": Operation(lambda T, a: a.var(1), one),
    "amax": Operation(lambda T, a: a.amax(1), one),
    "max": Operation(lambda T, a: a.max(1)[0], one),
    "norm": Operation(lambda T, a: a.norm(), one),
    "cumsum": Operation(lambda T, a: a.cumsum(1), one),
    "softmax": Operation(lambda T, a: a.softmax(1), one),
    "log_softmax": Operation(lambda T, a: a.log_softmax(1), one),
    "logsumexp": Operation(lambda T, a: a.logsumexp(1), one),
    "cross_entropy": Operation(lambda T, a: T.nn.functional.cross_entropy(a, classes(T, a)), one),
    "mse_loss": Operation(lambda T, a, b: T.nn.functional.mse_loss(a, b), two),
    "layer_norm": Operation(lambda T, a, w, b: T.nn.functional.layer_norm(a, w.shape, w, b),
                            lambda n: [(n, n), (n,), (n,)]),
    "matmul": Operation(lambda T, a, b: a @ b, two),
    "matrix · vector": Operation(lambda T, a, b: a @ b, lambda n: [(n, n), (n,)]),
    "stack of matmul": Operation(lambda T, a, b: a @ b, lambda n: [(10, n // 3, n // 3), (10, n // 3, n // 3)]),
    "linear": Operation(lambda T, x, w, b: T.nn.functional.linear(x, w, b), lambda n: [(n, n), (n, n), (n,)]),
    "einsum": Operation(lambda T, a, b: T.einsum("ij,kj->ik", a, b), two),
    "reshape": Operation(lambda T, a: a.reshape(-1), one),
    "transpose": Operation(lambda T, a: a.transpose(0, 1).contiguous(), one),
    "cat": Operation(lambda T, a, b: T.cat([a, b], 1), two),
    "stack": Operation(lambda T, a, b: T.stack([a, b]), two),
    "slice": Operation(lambda T, a: a[1:, ::2], one),
    "rows by index": Operation(lambda T, a: a[classes(T, a)], one),
    "gather": Operation(lambda T, a: a.gather(1, classes(T, a).unsqueeze(1)), one),
    "masked": Operation(lambda T, a: a[a > 0], one),
}  # fmt: skip


def forward(operation: Operation, n: int) -> Make:
    """The call alone, with nothing recorded."""

    def make(T: Any, device: str) -> Step:
        shapes = enumerate(operation.shapes(n))
        inputs = [draw(T, device, *s, low=operation.low, high=operation.high, seed=i) for i, s in shapes]
        return lambda: [operation.call(T, *inputs)]

    return make


def back(operation: Operation, n: int) -> Make:
    """The call, and the gradients by all its inputs."""
    return there_and_back(operation.call, *operation.shapes(n), low=operation.low, high=operation.high)


OPERATION_STEPS = {
    f"{name}, {size}, {way.__name__}": Workload(f"{name} ({n})", way(operation, n), warm=2)
    for name, operation in OPERATIONS.items()
    for size, n in SIZES.items()
    for way in (forward, back)
}
