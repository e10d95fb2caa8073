"""Small archives in the official layout of CIFAR-10, and a local HTTP server that can misbehave."""

import http.server
import io
import pickle
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PER_BATCH = 4


def pixels(batch: int, count: int = PER_BATCH) -> np.ndarray:
    """uint8 [count, 32, 32, 3]: what a batch of the small archives shows."""
    return np.random.default_rng(batch).integers(0, 256, (count, 32, 32, 3), np.uint8)


def labels(batch: int, count: int = PER_BATCH) -> list[int]:
    return [(batch + i) % 10 for i in range(count)]


def planes(images: np.ndarray) -> np.ndarray:
    """uint8 [N, 3072], as the archives store pictures: a red, a green and a blue plane."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def python_members(protocol: int = 2) -> dict[str, bytes]:
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    members = {
        f"cifar-10-batches-py/{name}": pickle.dumps(
            {
                b"batch_label": b"a batch",
                b"labels": labels(number),
                b"data": planes(pixels(number)),
                b"filenames": [b"x.png"] * PER_BATCH,
            },
            protocol,
        )
        for number, name in enumerate(names, 1)
    }
    meta = {
        b"num_cases_per_batch": PER_BATCH,
        b"label_names": [c.encode() for c in CLASSES],
        b"num_vis": 3072,
    }
    return {"cifar-10-batches-py/batches.meta": pickle.dumps(meta, protocol), **members}


def binary_members() -> dict[str, bytes]:
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    members = {"cifar-10-batches-bin/batches.meta.txt": ("\n".join(CLASSES) + "\n\n").encode()}
    for number, name in enumerate(names, 1):
        column = np.array(labels(number), np.uint8)[:, None]
        members[f"cifar-10-batches-bin/{name}"] = np.hstack([column, planes(pixels(number))]).tobytes()
    return members


def tar_gz(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Site:
    """A web site of one file, and what it was asked.

    `cut_after` ends each connection after so many bytes of the body, as a broken line does.
    """

    content: bytes
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    status: int = 200
    asked: list[str | None] = field(default_factory=list)
    address: str = ""

    def url(self, name: str = "cifar-10-python.tar.gz") -> str:
        return f"{self.address}/{name}"


class _Server(http.server.ThreadingHTTPServer):
    site: Site


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        site = self.server.site
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        if site.status != 200:
            self.send_error(site.status)
            return
        start = 0
        if site.ranges and wanted:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(site.content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
        else:
            self.send_response(200)
        body = site.content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    """Start a local web site: `site = serve(content, ranges=False)`."""
    servers = []

    def start(content: bytes, **settings: object) -> Site:
        server = _Server(("127.0.0.1", 0), _Handler)
        server.site = Site(content, **settings)  # type: ignore[arg-type]
        server.site.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that downloads go to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TOOLKIT_CACHE", str(folder))
    for name in ("TOOLKIT_CIFAR10_URL", "TOOLKIT_CIFAR10_DIGEST"):
        monkeypatch.delenv(name, raising=False)
    return folder


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notices: list[str] = []
        self.counts: list[tuple[int, int | None, str]] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def line(self, text: str) -> None:
        raise AssertionError(f"loading data has no running output: {text}")

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        self.counts.append((done, total, unit))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def official() -> SimpleNamespace:
    """What the small archives are made of, and functions that make them."""
    return SimpleNamespace(
        classes=CLASSES,
        per_batch=PER_BATCH,
        pixels=pixels,
        labels=labels,
        tar_gz=tar_gz,
        members={"python": python_members, "binary": binary_members},
    )


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Write a small archive: `archive("python")`, or with members changed."""

    def write(form: str, change: Callable[[dict[str, bytes]], None] = lambda _: None) -> Path:
        members = {"python": python_members, "binary": binary_members}[form]()
        change(members)
        path = tmp_path / f"cifar-10-{form}.tar.gz"
        path.write_bytes(tar_gz(members))
        return path

    return write
