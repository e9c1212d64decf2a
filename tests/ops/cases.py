"""A table of every differentiable operation, as a user calls it. `T` is tinygrad_lite or torch: both take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tinygrad_lite
from tinygrad_lite.op import Op
from tinygrad_lite.testing.coverage import Draws
from tinygrad_lite.testing.differences import leaf
from tinygrad_lite.testing.properties import named_shapes


@dataclass(frozen=True)
class Case:
    """An operation, the shapes of its inputs, and where it has a derivative."""

    name: str
    call: Callable[..., Any]  # call(T, *tensors)
    shapes: (
        Any  # what check_op takes: how many tensors, of any shapes, or a list of lists of shapes, one for each tensor
    )
    low: float = -2.0
    high: float = 2.0
    distinct: bool = False  # only where no two elements are equal, and none is 0

    def draws(self) -> Draws:
        """Examples for the case."""
        return Draws(self.shapes, self.low, self.high, self.distinct)

    def filled_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes for the tensors, none of them without elements."""
        plans = (example.plan for example in self.draws().covering())
        return min((plan.shapes for plan in plans if all(0 not in shape for shape in plan.shapes)), key=repr)


ANY, PAIR, TRIPLE = 1, 2, 3
FILLED = named_shapes("not empty", 1)


def some(*alternatives: list[tuple[int, ...]]) -> Any:
    """One of these lists of shapes."""
    return list(alternatives)


