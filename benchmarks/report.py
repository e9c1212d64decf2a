"""What was measured, as tables in Markdown and as a picture."""

from __future__ import annotations

import pathlib
from typing import Any

from benchmarks.engines import ENGINES
from benchmarks.operations import OPERATIONS, SIZES
from benchmarks.peers import PEERS
from benchmarks.suite import GROUPS, WORKLOADS

PEER_NAMES = [name for name in ENGINES if name in PEERS]
Results = dict[str, dict[str, Any]]  # of each workload, what `engines.summary` says


def tables(results: Results, imports: dict[str, float] | None) -> str:
    """All tables for what was measured, and below them what the peers cannot do."""
    parts = []
    for group, make in {"steps": steps_table, "growth": growth_table, "operations": operations_table}.items():
        chosen = {name: results[name] for name in GROUPS[group].workloads if name in results}
        if chosen:
            parts.append(make(chosen))
    if imports:
        parts.append(imports_table(imports))
    return "\n\n".join([*parts, notes(results)]).strip()


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table with its first column to the left, and numbers to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def steps_table(results: Results) -> str:
    """Times are the shortest, in microseconds; a ratio is the median, with the middle half; memory is in MB.

    For the peers it says how many times as long as ours they take.
    """
    head = ["work", "tinygrad_lite", "PyTorch", "ratio", "target", "bare BLAS", "ratio"]
    rows = []
    for name, result in results.items():
        row = [WORKLOADS[name].text, *(_time(result, engine) for engine in ("tinygrad_lite", "torch"))]
        row += [_ratio(result, "torch"), str(result.get("target", "–")), _time(result, "blas"), _ratio(result, "blas")]
        row += [_times_as_long(result, peer) for peer in PEER_NAMES]
        row += [_memory(result, engine) for engine in ("tinygrad_lite", "torch")]
        rows.append(row)
    return markdown([*head, *(f"{ENGINES[peer]} takes" for peer in PEER_NAMES), "memory", "PyTorch's"], rows)


def growth_table(results: Results) -> str:
    """The shortest time per node, or per example, in microseconds."""
    rows = []
    for name, result in results.items():
        units = WORKLOADS[name].units
        row = [WORKLOADS[name].text]
        for engine in ("tinygrad_lite", "torch", *PEER_NAMES):
            seen = result["microseconds"].get(engine)
            row.append(f"{seen['min'] / units:.2f}" if seen else "–")
        rows.append([*row, _ratio(result, "torch")])
    head = ["work, µs per node or example", *(ENGINES[engine] for engine in ("tinygrad_lite", "torch", *PEER_NAMES))]
    return markdown([*head, "ratio to PyTorch"], rows)


def operations_table(results: Results) -> str:
    """Ratios to PyTorch, forward, and forward and back; and how many times as long as ours the peers take.

    Without PyTorch, the shortest times in microseconds.
    """
    peers = [name for name in PEER_NAMES if name not in ("micrograd", "numpy")]  # they know no operations
    compared = any("torch" in result["ratio"] for result in results.values())
    rows = []
    for name in OPERATIONS:
        row = [name]
        for size in SIZES:
            for way in ("forward", "back"):
                result = results.get(f"{name}, {size}, {way}")
                if result is None:
                    row.append("–")
                elif compared:
                    row.append(f"{result['ratio']['torch']['median']:.2f}")
                else:
                    row.append(_time(result, "tinygrad_lite"))
        middle = results.get(f"{name}, middle, back", {"ratio": {}})
        row += [_times_as_long(middle, peer) for peer in peers]
        if set(row[1:]) != {"–"}:
            rows.append(row)
    what = "operation, ratio to PyTorch" if compared else "operation, µs"
    head = [f"{n} × {n}{way}" for n in SIZES.values() for way in ("", " and back")]
    return markdown([what, *head, *(f"{ENGINES[peer]} takes" for peer in peers)], rows)


def imports_table(imports: dict[str, float]) -> str:
    """Seconds."""
    return markdown(["import", *imports], [["s", *(f"{seconds:.3f}" for seconds in imports.values())]])


