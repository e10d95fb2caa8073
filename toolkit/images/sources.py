"""PATH... -> a stream of inputs: pictures, folders, globs, lists, standard input, archives, addresses.

The order is that of the arguments; inside a folder that of `sorted()` on the paths; inside a list or an
archive its own. A path that is named twice is two inputs. What can't be read is an input with a `failure`.
"""

# Path objects drop the "./" that was typed, and cost more than reading a small picture.
# ruff: noqa: PTH100, PTH116, PTH118, PTH119, PTH120

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from toolkit.errors import InputError, MissingDependency
from toolkit.images.addresses import forget, is_address, refuse_unknown, words_of_row
from toolkit.images.archives import is_archive, members
from toolkit.images.inputs import Input, Inputs, one, readable, shown
from toolkit.images.lists import as_meant, is_list, list_entries, text_entries
from toolkit.images.ordering import in_order
from toolkit.images.patterns import is_pattern, matches
from toolkit.images.read import reason
from toolkit.images.remote import remote_files
from toolkit.images.scan import Files, Skipped, has_picture, scan

STDIN = "-"


def listing(
    paths: Iterable[str | os.PathLike[str]],
    *,
    stdin: BinaryIO | None = None,
    skipped: Skipped | None = None,
) -> Iterator[Inputs]:
    """Turn PATH arguments into inputs, as they are found, in runs of any length.

    A file is an input whatever its suffix, but for lists (.txt, .csv) and archives; a folder gives the
    pictures below it; an archive those in it; a pattern (only where nothing of that name exists) what
    matches it; an address the picture, or the pictures below it; `-` a list on standard input. A relative
    path in a list file means the list's own folder, or else the working folder; on standard input the
    working folder. Lists may name folders and addresses, but not patterns, archives or other lists; one that
    they name without a picture below it is an input with that failure. A pattern gives the pictures below the
    folders that match it, as if they had been named; one with `**` goes below folders itself.

    Args:
        paths: as given.
        stdin: where `-` reads from; None means standard input.
        skipped: where what is left out is counted, and whether links to folders are followed.

    Raises:
        InputError: a folder, list, archive, address or pattern without a single picture (folders, patterns
            and list files are looked at before the first input is given).
        MissingDependency: an archive or an address that is named here needs a library that isn't installed.
    """
    arguments = [os.fspath(path) for path in paths]
    skipped = skipped if skipped is not None else Skipped()
    forget()
    for argument in arguments:
        _refuse(argument, skipped)
    for argument in arguments:
        yield from _argument(argument, stdin, skipped)


def expand(
    paths: Iterable[str | os.PathLike[str]],
    *,
    stdin: BinaryIO | None = None,
    skipped: Skipped | None = None,
) -> Iterator[Input]:
    """Turn PATH arguments into inputs, one after the other; see `listing`."""
    for inputs in listing(paths, stdin=stdin, skipped=skipped):
        yield from inputs


def count(paths: Iterable[str | os.PathLike[str]], *, like: Skipped) -> int | None:
    """Count the inputs that `listing` would give; None where that can't be known without reading them all.

    Args:
        paths: as given.
        like: its rules, not its counts.

    Raises:
        InputError: see `listing`.
    """
    arguments = [os.fspath(path) for path in paths]
    if any(argument == STDIN or is_archive(argument) or is_address(argument) for argument in arguments):
        return None
    return sum(len(inputs) for inputs in listing(arguments, skipped=like.anew()))


def _refuse(argument: str, skipped: Skipped) -> None:
    """Say at once what can't be classified, before any work is done."""
    if argument == STDIN or _mode(argument) is not None:
        if _is_folder(argument) and not has_picture(argument, follow_links=skipped.follow_links):
            raise _nothing_in("folder", argument)
        if is_list(argument) and not any(entries for entries in list_entries(argument)):
            raise _nothing_in("list", argument)
    elif is_address(argument):
        refuse_unknown(argument)
    elif is_pattern(argument) and next(matches(argument, skipped), None) is None:
        raise _nothing_in("pattern", argument)


