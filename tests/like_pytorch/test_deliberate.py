"""Every row of the table of deliberate differences is as it says."""

import pathlib

import pytest

import tinygrad_lite

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")

from tests.like_pytorch.deliberate import DIFFERENCES, given, page  # noqa: E402 (they need PyTorch)

pytestmark = pytest.mark.cpu


@pytest.mark.parametrize("row", DIFFERENCES, ids=[row.operations for row in DIFFERENCES])
def test_the_example_gives_what_the_row_says(row):
    assert given(torch, row.example) == row.pytorch_gives
    assert given(tinygrad_lite, row.example) == row.here_gives


def test_the_page_is_the_table():
    assert (pathlib.Path(__file__).parent / "DIFFERENCES.md").read_text() == page()
