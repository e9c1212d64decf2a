"""What the steps of the benchmarks cost, in counts that no busy machine changes: instructions, and bytes.

A change that makes a step cost a tenth more fails here. If it is worth that, raise the number, and say why in the
commit. The time itself is measured by `python -m benchmarks`, beside PyTorch.
"""

import sys
import tracemalloc

import pytest

import tinygrad_lite as tg
from benchmarks.workloads import STEPS, chain

# Instructions of Python 3.11 (later ones take fewer), in all code that a step runs; and the most bytes that it has at
# once, beyond what stays: a tenth of those of mlp-300 is a fifth of an array as large as its weight.
COSTS = {
    "sgd-step": (3_650, 5_200),
    "mlp-50": (6_900, 319_000),
    "mlp-300": (6_900, 1_900_000),
    "lenet-64": (38_600, 4_790_000),
    "lstm": (634_000, 10_130_000),
    "attention": (29_400, 11_670_000),
    "conv-14": (6_700, 8_370_000),
    "batch-norm": (12_700, 9_640_000),
    "hvp-50": (29_600, 497_000),
}
TENTH = 1.1


def instructions(step):
    """How many instructions of Python bytecode a step runs: the most of two tries, as Python 3.12 misses the first."""
    return max(_counted(step), _counted(step))


def _counted(step):
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    finally:
        sys.settrace(before)
    return count


def most_bytes(step):
    """The most memory that a step has at once, more than before it; NumPy tells tracemalloc of its arrays."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        step()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", COSTS)
def test_a_step_costs_no_more_than_it_did(name):
    step = STEPS[name].make(tg, "cpu")
    for _ in range(3):
        step()
    allowed_instructions, allowed_bytes = COSTS[name]
    assert instructions(step) <= TENTH * allowed_instructions
    assert most_bytes(step) <= TENTH * allowed_bytes


def test_a_node_costs_the_same_in_a_short_graph_and_in_a_long_one():
    short, long = (chain(n)(tg, "cpu") for n in (100, 3_000))
    for step in (short, long):
        step()
    assert instructions(long) / 3_000 <= 1.02 * instructions(short) / 100
    assert instructions(long) / 3_000 <= TENTH * 524
    assert most_bytes(long) / 3_000 < 300
