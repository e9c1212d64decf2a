"""One engine in a process of its own: it takes a line of JSON, does the work, and answers with a line of JSON.

    {"workload": "sgd-step", "seconds": 0.2}  →  {"step": 3.1e-05, "loss": 0.08}
    {"workload": "lenet", "memory": true}     →  {"peak": 15400000}

`step` is the time of the fastest of several bursts, a step, in seconds; `loss` the loss after the first 20 steps;
`peak` how many bytes of memory the process takes for 20 steps at most, more than it had before, or null where the
system does not say.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers import PEER_WORKLOADS, PEERS
from benchmarks.workloads import WORKLOADS

BURSTS = 5


def main(engine: str, device: str) -> None:
    """Answer requests until the input ends."""
    make = _maker(engine, device)
    wait = {"torch": _torch_synchronize, "tinygrad_lite": _cupy_synchronize}.get(engine) if device != "cpu" else None
    made: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["workload"]
        if request.get("memory"):
            print(json.dumps({"peak": _peak(make, name)}))
        else:
            if name not in made:
                made[name] = _prepared(make, name)
            step, loss = made[name]
            print(json.dumps({"step": _burst(step, request["seconds"], wait), "loss": loss}))
        sys.stdout.flush()


def _maker(engine: str, device: str) -> Callable[[str], Any]:
    """A function that makes the step of a workload on this engine."""
    if engine == "blas":
        return lambda name: WORKLOADS[name].blas()  # type: ignore[misc]
    if engine in PEERS:
        peer = PEERS[engine]()
        return lambda name: PEER_WORKLOADS[name](peer)
    T = importlib.import_module(engine)
    if engine == "torch":
        T.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return lambda name: WORKLOADS[name].make(T, device)


def _prepared(make: Callable[[str], Any], name: str) -> tuple[Any, float | None]:
    step = make(name)
    losses = [step() for _ in range(20)]
    return step, float(losses[-1].item()) if hasattr(losses[-1], "item") else None


def _peak(make: Callable[[str], Any], name: str) -> int | None:
    """The most memory in bytes, from `make` on; but what any first step loads does not count."""
    make("sgd-step")()
    try:
        with open("/proc/self/clear_refs", "w") as reset:
            reset.write("5")  # Linux: the peak is counted from here
    except OSError:
        return None
    before = _status("VmRSS")
    step = make(name)
    for _ in range(20):
        step()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))


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


def _torch_synchronize() -> None:
    import torch

    torch.cuda.synchronize()


def _cupy_synchronize() -> None:
    import cupy

    cupy.cuda.Device().synchronize()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
