"""Every layer against PyTorch's: the same text, names, shapes and layouts; the same weights give the same output,
gradients, and running statistics; and the first values have the same spread.
"""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")

IMAGES, SEQUENCES, ROWS = (2, 4, 9, 8), (2, 4, 9), (5, 4)
LAYERS = [
    ("Linear", (4, 3), {}, ROWS),
    ("Linear", (4, 3), {"bias": False}, (2, 3, 4)),
    ("Conv2d", (4, 6, 3), {}, IMAGES),
    (
        "Conv2d",
        (4, 6, (3, 2)),
        {"stride": (2, 1), "padding": (1, 0), "dilation": 2, "groups": 2, "bias": False},
        IMAGES,
    ),
    ("Conv2d", (4, 6, (4, 3)), {"padding": "same"}, IMAGES),
    ("Conv2d", (4, 4, 3), {"groups": 4, "padding": 1}, IMAGES[1:]),
    ("Conv1d", (4, 6, 3), {"padding": 1, "stride": 2}, SEQUENCES),
    ("Conv1d", (4, 6, 2), {"padding": "same", "dilation": 2}, SEQUENCES[1:]),
    ("ConvTranspose2d", (4, 6, 3), {}, IMAGES),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, IMAGES),
    ("MaxPool2d", (2,), {}, IMAGES),
    ("MaxPool2d", (3, 2, 1), {"ceil_mode": True}, IMAGES),
    ("AvgPool2d", (2,), {}, IMAGES),
    ("AvgPool2d", (3, 2, 1), {"count_include_pad": False}, IMAGES),
    ("AdaptiveAvgPool2d", ((3, None),), {}, IMAGES),
    ("AdaptiveMaxPool2d", (2,), {}, IMAGES),
    ("BatchNorm1d", (4,), {}, ROWS),
    ("BatchNorm1d", (4,), {"affine": False}, SEQUENCES),
    ("BatchNorm2d", (4,), {"momentum": None}, IMAGES),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, IMAGES),
    ("LayerNorm", (8,), {}, IMAGES),
    ("LayerNorm", ((9, 8),), {"bias": False}, IMAGES),
    ("LayerNorm", (8,), {"elementwise_affine": False}, IMAGES),
    ("GroupNorm", (2, 4), {}, IMAGES),
    ("Dropout", (0.0,), {}, ROWS),
    ("Identity", (), {}, ROWS),
    ("Flatten", (), {}, IMAGES),
    ("Upsample", (), {"scale_factor": 2}, IMAGES),
    ("Upsample", (), {"size": (5, 12), "mode": "bilinear"}, IMAGES),
    ("Upsample", (), {"scale_factor": (2, 1.5), "mode": "bilinear", "align_corners": True}, IMAGES),
    ("RNN", (4, 3), {}, (6, 2, 4)),
    ("RNN", (4, 3), {"num_layers": 2, "nonlinearity": "relu", "bias": False, "batch_first": True}, (2, 6, 4)),
    ("LSTM", (4, 3), {}, (6, 2, 4)),
    ("LSTM", (4, 3), {"num_layers": 2, "bidirectional": True}, (6, 4)),
    ("GRU", (4, 3), {}, (6, 4)),
    ("GRU", (4, 3), {"num_layers": 2, "bidirectional": True, "batch_first": True}, (2, 6, 4)),
    ("ReLU", (), {"inplace": True}, ROWS),
]
IDS = [f"{name}{args}{settings or ''}" for name, args, settings, _ in LAYERS]


def both(name, args, settings):
    """The two layers, ours with PyTorch's weights, in float64."""
    other = getattr(torch.nn, name)(*args, **settings).double()
    mine = getattr(nn, name)(*args, **settings).double()
    assert mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()}) == ([], [])
    return mine, other


def flat(outputs):
    return [t for part in outputs for t in flat(part)] if isinstance(outputs, tuple) else [outputs]


