"""Names for changes in place: each hands an operation, and how to do it in the array, to `Tensor._in_place`."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import Array, Generator
from tinygrad_lite.methods.arguments import Number, without_leading_ones
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

    def clamp_(self, min: Number | None = None, max: Number | None = None) -> Tensor:
        """Raise what is below `min` to it, and lower what is above `max`."""

        def change(array: Array, min: Any, max: Any) -> None:
            array[...] = ops.clamp.forward(array, min=min, max=max)

        return self._in_place(change, ops.clamp, min=min, max=max)

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
        """Fill with random numbers, uniform on [low, high)."""
        source = generator or backend.default_generator(self.device)
        self[...] = self._wrap(source.random(self._array.shape, self._array.dtype)) * (high - low) + low
        return self

    def normal_(self, mean: Number = 0.0, std: Number = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with random numbers from the normal distribution."""
        source = generator or backend.default_generator(self.device)
        self[...] = self._wrap(source.normal(self._array.shape, self._array.dtype)) * std + mean
        return self

    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """Set the elements where the mask (bool) is True to one value."""
        self[mask.expand(self.shape)] = value
        return self

    def __iadd__(self, other: Any) -> Tensor:
        return self.add_(other)

    def __isub__(self, other: Any) -> Tensor:
        return self.sub_(other)

    def __imul__(self, other: Any) -> Tensor:
        return self.mul_(other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self.div_(other)

    def __ipow__(self, other: Any) -> Tensor:
        return self.pow_(other)


def _write(array: Array, value: Any, index: Any) -> None:
    array[index] = value


def _add_scaled(array: Array, other: Any, factor: Number) -> None:
    array += factor * other
