"""Losses as single operations, each with the analytic gradient of the whole: faster than a chain of small operations,
and safe where logits are large.

`nn.functional` checks the arguments and has the losses' other forms; what stands here is the common case, the mean.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import sigmoid
from tinygrad_lite.ops.indexing import gather
from tinygrad_lite.ops.shape import unsqueeze


@op(types="common")
def mse_loss(input, target):
    """y = mean (input - target)², over all elements."""
    difference = input - target
    return backend.sum(difference * difference) / difference.size


@mse_loss.gradient("input")
def _(g, input, target):
    difference = input - target
    return difference * (g * (2 / math.prod(difference.shape)))


@mse_loss.gradient("target")
def _(g, input, target):
    difference = target - input
    return difference * (g * (2 / math.prod(difference.shape)))


@op
def nll_loss(log_p, target, *, ignore_index=-100):
    """y = -mean over rows n of  log_pₙ[targetₙ],  for log-probabilities (n, classes) and classes (n,).

    Rows whose target is `ignore_index` do not count. IndexError for a target that is no class.
    """
    rows, classes = log_p.shape
    kept = target != ignore_index
    count = int(np.count_nonzero(kept))
    if count < rows:
        target = target * kept
    outside = target.astype("uint64") >= classes  # as a number without a sign, -1 is huge
    if np.count_nonzero(outside):
        raise IndexError(
            f"Target {int(target[outside][0])} is out of bounds: with {classes} classes, a target is one of 0, ...,"
            f" {classes - 1}, or ignore_index ({ignore_index})"
        )
    chosen = log_p[backend.namespace(log_p).arange(rows), target]
    return backend.sum(chosen if count == rows else np.where(kept, chosen, 0)) / -(count or math.nan)


@nll_loss.gradient("log_p")
def _(g, target, shape, ignore_index):
    kept = target != ignore_index
    count = kept.sum().item()
    return put(kept * (g / -max(count, 1)), target * kept, classes=shape[1])


@op
def put(x, target, *, classes):
    """y of shape (n, classes) is 0, but  yₙ[targetₙ] = xₙ."""
    y = backend.namespace(x).zeros((len(x), classes), dtype=x.dtype)
    y[backend.namespace(x).arange(len(x)), target] = x
    return y


@put.gradient("x")
def _(g, target):
    return gather(g, unsqueeze(target, dim=1), dim=1).squeeze(1)


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
