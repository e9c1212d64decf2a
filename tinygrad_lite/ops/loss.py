"""Losses as single operations, each with the analytic gradient of the whole: faster than a chain of small operations,
and safe where logits are large.

`nn.functional` checks the arguments and has the losses' other forms; what stands here is the common case, the mean.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import sigmoid, single


@op(types="common")
def mse_loss(input, target):
    """y = mean (input - target)², over all elements."""
    difference = single(input) - single(target)
    return (backend.sum(difference * difference) / difference.size).astype(input.dtype, copy=False)


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
    return (backend.sum(single(log_p[rows, classes])) / -(len(rows) or math.nan)).astype(log_p.dtype, copy=False)


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
    """y = -t ln σ(x) - (1 - t) ln(1 - σ(x)) = max(x, 0) - x t + ln(1 + e^-|x|), element by element."""
    return np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))


@binary_cross_entropy_with_logits.gradient("x")
def _(g, x, target):
    return g * (sigmoid(x) - target)


@binary_cross_entropy_with_logits.gradient("target")
def _(g, x):
    return -g * x
