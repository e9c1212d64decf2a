"""Expressions that give the same in tinygrad_lite and in PyTorch: values, dtypes, shapes, and texts.

Each is evaluated twice, with `T` standing for the one package and for the other.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite
from tinygrad_lite import Tensor

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")

CREATION = """
T.tensor(3.)
T.tensor(3)
T.tensor(True)
T.tensor([1, 2.5])
T.tensor([[1, 2], [3, 4]])
T.tensor([])
T.tensor([[]])
T.tensor([True, False])
T.tensor([1, 2], dtype=T.float64)
T.tensor(np.float64(2))
T.tensor(np.arange(3))
T.tensor(np.array([1.5]))
T.tensor([T.tensor(1.), T.tensor(2.)])
T.tensor(range(3))
T.zeros(2, 3)
T.zeros((2, 3))
T.zeros([])
T.zeros(0, 2)
T.ones(2, dtype=T.int64)
T.full((2,), 3)
T.full((2, 2), 3.5)
T.full((2,), True)
T.arange(5)
T.arange(1, 5)
T.arange(1, 2, 0.25)
T.arange(5, 0, -2)
T.arange(3.)
T.linspace(0, 1, 5)
T.linspace(-1, 1, 1)
T.eye(3)
T.eye(2, 3)
T.zeros_like(T.ones(2, dtype=T.int32))
T.ones_like(T.zeros(2, 2))
T.full_like(T.zeros(2), 7)
T.rand(2, 3).shape
T.randn((2, 3)).dtype
T.randint(0, 10, (3,)).dtype
T.randint(5, (3, 2)).shape
T.randperm(6).sort()[0]
T.rand_like(T.zeros(2, 2)).shape
T.as_tensor([1., 2.])
T.Tensor([1, 2])
T.Tensor(2, 3).shape
"""

ARITHMETIC = """
T.tensor([1, 2]) + 1
T.tensor([1, 2]) + 1.5
T.tensor([1, 2]) / 2
T.tensor([1, 2]) / T.tensor([2, 2])
T.tensor([7, -7]) // 2
T.tensor([7, -7]) % 4
T.tensor([7., -7.]) // 2
T.tensor([1, 2]) ** 2
T.tensor([1, 2]) ** 0.5
2 ** T.tensor([1, 2])
2 - T.tensor([1., 2.])
1 / T.tensor([1, 2])
T.ones(2, dtype=T.float32) * T.ones(2, dtype=T.float64)
T.ones(2, dtype=T.float32) * T.tensor(2., dtype=T.float64)
T.ones(2, dtype=T.int32) + T.ones(2, dtype=T.int64)
T.ones(2, dtype=T.uint8) + T.ones(2, dtype=T.int8)
T.ones(2, dtype=T.float16) * 3
T.ones(2, dtype=T.int64) * T.tensor(2.5)
T.tensor([True, False]) + T.tensor([True, True])
T.tensor([True, False]) * 2
T.tensor([True, False]) & T.tensor([True, True])
T.tensor([True, False]) | T.tensor([False, False])
~T.tensor([True, False])
-T.tensor([1, -2])
abs(T.tensor([1, -2]))
T.tensor([1, 2]) == T.tensor([1, 3])
T.tensor([1, 2]) == 1
T.tensor([1., 2.]) > 1
1 < T.tensor([1., 2.])
T.tensor([1, 2]) != 2
T.tensor([1, 2]) == None
T.exp(T.tensor([0, 1]))
T.sqrt(T.tensor([4, 9]))
T.sin(T.tensor(0))
T.sigmoid(T.tensor([0]))
T.tensor([1, 2]).float()
T.tensor([1.7, -1.7]).int()
T.tensor([1.7, -1.7]).long()
T.tensor([0., 2.]).bool()
T.tensor([1, 2]).to(T.float64)
T.tensor([1, 2]).double()
T.tensor([1.5]).half()
T.clamp(T.tensor([1, 5, 9]), 2, 6)
T.clamp(T.tensor([1., 5, 9]), min=2)
T.tensor([1., -2]).abs()
T.tensor([1.5, -1.5]).floor()
T.tensor([1.5, 2.5]).round()
T.tensor([1, 2]).type_as(T.ones(1))
T.allclose(T.ones(2), T.ones(2) + 1e-9)
T.isclose(T.ones(2), T.tensor([1., 2.]))
T.isnan(T.tensor([1., float("nan")]))
T.equal(T.ones(2), T.ones(2))
T.add(T.ones(2), 2, alpha=3)
T.div(T.tensor([7., -7.]), 2, rounding_mode="floor")
T.div(T.tensor([7., -7.]), 2, rounding_mode="trunc")
T.where(T.tensor([True, False]), 1., 2.)
T.where(T.tensor([True, False]), T.tensor([1, 2]), 0)
T.tensor([1, 2, 3]).masked_fill(T.tensor([True, False, True]), 0)
T.tensor(2) ** T.tensor(-1.)
"""

REDUCTION = """
T.arange(6.).reshape(2, 3).sum()
T.arange(6).sum()
T.tensor([True, True]).sum()
T.ones(2, dtype=T.int32).sum()
T.arange(6.).reshape(2, 3).sum(0)
T.arange(6.).reshape(2, 3).sum(1, keepdim=True)
T.arange(6.).reshape(2, 3).sum(dim=-1)
T.arange(6.).reshape(2, 3).sum((0, 1))
T.arange(6).sum(dtype=T.float32)
T.arange(6.).mean()
T.arange(6.).reshape(2, 3).mean(0)
T.arange(6.).std()
T.arange(6.).var()
T.arange(6.).reshape(2, 3).std(1)
T.arange(6.).reshape(2, 3).var(0, keepdim=True)
T.arange(6.).var(unbiased=False)
T.arange(6.).std(correction=0)
T.arange(1, 5).prod()
T.arange(1., 5).prod()
T.tensor([3, 1, 2]).max()
T.tensor([[3, 1], [0, 9]]).max(1)[0]
T.tensor([[3, 1], [0, 9]]).max(1).indices
T.tensor([[3, 1], [0, 9]]).max(-1, keepdim=True)[1]
T.tensor([[3., 1], [0, 9]]).min(0)[0]
T.tensor([3., 1.]).max(T.tensor(2.))
T.tensor([3., 1.]).max(T.tensor([2., 2.]))
T.maximum(T.tensor([3, 1]), T.tensor([2, 2]))
T.tensor([3, 1, 3]).argmax()
T.tensor([[3, 1], [0, 9]]).argmax(1)
T.tensor([[3, 1], [0, 9]]).argmin(dim=0, keepdim=True)
T.tensor([[3, 1], [0, 9]]).amax((0, 1))
T.tensor([3., 1, 2]).sort()[1]
T.tensor([3., 1, 2]).sort(descending=True)[0]
T.tensor([3., 1, 2]).argsort()
T.tensor([3., 1, 2]).topk(2)[0]
T.tensor([3., 1, 2]).topk(2, largest=False).indices
T.tensor([0, 1]).any()
T.tensor([0, 1]).all()
T.tensor([[0, 1], [1, 1]]).any(0)
T.tensor([[0, 1], [1, 1]]).all(1, keepdim=True)
T.arange(4).cumsum(0)
T.arange(4.).reshape(2, 2).cumsum(1)
T.arange(4.).norm()
T.arange(4.).reshape(2, 2).norm(dim=1)
T.arange(4.).norm(1)
T.arange(4.).norm(float("inf"))
T.arange(4.).norm(0)
T.arange(4.).logsumexp(0)
T.arange(4.).softmax(0)
T.softmax(T.arange(4.).reshape(2, 2), dim=1)
T.log_softmax(T.arange(4.), -1)
T.tensor([1., 2, 2, 5]).histc(bins=4)
T.tensor([1., 2, 2, 5]).histc(3, 0, 6)
T.zeros(0).sum()
T.zeros(0).prod()
T.zeros(2, 0).sum(1)
T.zeros(2, 0).sum(0)
"""

SHAPES = """
T.arange(6).reshape(2, 3)
T.arange(6).reshape((2, -1))
T.arange(6).view(3, 2)
T.arange(6).view(-1)
T.arange(6).view(2, 3).T
T.arange(6).view(2, 3).t()
T.arange(6).view(1, 2, 3).mT
T.arange(6).view(2, 3).transpose(0, 1)
T.arange(6).view(1, 2, 3).permute(2, 0, 1)
T.arange(6).view(1, 2, 3).squeeze()
T.arange(6).view(1, 2, 3).squeeze(0).shape
T.arange(6).view(1, 2, 3).squeeze(1).shape
T.arange(6).unsqueeze(0).shape
T.arange(6).unsqueeze(-1).shape
T.arange(24).view(2, 3, 4).flatten(1).shape
T.arange(24).view(2, 3, 4).flatten(0, 1).shape
T.tensor(1.).flatten()
T.arange(3).expand(2, 3)
T.arange(3).expand(2, -1)
T.arange(3).expand(2, 3).stride()
T.arange(6).view(2, 3).stride()
T.arange(6).view(2, 3).stride(0)
T.arange(6).view(2, 3).t().is_contiguous()
T.arange(3).repeat(2, 2)
T.cat([T.ones(1, 2), T.zeros(2, 2)])
T.cat([T.ones(1, 2), T.zeros(1, 1)], 1)
T.cat([T.ones(1, dtype=T.int64), T.zeros(1)])
T.stack([T.ones(2), T.zeros(2)])
T.stack([T.ones(2), T.zeros(2)], dim=1)
T.arange(5).split(2)[2]
T.arange(5).split([2, 3])[1]
T.arange(5).chunk(3)[1]
len(T.arange(5).chunk(4))
T.arange(4).view(2, 2).unbind(1)[0]
T.arange(4).flip(0)
T.arange(4).view(2, 2).flip(0, 1)
T.arange(4).roll(1)
T.arange(9).view(3, 3).tril()
T.arange(9).view(3, 3).triu(1)
T.arange(9).view(3, 3).diagonal()
T.arange(9).view(3, 3).movedim(0, 1)
T.arange(9).narrow(0, 2, 3)
T.broadcast_tensors(T.ones(2, 1), T.ones(3))[0].shape
T.ones(2, 3).numel()
T.ones(2, 3).shape.numel()
T.ones(2, 3).size()
T.ones(2, 3).size(1)
T.ones(2, 3).size(-2)
T.ones(2, 3).dim()
T.ones(2, 3).ndim
len(T.ones(2, 3))
T.ones(2, 3).nelement()
T.ones(2).element_size()
tuple(T.ones(2, 3).shape) == (2, 3)
T.nn.functional.pad(T.ones(1, 2), (1, 0, 0, 1), value=9.)
"""

INDEXING = """
T.arange(12).view(3, 4)[1]
T.arange(12).view(3, 4)[1, 2]
T.arange(12).view(3, 4)[:, 1]
T.arange(12).view(3, 4)[..., -1]
T.arange(12).view(3, 4)[None].shape
T.arange(12).view(3, 4)[:, None, 1:3].shape
T.arange(12).view(3, 4)[[0, 2]]
T.arange(12).view(3, 4)[[0, 2], [1, 3]]
T.arange(12).view(3, 4)[range(3), [1, 2, 3]]
T.arange(12).view(3, 4)[T.tensor([0, 2])]
T.arange(12).view(3, 4)[T.tensor([[0, 2], [1, 1]])].shape
T.arange(12).view(3, 4)[:, T.tensor([0, 2])]
T.arange(12).view(3, 4)[T.arange(12).view(3, 4) > 5]
T.arange(12).view(3, 4)[T.tensor([True, False, True])]
T.arange(12)[::3]
T.arange(12)[T.tensor(3)]
T.arange(12)[True].shape
T.arange(12).view(3, 4)[np.array([0, 1])]
T.arange(12)[np.int64(3)]
T.arange(12).view(3, 4).gather(1, T.tensor([[0], [1], [2]]))
T.arange(12).view(3, 4).index_select(1, T.tensor([0, 0]))
[x.item() for x in T.arange(3)]
list(T.arange(3).tolist())
T.tensor([[1, 2], [3, 4]]).tolist()
T.tensor(3.5).item()
float(T.tensor([2.5]))
int(T.tensor(2.7))
bool(T.tensor([0.]))
[10, 20, 30][T.tensor(1)]
f"{T.tensor(3.14159):.2f}"
3 in T.arange(5)
assigned(T.zeros(3, 3), (slice(0, 2), 1), 5.)
assigned(T.zeros(3), [0, 2], T.tensor([1., 2.]))
assigned(T.zeros(3), T.tensor([True, False, True]), 7)
assigned(T.zeros(2, 3), 1, T.arange(3.))
assigned(T.zeros(3, dtype=T.int64), 0, 2)
T.where(T.tensor([0, 3, 0, 4]))[0]
"""

IN_PLACE = """
T.ones(2).add_(1)
T.ones(2).add_(T.ones(2), alpha=2)
T.ones(2).sub_(3)
T.ones(2).mul_(2).div_(4)
T.ones(2).pow_(2)
T.ones(2).zero_()
T.ones(2).fill_(3)
T.ones(2).copy_(T.tensor(5))
T.tensor([1., 5.]).clamp_(2, 3)
T.ones(2).masked_fill_(T.tensor([True, False]), 9.)
T.ones(3).uniform_(-1, 1).shape
T.ones(3).normal_().dtype
column_filled(T)
aliased(T)
"""

LINALG = """
T.ones(2, 3) @ T.ones(3)
T.ones(3) @ T.ones(3)
T.ones(2, 2, 3) @ T.ones(3, 2)
T.arange(4).view(2, 2) @ T.arange(2)
T.matmul(T.ones(4, 1, 2, 3), T.ones(5, 3, 1)).shape
T.ones(2, 0) @ T.ones(0, 3)
T.dot(T.arange(3.), T.arange(3.))
T.outer(T.arange(3.), T.arange(2.))
T.mm(T.ones(2, 3), T.ones(3, 1))
T.einsum("ij,jk->ik", T.ones(2, 3), T.ones(3, 2))
T.einsum("ii", T.arange(9.).view(3, 3))
T.einsum("bij,bjk->bik", T.ones(2, 2, 3), T.ones(2, 3, 1))
T.einsum("i,j", T.arange(2.), T.arange(3.))
"""

TEXTS = """
repr(T.tensor(3.))
repr(T.tensor(7.93561))
repr(T.tensor([1., 2.5, -3.25]))
repr(T.tensor([1., 2., 3.]))
repr(T.tensor([1e-5, 1.]))
repr(T.tensor([1e10, 1.]))
repr(T.tensor([0.1, 100000.]))
repr(T.tensor([float("nan"), float("inf"), -1.]))
repr(T.tensor([1, 22, -333]))
repr(T.tensor([[1, 2], [3, 4]]))
repr(T.tensor([True, False]))
repr(T.tensor([]))
repr(T.zeros(0, 3))
repr(T.zeros(2, 2, 2))
repr(T.ones(2, dtype=T.float64))
repr(T.ones(2, dtype=T.int32))
repr(T.ones(2, requires_grad=True))
repr(T.ones(2, requires_grad=True).mean())
repr(T.ones(2, requires_grad=True) * 2)
repr((T.ones(2, requires_grad=True) * 2).sum())
repr(T.ones(2, requires_grad=True).exp())
repr(T.arange(2000))
repr(T.zeros(50, 50))
repr(T.arange(30.))
repr(T.arange(30.) / 7)
repr(T.ones(3, 40))
repr(T.nn.Parameter(T.ones(2)))
repr(T.ones(2, 3).shape)
str(T.tensor([1.5]))
repr(T.nn.Linear(2, 3))
repr(T.nn.Sequential(T.nn.Flatten(), T.nn.Linear(4, 3, bias=False), T.nn.ReLU(), T.nn.Sequential(T.nn.Tanh())))
repr(T.nn.LeakyReLU(0.2))
repr(T.nn.CrossEntropyLoss())
repr(T.nn.Softmax(dim=1))
repr(T.nn.GELU())
repr(T.device("cpu"))
repr(T.device("cuda:1"))
str(T.device("cuda", 0))
"""


def assigned(x, index, value):
    x[index] = value
    return x


def column_filled(T):
    x = T.ones(4, 2)
    x[:, 0].uniform_(-1.0, 1)
    return [bool((x[:, 0] != 1).all()), x[:, 1].tolist()]


def aliased(T):
    x = T.zeros(2, 3)
    y = x.view(6)
    y[0] = 1
    x.t()[2] += 5
    x[0, 1] += 2
    return y


def expressions(text):
    return text.strip().splitlines()


def plain(value):
    """Something to compare: the text without the packages' names, numbers as they are."""
    if isinstance(value, str):
        return value.replace("torch.", "")
    if isinstance(value, Tensor | torch.Tensor):
        dtype = str(value.dtype).replace("torch.", "")
        return dtype, tuple(value.shape), value.detach().numpy()
    if isinstance(value, torch.dtype | np.dtype):
        return str(value).replace("torch.", "")
    return tuple(value) if isinstance(value, torch.Size | tinygrad_lite.Size) else value


