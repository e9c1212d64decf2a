"""A small MNIST and servers for it on this machine, so that downloads are tested without reaching any network."""

import gzip
import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_lite.datasets import files, handwritten
from tinygrad_lite.datasets.files import KnownFile

# What a server does when asked for a file: it is given the request and the file's compressed bytes.
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def write_idx(array: np.ndarray[Any, Any]) -> bytes:
    """Return the bytes of the idx file that holds an array of uint8."""
    return struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape) + array.tobytes()


@dataclass
class SmallMnist:
    """Four files like MNIST's, with 6 + 3 random images of 4×5 pixels; the addresses of them are `mirrors`."""

    contents: dict[str, bytes]  # by file name, decompressed
    cache: Path

    def write_to(self, folder: Path, *, packed: bool) -> Path:
        """Put the four files into the folder, compressed or not, and return the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
            else:
                (folder / name).write_bytes(content)
        return folder

    def cached(self) -> list[str]:
        """Return the names of all files in the cache, finished or not."""
        return sorted(path.name for path in self.cache.rglob("*"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections to this machine through, and no others; forget any proxy."""
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    lookup = socket.getaddrinfo

    def only_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, f"no test may reach the network, this one asks for {host}")
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SmallMnist:
    """Put a small data set in the place of MNIST, with an empty cache and no folder named in the environment."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, count in (("train", 6), ("t10k", 3)):
        images = rng.integers(0, 256, (count, 4, 5), dtype=np.uint8)
        contents[f"{part}-images-idx3-ubyte"] = write_idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = write_idx(np.arange(count, dtype=np.uint8))
    known = tuple(KnownFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items())

    mnist = SmallMnist(contents, tmp_path / "user" / "cache")
    monkeypatch.setattr(handwritten, "MNIST_FILES", known)
    monkeypatch.setattr(files, "cache_folder", lambda: mnist.cache)
    monkeypatch.delenv("TINYGRAD_LITE_DATA", raising=False)
    return mnist


@pytest.fixture
def serve(small: SmallMnist) -> Iterator[Callable[..., str]]:
    """A function that starts a mirror with a way to answer, and returns its address; it counts in serve.requests."""
    servers = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start.requests.append(self.path)  # type: ignore[attr-defined]
                name = self.path.removeprefix("/mnist/").removesuffix(".gz")
                answer(self, gzip.compress(small.contents[name]))

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/mnist/"

    start.requests = []  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