def assert_same(mine, other):
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # PyTorch's
@pytest.mark.parametrize(("name", "args", "settings", "shape"), LAYERS, ids=IDS)
def test_a_layer_is_pytorchs(name, args, settings, shape):
    mine, other = both(name, args, settings)
    assert repr(mine) == repr(other)
    rng = np.random.default_rng(0)
    for training in (True, True, False):
        mine.train(training)
        other.train(training)
        x = rng.normal(size=shape)
        inputs = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        outputs = flat(mine(inputs[0])), flat(other(inputs[1].clone()))
        for a, b in zip(*outputs, strict=True):
            assert_same(a, b)
        for total in (sum((t * t).sum() for t in some) for some in outputs):
            total.backward()
        assert_same(inputs[0].grad, inputs[1].grad)
    for (a, p), (b, q) in zip(mine.named_parameters(), other.named_parameters(), strict=True):
        assert a == b
        assert_same(p.grad, q.grad)
    for a, b in zip(mine.buffers(), other.buffers(), strict=True):
        assert_same(a, b)


@pytest.mark.parametrize(("name", "args", "settings", "shape"), LAYERS, ids=IDS)
def test_the_first_values_have_pytorchs_spread(name, args, settings, shape):
    many = [getattr(module, name)(*args, **settings) for module in (nn, torch.nn) for _ in range(30)]
    for names in zip(*([n for n, _ in layer.named_parameters()] for layer in many), strict=True):
        assert len(set(names)) == 1
        values = [dict(layer.named_parameters())[names[0]].detach().numpy().ravel() for layer in many]
        mine, other = np.concatenate(values[:30]), np.concatenate(values[30:])
        assert abs(mine).max() == pytest.approx(abs(other).max(), rel=0.2, abs=1e-12)
        assert mine.std() == pytest.approx(other.std(), rel=0.3, abs=1e-12)
        assert mine.dtype == np.float32


def test_an_embedding_is_pytorchs():
    mine, other = both("Embedding", (5, 3), {"padding_idx": -1})
    assert repr(mine) == repr(other)
    for T, layer in ((tg, mine), (torch, other)):
        (layer(T.tensor([[0, 4], [2, 2]])) ** 2).sum().backward()
    assert_same(mine.weight.grad, other.weight.grad)
    assert nn.Embedding(5, 3, padding_idx=1).weight[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_multihead_attention_is_pytorchs(batch_first, bias):
    other = torch.nn.MultiheadAttention(8, 2, bias=bias, batch_first=batch_first).double()
    mine = nn.MultiheadAttention(8, 2, bias=bias, batch_first=batch_first).double()
    mine.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(3, 4, 8)), rng.normal(size=(3, 5, 8) if batch_first else (5, 4, 8))
    n, queries = (3, 4) if batch_first else (4, 3)
    padding, mask = rng.random((n, 5)) > 0.8, rng.random((queries, 5)) > 0.8
    padding[:, 0] = mask[:, 0] = False
    for settings in (
        {},
        {"need_weights": False},
        {"key_padding_mask": padding},
        {"attn_mask": mask, "average_attn_weights": False},
        {"attn_mask": rng.normal(size=(n * 2, queries, 5))},
    ):
        outputs = []
        for T, layer in ((tg, mine), (torch, other)):
            given = {k: T.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
            q, k = T.tensor(query, requires_grad=True), T.tensor(key)
            output, weights = layer(q, k, k, **given)
            output.sum().backward()
            outputs.append([output, q.grad, layer.out_proj.weight.grad, *([] if weights is None else [weights])])
        for a, b in zip(*outputs, strict=True):
            assert_same(a, b)
    assert mine(tg.tensor(query[0]), tg.tensor(key[0]), tg.tensor(key[0]))[1].shape == (query.shape[1], key.shape[1])


def test_recurrent_layers_begin_where_they_are_told():
    for name, states in (("RNN", 1), ("GRU", 1), ("LSTM", 2)):
        mine, other = both(name, (4, 3), {"num_layers": 2})
        rng = np.random.default_rng(0)
        x, given = rng.normal(size=(5, 2, 4)), rng.normal(size=(states, 2, 2, 3))
        outputs = []
        for T, layer in ((tg, mine), (torch, other)):
            hx = tuple(T.tensor(state) for state in given)
            outputs.append(flat(layer(T.tensor(x), hx if states > 1 else hx[0])))
        for a, b in zip(*outputs, strict=True):
            assert_same(a, b)
