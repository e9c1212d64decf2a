"""Losses as single operations, each with the analytic gradient of the whole: faster than a chain of small operations,
and safe where logits are large.

`nn.functional` checks the arguments and has the losses' other forms; what stands here is the common case, the mean.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import sigmoid, single, where


@op(types="float")
def mse_loss(input, target):
    """y = mean (input - target)², over all elements."""
    difference = single(input) - single(target)
    return backend.cast(backend.sum(difference * difference) / difference.size, input.dtype)


@mse_loss.gradient("input")
def _(g, input, target):
    difference = single(input) - single(target)
    return difference * (single(g) * (2 / math.prod(difference.shape)))


@mse_loss.gradient("target")
def _(g, input, target):
    difference = single(target) - single(input)
    return difference * (single(g) * (2 / math.prod(difference.shape)))


@op
def nll_loss(log_p, rows, classes):
    """y = -mean log_p[rowsₙ, classesₙ],  for log-probabilities (examples, classes): NaN where there are no rows."""
    return backend.cast(backend.sum(single(log_p[rows, classes])) / -(len(rows) or math.nan), log_p.dtype)


@nll_loss.gradient("log_p")
def _(g, rows, classes, shape):
    return put(single(g) / -(len(rows) or 1), rows, classes, shape=shape)


@op
def put(x, rows, columns, *, shape):
    """A matrix of zeros in which x stands at [rowsₙ, columnsₙ], places that are all different."""
    y = backend.namespace(rows).zeros(shape, dtype=x.dtype)
    y[rows, columns] = x
    return y


@put.gradient("x")
def _(g, rows, columns):
    return g[rows, columns]


@op(types="common")
def binary_cross_entropy_with_logits(x, target):
    """y = -t ln σ(x) - (1 - t) ln(1 - σ(x)), element by element.

    That is ln(1 + e^-|x|), and added to it (1 - t) x where x > 0, and -t x elsewhere. For t = 1 there is nothing to add
    where x > 0: no digit is lost, and y is 0 at x = ∞.
    """
    share = (x > 0).astype(x.dtype) - target
    with np.errstate(invalid="ignore"):  # 0 · ∞, which is not kept
        straight = backend.keep(share != 0, share * x)
    return backend.cast(straight + np.log1p(np.exp(-np.abs(x))), x.dtype)


@binary_cross_entropy_with_logits.gradient("x")
def _(g, x, target):
    return g * where(x > 0, (1 - target) - sigmoid(-x), sigmoid(x) - target)  # a gradient near 0 keeps all its digits


@binary_cross_entropy_with_logits.gradient("target")
def _(g, x):
    return -g * x
