"""Changes in place: the tensor stays the same object, its memory changes, and it keeps its dtype or refuses."""

import operator
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import tensor

OPERATORS = {
    "iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ifloordiv": "floor_divide_",
    "imod": "remainder_", "iand": "bitwise_and_", "ior": "bitwise_or_", "ixor": "bitwise_xor_",
    "ilshift": "bitwise_left_shift_", "irshift": "bitwise_right_shift_",
}  # fmt: skip
DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("name", [*OPERATORS, "ipow"])
def test_an_operator_with_an_equals_sign_changes_the_tensor_itself(name):
    array = np.array([7.0, 6]) if name == "itruediv" else np.array([7, 6])
    x = tensor(array)
    alias, view = x, x[1:]
    x = getattr(operator, name)(x, 2)
    assert x is alias
    expected = getattr(operator, name)(array, 2)
    assert x.tolist() == expected.tolist()
    assert view.tolist() == expected[1:].tolist()


def test_division_of_integers_in_place_is_refused():
    x = tensor([7, 6])
    with pytest.raises(RuntimeError, match="result type float32 can't be cast to the desired output type int64"):
        x /= 2
    with pytest.raises(RuntimeError, match=r"output with shape \[2\] doesn't match the broadcast shape \[1, 2\]"):
        x += tensor([[1, 2]])
    assert x.tolist() == [7, 6]


@needs_torch
@given(
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(DTYPES),
    st.sampled_from([*DTYPES, "int", "float", "bool number"]),
    st.booleans(),
    st.sampled_from([(3,), (1,), (), (1, 3), (2, 3)]),
)
@settings(max_examples=settings.default.max_examples * 40)
def test_in_place_arithmetic_of_any_dtypes_is_pytorchs(name, dtype, other, by_name, shape):
    import torch

    if name == "isub" and (dtype == "bool" or other.startswith("bool")):
        return  # of bools PyTorch refuses a difference
    seen = []
    for T in (tg, torch):
        x = T.tensor(np.array([[5, 0, 7], [1, 2, 3]])).to(getattr(T, dtype))
        y = {"int": 3, "float": 2.5, "bool number": True}.get(other)
        if y is None:
            y = T.tensor(np.resize([1, 3, 1], shape)).to(getattr(T, other))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                z = getattr(x, OPERATORS[name])(y) if by_name else getattr(operator, name)(x, y)
            assert z is x
            seen.append((str(x.dtype).replace("torch.", ""), tuple(x.shape), x.tolist()))
        except (RuntimeError, TypeError, ValueError) as error:
            seen.append(error)
    ours, theirs = seen
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert isinstance(ours, Exception) and isinstance(theirs, Exception), seen
    else:
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6)


@needs_torch
@pytest.mark.parametrize("name", ["remainder_", "div_", "mul_", "sub_"])
@pytest.mark.parametrize("other", [2.0, [1.5, 0.4, 2.0]])
def test_gradients_through_changes_in_place_are_pytorchs(name, other):
    import torch

    found = []
    for T in (tg, torch):
        x = T.tensor([5.3, -2.2, 7.1], requires_grad=True)
        y = T.tensor(other, requires_grad=True) if isinstance(other, list) else other
        z = x * 1
        view = z[:]
        getattr(z, name)(y)
        (z * z + view).sum().backward()
        found.append([x.grad.tolist(), y.grad.tolist() if isinstance(other, list) and y.grad is not None else None])
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    if found[1][1] is not None:
        np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)


SHIFTS = st.integers(-3, 70)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4), SHIFTS)
def test_shifts_are_pythons_within_64_bits(numbers, places):
    """Beyond the number of bits, and by negative numbers, as PyTorch: everything is shifted out."""
    places_or_all = places if 0 <= places < 64 else 64
    up = [((n << places_or_all) + 2**63) % 2**64 - 2**63 for n in numbers]
    x = tensor(numbers, dtype=tg.int64)
    assert (x << places).tolist() == up
    assert (x >> places).tolist() == [n >> places_or_all for n in numbers]
    x <<= places
    assert x.tolist() == up


def test_shifts_are_of_integers():
    assert (1 << tensor([3, 4])).tolist() == [8, 16]
    assert (-17 >> tensor([1, 2])).tolist() == [-9, -5]
    for wrong in (lambda: tensor([1.0]) << 1, lambda: tensor([1]) >> 1.5, lambda: tensor([True]) << tensor([True])):
        with pytest.raises(RuntimeError, match="moves the bits of integers"):
            wrong()
