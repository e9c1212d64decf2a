"""Names for what gathers many elements into one: sums, means, extremes, norms, sorting (`ops/reduction.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.methods.arguments import Number
from tinygrad_lite.op import Op, Traced
from tinygrad_lite.ops.shape import Dim, one_dim

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class ValuesIndices(NamedTuple):
    """What `max`, `min`, `sort` and `topk` along a dimension give: the values, and where they stood (int64)."""

    values: Tensor
    indices: Tensor


class Reduction(Traced):
    """Sums, means, extremes, norms; sorting; softmax."""

    def sum(self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """The sum over `dim` (an int, a tuple, or None for all); in a dtype, if one is named, which it then has."""
        y = ops.sum(self if dtype is None else self.to(dtype), dim=_over(dim), keepdim=keepdim)
        return y if dtype is None else y.to(dtype)  # integers were summed as int64

    def mean(self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """The mean over `dim`; of floating tensors only."""
        return ops.mean(self if dtype is None else self.to(dtype), dim=_over(dim), keepdim=keepdim)

    def var(
        self, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Number | None = None
    ) -> Tensor:
        """The variance over `dim`, divided by n - correction (1 if it is left out).

        unbiased, in place of correction: False divides by n. `var(False)` is a short form of `var(unbiased=False)`.
        """
        dim, correction = _correction("var", dim, unbiased, correction)
        return ops.var(self, dim=dim, correction=correction, keepdim=keepdim)

    def std(
        self, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Number | None = None
    ) -> Tensor:
        """The square root of `var`, which has the same arguments."""
        dim, correction = _correction("std", dim, unbiased, correction)
        return ops.std(self, dim=dim, correction=correction, keepdim=keepdim)

    def prod(self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """The product over `dim`; in a dtype, as `sum`."""
        y = ops.prod(self if dtype is None else self.to(dtype), dim=dim, keepdim=keepdim)
        return y if dtype is None else y.to(dtype)

    def cumsum(self, dim: int, *, dtype: Any = None) -> Tensor:
        """The sums of the first 1, 2, 3, ... elements along `dim`; in a dtype, as `sum`."""
        y = ops.cumsum(self if dtype is None else self.to(dtype), dim=dim)
        return y if dtype is None else y.to(dtype)

    def amax(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The largest element over `dim`; equally large ones share the gradient evenly."""
        return ops.amax(self, dim=_over(dim), keepdim=keepdim)

    def amin(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """The smallest element over `dim`; equally small ones share the gradient evenly."""
        return ops.amin(self, dim=_over(dim), keepdim=keepdim)

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        """Three functions, as in PyTorch.

        max(): the largest element of all; equally large ones share the gradient.
        max(dim): (values, indices) along a dimension; of equally large ones the first gets all of the gradient.
        max(other): a Tensor: the larger of both, element by element.
        """
        if isinstance(dim, Traced):
            return ops.maximum(self, dim)
        return ops.amax(self) if dim is None else self._chosen(ops.argmax, dim, keepdim)

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        """As `max`, for the smallest."""
        if isinstance(dim, Traced):
            return ops.minimum(self, dim)
        return ops.amin(self) if dim is None else self._chosen(ops.argmin, dim, keepdim)

    def _chosen(self, choose: Op, dim: int, keepdim: bool) -> ValuesIndices:
        indices = choose(self, dim=one_dim(dim, self.ndim), keepdim=True)
        values = ops.gather(self, indices, dim=dim)
        return ValuesIndices(values, indices) if keepdim else ValuesIndices(values.squeeze(dim), indices.squeeze(dim))

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The position of the largest element along `dim`, or in the flattened tensor: the first of several."""
        return ops.argmax(self, dim=dim, keepdim=keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The position of the smallest element along `dim`, or in the flattened tensor: the first of several."""
        return ops.argmin(self, dim=dim, keepdim=keepdim)

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
        """The positions that sort the elements along `dim`: equal ones in their order, NaN as the largest."""
        return ops.argsort(self, dim=dim, descending=descending)

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesIndices:
        """The elements sorted along `dim`, and where they stood: equal ones in their order, NaN as the largest."""
        indices = self.argsort(dim, descending)
        return ValuesIndices(ops.gather(self, indices, dim=dim), indices)

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
        """The k largest (or smallest) elements along `dim`, the most extreme first, and where they stood."""
        d = one_dim(dim, self.ndim)
        size = self._array.shape[d] if self.ndim else 1
        if not 0 <= k <= size:
            raise RuntimeError(
                f"topk: selected index k out of range: k is {k}, and dimension {dim} has {size} elements"
            )
        indices = self.argsort(dim, largest)
        if self.ndim:
            indices = indices[(slice(None),) * d + (slice(k),)]
        return ValuesIndices(ops.gather(self, indices, dim=dim), indices)

    def any(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """True where some element over `dim` is not 0."""
        return ops.any(self, dim=dim, keepdim=keepdim)

    def all(self, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """True where no element over `dim` is 0."""
        return ops.all(self, dim=dim, keepdim=keepdim)

    def norm(self, p: Any = 2, dim: Dim = None, keepdim: bool = False) -> Tensor:
        """(Σ |x|ᵖ)^(1/p) over `dim`. p: a number, ±inf (largest, smallest |x|), 0 (how many are not 0) or "fro"."""
        p, dim = 2 if p is None or p == "fro" else float(p), _over(dim)
        if p in (np.inf, -np.inf):
            return (ops.amax if p > 0 else ops.amin)(self.abs(), dim=dim, keepdim=keepdim)
        return self.abs().sum(dim, keepdim) if p == 1 else ops.norm(self, p=p, dim=dim, keepdim=keepdim)

    def logsumexp(self, dim: Dim, keepdim: bool = False) -> Tensor:
        """ln Σ eˣ over `dim`, without overflow."""
        return ops.logsumexp(self, dim=_over(dim), keepdim=keepdim)

    def softmax(self, dim: int) -> Tensor:
        """eˣ / Σ eˣ along `dim`."""
        return ops.softmax(self, dim=dim)

    def log_softmax(self, dim: int) -> Tensor:
        """The logarithm of softmax along `dim`."""
        return ops.log_softmax(self, dim=dim)

    def histc(self, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
        """How many elements fall into each of `bins` equal intervals from min to max (if equal: of all elements)."""
        array = self._array
        low, high = (min, max) if min != max or not array.size else (self.amin().item(), self.amax().item())
        low, high = (low - 1, high + 1) if low == high else (low, high)
        with backend.beside(array):
            counts, _ = np.histogram(array, bins, (low, high))
            return self._wrap(counts.astype(array.dtype))


def _over(dim: Dim) -> Dim:
    """What a sum or an extreme is taken over: no dimension named, as dim=(), means all, as in PyTorch."""
    return None if isinstance(dim, (tuple, list)) and not dim else dim


def _correction(name: str, dim: Any, unbiased: Any, correction: Number | None) -> tuple[Any, Number]:
    """The dimensions, and the correction, of a variance; TypeError for what PyTorch's forms of the call do not have."""
    if isinstance(dim, bool):
        if unbiased is not None:
            raise TypeError(f"{name}: {dim} is not a dimension")
        dim, unbiased = None, dim
    if unbiased is not None and not isinstance(unbiased, bool):
        raise TypeError(f"{name}: unbiased must be True or False, not {unbiased!r}; keepdim comes after it")
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: give unbiased or correction, not both")
    return _over(dim), (1 if unbiased is None else int(unbiased)) if correction is None else correction
