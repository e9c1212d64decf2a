"""Layers and losses as functions: their settings, the modules that call them, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import nn, tensor
from tinygrad_lite.nn import functional as F


@st.composite
def class_losses(draw):
    """Logits (n, classes, d1, ...), targets, and settings of cross_entropy."""
    n, classes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rest = draw(st.sampled_from([(), (2,), (2, 3)]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    targets = rng.integers(0, classes, (n, *rest))
    settings = {
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }
    if draw(st.booleans()):
        settings["ignore_index"] = int(targets.reshape(-1)[0])
    weight = rng.uniform(0.5, 2, classes) if draw(st.booleans()) else None
    return rng.normal(size=(n, classes, *rest)) * 3, targets, weight, settings


@given(class_losses())
def test_cross_entropy_is_pytorchs_whatever_the_settings(case):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    logits, targets, weight, settings = case
    results = []
    for T in (tg, torch):
        x = T.tensor(logits, requires_grad=True)
        w = None if weight is None else T.tensor(weight)
        loss = T.nn.functional.cross_entropy(x, T.tensor(targets), w, **settings)
        (first,) = T.autograd.grad(loss.sum(), x, create_graph=True)
        (second,) = T.autograd.grad((first * first).sum(), x)
        results.append([loss.tolist(), first.tolist(), second.tolist()])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)


@given(class_losses())
def test_indices_are_the_probabilities_of_one_class(case):
    logits, targets, _, settings = case
    settings.pop("ignore_index", None)
    classes = logits.shape[1]
    probabilities = np.moveaxis(np.eye(classes)[targets], -1, 1)
    np.testing.assert_allclose(
        F.cross_entropy(tensor(logits), tensor(targets), **settings).numpy(),
        F.cross_entropy(tensor(logits), tensor(probabilities), **settings).numpy(),
        rtol=1e-9,
        atol=1e-12,
    )


def test_label_smoothing_spreads_the_target_over_all_classes():
    log_p = tensor([[1.0, 2.0, 4.0]]).log_softmax(1)[0].tolist()
    expected = -(0.7 * log_p[2] + 0.3 * sum(log_p) / 3)
    assert F.cross_entropy(tensor([[1.0, 2.0, 4.0]]), tensor([2]), label_smoothing=0.3).item() == pytest.approx(
        expected
    )


def test_a_weighted_mean_is_divided_by_the_weights():
    x, target, weight = tensor([[0.0, 1.0], [2.0, 0.0]]), tensor([0, 1]), tensor([3.0, 1.0])
    first, second = F.cross_entropy(x, target, reduction="none").tolist()
    assert F.cross_entropy(x, target, weight).item() == pytest.approx((3 * first + second) / 4)
    assert F.nll_loss(x.log_softmax(1), target, weight, reduction="sum").item() == pytest.approx(3 * first + second)


def test_losses_as_modules_do_what_the_functions_do():
    x, t = tg.randn(4, 3), tensor([0, 2, 1, 1])
    w = tensor([1.0, 2.0, 3.0])
    assert nn.CrossEntropyLoss(weight=w, label_smoothing=0.1)(x, t).item() == pytest.approx(
        F.cross_entropy(x, t, w, label_smoothing=0.1).item()
    )
    assert nn.CrossEntropyLoss(reduction="none")(x, t).shape == (4,)
    assert nn.NLLLoss(ignore_index=1)(x.log_softmax(1), t).item() == pytest.approx(
        F.cross_entropy(x[:2], t[:2]).item(), rel=1e-6
    )
    assert nn.MSELoss(reduction="sum")(x, x + 2).item() == pytest.approx(48, rel=1e-6)
    assert nn.L1Loss()(x, x + 2).item() == pytest.approx(2, rel=1e-6)
    half = tg.full((4, 3), 0.5)
    expected = F.binary_cross_entropy_with_logits(x, half, pos_weight=w)
    assert nn.BCEWithLogitsLoss(pos_weight=w)(x, half).item() == pytest.approx(expected.item())
    assert dict(nn.BCEWithLogitsLoss(pos_weight=w).named_buffers()) == {"pos_weight": w}


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.ReLU(), F.relu),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
        (nn.Sigmoid(), F.sigmoid),
        (nn.Tanh(), F.tanh),
        (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")),
        (nn.SiLU(), F.silu),
        (nn.Softplus(2.0, 1.0), lambda x: F.softplus(x, 2.0, 1.0)),
        (nn.Softmax(0), lambda x: F.softmax(x, 0)),
        (nn.LogSoftmax(0), lambda x: F.log_softmax(x, 0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_activations_as_modules_do_what_the_functions_do(module, function):
    x = tensor([[-3.0, -0.5, 0.0], [0.2, 1.0, 4.0]])
    assert module(x).tolist() == function(x).tolist()
    assert module(x).tolist() != x.tolist()


EMPTY_MEANS = {
    "cross_entropy": lambda: F.cross_entropy(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64)),
    "cross_entropy, weighted": lambda: F.cross_entropy(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64), tg.ones(3)),
    "cross_entropy, images": lambda: F.cross_entropy(tg.ones(2, 3, 0), tg.zeros(2, 0, dtype=tg.int64)),
    "cross_entropy, probabilities": lambda: F.cross_entropy(tg.ones(0, 3), tg.ones(0, 3)),
    "nll_loss": lambda: F.nll_loss(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64)),
    "mse_loss": lambda: F.mse_loss(tg.ones(0), tg.ones(0)),
    "l1_loss": lambda: F.l1_loss(tg.ones(0, 2), tg.ones(0, 2)),
    "binary_cross_entropy_with_logits": lambda: F.binary_cross_entropy_with_logits(tg.ones(0), tg.ones(0)),
}


@pytest.mark.parametrize("name", EMPTY_MEANS)
def test_the_mean_of_an_empty_batch_is_an_error(name):
    where = name.partition(",")[0]
    with pytest.raises(ValueError, match=rf"^{where}: the mean of an empty batch \(shape .*\) does not exist"):
        EMPTY_MEANS[name]()


def test_the_sum_of_an_empty_batch_is_zero():
    assert F.cross_entropy(tg.ones(0, 3), tg.zeros(0, dtype=tg.int64), reduction="sum").item() == 0
    assert F.mse_loss(tg.ones(0), tg.ones(0), reduction="sum").item() == 0


def test_a_target_that_is_no_class_is_refused_by_name():
    logits = tg.zeros(2, 3, requires_grad=True)
    for target, wrong in (([0, 5], 5), ([-1, 0], -1), ([3, 1], 3)):
        for loss in (F.cross_entropy, F.nll_loss, lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1)):
            with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds.*3 classes"):
                loss(logits, tensor(target))


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_class_losses_refuse_the_wrong_kind_of_target(loss):
    name, logits = loss.__name__, tg.zeros(2, 3)
    with pytest.raises(TypeError, match=rf"{name}: expected scalar type Long .* the target is float32 of shape \(2,\)"):
        loss(logits, tensor([0.0, 1.0]))
    with pytest.raises(TypeError, match="the target is bool"):
        loss(logits, tensor([True, False]))
    with pytest.raises(TypeError, match=f"{name}: the input must be floating, but is int64"):
        loss(tg.zeros(2, 3, dtype=tg.int64), tensor([0, 1]))
    with pytest.raises(ValueError, match=r"Expected target size \(2,\).*got \(3,\)"):
        loss(logits, tensor([0, 1, 2]))
    with pytest.raises(ValueError, match=r"Expected target size \(2, 4\).*\(2, 3, 4\), got \(2, 5\)"):
        loss(tg.zeros(2, 3, 4), tg.zeros(2, 5, dtype=tg.int64))
    with pytest.raises(ValueError, match="must have a dimension of classes"):
        loss(tensor(1.0), tensor(0))
    with pytest.raises(ValueError, match=r"for all 3 classes or no classes, but got weight tensor of shape \(2,\)"):
        loss(logits, tensor([0, 1]), tg.ones(2))


def test_every_loss_takes_tensors_and_a_reduction_there_is():
    for loss, x, target in (
        (F.cross_entropy, tg.zeros(2, 3), tensor([0, 1])),
        (F.nll_loss, tg.zeros(2, 3), tensor([0, 1])),
        (F.mse_loss, tg.zeros(2), tg.ones(2)),
        (F.l1_loss, tg.zeros(2), tg.ones(2)),
        (F.binary_cross_entropy_with_logits, tg.zeros(2), tg.ones(2)),
    ):
        with pytest.raises(TypeError, match=f"{loss.__name__}: .*must be Tensors, not Tensor and list"):
            loss(x, target.tolist())
        with pytest.raises(ValueError, match=f"{loss.__name__}: average is not a valid value for reduction"):
            loss(x, target, reduction="average")
        with pytest.raises(TypeError, match="positional"):
            loss(x, target, None, "sum")  # PyTorch has another setting there


def test_label_smoothing_is_a_share():
    for wrong in (-0.1, 1.5):
        with pytest.raises(ValueError, match=f"label_smoothing must be between 0.0 and 1.0. Got: {wrong}"):
            F.cross_entropy(tg.zeros(2, 3), tensor([0, 1]), label_smoothing=wrong)


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss])
def test_losses_of_two_alike_want_one_shape(loss):
    with pytest.warns(UserWarning, match=r"target size \(3,\) that is different to the input size \(3, 1\)"):
        assert loss(tg.ones(3, 1), tensor([1.0, 1.0, 2.0])).item() == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match=rf"{loss.__name__}: a target size \(3,\).*input size \(2,\).*not broadcast"):
        loss(tg.ones(2), tg.ones(3))
    with pytest.raises(TypeError, match=f"{loss.__name__}: .* int64 and int64, but must be floating"):
        loss(tensor([1, 2]), tensor([1, 2]))
    assert loss(tensor([1.0, 2.0]), tensor([1, 4])).item() > 0


def test_binary_cross_entropy_wants_one_shape():
    with pytest.raises(ValueError, match=r"Target size \(3,\) must be the same as input size \(2,\)"):
        F.binary_cross_entropy_with_logits(tg.ones(2), tg.ones(3))


def test_linear_wants_a_matrix():
    with pytest.raises(ValueError, match=r"linear: weight must have the shape \(out, in\), but has \(3,\)"):
        F.linear(tg.ones(2, 3), tg.ones(3))


def test_float32_stays_float32():
    x = tg.zeros(2, 3)
    for loss in (
        F.cross_entropy(x, tensor([0, 1])),
        F.cross_entropy(x, tensor([0, 1]), label_smoothing=0.1),
        F.mse_loss(x, x + 1),
        F.l1_loss(x, x + 1),
        F.binary_cross_entropy_with_logits(x, x),
    ):
        assert loss.dtype == tg.float32
    assert F.cross_entropy(x, tensor([0, 1])).item() == pytest.approx(math.log(3))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64"])
def test_products_of_different_dtypes_are_refused(dtype):
    """As in PyTorch: pixels that nobody made floating would be computed with in silence."""
    x, weight, images = tg.ones(2, 3, dtype=dtype), tg.ones(3, 3), tg.ones(1, 3, 3, 3, dtype=dtype)
    for function in (
        lambda: F.linear(x, weight),
        lambda: F.linear(weight, weight, x[0]),
        lambda: tg.nn.Linear(3, 2)(x),
        lambda: x @ weight,
        lambda: weight @ x[0],
        lambda: tg.einsum("ij,kj->ik", x, weight),
        lambda: F.conv2d(images, tg.ones(3, 3, 1, 1)),
        lambda: F.conv_transpose2d(images, tg.ones(3, 3, 1, 1)),
    ):
        with pytest.raises(RuntimeError, match="same dtype"):
            function()


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_means_of_integers_are_refused(dtype):
    images = tg.ones(1, 3, 4, 4, dtype=dtype)
    for function in (
        lambda: F.avg_pool2d(images, 2),
        lambda: F.adaptive_avg_pool2d(images, 2),
        lambda: F.interpolate(images, 3, mode="bilinear"),
        lambda: F.batch_norm(images, tg.zeros(3), tg.ones(3)),
        lambda: F.layer_norm(images, (4,)),
        lambda: F.group_norm(images, 3),
    ):
        with pytest.raises((TypeError, RuntimeError), match="float"):
            function()


def test_nearest_pixels_by_a_factor():
    pixels = tg.arange(13.0).reshape(1, 1, 1, 13)
    assert F.interpolate(pixels, scale_factor=(1, 3.7))[0, 0, 0, 37].item() == 10
    torch = pytest.importorskip("torch")
    for size in (1, 2, 7, 13, 50):
        for factor in (0.3, 0.7, 1.0, 1.1, 1.7, 2.0, 2.3, 3.7, 5.9):
            if int(size * factor):
                row = np.arange(size, dtype="float32").reshape(1, 1, 1, size)
                mine = F.interpolate(tg.tensor(row), scale_factor=(1, factor)).tolist()
                assert mine == torch.nn.functional.interpolate(torch.tensor(row), scale_factor=(1, factor)).tolist()


@pytest.mark.parametrize("settings", [(1, 0, 2, 3), (2, 1, (2, 1), 3), (3, 1, 3, 4), (1, 2, 1, 2)])
def test_a_transposed_convolution_with_output_padding_beyond_its_stride(settings):
    torch = pytest.importorskip("torch")
    stride, padding, output_padding, dilation = settings
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 2, 4, 3)), rng.normal(size=(2, 3, 3, 2)), rng.normal(size=3)]
    found = []
    for T in (tg, torch):
        leaves = [T.tensor(array, requires_grad=True) for array in arrays]
        y = T.nn.functional.conv_transpose2d(
            *leaves, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
        )
        first = T.autograd.grad((y**2).sum(), leaves, create_graph=True)
        second = T.autograd.grad(sum((g**2).sum() for g in first), leaves)
        found.append([x.detach().numpy() for x in (y, *first, *second)])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)


def test_windows_are_given_as_tuples_of_one():
    x = tg.arange(16.0).reshape(1, 1, 4, 4)
    assert F.avg_pool2d(x, (2,), (2,), (1,)).equal(F.avg_pool2d(x, 2, 2, 1))
    assert F.max_pool2d(x, (2,), (1,), (1,), (2,)).equal(F.max_pool2d(x, 2, 1, 1, 2))
    kernel = tg.ones(1, 1, 2, 2)
    assert F.conv2d(x, kernel, None, (2,), (1,), (1,)).equal(F.conv2d(x, kernel, None, 2, 1, 1))


def test_an_empty_batch_is_normalized_and_leaves_the_running_moments_alone():
    layer = tg.nn.BatchNorm2d(3)
    assert layer(tg.ones(0, 3, 2, 2)).shape == (0, 3, 2, 2)
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([0.0] * 3, [1.0] * 3)
    with pytest.raises(ValueError, match="more than 1 value"):
        F.batch_norm(tg.ones(1, 3), None, None, training=True)
