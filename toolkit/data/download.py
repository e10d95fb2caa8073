"""Fetch a file once, check its digest, keep it in the user's cache folder."""

import contextlib
import hashlib
import http.client
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from toolkit import __version__
from toolkit.errors import DataError, UsageError
from toolkit.files import output_error
from toolkit.observer import SILENT, Observer

CACHE_VARIABLE = "TOOLKIT_CACHE"
CACHE_REMEDY = f"set {CACHE_VARIABLE} to a folder that may be read and written and has room"
TIMEOUT_S = 30.0  # without a byte
CHUNK_BYTES = 1 << 18
ATTEMPTS = 4  # connections per call; each goes on where the one before broke off
HEX_LENGTH = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Digest:
    """What a file must hash to.

    Args:
        algorithm: "md5" or "sha256".
        hexadecimal: lower case.
    """

    algorithm: str
    hexadecimal: str

    @classmethod
    def parse(cls, text: str, where: object) -> "Digest":
        """Read `md5:…` or `sha256:…`.

        Raises:
            UsageError: it is neither.
        """
        algorithm, _, digits = text.strip().lower().partition(":")
        if not re.fullmatch(r"[0-9a-f]+", digits) or HEX_LENGTH.get(algorithm) != len(digits):
            raise UsageError(f"'{text}' is not a digest", where=where, remedy="write md5:… or sha256:…")
        return cls(algorithm, digits)

    def matches(self, path: Path) -> bool:
        """Tell whether a file hashes to it."""
        # md5 serves against damage, not against attack; systems in FIPS mode want that said.
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.new(self.algorithm, usedforsecurity=False))
        return found.hexdigest() == self.hexadecimal


def cache_folder() -> Path:
    """Return the folder for downloads: TOOLKIT_CACHE, XDG_CACHE_HOME, or what the platform uses.

    Raises:
        DataError: it lies in a home folder, and the system knows of none.

    Source: XDG Base Directory Specification 0.8 (a relative path is to be ignored).
    """
    chosen, xdg = os.environ.get(CACHE_VARIABLE), Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen:
        folder = Path(chosen)
    elif xdg.is_absolute():
        folder = xdg / "toolkit"
    elif sys.platform == "darwin":
        folder = Path("~/Library/Caches/toolkit")
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local") / "toolkit" / "Cache"
    else:
        folder = Path("~/.cache/toolkit")
    try:
        return folder.expanduser()
    except RuntimeError as error:  # no HOME, and a user without a name, as in some containers
        raise DataError("there is no such home folder", where=folder, remedy=CACHE_REMEDY) from error


def fetch(url: str, target: Path, digest: Digest, *, remedy: str, observer: Observer = SILENT) -> Path:
    """Return a file from the cache, downloading it if it isn't there whole.

    A download that broke off goes on where it stopped if the server can do that, else it starts again.
    The file appears under its name only after its digest was checked.

    Args:
        url: http, https or file.
        target: where it is kept.
        digest: what it must hash to.
        remedy: what a user can do when the source fails.
        observer: told the progress, in bytes.

    Returns:
        `target`.

    Raises:
        DataError: the source can't be reached, breaks off, or has other content.
        OutputError: the cache can't be written.
    """
    if _is_whole(target, digest):  # before anything is written: a shared cache may be read-only
        return target
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_process(target.with_name(target.name + ".lock"), observer):
            if _is_whole(target, digest):  # another process was quicker
                return target
            if target.is_file():
                observer.notice(f"the cached {target.name} is damaged and is fetched again")
            observer.step(f"Downloading {target.name} once from {url} to {target.parent}")
            resumed = _download(url, part, remedy, observer)
            if resumed and not digest.matches(part):
                # The piece of an earlier day may be of another file; only a whole download can tell.
                observer.notice("the resumed download is not what was expected and starts again")
                part.unlink()
                _download(url, part, remedy, observer)
            if not digest.matches(part):
                part.unlink()
                raise DataError(
                    f"its content doesn't have the {digest.algorithm} digest {digest.hexadecimal}",
                    where=url,
                    remedy=remedy,
                )
            part.replace(target)
    except OSError as error:
        # Nobody chose this place: what to do is to choose one.
        found = output_error(error, target.parent)
        raise type(found)(found.what, where=found.where, remedy=CACHE_REMEDY) from error
    return target


def _is_whole(target: Path, digest: Digest) -> bool:
    try:
        return target.is_file() and digest.matches(target)
    except OSError as error:
        raise DataError(
            f"the cached file can't be read: {error.strerror}", where=target, remedy=CACHE_REMEDY
        ) from error


def _download(url: str, part: Path, remedy: str, observer: Observer) -> bool:
    """Fetch the rest of `part`; return whether an earlier piece was kept."""
    resumed = part.is_file() and part.stat().st_size > 0
    for attempt in range(1, ATTEMPTS + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            started_over = _receive(url, part, observer)
        except _Broken as error:
            # Only a connection that brought something is worth another one at once.
            progress = part.exists() and part.stat().st_size > before
            if attempt < ATTEMPTS and progress:
                observer.notice(f"the connection broke off ({error}); going on where it stopped")
                continue
            raise DataError(f"the download failed: {error}", where=url, remedy=remedy) from error
        return resumed and not started_over
    raise AssertionError("the last attempt returns or raises")


class _Broken(Exception):  # noqa: N818 - a state of the connection, not an error of ours
    """The source can't be reached or the connection broke off."""


def _receive(url: str, part: Path, observer: Observer) -> bool:
    """Make one connection and write what it brings; return whether it started from the first byte."""
    offset = part.stat().st_size if part.is_file() else 0
    with _opened(url, offset) as response:
        if response is None:  # the server has nothing behind the offset: whole already, or another file
            return False
        kept = offset if _continues(response, offset) else 0
        length = response.headers.get("Content-Length")
        total = kept + int(length) if length and length.isdecimal() else None
        with part.open("ab" if kept else "wb") as file:
            done = _copy(response, file, kept, total, observer)
    if total is not None and done < total:
        raise _Broken(f"{done:,} of {total:,} bytes arrived")
    observer.progress(done, done, unit="bytes")
    return kept == 0


def _copy(response: Any, file: BinaryIO, done: int, total: int | None, observer: Observer) -> int:
    while True:
        try:
            chunk = response.read(CHUNK_BYTES)
        except (http.client.HTTPException, OSError) as error:
            raise _Broken(_reason(error)) from error
        if not chunk:
            return done
        file.write(chunk)
        done += len(chunk)
        observer.progress(done, total, unit="bytes")


@contextlib.contextmanager
def _opened(url: str, offset: int) -> Iterator[Any]:
    headers = {"User-Agent": f"toolkit/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
            yield None
            return
        raise _Broken(f"the server answered {error.code} {error.reason}") from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _Broken(_reason(error)) from error
    with response:
        yield response


def _continues(response: Any, offset: int) -> bool:
    """Tell whether a response begins at the offset that was asked for."""
    if not offset or getattr(response, "status", None) != http.HTTPStatus.PARTIAL_CONTENT:
        return False
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == offset


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


@contextlib.contextmanager
def _only_process(lock: Path, observer: Observer) -> Iterator[None]:
    """Let one process at a time download; the others wait and then find the file."""
    try:
        import fcntl
    except ImportError:  # Windows: a second download at the same moment fails its digest and starts again
        yield
        return
    with lock.open("w") as file:
        with contextlib.suppress(OSError):  # some network file systems know no locks
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                observer.notice(f"waiting for another process that downloads to {lock.parent}")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
