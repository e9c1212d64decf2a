"""Two sets of handwritten digits: MNIST, which is downloaded once, and a small one that is part of the package.

MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; Y. LeCun, L. Bottou,
Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE, 1998.

Digits: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licensed under CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/). The file
digits.csv.gz holds its test part, unchanged; digits.md beside it says more.
"""

import gzip
import os
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_lite.creation import from_numpy
from tinygrad_lite.datasets.files import KnownFile, read_files
from tinygrad_lite.datasets.idx import parse_idx
from tinygrad_lite.datasets.images import ImageDataset, Split

DIGIT_NAMES = tuple("0123456789")

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# Images and labels to train on, images and labels to test with.
MNIST_FILES = (
    KnownFile(
        "train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    KnownFile("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    KnownFile("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    KnownFile("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)

# The digits stand in the file form after form, as people filled them in. A form starts with 0 1 2 … 9 three times over,
# so the labels show that image 1,415 begins one. Cutting there, and not shuffling, leaves the test with forms that the
# training has not seen: with the same hand in both parts, it would flatter the model.
DIGITS_TRAIN = 1_415


def mnist(folder: str | os.PathLike[str] | None = None, download: bool = True) -> ImageDataset:
    """Return MNIST: 60,000 images to train on and 10,000 to test with, 28×28 pixels from 0 to 255.

    The four files, compressed or not, are read from `folder`; without one from the folder that the environment
    variable TINYGRAD_LITE_DATA names; without that from the user's cache, into which they are downloaded (11 MB) if
    need be and if `download` allows it. Each file is compared with the original's size and SHA-256 every time.

    Raises
        datasets.DatasetUnavailable: the files are not in the cache and cannot be downloaded, or it cannot be written
        datasets.DatasetCorrupt: a file in the folder that was named is damaged, or not the original
        FileNotFoundError: the folder that was named does not exist, or lacks files
    """
    contents = read_files("mnist", MNIST_FILES, MNIST_MIRRORS, folder, download)
    train_images, train_labels, test_images, test_labels = (parse_idx(content) for content in contents)
    return ImageDataset(
        name="MNIST",
        train=as_split(train_images, train_labels, pixel_max=255),
        test=as_split(test_images, test_labels, pixel_max=255),
        classes=DIGIT_NAMES,
    )


def digits() -> ImageDataset:
    """Return the digits that are part of the package: 1,415 to train on and 382 to test with, 8×8 pixels from 0 to 16.

    A pixel counts the inked dots in a square of 4×4 of the scanned image. Nothing is downloaded. By E. Alpaydin and
    C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
    """
    # Each line of the file is one image, row after row, and its label.
    with resources.files(__package__).joinpath("digits.csv.gz").open("rb") as packed, gzip.open(packed) as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    return ImageDataset(
        name="digits",
        train=as_split(images[:DIGITS_TRAIN], labels[:DIGITS_TRAIN], pixel_max=16),
        test=as_split(images[DIGITS_TRAIN:], labels[DIGITS_TRAIN:], pixel_max=16),
        classes=DIGIT_NAMES,
    )


def as_split(images: NDArray[Any], labels: NDArray[Any], pixel_max: int) -> Split:
    """Return arrays of images (n, height, width) and labels (n,) as Tensors, the labels as int64, to index with."""
    return Split(from_numpy(np.ascontiguousarray(images)), from_numpy(labels.astype(np.int64)), pixel_max)
