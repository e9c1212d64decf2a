"""Losses as functions. What is mathematics stands in `ops/loss.py`; here arguments are checked, and the variants
(weights, smoothing, sums) are put together from operations.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from tinygrad_lite import backend, ops
from tinygrad_lite.backend import ShapeError
from tinygrad_lite.creation import ones_like
from tinygrad_lite.tensor import Tensor

# Settings are given by name: PyTorch has two more between them, from its past, so their positions would differ.


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """The squared error (input - target)²: its mean, its "sum", or "none", one for each element.

    Both of one shape. Others that broadcast are accepted with a warning, since that is rarely meant.
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
    """-ln of the probability that softmax gives the right class: its mean, its "sum", or "none", one per example.

    input: logits, floating, (classes,), (n, classes) or (n, classes, d1, ...).
    target: class indices, integers of shape (), (n,) or (n, d1, ...); or probabilities of the shape of input.
    weight: one number per class, (classes,), by which its examples count; a mean is then divided by the weights' sum.
    ignore_index: examples with this target do not count.
    label_smoothing: how much of the target, 0 to 1, is spread evenly over all classes (Szegedy et al. 2016).

    Raises IndexError for a target that is not a class, TypeError for one of the wrong dtype, ShapeError for shapes that
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
    return _reduced("cross_entropy", -(target * ops.log_softmax(input, dim=dim)).sum(dim), reduction)


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
    classes = classes.long()  # as an index, uint8 would be a mask
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
    """The positions of the targets that count, (k,), and these targets. IndexError for one that is not a class."""
    array = targets._array
    with backend.beside(array):
        outside = array.astype("uint64") >= classes  # as an unsigned number, -1 is huge
        if not np.count_nonzero(outside) and not 0 <= ignore_index < classes:
            return Tensor._wrap(backend.namespace(array).arange(len(array))), targets  # the commonest case: all count
        kept = array != ignore_index
        wrong = kept & outside
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