def notes(results: Results) -> str:
    """What stands behind a dash, and what help a peer got."""
    lines = []
    for package, peer in PEERS.items():
        reasons = {result["cannot"][package] for result in results.values() if package in result["cannot"]}
        measured = any(package in result["microseconds"] for result in results.values())
        if measured or reasons:
            help = f"; {peer.help}" if peer.help else ""
            lines.append(f"- {ENGINES[package]}{help}. –: {'; '.join(sorted(reasons)) or 'not measured'}.")
    return "\n".join(lines)


def _time(result: dict[str, Any], engine: str) -> str:
    seen = result["microseconds"].get(engine)
    return f"{seen['min']:,.{1 if seen['min'] < 1000 else 0}f}" if seen else "–"


def _ratio(result: dict[str, Any], engine: str) -> str:
    seen = result["ratio"].get(engine)
    return f"{seen['median']:.2f} ({seen['middle_half'][0]:.2f} to {seen['middle_half'][1]:.2f})" if seen else "–"


def _times_as_long(result: dict[str, Any], engine: str) -> str:
    seen = result["ratio"].get(engine)
    return f"{1 / seen['median']:.2g} ×" if seen else "–"


def _memory(result: dict[str, Any], engine: str) -> str:
    return f"{result['peak_bytes'][engine] / 1e6:.1f}" if engine in result["peak_bytes"] else "–"


def picture(results: Results, file: pathlib.Path) -> None:
    """The ratios to PyTorch, and how the cost grows, drawn into a file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.35, 1])
    _draw_steps(left.subplots(), results)
    nodes, examples, operations = right.subplots(3, 1)
    _draw_growth(nodes, results, "nodes-", "nodes in a chain", "µs per node")
    _draw_growth(examples, results, "batch-", "examples in a batch (784-50-10)", "µs per example")
    _draw_operations(operations, results)
    figure.savefig(file, dpi=110)


def _draw_steps(axes: Any, results: Results) -> None:
    names = [name for name in GROUPS["steps"].workloads if "torch" in results.get(name, {"ratio": {}})["ratio"]]
    for y, name in enumerate(names):
        ratio, target = results[name]["ratio"]["torch"], results[name].get("target")
        low, high = ratio["middle_half"]
        axes.barh(y, ratio["median"] - 1, left=1, color="tab:green" if ratio["median"] <= 1 else "tab:orange")
        axes.plot([low, high], [y, y], color="black", linewidth=1)
        if target:
            axes.plot([target, target], [y - 0.4, y + 0.4], color="tab:blue", linewidth=2)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [WORKLOADS[name].text for name in names], fontsize=8)
    axes.set(xscale="log", title="time of a step, in PyTorch's time\n(blue: what was aimed at; black: middle half)")
    ticks = [0.1, 0.2, 0.5, 1, 2, 3]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)


def _draw_growth(axes: Any, results: Results, prefix: str, x_label: str, y_label: str) -> None:
    names = [name for name in GROUPS["growth"].workloads if name.startswith(prefix) and name in results]
    for engine, text in ENGINES.items():
        points = [(WORKLOADS[name].units, results[name]["microseconds"][engine]["min"] / WORKLOADS[name].units)
                  for name in names if engine in results[name]["microseconds"]]  # fmt: skip
        if points:
            axes.loglog(*zip(*points, strict=True), marker=".", label=text)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=7, loc="upper left" if prefix == "nodes-" else "upper right")


def _draw_operations(axes: Any, results: Results) -> None:
    ways = [(size, way) for size in SIZES for way in ("forward", "back")]
    for x, (size, way) in enumerate(ways):
        keys = [f"{name}, {size}, {way}" for name in OPERATIONS]
        ratios = [
            results[key]["ratio"]["torch"]["median"]
            for key in keys
            if key in results and "torch" in results[key]["ratio"]
        ]
        axes.plot([x + 0.5 * (i / max(1, len(ratios)) - 0.5) for i in range(len(ratios))], sorted(ratios), ".")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(ways)), [f"{SIZES[s]}²\n{'and back' if w == 'back' else w}" for s, w in ways], fontsize=7)
    axes.set(yscale="log", ylabel="ratio to PyTorch", title="each operation, sorted")
    axes.grid(axis="y", alpha=0.3)
