"""The idx format: what is written comes back, and nothing that is not whole is taken for an array."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_lite.datasets.idx import parse_idx

ARRAYS = hnp.arrays(
    dtype=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


def write_idx(array: np.ndarray[Any, Any]) -> bytes:
    """Return the bytes of the idx file that holds the array: the inverse of parse_idx."""
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    header = struct.pack(f">HBB{array.ndim}I", 0, codes[array.dtype.str[1:]], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(ARRAYS)
def test_what_is_written_comes_back(array: np.ndarray[Any, Any]) -> None:
    result = parse_idx(write_idx(array))
    assert result.dtype == array.dtype and result.shape == array.shape
    np.testing.assert_array_equal(result, array)
    assert result.flags.writeable and result.flags.c_contiguous


@given(ARRAYS, st.data())
def test_a_file_cut_anywhere_is_refused(array: np.ndarray[Any, Any], data: st.DataObject) -> None:
    content = write_idx(array)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ValueError, match="^idx: "):
        parse_idx(content[:cut])


@given(ARRAYS, st.binary(min_size=1, max_size=9))
def test_bytes_left_over_are_refused(array: np.ndarray[Any, Any], extra: bytes) -> None:
    with pytest.raises(ValueError, match=r"takes .* bytes, found"):
        parse_idx(write_idx(array) + extra)


@given(st.binary(max_size=40))
def test_any_bytes_give_an_array_or_a_value_error(content: bytes) -> None:
    try:
        assert isinstance(parse_idx(content), np.ndarray)
    except ValueError as error:
        assert str(error).startswith("idx: ")  # noqa: PT017 (other contents may be fine)


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08\x00", b"\x00\x00\x0a\x01", b"\x01\x00\x08\x01", b"<htm"])
def test_a_foreign_file_is_named_as_such(start: bytes) -> None:
    with pytest.raises(ValueError, match=f"not an idx file: it starts with {start[:3].hex()}, expected one of 000008"):
        parse_idx(start + bytes(20))


def test_a_header_that_announces_too_much_costs_no_memory() -> None:
    with pytest.raises(ValueError, match="found 16"):
        parse_idx(struct.pack(">HBB3I", 0, 0x08, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1))
