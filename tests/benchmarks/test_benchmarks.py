"""The machinery of the benchmarks, on very short runs. Nothing here depends on how fast anything is."""

import json
import sys

import pytest

import tinygrad_lite
from benchmarks.__main__ import main
from benchmarks.engines import Engine, _compare, is_installed, summary
from benchmarks.operations import OPERATIONS
from benchmarks.peers import PEERS
from benchmarks.report import tables
from benchmarks.suite import GROUPS, WORKLOADS
from tinygrad_lite import ops
from tinygrad_lite.op import Op

SHORT = ["--rounds", "1", "--turns", "1", "--seconds", "0.001", "--threads", "1"]
LONG = {"epoch", "loader", "lenet-256", "conv-28", "pool-28", "nodes-10000", "nodes-100000", "nodes-1000000",
        "batch-256", "batch-1024", "batch-4096"}  # nothing new, and longer  # fmt: skip


def test_all_workloads_run_agree_and_are_written_down(tmp_path, capsys):
    names = [name for name in (*GROUPS["steps"].workloads, *GROUPS["growth"].workloads) if name not in LONG]
    names += [f"{name}, small, {way}" for name in OPERATIONS for way in ("forward", "back")]
    files = ["--json", str(tmp_path / "results.json"), "--picture", str(tmp_path / "results.png")]
    assert main([*SHORT, *files, "import", *names]) == 0
    written = json.loads((tmp_path / "results.json").read_text())
    assert list(written["results"]) == names
    assert written["machine"]["threads"] == 1
    assert written["import_seconds"]["tinygrad_lite"] > 0
    for name, result in written["results"].items():
        assert result["microseconds"]["tinygrad_lite"]["min"] > 0
        assert ("torch" in result["ratio"]) == is_installed("torch")
        assert ("target" in result) == (WORKLOADS[name].target is not None)
        for peer in PEERS:
            assert (peer in result["microseconds"] or peer in result["cannot"]) == is_installed(peer), (name, peer)
        if WORKLOADS[name].trains and sys.platform == "linux":
            assert result["peak_bytes"]["tinygrad_lite"] < 1e9
    for package, peer in PEERS.items():
        if is_installed(package):
            assert set(peer().steps) <= set(WORKLOADS)
            failed = [r["cannot"][package] for r in written["results"].values() if package in r["cannot"]]
            assert set(failed) <= {peer.cannot}, "an adapter that is written works"
    assert (tmp_path / "results.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert all(f"| {WORKLOADS[name].text} |" in printed for name in names if ", " not in name)
    assert all(f"| {name} |" in printed for name in OPERATIONS)
    assert ("PyTorch is not installed" in printed) != is_installed("torch")


def test_some_can_be_chosen_and_unknown_ones_are_refused(capsys):
    assert main([*SHORT, "sgd-step", "exp"]) == 0
    printed = capsys.readouterr().out
    assert "SGD step" in printed
    assert "| exp |" in printed
    assert "| sin |" not in printed
    with pytest.raises(SystemExit):
        main(["sgd-stop"])
    assert (
        "no work is called sgd-stop. There are: steps, growth, operations, import, sgd-step" in capsys.readouterr().err
    )


def test_an_engine_that_dies_is_reported(capfd):
    engine = Engine("no_such_engine", "cpu", 1)
    with pytest.raises(RuntimeError, match=r"the process of no_such_engine ended \(status 1\)"):
        engine.ask(workload="sgd-step", seconds=0.001)
    assert "No module named 'no_such_engine'" in capfd.readouterr().err


def test_engines_that_compute_something_else_are_refused():
    right, turned, other = [[3, 1.0, 0.5]], [[3, 1.0, -0.5]], [[4, 1.0, 0.5]]
    _compare("work", {"tinygrad_lite": right, "torch": right, "blas": turned})
    for wrong in (turned, other):
        with pytest.raises(RuntimeError, match="work: tinygrad_lite and PyTorch disagree"):
            _compare("work", {"tinygrad_lite": wrong, "torch": right})


def test_ratios_are_of_turns_side_by_side():
    seconds = {"tinygrad_lite": [1.0, 10.0, 3.0], "torch": [2.0, 20.0, 3.0]}
    found = summary("sgd-step", {"seconds": seconds, "cannot": {}}, {})
    assert found["ratio"]["torch"] == {"median": 0.5, "middle_half": [0.5, 1.0]}
    assert found["microseconds"]["torch"] == {"min": 2e6, "median": 3e6}


def test_the_tables_leave_out_what_was_not_measured():
    timed = summary("sgd-step", {"seconds": {"tinygrad_lite": [12.34e-6]}, "cannot": {"mygrad": "no"}}, {})
    text = tables({"sgd-step": timed}, {"numpy": 0.1})
    assert "| 12.3 | – | – | 0.4 | – | – |" in text
    assert "- MyGrad. –: no." in text
    assert "| s | 0.100 |" in text
    assert "\n\n| import | numpy |" in text


def test_every_operation_with_a_gradient_is_timed(monkeypatch):
    seen = set()
    original = Op.__call__
    monkeypatch.setattr(Op, "__call__", lambda self, *x, **s: (seen.add(self.name), original(self, *x, **s))[1])
    for name in OPERATIONS:
        WORKLOADS[f"{name}, small, back"].make(tinygrad_lite, "cpu")()
    WORKLOADS["batch-norm"].make(tinygrad_lite, "cpu")()
    differentiable = {o.name for o in vars(ops).values() if isinstance(o, Op) and any(rule for rule in o.rules)}
    elsewhere = {"add_scaled", "move", "take_place", "write_view"}  # in place, between devices, in second derivatives
    assert differentiable - seen == elsewhere
