"""What a module's state is, how it is loaded, and the table of what is in a module."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def test_the_state_has_parameters_and_buffers_and_shares_their_memory():
    model = network()
    state = model.state_dict()
    assert list(state) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
        "3.weight", "3.bias",
    ]  # fmt: skip
    assert not any(tensor.requires_grad for tensor in state.values())
    state["3.bias"].fill_(7.0)
    assert model[3].bias.tolist() == [7.0] * 3


def test_what_is_shared_is_there_under_each_name():
    layer = nn.Linear(2, 2)
    assert list(nn.Sequential(layer, layer).state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_state_goes_into_another_module_in_place():
    first, second = network(), network()
    first(tg.randn(3, 1, 4, 4))
    weight = second[0].weight
    assert repr(second.load_state_dict(first.state_dict())) == "<All keys matched successfully>"
    assert second[0].weight is weight
    assert weight.requires_grad
    first.eval()
    second.eval()
    x = tg.randn(2, 1, 4, 4)
    assert (first(x) == second(x)).all()
    assert second[1].num_batches_tracked.item() == 1


def test_arrays_and_other_dtypes_are_taken():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": tg.tensor([3.0], dtype=tg.float64)})
    assert layer.weight.dtype == tg.float32
    assert layer(tg.ones(1, 2)).tolist() == [[6.0]]


def test_a_state_that_does_not_fit_changes_nothing_and_all_is_listed():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    wrong = {"0.weight": tg.ones(2, 2), "0.bias": tg.zeros(3), "1.weight": tg.zeros(1, 3), "2.scale": tg.ones(1)}
    with pytest.raises(RuntimeError) as error:
        model.load_state_dict(wrong)
    for line in (
        "Error(s) in loading state_dict for Sequential:",
        "Missing key(s) in state_dict: '1.bias'.",
        "Unexpected key(s) in state_dict: '2.scale'.",
        "size mismatch for 0.weight: copying a param with shape (2, 2) from checkpoint, the shape in current model is"
        " (3, 2).",
    ):
        assert line in str(error.value)
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.load_state_dict(wrong, strict=False)
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == before
    del wrong["0.weight"]
    found = model.load_state_dict(wrong, strict=False)
    assert found.missing_keys == ["0.weight", "1.bias"]
    assert found.unexpected_keys == ["2.scale"]
    assert model[0].bias.tolist() == [0.0] * 3


def test_the_summary_lists_layers_shapes_and_parameters():
    model = network()
    model[3].weight.requires_grad_(False)
    tracked = model[1].num_batches_tracked.item()
    text = nn.summary(model, tg.zeros(5, 1, 4, 4))
    rows = [line.split("  ") for line in text.splitlines() if "(" in line]
    assert [[part.strip() for part in row if part.strip()] for row in rows] == [
        ["0 (Conv2d)", "(5, 2, 2, 2)", "20"],
        ["1 (BatchNorm2d)", "(5, 2, 2, 2)", "4"],
        ["2 (Flatten)", "(5, 8)", "0"],
        ["3 (Linear)", "(5, 3)", "27"],
    ]
    assert text.splitlines()[-2].split() == ["total", "51"]
    assert text.splitlines()[-1].split() == ["learned", "27"]
    assert model.training
    assert model[1].num_batches_tracked.item() == tracked  # it was left as it was


def test_the_summary_counts_a_shared_layer_once():
    layer = nn.Linear(2, 2)
    text = nn.summary(nn.Sequential(layer, nn.ReLU(), layer), tg.zeros(1, 2))
    assert text.splitlines()[-2].split() == ["total", "6"]
    assert [line.split()[-1] for line in text.splitlines() if "(Linear)" in line] == ["6", "0"]
