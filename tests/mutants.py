"""Are the tests worth anything? The engine is made wrong, one mistake at a time, and the tests must notice.

    python -m tests.mutants             the gradient rules of all operations, the walk, and changes in place
    python -m tests.mutants mul div     the rules of some operations
    python -m tests.mutants walk        the walk, from the recording of an operation to the leaves
    python -m tests.mutants in_place    Tensor's changes in place, and its views

The mistakes are those of `tinygrad_lite.testing.mutants`, which makes a reader's operations wrong in the same way.
Rules have to be noticed by the property tests of the cases that use the operation, or else by the suite; the walk and
the changes in place by the tests of their rooms. A mutant that survives is reported, and the exit status is 1.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import warnings
from collections.abc import Iterable

import hypothesis

import tinygrad_lite
from tests.ops.cases import ALL, Case, operations_run_by
from tinygrad_lite import ops
from tinygrad_lite.op import Op
from tinygrad_lite.testing import check_op
from tinygrad_lite.testing.mistakes import functions_in, mutants_of_function, mutants_of_rules
from tinygrad_lite.testing.mutation import found_at, run_tests, try_out

# Where the engine is made wrong beside its rules, and the tests that have to notice, the quickest to notice first.
PLACES = {
    "walk": (
        [
            "tinygrad_lite.autograd.walk",
            "tinygrad_lite.autograd.sums",
            "tinygrad_lite.autograd.graph",
            "tinygrad_lite.autograd.mode",
            "tinygrad_lite.tensor:Tensor._apply",
            "tinygrad_lite.tensor:Tensor._accumulate",
        ],
        [
            "tests/autograd",
            "tests/test_autograd.py",
            "tests/test_anomaly.py",
            "tests/test_programs.py",
            "tests/test_robustness.py",
            "tests/test_devices.py",
        ],
    ),
    "in_place": (
        [
            "tinygrad_lite.autograd.changes",
            "tinygrad_lite.tensor:Tensor._in_place",
            "tinygrad_lite.tensor:Tensor._change_recorded",
            "tinygrad_lite.tensor:Tensor._follow_base",
            "tinygrad_lite.tensor:Tensor._stand_for",
            "tinygrad_lite.tensor:Tensor._viewed_through",
            "tinygrad_lite.tensor:Tensor._settled",
            "tinygrad_lite.tensor:Tensor._source",
        ],
        [
            "tests/autograd",
            "tests/test_in_place.py",
            "tests/test_views.py",
            "tests/test_memory_order.py",
            "tests/test_anomaly.py",
            "tests/test_autograd.py",
            "tests/test_tensor.py",
            "tests/test_programs.py",
            "tests/test_like_pytorch.py",
        ],
    ),
}
QUICK = "not million and not 10_000 and not 100_000 and not importing"
SUITE = ["tests/ops", "tests/nn", "tests/test_autograd.py", "tests/test_tensor.py", "tests/test_like_pytorch.py"]

# Mutants that compute the same, and why. Of the first, the gradient is 0 everywhere, and so is twice as much.
ZERO = ("ceil", "floor", "floor_divide", "round", "sign", "trunc", "zeros_like")
EQUIVALENT = (
    # a · b is b · a
    *(
        f"matmul, rule for {x}: arguments 0 and 1 swapped: mul({a}, {b})"
        for x, a, b in (
            ("a", "unsqueeze(g, dim=-1)", "b"),
            ("a", "g", "b"),
            ("b", "unsqueeze(a, dim=-1)", "unsqueeze(g, dim=-2)"),
            ("b", "g", "a"),
        )
    ),
    # a second weak link to the same memory does what the first one does
    "mark_changed: always the second: known[0] if known else",
    # the count begins at 1, and gives no number twice
    "refuse_changed_arrays: number changed: 0  →  1",
    "refuse_changed_arrays: comparison of equals: number > node.number",
    # what was released is refused before
    "refuse_changed: part 1 dropped: node.saved or ()",
    # it matters to several threads only
    "mark_changed: without the with: with _one_at_a_time",
    # it runs once, when the package is imported
    "_references_to_a_new_array",
    # of a vector's dimensions, where a new one is put, -1 and 1 are the same
    "matmul, rule for a: sign dropped: -1  →  1",
    "matmul, rule for b: sign dropped: -1  →  1",
)


def cases_by_operation() -> dict[str, list[Case]]:
    """For each operation, the cases whose derivatives, first or second, run it."""
    found: dict[str, list[Case]] = {}
    for case in ALL:
        for name in operations_run_by(case):
            found.setdefault(name, []).append(case)
    return found


def check_cases(cases: Iterable[Case]) -> None:
    """The property tests of these cases, the simplest first, and then the suite. The first that fails raises."""
    for case in sorted(cases, key=lambda case: len(case.name)):
        check_op(
            lambda *inputs, case=case: case.call(tinygrad_lite, *inputs),
            case.shapes,
            low=case.low,
            high=case.high,
            distinct=case.distinct,
            dtypes=(),
        )
    run_tests(SUITE)


def main(names: list[str]) -> int:
    """Try the mutants of these operations and places, or of all. Returns the exit status."""
    warnings.simplefilter("ignore")
    with contextlib.suppress(ImportError):
        importlib.import_module("torch")  # once, and not in the process of each mutant
    hypothesis.settings.register_profile("few", max_examples=8, deadline=None, database=None, derandomize=True)
    hypothesis.settings.load_profile("few")
    operations = {o.name: o for o in vars(ops).values() if isinstance(o, Op) and o.functions}
    unknown = [name for name in names if name not in operations and name not in PLACES]
    if unknown:
        print(f"no operation or place is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    cases = cases_by_operation()
    reports = []
    for name in names or [*operations, *PLACES]:
        if name in operations:
            mutants = mutants_of_rules(operations[name])
            check = functools.partial(check_cases, cases.get(name, []))
            report = try_out(name, mutants, check, EQUIVALENT, 600, check_first=not reports)
            if name in ZERO:
                report.trials = [trial for trial in report.trials if trial.differed or not trial.passed]
            reports.append(report)
            print(report, flush=True)
        for place in PLACES[name][0] if name in PLACES else ():
            for where, function in functions_in(found_at(place)[1], place):
                check = functools.partial(run_tests, PLACES[name][1], "-k", QUICK)
                report = try_out(where, mutants_of_function(function, where), check, EQUIVALENT, 600)
                reports.append(report)
                print(report, flush=True)
    tried = sum(len(report.trials) for report in reports)
    survived = sum(len(report.survivors) for report in reports)
    print(f"{tried} mutants, {tried - survived} found, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
