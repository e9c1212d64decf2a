"""Normalization: numbers brought to mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import rsqrt
from tinygrad_lite.ops.reduction import count, mean, var


@op(types="float")
def standardize(x, *, dim, eps):
    """y = (x - mean) / √(variance + eps), both taken over `dim`, a tuple; the variance is the biased one."""
    n = count(x.shape, dim)
    y = x - backend.sum(x, dim, True) / n
    y /= np.sqrt(backend.sum(y * y, dim, True) / n + eps)
    return y


@standardize.gradient("x")
def _(g, y, x, dim, eps):
    """Of what arrives nothing may move the mean, and nothing the variance: both parts are taken out of it."""
    scale = rsqrt(var(x, dim=dim, correction=0, keepdim=True) + eps)
    return (g - mean(g, dim=dim, keepdim=True) - y * mean(g * y, dim=dim, keepdim=True)) * scale
