"""`check_loss` passes every loss of the library, and finds what goes wrong in losses."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn, op
from tinygrad_lite.nn import functional as F
from tinygrad_lite.testing import GradcheckError, check_loss


def log_softmax(x):
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def picked(rows, classes):
    return np.take_along_axis(rows, np.expand_dims(classes, 1), 1)


RIGHT = [
    (nn.MSELoss, "values", {"reference": lambda x, t: np.mean((x - t) ** 2)}),
    (nn.L1Loss, "values", {"reference": lambda x, t: np.mean(abs(x - t))}),
    (nn.NLLLoss, "classes", {"reference": lambda x, t: -np.mean(picked(x, t))}),
    (nn.CrossEntropyLoss, "classes", {"reference": lambda x, t: -np.mean(picked(log_softmax(x), t))}),
    (nn.CrossEntropyLoss, "distributions", {"reference": lambda x, t: -np.mean((t * log_softmax(x)).sum(1))}),
    (nn.CrossEntropyLoss(label_smoothing=0.1), "classes", {}),
    (
        nn.BCEWithLogitsLoss,
        "probabilities",
        {"reference": lambda x, t: np.mean(np.log1p(np.exp(x)) - t * x)},
    ),
    (F.mse_loss, "values", {}),
    (F.l1_loss, "values", {}),
    (F.nll_loss, "classes", {}),
    (F.cross_entropy, "classes", {}),
    (F.binary_cross_entropy_with_logits, "probabilities", {}),
]


def test_every_loss_is_among_them():
    modules = {value for name, value in vars(nn).items() if name.endswith("Loss")}
    functions = {value for name, value in vars(F).items() if name.endswith(("_loss", "cross_entropy", "_with_logits"))}
    assert modules | functions <= {loss for loss, *_ in RIGHT if not isinstance(loss, nn.Module)}


def name_of(part):
    """The same in every process: no address of a function."""
    return ", ".join(part) if isinstance(part, dict) else getattr(part, "__name__", str(part))


@pytest.mark.parametrize(("loss", "targets", "settings"), RIGHT, ids=name_of)
def test_the_librarys_losses_pass(loss, targets, settings):
    check_loss(loss, targets, **settings)


def same_shape(function):
    def loss(input, target):
        if input.shape != target.shape:
            raise ValueError("input and target must have one shape")
        return function(input, target)

    return loss


@op
def squared(x):
    """y = x²"""
    return x * x


@squared.gradient("x")
def _(g, x):
    return g * x


def reduced(input, target, reduction="mean"):
    errors = (input - target) ** 2
    if reduction == "none":
        return errors
    return errors.sum() if reduction == "sum" else errors.sum() / len(input)


def summed_over_rows(input, target, reduction="mean"):
    errors = ((input - target) ** 2).sum(0) if reduction == "none" else (input - target) ** 2
    return errors if reduction == "none" else getattr(errors, reduction)()


WRONG = {
    "overflow": (
        lambda input, target: -(target * input.sigmoid().log() + (1 - target) * (-input).sigmoid().log()).mean(),
        "probabilities",
        {},
        "the loss is (inf|nan) in float64, where the input is",
    ),
    "overflow in float32 only": (
        same_shape(lambda input, target: ((input - target) ** 2 * (input - target) ** 12).mean()),
        "values",
        {"order": 1, "dtypes": ("float32",)},
        "in float32, where the input is",
    ),
    "overflow of the softmax": (
        lambda input, target: (
            -(input.exp() / input.exp().sum(1, keepdim=True)).log().gather(1, target.unsqueeze(1)).mean()
        ),
        "classes",
        {},
        "is (inf|nan)",
    ),
    "all pairs": (lambda input, target: ((input - target) ** 2).mean(), "values", {}, "without an error or a warning"),
    "not one number": (same_shape(lambda i, t: ((i - t) ** 2).mean(0)), "values", {}, r"has the shape \("),
    "the first row only": (same_shape(lambda i, t: ((i - t) ** 2)[0].mean()), "values", {}, "order of the batch"),
    "detached": (same_shape(lambda i, t: ((i.detach() - t) ** 2).mean()), "values", {}, "no gradient can flow"),
    "half the gradient": (same_shape(lambda i, t: squared(i - t).mean()), "values", {}, "with respect to the input"),
    "the target's gradient": (
        same_shape(lambda i, t: (i * t.detach() + 0 * t).mean()),
        "values",
        {},
        "with respect to the target",
    ),
    "changes its input": (same_shape(lambda i, t: (i.detach().sub_(t) + i).mean()), "values", {}, "changed its inputs"),
    "mean by the number of rows": (reduced, "values", {}, "reduction='mean' is not the mean of 'none'"),
    "the wrong dimension": (summed_over_rows, "values", {}, r"reduction='none' has the shape"),
    "a constant in float64": (
        same_shape(lambda i, t: ((i - t) ** 2).mean() * tg.ones((), dtype=tg.float64)),
        "values",
        {},
        "of float32 is float64",
    ),
    "another formula": (
        same_shape(lambda i, t: ((i - t) ** 2).mean() / 2),
        "values",
        {"reference": lambda i, t: np.mean((i - t) ** 2)},
        "differs from its reference",
    ),
    "an array": (same_shape(lambda i, t: np.float64(1.0)), "values", {}, "returned a float64, not a Tensor"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name):
    loss, targets, settings, message = WRONG[name]
    with pytest.raises((AssertionError, GradcheckError), match=message):
        check_loss(loss, targets, **settings)


def test_a_loss_of_ones_own_passes():
    hinge = same_shape(lambda input, target: (1 - input * target).relu().mean())
    check_loss(hinge, reference=lambda x, t: np.mean(np.maximum(1 - x * t, 0)))
    check_loss(lambda input, target: F.mse_loss(input, target))
    check_loss(same_shape(lambda p, t: -(t * p.log()).mean()), "probabilities", low=0.1, high=1, extremes=False)
    with pytest.raises(ValueError, match="targets must be one of values, classes"):
        check_loss(hinge, "labels")
