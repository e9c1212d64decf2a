"""Handwritten digits to learn from: MNIST, and a small set that is part of the package.

    from tinygrad_lite import datasets

    data = datasets.mnist()             # 70,000 images of 28×28 pixels, downloaded once: or
    data = datasets.digits()            # 1,797 images of 8×8 pixels, always at hand

    data.train.images                   # Tensor (60000, 28, 28), uint8, pixels 0..data.train.pixel_max
    data.train.labels                   # Tensor (60000,), int64, 0..9
    data.train.scaled_images()          # the same images, float32, pixels 0..1
    data.test, data.classes, data.name

The rooms, in the order in which they stand on each other:

    idx.py           the file format of MNIST
    files.py         where data files are looked for, how they are checked, and how they are downloaded
    images.py        the result: `ImageDataset`, with a `Split` to train on and one to test with
    handwritten.py   `mnist()` and `digits()`
"""

from tinygrad_lite.datasets.files import DatasetCorrupt, DatasetUnavailable
from tinygrad_lite.datasets.handwritten import digits, mnist
from tinygrad_lite.datasets.images import ImageDataset, Split

__all__ = ["DatasetCorrupt", "DatasetUnavailable", "ImageDataset", "Split", "digits", "mnist"]
