"""Layers, activations and losses as functions: `import tinygrad_lite.nn.functional as F`.

The names, arguments and defaults are PyTorch's. What is mathematics stands in `ops/`; here arguments are checked, and
the losses' variants (weights, smoothing, sums) are put together from operations.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.creation import ones_like
from tinygrad_lite.functions import log_softmax as log_softmax  # "as": these are offered here too
from tinygrad_lite.functions import relu as relu
from tinygrad_lite.functions import sigmoid as sigmoid
from tinygrad_lite.functions import softmax as softmax
from tinygrad_lite.functions import tanh as tanh
from tinygrad_lite.tensor import Tensor

# ------------------------------------------------------------------------------------------ layers and activations


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weightᵀ + bias,  shapes (..., in), (out, in), (out,) → (..., out)."""
    if not isinstance(input, Tensor):
        raise TypeError(
            f"linear: argument 'input' must be a Tensor, not {type(input).__name__}. Make one with tensor(...)"
        )
    if weight.ndim != 2:
        raise ShapeError(f"linear: weight must have the shape (out, in), but has {tuple(weight.shape)}")
    return ops.linear(input, weight, bias)


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
    stride, dilation = _pair("conv2d", "stride", stride, 1), _pair("conv2d", "dilation", dilation, 1)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError("conv2d: padding='same' is not supported for strided convolutions")
        around = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(total % 2 for total in around):  # one more on the far side
            input = pad(input, (0, around[1] % 2, 0, around[0] % 2))
        padding = tuple(total // 2 for total in around)
    padding = (0, 0) if padding == "valid" else _pair("conv2d", "padding", padding, 0)
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
        _pair("conv_transpose2d", name, value, least)
        for name, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    more = _pair("conv_transpose2d", "output_padding", output_padding, 0)
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


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    return ops.leaky_relu(input, negative_slope=negative_slope)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the normal distribution function; or its approximation by "tanh" (Hendrycks and Gimpel 2016)."""
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor) -> Tensor:
    """x · sigmoid(x)."""
    return ops.silu(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(beta · x)) / beta, and x itself where beta · x > threshold."""
    return ops.softplus(input, beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """ln sigmoid(x), without underflow."""
    return -ops.binary_cross_entropy_with_logits(input, 1.0)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """The tensor with `value` put around it: pad = (left, right) of the last dimension, (…, top, bottom), ….

    Negative numbers cut off. Only mode="constant".
    """
    if mode != "constant":
        raise NotImplementedError(f"pad: only mode='constant' is there, not {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ShapeError(f"pad: {tuple(pad)} must be pairs, at most one for each of the {input.ndim} dimensions")
    return ops.pad(input, widths=tuple(pad), value=value)


# ---------------------------------------------------------------------------------------------------------- losses


# Settings are given by name: PyTorch has two more between them, from its past, so their positions would differ.


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The squared error (input - target)²: its mean, its "sum", or "none", one for each element.

    Both of one shape. Others that broadcast are taken with a warning, since that is seldom meant.
    Raises ShapeError for shapes that do not broadcast, TypeError for integers, ValueError for the mean of an empty
    batch. All other losses do the same.
    """
    _check_pair("mse_loss", input, target)
    if reduction == "mean":
        _check_not_empty("mse_loss", input, target)
        return ops.mse_loss(input, target)
    return _reduced("mse_loss", (input - target) ** 2, reduction)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The absolute error |input - target|: its mean, its "sum", or "none", one for each element."""
    _check_pair("l1_loss", input, target)
    return _reduced("l1_loss", (input - target).abs(), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-t ln σ(x) - (1 - t) ln(1 - σ(x)), for logits x and targets t from 0 to 1 of one shape: mean, "sum" or "none".

    weight: multiplies the elements; pos_weight: the first of the two terms. Both are broadcast.
    """
    _check_tensors("binary_cross_entropy_with_logits", input, target)
    if input.shape != target.shape:
        raise ShapeError(
            f"binary_cross_entropy_with_logits: Target size {tuple(target.shape)} must be the same as input size"
            f" {tuple(input.shape)}"
        )
    if pos_weight is None:
        losses = ops.binary_cross_entropy_with_logits(input, target)
    else:
        positive = ops.binary_cross_entropy_with_logits(input, 1.0)  # -ln σ(x)
        negative = ops.binary_cross_entropy_with_logits(input, 0.0)  # -ln (1 - σ(x))
        losses = pos_weight * target * positive + (1 - target) * negative
    return _reduced("binary_cross_entropy_with_logits", losses if weight is None else losses * weight, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-ln of the probability that softmax gives the right class: its mean, its "sum", or "none", one an example.

    input: logits, floating, (classes,), (n, classes) or (n, classes, d1, ...).
    target: class indices, integers of shape (), (n,) or (n, d1, ...); or probabilities of the shape of input.
    weight: one number a class, (classes,), that its examples count by; a mean is then divided by the weights' sum.
    ignore_index: examples with this target do not count.
    label_smoothing: how much of the target, 0 to 1, is spread evenly over all classes (Szegedy et al. 2016).

    Raises IndexError for a target that is no class, TypeError for one of the wrong dtype, ShapeError for shapes that
    do not fit, ValueError for the mean of an empty batch.
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    _check_tensors("cross_entropy", input, target)
    if input.shape == target.shape and target.is_floating_point():
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing)
    _check_classes("cross_entropy", input, target, weight)
    log_p = ops.log_softmax(input, dim=_class_dim(input))
    return _loss_of_classes("cross_entropy", log_p, target, weight, ignore_index, reduction, label_smoothing)


def _cross_entropy_of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    dim = _class_dim(input)
    classes = input.size(dim)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        _check_weight("cross_entropy", weight, classes)
        target = target * _along_classes(weight, input)
    return _reduced("cross_entropy", -(target * log_softmax(input, dim)).sum(dim), reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-input[target]: of log-probabilities, the negative log likelihood of the right class.

    The arguments are those of `cross_entropy`, but input has log-probabilities, as `log_softmax` gives them.
    """
    _check_tensors("nll_loss", input, target)
    _check_classes("nll_loss", input, target, weight)
    return _loss_of_classes("nll_loss", input, target, weight, ignore_index, reduction)


def _loss_of_classes(
    name: str,
    log_p: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float = 0.0,
) -> Tensor:
    """What `nll_loss` computes, and `cross_entropy` of classes; `name` is for errors."""
    _check_reduction(name, reduction)
    if reduction == "mean":
        _check_not_empty(name, target)
    log_p, targets = _rows(log_p, target)
    rows, classes = _counted(targets, log_p.size(1), ignore_index)
    if weight is None and reduction == "mean" and not label_smoothing:
        return ops.nll_loss(log_p, rows, classes)
    losses, weights = -log_p[rows, classes], ones_like(classes, dtype=log_p.dtype)
    if weight is not None:
        log_p, weights = log_p * weight, weight[classes]
        losses = losses * weights
    if label_smoothing:  # every class takes part as if it were the target
        losses = (1 - label_smoothing) * losses - (label_smoothing / log_p.size(1)) * log_p[rows].sum(1)
    if reduction == "none":
        every = losses.new_zeros(targets.shape)
        every[rows] = losses
        return every.reshape(target.shape)
    if reduction == "sum":
        return losses.sum()
    total = weights.sum()
    return losses.sum() / ops.where(total != 0, total, math.nan)


# ------------------------------------------------------------------------------------------------------- arguments


def _reduced(name: str, losses: Tensor, reduction: str) -> Tensor:
    _check_reduction(name, reduction)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    _check_not_empty(name, losses)
    return losses.mean()


def _check_reduction(name: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: {reduction} is not a valid value for reduction. Use 'mean', 'sum' or 'none'")


def _pair(name: str, setting: str, value: Any, least: int) -> tuple[int, int]:
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


def _check_not_empty(name: str, *batches: Tensor) -> None:
    for batch in batches:
        if not batch.numel():
            raise ValueError(
                f"{name}: the mean of an empty batch (shape {tuple(batch.shape)}) does not exist. Leave empty batches"
                " out, or use reduction='sum'"
            )


def _check_tensors(name: str, input: Tensor, target: Tensor) -> None:
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        raise TypeError(
            f"{name}: input and target must be Tensors, not {type(input).__name__} and {type(target).__name__}. Make"
            " one with tensor(...)"
        )


def _check_pair(name: str, input: Tensor, target: Tensor) -> None:
    _check_tensors(name, input, target)
    if not (input.is_floating_point() or target.is_floating_point()):
        raise TypeError(
            f"{name}: input and target are {input.dtype} and {target.dtype}, but must be floating. Use float()"
        )
    if input.shape == target.shape:
        return
    sizes = f"a target size {tuple(target.shape)} that is different to the input size {tuple(input.shape)}"
    try:
        np.broadcast_shapes(input.shape, target.shape)
    except ValueError:
        raise ShapeError(f"{name}: {sizes}, and does not broadcast to it. Reshape one of them") from None
    warnings.warn(
        f"{name}: Using {sizes}. This will likely lead to incorrect results due to broadcasting. Please ensure they"
        " have the same size.",
        stacklevel=3,
    )


def _class_dim(input: Tensor) -> int:
    return 0 if input.ndim == 1 else 1


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    if not input.is_floating_point():
        raise TypeError(f"{name}: the input must be floating, but is {input.dtype}. Use float() first")
    if input.ndim == 0:
        raise ShapeError(f"{name}: the input must have a dimension of classes, as (n, classes), but has none")
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: expected scalar type Long for class indices, but the target is {target.dtype} of shape"
            f" {tuple(target.shape)}. Use long() for indices; probabilities have the shape of the input"
        )
    shape, dim = tuple(input.shape), _class_dim(input)
    expected = shape[:dim] + shape[dim + 1 :]
    if target.shape != expected:
        raise ShapeError(
            f"{name}: Expected target size {expected} for an input of shape {shape}, got"
            f" {tuple(target.shape)}: the input has one number for each class, the target one class for each example"
        )
    if weight is not None:
        _check_weight(name, weight, input.size(_class_dim(input)))


def _check_weight(name: str, weight: Tensor, classes: int) -> None:
    if weight.shape != (classes,):
        raise ShapeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes, but got weight"
            f" tensor of shape {tuple(weight.shape)}"
        )


def _counted(targets: Tensor, classes: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """The positions of the targets that count, (k,), and these targets. IndexError for one that is no class."""
    array = targets._array
    with backend.beside(array):
        kept = array != ignore_index
        wrong = kept & (array.astype("uint64") >= classes)  # as a number without a sign, -1 is huge
        if np.count_nonzero(wrong):
            raise IndexError(
                f"Target {array[wrong][0].item()} is out of bounds: with {classes} classes, a target is one of 0, ...,"
                f" {classes - 1}, or ignore_index ({ignore_index})"
            )
        (positions,) = np.nonzero(kept)
        return Tensor._wrap(positions), Tensor._wrap(array[positions])


def _rows(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The examples one below the other: (n, classes) and (n,)."""
    if input.ndim == 2:
        return input, target
    classes = input.size(_class_dim(input))
    return input.movedim(_class_dim(input), -1).reshape(math.prod(target.shape), classes), target.reshape(-1)


def _along_classes(weight: Tensor, input: Tensor) -> Tensor:
    return weight.reshape(weight.shape + (1,) * (input.ndim - 1 - _class_dim(input)))
