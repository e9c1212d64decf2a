"""Convolution: a small matrix of weights, the kernel, is laid over every window of an image, multiplied and summed.

Three operations belong together, and each one's derivatives are the other two, so convolutions can be differentiated to
any order:

    convolution            y from x and weight
    convolution_by_input   the gradient with respect to x, from dy, the one with respect to y, and the weight: a
                           *transposed* convolution
    convolution_by_weight  the gradient with respect to the weight, from dy and x

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
    Windows,
    batch_first,
    frame,
    put_rows,
    row_by_row,
    rows_first,
    unframe,
    windows_that_fit,
)

PIECE = 2**20  # numbers: 4 MB of float32


@op(types="same")
def convolution(x, weight, bias=None, *, stride, padding, dilation, groups):
    """y[n, o, i, j] = Σ over c, k, m of  x[n, c, i · stride + k · dilation - padding, ...] · weight[o, c, k, m]

    and bias[o] added to it.
    """
    outputs, channels, *kernel = weight.shape
    windows = windows_that_fit(x.shape[2:], kernel, stride, padding, dilation)
    height, width = windows.size
    y = backend.namespace(x).empty((height, outputs, width, len(x)), dtype=x.dtype)
    framed = _framed(x, windows)
    for of_x, of_y in _groups(groups, x.shape[1], outputs):
        matrix = weight[of_y].transpose(0, 2, 1, 3).reshape(outputs // groups, -1)  # (o, kh · c · kw)
        for rows in _pieces(x, height, channels * kernel[1] * width * len(x)):
            columns = _columns(framed[:, of_x], rows, windows)
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

    Row i of dy meets row k of the kernel in row i · stride + k · dilation of x. With three rows of each and a stride
    of 2:

        row of x         0    1    2    3    4    5    6
        row 0 of dy      k0   k1   k2
        row 1 of dy                k0   k1   k2
        row 2 of dy                          k0   k1   k2

    Row 2 of x is dy₀ · k2 + dy₁ · k0, and row 4 dy₁ · k2 + dy₂ · k0: the even rows of x are, down, a convolution of dy
    with the rows 0, 2, ... of the kernel turned round, and the odd ones with its rows 1, 3, .... So there is such a
    set of rows for every remainder. Across, the products are added up place by place.
    """
    outputs, channels, *kernel = weight.shape
    n, _, high, wide = dy.shape  # so many windows, down and across
    windows = Windows(tuple(kernel), (high, wide), stride, padding, dilation)
    xp = backend.namespace(dy)
    height, width = windows.reach()
    framed = xp.zeros((height, channels * groups, width, n), dtype=dy.dtype)
    one_row = windows.of_one_row()
    most = (kernel[0] - 1) * dilation[0] // stride[0]  # so many rows of zeros above dy and below serve all sets
    framed_dy = _framed(dy, Windows((most + 1, 1), (high + most, wide), padding=(most, 0)))
    every = stride[0] // math.gcd(stride[0], dilation[0])  # a set is every so many rows of the kernel,
    apart = every * dilation[0] // stride[0]  # which meet rows of dy that lie so far apart
    for first in range(min(every, kernel[0])):
        met = range(first, kernel[0], every)
        back = met[-1] * dilation[0] // stride[0]  # row j of these rows of x meets rows j - back, ..., j of dy
        rows_of_x = framed[first * dilation[0] % stride[0] :: stride[0]]
        down = Windows((len(met), 1), (high + back, wide), dilation=(apart, 1))
        for of_x, of_y in _groups(groups, channels * groups, outputs):
            turned = weight[of_y, :, first::every][:, :, ::-1]
            matrix = turned.transpose(1, 3, 2, 0).reshape(channels * kernel[1], -1)  # (c · kw, rows met · o)
            of_dy = framed_dy[most - back :, of_y]
            for rows in _pieces(dy, high + back, channels * kernel[1] * wide * n):
                columns = _columns(of_dy, rows, down)
                products = xp.empty((len(columns), channels, kernel[1], wide, n), dtype=dy.dtype)
                _put_product(products.reshape(len(columns), len(matrix), wide * n), matrix, columns)
                for _, m, _, across in one_row.places():
                    rows_of_x[rows, of_x, across] += products[:, :, m]
    return unframe(batch_first(framed), size, windows)


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
    (n, outputs, high, wide), channels = dy.shape, x.shape[1] // groups
    windows = Windows(tuple(kernel), (high, wide), stride, padding, dilation)
    dy = row_by_row(dy)
    framed = _framed(x, windows)
    weight = backend.namespace(x).zeros((outputs, channels, *kernel), dtype=x.dtype)
    for of_x, of_y in _groups(groups, x.shape[1], outputs):
        for rows in _pieces(x, high, channels * kernel[1] * wide * n):
            columns = _columns(framed[:, of_x], rows, windows)
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
def unfold(x, *, windows):
    """The windows of x (n, c, h, w), each as a column of c · kh · kw numbers: (n, c · kh · kw, windows)."""
    n, channels = x.shape[:2]
    framed = frame(x, 0, windows)
    columns = backend.namespace(x).empty((n, channels, *windows.kernel, *windows.size), dtype=x.dtype)
    for k, m, down, across in windows.places():
        columns[:, :, k, m] = framed[:, :, down, across]
    return columns.reshape(n, channels * math.prod(windows.kernel), math.prod(windows.size))


