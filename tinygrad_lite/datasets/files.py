"""Data files whose content is known beforehand: where they are looked for, how they are checked and downloaded.

Of each file we know its size and its SHA-256 (`KnownFile`), both of the decompressed content, so a copy that was
compressed anew is as good as the original. `read_files` looks in one place, the first of these that is named:

    the argument `folder`      the user's own files: all of them must be there and right, and we never change them
    TINYGRAD_LITE_DATA         an environment variable with the path of such a folder
    the user's cache           ours: a missing file is downloaded into it, a damaged one is replaced

A folder that was named but does not fit is an error, not a reason to look elsewhere: otherwise a slip in a path would
show itself only as an unexpected download. All bytes pass through `checked_content` before anybody uses them.
"""

import gzip
import hashlib
import io
import os
import tempfile
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

DATA_VARIABLE = "TINYGRAD_LITE_DATA"

# Seconds to wait for a connection, and for the next bytes on it. Where a firewall swallows every packet, this is how
# long a learner waits for each mirror before being told.
TIMEOUT = (5, 30)


class DatasetUnavailable(RuntimeError):
    """A data set is not on this machine and cannot be brought here now. The message is one line, with the remedy."""


class DatasetCorrupt(RuntimeError):
    """A file that the user named is damaged, or is a different file. The message is one line, with the remedy."""


class ContentMismatch(Exception):
    """Bytes are not those of the file they should be; the message says what was found instead."""


class DownloadFailed(Exception):
    """A file was not downloaded; the message says why."""


@dataclass(frozen=True)
class KnownFile:
    """A file by its name, without .gz, and by the size in bytes and the SHA-256 of its decompressed content."""

    name: str
    size: int
    sha256: str


