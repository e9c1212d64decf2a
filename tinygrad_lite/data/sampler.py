"""Orders in which to go through a data set: iterables of positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tinygrad_lite.backend import Generator, default_generator, to_numpy


class Sampler:
    """The base of your own orders: write `__iter__`, and `__len__` if it is known."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must implement __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2, ... in this order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Every position once, in an order drawn anew for each pass. ValueError if there are no positions."""

    def __init__(self, data_source: Any, *, generator: Generator | None = None) -> None:
        if len(data_source) == 0:
            raise ValueError(
                "num_samples should be a positive integer value, but got num_samples=0: no data to shuffle"
            )
        self.data_source = data_source
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        source = self.generator or default_generator("cpu")
        return iter(to_numpy(source.permutation(len(self.data_source))).tolist())

    def __len__(self) -> int:
        return len(self.data_source)


class BatchSampler(Sampler):
    """The positions of another sampler in lists of `batch_size`; the last is shorter, or with drop_last left out."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        positions = iter(self.sampler)
        while batch := list(islice(positions, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + bool(rest and not self.drop_last)
