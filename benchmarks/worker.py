"""One engine in a process of its own: it takes a line of JSON, does the work, and answers with a line of JSON.

    {"workload": "sgd-step", "seconds": 0.2}  →  {"step": 3.1e-05, "loss": 0.08}
    {"import": "tinygrad_lite"}               →  {"step": 0.21}

`step` is the time of the fastest of several bursts, a step, in seconds; `loss` the loss after the first 20 steps.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

BURSTS = 5


def main(engine: str, device: str) -> None:
    """Answer requests until the input ends."""
    T: Any = None if engine == "blas" else importlib.import_module(engine)
    if engine == "torch":
        T.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    wait = {"torch": lambda: T.cuda.synchronize(), "tinygrad_lite": _cupy_synchronize}.get(engine)
    made: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["workload"]
        if name not in made:
            made[name] = _prepared(name, T, device)
        step, loss = made[name]
        print(json.dumps({"step": _burst(step, request["seconds"], wait if device != "cpu" else None), "loss": loss}))
        sys.stdout.flush()


def _prepared(name: str, T: Any, device: str) -> tuple[Any, float | None]:
    from benchmarks.workloads import WORKLOADS

    workload = WORKLOADS[name]
    if T is None:
        assert workload.blas is not None
        return workload.blas(), None
    step = workload.make(T, device)
    losses = [step() for _ in range(20)]
    return step, float(losses[-1].item())


def _burst(step: Any, seconds: float, wait: Any) -> float:
    """The time of a step: the least over several bursts of many steps each."""
    step()
    begin = time.perf_counter()
    step()
    count = max(1, int(seconds / BURSTS / max(time.perf_counter() - begin, 1e-7)))
    best = float("inf")
    for _ in range(BURSTS):
        begin = time.perf_counter()
        for _ in range(count):
            step()
        if wait is not None:
            wait()
        best = min(best, (time.perf_counter() - begin) / count)
    return best


def _cupy_synchronize() -> None:
    import cupy

    cupy.cuda.Device().synchronize()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
