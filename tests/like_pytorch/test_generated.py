"""Some programs of every operation, the same in every run: they give what PyTorch gives, or a row says why not.

`python -m tests.like_pytorch --minutes 5` draws others, and more.
"""

import re

import pytest

import tinygrad_lite

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")

from tests.like_pytorch.compare import AGREED, DIFFER, HERE, REFUSED, compare, simplified  # noqa: E402 (they need PyTorch)
from tests.like_pytorch.deliberate import explanation  # noqa: E402
from tests.like_pytorch.operations import ELSEWHERE, OPERATIONS, draw  # noqa: E402

pytestmark = pytest.mark.cpu
PROGRAMS = 15  # of each line of the table


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.line for operation in OPERATIONS])
def test_a_program_gives_what_it_gives_in_pytorch(operation):
    for i in range(PROGRAMS):
        verdict = compare(draw(operation, f"0 {i}"))
        if verdict.verdict in (DIFFER, HERE) and explanation(verdict) is None:
            verdict = simplified(verdict)
            pytest.fail(
                f"{verdict.verdict}: {verdict.kind}\n{verdict.program}\n"
                f"# here:    {verdict.ours}\n# PyTorch: {verdict.theirs}"
            )


def test_most_programs_run():
    """A generator that draws nonsense would find that both refuse it, and be content."""
    verdicts = [compare(draw(operation, "0 0")).verdict for operation in OPERATIONS]
    assert verdicts.count(AGREED) > 0.7 * len(verdicts)
    assert verdicts.count(REFUSED) > 0.03 * len(verdicts)


def test_every_operation_is_in_the_table():
    drawn = {word for operation in OPERATIONS for word in re.findall(r"\w+", operation.name)}
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    missing = set()
    for of in (tinygrad_lite.Tensor, tinygrad_lite, tinygrad_lite.nn.functional):
        for name in dir(of):
            value = getattr(of, name)
            if name[0] != "_" and (callable(value) or isinstance(value, property)):
                missing |= {name} - drawn - elsewhere
    assert missing == set()
