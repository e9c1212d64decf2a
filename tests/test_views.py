"""What shares memory with what, and that a change through a view reaches its base, in numbers and in gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tg
from tests.pytorch import needs_torch
from tinygrad_lite import tensor

# Of x with shape (2, 3), and z without dimensions. PyTorch says which of them are views.
RESULTS = """
x.reshape(-1); x.reshape(3, 2); x.view(3, 2); x.flatten(); x.ravel(); x.t(); x.T; x.mT; x.transpose(0, 0); x[...]
x.permute(1, 0); x.movedim(0, 1); x.movedim((0, 1), (1, 0)); x.squeeze(); x.squeeze(0); x.unsqueeze(0); x[:]; x[0, 0]
x.expand(2, 3); x.expand(1, 2, 3); x.expand_as(x); x.expand(-1, -1); x.broadcast_to((2, 3)); x[None]; x[()]; x[True]
T.broadcast_tensors(x, x)[0]; x.repeat(1, 1); x.split(1)[0]; x.split(2)[0]; x.split([2])[0]; x.chunk(1)[0]; x[[0, 1]]
x.unbind(0)[0]; x.unbind(1)[0]; x.narrow(0, 0, 1); x.narrow(0, 0, 2); x.flip(0); x.flip(()); x.roll(0); x.roll(0, 0)
x.tril(5); x.triu(-5); x.diagonal(); x.diagonal(1); x.diagonal(-1); x.diagonal(0, 1, 0); x.select(1, 2); x[x < 1000]
T.einsum("ij->ji", x); T.einsum("ij->ij", x); T.einsum("ji", x); T.einsum("ii->i", x[:, :2]); T.einsum("ij->i", x)
T.einsum("ij->i", x[:, :1]); T.einsum("...->...", x); x.clone(); x.contiguous(); x.t().contiguous(); x.to(x.dtype)
x.type_as(x); x.detach(); x.data; x.abs(); x.sign(); +x; x.relu(); x.clamp(-1000, 1000); x * 1; x + 0; x**1; x.round()
x.floor(); x.ceil(); x.trunc(); x[:1].sum(0); x[:1].prod(0); x[:1].amax(0); x[:1].max(0)[0]; x[:1].cumsum(0)
x.sort()[0]; x[:, :1].sort()[0]; x.topk(3)[0]; x.gather(0, T.tensor([[0, 0, 0]])); x.index_select(0, T.tensor([0, 1]))
x.index_select(0, T.tensor(0)); x.masked_fill(x > 100, 0); T.where(x < 1000, x, x); T.maximum(x, x); T.cat([x])
T.stack([x]); T.tensor(x.tolist()); T.as_tensor(x); T.nn.functional.pad(x, (0, 0)); T.nn.Flatten()(x)
z.reshape(1); z.expand(1); z.expand(1, 1); z.expand(()); z.flatten(); z.squeeze(); z.squeeze(0); z.unsqueeze(0)
z.view(1); z.flip(()); z.flip(0); z.sort()[0]; z.topk(1)[0]; z.max(0)[0]; z.sum(0); z.cumsum(0); z.T; z.t()
z.gather(0, T.tensor([0])); z.gather(0, T.tensor(0)); z.index_select(0, T.tensor([0])); z.transpose(0, 0)
z.movedim(0, 0); z[...]; z[None]; z[()]; z.roll(1); z.repeat(1); z.ravel(); z.clone(); z.broadcast_to((2,))
"""


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("expression", [text.strip() for text in RESULTS.replace("\n", ";").split(";") if text.strip()])
@pytest.mark.filterwarnings("ignore")
def test_a_result_shares_memory_where_pytorchs_does(expression, dtype):
    import torch

    seen = []
    for T in (tg, torch):
        x = T.tensor(np.arange(6).reshape(2, 3).astype(dtype))
        z = T.tensor(np.array(5).astype(dtype))
        y = eval(expression, {"T": T, "x": x, "z": z})
        steps = [tuple(y.shape), y.tolist()]
        try:
            y.add_(7)
        except RuntimeError:
            steps.append("cannot be written")
        steps += [x.tolist(), z.tolist()]
        x.mul_(2)
        z.mul_(2)
        seen.append([*steps, y.tolist()])
    assert seen[0] == seen[1]


# ----------------------------------------------------------------------------------------------------- random chains

VIEWS = {
    "diagonal": lambda T, x, n: x.diagonal(n % 3 - 1, 0, -1) if x.ndim > 1 else x,
    "diagonal of two": lambda T, x, n: x.diagonal(0, -1, n % (x.ndim - 1)) if x.ndim > 1 else x,
    "einsum turned": lambda T, x, n: T.einsum("...ij->j...i", x) if x.ndim > 1 else x,
    "einsum diagonal": lambda T, x, n: T.einsum("ii...->...i", x) if x.ndim > 1 and x.shape[0] == x.shape[1] else x,
    "same shape": lambda T, x, n: x.expand(x.shape),
    "one more": lambda T, x, n: x.expand(1, *x.shape) if x.ndim < 4 else x,
    "narrow": lambda T, x, n: x.narrow(n % x.ndim, 1, x.shape[n % x.ndim] - 1) if x.numel() and x.ndim else x,
    "select": lambda T, x, n: x.select(n % x.ndim, -1) if x.numel() and x.ndim else x,
    "movedim": lambda T, x, n: x.movedim((0, -1), (-1, 0)) if x.ndim > 1 else x,
    "number": lambda T, x, n: x[T.tensor(0)] if x.numel() and x.ndim else x,
    "flip": lambda T, x, n: x.flip(0),
    "slice": lambda T, x, n: x[..., ::2] if x.ndim else x,
}
CHANGES = {
    "zero": lambda x: x.zero_(),
    "mul": lambda x: x.mul_(3),
    "add itself": lambda x: x.add_(x.detach() * x.detach()),
    "square": lambda x: x.pow_(2),
}


@needs_torch
@given(
    st.sampled_from([(3, 3), (2, 3, 3), (3, 3, 2), (2, 2, 2, 2), (4,), ()]),
    st.lists(
        st.tuples(st.sampled_from(sorted(VIEWS)), st.integers(0, 5), st.sampled_from([None, *sorted(CHANGES)])),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=settings.default.max_examples * 15)
def test_changes_through_chains_of_views_reach_the_base_and_its_gradients(shape, lines):
    import torch

    numbers = np.random.default_rng(0).uniform(0.5, 2, shape)

    def run(T):
        leaf = T.tensor(numbers, requires_grad=True)
        base = leaf * 1
        part = base
        for view, n, change in lines:
            part = VIEWS[view](T, part, n)
            if change is not None:
                CHANGES[change](part)
        total = (base * base * T.tensor(numbers)).sum() + (part**3).sum()
        (first,) = T.autograd.grad(total, leaf, create_graph=True)
        (second,) = T.autograd.grad((first * first * leaf).sum(), leaf)
        return [base, part, first, second]

    for mine, other in zip(run(tg), run(torch), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-9)


# ------------------------------------------------------------------------------------------------------ single cases


def test_a_diagonal_is_written_through():
    x = tg.zeros(3, 3)
    x.diagonal().fill_(1.0)
    assert x.tolist() == np.eye(3).tolist()
    tg.einsum("ii->i", x).mul_(5)
    assert x.tolist() == (5 * np.eye(3)).tolist()
    x.diagonal(-1)[:] = tensor([1.0, 2.0])
    assert x[1, 0] == 1 and x[2, 1] == 2
    w = tg.ones(2, 2, requires_grad=True)
    y = w * 3
    y.diagonal().mul_(10)
    y.sum().backward()
    assert w.grad.tolist() == [[30.0, 3.0], [3.0, 30.0]]


def test_a_flipped_tensor_is_a_copy():
    x = tg.arange(3)
    y = x.flip(0)
    y.zero_()
    assert x.tolist() == [0, 1, 2]


def test_what_is_expanded_to_its_own_shape_can_be_changed():
    x = tg.zeros(2, 1)
    x.expand(2, 1).add_(1)
    x.expand(1, -1, -1).mul_(3)
    assert x.tolist() == [[3.0], [3.0]]
    with pytest.raises(RuntimeError, match=r"single memory location.*clone\(\)"):
        x.expand(2, 3).add_(1)


def test_a_view_first_used_within_no_grad_after_its_base_was_changed_is_still_part_of_the_graph():
    x = tg.ones(2, 3, requires_grad=True)
    y = x * 2
    row = y[0]
    y.mul_(3)
    with tg.no_grad():
        assert row.tolist() == [6.0] * 3
        assert row.requires_grad
        assert not (row + 1).requires_grad
    row.sum().backward()
    assert x.grad.tolist() == [[6.0] * 3, [0.0] * 3]


def test_a_view_requires_a_gradient_when_its_base_comes_to_and_follows_every_later_change():
    w = tg.tensor(2.0, requires_grad=True)
    y = tg.ones(2, 3)
    row, end = y[0], y[0][1:]
    y.mul_(w)
    assert row.requires_grad
    assert end.requires_grad
    row.add_(w)
    y.mul_(w)
    end.mul_(3)
    assert row.tolist() == [8.0, 24.0, 24.0]
    row.sum().backward()  # of 2w² + 3 · 2w² + 3 · 2w²
    assert w.grad.item() == 28 * 2.0
