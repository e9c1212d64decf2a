"""Every operation on the arrays of another library than NumPy: the same numbers, and nothing leaves the device."""

import numpy as np
import pytest
from hypothesis import find

import tinygrad_lite as tg
from tests import standin
from tests.ops.cases import ALL
from tinygrad_lite import Tensor, backend, nn, optim, tensor
from tinygrad_lite.data import DataLoader, TensorDataset
from tinygrad_lite.nn import functional as F


@pytest.fixture
def device(monkeypatch):
    """A device whose arrays are the stand-in's; the default one while a test runs."""
    standin.library()
    monkeypatch.setitem(backend.LIBRARIES, "standin", "standin")
    tg.set_default_device("standin")
    yield "standin"
    tg.set_default_device("cpu")


def run(case, arrays, where):
    leaves = [tensor(array, device=where, requires_grad=True) for array in arrays]
    y = case.call(tg, *leaves)
    (*first,) = tg.autograd.grad(
        y, leaves, tensor(np.ones(y.shape), device=where), create_graph=True, allow_unused=True
    )
    used = [g for g in first if g is not None and g.requires_grad]
    starts = [tensor(np.ones(g.shape), device=where) for g in used]
    second = tg.autograd.grad(used, leaves, starts, allow_unused=True) if used else []
    case.call(tg, *leaves).sum().backward()
    found = [y, *first, *second, *(leaf.grad for leaf in leaves)]
    assert {x.device.type for x in found if x is not None} == {where}
    return [None if x is None else backend.to_numpy(x.detach()._array) for x in found]


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_every_operation_and_its_derivatives(case, device):
    shapes = find(case.shapes, lambda shapes: all(0 not in shape for shape in shapes))
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(max(case.low, 0.3), case.high, shape) for shape in shapes]
    there = run(case, arrays, device)
    tg.set_default_device("cpu")
    here = run(case, arrays, "cpu")
    for mine, other in zip(there, here, strict=True):
        np.testing.assert_allclose(0.0 if mine is None else mine, 0.0 if other is None else other, rtol=1e-12)


EXPRESSIONS = """
tensor([1, 2, 3]) == 2
tensor([1., 2, 3]) > 2
tensor([True, False]) & tensor([True, True])
~tensor([True, False]) | tensor([True, True]) ^ tensor([True, True])
tensor([1., float("nan")]).isnan()
tensor([1., float("inf")]).isfinite()
tensor([1., float("inf")]).isinf()
tensor([3, 1, 2]).sort()[0]
tensor([3, 1, 2]).argsort(descending=True)
tensor([3., 1, 2]).topk(2)[0]
tensor([3, 1, 2]).max()
tensor([[3, 1], [2, 5]]).max(1)[1]
tensor([[3, 1], [2, 5]]).argmin(0)
tensor([3, 1, 2]).any()
tensor([[3, 0], [2, 5]]).all(1)
tg.zeros(2, 3) + tg.ones(2, 3) * tg.full((3,), 2.)
tg.arange(6).reshape(2, 3).T
tg.linspace(0, 1, 5)
tg.eye(3)
tg.zeros_like(tg.arange(3))
tg.rand_like(tg.ones(2)) * 0
tg.randint(0, 5, (3,)) * 0
tg.randperm(4).sort()[0]
tg.ones(3).uniform_(2, 2)
tg.ones(3).normal_(2, 0)
tg.arange(5)[tg.arange(5) > 2]
tg.arange(5)[[0, 2]]
tg.arange(6).view(2, 3)[range(2), [1, 2]]
tg.arange(5)[tensor([0, 0])]
tg.where(tg.arange(3) > 1, 1.0, 0.0)
tg.where(tg.arange(3) > 0)[0]
tensor([1.5, 2.5]).long()
tensor([1.5, 2.5]).allclose(tensor([1.5, 2.5]))
tensor([1.5, 2.5]).equal(tensor([1.5, 2.5]))
tensor([tensor(1.), tensor(2.)])
tg.cat([tg.ones(2), tg.zeros(1)])
tg.arange(3).tolist()
tensor([2.5]).item()
float(tensor(2.5)) + int(tensor(2)) + bool(tensor(1))
[10, 20, 30][tensor(1)]
repr(tg.arange(3).cpu())
len(tg.ones(3)) + sum(x.item() for x in tg.ones(3))
tg.ones(2, 3).stride()
nn.init.xavier_uniform_(tg.empty(3, 2)).shape
nn.init.trunc_normal_(tg.empty(3, 2)).shape
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
def test_everything_else(expression, device):
    names = {"tg": tg, "tensor": tensor, "nn": nn}
    there = eval(expression, names)
    tg.set_default_device("cpu")
    here = eval(expression, names)
    if isinstance(here, Tensor):
        assert there.device == device
        assert there.dtype == here.dtype
        np.testing.assert_array_equal(there.cpu().numpy(), here.numpy())
    else:
        assert there == here


def test_a_network_trains_there(device):
    tg.manual_seed(0)
    x = tg.randn(32, 4)
    y = x[:, :3].argmax(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.001)
    losses = []
    for _ in range(40):
        for xb, yb in DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True):
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    assert model[0].weight.device == device
    assert losses[-1] < 0.5 * losses[0]
    assert f"device='{device}:0'" in repr(model[0].bias)


def test_moving_between_devices_carries_gradients(device):
    x = tg.ones(2, device="cpu", requires_grad=True)
    y = (x * 2).to(device) * 3
    assert y.device == device
    y.sum().backward()
    assert x.grad.device == "cpu"
    assert x.grad.tolist() == [6.0, 6.0]
    model = nn.Linear(2, 1, device="cpu").to(device)
    assert model.weight.device == device
    copied = tg.zeros(2, device="cpu").copy_(tg.ones(2, device=device))
    assert copied.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a @ b,
        lambda a, b: tg.cat([a, b]),
        lambda a, b: a.add_(b),
        lambda a, b: a + np.ones(2, dtype=np.float32) if a.device == "standin" else b + np.ones(2),
        lambda a, b: F.mse_loss(a, b),
        lambda a, b: a.__setitem__(0, b[0]),
    ],
)
def test_mixing_devices_is_an_error_that_names_both(mix, device):
    here, there = tg.ones(2, device="cpu"), tg.ones(2)
    for a, b in ((here, there), (there, here)):
        with pytest.raises(RuntimeError, match=r"same device, but found at least two devices, .*(cpu and|and cpu)"):
            mix(a, b)


def test_what_is_on_a_device_does_not_become_a_numpy_array_unasked(device):
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\) to copy"):
        np.asarray(tg.ones(2))
    assert np.asarray(tg.ones(2).cpu()).tolist() == [1.0, 1.0]


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


@pytest.mark.skipif(not tg.cuda_is_available(), reason="needs a GPU and CuPy")
def test_every_operation_on_a_gpu():
    for case in ALL:
        shapes = find(case.shapes, lambda shapes: all(0 not in shape for shape in shapes))
        rng = np.random.default_rng(0)
        arrays = [rng.uniform(max(case.low, 0.3), case.high, shape) for shape in shapes]
        here = run(case, arrays, "cpu")
        tg.set_default_device("cuda")
        try:
            there = run(case, arrays, "cuda")
        finally:
            tg.set_default_device("cpu")
        for mine, other in zip(there, here, strict=True):
            np.testing.assert_allclose(0.0 if mine is None else mine, 0.0 if other is None else other, rtol=1e-9)
