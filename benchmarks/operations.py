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


def images(n: int) -> list[tuple[int, ...]]:
    """About n · n numbers, as 10 images of 2 channels."""
    side = max(4, round((n * n / 20) ** 0.5) // 2 * 2)
    return [(10, 2, side, side)]


def assigned(a: Any, b: Any) -> Any:
    """a with every other row taken from b."""
    y = a * 1.0
    y[::2] = b[::2]
    return y


OPERATIONS = {
    # arithmetic
    "add": Operation(lambda T, a, b: a + b, two),
    "add a row": Operation(lambda T, a, b: a + b, lambda n: [(n, n), (n,)]),
    "sub": Operation(lambda T, a, b: a - b, two),
    "mul": Operation(lambda T, a, b: a * b, two),
    "mul by a number": Operation(lambda T, a: a * 3.0, one),
    "div": Operation(lambda T, a, b: a / b, two, 1, 2),
    "remainder": Operation(lambda T, a, b: T.remainder(a, b), two, 1, 2),
    "div, trunc": Operation(lambda T, a, b: T.div(a, b, rounding_mode="trunc"), two, 1, 2),
    "pow": Operation(lambda T, a: a**3, one),
    "pow of two": Operation(lambda T, a, b: a**b, two, 1, 2),
    "square": Operation(lambda T, a: a**2, one),
    "neg": Operation(lambda T, a: -a, one),
    "abs": Operation(lambda T, a: a.abs(), one),
    "sign": Operation(lambda T, a: a.sign(), one),
    "floor": Operation(lambda T, a: a.floor(), one),
    "ceil": Operation(lambda T, a: a.ceil(), one),
    "trunc": Operation(lambda T, a: a.trunc(), one),
    "round": Operation(lambda T, a: a.round(), one),
    "reciprocal": Operation(lambda T, a: a.reciprocal(), one, 1, 2),
    "maximum": Operation(lambda T, a, b: T.maximum(a, b), two),
    "minimum": Operation(lambda T, a, b: T.minimum(a, b), two),
    "clamp": Operation(lambda T, a: a.clamp(-0.5, 0.5), one),
    "where": Operation(lambda T, a, b: T.where(a > 0, a, b), two),
    "masked_fill": Operation(lambda T, a: a.masked_fill(a > 0, 2.0), one),
    # functions
    "exp": Operation(lambda T, a: a.exp(), one),
    "expm1": Operation(lambda T, a: a.expm1(), one),
    "log": Operation(lambda T, a: a.log(), one, 1, 2),
    "log1p": Operation(lambda T, a: a.log1p(), one, 1, 2),
    "log2": Operation(lambda T, a: a.log2(), one, 1, 2),
    "log10": Operation(lambda T, a: a.log10(), one, 1, 2),
    "sqrt": Operation(lambda T, a: a.sqrt(), one, 1, 2),
    "rsqrt": Operation(lambda T, a: a.rsqrt(), one, 1, 2),
    "sin": Operation(lambda T, a: a.sin(), one),
    "cos": Operation(lambda T, a: a.cos(), one),
    "tan": Operation(lambda T, a: a.tan(), one),
    "sinh": Operation(lambda T, a: a.sinh(), one),
    "cosh": Operation(lambda T, a: a.cosh(), one),
    "tanh": Operation(lambda T, a: a.tanh(), one),
    "erf": Operation(lambda T, a: a.erf(), one),
    # activations
    "sigmoid": Operation(lambda T, a: a.sigmoid(), one),
    "relu": Operation(lambda T, a: a.relu(), one),
    "leaky_relu": Operation(lambda T, a: T.nn.functional.leaky_relu(a), one),
    "gelu": Operation(lambda T, a: T.nn.functional.gelu(a), one),
    "gelu, tanh": Operation(lambda T, a: T.nn.functional.gelu(a, approximate="tanh"), one),
    "silu": Operation(lambda T, a: T.nn.functional.silu(a), one),
    "softplus": Operation(lambda T, a: T.nn.functional.softplus(a), one),
    "logsigmoid": Operation(lambda T, a: T.nn.functional.logsigmoid(a), one),
    # reductions
    "sum": Operation(lambda T, a: a.sum(), one),
    "sum of columns": Operation(lambda T, a: a.sum(0), one),
    "sum of rows": Operation(lambda T, a: a.sum(1), one),
    "mean": Operation(lambda T, a: a.mean(), one),
    "var": Operation(lambda T, a: a.var(1), one),
    "std": Operation(lambda T, a: a.std(1), one),
    "prod": Operation(lambda T, a: a.prod(1), one, 0.99, 1.01),
    "amax": Operation(lambda T, a: a.amax(1), one),
    "amin": Operation(lambda T, a: a.amin(1), one),
    "max": Operation(lambda T, a: a.max(1)[0], one),
    "sort": Operation(lambda T, a: a.sort(1)[0], one),
    "topk": Operation(lambda T, a: a.topk(5, 1)[0], one),
    "norm": Operation(lambda T, a: a.norm(), one),
    "cumsum": Operation(lambda T, a: a.cumsum(1), one),
    "softmax": Operation(lambda T, a: a.softmax(1), one),
    "log_softmax": Operation(lambda T, a: a.log_softmax(1), one),
    "logsumexp": Operation(lambda T, a: a.logsumexp(1), one),
    # losses
    "cross_entropy": Operation(lambda T, a: T.nn.functional.cross_entropy(a, classes(T, a)), one),
    "mse_loss": Operation(lambda T, a, b: T.nn.functional.mse_loss(a, b), two),
    "l1_loss": Operation(lambda T, a, b: T.nn.functional.l1_loss(a, b), two),
    "binary_cross_entropy_with_logits": Operation(
        lambda T, a, b: T.nn.functional.binary_cross_entropy_with_logits(a, b), two, 0, 1),
    # products
    "matmul": Operation(lambda T, a, b: a @ b, two),
    "matrix · vector": Operation(lambda T, a, b: a @ b, lambda n: [(n, n), (n,)]),
    "stack of matmul": Operation(lambda T, a, b: a @ b, lambda n: [(10, n // 3, n // 3), (10, n // 3, n // 3)]),
    "linear": Operation(lambda T, x, w, b: T.nn.functional.linear(x, w, b), lambda n: [(n, n), (n, n), (n,)]),
    "einsum": Operation(lambda T, a, b: T.einsum("ij,kj->ik", a, b), two),
    # shapes
    "reshape": Operation(lambda T, a: a.reshape(-1), one),
    "transpose": Operation(lambda T, a: a.transpose(0, 1).contiguous(), one),
    "permute": Operation(lambda T, a: a.unsqueeze(0).permute(2, 0, 1), one),
    "squeeze": Operation(lambda T, a: a.unsqueeze(1).squeeze(1), one),
    "expand": Operation(lambda T, a: a.unsqueeze(0).expand(3, -1, -1), one),
    "repeat": Operation(lambda T, a: a.repeat(2, 2), one),
    "cat": Operation(lambda T, a, b: T.cat([a, b], 1), two),
    "stack": Operation(lambda T, a, b: T.stack([a, b]), two),
    "split": Operation(lambda T, a: T.cat(a.chunk(2, 1)[::-1], 1), one),
    "flip": Operation(lambda T, a: a.flip(1), one),
    "roll": Operation(lambda T, a: a.roll(3, 1), one),
    "pad": Operation(lambda T, a: T.nn.functional.pad(a, (1, 2, 3, 4)), one),
    "tril": Operation(lambda T, a: a.tril(), one),
    "diagonal": Operation(lambda T, a: a.diagonal(), one),
    "triu": Operation(lambda T, a: a.triu(), one),
    # elements
    "slice": Operation(lambda T, a: a[1:, ::2], one),
    "rows by index": Operation(lambda T, a: a[classes(T, a)], one),
    "gather": Operation(lambda T, a: a.gather(1, classes(T, a).unsqueeze(1)), one),
    "masked": Operation(lambda T, a: a[a > 0], one),
    "embedding": Operation(lambda T, a: T.nn.functional.embedding(classes(T, a), a), one),
    "assign": Operation(lambda T, a, b: assigned(a, b), two),
    # layers
    "layer_norm": Operation(lambda T, a, w, b: T.nn.functional.layer_norm(a, w.shape, w, b),
                            lambda n: [(n, n), (n,), (n,)]),
    "dropout": Operation(lambda T, a: T.nn.functional.dropout(a, 0.5, training=False) * 1.0, one),
    "conv2d": Operation(lambda T, x, w: T.nn.functional.conv2d(x, w, padding=1), lambda n: [*images(n), (4, 2, 3, 3)]),
    "conv_transpose2d": Operation(lambda T, x, w: T.nn.functional.conv_transpose2d(x, w, stride=2),
                                  lambda n: [*images(n // 2), (2, 4, 2, 2)]),
    "max_pool2d": Operation(lambda T, x: T.nn.functional.max_pool2d(x, 2), images),
    "avg_pool2d": Operation(lambda T, x: T.nn.functional.avg_pool2d(x, 2), images),
    "unfold": Operation(lambda T, x: T.nn.functional.unfold(x, 3), images),
}  # fmt: skip


def forward(operation: Operation, n: int) -> Make:
    """The call alone, with nothing recorded."""

    def make(T: Any, device: str) -> Step:
        shapes = enumerate(operation.shapes(n))
        inputs = [draw(T, device, *s, low=operation.low, high=operation.high, seed=i) for i, s in shapes]
        return lambda: [operation.call(T, *inputs)]

    return make


def back(operation: Operation, n: int) -> Make:
    """The call, and the gradients with respect to all its inputs."""
    return there_and_back(operation.call, *operation.shapes(n), low=operation.low, high=operation.high)


OPERATION_STEPS = {
    f"{name}, {size}, {way.__name__}": Workload(f"{name} ({n})", way(operation, n), warm=2)
    for name, operation in OPERATIONS.items()
    for size, n in SIZES.items()
    for way in (forward, back)
}
