"""Windows of an image: where a kernel is laid in convolutions and poolings.

The window at (i, j) begins at row i · stride - padding and column j · stride - padding, and its places lie `dilation`
apart. All settings are pairs, down and across. The place (k, m) of all windows at once is a slice of the image with
steps, so most of what follows goes through the places of the kernel, not through the windows.

Images have the shape (n, c, h, w). In memory convolutions put them row by row, (h, c, w, n), the first row of all
channels of all images before the second: the rows that a kernel covers are then one block of memory, and a row of
windows is one long stretch of width · n numbers, whatever the stride. NumPy copies, adds and compares long stretches
many times as fast as short ones. What follows a convolution stays in that order, poolings too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tinygrad_lite.backend import Array, ShapeError

Pair = tuple[int, int]


class Windows(NamedTuple):
    """Where a kernel is laid on an image. Each setting is a pair, down and across."""

    kernel: Pair  # places of the kernel
    size: Pair  # how many windows there are
    stride: Pair = (1, 1)  # places from one window to the next
    padding: Pair = (0, 0)  # rows and columns around the image
    dilation: Pair = (1, 1)  # from one place of the kernel to the next

    def reach(self) -> Pair:
        """How many rows and columns the windows take up together, from the first place of the first on."""
        down, across = (
            (n - 1) * s + d * (k - 1) + 1
            for k, n, s, d in zip(self.kernel, self.size, self.stride, self.dilation, strict=True)
        )
        return down, across

    def places(self) -> Iterator[tuple[int, int, slice, slice]]:
        """Each place (k, m) of the kernel, and the rows and columns of the framed image where the windows have it."""
        for k in range(self.kernel[0]):
            for m in range(self.kernel[1]):
                down, across = (
                    slice(at * d, at * d + (n - 1) * s + 1, s)
                    for at, d, n, s in zip((k, m), self.dilation, self.size, self.stride, strict=True)
                )
                yield k, m, down, across

    def of_one_row(self) -> Windows:
        """One row of these windows, under one row of the kernel."""
        return Windows((1, self.kernel[1]), (1, self.size[1]), self.stride, self.padding, self.dilation)

    def on(self, image: Sequence[int]) -> Iterator[tuple[int, slice, slice]]:
        """Down and across: how far the windows reach, where in that the image lies, and how much of it."""
        for s, p, length in zip(image, self.padding, self.reach(), strict=True):
            end = min(p + s, length)
            yield length, slice(p, end), slice(0, end - p)


def windows_that_fit(
    image: Sequence[int],
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    *,
    ceil_mode: bool = False,
) -> Windows:
    """The windows that fit on an image (h, w). With ceil_mode the last one may reach over the edge if it begins inside.

    ShapeError if the kernel is larger than the padded image.
    """
    found = []
    for s, k, step, p, d in zip(image, kernel, stride, padding, dilation, strict=True):
        room = s + 2 * p - d * (k - 1) - 1
        windows = room // step + 1
        if ceil_mode and room % step and windows * step < s + p:
            windows += 1
        if windows < 1 or (room < 0 and not ceil_mode):
            padded = tuple(s + 2 * p for s, p in zip(image, padding, strict=True))
            raise ShapeError(
                f"Calculated padded input size per channel: {padded}."
                f" Kernel size: {tuple(kernel)}, dilation: {tuple(dilation)}. Kernel size can't be greater than actual"
                " input size: use a smaller kernel, or more padding"
            )
        found.append(windows)
    return Windows((kernel[0], kernel[1]), (found[0], found[1]), stride, padding, dilation)


def rows_first(x: Array) -> Array:
    """(n, c, h, w) → (h, c, w, n), a view."""
    return x.transpose(2, 1, 3, 0)


def batch_first(x: Array) -> Array:
    """(h, c, w, n) → (n, c, h, w), a view."""
    return x.transpose(3, 1, 0, 2)


def row_by_row(x: Array) -> Array:
    """(n, c, h, w) → (h, c, w, n), in that order in memory: a view if x, as a convolution's result, lies in it."""
    rows = rows_first(x)
    if rows.flags.c_contiguous:
        return rows
    y = np.empty_like(rows, order="C")
    put_rows(y, rows)
    return y


def put_rows(target: Array, rows: Array) -> None:
    """target[...] = rows, both (h, c, w, n)."""
    h, c, w, n = rows.shape
    if n < 2 or rows.strides[-1] == rows.itemsize or not isinstance(rows, np.ndarray):
        target[...] = rows
        return
    # The images come one after the other. Read across them, numbers arrive late, and those of many images may fall on
    # the same lines of the processor's cache. So some images at a time are first copied as they lie, with gaps between.
    some = min(n, 32)
    buffer = np.empty((some, c * h * w + 16), rows.dtype)[:, :-16].reshape(some, c, h, w)
    for start in range(0, n, some):
        images = batch_first(rows)[start : start + some]
        copied = buffer[: len(images)]
        copied[...] = images
        target[..., start : start + some] = rows_first(copied)


def frame(x: Array, value: float, windows: Windows) -> Array:
    """x (n, c, h, w) as far as the windows reach, with `value` beyond its edges; in x's order in memory."""
    (height, top, down), (width, left, across) = windows.on(x.shape[2:])
    if (top, left) == (slice(0, height), slice(0, width)):
        return x[:, :, down, across]  # they reach over no edge
    framed = np.full_like(x, value, shape=(*x.shape[:2], height, width))
    framed[:, :, top, left] = x[:, :, down, across]
    return framed


def unframe(framed: Array, image: Pair, windows: Windows) -> Array:
    """What of a framed image (n, c, height, width) lies on the image: (n, c, *image), 0 where no window reaches."""
    (_, top, down), (_, left, across) = windows.on(image)
    on_image = framed[:, :, top, left]
    if on_image.shape[2:] == image:
        return on_image
    x = np.zeros_like(framed, shape=(*framed.shape[:2], *image))
    x[:, :, down, across] = on_image
    return x
