"""Tensors made of nothing: what random ones repeat, what memory is shared, what is refused."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import tensor

RANDOM = [
    lambda **how: tg.rand(5, **how),
    lambda **how: tg.randn(2, 3, **how),
    lambda **how: tg.randint(0, 1000, (7,), **how),
    lambda **how: tg.randperm(20, **how),
]


@pytest.mark.parametrize("make", RANDOM)
def test_a_seed_repeats_what_is_drawn(make):
    tg.manual_seed(3)
    first, second = make(), make()
    tg.manual_seed(3)
    assert make().tolist() == first.tolist()
    assert make().tolist() == second.tolist()
    assert first.tolist() != second.tolist()
    own = [make(generator=tg.Generator().manual_seed(8)).tolist() for _ in range(2)]
    assert own[0] == own[1]
    tg.manual_seed(4)
    assert make().tolist() != first.tolist()


def test_in_place_fills_repeat_too():
    tg.manual_seed(3)
    first = [tg.ones(4).uniform_().tolist(), tg.ones(4).normal_().tolist(), tg.nn.Linear(3, 2).weight.tolist()]
    tg.manual_seed(3)
    assert [tg.ones(4).uniform_().tolist(), tg.ones(4).normal_().tolist(), tg.nn.Linear(3, 2).weight.tolist()] == first


def test_draws_have_their_distribution():
    tg.manual_seed(0)
    u, n = tg.rand(100_000), tg.randn(100_000)
    assert u.min().item() >= 0
    assert u.max().item() < 1
    assert u.mean().item() == pytest.approx(0.5, abs=0.01)
    assert n.mean().item() == pytest.approx(0, abs=0.02)
    assert n.std().item() == pytest.approx(1, abs=0.02)
    counts = tg.randint(2, 5, (30_000,))
    assert sorted(set(counts.tolist())) == [2, 3, 4]
    assert tg.rand(10, dtype=tg.float64).dtype == tg.float64
    assert tg.rand(10, dtype=tg.float16).dtype == tg.float16


@pytest.mark.parametrize("seed", [-1, 1.5, "x", None])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be an integer of at least 0"):
        tg.manual_seed(seed)


def test_tensor_copies_and_from_numpy_shares():
    array = np.arange(3.0)
    copied, shared = tensor(array), tg.from_numpy(array)
    array[0] = 9
    assert copied.tolist() == [0.0, 1.0, 2.0]
    assert shared.tolist() == [9.0, 1.0, 2.0]
    assert tg.as_tensor(copied) is copied


def test_the_courses_way_with_several_numbers():
    assert tensor(3.0, 2).tolist() == [3.0, 2.0]
    assert tensor(3.0, 2).dtype == tg.float32
    assert tensor(1, 2, 3).dtype == tg.int64
    assert tensor([1.0], requires_grad=True).requires_grad
    assert tg.zeros(2, requires_grad=True).is_leaf


def test_the_default_dtype_can_be_changed_back_and_forth():
    tg.set_default_dtype(tg.float64)
    try:
        assert tensor(1.5).dtype == tg.zeros(2).dtype == tg.rand(2).dtype == tg.float64
        assert (tensor([1, 2]) / 2).dtype == tg.float64
        assert "dtype" not in repr(tensor(1.5))
    finally:
        tg.set_default_dtype(tg.float32)
    with pytest.raises(TypeError, match="floating-point"):
        tg.set_default_dtype(tg.int64)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: tensor([[1, 2], [3]]), ValueError),
        (lambda: tensor("three"), (TypeError, ValueError)),
        (lambda: tensor(None), TypeError),
        (lambda: tensor([1 + 2j]), TypeError),
        (lambda: tg.zeros(2, -1), (RuntimeError, ValueError)),
        (lambda: tg.zeros(2.5), TypeError),
        (lambda: tg.randint(5, 5, (2,)), (RuntimeError, ValueError)),
        (lambda: tg.zeros(2, device="tpu"), RuntimeError),
        (lambda: tg.zeros(2, device="cuda:x"), RuntimeError),
        (lambda: tensor([1, 2], requires_grad=True), RuntimeError),
    ],
)
def test_what_makes_no_tensor_is_refused(make, error):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tensor(np.array(["a"])),
        lambda: tensor(np.array([1j])),
        lambda: tg.as_tensor(np.array([1j])),
        lambda: tg.from_numpy(np.array([1j])),
        lambda: tensor(np.ones(2, dtype=np.longdouble)),
        lambda: tensor([1, 2], dtype=complex),
        lambda: tg.zeros(2, dtype="complex64"),
        lambda: tg.zeros(2).to(np.complex128),
        lambda: tg.zeros(2) + np.array([1j, 2]),
        lambda: tg.zeros(2) * np.complex64(1j),
    ],
)
def test_what_no_tensor_can_hold_is_refused(make):
    with pytest.raises(TypeError, match="Tensors are made of bools, integers or floats of at most 64 bits, not "):
        make()


@pytest.mark.cpu
def test_arrays_of_another_byte_order_and_subclasses_become_plain_ones():
    for x in (tensor(np.array([1, 2], dtype=">f4")), tg.as_tensor(np.array([1, 2], dtype=">f4"))):
        assert x.dtype.isnative
        assert (x + tg.ones(2)).tolist() == [2.0, 3.0]
    with pytest.raises(ValueError, match=r">f4 has its bytes in another order: use tensor\(array\)"):
        tg.from_numpy(np.array([1, 2], dtype=">f4"))
    matrix = np.array([[1.0, 2.0]]).view(np.recarray)
    for x in (tensor(matrix), tg.as_tensor(matrix), tg.from_numpy(matrix)):
        assert type(x.numpy()) is np.ndarray
        assert (x * tg.ones(2, 1)).shape == (2, 2)


def test_sizes_and_ends_have_names():
    for make in (tg.zeros, tg.ones, tg.empty, tg.rand, tg.randn):
        assert make(size=(2, 3)).shape == make(2, 3).shape
        with pytest.raises(TypeError, match="twice"):
            make(2, size=(2,))
    assert tg.arange(end=3).tolist() == tg.arange(3).tolist() == tg.arange(start=0, end=3).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="needs an end"):
        tg.arange(step=3)
    assert tg.randint(1, size=(2,)).tolist() == tg.randint(high=1, size=(2,)).tolist() == [0, 0]
    assert tg.randint_like(tg.zeros(2), high=1).tolist() == [0, 0]
    with pytest.raises(TypeError):
        tg.randint(0.5, 2, (2,))


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 300, -1])
def test_a_number_that_an_integer_dtype_does_not_hold_is_refused(number):
    with pytest.raises(RuntimeError, match="cannot be converted to uint8 without overflow: it holds 0 to 255"):
        tg.full((2,), number, dtype=tg.uint8)
    with pytest.raises(RuntimeError, match="randint: 299 cannot"):
        tg.randint(300, (2,), dtype=tg.uint8)
    with pytest.raises(RuntimeError, match="arange: -2 cannot"):
        tg.arange(7, -3, -1, dtype=tg.uint8)
    assert tg.full((1,), 2.5, dtype=tg.uint8).tolist() == [2]
    assert tg.arange(256, dtype=tg.uint8)[-1].item() == 255


def test_an_integer_arange_of_floats_has_their_steps():
    assert tg.arange(2.5, 5, 0.5, dtype=tg.int64).tolist() == [2, 3, 3, 4, 4]
    assert tg.arange(0, 2, 0.5, dtype=tg.float16).tolist() == [0, 0.5, 1, 1.5]
    assert tg.arange(0, dtype=tg.int64).tolist() == []


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 2)])
def test_random_numbers_of_every_shape_and_dtype(shape, dtype):
    for made in (
        tg.rand(*shape, dtype=dtype),
        tg.randn(*shape, dtype=dtype),
        tg.empty(*shape, dtype=dtype).uniform_(1, 2),
    ):
        assert made.shape == shape
        assert made.dtype == dtype
        assert made.tolist() == made.numpy().tolist()
    assert ((tg.rand(1000, dtype=dtype) >= 0) & (tg.rand(1000, dtype=dtype) < 1)).all()
