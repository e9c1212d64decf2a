"""What a method takes beside its tensor: values to fill in, masks, devices, what may be asked with `in`."""

import copy
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import tensor

DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]
VALUES = [0, 1, 5, -1, 300, 2**40, True, 2.0, 5.5, -0.0, 1e6, 1e300, math.inf, -math.inf, math.nan]


@needs_torch
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@given(
    st.sampled_from(DTYPES),
    st.booleans(),
    st.sampled_from(VALUES),
    st.sampled_from([(2,), (2, 2), (1,), ()]),
    st.booleans(),
)
@settings(max_examples=settings.default.max_examples * 40)
def test_masked_fill_keeps_the_dtype_and_takes_what_it_can_hold(dtype, as_tensor, value, mask_shape, in_place):
    import torch

    whole = np.dtype(dtype).kind in "iu"
    seen = []
    for T in (tg, torch):
        x = T.tensor([1, 0]).to(getattr(T, dtype))
        mask = T.tensor(np.resize([True, False, True], mask_shape))
        try:
            fill = T.tensor(value) if as_tensor else value
            y = x.masked_fill_(mask, fill) if in_place else x.masked_fill(mask, fill)
            seen.append((str(y.dtype).replace("torch.", ""), y.tolist()))
        except (RuntimeError, OverflowError) as error:
            seen.append(error)
    ours, theirs = seen
    if isinstance(ours, RuntimeError) and not isinstance(theirs, Exception):
        # PyTorch cuts 5.5, and what comes out of the range of a tensor, to whatever is left.
        assert "without overflow or loss" in str(ours)
        assert whole or math.isfinite(value)
        return
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert isinstance(ours, Exception) and isinstance(theirs, Exception), seen
        return
    np.testing.assert_equal(ours, theirs)


def test_masked_fill_refuses_what_the_dtype_cannot_hold():
    x = tensor([1, 2])
    mask = tensor([True, False])
    assert x.masked_fill(mask, 5.0).tolist() == [5, 2]
    for value in (5.5, math.inf, math.nan, tensor(5.5), 2**70):
        with pytest.raises(RuntimeError, match=r"cannot be converted to int64 without overflow or loss"):
            x.masked_fill(mask, value)
        with pytest.raises(RuntimeError, match=r"cannot be converted to int64 without overflow or loss"):
            x.masked_fill_(mask, value)
    with pytest.raises(RuntimeError, match="0-dimensional value tensor, but got tensor with 1 dim"):
        x.masked_fill(mask, tensor([5]))
    with pytest.raises(RuntimeError, match="cannot be converted to float16"):
        x.half().masked_fill(mask, 1e6)
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_a_mask_is_of_bools_or_in_where_of_uint8(dtype):
    x, mask = tensor([1.0, 2.0]), tensor([2, 0]).to(np.dtype(dtype))
    for refused in (lambda: x.masked_fill(mask, 5), lambda: x.masked_fill_(mask, 5)):
        with pytest.raises(RuntimeError, match=f"only supports boolean masks, but got mask with dtype {dtype}"):
            refused()
    if dtype == "uint8":
        x.requires_grad_()
        assert tg.where(mask, x, 0.0).tolist() == x.where(mask, 0.0).tolist() == [1.0, 0.0]
        tg.where(mask, x * 3, x).sum().backward()
        assert x.grad.tolist() == [3.0, 1.0]
    else:
        with pytest.raises(TypeError, match="expected condition to be a boolean tensor"):
            tg.where(mask, x, 0.0)


def test_the_value_filled_in_gets_its_gradient():
    value = tensor(3.0, requires_grad=True)
    x = tg.zeros(3)
    mask = tensor([True, False, True])
    (x.masked_fill(mask, value) * 2).sum().backward()
    assert value.grad.item() == 4.0
    x.masked_fill_(mask, value)
    (x * 5).sum().backward()
    assert value.grad.item() == 14.0


def test_a_device_is_equal_to_its_name_and_to_nothing_else():
    here = tg.device("cpu")
    assert here == "cpu" and here == tg.device("cpu")
    assert here != "cuda" and here != "banana" and here != "cpu:x" and here != 3 and here != None  # noqa: E711
    assert here not in ["banana", None]


