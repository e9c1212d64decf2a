"""Are the tests worth anything? Every gradient rule is made wrong, one mistake at a time, and the tests must notice.

    python -m tests.mutants             all rules of all operations
    python -m tests.mutants mul div     those of some

A mutant is a rule with one sign turned, one term or factor dropped, two arguments or operands swapped, or a comparison
turned round. It is put in the rule's place in the running program, and the property tests of the cases that use the
operation are run; if they pass, so is the whole suite. A mutant that survives all of it is reported, and the exit
status is 1.
"""

from __future__ import annotations

import ast
import copy
import inspect
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from tqdm import tqdm

import tinygrad_lite
from tests.ops.cases import ALL, Case, operations_run_by
from tinygrad_lite import ops
from tinygrad_lite.op import Op
from tinygrad_lite.testing import check_op

# Mutants that compute the same, and why.
ZERO, PRODUCT = "-0 is 0", "a · b is b · a"
EQUIVALENT: dict[tuple[str, str], str] = {
    **{
        (name, "sign turned: return zeros_like(g)  →  return -zeros_like(g)"): ZERO
        for name in ("ceil", "floor", "floor_divide", "round", "sign", "trunc", "zeros_like")
    },
    **{
        ("matmul", f"arguments 0 and 1 swapped: mul({a}, {b})  →  mul({b}, {a})"): PRODUCT
        for a, b in (
            ("unsqueeze(g, dim=-1)", "b"),
            ("g", "b"),
            ("unsqueeze(a, dim=-1)", "unsqueeze(g, dim=-2)"),
            ("g", "a"),
        )
    },
    ("matmul", "sign dropped: -1  →  1"): "of a vector's dimensions, where a new one is put, -1 and 1 are the same",
}

TURNED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
COMPARED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.Lt, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


def variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What else could stand in the place of this part of a rule."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in TURNED:
            yield "operator turned", ast.BinOp(node.left, TURNED[type(node.op)](), node.right)
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield "right dropped", node.left
            yield "left dropped", node.right
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
            yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign dropped", node.operand
    elif isinstance(node, ast.Call) and len(node.args) >= 2:
        for i in range(len(node.args) - 1):
            args = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
            yield f"arguments {i} and {i + 1} swapped", ast.Call(node.func, args, node.keywords)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield "comparison turned", ast.Compare(node.left, [COMPARED[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "sign turned", ast.Return(ast.UnaryOp(ast.USub(), node.value))


def mutants(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """All mutants of a rule, each with what is different, in words."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    count = len(list(ast.walk(tree)))
    for position in range(count):
        for i in range(len(list(variants(list(ast.walk(tree))[position])))):
            changed = copy.deepcopy(tree)
            node = list(ast.walk(changed))[position]
            before = ast.unparse(node)
            what, other = list(variants(node))[i]
            after = ast.unparse(ast.fix_missing_locations(other))
            changed = ast.fix_missing_locations(Replaced(node, other).visit(changed))
            scope = dict(function.__globals__)
            exec(compile(changed, inspect.getfile(function), "exec"), scope)
            yield f"{what}: {before}  →  {after}", scope[function.__name__]


class Replaced(ast.NodeTransformer):
    """A tree with one node in place of another."""

    def __init__(self, node: ast.AST, other: ast.AST) -> None:
        self.node, self.other = node, other

    def visit(self, node: ast.AST) -> Any:
        """The other node where this is the one."""
        return self.other if node is self.node else super().visit(node)


def cases_by_operation() -> dict[str, list[Case]]:
    """For each operation, the cases whose derivatives, first or second, run it."""
    found: dict[str, list[Case]] = {}
    for case in ALL:
        for name in operations_run_by(case):
            found.setdefault(name, []).append(case)
    return found


def found_by_a_case(cases: list[Case]) -> str | None:
    """The name of the first case whose property test fails."""
    for case in sorted(cases, key=lambda case: len(case.name)):
        try:
            check_op(
                lambda *inputs, case=case: case.call(tinygrad_lite, *inputs),
                case.shapes,
                low=case.low,
                high=case.high,
                distinct=case.distinct,
                dtypes=(),
            )
        except Exception:
            return case.name
    return None


def found_by_the_suite() -> bool:
    """Whether a test of the suite fails, in a process that is a copy of this one, mutant and all."""
    process = os.fork()
    if process == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        where = [
            "tests/ops",
            "tests/nn",
            "tests/test_autograd.py",
            "tests/test_tensor.py",
            "tests/test_like_pytorch.py",
        ]
        how = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        os._exit(int(pytest.main([*how, *where])) != 0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0


def main(names: list[str]) -> int:
    """Try the mutants of these operations, or of all. Returns the exit status."""
    warnings.simplefilter("ignore")
    hypothesis.settings.register_profile(
        "mutants", max_examples=8, deadline=None, database=None, derandomize=True, phases=[hypothesis.Phase.generate]
    )
    hypothesis.settings.load_profile("mutants")
    if found_by_the_suite():
        print("the suite fails as it is: mend that first", file=sys.stderr)
        return 2
    operations = [o for o in vars(ops).values() if isinstance(o, Op) and o.functions and (not names or o.name in names)]
    cases = cases_by_operation()
    tried = by_cases = by_suite = equivalent = 0
    survivors = []
    for operation in (bar := tqdm(operations)):
        bar.set_description(operation.name)
        rules = list(operation.rules)
        for function in dict.fromkeys(operation.functions.values()):
            for what, mutant in mutants(function):
                tried += 1
                operation.rules = [
                    rule._replace(function=mutant) if rule and rule.function is function else rule for rule in rules
                ]
                try:
                    if found_by_a_case(cases.get(operation.name, [])):
                        by_cases += 1
                    elif (operation.name, what) in EQUIVALENT:
                        equivalent += 1
                    elif found_by_the_suite():
                        by_suite += 1
                    else:
                        survivors.append((operation.name, what))
                        tqdm.write(f"SURVIVED  {operation.name}: {what}")
                finally:
                    operation.rules = rules
    print(f"{tried} mutants: {by_cases} found by the property tests, {by_suite} by other tests,", end=" ")
    print(f"{equivalent} that compute the same, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
