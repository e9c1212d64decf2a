"""`tinygrad_lite.data`, under PyTorch's name for it."""

from tinygrad_lite.data import *  # noqa: F403 (all of it, and nothing else)
