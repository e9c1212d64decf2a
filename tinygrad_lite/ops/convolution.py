"""Convolution: a small matrix of weights, the kernel, is laid over every window of an image, multiplied and summed.

Three operations belong together, and each one's derivatives are the other two, so convolutions can be differentiated to
any order:

    convolution            y from x and weight
    convolution_by_input   the gradient by x, from dy, that of y, and the weight: a *transposed* convolution
    convolution_by_weight  the gradient by the weight, from dy and x

As matrices: write the windows of all images as columns of channels · kernel height · kernel width numbers, one for each
position; and the weight as rows, one for each output channel. Then the convolution is their product. The columns take
kh · kw times the memory of the images, so they are made for a few images at a time, in a piece that stays in the
processor's cache, and made again in the backward pass rather than kept. In this table the batch comes last: then a row
of windows puts width · batch numbers into one stretch of memory, and NumPy copies and adds long stretches many times as
fast as short ones.

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
from tinygrad_lite.ops.windows import Pair, frame, output_size, places, unframe, zeros_framed

PIECE = 2**21  # numbers: 8 MB of float32


@op(types="common")
def convolution(x, weight, bias=None, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, m of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, m]

    and bias[o] added to it.
    """
    kernel = weight.shape[2:]
    windows = {"kernel": kernel, "stride": stride, "dilation": dilation}
    size = output_size(x.shape[2:], padding=padding, **windows)
    y = backend.namespace(x).empty((x.shape[0], weight.shape[0], *size), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], weight.shape[0]):
        matrix = _matrix(weight[of_y])
        for piece in _pieces(x, kernel, size, groups):
            columns = _columns(x[piece, of_x], size=size, padding=padding, **windows)
            y[piece, of_y] = _images(matrix @ columns, size)
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
    """x (n, c, *size), in which every dy[n, o, i, j] · weight[o] has been added to the window it belongs to."""
    kernel, windows = weight.shape[2:], dy.shape[2:]
    settings = {"kernel": kernel, "size": windows, "stride": stride, "padding": padding, "dilation": dilation}
    x = backend.namespace(dy).empty((dy.shape[0], weight.shape[1] * groups, *size), dtype=dy.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], weight.shape[0]):
        matrix = _matrix(weight[of_y]).T
        for piece in _pieces(x, kernel, windows, groups):
            x[piece, of_x] = _from_columns(matrix @ _flat(dy[piece, of_y]), image=size, **settings)
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
    size, channels = dy.shape[2:], x.shape[1] // groups
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    weight = backend.namespace(x).zeros((dy.shape[1], channels, *kernel), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], dy.shape[1]):
        for piece in _pieces(x, kernel, size, groups):
            columns = _columns(x[piece, of_x], **settings)
            weight[of_y] += (columns @ _flat(dy[piece, of_y]).T).T.reshape(-1, channels, *kernel)
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
    columns = _columns(x, kernel=kernel, size=size, stride=stride, padding=padding, dilation=dilation)
    return np.moveaxis(columns.reshape(len(columns), math.prod(size), len(x)), -1, 0).copy()


@unfold.gradient("x")
def _(g, shape, kernel, size, stride, padding, dilation):
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    return fold(g, image=tuple(shape[2:]), **settings)


@op
def fold(x, *, image, kernel, size, stride, padding, dilation):
    """The image (n, c, *image) in which each number of the columns has been added to its place."""
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    return _from_columns(_flat(x), image=image, **settings).copy()


@fold.gradient("x")
def _(g, kernel, size, stride, padding, dilation):
    return unfold(g, kernel=kernel, size=size, stride=stride, padding=padding, dilation=dilation)


# ---------------------------------------------------------------------------------------------------- pieces, columns


def _groups(groups: int, inputs: int, outputs: int) -> Iterator[tuple[slice, slice]]:
    """For each group, which channels of x belong to it, and which of y."""
    c, o = inputs // groups, outputs // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * o, (i + 1) * o)


def _pieces(x: Array, kernel: Pair, size: Pair, groups: int) -> Iterator[slice]:
    """Which images of x (n, c, h, w) are taken at once: so many that their columns fit the cache. On a GPU, all."""
    n, numbers = len(x), x.shape[1] // groups * math.prod(kernel) * math.prod(size)
    step = max(1, PIECE // max(1, numbers)) if isinstance(x, np.ndarray) else max(1, n)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def _columns(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """The windows of x (n, c, h, w), each as a column: (c · kh · kw, windows · n)."""
    framed = np.moveaxis(frame(x, 0, kernel, size, stride, padding, dilation, batch_last=True), 0, -1)
    columns = backend.namespace(x).empty((x.shape[1], *kernel, *size, len(x)), dtype=x.dtype)
    for k, m, down, across in places(kernel, size, stride, dilation):
        columns[:, k, m] = framed[:, down, across]
    return columns.reshape(x.shape[1] * math.prod(kernel), -1)


def _from_columns(
    columns: Array, image: Pair, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """x (n, c, *image), in which each number of (c · kh · kw, windows · n) has been added to its place."""
    channels = len(columns) // math.prod(kernel)
    windows = np.moveaxis(columns.reshape(channels, *kernel, *size, -1), -1, 0)
    framed = zeros_framed(windows[:, :, 0, 0], kernel, size, stride, dilation)
    for k, m, down, across in places(kernel, size, stride, dilation):
        framed[:, :, down, across] += windows[:, :, k, m]
    return unframe(framed, image, kernel, size, stride, padding, dilation)


def _matrix(weight: Array) -> Array:
    """(o, c, kh, kw) → (o, c · kh · kw)"""
    return weight.reshape(len(weight), -1)


def _flat(y: Array) -> Array:
    """(n, o, ...) → (o, ... · n)"""
    return np.moveaxis(y, 0, -1).reshape(y.shape[1], -1)


def _images(flat: Array, size: Pair) -> Array:
    """(o, oh · ow · n) → (n, o, oh, ow)"""
    return np.moveaxis(flat.reshape(len(flat), *size, -1), -1, 0)
