"""Clipping gradients: PyTorch's, in place."""

import numpy as np
import pytest

import tinygrad_lite as tg
from tinygrad_lite import nn


def parameters(T):
    rng = np.random.default_rng(0)
    made = [T.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((3, 2), (4,), ())]
    for p in made[:2]:
        p.grad = T.tensor(rng.normal(size=tuple(p.shape)) * 3)
    return made  # the last has no gradient


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1000.0])
def test_norms_are_clipped_as_in_pytorch(max_norm, norm_type):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    results = []
    for T in (tg, torch):
        some = parameters(T)
        total = T.nn.utils.clip_grad_norm_(some, max_norm, norm_type)
        results.append([total.item(), *(number for p in some[:2] for number in p.grad.reshape(-1).tolist())])
    assert results[0] == pytest.approx(results[1], rel=1e-9)


def test_the_norm_is_brought_down_in_place():
    some = parameters(tg)
    gradient = some[0].grad
    nn.utils.clip_grad_norm_(iter(some), 1.0)
    assert some[0].grad is gradient
    assert nn.utils.clip_grad_norm_(some, 5.0).item() == pytest.approx(1.0, rel=1e-5)
    assert nn.utils.clip_grad_norm_(tg.ones(1), 1.0).item() == 0.0


def test_values_are_clipped():
    some = parameters(tg)
    nn.utils.clip_grad_value_(some, 0.25)
    assert max(p.grad.abs().max().item() for p in some[:2]) == 0.25


def test_a_norm_that_is_not_finite():
    p = tg.ones(2, requires_grad=True)
    p.grad = tg.tensor([1.0, float("nan")])
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 .* is non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad[0].item() == 1.0
