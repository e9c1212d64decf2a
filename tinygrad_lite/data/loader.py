"""The DataLoader: a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tinygrad_lite.backend import Generator
from tinygrad_lite.data.dataset import batch_of
from tinygrad_lite.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Goes through a data set in batches: `for x, y in DataLoader(dataset, batch_size=64, shuffle=True)`.

    dataset: anything with a length and examples by number: a `TensorDataset`, a list of pairs, a range.
    batch_size: examples per batch; None gives them one by one, as they are.
    shuffle: in a new random order each time.
    sampler: the positions in an order of your own, instead of shuffle; batch_sampler: lists of positions, instead of
        batch_size, shuffle, sampler and drop_last.
    collate_fn: makes a batch of a list of examples (default: `default_collate`).
    drop_last: leave out a last batch that is smaller.
    generator: where the random order comes from; seeded, the orders can be repeated.
    num_workers, pin_memory: accepted because PyTorch accepts them. The batches are the same: this process makes them.

    A `Dataset` gathers whole batches itself (`batch_of`), unless there is a collate_fn.
    Raises ValueError for settings that exclude each other, a batch_size that is not a positive int, and an empty data
    set that is to be shuffled; TypeError for a data set without a length, unless there is a sampler.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        if num_workers < 0:
            raise ValueError(f"num_workers option should be non-negative, but got {num_workers}")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        self.dataset = dataset
        self.generator = generator
        self.collate_fn = collate_fn
        if sampler is None and not hasattr(dataset, "__len__"):
            raise TypeError(
                f"DataLoader: the data set ({type(dataset).__name__}) has no length. Use a sequence, such as list(...)"
            )
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self.batch_size = None if batch_sampler is None else getattr(batch_sampler, "batch_size", None)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for position in self.sampler:
                example = self.dataset[position]
                yield example if self.collate_fn is None else self.collate_fn(example)
            return
        for positions in self.batch_sampler:
            if self.collate_fn is None:
                yield batch_of(self.dataset, positions)
            else:
                yield self.collate_fn([self.dataset[position] for position in positions])

    def __len__(self) -> int:
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
