"""Time tinygrad_lite against its peers: `python -m benchmarks`, or some of it: `python -m benchmarks sgd-step`.

Two thread pools in one process slow each other down, and a busy machine slows whoever runs just then. So each engine
has a process of its own, with the same number of threads; they work in turn, in short bursts, and what counts is the
ratio. A process may be slow from start to end because of where its memory came to lie: several rounds start new ones.
In each of them the engines must agree about the loss.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from benchmarks.peers import PEER_WORKLOADS, PEERS
from benchmarks.workloads import WORKLOADS

ENGINES = {"tinygrad_lite": "tinygrad_lite", "torch": "PyTorch", "dezero": "DeZero", "mygrad": "MyGrad",
           "blas": "bare BLAS"}  # fmt: skip


class Engine:
    """A worker process, asked one thing at a time."""

    def __init__(self, name: str, device: str, threads: int) -> None:
        self.name = name
        settings = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings},
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """The worker's answer. RuntimeError if it died: what it said stands on the error stream."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"the process of {self.name} ended (status {self.process.returncode}) at {request}")
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def measure(
    names: list[str], engine_names: list[str], options: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """The times of a step, in seconds, one for each turn, of each workload on each engine."""
    times: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for _ in range(options.rounds):
        engines = [Engine(name, options.device, options.threads) for name in engine_names]
        for name in names:
            losses: dict[str, float] = {}
            able = [engine for engine in engines if can(engine.name, name, options.device)]
            for _ in range(options.turns):
                for engine in able:
                    answer = engine.ask(workload=name, seconds=options.seconds)
                    times[name].setdefault(engine.name, []).append(answer["step"])
                    if answer["loss"] is not None:
                        losses[engine.name] = answer["loss"]
            if max(losses.values()) - min(losses.values()) > 1e-4 * abs(max(losses.values())):
                raise RuntimeError(
                    f"{name}: the engines disagree about the loss, so they do not do the same work: {losses}"
                )
        for engine in engines:
            engine.stop()
    return times


def can(engine: str, workload: str, device: str) -> bool:
    """Whether there is such work for the engine there."""
    if engine == "blas":
        return device == "cpu" and WORKLOADS[workload].blas is not None
    return engine not in PEERS or (device == "cpu" and workload in PEER_WORKLOADS)


def measure_memory(names: list[str], engine_names: list[str], options: argparse.Namespace) -> dict[str, dict[str, int]]:
    """The most memory that each workload takes on tinygrad_lite and PyTorch, in bytes, each in a process of its own."""
    peaks: dict[str, dict[str, int]] = {name: {} for name in names}
    for name in names:
        for engine_name in engine_names:
            if engine_name in ("tinygrad_lite", "torch") and options.device == "cpu":
                engine = Engine(engine_name, options.device, options.threads)
                peak = engine.ask(workload=name, memory=True)["peak"]
                engine.stop()
                if peak is not None:
                    peaks[name][engine_name] = peak
    return peaks


def summary(name: str, times: dict[str, list[float]], peaks: dict[str, int]) -> dict[str, Any]:
    """One workload: for each engine the least and the median time, and ratios to PyTorch of turns side by side."""
    result: dict[str, Any] = {"workload": name, "microseconds": {}, "peak_bytes": peaks}
    for engine, seen in times.items():
        result["microseconds"][engine] = {"min": 1e6 * min(seen), "median": 1e6 * statistics.median(seen)}
    if "torch" in times:
        ratios = sorted(mine / other for mine, other in zip(times["tinygrad_lite"], times["torch"], strict=True))
        result["ratio_of_minima"] = min(times["tinygrad_lite"]) / min(times["torch"])
        result["median_ratio"] = statistics.median(ratios)
        result["middle_half"] = [ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]]
        result["target"] = WORKLOADS[name].target
    return result


def measure_import(turns: int) -> dict[str, Any]:
    """How much longer `import tinygrad_lite` takes than `import numpy`, each in a fresh process, in turn."""
    times: dict[str, list[float]] = {"numpy": [], "tinygrad_lite": []}
    kept = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }  # as NumPy's is kept
    for _ in range(turns + 1):  # the first compiles
        for module, seen in times.items():
            code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept)
            seen.append(float(done.stdout))
    return {"workload": "import", "extra_seconds": min(times["tinygrad_lite"]) - min(times["numpy"]), "target": 0.15}


def machine(threads: int, device: str) -> dict[str, Any]:
    """What the numbers were measured on."""
    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    packages = [p for p in ("numpy", "torch", "dezero", "mygrad", "cupy-cuda12x", "cupy-cuda13x") if _installed(p)]
    versions = {package: version(package) for package in packages}
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads, "device": device,
            "python": platform.python_version(), **versions}  # fmt: skip


def _installed(package: str) -> bool:
    try:
        version(package)
    except ImportError:
        return False
    return True


def table(results: list[dict[str, Any]]) -> str:
    """The results as a Markdown table.

    Times are the least, in microseconds; ratios are medians, with the middle half of them; memory is in MB.
    """
    head = ["work", *ENGINES.values(), "ratio to PyTorch", "target", "memory", "PyTorch's"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for result in results:
        if result["workload"] == "import":
            cells = [f"{result['extra_seconds']:.3f}", *[""] * len(ENGINES), str(result["target"]), "", ""]
            lines.append(f"| import, s more than NumPy's | {' | '.join(cells)} |")
            continue
        cells = [
            f"{result['microseconds'][engine]['min']:.1f}" if engine in result["microseconds"] else "–"
            for engine in ENGINES
        ]
        ratio = "–"
        if "median_ratio" in result:
            low, high = result["middle_half"]
            ratio = f"{result['median_ratio']:.2f} ({low:.2f} to {high:.2f})"
        peaks = result["peak_bytes"]
        cells += [ratio, str(result.get("target") or "–")]
        cells += [f"{peaks[engine] / 1e6:.0f}" if engine in peaks else "–" for engine in ("tinygrad_lite", "torch")]
        lines.append(f"| {WORKLOADS[result['workload']].text} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, and write the results if asked to. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join([*WORKLOADS, 'import'])} (default: all)")
    parser.add_argument("--rounds", type=int, default=9, help="how often the engines are started anew (default: 9)")
    parser.add_argument("--turns", type=int, default=3, help="of each engine in a round (default: 3)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of work a turn (default: 0.2)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each engine (default: one a core)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the results into FILE")
    options = parser.parse_args(arguments)
    chosen = options.workloads or [*WORKLOADS, "import"]
    unknown = [name for name in chosen if name not in [*WORKLOADS, "import"]]
    if unknown:
        parser.error(f"no workload is called {', '.join(unknown)}. There are: {', '.join([*WORKLOADS, 'import'])}")
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: there will be times, but no ratios (pip install 'tinygrad_lite[bench]')")

    present = [name for name in ENGINES if name == "blas" or importlib.util.find_spec(name) is not None]
    steps = [name for name in chosen if name != "import"]
    times = measure(steps, present, options)
    peaks = measure_memory(steps, present, options)
    results = [summary(name, times[name], peaks[name]) for name in steps]
    if "import" in chosen:
        results.append(measure_import(options.turns))
    print(table(results))
    if options.json:
        about = machine(options.threads, options.device)
        options.json.write_text(json.dumps({"machine": about, "results": results}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
