"""Pictures at addresses that fsspec knows: http, https, s3, gs and others."""

import html
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.errors import ImageError, InputError, MissingDependency, one_line
from toolkit.images.addresses import (
    LINK,
    PAGES,
    WEB,
    folder_name,
    links,
    open_address,
    open_patiently,
    scheme_of,
    words_of_row,
)
from toolkit.images.inputs import Inputs, one
from toolkit.images.scan import Skipped, is_hidden, is_picture_name
from toolkit.images.transient import pause_before

NAMELESS = ""
FIRST_ERROR = 400  # of the HTTP statuses; source: RFC 9110, section 15


def remote_files(address: str, skipped: Skipped) -> Iterator[Inputs]:
    """Give the picture at an address, or the pictures below it in sorted order, folder by folder.

    A folder below it that can't be listed is an input with a failure.
    A web address is one picture, unless it ends in a slash and the server lists what is there. Another is one
    where it isn't a folder, or is named like a picture and nobody says what it is: reading it tells why.

    Args:
        address: as given.
        skipped: where hidden names and other files below it are counted.

    Raises:
        InputError: the address makes no sense, or what is below it can't be listed.
        MissingDependency: the library for this kind of address isn't installed.
    """
    try:
        fs, path = open_address(address)
    except InputError as error:
        if not is_picture_name(address):
            raise
        yield one(address, address, folder_name(address), failure=words_of_row(error))
        return
    try:
        if not _is_folder(fs, path, address):
            yield one(address, address, folder_name(address))
            return
        before, head, after = links(address)
        for folder, found in _walked(fs, path, skipped):
            below = folder[len(path.rstrip("/")) :].strip("/")
            start = (head if head.endswith("/") else f"{head}/") + (below and f"{below}/")
            if found is None or isinstance(found, Exception):
                if found is not None and not below:
                    raise found
                lost = LINK.join((*before, start if found else f"{start}/", *after))
                failure = _words(found) if found else "can't be listed, since its name is empty"
                yield one(lost, lost, None, failure=f"folder: {failure}")
                continue
            for name in found:
                file = LINK.join((*before, start + name, *after))
                yield one(file, file, folder_name(file))
    except Exception as error:
        # Each kind of address has a library of its own, with exceptions of its own.
        raise InputError(
            f"can't be listed: {_words(error)}", where=address, remedy="check the address and the credentials"
        ) from error


def _walked(fs: Any, path: str, skipped: Skipped) -> Iterator[tuple[str, list[str] | Exception | None]]:
    """Give each folder with the names of its pictures, or with why it can't be listed.

    None stands for a folder in it whose name is empty, which can't be listed either.
    """
    pending = [path]
    while pending:
        folder = pending.pop()
        try:
            folders, names = _listed(fs, folder)
        except Exception as error:  # noqa: BLE001 - each kind of address has exceptions of its own
            yield folder, error
            continue
        if folders.pop(NAMELESS, None) is not None:
            yield folder, None
        skipped.hidden += sum(map(_is_hidden, [*folders, *names]))
        pending += (folders[name] for name in sorted(folders, reverse=True) if not _is_hidden(name))
        seen = [name for name in names if not _is_hidden(name)]
        found = sorted(filter(is_picture_name, seen))
        skipped.others += len(seen) - len(found)
        yield folder, found


def _listed(fs: Any, folder: str) -> tuple[dict[str, str], list[str]]:
    """List a folder, again where that fails in a way that passes: (name -> path of the folders in it, other names)."""
    for attempt in itertools.count(1):
        try:
            if folder.lower().startswith(PAGES):
                return _linked(fs, folder)
            folders: dict[str, str] = {}
            files: list[str] = []
            # One level at a time: of a folder below that can't be listed `walk` would leave out everything in silence.
            for _, inside, names in fs.walk(folder, maxdepth=1, detail=True, on_error="raise"):
                folders |= {name: info["name"] for name, info in inside.items()}
                # Of "x//a.png" in a bucket: nothing can go into a folder without a name, nor may it be lost.
                folders |= {name: folder for name, info in names.items() if _is_nameless(name, info)}
                files += (name for name, info in names.items() if not _is_nameless(name, info))
        except Exception as error:
            pause = pause_before(attempt, error)
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return folders, files
    raise AssertionError


