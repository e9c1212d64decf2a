"""NumPy's functions on Tensors: numbers as on arrays, gradients that flow, and an error where they would not."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import Tensor, tensor
from tinygrad_lite.methods import numpy_protocol
from tinygrad_lite.testing import gradcheck

POSITIVE = np.array([[0.51, 1.53, 2.57], [3.11, 0.23, 1.07]])


def inputs_for(ufunc):
    if ufunc is np.matmul:
        return [POSITIVE, POSITIVE.T.copy()]
    if ufunc in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert):
        return [POSITIVE > 1, POSITIVE > 2][: ufunc.nin]
    if ufunc in (np.left_shift, np.right_shift):
        return [np.arange(6) - 2, np.arange(6)]
    return [POSITIVE, POSITIVE[:1] + 0.3][: ufunc.nin]


@pytest.mark.parametrize("ufunc", numpy_protocol.UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_ufuncs(ufunc):
    arrays = inputs_for(ufunc)
    expected = ufunc(*arrays)
    y = ufunc(*(tensor(array) for array in arrays))
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.numpy(), expected)
    if expected.dtype.kind == "f":
        leaves = [tensor(array, requires_grad=True) for array in arrays]
        assert ufunc(*leaves).requires_grad
        assert gradcheck(ufunc, leaves)


CALLS = [
    lambda x: np.sum(x),
    lambda x: np.sum(x, axis=0, keepdims=True),
    lambda x: np.mean(x, axis=(0, 1)),
    lambda x: np.prod(x, 1),
    lambda x: np.max(x, axis=-1),
    lambda x: np.amin(x),
    lambda x: np.var(x),
    lambda x: np.var(x, axis=0, ddof=1),
    lambda x: np.std(x, 1, keepdims=True),
    lambda x: np.cumsum(x),
    lambda x: np.cumsum(x, axis=1),
    lambda x: np.clip(x, 0.6, 2),
    lambda x: np.where(x > 1, x, 0.0),
    lambda x: np.concatenate([x, x * 2]),
    lambda x: np.concatenate([x, x], axis=1),
    lambda x: np.concatenate([x, x], axis=None),
    lambda x: np.stack([x, x], axis=1),
    lambda x: np.reshape(x, (3, 2)),
    lambda x: np.ravel(x),
    lambda x: np.transpose(x),
    lambda x: np.transpose(x[None], (2, 0, 1)),
    lambda x: np.swapaxes(x, 0, 1),
    lambda x: np.moveaxis(x, 0, -1),
    lambda x: np.squeeze(x[:1]),
    lambda x: np.expand_dims(x, 1),
    lambda x: np.broadcast_to(x, (2, 2, 3)),
    lambda x: np.tile(x, 2),
    lambda x: np.tile(x, (2, 1, 3)),
    lambda x: np.flip(x),
    lambda x: np.flip(x, axis=1),
    lambda x: np.roll(x, 1),
    lambda x: np.roll(x, 1, axis=1),
    lambda x: np.tril(x),
    lambda x: np.triu(x, 1),
    lambda x: np.diagonal(x),
    lambda x: np.take(x, [0, 2], axis=1),
    lambda x: np.take(x, [0, 4]),
    lambda x: np.dot(x, x.T),
    lambda x: np.dot(x, 2.0),
    lambda x: np.outer(x, x),
    lambda x: np.einsum("ij,kj->ik", x, x),
    lambda x: np.copy(x),
    lambda x: np.linalg.norm(x),
    lambda x: np.linalg.norm(x, 3, axis=0),
    lambda x: np.round(x, 1) * x,
]


@pytest.mark.parametrize("call", CALLS)
def test_functions(call):
    x = tensor(POSITIVE)
    y = call(x)
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.numpy(), call(POSITIVE))
    x.requires_grad_()
    assert gradcheck(call, x)


def test_functions_without_gradients():
    x = tensor(POSITIVE, requires_grad=True)
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2
    assert np.size(x) == 6
    assert np.argmax(x, axis=1).tolist() == [2, 0]
    assert np.argmin(x).item() == 4
    assert bool(np.any(x > 2))
    assert not bool(np.all(x > 2))
    assert np.zeros_like(x).tolist() == [[0.0] * 3] * 2
    assert [p.tolist() for p in np.where(x > 2)] == [[0, 1], [2, 0]]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.arctan(x), "np.arctan"),
        (lambda x: np.hypot(x, 2.0), "np.hypot"),
        (lambda x: np.linalg.inv(x), "np.linalg.inv"),
        (lambda x: np.fft.fft(x), "np.fft.fft"),
        (lambda x: np.median(x), "np.median"),
        (lambda x: np.add.reduce(x), "np.add.reduce"),
        (lambda x: np.multiply.outer(x, x), "np.multiply.outer"),
        (lambda x: np.float_power(x, 2), "np.float_power"),
    ],
)
def test_what_is_not_differentiated_is_an_error_that_names_it_or_runs_on_plain_numbers(call, name):
    square = tensor(POSITIVE[:, :2])
    assert isinstance(np.asarray(call(square)), np.ndarray)
    square.requires_grad_()
    with pytest.raises(TypeError, match=rf"{name} is not differentiable here.*detach\(\)"):
        call(square)


def test_arguments_that_are_not_done_are_named():
    x = tensor(POSITIVE, requires_grad=True)
    with pytest.raises(TypeError, match=r"np.sum on a Tensor takes .*, and not where"):
        np.sum(x, where=POSITIVE > 1)
    with pytest.raises(TypeError, match="and not dtype"):
        np.mean(x, dtype="float32")
    with pytest.raises(TypeError, match="a Tensor cannot be the `out`"):
        np.add(POSITIVE, 1, out=tensor(POSITIVE))
    with pytest.raises(TypeError, match="vectors only"):
        np.linalg.norm(x, 2)


@pytest.mark.cpu
def test_arrays_and_numpy_scalars_on_the_left():
    x = tensor([1.0, 2.0], requires_grad=True)
    array = np.array([3.0, 4.0], dtype=np.float32)
    y = array * x + array @ x - np.float64(2) / x
    assert isinstance(y, Tensor)
    assert y.dtype == tg.float32
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [3 + 2 * 3 + 2, 4 + 2 * 4 + 0.5])
    array += tensor([1.0, 1.0])  # an array takes a Tensor that needs no gradient
    assert array.tolist() == [4.0, 5.0]


@pytest.mark.cpu
def test_becoming_an_array_shares_memory_and_never_drops_a_gradient():
    x = tensor([1.0, 2.0])
    array = np.asarray(x)
    array[0] = 7
    assert x.tolist() == [7.0, 2.0]
    assert np.array(x) is not array
    assert np.asarray(x, dtype="float64").dtype == np.float64
    x.requires_grad_()
    for convert in (np.asarray, np.array, lambda t: t.numpy(), lambda t: np.asarray(t * 2)):
        with pytest.raises(RuntimeError, match=r"requires grad. Use tensor.detach\(\).numpy\(\)"):
            convert(x)
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(x)
    assert np.from_dlpack(x.detach()).tolist() == [7.0, 2.0]


@pytest.mark.cpu
def test_matplotlib_takes_tensors():
    x, y = tg.linspace(0, 1, 5), tg.linspace(0, 1, 5) ** 2
    figure, axes = plt.subplots()
    (line,) = axes.plot(x, y)
    np.testing.assert_allclose(line.get_ydata(), y.numpy())
    axes.scatter(x, y)
    axes.imshow(tg.eye(3))
    axes.hist(y)
    axes.bar(x, y)
    axes.fill_between(x, y, 1)
    axes.contour(x, x, tg.outer(x, y))
    figure.canvas.draw()
    plt.close(figure)
