"""Normalizations and dropout as functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_lite import ops
from tinygrad_lite.autograd import no_grad
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.creation import rand_like
from tinygrad_lite.tensor import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of (n, channels, ...) brought to mean 0 and variance 1 (Ioffe and Szegedy 2015), · weight + bias.

    training: take mean and variance from this batch, and move the running ones (channels,) towards them in place, by
        the share `momentum`; otherwise take the running ones. The running variance is the unbiased one.

    Raises ValueError in training on one value per channel, ShapeError for parameters that do not fit the channels.
    """
    if input.ndim < 2:
        raise ShapeError(f"batch_norm: expected an input (n, channels, ...), but got {tuple(input.shape)}")
    _check_floating("batch_norm", input)
    channels = input.shape[1]
    _check_channels("batch_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    dims = (0, *range(2, input.ndim))
    if training:
        if input.numel() == channels > 0:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size {tuple(input.shape)}: the"
                " variance of a single value is 0. Use a larger batch, or eval()"
            )
        mean, centred, var = _moments(ops.single(input), dims)
        with no_grad():
            n = input.numel() // channels if channels else 0
            if n and running_mean is not None:
                running_mean.mul_(1 - momentum).add_(mean.reshape(channels), alpha=momentum)
            if n and running_var is not None:
                running_var.mul_(1 - momentum).add_(var.reshape(channels), alpha=momentum * n / (n - 1))
    else:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: expected running_mean and running_var to be defined when training=False")
        centred, var = ops.single(input) - _as_channels(running_mean, input), _as_channels(running_var, input)
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * _as_channels(weight, input)  # one number per channel, before it meets all the others
    y = centred * scale
    return (y if bias is None else y + _as_channels(bias, input)).to(input.dtype)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each group of channels of each example brought to mean 0 and variance 1 (Wu and He 2018), · weight + bias.

    input (n, channels, ...); weight and bias (channels,). ShapeError unless num_groups divides the channels.
    """
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ShapeError(
            f"group_norm: expected an input (n, channels, ...) whose channels are divisible by num_groups={num_groups},"
            f" but got {tuple(input.shape)}"
        )
    _check_channels("group_norm", input, weight=weight, bias=bias)
    grouped = input.reshape(input.shape[0], num_groups, math.prod(input.shape[1:]) // num_groups)
    y = _standardized(grouped, (-1,), eps).reshape(input.shape)
    y = y if weight is None else y * _as_channels(weight, y)
    return (y if bias is None else y + _as_channels(bias, y)).to(input.dtype)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions of each example (Ba, Kiros and Hinton 2016), · weight + bias.

    normalized_shape: the sizes of these dimensions, and the shape of weight and bias.
    """
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ShapeError(
            f"layer_norm: with normalized_shape={list(shape)} expected an input whose shape ends with it, but got"
            f" {tuple(input.shape)}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != shape:
            raise ShapeError(f"layer_norm: {name} should have the shape {shape}, not {tuple(parameter.shape)}")
    y = _standardized(input, tuple(range(-len(shape), 0)), eps)
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).to(input.dtype)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """In training, each number is 0 with probability p, else divided by 1 - p (Srivastava et al. 2014)."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    return ops.keep(rand_like(input.detach()) >= p, input) / (1 - p)


def _check_floating(name: str, input: Tensor) -> None:
    if not input.is_floating_point():
        raise TypeError(f"{name}: the input must be floating, but is {input.dtype}. Use float() first")


def _check_channels(name: str, input: Tensor, **parameters: Tensor | None) -> None:
    """ShapeError for the first of the parameters that is there and not of the shape (channels,)."""
    channels = input.shape[1]
    for parameter, value in parameters.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise ShapeError(
                f"{name}: {parameter} should contain {channels} elements, one for each channel of an input"
                f" {tuple(input.shape)}, not {tuple(value.shape)}"
            )


def _moments(x: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean over `dims`, x - mean, and the (biased) variance."""
    mean = x.mean(dims, keepdim=True)
    centred = x - mean
    return mean, centred, centred.square().mean(dims, keepdim=True)


def _standardized(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    """(x - mean) / √(variance + eps), both taken over `dims`; half precision is not rounded to half yet.

    NaN where the variance is too large for the dtype: dividing by ∞ would make zeros of all numbers.
    """
    _, centred, var = _moments(ops.single(x), dims)
    return centred * (var + (var.detach() * 0.0 + eps)).rsqrt()  # 0 · ∞ is NaN


def _as_channels(x: Tensor, like: Tensor) -> Tensor:
    """(channels,) → (channels, 1, ...), to stand beside (n, channels, ...)."""
    return x.reshape(-1, *[1] * (like.ndim - 2))