ELEMENTWISE = [
    Case("exp", lambda T, x: T.exp(x), ANY),
    Case("expm1", lambda T, x: x.expm1(), ANY),
    Case("log", lambda T, x: T.log(x), ANY, 0.2, 4),
    Case("log1p", lambda T, x: T.log1p(x), ANY, -0.7, 4),
    Case("log2", lambda T, x: x.log2(), ANY, 0.2, 4),
    Case("log10", lambda T, x: x.log10(), ANY, 0.2, 4),
    Case("sqrt", lambda T, x: T.sqrt(x), ANY, 0.2, 4),
    Case("rsqrt", lambda T, x: T.rsqrt(x), ANY, 0.3, 4),
    Case("square", lambda T, x: x.square(), ANY),
    Case("reciprocal", lambda T, x: x.reciprocal(), ANY, 0.4, 3),
    Case("sin", lambda T, x: T.sin(x), ANY),
    Case("cos", lambda T, x: T.cos(x), ANY),
    Case("tan", lambda T, x: T.tan(x), ANY, -1, 1),
    Case("sinh", lambda T, x: x.sinh(), ANY),
    Case("cosh", lambda T, x: x.cosh(), ANY),
    Case("tanh", lambda T, x: T.tanh(x), ANY),
    Case("erf", lambda T, x: T.erf(x), ANY, -3, 3),
    Case("sigmoid", lambda T, x: T.sigmoid(x), ANY, -6, 6),
    Case("relu", lambda T, x: T.relu(x), ANY, distinct=True),
    Case("leaky_relu", lambda T, x: T.nn.functional.leaky_relu(x, 0.1), ANY, distinct=True),
    Case("gelu", lambda T, x: T.nn.functional.gelu(x), ANY),
    Case("gelu tanh", lambda T, x: T.nn.functional.gelu(x, approximate="tanh"), ANY),
    Case("silu", lambda T, x: T.nn.functional.silu(x), ANY),
    Case("softplus", lambda T, x: T.nn.functional.softplus(x, beta=2), ANY),
    Case("softplus threshold", lambda T, x: T.nn.functional.softplus(x, beta=2, threshold=1), ANY, distinct=True),
    Case("logsigmoid", lambda T, x: T.nn.functional.logsigmoid(x), ANY),
    Case("softplus straight", lambda T, x: T.nn.functional.softplus(x, beta=2, threshold=1), ANY, 0.55, 0.95),
    Case("abs", lambda T, x: T.abs(x), ANY, distinct=True),
    Case("sign", lambda T, x: T.sign(x) * x, ANY, distinct=True),
    Case("floor", lambda T, x: T.floor(x * 1.01) + x, ANY, distinct=True),
    Case("ceil", lambda T, x: T.ceil(x * 1.01) + x, ANY, distinct=True),
    Case("round", lambda T, x: T.round(x * 1.01) + x, ANY, distinct=True),
    Case("trunc", lambda T, x: T.trunc(x * 1.01) + x, ANY, distinct=True),
    Case("neg", lambda T, x: -x, ANY),
    Case("clone", lambda T, x: x.clone(), ANY),
    Case("clamp", lambda T, x: T.clamp(x, -1.01, 0.77), ANY, distinct=True),
    Case("clamp min", lambda T, x: x.clamp(min=-0.5), ANY, distinct=True),
    Case("clamp_min", lambda T, x: x.clamp_min(0.33), ANY, distinct=True),
    Case("clamp_max", lambda T, x: x.clamp_max(0.33), ANY, distinct=True),
    Case("pow 3", lambda T, x: x**3, ANY),
    Case("pow 0", lambda T, x: x**0 + x, ANY),
    Case("pow 1", lambda T, x: x**1, ANY),
    Case("pow 2.5", lambda T, x: x**2.5, ANY, 0.2, 3),
    Case("pow -1", lambda T, x: x**-1, ANY, 0.3, 3),
    Case("rpow", lambda T, x: 2.0**x, ANY),
    Case("pow pair", lambda T, a, b: a**b, PAIR, 0.3, 2),
    Case("number + x", lambda T, x: 2 + x, ANY),
    Case("number - x", lambda T, x: 2 - x, ANY),
    Case("number * x", lambda T, x: 2.5 * x, ANY),
    Case("number / x", lambda T, x: 2 / x, ANY, 0.4, 3),
    Case("x / number", lambda T, x: x / 4, ANY),
    Case("add", lambda T, a, b: a + b, PAIR),
    Case("add alpha", lambda T, a, b: T.add(a, b, alpha=3), PAIR),
    Case("sub", lambda T, a, b: a - b, PAIR),
    Case("sub alpha", lambda T, a, b: T.sub(a, b, alpha=0.5), PAIR),
    Case("mul", lambda T, a, b: a * b, PAIR),
    Case("mul itself", lambda T, x: x * x + x, ANY),
    Case("div", lambda T, a, b: a / b, PAIR, 0.4, 3),
    Case("remainder", lambda T, a, b: T.remainder(a, b + 5), PAIR, 0.1, 2),
    Case("remainder of more", lambda T, a, b: T.remainder(a * 3, b + 0.31), PAIR, 0.1, 2),
    Case("floor_divide", lambda T, a, b: T.floor_divide(a.detach(), b.detach() + 5) + a + b, PAIR, 0.1, 2),
    Case("div trunc", lambda T, a, b: T.div(a.detach(), b.detach() + 5, rounding_mode="trunc") + a, PAIR, 0.1, 2),
    Case("maximum", lambda T, a, b: T.maximum(a, b + 0.00137), PAIR),
    Case("minimum", lambda T, a, b: T.minimum(a, b + 0.00137), PAIR),
    Case("max of two", lambda T, a, b: a.max(b + 0.00137), PAIR),
    Case("where", lambda T, a, b, c: T.where(a.detach() > 0.1, b, c) + a, TRIPLE),
    Case("where number", lambda T, x: T.where(x.detach() > 0.1, x, 0.0), ANY),
    Case("masked_fill", lambda T, x: x.masked_fill(x.detach() > 0.1, 5.0), ANY),
    Case("to", lambda T, x: x.to(T.float64) * 2, ANY),
]

