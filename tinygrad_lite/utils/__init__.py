"""The place where PyTorch keeps its data loading: `from tinygrad_lite.utils.data import DataLoader`."""

from tinygrad_lite.utils import data
