"""Measuring: each engine in a process of its own, asked in turn.

Two thread pools in one process slow each other down, and a busy machine slows whoever runs just then. So the engines
work in turn, in short bursts, and what counts is the ratio of turns side by side. A process may be slow from start to
end because of where its memory came to lie: several rounds start new ones. Before the clock starts, the engines must
have computed the same.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.suite import WORKLOADS, Group

ENGINES = {"tinygrad_lite": "tinygrad_lite", "torch": "PyTorch", "dezero": "DeZero", "mygrad": "MyGrad",
           "autograd": "autograd", "micrograd": "micrograd", "numpy": "NumPy by hand", "blas": "bare BLAS"}  # fmt: skip


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


def is_installed(name: str) -> bool:
    """True if a package can be imported. (A mere folder of that name, which Python finds too, has no origin.)"""
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None


def present(device: str) -> list[str]:
    """The engines that are installed and run on the device."""
    found = [name for name in ENGINES if name == "blas" or is_installed(name)]
    return found if device == "cpu" else [name for name in found if name in ("tinygrad_lite", "torch")]


def measure(group: Group, names: list[str], engine_names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """For each workload a dictionary: times by engine, in seconds per step, one for each turn; and which engine cannot,
    and why.

    RuntimeError where two engines have computed different numbers.
    """
    results: dict[str, Any] = {name: {"seconds": {}, "cannot": {}} for name in names}
    for _ in range(math.ceil(options.rounds * group.effort)):
        engines = [Engine(name, options.device, options.threads) for name in engine_names]
        for engine in engines:
            engine.ask(ready=True)  # none is still importing while another is timed
        for name in names:
            times, cannot = results[name]["seconds"], results[name]["cannot"]
            prints: dict[str, list[list[float]]] = {}
            for _ in range(options.turns):
                for engine in engines:
                    if engine.name in cannot:
                        continue
                    answer = engine.ask(workload=name, seconds=options.seconds * group.effort)
                    if "cannot" in answer:
                        cannot[engine.name] = answer["cannot"]
                    else:
                        times.setdefault(engine.name, []).append(answer["step"])
                        prints[engine.name] = answer["prints"]
            _compare(name, prints)
        for engine in engines:
            engine.stop()
    return results


def _compare(workload: str, prints: dict[str, list[list[float]]]) -> None:
    """RuntimeError if what some engine computed differs from PyTorch's numbers, or from ours if it is not there."""
    judge = "torch" if "torch" in prints else "tinygrad_lite"
    for engine, results in prints.items():
        if engine == "blas":
            continue
        for mine, right in zip(results, prints[judge], strict=False):  # peers report fewer of their results
            scale = max(abs(mine[1]), abs(right[1]), 1e-7)
            if mine[0] != right[0] or any(abs(a - b) > 1e-3 * scale for a, b in zip(mine, right, strict=True)):
                raise RuntimeError(
                    f"{workload}: {ENGINES[engine]} and {ENGINES[judge]} disagree, so they do not do the same work:"
                    f" number of elements, root of mean square and mean product {results} against {prints[judge]}"
                )


def measure_memory(names: list[str], engine_names: list[str], options: argparse.Namespace) -> dict[str, dict[str, int]]:
    """The most memory that each training step takes on tinygrad_lite and PyTorch, in bytes, each in a new process."""
    peaks: dict[str, dict[str, int]] = {}
    for name in names:
        if WORKLOADS[name].trains and options.device == "cpu":
            peaks[name] = {}
            for engine_name in engine_names:
                if engine_name in ("tinygrad_lite", "torch"):
                    engine = Engine(engine_name, options.device, options.threads)
                    peak = engine.ask(workload=name, memory=True)["peak"]
                    engine.stop()
                    if peak is not None:
                        peaks[name][engine_name] = peak
    return peaks


def summary(name: str, measured: dict[str, Any], peaks: dict[str, int]) -> dict[str, Any]:
    """One workload: for each engine the shortest and the median time, in microseconds, and how many times as long ours
    takes: the median of the ratios of turns side by side, and the middle half of them.
    """
    times = measured["seconds"]
    result: dict[str, Any] = {"microseconds": {}, "ratio": {}, "cannot": measured["cannot"], "peak_bytes": peaks}
    for engine, seen in times.items():
        result["microseconds"][engine] = {"min": 1e6 * min(seen), "median": 1e6 * statistics.median(seen)}
        if engine != "tinygrad_lite":
            ratios = sorted(mine / other for mine, other in zip(times["tinygrad_lite"], seen, strict=True))
            middle = [ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]]
            result["ratio"][engine] = {"median": statistics.median(ratios), "middle_half": middle}
    if WORKLOADS[name].target is not None:
        result["target"] = WORKLOADS[name].target
    return result


def measure_import(turns: int) -> dict[str, float]:
    """How long each package takes to import in a fresh process, in turn: the shortest, in seconds more than NumPy's."""
    modules = ["numpy", *(name for name in ENGINES if name != "blas" and is_installed(name))]
    times: dict[str, list[float]] = {module: [] for module in modules}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(turns + 1):  # the first compiles
        for module, seen in times.items():
            lines = ["import time, numpy" if module != "numpy" else "import time", "t = time.perf_counter()"]
            lines += ["numpy.int = int" if module == "dezero" else "", f"import {module}"]
            code = "\n".join([*lines, "print(time.perf_counter() - t)"])
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept)
            seen.append(float(done.stdout))
    return {module: min(seen) for module, seen in times.items()}
