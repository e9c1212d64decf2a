"""Where data files are looked for, what is refused, and what a download leaves behind, through `mnist()`."""

from __future__ import annotations

import gzip
import os
import socket
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tinygrad_lite.datasets import DatasetCorrupt, DatasetUnavailable, ImageDataset, files, handwritten, mnist
from tinygrad_lite.datasets.idx import parse_idx

if TYPE_CHECKING:
    from tests.datasets.conftest import Answer, SmallMnist

FOUR = [
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
]


def assert_is_small(data: ImageDataset, small: SmallMnist) -> None:
    tensors = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    for tensor, content in zip(tensors, small.contents.values(), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), parse_idx(content))


def one_line(error: BaseException) -> str:
    message = str(error)
    assert "\n" not in message
    return message


# Ways in which a server can answer


def send(request: BaseHTTPRequestHandler, body: bytes, announced: int | None = None, status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if announced is None else announced))
    request.end_headers()
    request.wfile.write(body)


def good(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    send(request, packed)


def unpacked(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    send(request, gzip.decompress(packed))


def missing(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    send(request, b"no such file", status=404)


def broken_off(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    send(request, packed[:20], announced=len(packed))


def broken_off_unannounced(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(packed[:20])


def altered(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    content = bytearray(gzip.decompress(packed))
    content[-1] ^= 1
    send(request, gzip.compress(content))


def login_page(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    send(request, b"<html>Welcome to our hotel. Please sign in.</html>")


def silent(request: BaseHTTPRequestHandler, packed: bytes) -> None:
    """Return without a word, upon which the connection is closed."""


# A folder that the user names


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
def test_the_folder_given_is_read(small: SmallMnist, tmp_path: Path, packed: bool, as_text: bool) -> None:
    folder = small.write_to(tmp_path / "mine", packed=packed)
    assert_is_small(mnist(str(folder) if as_text else folder), small)
    assert small.cached() == []


def test_a_tilde_in_the_folder_is_the_home_folder(
    small: SmallMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    small.write_to(tmp_path / "mine", packed=True)
    assert_is_small(mnist("~/mine"), small)


def test_the_folder_in_the_environment_is_read(
    small: SmallMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_LITE_DATA", str(small.write_to(tmp_path / "mine", packed=True)))
    assert_is_small(mnist(), small)
    assert small.cached() == []


def test_the_argument_comes_before_the_environment(
    small: SmallMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGRAD_LITE_DATA", str(tmp_path / "elsewhere"))
    assert_is_small(mnist(small.write_to(tmp_path / "mine", packed=True)), small)


def test_a_folder_that_does_not_exist_is_an_error(small: SmallMnist, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="mnist: .*nowhere, which the argument folder names, is not a folder"):
        mnist(tmp_path / "nowhere")


def test_a_folder_without_a_file_is_an_error_that_names_it(
    small: SmallMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.write_to(tmp_path / "mine", packed=True)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("TINYGRAD_LITE_DATA", str(folder))
    with pytest.raises(
        FileNotFoundError, match=r"TINYGRAD_LITE_DATA names, has no t10k-labels-idx1-ubyte, with or"
    ) as e:
        mnist()
    assert str(folder) in one_line(e.value)


def damage_cut_gzip(packed: bytes) -> bytes:
    return packed[:-9]


def damage_flipped_checksum(packed: bytes) -> bytes:
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


def damage_deflate(packed: bytes) -> bytes:
    return packed[:10] + b"\xff" * 8 + packed[18:]


def damage_bytes_after_the_end(packed: bytes) -> bytes:
    return packed + b"more"


def damage_shorter(packed: bytes) -> bytes:
    return gzip.compress(gzip.decompress(packed)[:-1])


def damage_longer(packed: bytes) -> bytes:
    return gzip.compress(gzip.decompress(packed) + bytes(10_000_000))


def damage_one_bit(packed: bytes) -> bytes:
    content = gzip.decompress(packed)
    return gzip.compress(content[:-1] + bytes([content[-1] ^ 1]))


def damage_empty(packed: bytes) -> bytes:
    return b""


def damage_plain_cut(packed: bytes) -> bytes:
    return gzip.decompress(packed)[:7]


DAMAGES = {
    damage_cut_gzip: r"break off after \d+ bytes",
    damage_flipped_checksum: "damaged .*CRC",
    damage_deflate: "damaged .*Error -3",
    damage_bytes_after_the_end: "damaged .*Not a gzipped file",
    damage_shorter: "found 135 bytes, expected 136",
    damage_longer: "found more than 136 bytes",
    damage_one_bit: "found SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}",
    damage_empty: "found 0 bytes, expected 136",
    damage_plain_cut: "found 7 bytes, expected 136",
}


@pytest.mark.parametrize(("damage", "found"), DAMAGES.items())
def test_a_damaged_file_of_the_users_is_refused_and_left_alone(
    small: SmallMnist, tmp_path: Path, damage: Callable[[bytes], bytes], found: str
) -> None:
    folder = small.write_to(tmp_path / "mine", packed=True)
    path = folder / "train-images-idx3-ubyte.gz"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(DatasetCorrupt, match=rf"original train-images-idx3-ubyte of 136 bytes: .*{found}") as error:
        mnist(folder)
    message = one_line(error.value)
    assert str(path) in message and "replace it by https://" in message
    assert path.read_bytes() == damaged
    assert small.cached() == []


def test_a_file_compressed_in_several_pieces_is_fine(small: SmallMnist, tmp_path: Path) -> None:
    folder = small.write_to(tmp_path / "mine", packed=True)
    content = small.contents["train-images-idx3-ubyte"]
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content[:50], 9) + gzip.compress(content[50:], 0))
    assert_is_small(mnist(folder), small)


def test_a_small_file_that_unpacks_to_a_huge_one_does_not_fill_the_memory(small: SmallMnist, tmp_path: Path) -> None:
    folder = small.write_to(tmp_path / "mine", packed=True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DatasetCorrupt, match="more than 136 bytes"):
            mnist(folder)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


# The cache, and downloads into it


def test_files_are_downloaded_once(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    assert_is_small(mnist(), small)
    assert small.cached() == FOUR
    assert len(serve.requests) == 4
    assert "train-images-idx3-ubyte:" in capfd.readouterr().err, "no progress bar"

    assert_is_small(mnist(), small)
    assert_is_small(mnist(download=False), small)
    assert len(serve.requests) == 4


def test_only_what_is_missing_is_downloaded(small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write_to(small.cache, packed=False)
    (small.cache / "t10k-labels-idx1-ubyte").unlink()
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    assert_is_small(mnist(), small)
    assert serve.requests == ["/mnist/t10k-labels-idx1-ubyte.gz"]


def test_a_server_may_unpack_the_file_on_the_way(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(unpacked),))
    assert_is_small(mnist(), small)
    assert_is_small(mnist(download=False), small)


FAILURES = {
    missing: "404 Client Error: Not Found for url: ",
    broken_off: r"does not answer, or not to the end \(\w+\)",
    broken_off_unannounced: r"serves a wrong file \(the compressed data break off after 20 bytes\)",
    altered: r"serves a wrong file \(found SHA-256",
    login_page: r"serves a wrong file \(found 50 bytes, expected 136\)",
    silent: r"does not answer, or not to the end \(\w+\)",
}


@pytest.mark.parametrize(("answer", "reason"), FAILURES.items())
def test_a_failed_download_leaves_nothing_and_the_next_try_works(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer, reason: str
) -> None:
    mirror = serve(answer)
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (mirror,))
    with pytest.raises(DatasetUnavailable, match=f"is not downloaded: .*{reason}") as error:
        mnist()
    message = one_line(error.value)
    assert mirror in message
    assert message.startswith(f"mnist: train-images-idx3-ubyte.gz is not in the cache {small.cache} ")
    assert "TINYGRAD_LITE_DATA" in message
    assert small.cached() == []

    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    assert_is_small(mnist(), small)


@pytest.mark.parametrize("answer", FAILURES)
def test_after_a_mirror_that_fails_the_next_is_tried(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(answer), serve(good)))
    assert_is_small(mnist(), small)
    assert small.cached() == FOUR


def test_a_download_that_stalls_is_given_up(small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def stalls(request: BaseHTTPRequestHandler, packed: bytes) -> None:
        send(request, packed[:20], announced=len(packed))
        released.wait(10)

    monkeypatch.setattr("tinygrad_lite.datasets.files.TIMEOUT", (0.2, 0.2))
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(stalls),))
    try:
        with pytest.raises(DatasetUnavailable, match="not to the end"):
            mnist()
    finally:
        released.set()
    assert small.cached() == []


def test_with_no_network_one_line_says_what_to_do(small: SmallMnist) -> None:
    with pytest.raises(DatasetUnavailable) as error:
        mnist()
    message = one_line(error.value)
    for mirror in handwritten.MNIST_MIRRORS:
        assert f"{mirror} does not answer, or not to the end (ConnectionError)" in message
    assert small.cached() == []


def test_nobody_listening_is_no_answer(small: SmallMnist, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (f"http://127.0.0.1:{port}/mnist/",))
    with pytest.raises(DatasetUnavailable, match="does not answer"):
        mnist()


def test_a_download_that_is_not_allowed_is_not_tried(small: SmallMnist) -> None:
    with pytest.raises(DatasetUnavailable, match="is not downloaded: download=False") as error:
        mnist(download=False)
    one_line(error.value)
    assert not small.cache.exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_in_the_cache_is_replaced_with_a_warning(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    path = small.write_to(small.cache, packed=True) / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    with pytest.warns(UserWarning, match="train-images-idx3-ubyte.gz was damaged and is removed") as warnings:
        assert_is_small(mnist(), small)
    assert warnings[0].filename == __file__, "the warning should point at the line that called mnist()"
    assert_is_small(mnist(download=False), small)


def test_a_damaged_file_does_not_stay_in_the_cache_without_a_network(small: SmallMnist) -> None:
    path = small.write_to(small.cache, packed=True) / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"not MNIST")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(DatasetUnavailable):
        mnist()
    assert not path.exists()


def test_a_damaged_file_may_be_removed_by_somebody_else(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small.write_to(small.cache, packed=True) / "train-images-idx3-ubyte.gz"
    read_checked = files.read_checked

    def after_removal(found: Path, file: files.KnownFile) -> bytes:
        if found == path:
            path.unlink()
        return read_checked(found, file)

    monkeypatch.setattr(files, "read_checked", after_removal)
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    assert_is_small(mnist(), small)


def test_downloads_at_the_same_time_do_not_disturb_each_other(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(6, timeout=30)

    def slowly(request: BaseHTTPRequestHandler, packed: bytes) -> None:
        together.wait()  # no answer before all six have asked for the same file
        send(request, packed)

    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(slowly),))
    results: list[ImageDataset] = []
    threads = [threading.Thread(target=lambda: results.append(mnist())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for data in results:
        assert_is_small(data, small)
    assert small.cached() == FOUR


# A cache that cannot be written: chmod does not bind root, so these tests use other obstacles.


def test_a_cache_that_cannot_be_made_is_named(small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small.cache.parent.write_text("a file where the folder should be")
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    with pytest.raises(DatasetUnavailable, match="mnist: cannot use the cache .* Make it readable and writable") as e:
        mnist()
    message = one_line(e.value)
    assert str(small.cache) in message and "TINYGRAD_LITE_DATA" in message
    assert serve.requests == [], "it should fail before the download"


def test_a_cache_that_cannot_be_written_is_found_out_before_the_download(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    small.cache.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    monkeypatch.setattr(tempfile, "mkstemp", forbidden)
    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    with pytest.raises(DatasetUnavailable, match="cannot use the cache .*Permission denied"):
        mnist()
    assert serve.requests == []


def test_a_full_disk_leaves_nothing_behind(small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    with monkeypatch.context() as disk:
        disk.setattr(os, "replace", full)
        with pytest.raises(DatasetUnavailable, match="cannot use the cache .*No space left on device"):
            mnist()
    assert small.cached() == []
    assert_is_small(mnist(), small)


def test_an_interrupt_while_writing_leaves_nothing_behind(
    small: SmallMnist, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(handwritten, "MNIST_MIRRORS", (serve(good),))
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        mnist()
    assert small.cached() == []
