"""What makes NumPy quick, and exact: the last file to read.

Nothing here computes anything that NumPy cannot. But some of NumPy's ways take many times as long as others that give
the same numbers, or lose digits, because of the order in which they go through memory or the branches they take. For
NumPy's arrays, `backend` takes the better ways from here.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

# Memory of large arrays goes back to the system when they are freed, and new memory comes as pages of zeros: in a
# training step that takes longer than many of its operations. glibc keeps blocks up to the size of the largest that was
# ever freed, if below 32 MB. So one of 31 MB is asked for and freed; nobody writes to it, so it costs nothing.
np.empty(31 * 2**20, dtype="uint8")


# ------------------------------------------------------------------------------------- sums, and the order in memory

BLOCK = 128  # so many numbers are added up one after the other


@functools.lru_cache(maxsize=4096)
def long_dimension(shape: tuple[int, ...], strides: tuple[int, ...], axis: Any) -> int | None:
    """The dimension to sum in blocks first, before the rest is summed over `axis`; None if NumPy may sum it all.

    NumPy sums one stretch of memory pairwise, but adds stretch after stretch to a running total: the mean of two
    million rows of 0.1 would be 0.0985. Each step of such a total is rounded, so there must not be many.
    """
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    stretch = min((abs(s) for s, n in zip(strides, shape, strict=True) if n > 1), default=0)
    turns = []  # the dimensions that are no part of the stretch
    for d in sorted((d % len(shape) for d in axes), key=lambda d: abs(strides[d])):
        if abs(strides[d]) == stretch:
            stretch *= shape[d]
        else:
            turns.append(d)
    if math.prod(shape[d] for d in turns) <= 2 * BLOCK:
        return None
    return max(turns, key=shape.__getitem__)


def sum_blocks(x: np.ndarray, d: int) -> np.ndarray:
    """Every BLOCK numbers along dimension d added up, or all of them if there are fewer. The rest stays as it is.

    The numbers of a block lie `apart` places apart, so that where rows are short NumPy adds many of them at once.
    """
    before, n, after = x.shape[:d], x.shape[d], x.shape[d + 1 :]
    if n <= BLOCK:
        return x.sum(d, keepdims=True)
    apart = max(1, min(4096 // max(math.prod(after), 1), n // BLOCK))
    whole = n - n % (BLOCK * apart)
    along = (slice(None),) * d
    blocks = x[(*along, slice(whole))].reshape(*before, -1, BLOCK, apart, *after).sum(d + 1)
    return np.concatenate([blocks.reshape(*before, -1, *after), x[(*along, slice(whole, None))]], axis=d)


def reduce(ufunc: np.ufunc, x: np.ndarray, axis: Any, keepdims: Any) -> Any:
    """ufunc.reduce, but in an order in which NumPy goes through long stretches of memory, which is many times as fast.

    Many short rows are first turned into few long ones; of batch, height and width the batch is taken first.
    """
    if x.ndim == 2 and x.shape[0] > x.shape[1] and x.shape[1] <= 16 and axis in (1, (1,)):
        found = ufunc.reduce(x.T.copy(), axis=0)
        return found[:, None] if keepdims else found
    if type(axis) is tuple and 1 < len(axis) < x.ndim and axis[0] == 0 and x.shape[0] > 8 and x.flags.c_contiguous:
        x = ufunc.reduce(x, axis=0, keepdims=True)
    return ufunc.reduce(x, axis=axis, keepdims=keepdims)


# ------------------------------------------------------------------------------------------- choosing, bit by bit


def by_bits(mask: np.ndarray, x: Any) -> bool:
    """Whether to choose numbers of x bit by bit: on a mask without a pattern `np.where` takes ten times as long, since
    the processor guesses each branch. That matters only where there are many numbers.
    """
    return isinstance(x, np.ndarray) and x.size > 512 and x.dtype.kind == "f" and x.shape == mask.shape


def keep(mask: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x where mask is True, else 0."""
    bits = _bits(mask, x.dtype)
    bits &= x.view(bits.dtype)
    return bits.view(x.dtype)


def choose(mask: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a where mask is True, else b, both of one dtype."""
    bits = _bits(mask, a.dtype)
    other = b.view(bits.dtype)
    bits &= a.view(bits.dtype) ^ other  # what differs between the two, where a is to be taken
    bits ^= other
    return bits.view(a.dtype)


def _bits(mask: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Integers as wide as dtype: all ones (-1) where mask is True, all zeros elsewhere."""
    bits = mask.astype(f"i{dtype.itemsize}")
    np.negative(bits, out=bits)
    return bits
