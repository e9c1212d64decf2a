"""Convolution: a small matrix of weights, the kernel, is laid over every window of an image, multiplied and summed.

Three operations belong together, and each one's derivatives are the other two, so convolutions can be differentiated to
any order:

    convolution            y from x and weight
    convolution_by_input   the gradient by x, from dy, that of y, and the weight: a *transposed* convolution
    convolution_by_weight  the gradient by the weight, from dy and x

As matrices: write the windows of the image as rows, one for each position, of kernel height · kernel width · channels
numbers; and the weight as columns, one for each output channel. Then the convolution is their product. The rows take
kh · kw times the memory of the image, so they are made for a few images at a time, in a piece that stays in the
processor's cache, and made again in the backward pass rather than kept. Inside, channels come last: then a kernel row,
kw · channels numbers, lies in memory in one piece.

Shapes: x (n, c, h, w), weight (o, c / groups, kh, kw), y (n, o, oh, ow). `stride`, `padding` and `dilation` are pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.op import op
from tinygrad_lite.ops.reduction import sum
from tinygrad_lite.ops.windows import Pair, frame, output_size, places, reach, unframe, zeros_framed

PIECE = 2**20  # numbers: 4 MB of float32


@op(types="common")
def convolution(x, weight, bias=None, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, m of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, m]

    and bias[o] added to it.
    """
    kernel = weight.shape[2:]
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    y = backend.namespace(x).empty((x.shape[0], weight.shape[0], *size), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], weight.shape[0]):
        columns = _as_columns(weight[of_y])
        for piece, rows in _rows(x[:, of_x], padding, (1, 1), kernel, size, stride, dilation):
            y[piece, of_y] = np.moveaxis((rows @ columns).reshape(-1, *size, columns.shape[1]), -1, 1)
    if bias is not None:
        y += bias[:, None, None]
    return y


@convolution.gradient("bias")
def _(g):
    return sum(g, dim=(0, 2, 3))


