"""Indices of every kind and in every mixture: reading, writing, memory shared, gradients. As PyTorch reads them."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import tensor
from tinygrad_lite.testing.strategies import shapes

# An index that both packages can be given: parts as they are, and arrays where each wants tensors of its own.


@st.composite
def index_arrays(draw, size):
    """Positions along a dimension of this size, some counted from the end, in an array of up to two dimensions."""
    shape = draw(st.sampled_from([(), (1,), (2,), (2, 1), (1, 2), (2, 2), (0,)] if size else [(0,), (1, 0)]))
    count = int(np.prod(shape))
    dtype = draw(st.sampled_from(["int64", "int32"]))
    positions = st.integers(-size, size - 1) if size else st.nothing()
    return np.array(draw(st.lists(positions, min_size=count, max_size=count)), dtype).reshape(shape)


@st.composite
def masks(draw, shape, dtypes=("bool", "bool", "uint8")):
    """True or False for each element; bools, or uint8 as PyTorch has it too."""
    count = int(np.prod(shape))
    values = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool).reshape(shape)
    return values.astype(draw(st.sampled_from(dtypes)))


@st.composite
def mixed_indices(draw, shape, **mask_dtypes):
    """A tuple of ints, slices, None, an Ellipsis, tensors, masks, lists and bools, or one of these alone."""
    index, dim = [], 0
    for _ in range(draw(st.integers(0, len(shape)))):
        if dim == len(shape):
            break
        size = shape[dim]
        kind = draw(st.sampled_from(["int", "slice", "tensor", "tensor", "list", "mask", "bools"]))
        if kind == "int" and size:
            number = draw(st.integers(-size, size - 1))
            index.append(draw(st.sampled_from([number, np.int64(number)])))
        elif kind == "tensor":
            index.append(draw(index_arrays(size)))
        elif kind == "list":
            index.append(draw(index_arrays(size)).reshape(-1).tolist())
        elif kind == "bools":
            index.append(draw(masks((size,))).astype(bool).tolist())
        elif kind == "mask":
            n = draw(st.integers(1, len(shape) - dim))
            index.append(draw(masks(shape[dim : dim + n], **mask_dtypes)))
            dim += n - 1
        else:
            index.append(draw(st.one_of(st.just(slice(None)), st.slices(size).filter(lambda s: (s.step or 1) > 0))))
        dim += 1
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), draw(st.sampled_from([None, True, False, None])))
    if draw(st.booleans()):
        end = draw(st.integers(0, len(index)))
        if end == len(index) or draw(st.booleans()):
            index.insert(end, ...)
        else:
            index[end:] = [...]  # an Ellipsis in place of what stood there
    return index[0] if len(index) == 1 and draw(st.booleans()) else tuple(index)


def of(module, index):
    """The index with the module's tensors in the place of arrays."""
    if isinstance(index, tuple):
        return tuple(of(module, part) for part in index)
    return module.tensor(index) if isinstance(index, np.ndarray) else index


def numbers_of(shape):
    return np.random.default_rng(0).uniform(-1, 1, shape)


def both(run):
    """What a program gives with each package, arrays of numbers; or None where it is refused."""
    import torch

    answers = []
    for module in (tg, torch):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answers.append([None if y is None else y.detach().numpy() for y in run(module)])
        except (IndexError, RuntimeError, ValueError, TypeError) as error:
            answers.append(error)
    return answers


def agree(ours, theirs):
    """Both give the same, or both refuse. Ours alone refuses a position out of range where nothing is read anyway."""
    if isinstance(ours, IndexError) and "out of bounds" in str(ours) and isinstance(theirs, list):
        assert theirs[0].size == 0
        return
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert isinstance(ours, Exception) and isinstance(theirs, Exception), (ours, theirs)
        return
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            assert mine.dtype == other.dtype and mine.shape == other.shape
            np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


@needs_torch
@given(st.data())
@settings(max_examples=settings.default.max_examples * 12)
def test_what_an_index_reads_is_pytorchs_and_so_are_its_memory_and_gradients(data):
    shape = data.draw(shapes(max_dims=4, max_side=3))
    index = data.draw(mixed_indices(shape))

    def run(T):
        leaf = T.tensor(numbers_of(shape), requires_grad=True)
        y = (leaf * 1)[of(T, index)]
        w = T.tensor(numbers_of(tuple(y.shape)))
        (g,) = T.autograd.grad((y * y * w).sum(), leaf, create_graph=True)
        (h,) = T.autograd.grad((g * leaf).sum(), leaf)
        plain = T.tensor(numbers_of(shape))
        part = plain[of(T, index)]
        part.zero_()  # what is a view is one in both packages
        return y, g, h, plain

    agree(*both(run))


