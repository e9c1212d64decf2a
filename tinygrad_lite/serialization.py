"""Weights in files, as safetensors: names, dtypes, shapes and numbers, and no code that a file could run.

    save(model.state_dict(), "model.safetensors")
    model.load_state_dict(load("model.safetensors"))

The files are those of the safetensors library, so PyTorch reads them (`safetensors.torch.load_file`), and we read its.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite import backend
from tinygrad_lite.creation import as_tensor, tensor
from tinygrad_lite.tensor import Tensor


def save(state_dict: Mapping[str, Any], f: str | os.PathLike[str]) -> None:
    """Write Tensors, or arrays, by name into the file f: first beside it, so that a crash leaves the old file whole.

    Raises TypeError for what is neither, OSError where the folder cannot be written to.
    """
    from safetensors.numpy import save as as_bytes  # slow to import, and not always needed

    path = Path(f)
    arrays = {}
    for name, value in state_dict.items():
        if not isinstance(name, str) or not (isinstance(value, Tensor) or backend.is_array(value)):
            raise TypeError(f"save: expected names and Tensors, as state_dict() gives, but got {name!r}: {value!r:.60}")
        # in C order: safetensors writes the memory as it lies there
        arrays[name] = np.array(backend.to_numpy(as_tensor(value).detach()._array), order="C")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(unfinished, "wb") as file:
            file.write(as_bytes(arrays))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load(f: str | os.PathLike[str], map_location: Any = None) -> dict[str, Tensor]:
    """The Tensors of a safetensors file by name, on the device map_location.

    Raises FileNotFoundError where there is no file, RuntimeError for one that is truncated or of another kind.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    content = Path(f).read_bytes()
    try:
        arrays = from_bytes(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise RuntimeError(
            f"load: {os.fspath(f)} ({len(content):,} bytes) is not a whole safetensors file of dtypes that NumPy has:"
            f" {error}"
        ) from error
    return {name: tensor(array, device=map_location) for name, array in arrays.items()}
