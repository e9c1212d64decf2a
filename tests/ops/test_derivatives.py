"""Every operation's value and derivatives, on shapes, memory layouts and values of every kind, in all pairs.

`check_op` compares first and second derivatives with differences, and looks for all else that can go wrong; where
PyTorch is installed its values and derivatives are the measure too.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

import tinygrad_lite
from tests.ops.cases import ALL, Case, operations_run_by
from tests.pytorch import needs_torch
from tinygrad_lite import ops
from tinygrad_lite.op import Op
from tinygrad_lite.testing import check_op
from tinygrad_lite.testing.coverage import Example
from tinygrad_lite.testing.differences import leaf

THOROUGH = 600  # examples: as many as that profile draws
# Cases that themselves compute what overflows, or cast a constant to the dtype of the input.
OVERFLOW_THEMSELVES, CAST_THEMSELVES = {"in place"}, {"bce settings", "pad two dims"}
DTYPES: dict[str, tuple[str, ...]] = {"to": ()}  # that case asks for float64 itself
every_case = pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])


def examples(case: Case) -> list[Example]:
    """A covering set, and in the thorough profile random ones too."""
    rng = np.random.default_rng()
    more = THOROUGH // 4 if settings.default.max_examples >= THOROUGH else 0
    draws = case.draws()
    return draws.covering() + [draws.example(draws.plan(rng), rng) for _ in range(more)]


@every_case
def test_all_that_an_operation_has_to_do_right(case):
    check_op(
        lambda *inputs: case.call(tinygrad_lite, *inputs),
        case.shapes,
        low=case.low,
        high=case.high,
        distinct=case.distinct,
        dtypes=DTYPES.get(case.name, ("float32", "float16")),
        extremes=case.name not in OVERFLOW_THEMSELVES,
        integers=case.name not in CAST_THEMSELVES,
        ways=3 if settings.default.max_examples >= THOROUGH else 2,
    )


@needs_torch
@every_case
def test_value_and_derivatives_are_pytorchs(case):
    for example in examples(case):
        compare_with_pytorch(case, example.arrays())


def compare_with_pytorch(case: Case, drawn: list[np.ndarray]) -> None:
    import torch

    seed = np.random.default_rng(0)

    def run(module, leaves, constant):
        y = case.call(module, *leaves)
        first = module.autograd.grad(y, leaves, constant(y.shape), create_graph=True, allow_unused=True)
        used = [g for g in first if g is not None and g.requires_grad]
        starts = [constant(g.shape) for g in used]
        second = module.autograd.grad(used, leaves, starts, allow_unused=True) if used else [None] * len(leaves)
        return [y, *first, *second]

    def numbers(shape):
        return seed.uniform(0.5, 1.5, tuple(shape))

    ours = run(tinygrad_lite, [leaf(array) for array in drawn], lambda shape: tinygrad_lite.tensor(numbers(shape)))
    seed = np.random.default_rng(0)
    theirs = run(
        torch,
        [torch.tensor(array.copy(), requires_grad=True) for array in drawn],
        lambda shape: torch.tensor(numbers(shape)),
    )
    for mine, other in zip(ours, theirs, strict=True):
        # Where PyTorch says None, nothing flows: for us that may be a gradient of zeros, and the other way round.
        mine = 0.0 if mine is None else mine.detach().numpy()
        other = 0.0 if other is None else other.numpy(force=True)
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9 * max(1.0, np.max(np.abs(other), initial=0.0)))


@needs_torch
@every_case
def test_float32_stays_float32_and_the_shape_is_pytorchs(case):
    import torch

    chosen = case.filled_shapes()
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(max(case.low, 0.5), case.high, shape).astype("float32") for shape in chosen]
    if case.name == "to":
        pytest.skip("the case itself asks for float64")
    y = case.call(tinygrad_lite, *[leaf(array).detach() for array in drawn])
    z = case.call(torch, *[torch.tensor(array) for array in drawn])
    assert y.dtype == tinygrad_lite.float32
    assert tuple(y.shape) == tuple(z.shape)
    np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=2e-5, atol=2e-6)


@pytest.fixture(scope="module")
def run_by_a_case():
    return set().union(*map(operations_run_by, ALL))


# `move` goes from one device to another: tests/test_devices.py
DIFFERENTIABLE = [op for op in vars(ops).values() if isinstance(op, Op) and op.functions and op is not ops.move]


@pytest.mark.parametrize("operation", DIFFERENTIABLE, ids=[operation.name for operation in DIFFERENTIABLE])
def test_the_operation_has_a_case(operation, run_by_a_case):
    """An operation without a case in `cases.py` is an operation whose derivative nobody checks."""
    assert operation.name in run_by_a_case


def test_operations_without_a_rule_are_those_that_have_no_derivative():
    rest = {value.name for value in vars(ops).values() if isinstance(value, Op) and not value.functions}
    assert rest == {"any", "all", "argmax", "argmin", "argsort", "bitwise_and", "bitwise_left_shift", "bitwise_not",
                    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "eq", "ge", "gt", "isfinite", "isinf", "isnan",
                    "largest_index", "largest_place", "le", "lt", "ne"}  # fmt: skip
