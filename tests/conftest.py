"""What holds for all tests: pictures without a screen, Hypothesis without deadlines, and the device they run on.

The default profile draws few examples, the same in every run, and `check_op` only its covering set of all pairs;
`--hypothesis-profile=thorough` draws 50 times as many, new ones every time, and covers all triples.
`--device cuda` runs the suite on a GPU: what names no device is made there. `--device standin` runs it on the stand-in
for CuPy (`standin.py`), for a machine without a GPU.
"""

import hypothesis
import matplotlib
import pytest

import tinygrad_lite
from tests import standin
from tinygrad_lite import Tensor

matplotlib.use("agg")
hypothesis.settings.register_profile("quick", max_examples=12, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=600, deadline=None)
hypothesis.settings.load_profile("quick")


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where the suite runs: cpu (default), cuda, cuda:1 or standin")


def pytest_configure(config):
    config.addinivalue_line("markers", "cpu: about NumPy's arrays, so skipped on other devices")
    device = config.getoption("--device")
    if device == "cpu":
        return
    patch = config._patch = pytest.MonkeyPatch()
    if device == "standin":
        standin.install(patch)
        device = "cuda"
    tinygrad_lite.set_default_device(device)
    # The package never copies to the host by itself. The tests do, to look at the numbers.
    to_numpy = Tensor.numpy
    patch.setattr(Tensor, "numpy", lambda self, **how: to_numpy(self.cpu(), **how))


def pytest_unconfigure(config):
    if config.getoption("--device") != "cpu":
        tinygrad_lite.set_default_device("cpu")
        config._patch.undo()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--device") != "cpu":
        for item in items:
            if item.get_closest_marker("cpu"):
                item.add_marker(pytest.mark.skip(reason="about NumPy's arrays: runs with --device cpu"))
