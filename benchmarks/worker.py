"""One engine in a process of its own: it takes a line of JSON, does the work, and answers with a line of JSON.

    {"ready": true}                              →  {}
    {"workload": "sgd-step", "seconds": 0.2}     →  {"step": 3.1e-05, "prints": [[1, 0.08, 0.08], ...]}
    {"workload": "lenet-64", "memory": true}     →  {"peak": 15400000}

`step` is the time per step of the fastest of several bursts, in seconds; `prints` are the fingerprints of what the last
step before the clock started had computed; `peak` is how many bytes of memory the work takes at most, more than the
process had before, or null where the system does not say.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import PEERS
from benchmarks.suite import WORKLOADS

BURSTS = 5


class Cannot(Exception):
    """An engine has no such work, and why."""


def main(engine: str, device: str) -> None:
    """Answer requests until the input ends."""
    make = _maker(engine, device)
    answer: dict[str, Any]
    wait = {"torch": _torch_synchronize, "tinygrad_lite": _cupy_synchronize}.get(engine) if device != "cpu" else None
    name, step, prints = "", None, []
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request.get("ready"):
                answer = {}
            elif request.get("memory"):
                answer = {"peak": _peak(make, request["workload"])}
            else:
                if request["workload"] != name:
                    step = None  # frees what the last workload held
                    name = request["workload"]
                    step, prints = _prepared(make, name)
                answer = {"step": _burst(step, request["seconds"], wait), "prints": prints}
        except Cannot as reason:
            answer = {"cannot": str(reason)}
        except Exception as error:
            if engine not in PEERS:
                raise
            answer = {"cannot": f"{request['workload']} ends in {type(error).__name__}: {error}"}
        print(json.dumps(answer))
        sys.stdout.flush()


def _maker(engine: str, device: str) -> Callable[[str], Any]:
    """A function that makes the step of a workload on this engine, or raises Cannot."""
    if engine == "blas":
        return _blas
    if engine in PEERS:
        peer = PEERS[engine]()

        def make(name: str) -> Any:
            if name not in peer.steps:
                raise Cannot(peer.cannot)
            return peer.steps[name](peer)

        return make
    T = importlib.import_module(engine)
    if engine == "torch":
        T.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return lambda name: WORKLOADS[name].make(T, device)


def _blas(name: str) -> Any:
    make = WORKLOADS[name].blas
    if make is None:
        raise Cannot("not written")
    return make()


def _prepared(make: Callable[[str], Any], name: str) -> tuple[Any, list[list[float]]]:
    step = make(name)
    for _ in range(WORKLOADS[name].warm):
        results = step()
    return step, [_fingerprint(x) for x in results]


def _fingerprint(x: Any) -> list[float]:
    """How many numbers there are, the root of their mean square, and their mean product with numbers of many sizes."""
    x = x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)
    x = x.astype("float64").reshape(-1)
    return [x.size, float(np.sqrt(np.mean(x * x))), float(np.mean(x * np.cos(np.arange(x.size))))]


def _peak(make: Callable[[str], Any], name: str) -> int | None:
    """The most memory in bytes for 20 steps, from `make` on.

    What any first step loads does not count, nor do pages of program files, which the system reads in as they are
    called.
    """
    make("sgd-step")()
    try:
        with open("/proc/self/clear_refs", "w") as reset:
            reset.write("5")  # Linux: the peak is counted from here
    except OSError:
        return None
    before = _status("RssAnon")
    step = make(name)
    for _ in range(20):
        step()
    return _status("VmHWM") - _status("RssFile") - _status("RssShmem") - before


def _status(field: str) -> int:
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def _burst(step: Any, seconds: float, wait: Any) -> float:
    """The time of a step: the shortest over several bursts of many steps each; a long step is a burst of its own."""
    time.sleep(seconds / 4)  # the threads of the engine before keep a core busy for a while after their last product
    begin = time.perf_counter()
    step()
    once = max(time.perf_counter() - begin, 1e-7)
    bursts = max(1, min(BURSTS, int(seconds / once)))
    count = max(1, int(seconds / bursts / once))
    best = float("inf")
    for _ in range(bursts):
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
