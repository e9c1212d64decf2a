"""Which dimension is meant, and which positions along it: every form that PyTorch takes, and all that it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import tensor

# All that take one dimension: `d` stands for it.
ONE_DIM = """
x.unsqueeze(d); x.cumsum(d); x.argmax(d); x.argmin(d); x.max(d); x.min(d); x.sort(d); x.argsort(d); x.topk(1, d)
x.softmax(d); x.log_softmax(d); T.nn.functional.softmax(x, d); x.size(d); x.stride(d); x.transpose(d, 0)
x.transpose(0, d)
x.movedim(d, 0); x.movedim(0, d); x.select(d, 0); x.narrow(d, 0, 1); x.split(1, d); x.split([1, 1], d); x.chunk(2, d)
x.unbind(d); x.flatten(d); x.flatten(0, d); x.diagonal(0, d, 1); x.diagonal(0, 0, d); T.cat([x, x], d)
T.stack([x, x], d); x.gather(d, T.zeros(2, 2, dtype=T.int64)); x.index_select(d, T.tensor([1, 0])); x.swapaxes(d, 1)
"""
SEVERAL_DIMS = """
x.sum(d); x.mean(d); x.var(d); x.std(d); x.amax(d); x.amin(d); x.squeeze(d); x.flip(d); x.logsumexp(d); x.norm(dim=d)
x.sum(d, keepdim=True); x.any(d); x.all(d)
"""


def expressions(text):
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


def plain(y):
    if isinstance(y, tuple | list):
        return [plain(part) for part in y]
    return (tuple(y.shape), np.asarray(y.detach().numpy()).round(5).tolist()) if hasattr(y, "detach") else y


def both(expression, **names):
    """What an expression gives with each package; or an error."""
    import torch

    answers = []
    for T in (tg, torch):
        try:
            given = {name: value(T) if callable(value) else value for name, value in names.items()}
            answers.append(plain(eval(expression, {"T": T, **given})))
        except (IndexError, RuntimeError, ValueError, TypeError) as error:
            answers.append(error)
    return answers


def agree(ours, theirs):
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert isinstance(ours, Exception) and isinstance(theirs, Exception), (ours, theirs)
        assert isinstance(ours, TypeError) == isinstance(theirs, TypeError), (ours, theirs)
    else:
        assert ours == theirs


DIMS = [0, 1, -1, -2, 2, -3, 5, np.int64(1), True, 1.0, (0, 1), (1,), [0], "0"]
MATRIX = [[3.0, 1.0], [2.0, 5.0]]


@needs_torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("d", [*DIMS, None, ()], ids=str)
@pytest.mark.parametrize("expression", expressions(ONE_DIM))
def test_one_dimension_is_one_int(expression, d):
    if d is None and expression in ("x.max(d)", "x.min(d)", "T.nn.functional.softmax(x, d)"):
        return  # PyTorch has these as functions of their own without a dimension, or guesses one
    agree(*both(expression, d=d, x=lambda T: T.tensor(MATRIX)))


@needs_torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("d", DIMS, ids=str)
@pytest.mark.parametrize("expression", expressions(SEVERAL_DIMS))
def test_several_dimensions_are_a_sequence_of_ints(expression, d):
    if expression == "x.norm(dim=d)" and isinstance(d, np.integer):
        return  # PyTorch's own function fails
    agree(*both(expression, d=d, x=lambda T: T.tensor(MATRIX)))


@pytest.mark.parametrize("d", [(0, 1), (0,), [1], True, 1.0], ids=str)
@pytest.mark.parametrize("expression", expressions(ONE_DIM))
def test_what_is_not_one_int_is_refused(expression, d):
    with pytest.raises(TypeError):
        eval(expression, {"T": tg, "d": d, "x": tensor(MATRIX)})


def test_numpys_functions_take_numpys_axes():
    array = np.arange(24.0).reshape(2, 3, 4)
    x = tensor(array)
    for function, axes in (
        (np.expand_dims, [0, -1, (0, 1), (0, -1), (2, 0)]),
        (np.moveaxis, [(0, 1), ((0, 1), (1, 2)), ([0, 2], [2, 0])]),
        (np.swapaxes, [(0, -1)]),
        (np.argmax, [0, -1, None]),
        (np.cumsum, [0, -1, None]),
        (np.flip, [0, (0, 2), None]),
        (np.take, [([1, 0], 0), (np.array([1, 0], "uint8"), 1), (1, -1), ([5, 7],)]),
    ):
        for axis in axes:
            given = axis if isinstance(axis, tuple) and function in (np.moveaxis, np.swapaxes, np.take) else (axis,)
            expected = function(array, *given)
            found = function(x, *given)
            assert tuple(found.shape) == expected.shape
            np.testing.assert_array_equal(found.numpy(), expected)
    for function, axis in ((np.argmax, (0, 1)), (np.cumsum, (0, 1)), (np.expand_dims, (0, 0))):
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            function(x, axis)


# ------------------------------------------------------------------------------------------------ positions and sizes

RANGES = """
x.narrow(0, a, b); x.narrow(1, a, b); x.select(0, a); x.select(1, a); x.split(a); x.split(a, 1); x.split([a, b])
x.split((a, b), -1); x.chunk(a); x.chunk(a, 1); x.index_select(0, T.tensor([a, b])); x.index_select(1, T.tensor([a]))
x.index_select(1, T.tensor(a)); x.gather(0, T.tensor([[a, b, 0]])); x.gather(1, T.tensor([[a], [b]])); x.topk(a)
x[0].gather(0, T.tensor(a)); x[0].gather(0, T.tensor([a, b])); x[0].index_select(0, T.tensor(a)); e.split(a)
e.split([a, b], 0); e.chunk(a); e.narrow(0, a, b); x.narrow(0, T.tensor(a), b); x[a]; x[a:b]; x[:, a]
x[T.tensor([a, b])]
z.gather(0, T.tensor([a])); z.gather(0, T.tensor(a)); z.index_select(0, T.tensor([a])); z.index_select(0, T.tensor(a))
z.narrow(0, a, b); z.select(0, a); z.split(1); z.chunk(1); z.unbind(); z.index_select(0, T.tensor([a, b]))
"""


@needs_torch
@pytest.mark.parametrize("expression", expressions(RANGES))
@given(st.integers(-4, 4), st.integers(-4, 4))
@settings(max_examples=settings.default.max_examples * 4)
def test_impossible_ranges_are_refused_and_possible_ones_are_pytorchs(expression, a, b):
    agree(
        *both(
            expression,
            a=a,
            b=b,
            x=lambda T: T.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
            e=lambda T: T.zeros(0, 2),
            z=lambda T: T.tensor(2.0),
        )
    )


def test_an_impossible_range_is_refused():
    x = tg.arange(3)
    for refused in (
        lambda: x.narrow(0, 2, 2),
        lambda: x.narrow(0, 0, -1),
        lambda: x.split([4, -1]),
        lambda: x.gather(0, tensor([-1])),
        lambda: x.index_select(0, tensor([-1])),
        lambda: x.index_select(0, tensor([3])),
        lambda: x.index_select(0, tensor([1], dtype=tg.uint8)),
    ):
        with pytest.raises(RuntimeError):
            refused()
    with pytest.raises(IndexError, match="start out of range"):
        x.narrow(0, 4, 0)
    assert x.index_select(0, tensor(1)).tolist() == [1]
    assert x.narrow(0, -2, 2).tolist() == [1, 2]


@needs_torch
@pytest.mark.parametrize("dims", [None, 0, 1, (0,), (0, 1), (1, 1), ()], ids=str)
@pytest.mark.parametrize("shifts", [1, -1, 4, (1,), (1, 2), (1, 2, 3), ()], ids=str)
def test_a_roll_wants_a_shift_for_each_dimension(shifts, dims):
    given = (shifts,) if dims is None else (shifts, dims)
    agree(*both("x.roll(*given)", given=given, x=lambda T: T.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])))


# ------------------------------------------------------------------------------------------ tensors without dimensions

NO_DIMENSIONS = """
z.softmax(d); z.log_softmax(d); z.topk(1, d); z.topk(1, d, False)[0]; z.flip(d); z.sort(d); z.argsort(d)
z.sort(d, True)[0]; z.max(d)[0]; z.min(d)[1]; z.argmax(d); z.cumsum(d); z.sum(d); z.mean(d); z.amax(d); z.logsumexp(d)
z.squeeze(d); z.unsqueeze(d); z.transpose(d, 0); z.movedim(d, -1); z.movedim((d,), (0,)); z.flatten(d); z.roll(1)
z.index_select(d, T.tensor([0])); z.gather(d, T.tensor(0)); z.gather(d, T.tensor([0])); z.gather(d, T.tensor([0, 0]))
z.any(d); z.all(d); z.size(d); z.topk(2, d); z.prod(d); z.expand(2); z.repeat(2); T.nn.functional.softmax(z, d)
"""


@needs_torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("d", [0, -1, 1, -2])
@pytest.mark.parametrize("expression", expressions(NO_DIMENSIONS))
def test_a_tensor_without_dimensions_answers_to_dimension_0_and_minus_1(expression, d):
    agree(*both(expression, d=d, z=lambda T: T.tensor(2.0)))


@pytest.mark.parametrize(
    ("run", "derivative"),
    [
        (lambda z: z.softmax(0), 0.0),
        (lambda z: z.log_softmax(-1), 0.0),
        (lambda z: z.topk(1)[0], 1.0),
        (lambda z: z.flip(0), 1.0),
        (lambda z: z.sort(0)[0], 1.0),
        (lambda z: z.max(0)[0], 1.0),
        (lambda z: z.cumsum(0), 1.0),
        (lambda z: z.gather(0, tensor([0, 0])).sum(), 2.0),
        (lambda z: z.gather(0, tensor(0)), 1.0),
        (lambda z: z.index_select(0, tensor([0])), 1.0),
        (lambda z: z.movedim(0, 0), 1.0),
        (lambda z: z.logsumexp(0), 1.0),
    ],
)
def test_gradients_of_tensors_without_dimensions(run, derivative):
    z = tensor(2.0, requires_grad=True)
    y = run(z)
    assert y.shape == ()
    y.backward()
    assert z.grad.item() == derivative


# ------------------------------------------------------------------------------------------------------------ sorting


def keys(dtype):
    if dtype == "bool":
        return st.booleans()
    if np.dtype(dtype).kind == "f":
        return st.sampled_from([0.0, -0.0, 1.5, -1.5, float("inf"), float("-inf"), float("nan"), 3.0])
    ends = np.iinfo(dtype)
    return st.sampled_from([ends.min, ends.max, max(ends.min, -1), 0, 1, 5, ends.min + 1])


@given(st.data(), st.booleans(), st.sampled_from(["bool", "uint8", "int8", "int32", "int64", "float16", "float32"]))
@settings(max_examples=settings.default.max_examples * 12)
def test_sorting_any_dtype_either_way_round(data, descending, dtype):
    """Against Python's own sort, which is stable either way round; NaN is the largest."""
    shape = (data.draw(st.integers(1, 2)), data.draw(st.integers(0, 5)))
    flat = data.draw(st.lists(keys(dtype), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    array = np.array(flat, dtype).reshape(shape)
    order = [
        sorted(range(shape[1]), key=lambda j: (row[j] != row[j], row[j]), reverse=descending) for row in array.tolist()
    ]
    order = np.array(order, "int64").reshape(shape)
    expected = np.take_along_axis(array, order, 1)
    x = tensor(array)
    values, indices = x.sort(1, descending)
    np.testing.assert_array_equal(indices.numpy(), order)
    np.testing.assert_array_equal(values.numpy(), expected)
    assert values.dtype == x.dtype
    np.testing.assert_array_equal(x.T.argsort(0, descending=descending).numpy(), order.T)
    k = data.draw(st.integers(0, shape[1]))
    np.testing.assert_array_equal(x.topk(k, 1, largest=descending)[0].numpy(), expected[:, :k])


def test_descending_is_not_the_negative_ascending():
    assert tensor([0, 200, 5], dtype=tg.uint8).argsort(descending=True).tolist() == [1, 2, 0]
    assert tensor([0, 200, 5], dtype=tg.uint8).topk(2)[0].tolist() == [200, 5]
    assert tensor([-(2**63), 0]).sort(descending=True)[0].tolist() == [0, -(2**63)]
    assert tensor([True, False, True]).sort(descending=True)[1].tolist() == [0, 2, 1]
    assert tensor([1.0, float("nan"), 2.0]).argsort(descending=True).tolist() == [1, 2, 0]


# ------------------------------------------------------------------------------------------------------------- einsum


@needs_torch
@given(st.data())
@settings(max_examples=settings.default.max_examples * 12)
def test_einsum_broadcasts_and_refuses_as_pytorch(data):
    terms = data.draw(st.lists(st.text("ijk", max_size=3), min_size=1, max_size=3))
    labels = "".join(sorted(set("".join(terms))))
    output = "".join(data.draw(st.permutations(labels)))[: data.draw(st.integers(0, 3))]
    whole = {label: data.draw(st.integers(1, 3)) for label in "ijk"}
    shapes = [tuple(data.draw(st.sampled_from([whole[label]] * 5 + [1, 2])) for label in term) for term in terms]
    equation = ",".join(terms) + data.draw(st.sampled_from(["", "->" + output]))

    def run(T):
        numbers = np.random.default_rng(0)
        leaves = [T.tensor(numbers.uniform(-1, 1, shape), requires_grad=True) for shape in shapes]
        y = T.einsum(equation, *leaves)
        first = T.autograd.grad((y * y).sum(), leaves, create_graph=True)
        second = T.autograd.grad(sum((g * g).sum() for g in first), leaves)
        return [y, *first, *second]

    agree(*both("run(T)", run=lambda T: lambda _: run(T)))


def test_einsum_of_a_diagonal_wants_equal_sizes():
    with pytest.raises(RuntimeError, match="subscript i is repeated, but the sizes don't match, 2 and 1"):
        tg.einsum("ii", tg.ones(2, 1))
