"""Time tinygrad_lite against its peers: `python -m benchmarks`, or some of it: `python -m benchmarks steps nodes-10`.

How it is measured stands in `engines.py`, and what in `workloads.py` and `operations.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.engines import ENGINES, measure, measure_import, measure_memory, present, summary
from benchmarks.report import picture, tables
from benchmarks.suite import GROUPS, WORKLOADS
from benchmarks.workloads import GROWTH, STEPS

PACKAGES = ("numpy", "torch", "dezero", "mygrad", "autograd", "micrograd", "cupy-cuda12x", "cupy-cuda13x")


def machine(threads: int, device: str) -> dict[str, Any]:
    """What the numbers were measured on."""
    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "device": device,
            "python": platform.python_version(), **versions}  # fmt: skip


def means(chosen: str, name: str) -> bool:
    """Whether a workload is meant: by its name, or all sizes and ways of an operation by the operation's name."""
    return name == chosen or name.startswith(f"{chosen}, ")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the tables, and write the results if asked to. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    groups = [*GROUPS, "import"]
    parser.add_argument("work", nargs="*", help=f"groups ({', '.join(groups)}) or workloads by name (default: all)")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="which of them (default: all that are installed)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the engines are started anew (default: 5)")
    parser.add_argument("--turns", type=int, default=3, help="of each engine in a round (default: 3)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of work per turn (default: 0.2)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each engine (default: one per core)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the results into FILE")
    parser.add_argument("--picture", metavar="FILE", type=pathlib.Path, help="draw them into FILE")
    options = parser.parse_args(arguments)
    chosen = options.work or groups
    unknown = [name for name in chosen if name not in groups and not any(means(name, work) for work in WORKLOADS)]
    if unknown:
        names = [*groups, *STEPS, *GROWTH]
        parser.error(f"no work is called {', '.join(unknown)}. There are: {', '.join(names)}, and operations: exp, ...")
    engines = [name for name in present(options.device) if name in (options.engines or ENGINES)]
    if "torch" not in engines and not options.engines:
        print("PyTorch is not installed: there will be times, but no ratios (pip install 'tinygrad_lite[bench]')")

    results: dict[str, dict[str, Any]] = {}
    for title, group in GROUPS.items():
        names = [name for name in group.workloads if title in chosen or any(means(c, name) for c in chosen)]
        measured = measure(group, names, engines, options) if names else {}
        peaks = measure_memory(names, engines, options)
        results |= {name: summary(name, measured[name], peaks.get(name, {})) for name in names}
    imports = measure_import(options.turns) if "import" in chosen else None
    print(tables(results, imports))
    if options.json:
        about = {"machine": machine(options.threads, options.device), "import_seconds": imports, "results": results}
        options.json.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        picture(results, options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
