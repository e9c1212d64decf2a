"""A tensor that is to be learned."""

from __future__ import annotations

from typing import Any

from tinygrad_lite.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that a `Module` finds among its attributes, and that requires gradients unless told otherwise.

    Shares memory with the Tensor it is made from, and is a leaf. RuntimeError for integers, unless
    `requires_grad=False`.
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        if data is None:
            data = Tensor()
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: expected a Tensor, but got {type(data).__name__}. Make one with tensor(...)")
        self._array = data._settled()
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