def test_in_asks_for_a_number_or_a_tensor():
    x = tensor([1.0, 2.0])
    assert 2 in x and 2.5 not in x and tensor(1.0) in x and np.float64(2.0) in x and True in x
    for wrong in (None, "a", [1.0], (1.0,), np.array([1.0])):
        with pytest.raises(RuntimeError, match=r"Tensor.__contains__ only supports Tensor or scalar, but you passed"):
            wrong in x  # noqa: B015


@pytest.mark.cpu
@pytest.mark.parametrize("draw", [plt.plot, plt.hist, lambda y: plt.scatter(y, y), lambda y: plt.bar(range(3), y)])
def test_a_picture_of_what_requires_a_gradient_asks_for_detach(draw):
    x = tg.ones(3, requires_grad=True)
    for y in (x, x * 2, (x * 2)[:2].view(2)):
        with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach"):
            draw(y)
    plt.close()


def test_a_shallow_copy_has_the_memory_and_the_history():
    x = tg.ones(2, requires_grad=True)
    copied = copy.copy(x)
    assert copied is not x and copied.is_leaf and copied.requires_grad
    parameter = copy.copy(tg.nn.Parameter(tg.ones(2)))
    assert type(parameter) is tg.nn.Parameter
    image = tg.nn.functional.conv2d(tg.ones(2, 1, 3, 3), tg.ones(2, 1, 2, 2))
    copied = copy.copy(image)
    image.view(-1).zero_()
    assert not copied.any()
    y = x * 2
    z = copy.copy(y)
    y.detach().add_(1)
    assert z.tolist() == [3.0, 3.0]
    (z * 5).sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]


LISTED = {
    "tensors of two dtypes": lambda T: T.tensor([T.tensor(1.0), T.tensor(2)]),
    "float64 after an int": lambda T: T.tensor([1, np.float64(2)]),
    "float32 beside an int": lambda T: T.tensor([[np.float32(1), 2]]),
    "half beside int64": lambda T: T.tensor([np.float16(1), np.int64(3)]),
    "a tensor beside a number": lambda T: T.tensor([T.tensor(1.0), 3]),
    "mse_loss of bools": lambda T: T.nn.functional.mse_loss(T.tensor([True, False]), T.tensor([0.5, 0.5])),
    "classes of uint8": lambda T: T.nn.functional.nll_loss(
        T.tensor([[1.0, 2.0, 3.0]]), T.tensor([1], dtype=T.uint8), reduction="sum"
    ),
    "isclose of uint8": lambda T: T.isclose(T.tensor([3], dtype=T.uint8), T.tensor([4], dtype=T.uint8), rtol=0.5),
    "isclose of bools": lambda T: T.isclose(T.tensor([True, False]), T.tensor([True, True])),
    "sum in int8": lambda T: T.tensor([100, 100]).sum(dtype=T.int8),
    "prod in int32": lambda T: T.tensor([3, 4]).prod(dtype=T.int32),
    "cumsum in int16": lambda T: T.tensor([3, 4]).cumsum(0, dtype=T.int16),
    "bools added with alpha": lambda T: T.tensor([False]).add(T.tensor([True]), alpha=3),
    "positions of one number": lambda T: T.where(T.tensor(3))[0],
    "layer_norm of too large a variance": lambda T: T.nn.functional.layer_norm(T.tensor([2.0, 8e37]), [2]),
}


@needs_torch
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@pytest.mark.parametrize("call", LISTED.values(), ids=LISTED)
def test_dtypes_and_values_are_those_of_pytorch(call):
    import torch

    mine, theirs = call(tg), call(torch)
    assert mine.dtype.name == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6)


def test_a_size_below_minus_one_is_refused():
    with pytest.raises(RuntimeError, match="invalid for input"):
        tensor([1.0, 2.0]).view(-2)


def test_part_of_an_expanded_tensor_can_be_written():
    x = tensor([1.0])
    x.expand(3)[0].mul_(3)
    assert x.item() == 3
    with pytest.raises(RuntimeError, match="more than one element"):
        x.expand(3).mul_(2)