ALL = [
    line for text in (CREATION, ARITHMETIC, REDUCTION, SHAPES, INDEXING, IN_PLACE, LINALG) for line in expressions(text)
]


@pytest.mark.parametrize("expression", ALL)
def test_the_same_result(expression):
    names = {"np": np, "assigned": assigned, "column_filled": column_filled, "aliased": aliased}
    ours = plain(eval(expression, {**names, "T": tinygrad_lite}))
    theirs = plain(eval(expression, {**names, "T": torch}))
    if isinstance(theirs, tuple) and theirs and isinstance(theirs[-1], np.ndarray):
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6)
    else:
        assert ours == theirs
        assert type(ours) is type(theirs)


@pytest.mark.cpu
@pytest.mark.parametrize("expression", expressions(TEXTS))
def test_the_same_text(expression):
    assert plain(eval(expression, {"T": tinygrad_lite})) == plain(eval(expression, {"T": torch}))


ERRORS = """
T.ones(2) + T.ones(3)
T.ones(2, 3) @ T.ones(2)
T.ones(2, 3).view(4)
T.ones(2, 3).t().view(6)
T.ones(2, 3).reshape(-1, 4)
T.ones(2)[5]
T.ones(2)[0, 0]
T.ones(2)[T.tensor([3])]
T.ones(2)[1.5]
T.ones(2).sum(1)
T.ones(2).sum((0, 0))
T.arange(3).mean()
T.ones(2).item()
bool(T.ones(2))
len(T.tensor(1))
iter(T.tensor(1))
T.cat([])
T.cat([T.ones(2), T.ones(2, 2)])
T.stack([T.ones(2), T.ones(3)])
T.ones(2, requires_grad=True).numpy()
T.ones(2, requires_grad=True).add_(1)
T.ones(2, requires_grad=True)[0].add_(1)
assigned(T.ones(2, requires_grad=True), 0, 1.)
T.ones(2, requires_grad=True).backward()
T.ones(2).sum().backward()
T.ones(2).dot(T.ones(3))
T.tensor([[1, 2], [3]])
T.ones(2).expand(3)
T.ones(1).expand(2).add_(1)
T.ones(2).add_(T.ones(3, 2))
T.ones(2, 3).transpose(0, 2)
T.ones(3).permute(0, 1)
T.ones(2).squeeze(3)
T.ones(2).to("nowhere")
T.zeros(-1)
T.randint(5, 5, (2,))
T.randperm(-1)
T.linspace(0, 1, -1)
T.ones(2).gather(0, T.tensor([2]))
T.ones(2).index_select(0, T.tensor([[0]]))
T.ones(2).split(0)
T.ones(2).topk(3)
T.nn.Linear(2, 3)(T.ones(4))
T.nn.functional.cross_entropy(T.ones(2, 3), T.tensor([0, 5]))
T.nn.functional.cross_entropy(T.ones(2, 3), T.tensor([0, -1]))
T.nn.functional.cross_entropy(T.ones(2, 3), T.tensor([0., 1.]))
T.nn.functional.cross_entropy(T.ones(2, 3), T.tensor([0, 1, 2]))
T.nn.functional.binary_cross_entropy_with_logits(T.ones(2), T.ones(3))
T.nn.functional.mse_loss(T.ones(2), T.ones(3))
T.nn.functional.nope
T.optim.SGD([], lr=.1)
T.optim.SGD([T.ones(1)], lr=-1)
T.optim.SGD([T.ones(1, requires_grad=True) * 2], lr=1)
T.nn.Module()(1)
setattr(T.nn.Linear(1, 1), "weight", T.ones(1, 1))
T.nn.Linear(1, 1).nope
T.nn.init.xavier_uniform_(T.ones(3))
T.einsum("ij,jk->ik", T.ones(2, 3))
T.ones(2) & T.ones(2)
T.tensor("abc")
T.tensor([1, 2], requires_grad=True)
T.ones(2, requires_grad=True).long().requires_grad_()
"""


