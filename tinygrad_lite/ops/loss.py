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
from tinygrad_lite.ops.reduction import softmax
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
def cross_entropy(x, target, *, ignore_index=-100):
    """y = mean over rows n of  ln Σ exp xₙ - xₙ[targetₙ],  for logits (n, classes) and classes (n,).

    Rows whose target is `ignore_index` do not count. IndexError for a target that is no class.
    """
    rows, classes = x.shape
    kept = target != ignore_index
    count = int(np.count_nonzero(kept))
    if count < rows:
        target = np.where(kept, target, 0)
    outside = target.astype("uint64") >= classes  # as a number without a sign, -1 is huge
    if np.count_nonzero(outside):
        raise IndexError(
            f"Target {int(target[outside][0])} is out of bounds: with logits for {classes} classes, a target is one of"
            f" 0, ..., {classes - 1}, or ignore_index ({ignore_index})"
        )
    centred = x - backend.max(x, 1, True)  # nothing overflows
    chosen = centred[backend.namespace(x).arange(rows), target]
    losses = np.log(backend.sum(np.exp(centred), 1)) - chosen
    return backend.sum(losses if count == rows else np.where(kept, losses, 0)) / (count or math.nan)


@cross_entropy.gradient("x")
def _(g, x, target, ignore_index):
    kept = target != ignore_index
    share = kept * (g / max(kept.sum().item(), 1))
    return (softmax(x, dim=1) - one_hot(target, x)) * unsqueeze(share, dim=1)


@op
def one_hot(target, like):
    """Rows of zeros with a 1 at each target, in the shape (n, classes) and dtype of `like`; out of range: all zeros."""
    classes = backend.namespace(target).arange(like.shape[1])
    return (target[:, None] == classes).astype(like.dtype)


@one_hot.gradient("like")
def _(g):
    return None


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