REDUCTION = [
    Case("sum", lambda T, x: x.sum(), ANY),
    Case("sum dim", lambda T, x: x.sum(-1), some([(2, 3)], [(3, 0)], [(2, 1, 2)], [(4,)])),
    Case("sum dims", lambda T, x: x.sum((0, -1), keepdim=True), some([(2, 3)], [(2, 2, 3)], [(0, 2)])),
    Case("mean", lambda T, x: x.mean(), FILLED),
    Case("mean dim", lambda T, x: x.mean(0), some([(2, 3)], [(3,)], [(2, 1, 2)])),
    Case("mean dims", lambda T, x: x.mean((-1, -2)), some([(2, 3)], [(2, 2, 3)])),
    Case("mean keepdim", lambda T, x: x.mean(1, keepdim=True), some([(2, 3)], [(2, 2, 3)])),
    Case("var", lambda T, x: x.var(), some([(4,)], [(2, 3)], [(2, 2, 2)])),
    Case("var dim", lambda T, x: x.var(1, keepdim=True), some([(2, 3)], [(2, 2, 3)])),
    Case("var biased", lambda T, x: x.var(0, unbiased=False), some([(2, 3)], [(4,)])),
    Case("var correction", lambda T, x: x.var(dim=(0, 1), correction=2), some([(2, 3)], [(3, 2, 2)])),
    Case("std", lambda T, x: x.std(), some([(4,)], [(2, 3)]), distinct=True),
    Case("std dim", lambda T, x: x.std(-1), some([(2, 3)], [(2, 2, 3)]), distinct=True),
    Case("prod", lambda T, x: x.prod(), some([()], [(3,)], [(2, 2)], [(0,)]), 0.3, 2),
    Case("prod dim", lambda T, x: x.prod(1, keepdim=True), some([(2, 3)], [(2, 2, 2)]), -2, 2, True),
    Case("cumsum", lambda T, x: x.cumsum(0), some([(4,)], [(3, 2)], [(0, 2)])),
    Case("cumsum of a number", lambda T, x: x.cumsum(0), some([()])),
    Case("cumsum last", lambda T, x: T.cumsum(x, -1), some([(3, 2)], [(2, 2, 3)])),
    Case("amax", lambda T, x: x.amax(), some([()], [(4,)], [(2, 3)]), distinct=True),
    Case("amax dims", lambda T, x: x.amax((0, 1)), some([(2, 3)], [(2, 3, 2)]), distinct=True),
    Case("amin dims", lambda T, x: x.amin((0, 2)), some([(2, 3, 2)]), distinct=True),
    Case("amin", lambda T, x: T.amin(x, 1, keepdim=True), some([(2, 3)], [(2, 2, 2)]), distinct=True),
    Case("max", lambda T, x: x.max(), some([()], [(4,)], [(2, 3)]), distinct=True),
    Case("max dim", lambda T, x: x.max(-1)[0], some([(4,)], [(2, 3)], [(2, 2, 2)]), distinct=True),
    Case("min dim", lambda T, x: x.min(0, keepdim=True).values, some([(4,)], [(2, 3)]), distinct=True),
    Case("sort", lambda T, x: x.sort(-1, descending=True)[0], some([(4,)], [(2, 3)]), distinct=True),
    Case("topk", lambda T, x: x.topk(2)[0], some([(4,)], [(2, 3)]), distinct=True),
    Case("logsumexp", lambda T, x: x.logsumexp(-1), some([(4,)], [(2, 3)])),
    Case("logsumexp dims", lambda T, x: T.logsumexp(x, (0, 1), keepdim=True), some([(2, 3)], [(2, 2, 2)])),
    Case("softmax", lambda T, x: T.softmax(x, -1), some([(4,)], [(2, 3)], [(2, 0)])),
    Case("softmax first", lambda T, x: x.softmax(0), some([(4,)], [(2, 3)], [(2, 2, 2)])),
    Case("log_softmax", lambda T, x: x.log_softmax(-1), some([(4,)], [(2, 3)])),
    Case("norm", lambda T, x: x.norm(), some([(4,)], [(2, 3)]), distinct=True),
    Case("norm 3", lambda T, x: x.norm(3, 0), some([(4,)], [(2, 3)]), distinct=True),
    Case("norm 1", lambda T, x: x.norm(1, -1, keepdim=True), some([(4,)], [(2, 3)]), distinct=True),
    Case("norm inf", lambda T, x: x.norm(float("inf")), some([(4,)], [(2, 3)]), 0.1, 2, True),
    Case("std then norm", lambda T, x: (x / x.std()).norm(), some([(5,)]), distinct=True),
]

