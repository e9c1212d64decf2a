"""How examples become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite import creation, functions
from tinygrad_lite.backend import ShapeError, is_array
from tinygrad_lite.tensor import Tensor


def default_collate(examples: Sequence[Any]) -> Any:
    """A batch of examples that are alike: Tensors and arrays are stacked, numbers become a Tensor, strings stay.

    Examples that are tuples or lists give a list of batches, one for each place; dictionaries a dictionary of them.
    """
    first = examples[0]
    if isinstance(first, Tensor):
        return functions.stack(list(examples))
    if is_array(first):
        return functions.stack([creation.as_tensor(example) for example in examples])
    if isinstance(first, np.generic | int | float):
        return creation.tensor(list(examples))
    if isinstance(first, str | bytes):
        return examples
    if isinstance(first, dict):
        return {key: default_collate([example[key] for example in examples]) for key in first}
    if isinstance(first, tuple | list):
        if any(len(example) != len(first) for example in examples):
            raise ShapeError("default_collate: each element in a batch should be of equal size")
        parts = [default_collate(part) for part in zip(*examples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        f"default_collate: batch must contain tensors, arrays, numbers, dicts or lists; found {type(first).__name__}."
        " Give the DataLoader a collate_fn of your own"
    )