def _argument(argument: str, stdin: BinaryIO | None, skipped: Skipped) -> Iterator[Inputs]:
    if argument == STDIN:
        yield from _from_stdin(stdin, skipped)
    elif is_list(argument):
        folder = os.path.dirname(argument)
        meant = (
            (*(as_meant(entry, folder) if entry else ("", "")), extra, line)
            for entries in list_entries(argument)
            for entry, extra, line in entries
        )
        yield from _entries(meant, skipped, argument)
    elif _mode(argument) is not None and is_archive(argument) and not _is_folder(argument):
        yield from _with_a_picture(members(argument, skipped), "archive", argument)
    elif _mode(argument) is None and not is_address(argument) and is_pattern(argument):
        for block in in_order(matches(argument, skipped)):
            for match in block:
                yield from _listed(match, match, skipped)
    else:
        kind = "folder" if _is_folder(argument) else "address"
        yield from _with_a_picture(_listed(argument, argument, skipped), kind, argument)


def _from_stdin(stdin: BinaryIO | None, skipped: Skipped) -> Iterator[Inputs]:
    # Whoever started us may have closed it: then it is as good as empty.
    read = text_entries(stdin or (sys.stdin.buffer if sys.stdin is not None else io.BytesIO()))
    meant = ((*as_meant(entry), None, 0) for entries in read for entry in entries)
    yield from _entries(meant, skipped, "standard input")


def _entries(
    entries: Iterable[tuple[str, str, tuple[str, ...] | None, int]], skipped: Skipped, where: str
) -> Iterator[Inputs]:
    """Give what a list names: (path, file, other cells, line) each.

    An address that can't be listed is an input with a failure. So are a line without a path and a folder or address
    without a picture, but these wait until something else is found: a list of nothing but them is as empty as one
    without entries.
    """
    found = False
    waiting: list[Inputs] = []
    for path, file, extra, line in entries:
        is_empty, failure = True, "" if path else f"no path in line {line} of {shown(where)}"
        try:
            for inputs in _listed(path, file, skipped) if path else ():
                yield from waiting
                waiting.clear()
                found, is_empty = True, False
                if extra is not None:
                    inputs.extras = dict.fromkeys(range(len(inputs)), extra)
                yield inputs
        except (InputError, MissingDependency) as error:  # of an address
            found, failure = True, words_of_row(error)
        if is_empty and not failure:
            failure = f"{'folder' if _is_folder(file) else 'address'}: no picture in it"
        if failure:
            waiting.append(one(path, file, None, failure=failure, extra=extra))
        if found:
            yield from waiting
            waiting.clear()
    if not found:
        raise _nothing_in("list", where)


def _with_a_picture(inputs: Iterator[Inputs], kind: str, argument: str) -> Iterator[Inputs]:
    found = False
    for each in inputs:
        found = found or len(each) > 0
        yield each
    if not found:
        raise _nothing_in(kind, argument)


def _listed(path: str, file: str, skipped: Skipped) -> Iterator[Inputs]:
    """Give one path that was named: a folder's pictures, or the file itself, there or not."""
    mode = _mode(file)
    if mode is None and is_address(file):
        yield from remote_files(file, skipped)
    elif mode is None or not stat.S_ISDIR(mode):
        label = _folder_name(os.path.dirname(file))
        yield one(path, file, label, seen=mode is not None and stat.S_ISREG(mode))
    else:
        yield from _folder(path.rstrip("/") or "/", file.rstrip("/") or "/", skipped)


def _folder(prefix: str, base: str, skipped: Skipped) -> Iterator[Inputs]:
    for found in scan(base, skipped):
        if isinstance(found, OSError):
            where = os.fsdecode(found.filename)
            why = f"folder: {reason(found, where)}"
            yield one(prefix + where[len(base) :], where, None, failure=why)
        else:
            yield _pictures(found, prefix, base)


def _pictures(found: Files, prefix: str, base: str) -> Inputs:
    start = os.path.join(found.folder, "")
    files = [start + name for name in found.names]
    if prefix == base:
        paths = files
    else:
        start = os.path.join(prefix + found.folder[len(base) :], "")
        paths = [start + name for name in found.names]
    inputs = Inputs(paths, files, [_folder_name(found.folder)] * len(files), found.unseen)
    return readable(inputs)


def _folder_name(folder: str) -> str:
    name = os.path.basename(folder)
    return shown(os.path.basename(os.path.abspath(folder)) if name in ("", ".", "..") else name)


def _is_folder(file: str) -> bool:
    mode = _mode(file)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(file: str) -> int | None:
    try:
        return os.stat(file).st_mode
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def _nothing_in(kind: str, argument: str) -> InputError:
    return InputError(
        f"no images: the {kind} holds not a single picture",
        where=shown(argument),
        remedy="give pictures, or a folder, list, archive or pattern with some in it",
    )
