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
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.op import op
from tinygrad_lite.ops.windows import Pair, frame, output_size, places, unframe, zeros_framed

PIECE = 2**18  # numbers: 1 MB of float32


@op(types="common")
def convolution(x, weight, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, l of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, l]"""
    size = output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y = backend.namespace(x).empty((x.shape[0], weight.shape[0], *size), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], weight.shape[0]):
        columns = _as_columns(weight[of_y])
        for piece in _pieces(x, size, columns.shape[0]):
            rows = _as_rows(x[piece, of_x], weight.shape[2:], size, stride, padding, dilation)
            product = (rows @ columns).reshape(-1, *size, columns.shape[1])
            y[piece, of_y] = np.moveaxis(product, -1, 1)
    return y


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
    """x (n, c, *size), in which every dy[n, o, i, j] · weight[o] has been added to the window it belongs to."""
    kernel, channels = weight.shape[2:], weight.shape[1] * groups
    x = backend.namespace(dy).empty((dy.shape[0], channels, *size), dtype=dy.dtype)
    padded_size = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    inside = tuple(slice(p, p + s) for s, p in zip(size, padding, strict=True))
    for of_x, of_y in _groups(groups, channels, weight.shape[0]):
        columns = _as_columns(weight[of_y])
        for piece in _pieces(dy, dy.shape[2:], columns.shape[0]):
            g = np.moveaxis(dy[piece, of_y], 1, -1)
            rows = (g.reshape(-1, columns.shape[1]) @ columns.T).reshape(*g.shape[:3], *kernel, -1)
            padded = backend.namespace(dy).zeros((g.shape[0], *padded_size, rows.shape[-1]), dtype=dy.dtype)
            for k, m, down, across in places(kernel, g.shape[1:3], stride, dilation):
                padded[:, down, across] += rows[:, :, :, k, m]
            x[piece, of_x] = np.moveaxis(padded[:, *inside], -1, 1)
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
        for piece in _pieces(x, dy.shape[2:], total.shape[0]):
            rows = _as_rows(x[piece, of_x], kernel, dy.shape[2:], stride, padding, dilation)
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


def _pieces(x: Array, size: Any, row: int) -> Iterator[slice]:
    """The batch in pieces whose rows fit the cache; on a GPU, the whole batch."""
    images = len(x)
    step = max(1, PIECE // max(1, size[0] * size[1] * row)) if isinstance(x, np.ndarray) else max(1, images)
    for start in range(0, images, step):
        yield slice(start, min(start + step, images))


def _as_columns(weight: Array) -> Array:
    """(o, c, kh, kw) → (kh · kw · c, o)"""
    return np.moveaxis(weight, 1, -1).reshape(len(weight), -1).T


def _as_rows(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """The windows of x (n, c, h, w), each as a row: (n · oh · ow, kh · kw · c)."""
    n, c, h, w = x.shape
    (down, across), library = padding, backend.namespace(x)
    padded = library.zeros((n, h + 2 * down, w + 2 * across, c), dtype=x.dtype)
    padded[:, down : down + h, across : across + w] = np.moveaxis(x, 1, -1)
    image, row, pixel, channel = padded.strides
    windows = library.lib.stride_tricks.as_strided(
        padded,
        (n, *size, *kernel, c),
        (image, row * stride[0], pixel * stride[1], row * dilation[0], pixel * dilation[1], channel),
    )
    return windows.reshape(n * size[0] * size[1], -1)
