"""Convolutions compute in an order of their own, and nobody can see it: no view, no alias, no gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite import Tensor, nn
from tinygrad_lite.nn import functional as F

RNG = np.random.default_rng(0)
X, W = (RNG.random(shape) for shape in ((3, 2, 6, 6), (4, 2, 3, 3)))


def conv(requires_grad=False):
    return F.conv2d(tg.tensor(X, requires_grad=requires_grad), tg.tensor(W))


BLOCKS = {
    "conv": lambda x: F.conv2d(x, tg.tensor(W)),
    "relu": lambda x: F.conv2d(x, tg.tensor(W)).relu(),
    "max_pool": lambda x: F.max_pool2d(F.conv2d(x, tg.tensor(W)), 2),
    "avg_pool": lambda x: F.avg_pool2d(F.conv2d(x, tg.tensor(W)), 2),
    "sum": lambda x: F.conv2d(x, tg.tensor(W)) + 1.0,
    "batch_norm": lambda x: F.batch_norm(F.conv2d(x, tg.tensor(W)), None, None, training=True),
    "mean": lambda x: F.conv2d(x, tg.tensor(W)).mean((2, 3)),
    "mean keepdim": lambda x: F.conv2d(x, tg.tensor(W)).mean(1, keepdim=True),
    "transposed": lambda x: F.conv_transpose2d(x, tg.tensor(W.swapaxes(0, 1).copy())),
    "conv1d": lambda x: F.conv1d(x[:, :, 0], tg.tensor(W[:, :, 0])),
}
# Ways to get hold of the memory: each gives a Tensor that shares it.
LOOKS = {
    "view": lambda y: y.view(-1),
    "reshape": lambda y: y.reshape(len(y), -1),
    "flatten": lambda y: y.flatten(1),
    "row": lambda y: y[0],
    "transpose": lambda y: y.transpose(0, 1),
    "permute": lambda y: y.permute(*reversed(range(y.ndim))),
    "unsqueeze": lambda y: y.unsqueeze(0),
    "detach": lambda y: y.detach(),
    "data": lambda y: y.data,
    "numpy": lambda y: tg.from_numpy(y.numpy()),
    "storage": lambda y: y.storage(),
    "split": lambda y: y.split(1)[0],
    "parameter": lambda y: nn.Parameter(y, requires_grad=False),
    "itself": lambda y: y,
    "contiguous": lambda y: y.contiguous(),
}


@pytest.mark.cpu
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("block", BLOCKS)
def test_whoever_shares_the_memory_sees_every_change(block, look):
    y = BLOCKS[block](tg.tensor(X))
    first = LOOKS[look](y)
    others = [way(y) for way in LOOKS.values()]
    first.zero_()
    assert not y.storage()[: first.numel()].any() or look in ("transpose", "permute", "row", "split")
    for other in (*others, *[way(y) for way in LOOKS.values()]):
        same = y.reshape(-1).numpy() if other.numel() == y.numel() else None
        if same is not None:
            assert sorted(other.reshape(-1).tolist()) == sorted(same.tolist())
    y.fill_(7.0)
    assert all((other == 7.0).all() for other in [first, *others])


@pytest.mark.parametrize("block", BLOCKS)
def test_it_lies_in_memory_as_pytorchs_does(block):
    y = BLOCKS[block](tg.tensor(X))
    assert y.stride() == tg.zeros(*y.shape).stride()
    assert y.is_contiguous()
    assert BLOCKS[block](tg.tensor(X)).view(-1).tolist() == y.flatten().tolist()


def test_changes_before_and_after_a_view():
    y = conv()
    y.mul_(2)  # nobody has seen the memory yet
    part = y[0]
    y.view(2, -1)
    y.view(-1).zero_()
    assert not part.any()
    y.add_(3)
    assert (part == 3).all()


def test_a_view_taken_earlier_has_the_new_value_and_its_gradient():
    x = tg.tensor(X, requires_grad=True)
    y = F.conv2d(x, tg.tensor(W))
    part = y[0]
    y.view(3, -1).mul_(10)
    part.sum().backward()
    expected = tg.tensor(X, requires_grad=True)
    (F.conv2d(expected, tg.tensor(W))[0] * 10).sum().backward()
    np.testing.assert_allclose(part.detach().numpy(), (conv() * 10)[0].numpy())
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy())


@pytest.mark.parametrize("block", BLOCKS)
def test_gradients_can_be_viewed_and_written_too(block):
    x = tg.tensor(X, requires_grad=True)
    BLOCKS[block](x).square().sum().backward()
    before = x.grad.numpy().copy()
    alias = x.grad.detach()
    x.grad.view(-1).mul_(2)
    np.testing.assert_allclose(alias.numpy(), 2 * before)
    x.grad.flatten(1).zero_()
    assert not x.grad.any()
    assert not alias.any()
    (by_x,) = tg.autograd.grad(BLOCKS[block](x).square().sum(), x)
    assert by_x.view(-1).shape == (x.numel(),)
    np.testing.assert_allclose(by_x.numpy(), before)


def test_programs_that_pytorch_runs():
    x = tg.tensor(X, requires_grad=True)
    y = F.conv2d(x, tg.tensor(W, requires_grad=True))
    for program in (
        lambda: y.view(3, -1),
        lambda: y.mean((2, 3)).view(-1),
        lambda: y[0].view(-1),
        lambda: y.permute(0, 2, 3, 1).reshape(-1, 4),
        lambda: y.chunk(2, 1)[0].sum((2, 3)).view(3, 2),
    ):
        assert program().requires_grad
    y.sum().backward()
    x.grad.view(-1)


def test_what_was_recorded_before_a_look_is_right_after_a_change():
    """The node keeps the array from before: its gradient is that of the value that it was computed from."""
    x, expected = (tg.tensor(X, requires_grad=True) for _ in range(2))
    y = F.conv2d(x, tg.tensor(W))
    z = (y * y).sum()
    y.detach().zero_()
    z.backward()
    F.conv2d(expected, tg.tensor(W)).square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy())


def test_a_change_of_what_a_node_keeps_is_still_refused():
    y = conv(requires_grad=True)
    y.view(-1)
    z = (y * y).sum()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


@given(
    st.lists(st.sampled_from(sorted(set(LOOKS) - {"numpy"})), min_size=1, max_size=4), st.sampled_from(sorted(BLOCKS))
)
def test_any_chain_of_looks_and_changes_is_that_of_a_row_major_tensor(looks, block):
    """The same program on the block's result and on a row-major copy of it: values of all aliases agree."""

    def run(y):
        aliases = [y]
        for i, name in enumerate(looks):
            aliases.append(LOOKS[name](aliases[i // 2]))
            aliases[-1].mul_(i + 2)
            aliases[0].add_(1)
        return [alias.detach().tolist() for alias in aliases]

    y = BLOCKS[block](tg.tensor(X))
    copy = tg.tensor(np.ascontiguousarray(BLOCKS[block](tg.tensor(X)).tolist()))
    for mine, theirs in zip(run(y), run(copy), strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_a_leaf_made_of_a_convolution_is_differentiated_twice():
    y = conv()
    assert isinstance(y, Tensor)
    y.requires_grad_()
    z = (y**3).sum()
    y.view(-1)
    (first,) = tg.autograd.grad(z, y, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), y)
    np.testing.assert_allclose(second.numpy(), 6 * y.detach().numpy())
