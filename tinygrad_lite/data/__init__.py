"""Data in batches: data sets (`dataset.py`), orders to go through one (`sampler.py`), `DataLoader` (`loader.py`)."""

from tinygrad_lite.data.collate import default_collate
from tinygrad_lite.data.dataset import Dataset, Subset, TensorDataset, random_split
from tinygrad_lite.data.loader import DataLoader
from tinygrad_lite.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = [
    "BatchSampler",
    "DataLoader",
    "Dataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
]
