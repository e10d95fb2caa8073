"""The official CIFAR-10 archives: cifar-10-python.tar.gz and cifar-10-binary.tar.gz.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009); layout and digests as
given on https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import os
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Split, unreadable
from toolkit.data.download import Digest, cache_folder, fetch
from toolkit.data.pickles import read_pickle
from toolkit.errors import DataError, UsageError
from toolkit.observer import Observer

NAME = "CIFAR-10"
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
URL_VARIABLE = "TOOLKIT_CIFAR10_URL"
DIGEST_VARIABLE = "TOOLKIT_CIFAR10_DIGEST"
PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
BINARY_ARCHIVE = "cifar-10-binary.tar.gz"
DIGESTS = {
    PYTHON_ARCHIVE: Digest("md5", "c58f30108f718f92721af3b95e74349a"),
    BINARY_ARCHIVE: Digest("md5", "c32a1d4ab5d03f1284b67883e8d87530"),
}

SIDE = 32  # pixels
PIXEL_BYTES = 3 * SIDE * SIDE
RECORD_BYTES = 1 + PIXEL_BYTES  # of the binary format: label, then red, green and blue planes
MEMBER_LIMIT_BYTES = 256 << 20  # official batches have 31 MB; more is a decompression bomb

BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
META = "batches.meta"

Archive = tuple[tuple[str, ...], dict[str, Split]]


def download(observer: Observer) -> Path:
    """Return the official archive from the cache, downloading it the first time.

    TOOLKIT_CIFAR10_URL names a mirror, TOOLKIT_CIFAR10_DIGEST another digest (md5:… or sha256:…).

    Raises:
        DataError: the download failed, or it isn't the archive that was expected.
        OutputError: the cache can't be written.
        UsageError: the variable of the mirror or of the digest can't be read.
    """
    url = os.environ.get(URL_VARIABLE) or URL
    try:
        name = PurePosixPath(urlsplit(url).path).name
    except ValueError as error:  # such as a bracket that isn't closed
        raise UsageError(
            f"'{url}' is no address: {error}", where=URL_VARIABLE, remedy="give the address of a mirror"
        ) from error
    name = name if name in DIGESTS else PYTHON_ARCHIVE
    given = os.environ.get(DIGEST_VARIABLE)
    digest = Digest.parse(given, where=DIGEST_VARIABLE) if given else DIGESTS[name]
    # The digest is part of the name: a mirror with other content never replaces the official archive.
    target = cache_folder() / digest.hexadecimal[:12] / name
    remedy = f"check the network, set {URL_VARIABLE} to a mirror, or get {name} another way and give its path as DATA"
    return fetch(url, target, digest, remedy=remedy, observer=observer)


def read_archive(path: Path, wanted: Sequence[str]) -> Archive:
    """Read an archive in the official layout, Python or binary; nothing is unpacked to disk.

    Args:
        path: a tar archive, compressed or not.
        wanted: splits to read, "train" and/or "test".

    Returns:
        (class names, splits); images uint8 [N, 32, 32, 3].

    Raises:
        DataError: it is damaged, or isn't in the official layout.
    """
    batches = [batch for split in wanted for batch in BATCHES[split]]
    members = _read_members(path, batches)
    binary = f"{META}.txt" in members
    missing = [name for name in batches if (f"{name}.bin" if binary else name) not in members]
    if missing or (not binary and META not in members):
        raise _layout_error(
            f"{missing[0] + ('.bin' if binary else '') if missing else META} is missing", path
        )
    classes = _classes(members, path)
    read = _read_binary if binary else _read_python
    splits = {}
    for split in wanted:
        parts = [read(members, batch, len(classes), f"{path}: {batch}") for batch in BATCHES[split]]
        splits[split] = _joined(parts)
    return classes, splits


def _read_members(path: Path, batches: Sequence[str]) -> dict[str, bytes]:
    """Read the files that are needed, in one pass, stopping when one format is complete."""
    complete = ({META, *batches}, {f"{META}.txt", *(f"{name}.bin" for name in batches)})
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or not any(name in names for names in complete):
                    continue
                if member.size > MEMBER_LIMIT_BYTES:
                    raise _layout_error(f"{name} would unpack to {member.size:,} bytes", path)
                file = archive.extractfile(member)
                members[name] = file.read() if file is not None else b""
                if any(names <= members.keys() for names in complete):
                    break
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:  # without a number it is about the content
            raise unreadable(error, path) from error
        raise DataError(
            f"can't be read as an archive: {error}", where=path, remedy="get the archive again"
        ) from error
    return members


def _classes(members: dict[str, bytes], path: Path) -> tuple[str, ...]:
    if f"{META}.txt" in members:
        names: Any = members[f"{META}.txt"].decode("utf-8", "replace").split()
    else:
        names = read_pickle(members[META], f"{path}: {META}").get("label_names")
    if not isinstance(names, list) or not names:
        raise _layout_error(f"{META} names no classes", path)
    classes = tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names)
    if len(set(classes)) != len(classes):
        raise _layout_error(f"{META} names a class twice", path)
    return classes


def _read_python(
    members: dict[str, bytes], batch: str, classes: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (planes uint8 [N, 3072], labels int64 [N]) of a pickled batch."""
    content = read_pickle(members.pop(batch), where)
    planes, labels = content.get("data"), content.get("labels")
    if not isinstance(planes, np.ndarray) or planes.ndim != 2 or planes.shape[1] != PIXEL_BYTES:
        raise _layout_error(f"its data isn't an array of N × {PIXEL_BYTES} bytes", where)
    if not isinstance(labels, list | np.ndarray) or len(labels) != len(planes):
        raise _layout_error(f"it hasn't one label for each of its {len(planes)} pictures", where)
    if not all(isinstance(label, int | np.integer) and 0 <= label < classes for label in labels):
        raise _layout_error(f"it has labels other than 0 to {classes - 1}", where)
    return planes, np.array(labels, np.int64)


def _read_binary(
    members: dict[str, bytes], batch: str, classes: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (planes uint8 [N, 3072], labels int64 [N]) of a binary batch."""
    content = members.pop(f"{batch}.bin")
    if not content or len(content) % RECORD_BYTES:
        raise _layout_error(f"its {len(content):,} bytes aren't records of {RECORD_BYTES} bytes", where)
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= classes:
        raise _layout_error(f"it has labels other than 0 to {classes - 1}", where)
    return records[:, 1:], labels


def _joined(parts: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> Split:
    """Put batches of planes together as pictures; they are transposed into place, one copy in all."""
    images = np.empty((sum(len(planes) for planes, _ in parts), SIDE, SIDE, 3), np.uint8)
    start = 0
    for planes, _ in parts:
        images[start : start + len(planes)] = planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        start += len(planes)
    return Split(images, np.concatenate([labels for _, labels in parts]))


def _layout_error(what: str, where: object) -> DataError:
    return DataError(
        f"not in the official layout of CIFAR-10: {what}",
        where=where,
        remedy=f"give {PYTHON_ARCHIVE} or {BINARY_ARCHIVE} as it is published",
    )