def _linked(fs: Any, page: str) -> tuple[dict[str, str], list[str]]:
    """Do the same for a web page: what is below it and linked there, as deep as that may be.

    Not by `walk`, which goes by the last part of a link, so that of one/a.png and two/a.png one is lost.
    """
    start = page.rstrip("/") + "/"
    folders: dict[str, str] = {}
    files: list[str] = []
    for info in fs.ls(page, detail=True):
        link = html.unescape(info["name"])  # it stands in a page as it is written there: a&amp;b.png
        # Either of http and https may link to the other.
        name = (
            link.split("://", maxsplit=1)[1]
            .removeprefix(start.split("://", maxsplit=1)[1])
            .removeprefix("./")
        )
        if info["type"] != "directory":
            files.append(name)
        elif name:  # else the page has a link to itself
            folders[name.rstrip("/")] = start + name
    return folders, files


def _is_hidden(name: str) -> bool:
    return any(map(is_hidden, name.split("/")))


def _is_nameless(name: str, info: Mapping[str, Any]) -> bool:
    # Of a bucket: an object that only marks its folder has a storage class of another name.
    return name == NAMELESS and "DIRECTORY" in (info.get("StorageClass"), info.get("storageClass"))


def _is_folder(fs: Any, path: str, address: str) -> bool:
    if scheme_of(address) in WEB:
        return address.endswith("/")
    try:
        return bool(fs.isdir(path))
    except Exception:
        # No credentials, no such host, whatever each library raises: of a folder it is an error of the whole run, since
        # nobody knows how many pictures it would have been.
        if is_picture_name(address):
            return False
        raise


def read_remote(
    addresses: Sequence[str], wait: Callable[[float], object] = time.sleep
) -> list[bytes | ImageError]:
    """Read several pictures at once, so that waiting for one is waiting for all.

    What fails in a way that passes (a connection reset, a timeout, a server that is busy) is tried again.

    Args:
        addresses: of pictures.
        wait: waits so many seconds before another try; true where there shall be none, and so no more waiting.

    Returns:
        Per address its content, or why it can't be read.
    """
    results: dict[str, bytes | ImageError] = {}
    groups: dict[int, tuple[Any, dict[str, str]]] = {}
    for address in dict.fromkeys(addresses):
        try:
            fs, path = open_patiently(address, wait)
        except (InputError, MissingDependency) as error:
            results[address] = _failed(words_of_row(error), address)
        else:
            groups.setdefault(id(fs), (fs, {}))[1][address] = path
    for fs, paths in groups.values():
        results |= _fetched(fs, paths, wait)
    return [results.get(address, _failed("no such file", address)) for address in addresses]


def _fetched(
    fs: Any, paths: Mapping[str, str], wait: Callable[[float], object]
) -> dict[str, bytes | ImageError]:
    """Fetch addresses of one file system, each with its path there, those again that fail in a way that passes."""
    results: dict[str, bytes | ImageError] = {}
    left = dict(paths)
    for attempt in itertools.count(1):
        pauses: dict[str, float] = {}
        for address, content in _tried(fs, left).items():
            pause = None if isinstance(content, bytes) else pause_before(attempt, content)
            if pause is not None:
                pauses[address] = pause
            elif isinstance(content, bytes):
                results[address] = content
            else:
                times = f" (tried {attempt} times)" if attempt > 1 else ""
                results[address] = _failed(_words(content) + times, address)
        if not pauses:
            return results
        left = {address: paths[address] for address in pauses}
        if wait(max(pauses.values())):
            return results | {address: _failed("not tried again", address) for address in left}
    raise AssertionError


def _tried(fs: Any, paths: Mapping[str, str]) -> dict[str, object]:
    """Try addresses once: each with its content, or with what was raised."""
    try:
        # Ranges without ends are whole files, fetched side by side; `cat` would take a name with [, * or ? for a
        # pattern.
        found = fs.cat_ranges(list(paths.values()), None, None, on_error="return")
        return dict(zip(paths, found, strict=True))
    except Exception as error:  # noqa: BLE001 - each kind of address has exceptions of its own
        return dict.fromkeys(paths, error)


def _failed(words: str, address: str) -> ImageError:
    return ImageError(words, where=address, remedy="check the address, or leave it out")


def _words(error: object) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "not allowed to read it (permission denied)"
    kinds = {kind.__name__ for kind in type(error).__mro__}  # aiohttp's, which may not be installed
    if "TooManyRedirects" in kinds:
        return "can't be read: the server sends from one address to the next without end"
    status, message = getattr(error, "status", 0), getattr(error, "message", "")
    if "ClientResponseError" in kinds and status >= FIRST_ERROR and one_line(message) == message:
        return f"can't be read: the server answers {status} ({message or 'without a reason'})"
    return f"can't be read: {one_line(error)[:200] or type(error).__name__}"
