"""Pooling: one number for each window of an image, its largest or the sum of its numbers.

Both come in pairs, in which each one's derivative is the other: what was taken from places of the windows is brought
back to them.

    window_sum      adds up each window               spread_sum     brings a number to all places of its window
    take_place      takes one place of each window    put_place      brings a number to that place

The largest number is at a place: `max_pool` is its value, and its gradient goes there. Of several that are largest the
first counts, row by row, as in PyTorch.

Shapes: images (n, c, h, w), pooled (n, c, *windows.size). `windows` says where the windows lie (see `windows.Windows`).
"""

from __future__ import annotations

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.op import op
from tinygrad_lite.ops.windows import frame, unframe


@op
def window_sum(x, *, windows):
    """y[n, c, i, j] = Σ over k, m of  x[n, c, i · stride + k - padding, ...]"""
    framed = frame(x, 0, windows)
    y = np.zeros_like(framed, shape=(*x.shape[:2], *windows.size))
    for _, _, down, across in windows.places():
        y += framed[:, :, down, across]
    return y


@window_sum.gradient("x")
def _(g, shape, windows):
    return spread_sum(g, image=tuple(shape[2:]), windows=windows)


@op
def spread_sum(x, *, image, windows):
    """An image in which every number of x has been added to all places of its window."""
    framed = np.zeros_like(x, shape=(*x.shape[:2], *windows.reach()))
    for _, _, down, across in windows.places():
        framed[:, :, down, across] += x
    return unframe(framed, image, windows)


@spread_sum.gradient("x")
def _(g, windows):
    return window_sum(g, windows=windows)


@op
def max_pool(x, *, windows):
    """y[n, c, i, j] = max over k, m of  x[n, c, i · stride + k · dilation - padding, ...],  -∞ outside of the image"""
    framed = frame(x, _least(x.dtype), windows)
    (_, _, down, across), *others = windows.places()
    y = framed[:, :, down, across].copy("K")  # K: in the same order in memory
    for _, _, down, across in others:
        np.maximum(y, framed[:, :, down, across], out=y)
    return y


@max_pool.gradient("x")
def _(g, x, windows):
    return put_place(g, largest_place(x, windows=windows), image=tuple(x.shape[2:]), windows=windows)


@op
def largest_place(x, *, windows):
    """Which place of its window is the largest: the number k · kernel width + m, the first of several, an int.

    It is one on the image, although the padding is as large where all is -∞.
    """
    framed = frame(x, _least(x.dtype), windows)
    (_, _, down, across), *others = windows.places()
    largest = framed[:, :, down, across].copy("K")
    place = np.zeros_like(largest, dtype="int16")
    place[...] = _first_place(windows, x)
    for k, m, down, across in others:
        here = framed[:, :, down, across].copy("K")  # to be read three times: NumPy is slow where numbers lie apart
        larger = (here > largest) | (here != here)  # NaN, unlike itself, is larger than all
        np.maximum(place, larger * np.int16(k * windows.kernel[1] + m), out=place)  # the numbers of places only grow
        np.maximum(largest, here, out=largest)
    return place


def _least(dtype):
    """The least number of a dtype, with which images are framed."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _first_place(windows, like):
    """The number of each window's first place on the image, (*size): not 0 where the window begins in the padding."""
    arange = backend.namespace(like).arange
    kernel, size, stride, padding, dilation = windows
    down, across = (
        (np.maximum(p - arange(n) * s, 0) + d - 1) // d
        for n, s, p, d in zip(size, stride, padding, dilation, strict=True)
    )
    return down[:, None] * kernel[1] + across


@op
def largest_index(x, *, windows):
    """Where in the image, written out flat, the largest number of each window is, int64."""
    place = largest_place(x, windows=windows)
    kernel, size, stride, padding, dilation = windows
    arange = backend.namespace(x).arange
    row = arange(size[0])[:, None] * stride[0] - padding[0] + place // kernel[1] * dilation[0]
    column = arange(size[1]) * stride[1] - padding[1] + place % kernel[1] * dilation[1]
    return row * x.shape[3] + column


@op
def put_place(x, place, *, image, windows):
    """An image in which every number of x has been added to one place of its window."""
    framed = np.zeros_like(place, shape=(*x.shape[:2], *windows.reach()), dtype=x.dtype)
    if x.strides != place.strides:
        in_order = np.empty_like(place, dtype=x.dtype)  # in memory
        in_order[...] = x
        x = in_order
    spans = zip(windows.kernel, windows.stride, windows.dilation, strict=True)
    overlap = any(s <= d * (k - 1) for k, s, d in spans)
    for k, m, down, across in windows.places():
        here = backend.keep(place == k * windows.kernel[1] + m, x)
        framed[:, :, down, across] = framed[:, :, down, across] + here if overlap else here
    return unframe(framed, image, windows)


@put_place.gradient("x")
def _(g, place, windows):
    return take_place(g, place, windows=windows)


@op
def take_place(x, place, *, windows):
    """From each window of an image the number at one place."""
    framed = frame(x, 0, windows)
    y = np.zeros_like(place, dtype=x.dtype)
    for k, m, down, across in windows.places():
        y += backend.keep(place == k * windows.kernel[1] + m, framed[:, :, down, across])
    return y


@take_place.gradient("x")
def _(g, place, shape, windows):
    return put_place(g, place, image=tuple(shape[2:]), windows=windows)
