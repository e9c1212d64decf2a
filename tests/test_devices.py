"""Every operation on arrays that are not NumPy's: the same numbers, and nothing leaves the device.

The devices are a stand-in for CuPy's (`standin.py`). The default device stays the CPU, and device 0 the current one of
the two: what an operation makes anew has to be made where its inputs are.
"""

import copy
import functools
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tg
from tests import standin
from tests.ops import cases
from tinygrad_lite import Tensor, backend, functions, nn, optim
from tinygrad_lite.data import DataLoader, TensorDataset
from tinygrad_lite.nn import functional as F
from tinygrad_lite.op import Op

MAKES = (
    "arange", "as_tensor", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "randperm", "tensor",
    "zeros",
)  # fmt: skip


class On:
    """The package, whose creation functions make tensors on one device."""

    def __init__(self, device):
        self.device = device

    def __getattr__(self, name):
        value = getattr(tg, name)
        return functools.partial(value, device=self.device) if name in MAKES else value


CPU = On("cpu")


@pytest.fixture(params=["cuda", "cuda:1"])
def device(request, monkeypatch):
    """One of two GPUs, as far as they can be told from CuPy's arrays."""
    standin.install(monkeypatch)
    monkeypatch.setattr(backend, "_usable", set())
    monkeypatch.setattr(backend, "_default_generators", {})
    return request.param


# ------------------------------------------------------------------------------------------------- every operation


def run(case, T):
    """The result, the gradients, the gradients of the gradients, and what backward() leaves in .grad."""
    shapes = case.filled_shapes()
    rng = np.random.default_rng(0)
    leaves = [T.tensor(rng.uniform(max(case.low, 0.3), case.high, shape), requires_grad=True) for shape in shapes]
    y = case.call(T, *leaves)
    start = T.tensor(rng.uniform(0.5, 1.5, tuple(y.shape)))
    first = tg.autograd.grad(y, leaves, start, create_graph=True, allow_unused=True)
    used = [g for g in first if g is not None and g.requires_grad]
    starts = [T.tensor(rng.uniform(0.5, 1.5, tuple(g.shape))) for g in used]
    second = tg.autograd.grad(used, leaves, starts, allow_unused=True) if used else []
    case.call(T, *leaves).sum().backward()
    return [y, *first, *second, *(leaf.grad for leaf in leaves)]


def assert_same(there, here, device, tolerance=1e-12):
    """The same kind of value, dtype and numbers, and all that are Tensors on this device."""
    assert type(there) is type(here)
    if isinstance(here, Tensor):
        assert there.device == device
        assert there.dtype == here.dtype
        there, here = there.detach().cpu().numpy(), here.detach().numpy()
        np.testing.assert_allclose(there, here, rtol=tolerance)
    elif isinstance(here, tuple | list):
        for a, b in zip(there, here, strict=True):
            assert_same(a, b, device, tolerance)
    else:
        assert there == here


@pytest.mark.parametrize("case", cases.ALL, ids=[case.name for case in cases.ALL])
def test_every_operation_and_its_derivatives(case, device):
    assert_same(run(case, On(device)), run(case, CPU), device)