SHAPE = [
    Case("reshape", lambda T, x: x.reshape(3, -1), some([(2, 3)], [(3, 2, 2)], [(6,)])),
    Case("view", lambda T, x: (x * 1).contiguous().view(-1), some([(2, 3)], [()], [(0, 2)])),
    Case("flatten", lambda T, x: x.flatten(1), some([(2, 3)], [(2, 2, 3)])),
    Case("transpose", lambda T, x: x.transpose(0, -1), some([(2, 3)], [(2, 1, 3)])),
    Case("permute", lambda T, x: x.permute(2, 0, 1), some([(2, 1, 3)], [(0, 2, 1)])),
    Case("T", lambda T, x: x.T @ x, some([(2, 3)])),
    Case("mT", lambda T, x: x.mT, some([(2, 3)], [(2, 2, 3)])),
    Case("t", lambda T, x: x.t(), some([(2, 3)], [(3,)])),
    Case("movedim", lambda T, x: x.movedim(0, -1), some([(2, 3)], [(2, 1, 3)])),
    Case("squeeze", lambda T, x: x.squeeze(), some([(1, 3)], [(2, 1, 1)], [()])),
    Case("squeeze dim", lambda T, x: x.squeeze(1), some([(2, 1, 3)], [(2, 3)])),
    Case("unsqueeze", lambda T, x: x.unsqueeze(-1), ANY),
    Case("expand", lambda T, x: x.expand(2, 3, -1), some([(3, 2)], [(1, 2)], [(2, 1, 4)])),
    Case("expand_as", lambda T, a, b: a.expand_as(b) * b, some([(3,), (2, 3)], [(2, 1), (2, 4)])),
    Case("broadcast_to", lambda T, x: T.broadcast_to(x, (2, 3)), some([(3,)], [(2, 1)], [()])),
    Case("repeat", lambda T, x: x.repeat(2, 3), some([(3,)], [(2, 2)], [()])),
    Case("cat", lambda T, a, b: T.cat([a, b, a], 0), some([(2, 3), (1, 3)], [(0, 2), (2, 2)])),
    Case("cat of nothing", lambda T, a, b: T.cat((a, b[:0], a), 1), some([(2, 3), (2,)])),
    Case("cat last", lambda T, a, b: T.cat((a, b), dim=-1), some([(2, 3), (2, 1)])),
    Case("stack", lambda T, a, b: T.stack([a, b, b], 1), some([(2, 3), (2, 3)], [(2,), (2,)])),
    Case("split", lambda T, x: [p * (i + 1) for i, p in enumerate(x.split(2))][-1], some([(5,)], [(3, 2)])),
    Case("split sizes", lambda T, x: x.split([1, 2], 1)[1], some([(2, 3)])),
    Case("chunk", lambda T, x: T.cat(x.chunk(2, -1)[::-1], -1), some([(5,)], [(2, 3)])),
    Case("unbind", lambda T, x: x.unbind(1)[0] * x.unbind(1)[1], some([(2, 3)])),
    Case("flip", lambda T, x: x.flip(0) * x, some([(3,)], [(2, 3)])),
    Case("flip dims", lambda T, x: T.flip(x, (0, 1)), some([(2, 3)], [(2, 1, 3)])),
    Case("roll", lambda T, x: x.roll(1), some([(4,)], [(2, 3)])),
    Case("roll dims", lambda T, x: x.roll((1, -2), (0, 1)), some([(2, 3)])),
    Case("pad", lambda T, x: T.nn.functional.pad(x, (1, 2)), some([(3,)], [(2, 2)])),
    Case("pad two dims", lambda T, x: T.nn.functional.pad(x, (1, -1, 0, 2), value=1.5), some([(2, 3)])),
    Case("tril", lambda T, x: x.tril(), some([(3, 3)], [(2, 3)], [(2, 2, 3)])),
    Case("triu", lambda T, x: x.triu(1), some([(3, 3)], [(2, 3)])),
    Case("diagonal", lambda T, x: x.diagonal(), some([(3, 3)], [(2, 3)])),
    Case("diagonal offset", lambda T, x: x.diagonal(-1), some([(3, 3)], [(3, 2)])),
    Case("diagonal dims", lambda T, x: x.diagonal(1, -1, 0), some([(3, 2, 2)])),
    Case("select", lambda T, x: x.select(1, -1), some([(2, 3)], [(2, 2, 3)])),
    Case("movedim several", lambda T, x: x.movedim((0, 1), (-1, 0)), some([(2, 3)], [(2, 1, 3)])),
    Case("narrow", lambda T, x: x.narrow(0, 1, 2), some([(3,)], [(4, 2)])),
]

