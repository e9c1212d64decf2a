"""Attention as a function."""

from __future__ import annotations

import math

from tinygrad_lite import functions, ops
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.creation import ones
from tinygrad_lite.nn.functional.normalization import dropout
from tinygrad_lite.tensor import Tensor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query @ keyᵀ · scale) @ value: the values' mean, weighted by the keys' likeness (Vaswani et al. 2017).

    query (..., queries, width), key (..., keys, width), value (..., keys, out) → (..., queries, out).
    attn_mask: bool, True where a query may look at a key, or numbers added to the likeness; broadcast to
        (..., queries, keys). is_causal: query i may look at keys 0, ..., i only. scale: 1/√width if it is left out.
    A query that may look at nothing gets 0.
    """
    if (
        min(query.ndim, key.ndim, value.ndim) < 2
        or query.shape[-1] != key.shape[-1]
        or key.shape[-2] != value.shape[-2]
    ):
        raise ShapeError(
            "scaled_dot_product_attention: expected query (..., queries, width), key (..., keys, width) and value (...,"
            f" keys, out), but got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    dtype = query.dtype
    query, key, value = ops.single(query), ops.single(key), ops.single(value)
    likeness = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        if attn_mask is not None:
            raise ValueError("scaled_dot_product_attention: give attn_mask or is_causal, not both")
        attn_mask = ones(*likeness.shape[-2:], device=query.device).tril() > 0
    if attn_mask is None:
        return (dropout(likeness.softmax(-1), dropout_p) @ value).to(dtype)
    if attn_mask.is_floating_point():
        likeness = likeness + attn_mask
    else:
        likeness = functions.where(attn_mask, likeness, float("-inf"))
    nothing = (likeness == float("-inf")).all(-1, keepdim=True)
    weights = functions.where(nothing, 0.0, functions.where(nothing, 0.0, likeness).softmax(-1))
    return (dropout(weights, dropout_p) @ value).to(dtype)