# What the table of operations leaves out: what has no derivative, is made of nothing, or is no Tensor.
EXPRESSIONS = """
T.tensor([1, 2, 3]) == 2
T.eq(T.tensor([1, 2, 3]), T.tensor([1, 0, 3]))
T.ne(T.arange(3), 1)
T.tensor([1, 2, 3]) == None
T.tensor([1., 2, 3]) > 2
T.gt(T.arange(3), 1) & T.lt(T.arange(3), 2) | T.ge(T.arange(3), 2) ^ T.le(T.arange(3), 0)
T.tensor([True, False]) & T.tensor([True, True])
T.bitwise_and(T.tensor([6, 3]), 5) + T.bitwise_or(T.tensor([6, 3]), 5) + T.bitwise_xor(T.tensor([6, 3]), 5)
T.bitwise_not(T.tensor([6, 3])) + T.bitwise_left_shift(T.tensor([6, 3]), 2) + T.bitwise_right_shift(T.tensor([6, 3]), 1)
T.moveaxis(T.ones(2, 3), 0, 1)
~T.tensor([True, False]) | T.tensor([True, True]) ^ T.tensor([True, True])
True & T.tensor([True, False])
T.tensor([1., float("nan")]).isnan()
T.tensor([1., float("inf")]).isfinite()
T.tensor([1., float("inf")]).isinf()
T.isnan(T.ones(1)), T.isfinite(T.ones(1)), T.isinf(T.ones(1))
T.tensor([3, 1, 2]).sort()
T.sort(T.tensor([[3., 1], [1, 2]]), 0, True)
T.tensor([3, 1, 2]).argsort(descending=True)
T.argsort(T.tensor(3))
T.tensor([3., 1, 2]).topk(2)
T.topk(T.tensor([3., 1, 2]), 1, largest=False)
T.tensor([3, 1, 2]).max()
T.tensor([[3, 1], [2, 5]]).max(1)
T.max(T.tensor([1, 4]), T.tensor([2, 3]))
T.min(T.tensor([1, 4]), T.tensor([2, 3]))
T.tensor(3.).max(0)
T.tensor([[3, 1], [2, 5]]).argmin(0)
T.argmin(T.tensor([3, 1])), T.argmax(T.tensor([3, 1]))
T.tensor([3, 1, 2]).any()
T.tensor([[3, 0], [2, 5]]).all(1)
T.any(T.zeros(2)), T.all(T.zeros(2, 2), 0, True)
T.zeros(2, 3) + T.ones(2, 3) * T.full((3,), 2.)
T.ones(2) * np.float64(3) + np.float32(1)
T.ones(2) + T.tensor(1., dtype=T.float64)
T.arange(3) / 2 + T.tensor([True, False, True])
2 ** T.arange(3), 7 // T.arange(1, 3), 7 % T.arange(1, 3), 1 - T.ones(1), 1 / T.ones(1), T.arange(3) ** 2
T.arange(6).reshape(2, 3).T, T.ones(2, 3).mT, T.ones(2, 3).t()
T.linspace(0, 1, 5), T.eye(3), T.arange(0, 1, 0.25)
T.zeros_like(T.arange(3)), T.ones_like(T.ones(2)), T.full_like(T.ones(2), 3)
T.empty_like(T.ones(2)).shape, T.empty(2).shape
T.rand_like(T.ones(2)) * 0, T.randn_like(T.ones(2)) * 0, T.randint_like(T.arange(3), 5) * 0
T.rand(2) * 0, T.randn(2, dtype=T.float16) * 0, T.randint(0, 5, (3,)) * 0
T.randperm(4).sort()[0]
T.ones(2).new_tensor([1, 2]), T.ones(2).new_zeros(3), T.ones(2).new_ones(2, 1)
T.as_tensor([1, 2]), T.as_tensor(T.ones(2))
T.ones(3).uniform_(2, 2)
T.ones(3).normal_(2, 0)
T.ones(3).zero_(), T.ones(3).fill_(2), T.ones(3).copy_(T.zeros(3)), T.ones(3).clamp_(2, 3)
T.ones(3).add_(1), T.ones(3).sub_(1, alpha=2), T.ones(3).mul_(2), T.ones(3).div_(2), T.full((3,), 2.).pow_(2)
T.ones(3).masked_fill_(T.arange(3) > 1, 5)
T.arange(5)[T.arange(5) > 2]
T.arange(5)[[0, 2]], T.arange(5)[1:4:2], T.arange(5)[-1], T.arange(6).view(2, 3)[..., None, 1]
T.arange(5)[np.array([1, -1])]
T.arange(6).view(2, 3)[range(2), [1, 2]]
T.arange(5)[T.tensor([0, 0])], T.arange(5)[T.tensor(2)]
assigned(T.zeros(5), T.tensor([0, 3]), T.ones(2))
assigned(T.zeros(5), T.arange(5) > 2, 7.)
assigned(T.zeros(2, 3), (0, slice(1, None)), T.ones(2))
T.where(T.arange(3) > 1, 1.0, 0.0)
T.where(T.arange(3) > 1, 1, T.arange(3.))
T.where(T.arange(3) > 0)
T.tensor([1.5, 2.5]).long(), T.ones(2).double(), T.ones(2).half(), T.ones(2).float(), T.ones(2).int(), T.ones(2).bool()
T.arange(2).type_as(T.ones(1)), T.ones(2).to(T.float64), T.ones(2).to(T.ones(1, dtype=T.int64))
T.tensor([1.5, 2.5]).allclose(T.tensor([1.5, 2.5])), T.allclose(T.ones(2), T.zeros(2))
T.isclose(T.ones(2), T.tensor([1., 2.])), T.ones(2).isclose(1.)
T.tensor([1.5, 2.5]).equal(T.tensor([1.5, 2.5])), T.equal(T.ones(2), T.zeros(2))
T.histc(T.tensor([1., 2., 2.5, 4.]), 3), T.histc(T.arange(5.), 2, 1, 3)
T.cat([T.ones(2), T.zeros(1)]), T.concat([T.ones(2)]), T.concatenate([T.ones(2), T.arange(1)])
T.broadcast_tensors(T.ones(2, 1), T.ones(3))
T.chunk(T.arange(5), 2), T.split(T.arange(5), 2), T.unbind(T.ones(2, 2)), T.narrow(T.arange(5), 0, 1, 2)
T.arange(3).tolist(), T.tensor([2.5]).item(), T.numel(T.ones(2)), T.ones(2).nelement(), T.ones(2, 3).size(1)
float(T.tensor(2.5)) + int(T.tensor(2)) + bool(T.tensor(1)), f"{T.tensor(2.5):.2f}", 1.0 in T.ones(2)
[10, 20, 30][T.tensor(1)]
len(T.ones(3)) + sum(x.item() for x in T.ones(3))
T.ones(2, 3).stride(), T.ones(3).expand(2, 3).stride(), T.ones(2, 3).t().is_contiguous(), T.ones(2).element_size()
T.ones(2, 3)[0].storage(), T.ones(2, 3).t().contiguous(), T.ones(2).is_floating_point(), T.ones(2).dim()
copy.deepcopy(T.ones(2)), T.ones(2).detach(), T.detach(T.ones(2)), T.ones(2).data, T.clone(T.ones(2))
T.ones(2, 3).view_as(T.ones(3, 2)), T.ones(2, 3).reshape_as(T.ones(6)), T.ones(3).expand_as(T.ones(2, 3))
np.exp(T.zeros(2)), np.sum(T.ones(2, 2), axis=0), np.concatenate([T.ones(1), T.ones(2)])
np.where(T.ones(2) > 0, 1., 2.)
T.mul(T.arange(3), 2.5).neg(), T.arange(3).multiply(2), T.div(T.ones(2), 3), T.pow(T.full((2,), 2.), 3).negative()
T.ones(2, 3).ravel(), T.ones(2, 3).swapaxes(0, 1), T.arange(4).clip(1, 2)
T.ones(2).requires_grad_().detach_(), T.ones(2).type(T.float64)
T.nn.functional.max_pool2d(T.arange(32.).reshape(1, 2, 4, 4), 3, 2, 1, return_indices=True)
T.nn.init.zeros_(T.ones(3, 2)), T.nn.init.ones_(T.ones(3, 2)), T.nn.init.constant_(T.ones(2), 3)
T.nn.init.eye_(T.ones(2, 2))
T.nn.init.uniform_(T.ones(3, 2), 2, 2), T.nn.init.normal_(T.ones(3, 2), 2, 0)
T.nn.init.xavier_uniform_(T.ones(3, 2)) * 0, T.nn.init.xavier_normal_(T.ones(3, 2)) * 0
T.nn.init.kaiming_uniform_(T.ones(3, 2)) * 0, T.nn.init.kaiming_normal_(T.ones(3, 2)) * 0
T.nn.init.trunc_normal_(T.ones(3, 2)) * 0
hooked(T.ones(2, requires_grad=True))
doubled(T.ones(2, requires_grad=True))
"""