def read_files(
    dataset: str,
    files: Sequence[KnownFile],
    mirrors: Sequence[str],
    folder: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> list[bytes]:
    """Return the decompressed, checked content of each of the files of a data set.

    mirrors: addresses that end in "/" and serve each file, compressed, as its name + ".gz"; tried in turn
    folder: where the files are; None: in the folder that TINYGRAD_LITE_DATA names or, without it, in the user's cache
    download: whether files that are missing from the cache may be downloaded into it

    Raises FileNotFoundError for a named folder without the files, DatasetCorrupt for a wrong file in it, and
    DatasetUnavailable where nothing is named, the cache lacks files and they cannot be downloaded into it.
    """
    if folder is not None:
        return read_folder(dataset, files, mirrors, Path(folder), "the argument folder")
    if variable := os.environ.get(DATA_VARIABLE):
        return read_folder(dataset, files, mirrors, Path(variable), f"the environment variable {DATA_VARIABLE}")
    return read_cache(dataset, files, mirrors, cache_folder(), download)


def cache_folder() -> Path:
    """The folder for this package's downloads, where the operating system keeps the user's caches."""
    import pooch  # here and not above: it takes longer to import than the rest of this package

    return Path(pooch.os_cache("tinygrad_lite"))


# Reading and checking


def find(folder: Path, file: KnownFile) -> Path | None:
    """Return the path of the file in the folder, plain if it is there, else compressed, else None."""
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def checked_content(stream: BinaryIO, file: KnownFile) -> bytes:
    """Return what the stream holds, decompressed, if it is the content of the file; raise ContentMismatch if not.

    The first bytes tell whether it is compressed, not its name: some servers and browsers unpack a .gz on the way.
    """
    compressed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    try:
        # One byte more than expected is enough to notice any excess, and no file can fill the memory. Asking for it
        # also takes a compressed stream to its end, where it keeps a checksum.
        content = (gzip.GzipFile(fileobj=stream) if compressed else stream).read(file.size + 1)
    except EOFError as error:
        raise ContentMismatch(f"the compressed data break off after {stream.tell():,} bytes") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ContentMismatch(f"the compressed data are damaged ({error})") from error

    if len(content) > file.size:
        raise ContentMismatch(f"found more than {file.size:,} bytes")
    if len(content) < file.size:
        raise ContentMismatch(f"found {len(content):,} bytes, expected {file.size:,}")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        raise ContentMismatch(f"found SHA-256 {sha256}, expected {file.sha256}")
    return content


def read_checked(path: Path, file: KnownFile) -> bytes:
    """Return the decompressed content of the file at the path, or raise ContentMismatch."""
    with path.open("rb") as stream:
        return checked_content(stream, file)


# A folder of the user's


def read_folder(
    dataset: str, files: Sequence[KnownFile], mirrors: Sequence[str], folder: Path, named_by: str
) -> list[bytes]:
    """Return the content of files that must all be in a folder which the user named by an argument or a variable."""
    folder = folder.expanduser()
    found = {file: path for file in files if (path := find(folder, file))}
    missing = [file.name for file in files if file not in found]
    if missing:
        problem = f"has no {', '.join(missing)}, with or without .gz" if folder.is_dir() else "is not a folder"
        raise FileNotFoundError(
            f"{dataset}: {folder}, which {named_by} names, {problem}. Name a folder that holds all of "
            f"{', '.join(file.name for file in files)} (from {mirrors[0]}), or name none to have them downloaded"
        )

    contents = []
    for file, path in found.items():
        try:
            contents.append(read_checked(path, file))
        except ContentMismatch as mismatch:
            raise DatasetCorrupt(
                f"{dataset}: {path} is not the original {file.name} of {file.size:,} bytes: {mismatch}. "
                f"It is damaged or from another data set; replace it by {mirrors[0]}{file.name}.gz"
            ) from mismatch
    return contents


# The cache


def read_cache(
    dataset: str, files: Sequence[KnownFile], mirrors: Sequence[str], folder: Path, download: bool
) -> list[bytes]:
    """Return the content of files in the cache, after downloading those that are missing from it or damaged."""
    remedy = f"or put the {len(files)} files into a folder of your own and name it in {DATA_VARIABLE}"
    contents = []
    for file in files:
        try:
            content = read_cached(folder, file)
            if content is None:
                content = add_to_cache(folder, file, mirrors, download)
        except DownloadFailed as failure:
            raise DatasetUnavailable(
                f"{dataset}: {file.name}.gz is not in the cache {folder} and is not downloaded: {failure}. "
                f"Download it with a network, {remedy}"
            ) from failure
        except OSError as error:
            raise DatasetUnavailable(
                f"{dataset}: cannot use the cache {folder} ({error.strerror or error}). "
                f"Make it readable and writable, {remedy}"
            ) from error
        contents.append(content)
    return contents


def read_cached(folder: Path, file: KnownFile) -> bytes | None:
    """Return the content of the cached file, None if it is not there. A damaged one is removed, with a warning."""
    while path := find(folder, file):
        try:
            return read_checked(path, file)
        except ContentMismatch as mismatch:
            path.unlink(missing_ok=True)
            # The warning is for the line that called mnist(): four calls further out than this one.
            warnings.warn(f"{path} was damaged and is removed from the cache: {mismatch}", stacklevel=5)
        except FileNotFoundError:
            continue  # another process found it damaged too, and was quicker to remove it
    return None


def add_to_cache(folder: Path, file: KnownFile, mirrors: Sequence[str], download: bool) -> bytes:
    """Download the file into the cache and return its content. Raises DownloadFailed, or OSError from the folder."""
    if not download:
        raise DownloadFailed("download=False")
    # Try the folder first: better to fail before a download than after it.
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
    body, content = download_checked(file, mirrors)
    write_whole(folder / f"{file.name}.gz", body)
    return content


def write_whole(path: Path, body: bytes) -> None:
    """Write a file that nobody ever sees half-written, not even when several processes write it at the same time."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with open(handle, "wb") as file:
            file.write(body)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


# Downloading


def download_checked(file: KnownFile, mirrors: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the file from the first mirror that serves it right: its bytes as served, and decompressed.

    The download stays in memory until it has been checked, so one that breaks off leaves nothing behind on the disk.
    Raises DownloadFailed, with the reason for each mirror, when none of them serves it.
    """
    # Imported only when there is something to download, so that `import tinygrad_lite` stays quick.
    import pooch
    import requests
    from tqdm import tqdm

    reasons = []
    for mirror in mirrors:
        stream = io.BytesIO()
        try:
            # The total is corrected when the server announces the size of the compressed file.
            with tqdm(desc=file.name, total=file.size, unit="B", unit_scale=True, leave=False) as bar:
                download = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**14, timeout=TIMEOUT)
                download(f"{mirror}{file.name}.gz", stream, None)
            stream.seek(0)
            return stream.getvalue(), checked_content(stream, file)
        except requests.HTTPError as error:
            reasons.append(str(error))  # such as: 404 Client Error: Not Found for url: https://…
        except OSError as error:  # the base of all that goes wrong on a network, in requests and below it
            reasons.append(f"{mirror} does not answer, or not to the end ({type(error).__name__})")
        except ContentMismatch as mismatch:
            reasons.append(f"{mirror} serves a wrong file ({mismatch})")
    raise DownloadFailed("; ".join(reasons))
