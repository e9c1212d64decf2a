"""Convolution: a small matrix of weights, the kernel, is laid over every window of an image, multiplied and summed.

Three operations belong together, and each one's derivatives are the other two, so convolutions can be differentiated to
any order:

    convolution            y from x and weight
    convolution_by_input   the gradient by x, from dy, that of y, and the weight: a *transposed* convolution
    convolution_by_weight  the gradient by the weight, from dy and x

As matrices: write the windows of all images as columns of channels · kernel height · kernel width numbers, one for each
position; and the weight as rows, one for each output channel. Then the convolution is their product. The columns take
kh · kw times the memory of the images, so they are made for a few rows of windows at a time, in a piece that stays in
the processor's cache, and made again in the backward pass rather than kept.

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
from tinygrad_lite.ops.windows import Pair, batch_first, batch_last, frame, output_size, places, reach, unframe

PIECE = 2**21  # numbers: 8 MB of float32


@op(types="common")
def convolution(x, weight, bias=None, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, m of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, m]

    and bias[o] added to it.
    """
    kernel = weight.shape[2:]
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    y = backend.namespace(x).empty((len(weight), *size, len(x)), dtype=x.dtype)
    framed = _framed(x, kernel, size, stride, padding, dilation)
    for of_x, of_y in _groups(groups, len(framed), len(weight)):
        matrix = _matrix(weight[of_y])
        for rows in _pieces(framed[of_x], kernel, size):
            columns = _columns(framed[of_x], rows, kernel, size[1], stride, dilation)
            np.matmul(matrix, columns, out=_flat(y[of_y, rows]))
    if bias is not None:
        y += bias[:, None, None, None]
    return batch_first(y)


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
    dy = batch_last(dy)
    framed = np.zeros_like(
        dy, shape=(weight.shape[1] * groups, *reach(kernel, windows, stride, dilation), dy.shape[-1])
    )
    for of_x, of_y in _groups(groups, len(framed), len(weight)):
        matrix = _matrix(weight[of_y]).T
        for rows in _pieces(framed[of_x], kernel, windows):
            columns = matrix @ _flat(dy[of_y, rows])
            _add_columns(framed[of_x], columns, rows, kernel, windows[1], stride, dilation)
    return unframe(batch_first(framed), size, kernel, windows, stride, padding, dilation)


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
    dy = batch_last(dy)
    framed = _framed(x, kernel, size, stride, padding, dilation)
    weight = backend.namespace(x).zeros((len(dy), channels, *kernel), dtype=x.dtype)
    for of_x, of_y in _groups(groups, len(framed), len(dy)):
        for rows in _pieces(framed[of_x], kernel, size):
            columns = _columns(framed[of_x], rows, kernel, size[1], stride, dilation)
            # A product for each row of windows, since BLAS takes three times as long for one of a few long rows.
            by_row = rows.stop - rows.start, size[1] * len(x)
            a, b = (m.reshape(len(m), *by_row).swapaxes(0, 1) for m in (columns, dy[of_y, rows]))
            weight[of_y] += backend.sum(a @ b.swapaxes(1, 2), 0).T.reshape(-1, channels, *kernel)
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
    framed = _framed(x, kernel, size, stride, padding, dilation)
    columns = _columns(framed, slice(0, size[0]), kernel, size[1], stride, dilation)
    return batch_first(columns.reshape(len(columns), math.prod(size), len(x))).copy()


@unfold.gradient("x")
def _(g, shape, kernel, size, stride, padding, dilation):
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    return fold(g, image=tuple(shape[2:]), **settings)


@op
def fold(x, *, image, kernel, size, stride, padding, dilation):
    """The image (n, c, *image) in which each number of the columns has been added to its place."""
    columns = batch_last(x)
    framed = np.zeros_like(x, shape=(len(columns) // math.prod(kernel), *reach(kernel, size, stride, dilation), len(x)))
    _add_columns(framed, columns, slice(0, size[0]), kernel, size[1], stride, dilation)
    return unframe(batch_first(framed), image, kernel, size, stride, padding, dilation).copy()


@fold.gradient("x")
def _(g, kernel, size, stride, padding, dilation):
    return unfold(g, kernel=kernel, size=size, stride=stride, padding=padding, dilation=dilation)


# ---------------------------------------------------------------------------------------------------- pieces, columns


def _groups(groups: int, inputs: int, outputs: int) -> Iterator[tuple[slice, slice]]:
    """For each group, which channels of x belong to it, and which of y."""
    c, o = inputs // groups, outputs // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * o, (i + 1) * o)


def _pieces(framed: Array, kernel: Pair, size: Pair) -> Iterator[slice]:
    """Which rows of windows are taken at once: so many that their columns fit the cache. On a GPU, all."""
    channels, _, _, n = framed.shape
    numbers = channels * math.prod(kernel) * size[1] * n  # of one row
    step = max(1, PIECE // max(1, numbers)) if isinstance(framed, np.ndarray) else size[0]
    for start in range(0, size[0], step):
        yield slice(start, min(start + step, size[0]))


def _framed(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """x (n, c, h, w) as (c, height, width, n), as far as the windows reach, with 0 where that is over its edges."""
    x = batch_first(batch_last(x))  # before the frame: rows that are padded to 16 numbers would take six times as long
    return batch_last(frame(x, 0, kernel, size, stride, padding, dilation))


def _columns(framed: Array, rows: slice, kernel: Pair, width: int, stride: Pair, dilation: Pair) -> Array:
    """Some rows of windows, `width` in each, every window as a column: (c · kh · kw, rows · width · n)."""
    channels, _, _, n = framed.shape
    height = rows.stop - rows.start
    columns = backend.namespace(framed).empty((channels, *kernel, height, width, n), dtype=framed.dtype)
    below = framed[:, rows.start * stride[0] :]
    for k, m, down, across in places(kernel, (height, width), stride, dilation):
        columns[:, k, m] = below[:, down, across]
    return columns.reshape(channels * math.prod(kernel), -1)


def _add_columns(
    framed: Array, columns: Array, rows: slice, kernel: Pair, width: int, stride: Pair, dilation: Pair
) -> None:
    """Add each number of such columns to its place in the framed image."""
    channels, _, _, n = framed.shape
    height = rows.stop - rows.start
    windows = columns.reshape(channels, *kernel, height, width, n)
    below = framed[:, rows.start * stride[0] :]
    for k, m, down, across in places(kernel, (height, width), stride, dilation):
        below[:, down, across] += windows[:, k, m]


def _matrix(weight: Array) -> Array:
    """(o, c, kh, kw) → (o, c · kh · kw)"""
    return weight.reshape(len(weight), -1)


def _flat(y: Array) -> Array:
    """(o, ..., n) → (o, ... · n): a view where the dots are all rows, or some that follow each other."""
    return y.reshape(len(y), -1)
