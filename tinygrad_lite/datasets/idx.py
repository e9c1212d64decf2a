"""The idx format, in which MNIST is published: an array of numbers behind a short header.

    byte 0, 1     zero
    byte 2        the type of the numbers, a code from `TYPES`
    byte 3        how many dimensions the array has
    4 bytes each  the size of each dimension, an unsigned integer
    the rest      the numbers, the last dimension running fastest

Everything is stored with the most significant byte first. Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST
database of handwritten digits".
"""

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}


def parse_idx(content: bytes) -> NDArray[Any]:
    """Return the array that the bytes of an idx file describe: a copy, writable, in this machine's byte order.

    Raises ValueError where the header is not that of an idx file, or announces more or fewer numbers than follow.
    """
    if len(content) < 4:
        raise ValueError(f"idx: {len(content)} bytes are too few, the header alone has at least 4")
    zeros, code, ndim = struct.unpack_from(">HBB", content)
    if zeros != 0 or code not in TYPES:
        known = ", ".join(f"0000{code:02x}" for code in TYPES)
        raise ValueError(f"idx: not an idx file: it starts with {content[:3].hex()}, expected one of {known}")

    header = 4 + 4 * ndim
    if len(content) < header:
        raise ValueError(f"idx: {len(content)} bytes are too few, the header of {ndim} dimensions alone has {header}")
    shape = struct.unpack_from(f">{ndim}I", content, offset=4)
    dtype = TYPES[code]

    # math.prod counts in Python's integers: a damaged header cannot overflow it and slip through the comparison.
    expected = header + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ValueError(f"idx: shape {shape} of {dtype.name} takes {expected:,} bytes, found {len(content):,}")
    stored = np.ndarray(shape, dtype, buffer=content, offset=header)
    return stored.astype(dtype.newbyteorder("="))
