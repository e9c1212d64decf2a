"""Convolution: a small matrix of weights, the kernel, is laid over every window of an image, multiplied and summed.

Three operations belong together, and each one's derivatives are the other two, so convolutions can be differentiated to
any order:

    convolution            y from x and weight
    convolution_by_input   the gradient by x, from dy, that of y, and the weight: a *transposed* convolution
    convolution_by_weight  the gradient by the weight, from dy and x

As matrices: write the windows of a row as columns of kernel height · channels · kernel width numbers, and the weight as
rows, one for each output channel. Then a row of the convolution is their product. All columns would take kh · kw times
the memory of the images. But images lie row by row here (see `windows`), so what a kernel covers *down* is one block of
memory already: only its places *across* are copied, a few rows at a time, in a piece that stays in the processor's
cache. They are copied again in the backward pass rather than kept.

Shapes: x (n, c, h, w), weight (o, c / groups, kh, kw), y (n, o, oh, ow). `stride`, `padding` and `dilation` are pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.backend import Array
from tinygrad_lite.op import op
from tinygrad_lite.ops.elementwise import single
from tinygrad_lite.ops.reduction import sum
from tinygrad_lite.ops.windows import (
    Pair,
    batch_first,
    frame,
    in_frame,
    output_size,
    places,
    put_rows,
    reach,
    row_by_row,
    rows_first,
    unframe,
)

PIECE = 2**20  # numbers: 4 MB of float32


@op(types="same")
def convolution(x, weight, bias=None, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, m of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, m]

    and bias[o] added to it.
    """
    outputs, channels, *kernel = weight.shape
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    y = backend.namespace(x).empty((size[0], outputs, size[1], len(x)), dtype=x.dtype)
    framed = _framed(x, kernel, size, stride, padding, dilation)
    for of_x, of_y in _groups(groups, x.shape[1], outputs):
        matrix = weight[of_y].transpose(0, 2, 1, 3).reshape(outputs // groups, -1)  # (o, kh · c · kw)
        for rows in _pieces(x, size[0], channels * kernel[1] * size[1] * len(x)):
            columns = _columns(framed[:, of_x], rows, kernel, size[1], stride, dilation)
            _put_product(_flat(y[rows, of_y]), matrix, columns)
    if bias is not None:
        y += bias[:, None, None]
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


@op(types="same")
def convolution_by_input(dy, weight, *, size, stride, padding, dilation, groups):
    """x (n, c, *size), in which every dy[n, o, i, j] · weight[o] has been added to the window it belongs to.

    Row i of dy meets row k of the kernel in row i · stride + k · dilation of x. With a stride of 2, say, the even rows
    of x meet rows 0, 2, ... of the kernel, the odd ones rows 1, 3, ...: each of these sets of rows of x is, down, a
    convolution of dy with its rows of the kernel turned round. Across, the products are added up place by place.
    """
    outputs, channels, *kernel = weight.shape
    n, _, *windows = dy.shape
    xp = backend.namespace(dy)
    height, width = reach(kernel, windows, stride, dilation)
    framed = xp.zeros((height, channels * groups, width, n), dtype=dy.dtype)
    most = (kernel[0] - 1) * dilation[0] // stride[0]  # so many rows of zeros above dy and below serve all sets
    framed_dy = _framed(dy, (most + 1, 1), (windows[0] + most, windows[1]), (1, 1), (most, 0), (1, 1))
    every = stride[0] // math.gcd(stride[0], dilation[0])  # a set is every so many rows of the kernel,
    apart = every * dilation[0] // stride[0]  # which meet rows of dy that lie so far apart
    for first in range(min(every, kernel[0])):
        met = range(first, kernel[0], every)
        back = met[-1] * dilation[0] // stride[0]  # row j of these rows of x meets rows j - back, ..., j of dy
        rows_of_x = framed[first * dilation[0] % stride[0] :: stride[0]]
        for of_x, of_y in _groups(groups, channels * groups, outputs):
            turned = weight[of_y, :, first::every][:, :, ::-1]
            matrix = turned.transpose(1, 3, 2, 0).reshape(channels * kernel[1], -1)  # (c · kw, rows met · o)
            of_dy = framed_dy[most - back :, of_y]
            for rows in _pieces(dy, windows[0] + back, channels * kernel[1] * windows[1] * n):
                columns = _columns(of_dy, rows, (len(met), 1), windows[1], (1, 1), (apart, 1))
                products = xp.empty((len(columns), channels, kernel[1], windows[1], n), dtype=dy.dtype)
                _put_product(products.reshape(len(columns), len(matrix), windows[1] * n), matrix, columns)
                for _, m, _, across in places((1, kernel[1]), (1, windows[1]), stride, dilation):
                    rows_of_x[rows, of_x, across] += products[:, :, m]
    return unframe(batch_first(framed), size, kernel, windows, stride, padding, dilation)


@convolution_by_input.gradient("dy")
def _(g, weight, shape, stride, padding, dilation, groups):
    y = convolution(g, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y if y.shape == shape else y[:, :, : shape[2], : shape[3]]  # x may have had room for more windows


@convolution_by_input.gradient("weight")
def _(g, dy, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_weight(dy, g, kernel=tuple(shape[2:]), **settings)


@op(types="same")
def convolution_by_weight(dy, x, *, kernel, stride, padding, dilation, groups):
    """weight[o, c, k, l] = Σ over n, i, j of  dy[n, o, i, j] · x[n, c, i · stride + k · dilation - padding, ...]"""
    (n, outputs, *size), channels = dy.shape, x.shape[1] // groups
    dy = row_by_row(dy)
    framed = _framed(x, kernel, size, stride, padding, dilation)
    weight = backend.namespace(x).zeros((outputs, channels, *kernel), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], outputs):
        for rows in _pieces(x, size[0], channels * kernel[1] * size[1] * n):
            columns = _columns(framed[:, of_x], rows, kernel, size[1], stride, dilation)
            product = _sum_of_products(columns, _flat(dy[rows, of_y]))  # (kh · c · kw, o)
            product = product.reshape(kernel[0], channels, kernel[1], outputs // groups)
            weight[of_y] += product.transpose(3, 1, 0, 2)
    return weight


@convolution_by_weight.gradient("dy")
def _(g, x, shape, stride, padding, dilation, groups):
    y = convolution(x, g, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y if y.shape == shape else y[:, :, : shape[2], : shape[3]]


@convolution_by_weight.gradient("x")
def _(g, dy, shape, stride, padding, dilation, groups):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return convolution_by_input(dy, g, size=tuple(shape[2:]), **settings)


# ---------------------------------------------------------------------------------------- windows as columns, for all
# to see: what the operations above make for themselves piece by piece


@op
def unfold(x, *, kernel, size, stride, padding, dilation):
    """The windows of x (n, c, h, w), each as a column of c · kh · kw numbers: (n, c · kh · kw, windows)."""
    n, channels = x.shape[:2]
    framed = frame(x, 0, kernel, size, stride, padding, dilation)
    columns = backend.namespace(x).empty((n, channels, *kernel, *size), dtype=x.dtype)
    for k, m, down, across in places(kernel, size, stride, dilation):
        columns[:, :, k, m] = framed[:, :, down, across]
    return columns.reshape(n, channels * math.prod(kernel), math.prod(size))


@unfold.gradient("x")
def _(g, shape, kernel, size, stride, padding, dilation):
    settings = {"kernel": kernel, "size": size, "stride": stride, "padding": padding, "dilation": dilation}
    return fold(g, image=tuple(shape[2:]), **settings)


@op
def fold(x, *, image, kernel, size, stride, padding, dilation):
    """The image (n, c, *image) in which each number of the columns has been added to its place."""
    n, numbers, _ = x.shape
    columns = single(x).reshape(n, numbers // math.prod(kernel), *kernel, *size)
    framed = np.zeros_like(columns, shape=(*columns.shape[:2], *reach(kernel, size, stride, dilation)))
    for k, m, down, across in places(kernel, size, stride, dilation):
        framed[:, :, down, across] += columns[:, :, k, m]
    return unframe(framed, image, kernel, size, stride, padding, dilation).astype(x.dtype, copy=False)


@fold.gradient("x")
def _(g, kernel, size, stride, padding, dilation):
    return unfold(g, kernel=kernel, size=size, stride=stride, padding=padding, dilation=dilation)


# ---------------------------------------------------------------------------------------------------- pieces, columns


def _groups(groups: int, inputs: int, outputs: int) -> Iterator[tuple[slice, slice]]:
    """For each group, which channels of x belong to it, and which of y."""
    c, o = inputs // groups, outputs // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * o, (i + 1) * o)


def _pieces(x: Array, height: int, numbers: int) -> Iterator[slice]:
    """Which of so many rows are taken at once, where each takes so many numbers. On a GPU, all."""
    step = max(1, PIECE // max(1, numbers)) if isinstance(x, np.ndarray) else height
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def _framed(x: Array, kernel: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """x (n, c, h, w) as (height, c, width, n), as far as the windows reach, with 0 where that is over its edges.

    It is what `frame` gives, which keeps x's order in memory: to frame and turn round in one step saves a copy of x.
    """
    (height, top, down), (width, left, across) = in_frame(x.shape[2:], kernel, size, stride, padding, dilation)
    rows = rows_first(x)
    on_image = rows[down, :, across]
    if rows.flags.c_contiguous and (len(on_image), on_image.shape[2]) == (height, width):
        return on_image  # they reach over no edge
    framed = backend.namespace(x).zeros((height, x.shape[1], width, len(x)), dtype=x.dtype)
    put_rows(framed[top, :, left], on_image)
    return framed


def _columns(framed: Array, rows: slice, kernel: Pair, width: int, stride: Pair, dilation: Pair) -> Array:
    """Some rows of windows, `width` in each, every window as a column: (rows, kh · c · kw, width · n)."""
    _, channels, _, n = framed.shape
    size = rows.stop - rows.start, width
    under = framed[rows.start * stride[0] :][: reach(kernel, size, stride, dilation)[0]]
    xp = backend.namespace(framed)
    if kernel[1] == stride[1] == 1:
        spread = under[:, :, None]
    else:
        spread = xp.empty((len(under), channels, kernel[1], width, n), dtype=framed.dtype)
        for _, m, _, across in places((1, kernel[1]), size, stride, dilation):
            spread[:, :, m] = under[:, :, across]
    row, *others = spread.strides
    columns = xp.lib.stride_tricks.as_strided(
        spread, (size[0], kernel[0], *spread.shape[1:]), (stride[0] * row, dilation[0] * row, *others)
    )
    return columns.reshape(size[0], kernel[0] * channels * kernel[1], width * n)  # a view, unless dilation spaces rows


def _put_product(out: Array, matrix: Array, columns: Array) -> None:
    """out (rows, o, width · n) = the matrix (o, k) times each row of windows (rows, k, width · n)."""
    if columns.shape[2] >= len(matrix):
        np.matmul(matrix, columns, out=out)
    else:  # BLAS would go through a large matrix anew for every short row: one product is faster, copies included
        product = matrix @ _beside(columns)
        out[...] = product.reshape(len(matrix), len(columns), columns.shape[2]).swapaxes(0, 1)


def _sum_of_products(columns: Array, dy: Array) -> Array:
    """For each row columns @ dyᵀ, and all rows added up: (rows, k, width · n), (rows, o, width · n) → (k, o)."""
    if columns.shape[2] >= dy.shape[1]:
        return backend.sum(columns @ dy.swapaxes(1, 2), 0)
    return _beside(columns) @ _beside(dy).T


def _beside(columns: Array) -> Array:
    """The columns of all rows of windows beside each other: (rows, k, width · n) → (k, rows · width · n), a copy."""
    rows, k, length = columns.shape
    return columns.swapaxes(0, 1).reshape(k, rows * length)


def _flat(y: Array) -> Array:
    """(rows, o, width, n) → (rows, o, width · n), a view."""
    return y.reshape(*y.shape[:2], y.shape[2] * y.shape[3])