def assigned(x, index, value):
    x[index] = value
    return x


def hooked(x):
    """The gradient of a sum of squares, tripled on its way by a hook."""
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 3)
    y.sum().backward()
    return x.grad, y.grad


class Double(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2, x * x

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        return g * 2 + h * x * 2


def doubled(x):
    """Through an operation written PyTorch's way, first and second derivative."""
    a, b = Double.apply(x)
    (first,) = tg.autograd.grad((a * b).sum(), x, create_graph=True)
    first.sum().backward()
    return a, b, first, x.grad


NAMES = {"np": np, "copy": copy, "assigned": assigned, "hooked": hooked, "doubled": doubled}


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
def test_everything_else(expression, device):
    there, here = (eval(expression, {**NAMES, "T": T}) for T in (On(device), CPU))
    assert_same(there, here, device)


def test_no_operation_is_left_out(device, monkeypatch):
    """Each operation has run on the device in the tests above, on arrays or on Tensors."""
    used = set()
    call = Op.__call__

    def noting(self, *inputs, **settings):
        used.add(self)
        return call(self, *inputs, **settings)

    monkeypatch.setattr(Op, "__call__", noting)
    for case in cases.ALL:
        run(case, On(device))
    for expression in EXPRESSIONS.strip().splitlines():
        eval(expression, {**NAMES, "T": On(device)})
    rooms = [room for room in vars(tg.ops).values() if inspect.ismodule(room)]
    every = {value for room in rooms for value in vars(room).values() if isinstance(value, Op)}
    assert sorted(op.name for op in every - used) == ["move"]  # has tests of its own below


def test_no_function_or_method_is_left_out():
    """Each public name stands in one of the tables above."""
    text = Path(cases.__file__).read_text() + Path(__file__).read_text()
    public = {name for name, value in vars(functions).items() if inspect.isfunction(value) and hasattr(tg, name)}
    public |= {name for name, value in vars(Tensor).items() if inspect.isfunction(value)}
    left_out = [name for name in public if not name.startswith("_") and not re.search(rf"\.{name}\b", text)]
    assert sorted(left_out) == []


# ---------------------------------------------------------------------------------------------- the engine together


def test_a_network_trains_there(device):
    tg.manual_seed(0)
    tg.set_default_device(device)
    try:
        x = tg.randn(32, 4)
        y = x[:, :3].argmax(1)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.001, nesterov=True)
        losses = []
        for _ in range(40):
            for xb, yb in DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True):
                loss = F.cross_entropy(model(xb), yb)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=False)
            losses.append(loss.item())
        assert model[0].weight.device == device
        assert losses[-1] < 0.5 * losses[0]
        assert f"device='cuda:{tg.device(device).index or 0}'" in repr(model[0].bias)
    finally:
        tg.set_default_device("cpu")


