"""Weights in files: the way there and back, PyTorch's files and ours, and files that are none."""

import os

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


def test_there_and_back(tmp_path):
    file = tmp_path / "model.safetensors"
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    tg.save(model.state_dict(), file)
    state = tg.load(file)
    assert set(state) == set(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == tensor.dtype
        assert (state[name] == tensor).all()
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    other.load_state_dict(state)
    state["0.bias"].zero_()  # what was loaded can be changed
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_any_dtype_and_layout(tmp_path):
    given = {
        "transposed": tg.arange(6).reshape(2, 3).T,
        "strided": tg.arange(10.0)[::3],
        "scalar": tg.tensor(2.5, dtype=tg.float64),
        "bool": tg.tensor([True, False]),
        "half": tg.ones(2, dtype=tg.float16),
        "empty": tg.zeros(0, 3),
        "array": np.arange(3, dtype="int8"),
    }
    tg.save(given, tmp_path / "x")
    found = tg.load(str(tmp_path / "x"))
    for name, tensor in given.items():
        expected = np.asarray(tensor)
        np.testing.assert_array_equal(found[name].numpy(), expected)
        assert found[name].dtype == expected.dtype


def test_pytorch_reads_ours_and_we_read_its(tmp_path):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    from safetensors.torch import load_file, save_file

    mine, other = nn.LSTM(3, 4, num_layers=2), torch.nn.LSTM(3, 4, num_layers=2)
    tg.save(mine.state_dict(), tmp_path / "mine")
    other.load_state_dict(load_file(tmp_path / "mine"))
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype("float32")
    np.testing.assert_allclose(
        mine(tg.tensor(x))[0].detach().numpy(), other(torch.tensor(x))[0].detach().numpy(), atol=1e-6
    )
    save_file(other.state_dict(), tmp_path / "other")
    mine.load_state_dict(tg.load(tmp_path / "other"))


@pytest.mark.parametrize(
    "content", [b"", b"not weights at all", b"\x10\x00\x00\x00\x00\x00\x00\x00{", b"PK\x03\x04" + b"\x00" * 100]
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"weights.pt \([\d,]+ bytes\) is not a whole safetensors file"):
        tg.load(tmp_path / "weights.pt")


def test_a_truncated_file_is_refused(tmp_path):
    file = tmp_path / "model"
    tg.save(nn.Linear(10, 10).state_dict(), file)
    content = file.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 20):
        file.write_bytes(content[:length])
        with pytest.raises(RuntimeError, match="is not a whole safetensors file"):
            tg.load(file)


def test_a_crash_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "model"
    tg.save({"x": tg.ones(3)}, file)

    def crash(*_):
        raise KeyboardInterrupt

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, crash)
            with pytest.raises(KeyboardInterrupt):
                tg.save({"x": tg.zeros(5)}, file)
        assert tg.load(file)["x"].tolist() == [1.0] * 3
        assert os.listdir(tmp_path) == ["model"]


def test_what_cannot_be_saved_or_found_is_an_error(tmp_path):
    with pytest.raises(TypeError, match="expected names and Tensors, as state_dict"):
        tg.save({"lr": 0.1}, tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "nowhere")
    with pytest.raises(OSError, match="nowhere"):
        tg.save({"x": tg.ones(1)}, tmp_path / "nowhere" / "x")
    assert os.listdir(tmp_path) == []
