"""Whole networks that Hypothesis puts together: their gradients, and training that goes PyTorch's way step by step."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite
from tests.pytorch import needs_torch
from tinygrad_lite import tensor
from tinygrad_lite.testing import gradcheck

SMOOTH = ["Tanh", "Sigmoid", "GELU", "SiLU", "Softplus"]
BENT = ["ReLU", "LeakyReLU"]
# An eps of 1e-3, for some gradients are nothing but rounding (of a weight that a normalization takes out again), and
# with a smaller one the adaptive optimizers make large steps of that.
OPTIMIZERS = {
    "SGD": {"momentum": st.sampled_from([0.0, 0.9]), "weight_decay": st.sampled_from([0.0, 0.1])},
    "Adam": {"eps": st.just(1e-3), "weight_decay": st.sampled_from([0.0, 0.1]), "amsgrad": st.booleans()},
    "AdamW": {"eps": st.just(1e-3), "weight_decay": st.sampled_from([0.0, 0.1])},
    "RMSprop": {"eps": st.just(1e-3), "centered": st.booleans(), "momentum": st.sampled_from([0.0, 0.5])},
    "Adagrad": {"eps": st.just(1e-3), "lr_decay": st.sampled_from([0.0, 0.1])},
}
LOSSES = {
    "cross_entropy": lambda F, y, t: F.cross_entropy(y, t),
    "mse_loss": lambda F, y, t: F.mse_loss(y, F.one_hot(t, 3).to(y.dtype)),
    "l1_loss": lambda F, y, t: F.l1_loss(y, F.one_hot(t, 3).to(y.dtype) + 0.01234),
    "bce": lambda F, y, t: F.binary_cross_entropy_with_logits(y, F.one_hot(t, 3).to(y.dtype)),
}


@st.composite
def architectures(draw, activations):
    """Layers as names and arguments: convolutions and poolings, then linear layers, with normalizations between."""
    layers, channels, size = [], 2, 6
    for _ in range(draw(st.integers(0, 2))):
        out = draw(st.integers(1, 4))
        kernel, stride, padding = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 1))
        if size + 2 * padding < kernel:
            break
        normalized = draw(st.booleans())  # which takes out the bias: its gradient would be nothing but rounding
        how = {"stride": stride, "padding": padding, "bias": not normalized}
        layers.append(("Conv2d", (channels, out, kernel), how))
        channels, size = out, (size + 2 * padding - kernel) // stride + 1
        if normalized:
            layers.append(("BatchNorm2d", (channels,), {}))
        layers.append((draw(st.sampled_from(activations)), (), {}))
        if size >= 2 and draw(st.booleans()):
            layers.append((draw(st.sampled_from(["MaxPool2d", "AvgPool2d"])), (2,), {}))
            size //= 2
    layers.append(("Flatten", (), {}))
    width = channels * size * size
    for _ in range(draw(st.integers(0, 2))):
        out = draw(st.integers(2, 5))  # of one number a LayerNorm makes 0, and its gradient is nothing but rounding
        layers.append(("Linear", (width, out), {"bias": draw(st.booleans())}))
        width = out
        layers.append((draw(st.sampled_from(["LayerNorm", "none"])), (width,), {}))
        layers.append((draw(st.sampled_from(activations)), (), {}))
    layers.append(("Linear", (width, 3), {}))
    return [layer for layer in layers if layer[0] != "none"]


def build(module, layers):
    return module.nn.Sequential(*(getattr(module.nn, name)(*given, **how) for name, given, how in layers)).double()


@given(architectures(SMOOTH), st.sampled_from(["cross_entropy", "mse_loss", "bce"]), st.integers(0, 99))
@settings(max_examples=settings.default.max_examples * 2)
def test_the_gradients_of_networks_are_those_of_differences(layers, loss, seed):
    tinygrad_lite.manual_seed(seed)
    model = build(tinygrad_lite, layers).eval()
    x = tinygrad_lite.randn(2, 2, 6, 6, dtype=tinygrad_lite.float64)
    parameters = list(model.parameters())

    def function(*_):
        return LOSSES[loss](tinygrad_lite.nn.functional, model(x), tensor([0, 2]))

    few = sorted(parameters, key=lambda p: p.numel())[:3]  # differences need two runs for each number
    for p in parameters:
        p.requires_grad_(any(p is chosen for chosen in few))
    assert gradcheck(function, few)


@needs_torch
@given(
    architectures(SMOOTH + BENT),
    st.sampled_from(sorted(LOSSES)),
    st.sampled_from(sorted(OPTIMIZERS)).flatmap(
        lambda name: st.tuples(st.just(name), st.fixed_dictionaries(OPTIMIZERS[name]))
    ),
    st.integers(0, 99),
)
@settings(max_examples=settings.default.max_examples * 4)
def test_training_goes_pytorchs_way(layers, loss, optimizer, seed):
    import torch

    tinygrad_lite.manual_seed(seed)
    rng = np.random.default_rng(seed)
    models = [build(module, layers) for module in (tinygrad_lite, torch)]
    models[1].load_state_dict({name: torch.tensor(value.numpy()) for name, value in models[0].state_dict().items()})
    name, given = optimizer
    optimizers = [
        getattr(module.optim, name)(model.parameters(), lr=0.01, **given)
        for module, model in zip((tinygrad_lite, torch), models, strict=True)
    ]
    for _ in range(5):
        images, classes = rng.normal(size=(4, 2, 6, 6)), rng.integers(0, 3, 4)
        losses = []
        for module, model, steps in zip((tinygrad_lite, torch), models, optimizers, strict=True):
            y = model(module.tensor(images))
            losses.append(LOSSES[loss](module.nn.functional, y, module.tensor(classes)))
            steps.zero_grad()
            losses[-1].backward()
            steps.step()
        np.testing.assert_allclose(losses[0].item(), losses[1].item(), rtol=1e-6)
    for key, value in models[0].state_dict().items():
        np.testing.assert_allclose(
            value.numpy(), models[1].state_dict()[key].numpy(), rtol=1e-5, atol=1e-6, err_msg=key
        )
