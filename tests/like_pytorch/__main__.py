"""Random programs of one operation each, run here and in PyTorch, and a report of where the two differ.

    python -m tests.like_pytorch --minutes 5                    all operations in turn
    python -m tests.like_pytorch --minutes 1 --operation sum    one of them (or several: --operation sum mean)
    python -m tests.like_pytorch --programs 4700 --seed 3       so many programs, and others than by default

Every line of the table in `operations.py` is an operation, and how its arguments are drawn; the rest of a program
(shapes, dtypes, values, how the numbers lie in memory) is in `tensors.py`. Compared are values, dtypes, shapes, whether
writing through the result reaches the input or the other way round, and first and second gradients. The report groups
what differs, and shows of each group the shortest program, to be pasted. What differs on purpose is listed in
DIFFERENCES.md, and only counted. The exit status is 1 if anything else differs, or is refused here only.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter

import torch

from tests.like_pytorch.compare import AGREED, DIFFER, HERE, REFUSED, THERE, Verdict, compare, simplified
from tests.like_pytorch.deliberate import explanation, page
from tests.like_pytorch.operations import OPERATIONS, draw


def main() -> int:
    """Run, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.like_pytorch", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, help="how long (default: 1, or until --programs have been run)")
    parser.add_argument("--programs", type=int, help="how many programs")
    parser.add_argument("--operation", nargs="+", help="only these operations")
    parser.add_argument("--seed", default="0", help="which programs are drawn")
    parser.add_argument("--differences", action="store_true", help="print DIFFERENCES.md, and do nothing else")
    options = parser.parse_args()
    if options.differences:
        print(page(), end="")
        return 0
    chosen = [op for op in OPERATIONS if not options.operation or op.name in options.operation]
    if not chosen:
        parser.error(f"there is no operation {' '.join(options.operation)}: see tests/like_pytorch/operations.py")
    torch.set_num_threads(1)  # the tensors are small
    minutes = options.minutes if options.minutes is not None else None if options.programs else 1.0
    end = None if minutes is None else time.monotonic() + 60 * minutes
    verdicts: list[Verdict] = []
    for i in itertools.count():
        if (end is not None and time.monotonic() > end) or (options.programs and i >= options.programs):
            break
        turn, place = divmod(i, len(chosen))
        verdicts.append(compare(draw(chosen[place], f"{options.seed} {turn}")))
    print(report(verdicts))
    return int(any(v.verdict in (DIFFER, HERE) and explanation(v) is None for v in verdicts))


def report(verdicts: list[Verdict]) -> str:
    """How many of each verdict, and the shortest program of each group that does not agree."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    explained: Counter[str] = Counter()
    groups: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.verdict in (AGREED, REFUSED):
            continue
        if explanation(verdict) is not None:
            explained[verdict.verdict] += 1
        else:
            groups.setdefault((verdict.verdict, verdict.program.operation, verdict.kind), []).append(verdict)
    lines = []
    for name in (THERE, HERE, DIFFER):
        chosen = {group: found for group, found in groups.items() if group[0] == name}
        for (_, operation, kind), found in sorted(chosen.items()):
            shortest = simplified(min(found, key=lambda verdict: len(str(verdict.program))))
            lines += [f"--- {name}: {operation}: {kind} ({len(found)})", str(shortest.program)]
            lines += [f"# here:    {_short(shortest.ours)}", f"# PyTorch: {_short(shortest.theirs)}", ""]
    lines.append(f"{len(verdicts)} programs of {len({v.program.operation for v in verdicts})} operations:")
    lines += [f"{counts[name]:7} {name}" for name in (AGREED, REFUSED)]
    for name in (DIFFER, HERE, THERE):
        lines.append(f"{counts[name]:7} {name}, {explained[name]} of them on purpose: see DIFFERENCES.md")
    return "\n".join(lines)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) < 300 else text[:300] + " …"


if __name__ == "__main__":
    sys.exit(main())
