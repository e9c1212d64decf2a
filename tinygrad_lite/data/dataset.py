"""Data sets: anything with a length whose examples are found by their number.

A list of pairs is a data set, and so is a range. A `Dataset` can also `gather` a whole batch, which is much faster by
one indexing call than example by example.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_lite.backend import Generator, ShapeError, default_generator, to_numpy
from tinygrad_lite.creation import tensor
from tinygrad_lite.data.collate import default_collate
from tinygrad_lite.tensor import Tensor


class Dataset:
    """The base of your own data sets: write `__getitem__(position)` and `__len__()`.

    A subclass of a data set that can `gather` a batch may override `__getitem__`, to transform the examples. Then its
    batches are made of these examples, unless it overrides `gather` too.
    """

    def __getitem__(self, position: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement __getitem__(position)")

    def gather(self, positions: Sequence[int]) -> Any:
        """A batch of the examples at these positions. Override it where there is a faster way."""
        return default_collate([self[position] for position in positions])

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must implement __len__()")


class TensorDataset(Dataset):
    """Tensors of the same length: example i is the tuple of their i-th elements.

    Raises ShapeError for tensors of different lengths, or without dimensions; TypeError for what is not a Tensor.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: at least one tensor is needed")
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"TensorDataset: expected Tensors, but got {type(t).__name__}. Make one with tensor(...)"
                )
        shapes = [tuple(t.shape) for t in tensors]
        if any(len(shape) == 0 or shape[0] != shapes[0][0] for shape in shapes):
            raise ShapeError(
                f"TensorDataset: Size mismatch between tensors: their lengths must agree, but got {shapes}"
            )
        self.tensors = tensors

    def __getitem__(self, position: Any) -> tuple[Tensor, ...]:
        return tuple(t[position] for t in self.tensors)

    def gather(self, positions: Sequence[int]) -> list[Tensor]:
        """A batch: from each tensor the elements at these positions, by one indexing call."""
        index = np.array(positions)
        return [t[tensor(index, device=t.device)] for t in self.tensors]

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """The examples of another data set at these positions."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, (list, tuple)):
            return self.dataset[[self.indices[i] for i in position]]
        return self.dataset[self.indices[position]]

    def gather(self, positions: Sequence[int]) -> Any:
        """A batch, made by the data set itself if it can."""
        return batch_of(self.dataset, [self.indices[i] for i in positions])

    def __len__(self) -> int:
        return len(self.indices)


def batch_of(dataset: Any, positions: Sequence[int]) -> Any:
    """A batch of the examples at these positions: by the data set's `gather`, if that knows of its `__getitem__`.

    It does not where a subclass has overridden `__getitem__`, and inherits `gather`.
    """
    if isinstance(dataset, Dataset):
        for kind in type(dataset).__mro__:
            if "gather" in vars(kind):
                return dataset.gather(positions)
            if "__getitem__" in vars(kind):
                break
    return default_collate([dataset[position] for position in positions])


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """The data set dealt out at random into subsets of these lengths, or of these fractions of it if they add up to 1.

    Examples that fractions leave over go to the first subsets, one each. ValueError if the lengths do not add up.
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9 and not all(isinstance(n, int) for n in lengths):
        if any(not 0 <= fraction <= 1 for fraction in lengths):
            raise ValueError(f"random_split: fractions must be between 0 and 1, but got {list(lengths)}")
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
    else:
        counts = [int(n) for n in lengths]
        if sum(counts) != total or list(lengths) != counts or min(counts, default=0) < 0:
            raise ValueError(
                f"Sum of input lengths does not equal the length of the input dataset! Got {list(lengths)} for"
                f" {total} examples"
            )
    order = to_numpy((generator or default_generator("cpu")).permutation(total)).tolist()
    ends = [sum(counts[: i + 1]) for i in range(len(counts))]
    return [Subset(dataset, order[end - n : end]) for n, end in zip(counts, ends, strict=True)]
