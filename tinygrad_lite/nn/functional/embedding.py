"""Numbers for symbols: embeddings, and one-hot rows."""

from __future__ import annotations

from tinygrad_lite import functions
from tinygrad_lite.creation import arange
from tinygrad_lite.tensor import Tensor


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of weight (symbols, width) at the indices of input, of any shape: (..., width).

    padding_idx: a symbol whose row is not learned. Raises IndexError for an index out of range, TypeError for indices
    that are not integers.
    """
    symbols = weight.shape[0]
    _check_indices("embedding", input)
    if input.numel() and not 0 <= input.min().item() <= input.max().item() < symbols:
        raise IndexError(
            f"embedding: index out of range: the indices go from {input.min().item()} to {input.max().item()}, and the"
            f" weight {tuple(weight.shape)} has rows 0, ..., {symbols - 1}"
        )
    rows = weight[input.long()]
    rows = rows if input.ndim else rows.clone()  # of an index without dimensions it is a view
    if padding_idx is None:
        return rows
    if not -symbols <= padding_idx < symbols:
        raise IndexError(f"embedding: padding_idx={padding_idx} must be within the {symbols} rows of the weight")
    return functions.where((input != padding_idx % symbols).unsqueeze(-1), rows, rows.detach())


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For each class index a row of zeros with a 1 there, int64: (..., num_classes), or as many as there are."""
    _check_indices("one_hot", tensor)
    if not tensor.numel() and num_classes < 1:
        raise ValueError("one_hot: can not infer total number of classes from empty tensor. Give num_classes")
    if num_classes == -1:
        num_classes = int(tensor.max().item()) + 1
    if tensor.numel() and not 0 <= tensor.min().item() <= tensor.max().item() < num_classes:
        raise IndexError(
            f"one_hot: class values must be from 0 to num_classes - 1 = {num_classes - 1}, but go from"
            f" {tensor.min().item()} to {tensor.max().item()}"
        )
    return (tensor.unsqueeze(-1) == arange(num_classes, device=tensor.device)).long()


def _check_indices(name: str, indices: Tensor) -> None:
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer indices, but got {indices.dtype}. Use long()")