@pytest.mark.cpu
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", expressions(ERRORS))
def test_an_error_here_as_there(expression):
    """The kind of error is PyTorch's, or a subclass that is NumPy's too; the text says what to do."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011 (whatever PyTorch raises)
        eval(expression, {"T": torch, "assigned": assigned})
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError)) as ours:
        eval(expression, {"T": tinygrad_lite, "assigned": assigned})
    assert math.isfinite(len(str(ours.value)))
    assert str(ours.value).strip()
    assert theirs.value is not None


@pytest.mark.cpu
def test_dlpack_both_ways_shares_memory():
    ours = tinygrad_lite.arange(3.0)
    theirs = torch.from_dlpack(ours)
    theirs[0] = 9
    assert ours.tolist() == [9.0, 1.0, 2.0]
    back = tinygrad_lite.from_dlpack(torch.arange(3.0))
    assert back.tolist() == [0.0, 1.0, 2.0]


def drawn_arrays():

    def array(numbers):
        rows = 2 if len(numbers) % 2 == 0 and numbers else 1
        return np.array(numbers).reshape(rows, -1)

    floats = st.floats(width=32, allow_subnormal=False)
    return st.one_of(
        st.lists(floats, max_size=40).map(lambda x: array(x).astype("float32")),
        st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40).map(array),
        st.lists(st.booleans(), min_size=1, max_size=40).map(array),
    )


@pytest.mark.cpu
@pytest.mark.filterwarnings("ignore")
@given(drawn_arrays())
@settings(max_examples=settings.default.max_examples * 8)
def test_any_tensor_prints_as_pytorchs(array):
    assert plain(repr(tinygrad_lite.tensor(array))) == plain(repr(torch.tensor(array)))
