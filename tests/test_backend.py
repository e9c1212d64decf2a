"""Devices, dtypes, and the functions that stand between the two array libraries."""

import itertools
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import backend
from tinygrad_lite.testing.strategies import arrays

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def test_devices_are_read_compared_and_printed():
    assert tg.device("cuda:1") == tg.device("cuda", 1)
    assert tg.device("cuda") == tg.device("cuda:0") == "cuda:0"
    assert tg.device("cpu") != "cuda"
    assert len({tg.device("cuda"), tg.device("cuda:0"), tg.device("cuda:1")}) == 2
    assert str(tg.device("cuda:1")) == "cuda:1"
    assert tg.device(tg.device("cuda:1")).index == 1
    for wrong in ("tpu", "cuda:", "cuda:-1", ""):
        with pytest.raises(RuntimeError, match=r"device"):
            tg.device(wrong)


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations_with_replacement(NAMES, 2)))
def test_the_dtype_of_a_result_is_pytorchs(a, b):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    expected = str(torch.promote_types(getattr(torch, a), getattr(torch, b))).removeprefix("torch.")
    assert tg.promote_types(a, b) == expected
    for shape_a, shape_b in (((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())):
        mine = tg.ones(shape_a, dtype=a) * tg.ones(shape_b, dtype=b)
        other = torch.ones(shape_a, dtype=getattr(torch, a)) * torch.ones(shape_b, dtype=getattr(torch, b))
        assert mine.dtype == str(other.dtype).removeprefix("torch.")
    for number in (True, 2, 2.5):
        mine = tg.ones(2, dtype=a) * number
        other = torch.ones(2, dtype=getattr(torch, a)) * number
        assert mine.dtype == str(other.dtype).removeprefix("torch.")


@given(arrays(low=-5, high=5), st.data())
def test_keep_is_where_whatever_the_memory(x, data):
    mask = data.draw(arrays(x.shape)) > 0
    np.testing.assert_array_equal(backend.keep(mask, x), np.where(mask, x, 0))
    many, bits = np.full(2000, np.nan), np.arange(2000) % 3 == 0
    assert np.isnan(backend.keep(bits, many)).tolist() == bits.tolist()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_where_chooses_bit_by_bit_and_as_numpy(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40, 30)).astype(dtype)
    a[0], b[1], b[2] = np.nan, np.inf, -0.0
    mask = rng.random((40, 30)) < 0.5
    for x, y in ((a, b), (a.T.copy().T, b), (a, 2.5), (a, b.astype("float64")), (np.array(1, dtype), b)):
        chosen, expected = backend.where(mask, x, y), np.where(mask, x, y)
        np.testing.assert_array_equal(chosen, expected)
        np.testing.assert_array_equal(np.signbit(chosen), np.signbit(expected))
        assert chosen.dtype == expected.dtype


@pytest.mark.parametrize("dtype", ["int32", "float16", "float32"])
@pytest.mark.parametrize("bounds", [(0, None), (None, 1), (-1, 1), (1, -1)])
def test_clip_has_one_bound_or_two(dtype, bounds):
    x = np.array([-3, -1, 0, 1, 3], dtype)
    low, high = bounds
    expected = x if low is None else np.maximum(x, low)
    expected = expected if high is None else np.minimum(expected, high)
    clipped = backend.clip(x, low, high)
    np.testing.assert_array_equal(clipped, expected)
    assert clipped.dtype == x.dtype
    if dtype != "int32":
        assert np.isnan(backend.clip(np.array([np.nan], dtype), low, high)).all()


def test_expand_repeats_without_a_copy():
    for x in (np.array(2.5), np.float32(2.5)):
        wide = backend.expand(x, (3, 2))
        assert wide.strides == (0, 0)
        assert wide.tolist() == [[2.5, 2.5]] * 3
    assert backend.expand(np.arange(2), (3, 2)).strides[0] == 0


@pytest.mark.parametrize("kind", ["int64", "int8", "uint8"])
@pytest.mark.parametrize("shape", [(7,), (7, 40), (7, 40, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_add_at_adds_every_time_an_index_occurs(kind, shape, order):
    rng = np.random.default_rng(0)
    index = rng.integers(0 if kind == "uint8" else -7, 7, (5, 6)).astype(kind)
    value = rng.normal(size=(5, 6, *shape[1:]))
    x = np.zeros(shape, order=order)
    backend.add_at(x, index, value)
    expected = np.zeros(shape)
    for place in np.ndindex(index.shape):
        expected[int(index[place])] += value[place]
    np.testing.assert_allclose(x, expected)
    with pytest.raises(IndexError):
        backend.add_at(x, np.array([7]), value[0, :1])


def test_cupy_without_a_device_is_found_out_by_allocating(monkeypatch):
    """Importing CuPy succeeds on machines without a GPU; only an allocation tells."""

    def fail(*arguments):
        raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

    cupy = types.ModuleType("cupy")
    cupy.cuda = types.SimpleNamespace(Device=fail)
    cupy.zeros = fail
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(backend, "_usable", set())
    assert not tg.cuda_is_available()
    with pytest.raises(RuntimeError, match=r"device 'cuda' cannot be used: RuntimeError: cudaErrorNoDevice.*cuda12"):
        tg.ones(2, device="cuda")
