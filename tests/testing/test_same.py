"""`check_same` passes what is the same, PyTorch's among it, and finds what differs."""

import numpy as np
import pytest
from hypothesis import strategies as st

import tinygrad_lite as tg
from tinygrad_lite.nn import functional as F
from tinygrad_lite.testing import check_same

MATRIX = st.just([(2, 3)])


def test_what_is_the_same_passes():
    check_same(tg.exp, lambda x: x.exp())
    check_same(lambda a, b: a * b, lambda a, b: b * a)
    check_same(lambda x: x.abs(), lambda x: tg.where(x > 0, x, -x))  # slopes at 0 differ, and both may be right
    check_same(lambda x: tg.softmax(x, -1), lambda x: tg.log_softmax(x, -1).exp(), MATRIX)
    check_same(tg.log, lambda x: x.log2() * np.log(2), low=0.1, extremes=False)


@pytest.mark.parametrize("name", ["gelu", "silu", "softplus", "logsigmoid", "relu"])
def test_pytorchs_functions(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    check_same(getattr(F, name), getattr(torch.nn.functional, name), tensor=torch.tensor)


def test_a_tuple_of_outputs_and_several_inputs_with_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")

    def both(T):
        return lambda a, b: (T.maximum(a, b + 0.00137), a @ b.mT)

    check_same(both(tg), both(torch), st.just([(2, 3), (2, 3)]), tensor=torch.tensor)


WRONG = {
    "the value": (tg.exp, tg.expm1, {}, "the output of exp and expm1 differs: .* at element"),
    "the gradient": (lambda x: x * x, lambda x: x * x.detach(), {}, "with respect to input 0 differs"),
    "of the second input": (lambda a, b: a * b, lambda a, b: a * b.detach(), {}, "with respect to input 1 differs"),
    "large values": (F.softplus, lambda x: (1 + x.exp()).log(), {}, "the output .* differs: 1000 and inf"),
    "values near 0": (lambda x: x.expm1() / x, lambda x: (x.exp() - 1) / x, {"low": 0.1}, "the output .* differs"),
    "the shape": (lambda x: x.sum(-1), lambda x: x.sum(-1, keepdim=True), {"shapes": MATRIX}, "the shapes are"),
    "the dtype": (lambda x: x * 1, lambda x: x.double(), {}, "the output is float32 and float64"),
    "one refuses": (
        lambda a, b: a + b,
        lambda a, b: (a.unsqueeze(0) @ b.unsqueeze(1)).squeeze() if a.shape == b.shape else tg.cat([a, b], 7),
        {"shapes": 2},
        "the first takes them; the second raises",
    ),
    "the number of outputs": (lambda x: (x, x), lambda x: x, {}, "have 2 and 1 outputs"),
    "the wrong dimension": (lambda x: x.cumsum(0), lambda x: x.cumsum(1), {"shapes": MATRIX}, "differs"),
    "only for columns": (
        lambda x: x.sum(1),
        lambda x: x.sum(1) if x.shape[1] > 1 else 2 * x.sum(1),
        {"shapes": st.sampled_from([[(2, 3)], [(3, 1)]])},
        "differs",
    ),
    "nothing compared": (
        lambda a, b: a @ b,
        lambda a, b: a @ b,
        {"shapes": st.just([(2, 3), (2, 3)])},
        "refused all inputs that were drawn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_differs_is_found(name):
    ours, theirs, settings, message = WRONG[name]
    with pytest.raises(AssertionError, match=message):
        check_same(ours, theirs, **settings)
