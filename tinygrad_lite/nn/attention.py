"""Attention with several heads."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_lite import creation, functions
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.nn import functional, init
from tinygrad_lite.nn.linear import Linear
from tinygrad_lite.nn.module import Module
from tinygrad_lite.nn.parameter import Parameter
from tinygrad_lite.tensor import Tensor


class MultiheadAttention(Module):
    """num_heads attentions side by side, each in its part of the width (Vaswani et al. 2017).

    Parameters: in_proj_weight (3 · embed_dim, embed_dim) and in_proj_bias, which make queries, keys and values;
    out_proj, a Linear that joins the heads. batch_first: inputs are (n, length, embed_dim), not (length, n, embed_dim).
    """

    in_proj_weight: Parameter
    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if num_heads < 1 or embed_dim % num_heads:
            raise ShapeError(f"MultiheadAttention: embed_dim={embed_dim} must be divisible by num_heads={num_heads}")
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.in_proj_weight = Parameter(creation.empty(3 * embed_dim, embed_dim, device=device, dtype=dtype))
        zeros = Parameter(creation.zeros(3 * embed_dim, device=device, dtype=dtype)) if bias else None
        self.register_parameter("in_proj_bias", zeros)
        self.out_proj = Linear(embed_dim, embed_dim, bias, device=device, dtype=dtype)
        init.xavier_uniform_(self.in_proj_weight)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """query (queries, n, embed_dim), key and value (keys, n, embed_dim), or all without n → (output, weights).

        output has the query's shape; weights (n, queries, keys) are the mean of the heads', or with
        average_attn_weights=False (n, heads, queries, keys); None unless need_weights.
        key_padding_mask (n, keys) and attn_mask (queries, keys) or (n · heads, queries, keys): bool, True where no
            query may look; or numbers that are added.
        """
        one = query.ndim == 2
        if one:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x.ndim != 3 or x.shape[-1] != self.embed_dim:
                raise ShapeError(
                    f"MultiheadAttention: expected a {name} whose last size is embed_dim={self.embed_dim}, of 2 or 3"
                    f" dimensions, but got {tuple(x.shape)}"
                )
        n, queries, keys = query.shape[0], query.shape[1], key.shape[1]
        weights = self.in_proj_weight.chunk(3)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        q, k, v = (
            functional.linear(x, w, b)
            .reshape(n, x.shape[1], self.num_heads, self.embed_dim // self.num_heads)
            .transpose(1, 2)
            for x, w, b in zip((query, key, value), weights, biases, strict=True)
        )  # (n, heads, length, width of a head)
        likeness = q @ k.mT / math.sqrt(q.shape[-1])
        if attn_mask is not None:
            mask = attn_mask if attn_mask.ndim == 2 else attn_mask.reshape(n, self.num_heads, queries, keys)
            likeness = _masked(likeness, mask)
        if key_padding_mask is not None:
            likeness = _masked(likeness, key_padding_mask[:, None, None, :])
        shares = functional.dropout(likeness.softmax(-1), self.dropout, self.training)
        output = self.out_proj((shares @ v).transpose(1, 2).reshape(n, queries, self.embed_dim))
        seen = None if not need_weights else shares.mean(1) if average_attn_weights else shares
        if one:
            return output.squeeze(0), None if seen is None else seen.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1), seen


def _masked(likeness: Tensor, mask: Tensor) -> Tensor:
    return likeness + mask if mask.is_floating_point() else functions.where(mask, float("-inf"), likeness)
