"""The machinery of the benchmarks, on very short runs. Nothing here depends on how fast anything is."""

import importlib.util
import json
import sys

import pytest

from benchmarks.__main__ import Engine, main, table
from benchmarks.peers import PEER_WORKLOADS
from benchmarks.workloads import WORKLOADS

HAS_TORCH, HAS_DEZERO, HAS_MYGRAD = (
    importlib.util.find_spec(name) is not None for name in ("torch", "dezero", "mygrad")
)
SHORT = ["--rounds", "1", "--turns", "1", "--seconds", "0.001", "--threads", "1"]


def test_all_workloads_run_agree_and_are_written_down(tmp_path, capsys):
    assert main([*SHORT, "--json", str(tmp_path / "results.json")]) == 0
    written = json.loads((tmp_path / "results.json").read_text())
    assert [r["workload"] for r in written["results"]] == [*WORKLOADS, "import"]
    assert written["machine"]["threads"] == 1
    for result in written["results"][:-1]:
        assert result["microseconds"]["tinygrad_lite"]["min"] > 0
        assert ("median_ratio" in result) == HAS_TORCH
        assert ("dezero" in result["microseconds"]) == (HAS_DEZERO and result["workload"] in PEER_WORKLOADS)
        assert ("mygrad" in result["microseconds"]) == (HAS_MYGRAD and result["workload"] in PEER_WORKLOADS)
        if sys.platform == "linux":
            assert 0 <= result["peak_bytes"]["tinygrad_lite"] < 1e9
    printed = capsys.readouterr().out
    assert printed.count("\n| ") >= len(WORKLOADS)
    assert ("PyTorch is not installed" in printed) != HAS_TORCH


def test_some_can_be_chosen_and_unknown_ones_are_refused(capsys):
    assert main([*SHORT, "sgd-step"]) == 0
    assert "SGD step" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["sgd-stop"])
    assert "no workload is called sgd-stop. There are: sgd-step" in capsys.readouterr().err


def test_an_engine_that_dies_is_reported(capfd):
    engine = Engine("no_such_engine", "cpu", 1)
    with pytest.raises(RuntimeError, match=r"the process of no_such_engine ended \(status 1\)"):
        engine.ask(workload="sgd-step", seconds=0.001)
    assert "No module named 'no_such_engine'" in capfd.readouterr().err


def test_the_table_leaves_out_what_was_not_measured():
    times = {"tinygrad_lite": {"min": 12.34, "median": 15.0}}
    timed = {"workload": "sgd-step", "microseconds": times, "peak_bytes": {}, "target": 0.6}
    text = table([timed, {"workload": "import", "extra_seconds": 0.1, "target": 0.15}])
    assert "| 12.3 | – | – | – | – | – | 0.6 | – | – |" in text
    assert "| 0.100 |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1