@unfold.gradient("x")
def _(g, shape, windows):
    return fold(g, image=tuple(shape[2:]), windows=windows)


@op
def fold(x, *, image, windows):
    """The image (n, c, *image) in which each number of the columns has been added to its place."""
    n, numbers, _ = x.shape
    columns = single(x).reshape(n, numbers // math.prod(windows.kernel), *windows.kernel, *windows.size)
    framed = np.zeros_like(columns, shape=(*columns.shape[:2], *windows.reach()))
    for k, m, down, across in windows.places():
        framed[:, :, down, across] += columns[:, :, k, m]
    return backend.cast(unframe(framed, image, windows), x.dtype)


@fold.gradient("x")
def _(g, windows):
    return unfold(g, windows=windows)


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


def _framed(x: Array, windows: Windows) -> Array:
    """x (n, c, h, w) as (height, c, width, n), as far as the windows reach, with 0 where that is over its edges.

    It is what `frame` gives, which keeps x's order in memory: to frame and turn round in one step saves a copy of x.
    """
    (height, top, down), (width, left, across) = windows.on(x.shape[2:])
    rows = rows_first(x)
    on_image = rows[down, :, across]
    if rows.flags.c_contiguous and (len(on_image), on_image.shape[2]) == (height, width):
        return on_image  # they reach over no edge
    framed = backend.namespace(x).zeros((height, x.shape[1], width, len(x)), dtype=x.dtype)
    put_rows(framed[top, :, left], on_image)
    return framed


def _columns(framed: Array, rows: slice, windows: Windows) -> Array:
    """Some rows of windows, every window as a column: (rows, kh · c · kw, width · n)."""
    _, channels, _, n = framed.shape
    (high, wide), (step_down, step_across), (apart, _) = windows.kernel, windows.stride, windows.dilation
    number, width = rows.stop - rows.start, windows.size[1]
    under = framed[rows.start * step_down :][: (number - 1) * step_down + (high - 1) * apart + 1]
    xp = backend.namespace(framed)
    if wide == step_across == 1:
        spread = under[:, :, None]
    else:
        spread = xp.empty((len(under), channels, wide, width, n), dtype=framed.dtype)
        for _, m, _, across in windows.of_one_row().places():
            spread[:, :, m] = under[:, :, across]
    row, *others = spread.strides
    columns = xp.lib.stride_tricks.as_strided(
        spread, (number, high, *spread.shape[1:]), (step_down * row, apart * row, *others)
    )
    return columns.reshape(number, high * channels * wide, width * n)  # a view, unless dilation spaces rows


def _put_product(out: Array, matrix: Array, columns: Array) -> None:
    """out (rows, o, width · n) = the matrix (o, k) times each row of windows (rows, k, width · n)."""
    if columns.shape[2] >= len(matrix):
        np.matmul(matrix, columns, out=out)
    else:  # BLAS would go through a large matrix anew for every short row: one product is faster, copies included
        product = matrix @ _side_by_side(columns)
        out[...] = product.reshape(len(matrix), len(columns), columns.shape[2]).swapaxes(0, 1)


def _sum_of_products(columns: Array, dy: Array) -> Array:
    """For each row columns @ dyᵀ, and all rows added up: (rows, k, width · n), (rows, o, width · n) → (k, o)."""
    if columns.shape[2] >= dy.shape[1]:
        return backend.sum(columns @ dy.swapaxes(1, 2), 0)
    return _side_by_side(columns) @ _side_by_side(dy).T


def _side_by_side(columns: Array) -> Array:
    """The columns of all rows of windows beside each other: (rows, k, width · n) → (k, rows · width · n), a copy."""
    rows, k, length = columns.shape
    return columns.swapaxes(0, 1).reshape(k, rows * length)


def _flat(y: Array) -> Array:
    """(rows, o, width, n) → (rows, o, width · n), a view."""
    return y.reshape(*y.shape[:2], y.shape[2] * y.shape[3])
