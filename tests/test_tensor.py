"""The Tensor itself: views and changes in place that gradients see, the course's own cells, copies, attributes."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_lite as torch  # as a learner does who pastes the course's cells
from tinygrad_lite import Tensor, nn, optim, tensor
from tinygrad_lite.autograd import Function, grad
from tinygrad_lite.nn import functional as F

# ------------------------------------------------------------------------------------- changes in place, recorded


def test_assigning_into_a_recorded_tensor_reaches_what_was_assigned():
    a = torch.ones(2, 2, requires_grad=True)
    b = torch.zeros(3, 3)
    b[:2, :2] = a
    b[2] = a.sum() * 2
    (b * torch.arange(9.0).view(3, 3)).sum().backward()
    assert a.grad.tolist() == [[42.0, 43.0], [45.0, 46.0]]


def test_an_assignment_takes_the_gradient_from_what_it_overwrites():
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[0] = 5.0
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 2.0]


def test_a_change_of_a_view_changes_the_history_of_its_base():
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    column = y[:, 0]
    column *= 10
    y.sum().backward()
    assert x.grad.tolist() == [[10.0, 1.0, 1.0]] * 2


def test_a_change_of_the_base_is_seen_by_a_view_taken_before():
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    view = y.view(2, 2)[0]
    y.mul_(3)
    assert view.tolist() == [3.0, 3.0]
    view.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 0.0, 0.0]


def test_a_name_for_the_same_tensor_keeps_its_history():
    x = torch.ones(2, requires_grad=True)
    z = torch.zeros(2)
    alias = z
    z += x * 3
    assert alias is z
    alias.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.add_(1),
        lambda w: w.__setitem__(0, 1.0),
        lambda w: w[0].mul_(2),
        lambda w: w.view(2, 1).zero_(),
        lambda w: w.uniform_(),
        lambda w: w.__isub__(1),
    ],
)
def test_a_leaf_that_requires_a_gradient_is_not_changed_unasked(change):
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad is being used in an in-place operation"):
        change(w)
    assert w.tolist() == [1.0, 1.0]
    with torch.no_grad():
        change(w)
    assert w.requires_grad
    assert w.is_leaf


def test_what_is_repeated_in_memory_cannot_be_changed():
    with pytest.raises(RuntimeError, match=r"single memory location.*clone\(\)"):
        torch.ones(1).expand(3).add_(1)


def test_a_change_in_place_keeps_shape_and_dtype_or_is_refused_whole():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="add"):
        x.add_(torch.ones(3, 2))
    assert x.tolist() == [1.0, 1.0]
    x += torch.ones(2, dtype=torch.float64)
    assert x.dtype == torch.float32
    counts = torch.ones(2, dtype=torch.int64)
    with pytest.raises((RuntimeError, TypeError)):
        counts += 1.5


def test_random_fills_of_views_as_the_course_has_them():
    x = torch.ones(100, 2)
    x[:, 0].uniform_(-1.0, 1)
    assert x[:, 0].min() < -0.5
    assert x[:, 1].tolist() == [1.0] * 100


# ------------------------------------------------------------------------------------------- the course's own cells


@pytest.mark.cpu
def test_lesson_2_sgd():
    torch.manual_seed(0)
    n = 100
    x = torch.ones(n, 2)
    x[:, 0].uniform_(-1.0, 1)
    a = tensor(3.0, 2)
    y = x @ a + torch.rand(n)

    def mse(y_hat, y):
        return ((y_hat - y) ** 2).mean()

    a = nn.Parameter(tensor(-1.0, 1))
    assert repr(a) == "Parameter containing:\ntensor([-1.,  1.], requires_grad=True)"
    lr = 1e-1
    for _ in range(100):
        loss = mse(x @ a, y)
        loss.backward()
        with torch.no_grad():
            a.sub_(lr * a.grad)
            a.grad.zero_()
    assert repr(loss).endswith("grad_fn=<MeanBackward0>)")
    assert a[0].item() == pytest.approx(3, abs=0.2)
    assert a[1].item() == pytest.approx(2.5, abs=0.1)


def test_weight_decay_as_it_is_first_written():
    model = nn.Linear(2, 1)
    w2 = 0.0
    for p in model.parameters():
        w2 += (p**2).sum()
    (w2 * 1e-5).backward()
    np.testing.assert_allclose(model.weight.grad.numpy(), 2e-5 * model.weight.detach().numpy(), rtol=1e-5)


@pytest.mark.cpu
def test_matrix_products_by_loops_and_by_broadcasting():
    m1, m2 = torch.rand(5, 4), torch.rand(4, 3)
    c = torch.zeros(5, 3)
    for i in range(5):
        for j in range(3):
            for k in range(4):
                c[i, j] += m1[i, k] * m2[k, j]
    assert torch.allclose(c, m1 @ m2, rtol=1e-4)
    for i in range(5):
        c[i] = (m1[i].unsqueeze(-1) * m2).sum(dim=0)
    assert torch.allclose(c, torch.einsum("ik,kj->ij", m1, m2), rtol=1e-4)
    t = tensor([10.0, 20, 30]).expand_as(torch.ones(3, 3))
    assert t.stride() == (0, 1)
    assert t.storage().tolist() == [10.0, 20.0, 30.0]
    assert tensor([1.0]).type() == "tinygrad_lite.FloatTensor"


def test_backward_written_by_hand_with_gradients_as_attributes():
    def mse_grad(inp, targ):
        diff = inp[:, 0] - targ
        inp.g = 2.0 * diff[:, None] / inp.shape[0]

    def lin_grad(inp, out, w, b):
        inp.g = out.g @ w.t()
        w.g = inp.t() @ out.g
        b.g = out.g.sum(0)

    x, targ = torch.randn(6, 3), torch.randn(6)
    w1, b1, w2, b2 = torch.randn(3, 4), torch.zeros(4), torch.randn(4, 1), torch.zeros(1)
    l1 = x @ w1 + b1
    l2 = l1.clamp_min(0.0)
    out = l2 @ w2 + b2
    mse_grad(out, targ)
    lin_grad(l2, out, w2, b2)
    l1.g = (l1 > 0).float() * l2.g
    lin_grad(x, l1, w1, b1)
    leaves = [t.clone().requires_grad_() for t in (w1, b1, w2, b2)]
    v1, c1, v2, c2 = leaves
    ((((x @ v1 + c1).clamp_min(0.0) @ v2 + c2)[:, 0] - targ) ** 2).mean().backward()
    for by_hand, leaf in zip((w1, b1, w2, b2), leaves, strict=True):
        np.testing.assert_allclose(by_hand.g.numpy(), leaf.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_log_softmax_and_picking_the_right_classes():
    def log_softmax(x):
        return x - x.logsumexp(-1, keepdim=True)

    pred, targ = torch.randn(4, 10, requires_grad=True), tensor([5, 0, 4, 5])
    loss = -log_softmax(pred)[range(targ.shape[0]), targ].mean()
    assert loss.item() == pytest.approx(F.cross_entropy(pred, targ).item(), rel=1e-6)
    (mine,) = grad(loss, pred)
    (other,) = grad(F.cross_entropy(pred, targ), pred)
    np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=1e-6)


def test_an_optimizer_of_ones_own_and_the_training_loop():
    class BasicOptim:
        def __init__(self, params, lr):
            self.params, self.lr = list(params), lr

        def step(self):
            for p in self.params:
                p.data -= p.grad.data * self.lr

        def zero_grad(self):
            for p in self.params:
                p.grad = None

    torch.manual_seed(1)
    x = torch.randn(64, 5)
    y = (x.sum(1, keepdim=True) > 0).float()
    for make in (BasicOptim, optim.SGD):
        model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
        opt = make(model.parameters(), 0.5)
        for _ in range(60):
            loss = F.mse_loss(model(x).sigmoid(), y)
            loss.backward()
            opt.step()
            opt.zero_grad()
        assert ((model(x) > 0).float() == y).float().mean() > 0.9
        w, _ = model[0].parameters()
        assert w.shape == (8, 5)


def test_a_function_with_ctx_as_the_course_writes_it():
    class Relu(Function):
        @staticmethod
        def forward(ctx, i):
            ctx.save_for_backward(i)
            return i.clamp_min(0.0)

        @staticmethod
        def backward(ctx, grad_output):
            (i,) = ctx.saved_tensors
            return grad_output * (i > 0).float()

    x = tensor([-1.0, 2.0], requires_grad=True)
    Relu.apply(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_duplicate_indices_add_up():
    x = torch.zeros(3, requires_grad=True)
    x[[0, 0, 2, 0]].sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 1.0]


def test_unpacking_iteration_and_numbers():
    a, b = tensor([1.0, 2.0])
    assert (float(a), int(b)) == (1.0, 2)
    assert [10, 20, 30][tensor([2]).argmax() + 1] == 20
    assert max(tensor([1, 5, 3])).item() == 5
    values, indices = tensor([[1.0, 5.0]]).max(-1)
    assert (values.item(), indices.item()) == (5.0, 1)
    assert tensor([3.0, -1]).max(tensor(0.0)).tolist() == [3.0, 0.0]


# --------------------------------------------------------------------------------------------------- copies and more


def test_copies_and_pickles_of_leaves():
    x = torch.ones(2, requires_grad=True)
    x.note = "mine"
    (x * 3).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.grad.tolist() == [3.0, 3.0]
        assert other.note == "mine"
        assert other.requires_grad
        with torch.no_grad():
            other.zero_()
        assert x.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly"):
        copy.deepcopy(x * 2)
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dumps(x * 2)


def test_detach_and_data_share_memory_and_no_history():
    x = torch.ones(2, requires_grad=True)
    x.detach()[0] = 5
    x.data[1] = 6
    assert x.tolist() == [5.0, 6.0]
    assert not x.detach().requires_grad
    assert x.detach().grad_fn is None
    y = x * 2
    y.detach_()
    assert y.is_leaf
    assert not y.requires_grad


def test_a_gradient_assigned_must_fit():
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.zeros(2)
    with pytest.raises(RuntimeError, match=r"assigned grad has shape \(3,\)"):
        x.grad = torch.zeros(3)
    with pytest.raises(TypeError, match="must be a Tensor or None"):
        x.grad = 3
    del x.grad
    assert x.grad is None


def test_requires_grad_is_a_matter_of_leaves():
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        (x * 2).requires_grad_(False)
    assert x.requires_grad_(False) is x
    assert (x * 2).is_leaf


def test_a_tensor_is_a_key_by_identity():
    a, b = torch.ones(2), torch.ones(2)
    assert len({a, b, a}) == 2
    assert isinstance({a: 1}[a], int)


def test_importing_loads_neither_matplotlib_nor_pillow_nor_hypothesis():
    code = (
        "import sys, tinygrad_lite\n"
        "print(sorted({'matplotlib', 'PIL', 'hypothesis', 'cupy', 'torch', 'pytest', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.cpu
def test_every_public_name_of_the_package_has_a_docstring():
    missing = [name for name in dir(Tensor) if not name.startswith("_") and not getattr(Tensor, name).__doc__]
    missing += [n for n in dir(torch) if not n.startswith("_") and callable(f := getattr(torch, n)) and not f.__doc__]
    assert missing == []


def test_a_quotient_may_be_changed_in_place_before_backward():
    a, b = tensor([6.0], requires_grad=True), tensor([3.0], requires_grad=True)
    y = a / b
    y += 1
    y.sum().backward()
    assert a.grad.item() == pytest.approx(1 / 3)
    assert b.grad.item() == pytest.approx(-6 / 9)


def test_what_is_copied_in_must_broadcast_and_what_is_set_may_have_leading_ones():
    with pytest.raises(torch.ShapeError, match=r"output with shape \[\] doesn't match the broadcast shape \[1\]"):
        tensor(1.0).copy_(tensor([2.0]))
    value = tensor([[2.0, 3.0]], requires_grad=True)
    x = torch.zeros(3)
    x[:2] = value
    (x * tensor([1.0, 10, 100])).sum().backward()
    assert value.grad.tolist() == [[1.0, 10.0]]
