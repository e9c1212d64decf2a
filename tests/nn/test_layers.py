"""Layers refuse what they cannot take, naming themselves, what they got and what they take."""

import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn

REFUSED = {
    "kernel larger than the padded input": (
        lambda: nn.Conv2d(1, 2, 5, padding=1)(tg.ones(1, 1, 2, 2)),
        r"padded input size per channel: \(4, 4\).*Kernel size: \(5, 5\).*use a smaller kernel, or more padding",
    ),
    "channels not divisible by groups": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        "Conv2d: in_channels=3 and out_channels=4 must be divisible by groups=2",
    ),
    "another number of channels": (
        lambda: nn.Conv2d(3, 4, 3)(tg.ones(1, 2, 5, 5)),
        r"conv2d: .*weight .* of shape \(4, 3, 3, 3\), expected input to have 3 channels, but got 2",
    ),
    "an image without channels": (
        lambda: nn.Conv2d(1, 4, 3)(tg.ones(28, 28)),
        r"conv2d: expected an input \(n, c, h, w\) or \(c, h, w\) .*\(28, 28\)",
    ),
    "a sequence without channels": (
        lambda: nn.Conv1d(1, 4, 3)(tg.ones(28)),
        r"conv1d: expected an input \(n, c, length\).*\(28,\)",
    ),
    "negative padding": (lambda: nn.Conv2d(1, 1, 3, padding=-1), "Conv2d: padding must be an int of at least 0.*-1"),
    "a stride of 0": (lambda: nn.Conv1d(1, 1, 3, stride=0), "Conv1d: stride must be an int of at least 1"),
    "three strides": (lambda: nn.Conv2d(1, 1, 3, stride=(1, 2, 3)), r"stride must be .* or two, but got \(1, 2, 3\)"),
    "same padding with a stride": (
        lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same")(tg.ones(1, 1, 5, 5)),
        "padding='same' is not supported for strided convolutions",
    ),
    "one value a channel": (
        lambda: nn.BatchNorm1d(3)(tg.ones(1, 3)),
        r"Expected more than 1 value per channel when training, got input size \(1, 3\)",
    ),
    "images for features": (
        lambda: nn.BatchNorm1d(3)(tg.ones(2, 3, 4, 4)),
        r"BatchNorm1d: expected an input \(n, c\) or \(n, c, length\) with 3 channels, but got \(2, 3, 4, 4\)",
    ),
    "features for images": (
        lambda: nn.BatchNorm2d(3)(tg.ones(2, 4, 4, 4)),
        r"BatchNorm2d: expected an input \(n, c, h, w\) with 3 channels, but got \(2, 4, 4, 4\)",
    ),
    "groups of channels": (lambda: nn.GroupNorm(2, 3), "num_channels=3 must be divisible by num_groups=2"),
    "a probability": (lambda: nn.Dropout(2), "between 0 and 1, but got 2"),
    "steps of another width": (
        lambda: nn.LSTM(3, 4)(tg.ones(5, 2, 4)),
        r"LSTM: expected an input \(time, n, 3\).*got \(5, 2, 4\)",
    ),
    "no steps": (lambda: nn.GRU(3, 4)(tg.ones(0, 2, 3)), r"with at least one step; got \(0, 2, 3\)"),
    "a state of another shape": (
        lambda: nn.GRU(3, 4)(tg.ones(5, 2, 3), tg.ones(2, 4)),
        r"GRU: expected 1 state\(s\) hx of the shape \(1, 2, 4\), but got \[\(2, 4\)\]",
    ),
    "one state for two": (
        lambda: nn.LSTM(3, 4)(tg.ones(5, 2, 3), (tg.ones(1, 2, 4),)),
        r"LSTM: expected 2 state\(s\) hx",
    ),
    "an unknown bend": (lambda: nn.RNN(3, 4, nonlinearity="swoosh"), "Unknown nonlinearity 'swoosh'"),
    "heads that do not divide the width": (
        lambda: nn.MultiheadAttention(6, 4),
        "embed_dim=6 must be divisible by num_heads=4",
    ),
    "queries of another width": (
        lambda: nn.MultiheadAttention(6, 2)(tg.ones(3, 1, 5), tg.ones(3, 1, 6), tg.ones(3, 1, 6)),
        r"expected a query whose last size is embed_dim=6.*got \(1, 3, 5\)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_layer_cannot_take_is_refused(what):
    call, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        call()


def test_an_embedding_refuses_an_index_out_of_range():
    with pytest.raises(IndexError, match=r"embedding: index out of range: .* 0 to 7, .*\(5, 2\) has rows 0, ..., 4"):
        nn.Embedding(5, 2)(tg.tensor([0, 7]))
    with pytest.raises(IndexError, match="padding_idx=5 must be within num_embeddings=5"):
        nn.Embedding(5, 2, padding_idx=5)


def test_dropout_only_in_training():
    layer = nn.Dropout(0.5)
    x = tg.ones(1000)
    assert (layer(x) == 0).any()
    assert layer.eval()(x) is x


def test_batch_norm_in_evaluation_depends_on_no_neighbour():
    layer = nn.BatchNorm2d(2)
    for _ in range(3):
        layer(tg.randn(8, 2, 3, 3) * 3 + 1)
    layer.eval()
    x = tg.randn(4, 2, 3, 3)
    before = layer.running_mean.tolist()
    assert (layer(x)[:1] == layer(x[:1])).all()
    assert layer.running_mean.tolist() == before