INDEXING = [
    Case("int", lambda T, x: x[1], some([(3,)], [(2, 3)])),
    Case("negative", lambda T, x: x[-1], some([(3,)], [(2, 3)])),
    Case("slice", lambda T, x: x[1:], some([(3,)], [(2, 3)])),
    Case("step", lambda T, x: x[::2], some([(5,)], [(3, 2)])),
    Case("ellipsis", lambda T, x: x[..., 0], some([(2, 3)], [(2, 2, 2)])),
    Case("None", lambda T, x: x[:, None] * x, some([(3,)])),
    Case("column", lambda T, x: x[:, 1], some([(2, 3)])),
    Case("pair", lambda T, x: x[1, 2], some([(2, 3)], [(2, 3, 2)])),
    Case("list", lambda T, x: x[[0, 1, 0]], some([(3,)], [(2, 3)])),
    Case("range and list", lambda T, x: x[range(2), [2, 0]], some([(2, 3)])),
    Case("repeated", lambda T, x: x[T.tensor([1, 1, 1])], some([(3,)], [(2, 3)])),
    Case("matrix index", lambda T, x: x[T.tensor([[0, 1], [1, 1]])], some([(3,)], [(2, 2)])),
    Case("int beside tensor", lambda T, x: x[1, :, T.tensor([2, 0, 2])], some([(2, 2, 3)])),
    Case("slice between", lambda T, x: x[T.tensor([1, 0]), 1:, [[0], [2]]], some([(2, 2, 3)])),
    Case("bool", lambda T, x: x[True, ..., [1, 1]], some([(2, 3)])),
    Case("two tensors", lambda T, x: x[T.tensor([0, 1]), T.tensor([2, 2])], some([(2, 3)])),
    Case("broadcast indices", lambda T, x: x[T.tensor([[0], [1]]), T.tensor([2, 0])], some([(2, 3)])),
    Case("mask", lambda T, x: x[x.detach() > 0], some([(4,)], [(2, 3)]), distinct=True),
    Case("row mask", lambda T, x: x[T.tensor([True, False])], some([(2, 3)])),
    Case("slice and list", lambda T, x: x[:, [1, 1]], some([(2, 3)])),
    Case("gather", lambda T, x: x.gather(1, T.tensor([[0, 2], [1, 1]])), some([(2, 3)])),
    Case("gather first", lambda T, x: T.gather(x, 0, T.tensor([[0, 1, 1]])), some([(2, 3)])),
    Case("index_select", lambda T, x: x.index_select(1, T.tensor([2, 0, 2])), some([(2, 3)])),
    Case("assign", lambda T, a, b: assigned(T, a, (slice(None, 2), slice(None, 2)), b), some([(3, 3), (2, 2)])),
    Case("assign broadcast", lambda T, a, b: assigned(T, a, (slice(1, None),), b), some([(3, 2), (2,)])),
    Case("assign number", lambda T, x: assigned(T, x, 0, 3.0), some([(3, 2)], [(2,)])),
    Case("assign list", lambda T, a, b: assigned(T, a, [0, 2], b), some([(3, 2), (2, 2)])),
    Case(
        "assign beside int",
        lambda T, a, b: assigned(T, a, (1, slice(None), T.tensor([2, 0])), b),
        some([(2, 2, 3), (2, 2)], [(2, 2, 3), (1, 1, 2)]),
    ),
    Case("assign mask", lambda T, a, b: assigned(T, a, T.tensor([True, False, True]), b), some([(3, 2), (2, 2)])),
    Case("in place", lambda T, a, b: (a * 2).mul_(b).add_(a, alpha=0.5).sub_(b).div_(b * b + 1), some([(3, 2), (2,)])),
    Case("in a view", lambda T, a, b: in_a_view(a * 1, b), some([(2, 3), (2,)])),
    Case("clamp_", lambda T, x: (x * 1).clamp_(-0.9, 0.9), FILLED, distinct=True),
]


def assigned(T: Any, x: Any, index: Any, value: Any) -> Any:
    """x's elements doubled, those at the index replaced."""
    y = x * 2
    y[index] = value
    return y


def in_a_view(y: Any, b: Any) -> Any:
    """A view is changed, and with it what it is a view of."""
    y.t()[0].mul_(b)
    column = y[:, 1]
    column += b * b
    return y * column[:, None]


