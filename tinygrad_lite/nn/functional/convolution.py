"""Convolutions as functions: what they take, brought into the form that `ops.convolution` knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import ops
from tinygrad_lite.backend import HALF, ShapeError, require_one_dtype
from tinygrad_lite.creation import tensor
from tinygrad_lite.ops.windows import Windows, windows_that_fit
from tinygrad_lite.tensor import Tensor


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of images (n, c, h, w), or one (c, h, w), with kernels (out, c / groups, kh, kw); bias (out,).

    stride, dilation: one int, or two. padding: the same, or "valid" (none), or "same" (as much as keeps the size).
    Raises ShapeError for shapes that do not fit, ValueError for settings that make no sense.
    """
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    _check_convolution("conv2d", input, weight, groups, input.shape[1:2], weight.shape[1:2])
    stride, dilation = pair_of("conv2d", "stride", stride, 1), pair_of("conv2d", "dilation", dilation, 1)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError("conv2d: padding='same' is not supported for strided convolutions")
        around = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(total % 2 for total in around):  # one more on the far side
            input = pad(input, (0, around[1] % 2, 0, around[0] % 2))
        padding = tuple(total // 2 for total in around)
    padding = (0, 0) if padding == "valid" else pair_of("conv2d", "padding", padding, 0)
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ShapeError(f"conv2d: bias must have the shape ({weight.shape[0]},), but has {tuple(bias.shape)}")
    if input.dtype == HALF:
        require_one_dtype(input, weight, bias)
        bias = None if bias is None else ops.single(bias)
        return conv2d(ops.single(input), ops.single(weight), bias, stride, padding, dilation, groups).half()
    return ops.convolution(input, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of sequences (n, c, length), or one (c, length), with kernels (out, c / groups, k); bias (out,).

    The settings are those of `conv2d`; this is its case of a single row.
    """
    if input.ndim not in (2, 3) or weight.ndim != 3:
        raise ShapeError(
            f"conv1d: expected an input (n, c, length) or (c, length) and a weight (out, c / groups, k), but got"
            f" {tuple(input.shape)} and {tuple(weight.shape)}"
        )
    stride, padding, dilation = (
        value if isinstance(value, str) else (rest, *(value if isinstance(value, (tuple, list)) else [value]))
        for value, rest in ((stride, 1), (padding, 0), (dilation, 1))
    )
    return conv2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, stride, padding, dilation, groups).squeeze(-2)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transposed convolution, the gradient of `conv2d` with respect to its input: images grow by the stride.

    input (n, c, h, w) or (c, h, w), weight (c, out / groups, kh, kw), bias (out,). Of the sizes that `conv2d` with
    these settings would turn into h × w, the smallest is chosen, plus output_padding.
    """
    if input.ndim == 3:
        return conv_transpose2d(
            input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    _check_convolution("conv_transpose2d", input, weight, groups, input.shape[1:2], weight.shape[:1], transposed=True)
    stride, padding, dilation = (
        pair_of("conv_transpose2d", name, value, least)
        for name, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    more = pair_of("conv_transpose2d", "output_padding", output_padding, 0)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"conv_transpose2d: output padding must be smaller than either stride or dilation, but got {more}"
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + m + 1
        for n, s, p, d, k, m in zip(input.shape[2:], stride, padding, dilation, weight.shape[2:], more, strict=True)
    )
    if min(size) < 0:
        raise ShapeError(f"conv_transpose2d: the padding {padding} leaves an output of size {size}. Use less")
    require_one_dtype(input, weight, bias)
    y = ops.convolution_by_input(
        ops.single(input),
        ops.single(weight),
        size=size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )
    return (y if bias is None else y + bias.reshape(-1, 1, 1)).to(input.dtype)


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of images (n, c, h, w), or of one (c, h, w), as columns: (n, c · kh · kw, windows).

    The settings are those of `conv2d`, which is the product of these columns with the kernels.
    """
    if input.ndim == 3:
        return unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    if input.ndim != 4:
        raise ShapeError(f"unfold: expected images (n, c, h, w) or one (c, h, w), but got {tuple(input.shape)}")
    windows = _unfolded("unfold", input.shape[2:], kernel_size, dilation, padding, stride)
    return ops.unfold(input, windows=windows)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Images (n, c, *output_size) from columns (n, c · kh · kw, windows): where windows overlap, numbers add up."""
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    image = pair_of("fold", "output_size", output_size, 1)
    windows = _unfolded("fold", image, kernel_size, dilation, padding, stride)
    numbers, columns = math.prod(windows.kernel), math.prod(windows.size)
    if input.ndim != 3 or input.shape[1] % numbers or input.shape[2] != columns:
        raise ShapeError(
            f"fold: expected columns (n, c · {numbers}, {columns}), the numbers of a kernel and the windows of an"
            f" image {image}, but got {tuple(input.shape)}"
        )
    return ops.fold(input, image=image, windows=windows)


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Images (n, c, h, w) made larger or smaller: to `size`, or by `scale_factor`; each one number, or two.

    mode: "nearest" repeats pixels, or leaves them out; "bilinear" mixes the four around each new one's position. With
    align_corners the centres of the corner pixels stay the corners, else the edges of the image do.
    """
    if input.ndim != 4:
        raise ShapeError(f"interpolate: expected images (n, c, h, w), but got {tuple(input.shape)}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if mode not in ("nearest", "bilinear"):
        raise NotImplementedError(f"interpolate: mode must be 'nearest' or 'bilinear', not {mode!r}")
    if mode == "nearest" and align_corners is not None:
        raise ValueError("interpolate: align_corners goes with mode='bilinear' only")
    old = (input.shape[2], input.shape[3])
    if scale_factor is None:
        new = pair_of("interpolate", "size", size, 1)
        scales = [o / n for o, n in zip(old, new, strict=True)]
    else:
        factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor, scale_factor)
        new = pair_of(
            "interpolate", "the new size", tuple(math.floor(o * f) for o, f in zip(old, factors, strict=True)), 1
        )
        scales = [1 / f for f in factors]
    if mode == "nearest":
        scales = [o / n if n in (o, 2 * o) else scale for o, n, scale in zip(old, new, scales, strict=True)]
        places = (  # in 32 bits, as PyTorch: 37 · (1 / 3.7) is 10 there, and 9.999... in 64
            np.minimum((np.arange(n, dtype="float32") * np.float32(scale)).astype("int64"), o - 1)
            for o, n, scale in zip(old, new, scales, strict=True)
        )
        rows, columns = (tensor(place, device=input.device) for place in places)
        return input.index_select(2, rows).index_select(3, columns)
    if not input.is_floating_point():
        raise TypeError(f"interpolate: mode='bilinear' needs floating images, not {input.dtype}. Use float() first")
    down, across = (
        _mixing(o, n, scale, bool(align_corners), input) for o, n, scale in zip(old, new, scales, strict=True)
    )
    return down @ input @ across.T


def _mixing(old: int, new: int, scale: float, align_corners: bool, like: Tensor) -> Tensor:
    """(new, old): the matrix whose product with a row of pixels is the row made longer, or shorter, linearly."""
    if align_corners:
        position = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        position = np.maximum((np.arange(new) + 0.5) * scale - 0.5, 0)
    left = np.minimum(position.astype(int), old - 1)
    right, share = np.minimum(left + 1, old - 1), position - left
    matrix = np.zeros((new, old))
    matrix[np.arange(new), left] += 1 - share
    matrix[np.arange(new), right] += share
    return tensor(matrix, dtype=like.dtype, device=like.device)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """The tensor with `value` put around it: pad = (left, right) of the last dimension, (…, top, bottom), ….

    Negative numbers cut off. Only mode="constant".
    """
    if mode != "constant":
        raise NotImplementedError(f"pad: only mode='constant' is supported, not {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ShapeError(f"pad: {tuple(pad)} must be pairs, at most one for each of the {input.ndim} dimensions")
    return ops.pad(input, widths=tuple(pad), value=value)


def _unfolded(name: str, image: Sequence[int], kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    """The windows on an image (h, w), their settings checked."""
    return windows_that_fit(
        image,
        pair_of(name, "kernel_size", kernel_size, 1),
        pair_of(name, "stride", stride, 1),
        pair_of(name, "padding", padding, 0),
        pair_of(name, "dilation", dilation, 1),
    )


def pair_of(name: str, setting: str, value: Any, least: int) -> tuple[int, int]:
    """A setting given as one int, or as two: the two. ValueError if one is not an int of at least `least`."""
    down, across = ints_of(name, setting, value, least, 2)
    return down, across


def ints_of(name: str, setting: str, value: Any, least: int, dims: int) -> tuple[int, ...]:
    """A setting of a layer over 1 or 2 dimensions, given as one int or one for each dimension: one for each."""
    ints = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    ints = ints * dims if len(ints) == 1 else ints
    if len(ints) != dims or not all(isinstance(n, int) and n >= least for n in ints):
        several = ", or two" if dims == 2 else ""
        raise ValueError(f"{name}: {setting} must be an int of at least {least}{several}, but got {value!r}")
    return ints


def _check_convolution(
    name: str, input: Tensor, weight: Tensor, groups: int, channels: Any, expected: Any, transposed: bool = False
) -> None:
    form = "(c, out / groups, kh, kw)" if transposed else "(out, c / groups, kh, kw)"
    shapes = f"input {tuple(input.shape)} and weight {tuple(weight.shape)}"
    if input.ndim != 4 or weight.ndim != 4:
        raise ShapeError(f"{name}: expected an input (n, c, h, w) or (c, h, w) and a weight {form}, but got {shapes}")
    if groups < 1 or weight.shape[0] % groups or input.shape[1] % groups:
        raise ShapeError(f"{name}: the channels of {shapes} must be divisible by groups={groups}")
    if channels[0] != expected[0] * (1 if transposed else groups):
        raise ShapeError(
            f"{name}: with groups={groups} and a weight {form} of shape {tuple(weight.shape)}, expected input to have"
            f" {expected[0] * (1 if transposed else groups)} channels, but got {channels[0]}: {shapes}"
        )