def test_moving_between_devices_carries_gradients(device):
    x = tg.ones(2, requires_grad=True)
    there = x.to(device)
    y = there * 3 + x.to("cuda").to(device) + (x * 2).cpu().to(device)  # gradients of x come from both devices
    assert y.device == device
    y.sum().backward()
    assert x.grad.device == "cpu"
    assert x.grad.tolist() == [6.0, 6.0]
    x = tg.ones(2, device=device, requires_grad=True)
    ((x * 2).cpu() * 5 + x.cpu()).sum().backward()
    assert x.grad.device == device
    assert x.grad.tolist() == [11.0, 11.0]


def test_a_module_moves_with_all_it_has(device):
    model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    before = model[0].weight
    model.register_buffer("mean", tg.zeros(2))
    assert model.to(device)[0].weight is before
    assert before.device == model.mean.device == device
    copied = tg.zeros(2).copy_(tg.ones(2, device=device))
    assert copied.tolist() == [1.0, 1.0]


def test_recorded_changes_in_place(device):
    b, a = tg.zeros(3, 3, device=device), tg.ones(2, 2, device=device, requires_grad=True)
    b[:2, :2] = a * 2
    b.mul_(3)
    b.sum().backward()
    assert a.grad.tolist() == [[6.0, 6.0], [6.0, 6.0]]
    assert a.grad.device == device


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a @ b,
        lambda a, b: tg.cat([a, b]),
        lambda a, b: a.add_(b),
        lambda a, b: a + b._array,
        lambda a, b: a.sub_(b._array),
        lambda a, b: F.mse_loss(a, b),
        lambda a, b: a.__setitem__(0, b[0]),
    ],
)
@pytest.mark.parametrize("other", ["cpu", "another"])
def test_mixing_devices_is_an_error_that_names_both(mix, other, device):
    other = "cpu" if other == "cpu" else "cuda:1" if device == "cuda" else "cuda:0"
    here, there = tg.ones(2, device=other), tg.ones(2, device=device)
    names = {str(here.device), str(there.device)}
    for a, b in ((here, there), (there, here)):
        with pytest.raises(RuntimeError, match="same device, but found at least two devices, ") as caught:
            mix(a, b)
        found = str(caught.value).partition("two devices, ")[2].partition("!")[0]
        assert set(found.split(" and ")) == names


def test_what_is_on_a_device_does_not_become_a_numpy_array_unasked(device):
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\) to copy"):
        np.asarray(tg.ones(2, device=device))
    assert np.asarray(tg.ones(2, device=device).cpu()).tolist() == [1.0, 1.0]


def test_memory_is_shared_by_dlpack(device):
    x = tg.arange(3, device=device)
    shared = tg.from_dlpack(x)
    assert shared.device == device
    x[0] = 7
    assert shared.tolist() == [7, 1, 2]


def test_without_a_gpu_asking_for_one_says_what_to_install():
    if tg.cuda_is_available():
        pytest.skip("this machine has a GPU")
    for ask in (
        lambda: tg.zeros(2, device="cuda"),
        lambda: tg.ones(2).cuda(),
        lambda: tg.ones(2).to("cuda:1"),
        lambda: nn.Linear(2, 2).to("cuda"),
        lambda: tg.set_default_device("cuda"),
    ):
        with pytest.raises(RuntimeError, match=r"device 'cuda.*pip install 'tinygrad_lite\[cuda12\]'.*device='cpu'"):
            ask()
    assert str(tg.get_default_device()) == "cpu"


# ------------------------------------------------------------------------------------------------------ a real GPU


gpu = pytest.mark.skipif(not tg.cuda_is_available(), reason="needs a GPU and CuPy")


@gpu
@pytest.mark.parametrize("case", cases.ALL, ids=[case.name for case in cases.ALL])
def test_every_operation_on_a_gpu(case):
    assert_same(run(case, On("cuda")), run(case, CPU), "cuda", tolerance=1e-9)


@gpu
@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
def test_everything_else_on_a_gpu(expression):
    there, here = (eval(expression, {**NAMES, "T": T}) for T in (On("cuda"), CPU))
    assert_same(there, here, "cuda", tolerance=1e-6)
