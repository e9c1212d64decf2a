"""Losses as single operations, each with the analytic gradient of the whole: faster than a chain of small operations,
and safe where logits are large.

Each gives one number an element or an example. `nn.functional` checks the arguments, and takes the mean or the sum.
"""

from __future__ import annotations

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import keep, sigmoid
from tinygrad_lite.ops.reduction import count, softmax, sum
from tinygrad_lite.ops.shape import unsqueeze


@op(types="common")
def mse_loss(input, target):
    """y = mean (input - target)², over all elements."""
    difference = input - target
    return sum(difference * difference) / difference.size


@mse_loss.gradient("input")
def _(g, input, target):
    difference = input - target
    return difference * (g * (2 / count(difference.shape, None)))


@mse_loss.gradient("target")
def _(g, input, target):
    difference = target - input
    return difference * (g * (2 / count(difference.shape, None)))


@op
def cross_entropy(x, target, *, ignore_index=-100):
    """For each row of logits, yₙ = ln Σ exp xₙ - xₙ[targetₙ],  shapes (n, classes), (n,) int → (n,).

    Rows whose target is `ignore_index` give 0, and receive no gradient.
    """
    centred = x - np.max(x, axis=1, keepdims=True)
    chosen = centred[backend.namespace(x).arange(x.shape[0]), np.where(target == ignore_index, 0, target)]
    losses = np.log(sum(np.exp(centred), dim=1)) - chosen
    return backend.keep(target != ignore_index, losses)


@cross_entropy.gradient("x")
def _(g, x, target, ignore_index):
    g = keep(target != ignore_index, g)
    return (softmax(x, dim=1) - one_hot(target, like=x)) * unsqueeze(g, dim=1)


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