LINALG = [
    Case("matmul", lambda T, a, b: a @ b, some([(2, 3), (3, 2)], [(1, 3), (3, 1)], [(2, 0), (0, 3)], [(0, 2), (2, 3)])),
    Case("matmul vectors", lambda T, a, b: a @ b, some([(3,), (3,)], [(2, 3), (3,)], [(3,), (3, 2)])),
    Case(
        "matmul stacks",
        lambda T, a, b: T.matmul(a, b),
        some(
            [(2, 2, 3), (3, 2)],
            [(2, 3), (2, 3, 2)],
            [(2, 2, 3), (2, 3, 2)],
            [(2, 1, 2, 3), (3, 3, 1)],
            [(2, 2, 3), (3,)],
            [(3,), (2, 3, 2)],
            [(1, 2, 3), (2, 3, 1)],
        ),
    ),
    Case("matmul itself", lambda T, x: x @ x, some([(2, 2)], [(2, 2, 2)])),
    Case("mm", lambda T, a, b: T.mm(a, b), some([(2, 3), (3, 2)])),
    Case("dot", lambda T, a, b: T.dot(a, b), some([(3,), (3,)], [(0,), (0,)])),
    Case("outer", lambda T, a, b: T.outer(a, b), some([(3,), (2,)])),
    Case(
        "linear", lambda T, x, w, b: T.nn.functional.linear(x, w, b), some([(2, 3), (4, 3), (4,)], [(3,), (2, 3), (2,)])
    ),
    Case("linear stack", lambda T, x, w: T.nn.functional.linear(x, w), some([(2, 2, 3), (4, 3)])),
    Case("einsum", lambda T, a, b: T.einsum("ik,kj->ij", a, b), some([(2, 3), (3, 2)])),
    Case("einsum batch", lambda T, a, b: T.einsum("bik,bjk->bij", a, b), some([(2, 2, 3), (2, 1, 3)])),
    Case("einsum implicit", lambda T, a, b: T.einsum("ij,jk", a, b), some([(2, 3), (3, 2)])),
    Case("einsum sum", lambda T, x: T.einsum("ij->j", x), some([(2, 3)])),
    Case("einsum trace", lambda T, x: T.einsum("ii->i", x), some([(3, 3)])),
    Case("einsum ellipsis", lambda T, a, b: T.einsum("...i,...i->...", a, b), some([(2, 3), (2, 3)])),
    Case("einsum three", lambda T, a, b, c: T.einsum("i,ij,j->", a, b, c), some([(2,), (2, 3), (3,)])),
    Case("einsum of size 1", lambda T, a, b: T.einsum("i,i", a, b), some([(2,), (1,)], [(1,), (3,)])),
    Case(
        "einsum broadcast",
        lambda T, a, b, c: T.einsum("ij,ij,j->i", a, b, c),
        some([(2, 3), (1, 3), (1,)], [(1, 1), (2, 1), (3,)]),
    ),
    Case("einsum turned", lambda T, x: T.einsum("ijk->kij", x), some([(2, 1, 3)])),
    Case("einsum diagonal", lambda T, x: T.einsum("iij->ji", x), some([(2, 2, 3)])),
    Case("einsum outer", lambda T, a, b: T.einsum("i,j->ij", a, b), some([(2,), (3,)])),
]

CONVOLUTION = [
    Case(
        "conv2d",
        lambda T, x, w, b: T.nn.functional.conv2d(x, w, b, stride=(1, 2), padding=1),
        some([(2, 2, 3, 4), (3, 2, 2, 3), (3,)], [(2, 3, 3), (1, 2, 3, 2), (1,)]),
    ),
    Case(
        "conv2d groups",
        lambda T, x, w: T.nn.functional.conv2d(x, w, dilation=2, groups=2),
        some([(1, 2, 4, 3), (2, 1, 2, 2)]),
    ),
    Case("conv1d", lambda T, x, w: T.nn.functional.conv1d(x, w, padding=1), some([(2, 2, 4), (3, 2, 3)])),
    Case(
        "conv_transpose2d",
        lambda T, x, w, b: T.nn.functional.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
        some([(2, 2, 3, 2), (2, 3, 2, 2), (3,)]),
    ),
]

WINDOWS = [
    Case("unfold", lambda T, x: T.nn.functional.unfold(x, (2, 3), padding=1, stride=(2, 1)), some([(2, 2, 3, 4)])),
    Case("unfold dilated", lambda T, x: T.nn.functional.unfold(x, 2, dilation=2), some([(2, 3, 4)])),
    Case(
        "fold",
        lambda T, x: T.nn.functional.fold(x, (3, 4), (2, 3), padding=1, stride=(2, 1)),
        some([(2, 12, 8)]),
    ),
    Case("interpolate", lambda T, x: T.nn.functional.interpolate(x, scale_factor=2), some([(1, 2, 2, 3)])),
    Case("interpolate smaller", lambda T, x: T.nn.functional.interpolate(x, (2, 3)), some([(1, 1, 5, 4)])),
    Case(
        "interpolate bilinear",
        lambda T, x: T.nn.functional.interpolate(x, (5, 2), mode="bilinear"),
        some([(1, 2, 3, 4)]),
    ),
    Case(
        "interpolate by factors",
        lambda T, x: T.nn.functional.interpolate(x, scale_factor=(1.5, 2.4), mode="bilinear"),
        some([(1, 1, 3, 4)]),
    ),
    Case(
        "interpolate corners",
        lambda T, x: T.nn.functional.interpolate(x, (4, 5), mode="bilinear", align_corners=True),
        some([(1, 2, 3, 2)]),
    ),
]

