"""Integers and bools: what cannot be divided, what must not go through a float, and whole numbers beside floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import tensor

WHOLE = ["uint8", "int8", "int16", "int32", "int64"]
DIVISIONS = {
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "trunc": lambda a, b: tg.div(a, b, rounding_mode="trunc"),
    "floor": lambda a, b: tg.div(a, b, rounding_mode="floor"),
}


@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("dtype", WHOLE)
def test_an_integer_is_not_divided_by_zero(name, dtype):
    x = tensor([7, 5, 0], dtype=dtype)
    for divisor in (0, False, tensor(0), tensor([1, 0, 2], dtype=dtype), tensor([True, False, True])):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            DIVISIONS[name](x, divisor)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        DIVISIONS[name](tensor(7), x)
    with pytest.warns(RuntimeWarning):  # of NumPy
        assert not DIVISIONS[name](x, 0.0).isfinite().any()
    assert DIVISIONS[name](x[:0], 0).tolist() == []


@given(st.sampled_from(WHOLE), st.data())
def test_whole_numbers_are_divided_without_rounding(dtype, data):
    limits = np.iinfo(dtype)
    numbers = st.integers(int(limits.min), int(limits.max))
    a, b = data.draw(numbers), data.draw(numbers.filter(bool))
    if b == -1 and a == limits.min:
        a += 1
    toward_zero = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    exact = {"//": a // b, "floor": a // b, "%": a % b, "trunc": toward_zero}
    for name, value in exact.items():
        y = DIVISIONS[name](tensor([a], dtype=dtype), tensor([b], dtype=dtype))
        assert (y.tolist(), y.dtype) == ([value], dtype)
    large = tensor([2**53 + 1])
    assert large.div(1, rounding_mode="trunc").tolist() == [2**53 + 1]


def test_powers_of_bools_are_integers():
    x = tensor([True, False])
    for power, expected, dtype in (
        (x**2, [1, 0], "int64"),
        (2**x, [2, 1], "int64"),
        (x ** tensor([3, 0], dtype="int32"), [1, 1], "int32"),
        (tensor([3, 3]) ** x, [3, 1], "int64"),
        (x**2.5, [1.0, 0.0], "float32"),
    ):
        assert (power.tolist(), power.dtype) == (expected, dtype)
    for function in (lambda: x**x, lambda: x // x, lambda: x % x, lambda: x.div(x, rounding_mode="trunc")):
        with pytest.raises(NotImplementedError, match="not defined for bools"):
            function()


def test_no_dimension_named_means_all():
    x = tensor([[1.0, 2.0], [3.0, 5.0]])
    for function in (tg.sum, tg.mean, tg.var, tg.std, tg.amax, tg.amin):
        for dim in ((), []):
            assert function(x, dim=dim).equal(function(x))
            assert function(x, dim=dim, keepdim=True).shape == (1, 1)
    assert x.norm(dim=()).equal(x.norm())
    assert x.any(dim=()).shape == x.all(dim=[]).shape == (2, 2)  # in PyTorch these two go through none


def test_the_forms_in_which_pytorch_takes_a_correction():
    x = tensor([[1.0, 2.0, 4.0]])
    biased, unbiased = x.var(correction=0), x.var()
    assert biased.item() == pytest.approx(14 / 9)
    assert unbiased.item() == pytest.approx(7 / 3)
    for y in (x.var(False), x.var(unbiased=False), x.var(1, False), x.var((0, 1), False), x.var(None, False)):
        assert y.flatten().allclose(biased)
    for y in (x.var(True), x.var(correction=None), x.var(1, True), x.var(1, correction=None), x.var((1,))):
        assert y.flatten().allclose(unbiased)
    assert x.std(1, False, True).shape == x.std(1, keepdim=True, unbiased=False).shape == (1, 1)
    for wrong in ({"dim": True, "unbiased": True}, {"dim": 0, "unbiased": 1}, {"unbiased": True, "correction": 1}):
        with pytest.raises(TypeError):
            x.std(**wrong)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_random_numbers_stay_below_their_upper_bound(dtype):
    tg.manual_seed(0)
    assert tg.rand(200_000, dtype=dtype).max().item() < 1
    for low, high in ((1, 2), (-1, 1), (1, 1 + 2 * float(np.finfo(dtype).eps)), (-3e-5, 0)):
        x = tg.empty(200_000, dtype=dtype).uniform_(low, high)
        assert x.min().item() >= np.asarray(low).astype(dtype)
        assert x.max().item() < high
    assert tg.empty(3, dtype=dtype).uniform_(2, 2).tolist() == [2.0] * 3
    assert tg.rand(200_000, dtype=dtype).mean().item() == pytest.approx(0.5, abs=0.005)
    for low, high in ((2, 1), (0, float("inf")), (float("nan"), 1), (0, 1e309)):
        with pytest.raises(RuntimeError, match="uniform_"):
            tg.empty(3, dtype=dtype).uniform_(low, high)


def test_uniform_is_for_floats():
    with pytest.raises(NotImplementedError, match="floating"):
        tg.zeros(3, dtype="int64").uniform_()
    with pytest.raises(RuntimeError, match="float16"):
        tg.zeros(3, dtype="float16").uniform_(0, 1e6)


def test_an_empty_tensor_has_its_say_in_the_dtype_of_what_is_joined():
    bools, empty = tg.tensor([True, False]), tg.tensor([], dtype=tg.uint8)
    assert tg.cat([bools, empty]).dtype == tg.uint8
    assert tg.cat([bools, tg.ones(2)]).dtype == tg.float32
    assert tg.cat([bools, bools]).dtype == tg.bool
