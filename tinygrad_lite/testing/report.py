"""What `check_op` drew and compared, as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tinygrad_lite.testing.coverage import Plan
from tinygrad_lite.testing.gradcheck import Compared


class Report:
    """Counts of the examples and their properties, and of the elements compared and passed over."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chosen = self.examples = self.refused = self.extremes = self.extreme_elements = 0
        self.properties: dict[str, Counter[Any]] = defaultdict(Counter)
        self.derivatives: dict[str, Counter[str]] = {"first": Counter(), "second": Counter()}
        self.left_alone: list[str] = []
        self.notes: list[str] = []

    def drew(self, plan: Plan) -> None:
        """Count an example."""
        self.examples += 1
        for which, kind, level in plan.properties():
            self.properties[kind + which][level] += 1

    def compared(self, order: str, found: Compared) -> None:
        """Count the elements of a comparison: of "first" or "second" derivatives."""
        self.derivatives[order].update(
            {"elements": found.elements, "compared": found.compared, "kinks": found.kinks, "outside": found.outside}
        )

    def passed_over(self) -> str | None:
        """Why this is not enough, if no or fewer than half of the elements had a first derivative to compare."""
        counts = self.derivatives["first"]
        if not counts["elements"] or 2 * counts["compared"] >= counts["elements"]:
            return None
        some = "no element" if not counts["compared"] else f"only {counts['compared']} of {counts['elements']} elements"
        return (
            f"{self.name} has a derivative at {some} of the inputs drawn: {counts['outside']} lie where it is not"
            f" finite, {counts['kinks']} on a kink or a jump. So there is too little to compare. Say where it has one:"
            " low= and high= for the range of the values, distinct=True if it has none where values are equal or 0,"
            " shapes= for the shapes; or order=0, if it has no derivatives at all"
        )

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.examples} examples, the first {self.chosen} of them chosen to cover all pairs"]
        width = max(map(len, [*self.properties, "second derivatives"]), default=0) + 2
        for kind, counts in self.properties.items():
            levels = sorted(counts.items(), key=lambda pair: str(pair[0]))
            lines.append(f"{kind:<{width}}" + "   ".join(f"{level}: {count}" for level, count in levels))
        for order, found in self.derivatives.items():
            if found:
                text = f"{found['compared']} of {found['elements']} elements compared"
                text += f", passed over {found['kinks']} at a kink or a jump, {found['outside']} not finite there"
                lines.append(f"{order + ' derivatives':<{width}}{text}")
        if self.extremes:
            text = f"{self.extremes} examples, {self.extreme_elements} derivatives compared"
            lines.append(f"{'large and tiny':<{width}}{text}")
        if self.refused:
            lines.append(f"{'refused':<{width}}{self.refused} examples, whose settings the operation does not take")
        if self.left_alone:
            lines.append(f"{'left alone':<{width}}{', '.join(self.left_alone)}: say settings={{...}} to draw them")
        return "\n".join(line.rstrip() for line in [*lines, *self.notes])
