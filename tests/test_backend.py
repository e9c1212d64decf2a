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


def test_expand_repeats_without_a_copy():
    for x in (np.array(2.5), np.float32(2.5)):
        wide = backend.expand(x, (3, 2))
        assert wide.strides == (0, 0)
        assert wide.tolist() == [[2.5, 2.5]] * 3
    assert backend.expand(np.arange(2), (3, 2)).strides[0] == 0


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
