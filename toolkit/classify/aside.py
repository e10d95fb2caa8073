"""Rows of an earlier run that wait under a name of their own, until this run comes to their inputs.

When inputs have been added or removed, the file is written anew from the first difference on. Its rows are kept
in NAME.part.earlier until the output is complete, so that a second interruption, and a third, costs none of them.
"""

import contextlib
import errno
import shutil
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from toolkit.classify.writers import Finished, Format
from toolkit.durable import flush, replace_durably
from toolkit.files import output_error

EARLIER_SUFFIX = ".earlier"
WHOLE_SUFFIX = ".whole"
ROWS_AT_ONCE = 1024

Place = tuple[int, int]
"""Where a row stands: bytes behind the header, and how many rows begin there before it."""


class RowIndex:
    """Where the rows of a file stand, by their keys: 24 bytes a row, however long the paths are.

    Args:
        form: of the file.
        path: of the file; every byte of it counts.

    Raises:
        OSError: it can't be read.
    """

    def __init__(self, form: Format, path: Path) -> None:
        hashes, starts, places = array("q"), array("q"), array("i")
        with path.open("rb") as file:
            for (start, place), _, row in _placed(form, file, 0):
                hashes.append(hash(row.key))
                starts.append(start)
                places.append(place)
        order = np.argsort(np.asarray(hashes, np.int64), kind="stable")
        self._hashes = np.asarray(hashes, np.int64)[order]
        self._starts = np.asarray(starts, np.int64)[order]
        self._places = np.asarray(places, np.int32)[order]
        self._taken = np.zeros(len(order), np.int32)  # how many rows of one hash, at the first of them
        self.left = len(order)
        """Rows that weren't taken yet."""
        self._form = form
        self._file = path.open("rb")
        self._ahead: Iterator[tuple[Place, Place, Finished]] = iter(())
        self._next: Place | None = None

    def take(self, keys: Sequence[str]) -> dict[int, Finished]:
        """Find rows, each once and equal ones in the order written.

        Returns:
            position in `keys` -> row, for the keys that have one.
        """
        found = {}
        for position, first, place in self._matches(keys):
            row = self._read(place)
            if row.key == keys[position]:  # else two keys of one hash: the row is made again
                self._taken[first] += 1
                found[position] = row
        self.left -= len(found)
        return found

    def spend(self, keys: Sequence[str]) -> list[int]:
        """Take rows without reading them.

        Returns:
            Positions in `keys` that have no row.
        """
        lacking = set(range(len(keys)))
        for position, first, _ in self._matches(keys):
            self._taken[first] += 1
            lacking.discard(position)
        self.left -= len(keys) - len(lacking)
        return sorted(lacking)

    def close(self) -> None:
        """Let go of the file."""
        self._ahead = iter(())  # it reads from the file
        self._file.close()

    def _matches(self, keys: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Give (position in `keys`, where the rows of its hash begin, the first that isn't taken)."""
        wanted = np.fromiter(map(hash, keys), np.int64, len(keys))
        for position, first in enumerate(np.searchsorted(self._hashes, wanted).tolist()):
            if first < len(self._hashes):
                place = first + int(self._taken[first])
                if place < len(self._hashes) and self._hashes[place] == wanted[position]:
                    yield position, first, place

    def _read(self, number: int) -> Finished:
        wanted = int(self._starts[number]), int(self._places[number])
        if wanted != self._next:  # mostly it is: what was in a row then is in a row now
            self._ahead = _placed(self._form, self._file, wanted[0])
        for at, after, row in self._ahead:
            if at == wanted:
                self._next = after
                return row
        raise OSError(errno.EIO, "rows that were there are gone", self._file.name)


class Aside:
    """The rows that wait, and the file they wait in.

    Args:
        form: of the rows.
        part: the unfinished file.
    """

    def __init__(self, form: Format, part: Path) -> None:
        self.path = part.with_name(part.name + EARLIER_SUFFIX)
        self._form = form
        self._part = part
        self.whole = part.with_name(part.name + WHOLE_SUFFIX)
        """Where a file is made before it gets its name: always the same, so that the run after a kill -9 removes it."""
        self._index: RowIndex | None = None

    @property
    def exists(self) -> bool:
        """Whether there are any."""
        return self.path.is_file()

    @property
    def left(self) -> int:
        """How many have not been taken, once they have been looked up."""
        return 0 if self._index is None else self._index.left

    def add(self) -> None:
        """Set all rows of the unfinished file aside, besides those that are already.

        Raises:
            OSError: the disk is full, or something else is wrong with it.
        """
        try:
            if self.exists:
                shutil.copyfile(self.path, self.whole)
                self._append_lacking()
            else:
                shutil.copyfile(self._part, self.whole)
            flush(self.whole)
            replace_durably(self.whole, self.path)
        except BaseException:  # Ctrl-C too: a part of a copy is worth nothing, and the disk may be full
            self.whole.unlink(missing_ok=True)
            raise

    def look_up(self) -> None:
        """Find out where the rows stand, but for those that the unfinished file has again.

        Raises:
            OSError: a file can't be read.
        """
        self.close()
        self._index = RowIndex(self._form, self.path)
        for rows in blocks(rows_of(self._form, self._part)):
            self._index.spend([row.key for row in rows])

    def take(self, keys: Sequence[str]) -> dict[int, Finished]:
        """Find rows; see `RowIndex.take`.

        Raises:
            OutputError: the file can't be read.
        """
        try:
            return self._index.take(keys) if self._index is not None else {}
        except OSError as error:
            raise output_error(error, self.path) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._index is not None:
            self._index.close()

    def discard(self) -> None:
        """Take the file away."""
        self.close()
        for path in (self.whole, self.path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _append_lacking(self) -> None:
        with self.whole.open("ab") as file, contextlib.closing(RowIndex(self._form, self.path)) as index:
            for rows in blocks(rows_of(self._form, self._part)):
                lacking = index.spend([row.key for row in rows])
                if lacking:
                    file.write(self._form.again([rows[position] for position in lacking]))


def blocks(rows: Iterable[Finished]) -> Iterator[list[Finished]]:
    """Give rows a thousand at a time."""
    stream = iter(rows)
    while block := list(islice(stream, ROWS_AT_ONCE)):
        yield block


def rows_of(form: Format, path: Path) -> Iterator[Finished]:
    """Read the rows of an unfinished file."""
    with path.open("rb") as file:
        file.seek(len(form.header))
        yield from form.finished(file)


def _placed(form: Format, file: BinaryIO, start: int) -> Iterator[tuple[Place, Place, Finished]]:
    """Read rows with the place of each and that of the next.

    Args:
        form: of the file.
        file: open.
        start: of the first row, bytes behind the header; a place where the file could be cut.
    """
    file.seek(len(form.header) + start)
    at = (start, 0)
    for row in form.finished(file):
        after = (start + row.end, 0) if row.end else (at[0], at[1] + 1)
        yield at, after, row
        at = after
