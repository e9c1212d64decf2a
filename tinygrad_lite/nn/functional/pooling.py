"""Poolings as functions: images made smaller, one number for each window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite import ops
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.creation import tensor
from tinygrad_lite.functions import cat
from tinygrad_lite.nn.functional.convolution import pair_of
from tinygrad_lite.ops.windows import Pair, Windows, windows_that_fit
from tinygrad_lite.tensor import Tensor


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest number of each window of images (n, c, h, w), or of one (c, h, w).

    kernel_size, stride, padding, dilation: one int, or two. stride: kernel_size if it is left out. padding: at most
        half of the window; it counts as -∞.
    ceil_mode: keep a last window that reaches over the edge.
    return_indices: give (numbers, indices), these in the image written out flat.

    Of several equally large numbers the first gets the gradient. Raises ShapeError for windows larger than the padded
    image.
    """
    dilation = pair_of("max_pool2d", "dilation", dilation, 1)
    windows = _pooled("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    y = _of_images(input, lambda images: ops.max_pool(images, windows=windows))
    if not return_indices:
        return y
    return y, _of_images(input.detach(), lambda images: ops.largest_index(images, windows=windows))


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of images (n, c, h, w), or of one (c, h, w). The settings are those of `max_pool2d`.

    count_include_pad: count the zeros of the padding as numbers of the window.
    divisor_override: divide the window's sum by this, whatever it counts.
    """
    _check_floating("avg_pool2d", input)
    windows = _pooled("avg_pool2d", input, kernel_size, stride, padding, (1, 1), ceil_mode)
    total = _of_images(ops.single(input), lambda images: ops.window_sum(images, windows=windows))
    if divisor_override is not None:
        if divisor_override == 0:
            raise ValueError("avg_pool2d: divisor must be not zero")
        return (total / divisor_override).to(input.dtype)
    down, across = (
        _places_counted(s, k, n, step, p, p if count_include_pad else 0)
        for s, k, n, step, p in zip(input.shape[-2:], *windows[:4], strict=True)
    )
    counts = np.outer(down, across)
    if (counts == counts[0, 0]).all():
        return (total / int(counts[0, 0])).to(input.dtype)
    return (total / tensor(counts, dtype=total.dtype, device=input.device)).to(input.dtype)


def _places_counted(size: int, kernel: int, windows: int, stride: int, padding: int, margin: int) -> np.ndarray:
    """How many places of each window lie on the image, or on the margin around it."""
    begin = np.arange(windows) * stride - padding
    return np.minimum(begin + kernel, size + margin) - np.maximum(begin, -margin)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The image cut into output_size pieces as equal as they can be, down and across, and of each piece the mean.

    output_size: one int, or two; None keeps the size. A piece begins at ⌊i · size / pieces⌋ and ends at
    ⌈(i + 1) · size / pieces⌉.
    """
    _check_floating("adaptive_avg_pool2d", input)
    rows, columns = _adaptive("adaptive_avg_pool2d", input, output_size)
    return _mean_matrix(rows, input, -2) @ input @ _mean_matrix(columns, input, -1).T


def _mean_matrix(pieces: list[slice], input: Tensor, dim: int) -> Tensor:
    """(pieces, size): the matrix whose product with a vector has the mean of each piece of it."""
    matrix = np.zeros((len(pieces), input.shape[dim]))
    for row, piece in zip(matrix, pieces, strict=True):
        row[piece] = 1 / (piece.stop - piece.start)
    return tensor(matrix, dtype=input.dtype, device=input.device)


def adaptive_max_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The largest number of each piece that `adaptive_avg_pool2d` cuts the image into."""
    rows, columns = _adaptive("adaptive_max_pool2d", input, output_size)
    lines = []
    for down in rows:
        pieces = [input[..., down, across].flatten(-2).max(-1, keepdim=True)[0] for across in columns]
        lines.append(cat(pieces, -1).unsqueeze(-2))
    return cat(lines, -2)


# ------------------------------------------------------------------------------------------------------- arguments


def _pooled(
    name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Pair, ceil_mode: bool
) -> Windows:
    """The windows of a pooling, its arguments checked."""
    _check_images(name, input)
    kernel = pair_of(name, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None or stride == [] else pair_of(name, "stride", stride, 1)
    padding = pair_of(name, "padding", padding, 0)
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, kernel, dilation, strict=True)):
        raise ValueError(
            f"{name}: pad should be at most half of effective kernel size, but got pad={padding},"
            f" kernel_size={kernel} and dilation={dilation}"
        )
    height, width = input.shape[-2:]
    return windows_that_fit((height, width), kernel, stride, padding, dilation, ceil_mode=ceil_mode)


def _of_images(input: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    return function(input) if input.ndim == 4 else function(input.unsqueeze(0)).squeeze(0)


def _adaptive(name: str, input: Tensor, pieces: Any) -> tuple[list[slice], list[slice]]:
    _check_images(name, input)
    if isinstance(pieces, (tuple, list)) and len(pieces) == 2:
        pieces = tuple(s if n is None else n for s, n in zip(input.shape[-2:], pieces, strict=True))
    down, across = pair_of(name, "output_size", pieces, 0)
    height, width = input.shape[-2:]
    return _cut(height, down), _cut(width, across)


def _cut(size: int, pieces: int) -> list[slice]:
    return [slice(i * size // pieces, -(-(i + 1) * size // pieces)) for i in range(pieces)]


def _check_floating(name: str, input: Tensor) -> None:
    if not input.is_floating_point():
        raise TypeError(f"{name}: the images must be floating, but are {input.dtype}. Use float() first")


def _check_images(name: str, input: Tensor) -> None:
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ShapeError(
            f"{name}: expected images (n, c, h, w) or one (c, h, w), c, h and w not 0, but got {tuple(input.shape)}"
        )
