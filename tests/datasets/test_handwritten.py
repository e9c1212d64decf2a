"""`digits()` and the real `mnist()`: what the user gets."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tinygrad_lite.datasets import ImageDataset, digits, mnist
from tinygrad_lite.tensor import Tensor

if TYPE_CHECKING:
    from tests.datasets.conftest import SmallMnist


def check_result(data: ImageDataset, pixel_max: int) -> None:
    """Assert what is promised of every data set."""
    assert data.classes == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    for split in (data.train, data.test):
        assert all(isinstance(tensor, Tensor) for tensor in (split.images, split.labels, split.scaled_images()))
        images, labels, scaled = split.images.numpy(), split.labels.numpy(), split.scaled_images().numpy()
        assert images.dtype == np.uint8 and labels.dtype == np.int64 and scaled.dtype == np.float32
        assert images.ndim == 3 and len(images) == len(labels) == len(split)
        assert scaled.shape == images.shape
        assert images.min() == 0 and images.max() == split.pixel_max == pixel_max
        assert scaled.min() == 0 and scaled.max() == 1
        np.testing.assert_array_equal(scaled, images.astype(np.float32) / np.float32(pixel_max))
        assert set(labels.tolist()) == set(range(10))


def test_digits_are_all_there() -> None:
    data = digits()
    check_result(data, pixel_max=16)
    assert data.name == "digits"
    assert tuple(data.train.images.shape) == (1415, 8, 8)
    assert tuple(data.test.images.shape) == (382, 8, 8)
    # The number of images of each class that the authors publish with the data.
    labels = np.concatenate([data.train.labels.numpy(), data.test.labels.numpy()])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_first_digit_is_a_zero() -> None:
    first = digits().train
    assert first.labels.tolist()[0] == 0
    # The fourth row cuts through the left stroke of the zero, its empty middle and its right stroke.
    assert first.images.numpy()[0, 3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


def test_digits_can_be_learned() -> None:
    """The nearest training image has the same label, nearly always: images and labels belong together."""
    data = digits()
    train, test = (split.scaled_images().numpy().reshape(len(split), 64) for split in (data.train, data.test))
    distance = (test**2).sum(1, keepdims=True) - 2 * test @ train.T + (train**2).sum(1)
    guess = data.train.labels.numpy()[distance.argmin(1)]
    assert (guess == data.test.labels.numpy()).mean() > 0.95


def test_every_call_gives_tensors_of_its_own() -> None:
    first, second = digits(), digits()
    first.train.images.numpy()[:] = 0
    assert second.train.images.numpy().max() == 16


def test_the_result_prints_as_a_line() -> None:
    assert repr(digits().train) == "Split(1,415 images of 8×8 pixels in 0..16)"
    assert repr(digits()).startswith("ImageDataset(name='digits', train=Split(1,415 images")


def test_a_small_mnist(small: SmallMnist) -> None:
    data = mnist(small.write_to(small.cache, packed=True))
    assert data.name == "MNIST"
    assert tuple(data.train.images.shape) == (6, 4, 5) and data.train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert tuple(data.test.images.shape) == (3, 4, 5) and data.test.labels.tolist() == [0, 1, 2]
    data.train.images.numpy()[:] = 0  # the memory is writable


def test_importing_loads_nothing_for_downloads() -> None:
    code = "import sys, tinygrad_lite.datasets; print({'pooch', 'requests', 'tqdm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.skipif(
    not os.environ.get("TINYGRAD_LITE_DATA"),
    reason="needs the real MNIST: set TINYGRAD_LITE_DATA to a folder with its four files",
)
def test_the_real_mnist() -> None:
    data = mnist()
    check_result(data, pixel_max=255)
    assert tuple(data.train.images.shape) == (60000, 28, 28)
    assert tuple(data.test.images.shape) == (10000, 28, 28)
    assert data.train.labels.tolist()[:5] == [5, 0, 4, 1, 9]
    # The course's 3s and 7s: 6,131 and 6,265 to train on, 1,010 and 1,028 to test with.
    assert np.bincount(data.train.labels.numpy())[[3, 7]].tolist() == [6131, 6265]
    assert np.bincount(data.test.labels.numpy())[[3, 7]].tolist() == [1010, 1028]