@needs_torch
@given(st.data())
@settings(max_examples=settings.default.max_examples * 12)
def test_what_an_index_writes_is_pytorchs_and_so_are_the_gradients(data):
    shape = data.draw(shapes(max_dims=4, max_side=3))
    index = data.draw(mixed_indices(shape, dtypes=["bool"]))  # a number through a mask of uint8 PyTorch does not write
    (_, where) = both(lambda T: [T.tensor(np.arange(int(np.prod(shape))).reshape(shape))[of(T, index)]])
    if isinstance(where, Exception):
        return
    where = where[0]
    once = len(set(where.ravel().tolist())) == where.size  # of a position that occurs twice PyTorch keeps either value
    sizes = [data.draw(st.sampled_from([size, size, 1])) for size in where.shape]
    sizes = sizes[data.draw(st.integers(0, len(sizes))) :]
    sizes = [1] * data.draw(st.sampled_from([0, 0, 1, 2])) + sizes  # sizes of 1 in front are left out
    recorded = data.draw(st.booleans())

    def run(T):
        leaf = T.tensor(numbers_of(shape), requires_grad=recorded)
        value = T.tensor(numbers_of(tuple(sizes)) if once else np.full(sizes, 0.25), requires_grad=recorded and once)
        y = leaf * 1
        y[of(T, index)] = value
        z = leaf * 1
        z[of(T, index)] = 2
        z[of(T, index)] += 1
        if not recorded:
            return y, z
        leaves = [leaf, value] if once else [leaf]
        w = T.tensor(numbers_of(shape))

        def gradients(total, **settings):
            found = T.autograd.grad(total, leaves, allow_unused=True, **settings)
            return [T.zeros_like(x).detach() if g is None else g for x, g in zip(leaves, found, strict=True)]

        first = gradients((y * y * z * w).sum(), create_graph=True)
        second = gradients(sum((g * g).sum() for g in first))
        return y, z, *first, *second

    agree(*both(run))


# ------------------------------------------------------------------------------------------------------ single cases


def test_an_int_beside_an_index_tensor_takes_its_dimension_away_first():
    x = tg.arange(18).reshape(2, 3, 3)
    i = tensor([0, 1, 2])
    assert x[0, :, i].tolist() == x[0][:, i].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert x[0, ..., i].tolist() == x[0, :, i].tolist()
    assert x[0, None, i].tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]
    assert x[1, :, tensor([True, False, True])].tolist() == [[9, 11], [12, 14], [15, 17]]
    assert x[tensor(1), :, [2, 0]].tolist() == [[11, 9], [14, 12], [17, 15]]
    assert x[i[:2], :, i[:2]].tolist() == [[0, 3, 6], [10, 13, 16]]  # two arrays, a slice between them: in front
    x[0, :, tensor([2, 0])] = tensor([[1, 2], [3, 4], [5, 6]])
    assert x[0].tolist() == [[2, 1, 1], [4, 4, 3], [6, 7, 5]]


def test_a_tensor_without_dimensions_is_an_int_and_what_it_picks_is_a_view():
    x = tg.zeros(2, 3)
    x[tensor(1)].add_(1)
    x[:, tensor(2)].add_(2)
    assert x.tolist() == [[0.0, 0.0, 2.0], [1.0, 1.0, 3.0]]
    assert x[tensor(True)].shape == (1, 2, 3)
    assert x[tensor(1, dtype=tg.uint8)].shape == (1, 2, 3)


def test_uint8_is_a_mask():
    mask = tensor([1, 0, 1], dtype=tg.uint8)
    assert tg.arange(3)[mask].tolist() == [0, 2]
    x = tg.zeros(3)
    x[mask] = tensor([1.0, 2.0])
    assert x.tolist() == [1.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("shape", "index", "value"),
    [
        ((3,), 0, [2.0]),
        ((3,), 0, [[2.0]]),
        ((3,), (..., 0), [2.0]),
        ((2, 2), (1, 1), [2.0]),
        ((2, 2), 1, [[3.0, 4.0]]),
        ((2, 2), [0, 1], [[[3.0, 4.0]]]),
        ((2, 2), np.eye(2) > 0, [[3.0, 4.0]]),
        ((), (), [1.0]),
        ((), ..., [1.0]),
    ],
)
def test_sizes_of_1_in_front_of_what_is_assigned_do_not_matter(shape, index, value):
    x, v = tg.zeros(shape), tensor(value, requires_grad=True)
    x[index] = v
    expected = np.zeros(shape)
    expected[index] = np.squeeze(value)
    assert x.tolist() == expected.tolist()
    (x * x).sum().backward()
    assert v.grad.shape == v.shape
    assert x.sum().item() == v.grad.sum().item() / 2


def test_what_is_no_index_is_refused():
    x = tg.zeros(2, 3)
    for index in (1.0, "a", {0}, (0, 0, 0), tensor([0.5]), [0.5], [slice(1)], tensor([1], dtype=tg.int16), (..., ...)):
        with pytest.raises(IndexError):
            x[index]
    for mask in (tensor([True]), tensor([[True], [False]]), tensor([True, False, True])):
        with pytest.raises(IndexError, match="The shape of the mask"):
            x[mask, 0] if mask.ndim == 1 else x[mask]
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
        x[0, 0, tensor([0])]


def test_an_index_changed_later_does_not_change_what_was_read():
    x = tg.ones(4, requires_grad=True)
    start, places = tensor(1), tensor([0, 0])
    y = x[start:].sum() + x[places].sum()
    start.add_(2)
    places.add_(3)
    y.backward()
    assert x.grad.tolist() == [2.0, 1.0, 1.0, 1.0]


def test_positions_that_there_are_not_are_refused_on_every_device():
    x = tg.zeros(2, 3)
    for index in ([2], tensor([0, -3]), (slice(None), [3]), (0, tensor([[3]])), (tensor([2]), tensor([0]))):
        with pytest.raises(IndexError, match="out of bounds"):
            x[index]
        with pytest.raises(IndexError, match="out of bounds"):
            x[index] = 1.0
    assert not x.any()
