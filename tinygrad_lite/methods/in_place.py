"""Names for changes in place: each hands an operation to `Tensor._in_place`, with a way to do it in the array's memory.

Without such a way, and for integers, the operation is computed and its result written over the array.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import Array, Generator
from tinygrad_lite.methods.arguments import Number, as_element, as_mask, without_leading_ones
from tinygrad_lite.methods.index import in_two_steps
from tinygrad_lite.op import Traced

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


class InPlace(Traced):
    """Changes in place: names that end in _, assignment to parts, and +=."""

    def add_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self += alpha · other"""
        if alpha == 1:
            return self._in_place(operator.iadd, ops.add, other)
        return self._in_place(_add_scaled, ops.add_scaled, other, factor=alpha)

    def sub_(self, other: Any, *, alpha: Number = 1) -> Tensor:
        """self -= alpha · other"""
        if alpha == 1:
            return self._in_place(operator.isub, ops.sub, other)
        return self._in_place(_add_scaled, ops.add_scaled, other, factor=-alpha)

    def mul_(self, other: Any) -> Tensor:
        """self *= other"""
        return self._in_place(operator.imul, ops.mul, other)

    def div_(self, other: Any) -> Tensor:
        """self /= other"""
        return self._in_place(operator.itruediv, ops.div, other)

    def pow_(self, exponent: Any) -> Tensor:
        """self **= exponent"""
        return self._in_place(operator.ipow, ops.pow, exponent)

    def floor_divide_(self, other: Any) -> Tensor:
        """self //= other"""
        return self._in_place(None, ops.floor_divide, other)

    def remainder_(self, other: Any) -> Tensor:
        """self %= other"""
        return self._in_place(None, ops.remainder, other)

    def bitwise_and_(self, other: Any) -> Tensor:
        """self &= other"""
        return self._in_place(None, ops.bitwise_and, other)

    def bitwise_or_(self, other: Any) -> Tensor:
        """self |= other"""
        return self._in_place(None, ops.bitwise_or, other)

    def bitwise_xor_(self, other: Any) -> Tensor:
        """self ^= other"""
        return self._in_place(None, ops.bitwise_xor, other)

    def bitwise_left_shift_(self, other: Any) -> Tensor:
        """self <<= other"""
        return self._in_place(None, ops.bitwise_left_shift, other)

    def bitwise_right_shift_(self, other: Any) -> Tensor:
        """self >>= other"""
        return self._in_place(None, ops.bitwise_right_shift, other)

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """Raise what is below `min` to it, and lower what is above `max`, each a number, a Tensor or None."""
        return self._in_place(_clamp, ops.clamp, min, max)

    def __setitem__(self, index: Any, value: Any) -> None:
        view, picked = in_two_steps(index, self._array)
        if picked is None:
            self._in_place(_write, ops.indexing.setitem, value, index=view)
        else:
            part: Any = self if view is None else ops.getitem(self, index=view)
            part._in_place(_write, ops.indexing.setitem, without_leading_ones(value), index=picked)

    def copy_(self, other: Any) -> Tensor:
        """Overwrite with another tensor's numbers, broadcast to this shape; it may be on another device."""
        if isinstance(other, Traced) and other.ndim > self.ndim:
            raise backend.ShapeError(
                f"copy_: output with shape {list(self.shape)} doesn't match the broadcast shape {list(other.shape)}."
                " An in-place operation cannot change the shape"
            )
        self[...] = other.to(self.device) if isinstance(other, Traced) else other
        return self

    def fill_(self, value: Any) -> Tensor:
        """Set every element to one value."""
        return self._in_place(_write, ops.indexing.setitem, value, index=...)

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return self.fill_(0)

    def uniform_(self, low: Number = 0.0, high: Number = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with random numbers, uniform on [low, high). RuntimeError for bounds that the dtype cannot hold."""
        array = self._array
        if array.dtype.kind != "f":
            raise NotImplementedError(f"uniform_ is for floating dtypes, not for {array.dtype}")
        if not low <= high or not high - low <= float(np.finfo(array.dtype).max):
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range of {array.dtype}, but found from={low} and to={high}"
            )
        source = generator or backend.default_generator(self.device)
        self[...] = self._wrap(source.uniform(low, high, array.shape, array.dtype))
        return self

    def normal_(self, mean: Number = 0.0, std: Number = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with random numbers from the normal distribution."""
        source = generator or backend.default_generator(self.device)
        self[...] = self._wrap(source.normal(self._array.shape, self._array.dtype)) * std + mean
        return self

    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """Set the elements where the mask (bool) is True to one value, as in `masked_fill`."""
        self[as_mask(mask).expand(self.shape)] = as_element(value, self)
        return self

    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    __ifloordiv__, __imod__ = floor_divide_, remainder_
    __iand__, __ior__, __ixor__ = bitwise_and_, bitwise_or_, bitwise_xor_
    __ilshift__, __irshift__ = bitwise_left_shift_, bitwise_right_shift_


def _write(array: Array, value: Any, index: Any) -> None:
    array[index] = value


def _clamp(array: Array, min: Any, max: Any) -> None:
    backend.clip(array, min, max, out=array)


def _add_scaled(array: Array, other: Any, factor: Number) -> None:
    array += factor * other