POOLING = [
    Case("max_pool2d", lambda T, x: T.nn.functional.max_pool2d(x, 2), some([(2, 2, 4, 5)], [(1, 2, 2)]), distinct=True),
    Case(
        "max_pool2d settings",
        lambda T, x: T.nn.functional.max_pool2d(x, (3, 2), (2, 1), 1, (1, 2), ceil_mode=True) ** 2,
        some([(1, 2, 4, 5)]),
        distinct=True,
    ),
    Case("avg_pool2d", lambda T, x: T.nn.functional.avg_pool2d(x, 2), some([(2, 2, 4, 5)], [(1, 2, 2)])),
    Case(
        "avg_pool2d settings",
        lambda T, x: T.nn.functional.avg_pool2d(x, (3, 2), 2, 1, ceil_mode=True),
        some([(1, 2, 4, 5)]),
    ),
    Case(
        "avg_pool2d counting the image",
        lambda T, x: T.nn.functional.avg_pool2d(x, 3, 2, (1, 0), ceil_mode=True, count_include_pad=False),
        some([(1, 2, 4, 6)]),
    ),
    Case("avg_pool2d divisor", lambda T, x: T.nn.functional.avg_pool2d(x, 2, 1, divisor_override=3), some([(1, 3, 3)])),
    Case("adaptive_avg_pool2d", lambda T, x: T.nn.functional.adaptive_avg_pool2d(x, (3, None)), some([(1, 2, 5, 4)])),
    Case(
        "adaptive_max_pool2d",
        lambda T, x: T.nn.functional.adaptive_max_pool2d(x, 3),
        some([(1, 2, 5, 4)]),
        distinct=True,
    ),
]

NORMALIZATION = [
    Case(
        "batch_norm",
        lambda T, x, w, b: T.nn.functional.batch_norm(x, None, None, w, b, training=True),
        some([(4, 2), (2,), (2,)], [(3, 2, 2, 3), (2,), (2,)]),
    ),
    Case(
        "batch_norm running",
        lambda T, x, w: T.nn.functional.batch_norm(
            x, T.tensor([0.5, 1.0]).to(x.dtype), T.tensor([2.0, 1.0]).to(x.dtype), w, eps=0.1
        ),
        some([(3, 2, 2), (2,)]),
    ),
    Case(
        "layer_norm",
        lambda T, x, w, b: T.nn.functional.layer_norm(x, tuple(w.shape), w, b, eps=0.01),
        some([(2, 3), (3,), (3,)], [(2, 2, 3), (2, 3), (2, 3)]),
    ),
    Case(
        "group_norm",
        lambda T, x, w, b: T.nn.functional.group_norm(x, 2, w, b),
        some([(2, 4, 3), (4,), (4,)], [(2, 2, 2, 2), (2,), (2,)]),
    ),
    Case("dropout", lambda T, x: T.nn.functional.dropout(x, 0.5, training=False), ANY),
    Case("embedding", lambda T, w: T.nn.functional.embedding(T.tensor([[0, 2], [2, 1]]), w), some([(3, 2)])),
]

ATTENTION = [
    Case(
        "attention",
        lambda T, q, k, v: T.nn.functional.scaled_dot_product_attention(q, k, v),
        some([(2, 3), (4, 3), (4, 2)], [(2, 2, 2), (2, 3, 2), (2, 3, 1)]),
    ),
    Case(
        "attention causal",
        lambda T, q, k, v: T.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        some([(3, 2), (3, 2), (3, 2)]),
    ),
    Case(
        "attention masked",
        lambda T, q, k, v: T.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=T.tensor([[True, False, True], [False, True, True]])
        ),
        some([(2, 2), (3, 2), (3, 2)]),
    ),
]

