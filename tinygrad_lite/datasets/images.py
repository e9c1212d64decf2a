"""What `mnist()` and `digits()` return: one shape of result, so that a lesson runs on either without a change."""

from dataclasses import dataclass

import numpy as np

from tinygrad_lite.creation import from_numpy
from tinygrad_lite.tensor import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images and what they show, one part of a data set.

    images: Tensor (n, height, width), uint8, 0 = background, `pixel_max` = ink
    labels: Tensor (n,), int64, the class of each image
    pixel_max: the largest value that a pixel can have
    """

    images: Tensor
    labels: Tensor
    pixel_max: int

    def __len__(self) -> int:
        """The number of images."""
        return self.images.shape[0]

    def scaled_images(self) -> Tensor:
        """Return the images with pixels from 0 to 1: a new Tensor (n, height, width), float32."""
        return from_numpy(np.divide(self.images.numpy(), self.pixel_max, dtype=np.float32))

    def __repr__(self) -> str:
        count, height, width = self.images.shape
        return f"Split({count:,} images of {height}×{width} pixels in 0..{self.pixel_max})"


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images to train on, others to test with, and the names of what they show.

    name: the name of the data set, for headings
    train, test: the two parts
    classes: the name of each class; `classes[label]` is the name for a label
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
