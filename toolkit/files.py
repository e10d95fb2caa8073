"""Whole-or-nothing writes, refuse-or-force, digests."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.durable import flush, flush_folder, replace_durably
from toolkit.endings import STREAMS, is_device
from toolkit.errors import OutputError, ReaderGone, ToolkitError
from toolkit.leftovers import FILE, FOLDER, remove_leftovers, temporary_of


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite `path` unless `force`, and refuse early what can't be written at all.

    Nothing is made yet, so that a run that fails leaves no empty folder behind.

    Raises:
        OutputError: it exists already, it is a folder, or its parent can't be made or written.
    """
    if path.is_dir():
        raise OutputError("the output is a folder", where=path, remedy="give the name of a file")
    if path.is_file() and str(path).startswith(STREAMS):  # renaming over it would take away the name itself
        raise OutputError("it leads to a file here", where=path, remedy="give that file's own name")
    if os.path.lexists(path) and not is_device(path) and not force:  # also a link whose target is gone
        raise OutputError(
            "the output exists already",
            where=path,
            remedy="choose another name, or add --force to replace it",
        )
    if not is_device(path):
        _refuse_unwritable(path.parent)


def refuse_existing_folder(path: Path, *, force: bool) -> None:
    """Refuse to write into a folder that holds something already, unless `force`; nothing is made yet.

    Raises:
        OutputError: it is a file, it isn't empty, or it can't be made or written.
    """
    if path.exists() and not path.is_dir():
        raise OutputError("the output is a file", where=path, remedy="give the name of a folder")
    if path.is_dir() and not force and any(path.iterdir()):
        raise OutputError(
            "the output folder isn't empty",
            where=path,
            remedy="choose another folder, or add --force to write into it",
        )
    _refuse_unwritable(path)


def _refuse_unwritable(folder: Path) -> None:
    """Refuse a folder that can't be written to, or that can't be made where it will be needed."""
    there = next(part for part in (folder, *folder.parents) if os.path.lexists(part))
    if not there.is_dir():
        raise output_error(NotADirectoryError(errno.ENOTDIR, "not a folder"), folder)
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError("the folder can't be written to", where=there, remedy="choose another folder")


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        OutputError: it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error


def output_error(error: OSError, path: object) -> ToolkitError:
    """Turn an operating-system error met while writing `path` into one sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            "no space left on the disk", where=path, remedy="free some space, or write elsewhere"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            "not allowed to write", where=path, remedy="choose another place, or change the permissions"
        )
    if error.errno == errno.EPIPE:
        return ReaderGone("the reader of the output went away", where=path, remedy="write to a file with -o")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError("a part of the path is a file", where=path, remedy="choose another output path")
    if error.errno == errno.ENAMETOOLONG:
        return OutputError("the name is too long", where=path, remedy="choose a shorter name")
    return OutputError(
        f"can't write: {error.strerror or error}", where=path, remedy="check the disk and the path"
    )


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and give it the final name.

    Whatever goes wrong inside, nothing appears under `path` and the temporary file is removed; one that a killed run
    left of it is removed as well.
    A device such as `/dev/full` or `/dev/stdout` is written in place, since it can't be renamed over.

    Raises:
        OutputError: see `refuse_existing`; also a full disk or a failed rename.
    """
    refuse_existing(path, force=force)
    make_folder(path.parent)
    if is_device(path):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / path.name
            yield temporary
            with _translated(path), temporary.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        return
    remove_leftovers(path)
    temporary = temporary_of(path, FILE)
    try:
        with _translated(path):
            yield temporary
            flush(temporary)
            replace_durably(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_files(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a path of the final name in a temporary folder beside it, for a file that others belong to.

    On success everything in the folder is flushed and moved beside `path`, `path` itself last: whoever finds
    it finds the others. Whatever goes wrong inside, nothing appears.

    Raises:
        OutputError: see `whole_file`; also where a file that belongs to it exists already.
    """
    refuse_existing(path, force=force)
    if is_device(path):
        with whole_file(path, force=force) as temporary:
            yield temporary
        return
    make_folder(path.parent)
    remove_leftovers(path)
    folder = temporary_of(path, FOLDER)
    try:
        with _translated(path, within=folder):
            folder.mkdir()
            yield folder / path.name
            _move_all(folder, path, force=force)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_all(folder: Path, path: Path, *, force: bool) -> None:
    others = sorted(file for file in folder.iterdir() if file.name != path.name)
    for file in others:
        refuse_existing(path.with_name(file.name), force=force)
    for file in (*others, folder / path.name):
        flush(file)
        file.replace(path.with_name(file.name))
    flush_folder(path.parent)


def write_text(path: Path, text: str, *, force: bool = False) -> None:
    """Write a text file (UTF-8) whole or not at all; see `whole_file`."""
    # A name that isn't UTF-8 stands in it as Python has it, and comes out escaped.
    write_bytes(path, text.encode("utf-8", "backslashreplace"), force=force)


def write_bytes(path: Path, content: bytes, *, force: bool = False) -> None:
    """Write a file whole or not at all; see `whole_file`."""
    with whole_file(path, force=force) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, document: Any, *, force: bool = False) -> None:
    """Write strict JSON (no NaN, no infinity) whole or not at all; see `whole_file`."""
    write_text(path, to_json(document) + "\n", force=force)


def to_json(document: Any) -> str:
    """Render strict JSON with two spaces of indent; numpy scalars become plain numbers."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextlib.contextmanager
def _translated(path: Path, *, within: Path | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Only what concerns the file being written; a missing input must keep its own name.
        named = None if error.filename is None else Path(os.fsdecode(error.filename))
        if named is not None and named.parent not in (path.parent, within):
            raise
        raise output_error(error, path) from error
