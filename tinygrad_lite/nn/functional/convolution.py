"""Convolutions as functions: what they take, brought into the form that `ops.convolution` knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lite import ops
from tinygrad_lite.backend import ShapeError
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
    y = ops.convolution(input, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


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

    The settings are those of `conv2d`, of which this is the case of one row.
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
    """The transposed convolution, the gradient of `conv2d` by its input: images grow by the stride.

    input (n, c, h, w) or (c, h, w), weight (c, out / groups, kh, kw), bias (out,). Of the sizes that a `conv2d` of
    these settings would bring to h × w the smallest is chosen, and output_padding added.
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
    y = ops.convolution_by_input(
        input, weight, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """The tensor with `value` put around it: pad = (left, right) of the last dimension, (…, top, bottom), ….

    Negative numbers cut off. Only mode="constant".
    """
    if mode != "constant":
        raise NotImplementedError(f"pad: only mode='constant' is there, not {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ShapeError(f"pad: {tuple(pad)} must be pairs, at most one for each of the {input.ndim} dimensions")
    return ops.pad(input, widths=tuple(pad), value=value)


def pair_of(name: str, setting: str, value: Any, least: int) -> tuple[int, int]:
    """A setting given as one int, or as two: the two. ValueError if one is not an int of at least `least`."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, int) and n >= least for n in pair):
        raise ValueError(f"{name}: {setting} must be an int of at least {least}, or two, but got {value!r}")
    return pair


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
