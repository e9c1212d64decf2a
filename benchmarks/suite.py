"""All workloads by name, and in groups."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.operations import OPERATION_STEPS
from benchmarks.workloads import GROWTH, STEPS, Workload


class Group(NamedTuple):
    """Workloads whose results stand in one table.

    effort: what share of the rounds, and of the time per turn, each of them gets.
    """

    workloads: dict[str, Workload]
    effort: float


GROUPS = {
    "steps": Group(STEPS, 1.0),
    "growth": Group(GROWTH, 0.5),
    "operations": Group(OPERATION_STEPS, 0.3),
}
WORKLOADS = {name: workload for group in GROUPS.values() for name, workload in group.workloads.items()}