@convolution.gradient("x")
def _(g, weight, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_input(g, weight, size=tuple(shape[2:]), **settings)


@convolution.gradient("weight")
def _(g, x, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_weight(g, x, kernel=tuple(shape[2:]), **settings)


@op(types="common")
def convolution_by_input(dy, weight, *, size, stride, padding, dilation, groups):
    """x (n, c, *size), in which every dy[n, o, i, j] · weight[o] has been added to the window it belongs to.

    Seen from a pixel of x: it collects from all windows that it lies in. That is a convolution again, over dy with
    `stride - 1` zeros between its numbers, and with the kernel turned round.
    """
    kernel, channels = weight.shape[2:], weight.shape[1] * groups
    x = backend.namespace(dy).empty((dy.shape[0], channels, *size), dtype=dy.dtype)
    around = tuple(d * (k - 1) - p for d, k, p in zip(dilation, kernel, padding, strict=True))
    for of_x, of_y in _groups(groups, channels, weight.shape[0]):
        columns = _as_columns(np.flip(weight[of_y], (2, 3)).swapaxes(0, 1))
        for piece, rows in _rows(dy[:, of_y], around, stride, kernel, size, (1, 1), dilation):
            x[piece, of_x] = np.moveaxis((rows @ columns).reshape(-1, *size, columns.shape[1]), -1, 1)
    return x


@convolution_by_input.gradient("dy")
def _(g, weight, stride, padding, dilation, groups):
    return convolution(g, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution_by_input.gradient("weight")
def _(g, dy, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_weight(dy, g, kernel=tuple(shape[2:]), **settings)


@op(types="common")
def convolution_by_weight(dy, x, *, kernel, stride, padding, dilation, groups):
    """weight[o, c, k, l] = Σ over n, i, j of  dy[n, o, i, j] · x[n, c, i · stride + k · dilation - padding, ...]"""
    channels = x.shape[1] // groups
    weight = backend.namespace(x).empty((dy.shape[1], channels, *kernel), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], dy.shape[1]):
        outputs = of_y.stop - of_y.start
        total = backend.namespace(x).zeros((channels * kernel[0] * kernel[1], outputs), dtype=x.dtype)
        for piece, rows in _rows(x[:, of_x], padding, (1, 1), kernel, dy.shape[2:], stride, dilation):
            total += rows.T @ np.moveaxis(dy[piece, of_y], 1, -1).reshape(-1, outputs)
        weight[of_y] = np.moveaxis(total.T.reshape(outputs, *kernel, channels), -1, 1)
    return weight


@convolution_by_weight.gradient("dy")
def _(g, x, stride, padding, dilation, groups):
    return convolution(x, g, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution_by_weight.gradient("x")
def _(g, dy, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_input(dy, g, size=tuple(shape[2:]), **settings)


# ---------------------------------------------------------------------------------------- windows as columns, for all
# to see: what the operations above make for themselves piece by piece


@op
def unfold(x, *, kernel, size, stride, padding, dilation):
    """The windows of x (n, c, h, w), each as a column of c · kh · kw numbers: (n, c · kh · kw, windows)."""
    framed = frame(x, 0, kernel, size, stride, padding, dilation)
    y = backend.namespace(x).empty((*x.shape[:2], *kernel, *size), dtype=x.dtype)
    for k, m, down, across in places(kernel, size, stride, dilation):
        y[:, :, k, m] = framed[:, :, down, across]
    return y.reshape(len(x), math.prod(y.shape[1:4]), math.prod(size))


@unfold.gradient("x")
def _(g, shape, kernel, size, stride, padding, dilation):
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    return fold(g, image=tuple(shape[2:]), **settings)


@op
def fold(x, *, image, kernel, size, stride, padding, dilation):
    """The image (n, c, *image) in which each number of the columns has been added to its place."""
    channels = x.shape[1] // math.prod(kernel)
    windows = x.reshape(len(x), channels, *kernel, *size)
    framed = zeros_framed(windows[:, :, 0, 0], kernel, size, stride, dilation)
    for k, m, down, across in places(kernel, size, stride, dilation):
        framed[:, :, down, across] += windows[:, :, k, m]
    return unframe(framed, image, kernel, size, stride, padding, dilation)


@fold.gradient("x")
def _(g, kernel, size, stride, padding, dilation):
    return unfold(g, kernel=kernel, size=size, stride=stride, padding=padding, dilation=dilation)


# ----------------------------------------------------------------------------------------------- pieces, rows, columns


def _groups(groups: int, inputs: int, outputs: int) -> Iterator[tuple[slice, slice]]:
    """For each group, which channels of x belong to it, and which of y."""
    c, o = inputs // groups, outputs // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * o, (i + 1) * o)


def _as_columns(weight: Array) -> Array:
    """(o, c, kh, kw) → (kh · kw · c, o)"""
    return np.moveaxis(weight, 1, -1).reshape(len(weight), -1).T


def _rows(
    x: Array, padding: Pair, spacing: Pair, kernel: Pair, size: Pair, stride: Pair, dilation: Pair
) -> Iterator[tuple[slice, Array]]:
    """The windows of x (n, c, h, w), each as a row, piece by piece: which images, and (their windows, kh · kw · c).

    padding: zeros before x, of which there may be less than none; spacing: the pixels of x lie so far apart, with zeros
    between. The pieces fit the cache (on a GPU there is one), and a piece takes over the memory of the one before.
    """
    n, c, _, _ = x.shape
    library, windows_each = backend.namespace(x), size[0] * size[1]
    row = kernel[0] * kernel[1] * c
    step = max(1, PIECE // max(1, windows_each * row)) if isinstance(x, np.ndarray) else n
    step = min(step, n)
    ends = reach(kernel, size, stride, dilation)
    framed = library.zeros((step, *ends, c), dtype=x.dtype)
    (down, of_rows), (across, of_columns) = (
        _placed(length, pad, space, end)
        for length, pad, space, end in zip(x.shape[2:], padding, spacing, ends, strict=True)
    )
    image, line, pixel, channel = framed.strides
    windows = library.lib.stride_tricks.as_strided(
        framed,
        (step, *size, *kernel, c),
        (image, line * stride[0], pixel * stride[1], line * dilation[0], pixel * dilation[1], channel),
    )
    memory = library.empty(step * windows_each * row, dtype=x.dtype)
    for start in range(0, n, step or 1):
        piece = slice(start, min(start + step, n))
        images = piece.stop - start
        framed[:images, down, across] = np.moveaxis(x[piece, :, of_rows, of_columns], 1, -1)
        filled = memory[: images * windows_each * row]
        if kernel[1] * c < size[1]:  # few channels: NumPy copies long stretches faster, so the table is made turned
            filled.reshape(*kernel, c, images, *size)[...] = windows[:images].transpose(3, 4, 5, 0, 1, 2)
            yield piece, filled.reshape(row, -1).T
        else:
            filled.reshape(images, *size, *kernel, c)[...] = windows[:images]
            yield piece, filled.reshape(-1, row)


def _placed(length: int, padding: int, spacing: int, end: int) -> tuple[slice, slice]:
    """Where `length` pixels go in a line of `end` places, after the padding and so far apart; and which of them fit."""
    first = -(padding // spacing) if padding < 0 else 0  # those before the line begins are left out
    begin = padding + first * spacing
    last = min(length, first + max(0, -(-(end - begin) // spacing)))
    return slice(begin, begin + max(0, (last - first - 1) * spacing + 1), spacing), slice(first, last)