LOSS = [
    Case("mse_loss", lambda T, a, b: T.nn.functional.mse_loss(a, b), some([(3,), (3,)], [(2, 3), (2, 3)])),
    Case("mse_loss none", lambda T, a, b: T.nn.functional.mse_loss(a, b, reduction="none"), some([(3,), (3,)])),
    Case("l1_loss", lambda T, a, b: T.nn.functional.l1_loss(a, b + 0.00137), some([(3,), (3,)])),
    Case("l1_loss sum", lambda T, a, b: T.nn.functional.l1_loss(a, b + 0.00137, reduction="sum"), some([(3,), (3,)])),
    Case("cross_entropy", lambda T, x: T.nn.functional.cross_entropy(x, T.tensor([0, 2])), some([(2, 3)])),
    Case(
        "cross_entropy ignoring",
        lambda T, x: T.nn.functional.cross_entropy(x, T.tensor([0, -100, 2])),
        some([(3, 3)]),
    ),
    Case(
        "cross_entropy settings",
        lambda T, x: T.nn.functional.cross_entropy(
            x, T.tensor([0, 1, 2]), weight=T.tensor([1.0, 2, 3]).to(x.dtype), ignore_index=1, label_smoothing=0.2
        ),
        some([(3, 3)]),
    ),
    Case(
        "cross_entropy none",
        lambda T, x: T.nn.functional.cross_entropy(
            x, T.tensor([[0, 1], [2, 2]]), reduction="none", label_smoothing=0.1
        ),
        some([(2, 3, 2)]),
    ),
    Case(
        "cross_entropy stacked",
        lambda T, x: T.nn.functional.cross_entropy(x, T.tensor([[0, 1], [2, 2]])),
        some([(2, 3, 2)]),
    ),
    Case("cross_entropy one", lambda T, x: T.nn.functional.cross_entropy(x, T.tensor(1)), some([(3,)])),
    Case(
        "cross_entropy probabilities",
        lambda T, x, p: T.nn.functional.cross_entropy(x, p.softmax(1), label_smoothing=0.1),
        some([(2, 3), (2, 3)], [(2, 3, 2), (2, 3, 2)]),
    ),
    Case(
        "nll_loss",
        lambda T, x: T.nn.functional.nll_loss(x, T.tensor([0, 2]), weight=T.tensor([1.0, 2, 3]).to(x.dtype)),
        some([(2, 3)]),
    ),
    Case("nll_loss sum", lambda T, x: T.nn.functional.nll_loss(x, T.tensor([0, 2]), reduction="sum"), some([(2, 3)])),
    Case(
        "bce",
        lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(x, t.sigmoid()),
        some([(3,), (3,)], [(2, 2), (2, 2)]),
    ),
    Case(
        "bce settings",
        lambda T, x, t: T.nn.functional.binary_cross_entropy_with_logits(
            x,
            t.sigmoid(),
            weight=T.tensor([1.0, 2, 3]).to(x.dtype),
            pos_weight=T.tensor([3.0, 2, 0.5]).to(x.dtype),
            reduction="sum",
        ),
        some([(2, 3), (2, 3)]),
    ),
]

ROOMS = {
    "elementwise": ELEMENTWISE,
    "reduction": REDUCTION,
    "shape": SHAPE,
    "indexing": INDEXING,
    "linalg": LINALG,
    "convolution": CONVOLUTION,
    "windows": WINDOWS,
    "pooling": POOLING,
    "normalization": NORMALIZATION,
    "attention": ATTENTION,
    "loss": LOSS,
}
ALL = [case for room in ROOMS.values() for case in room]


def operations_run_by(case: Case) -> set[str]:
    """The names of the operations that a case runs, in its value or in its first or second derivatives."""
    shapes = case.filled_shapes()
    seen: set[str] = set()
    original = Op.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Op, "__call__", lambda self, *x, **s: (seen.add(self.name), original(self, *x, **s))[1])
        leaves = [leaf(np.random.default_rng(0).uniform(0.5, 0.9, shape)) for shape in shapes]
        y = case.call(tinygrad_lite, *leaves)
        first = tinygrad_lite.autograd.grad((y * y).sum(), leaves, create_graph=True, allow_unused=True)
        for g in first:
            if g is not None and g.requires_grad:
                (g * g).sum().backward(retain_graph=True)
    return seen
