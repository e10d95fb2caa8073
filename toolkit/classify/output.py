"""The predictions file while it grows: NAME.part beside it, with a journal of what is in it for sure.

Every run of rows is written as soon as it is there, and then a line of the journal says how many bytes and
rows that makes and what their checksum is. Whatever interrupts a run (Ctrl-C, kill -9, a full disk, a power
cut), the last line whose checksum fits tells how far the file can be trusted; `--resume` goes on from there.

A finished file that is resumed is only looked at: it stays as it is where its rows are those of the inputs.
"""

import contextlib
import csv
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from toolkit.classify import journal
from toolkit.classify.aside import Aside, rows_of
from toolkit.classify.lock import open_locked
from toolkit.classify.rows import Rows
from toolkit.classify.writers import Finished, Format
from toolkit.durable import flush, replace_durably, sync
from toolkit.errors import OutputError
from toolkit.files import make_folder, output_error
from toolkit.images.inputs import Inputs

MALFORMED = (LookupError, ValueError, TypeError, csv.Error)  # what reading rows raises where there are none
FLUSH_S = 5.0  # a power cut costs at most the work of so many seconds


class Output:
    """A predictions file that grows by whole runs of rows.

    Args:
        path: the file's final name.
        form: its format.
        begun: the journal's first line: what the rows depend on.
    """

    def __init__(self, path: Path, form: Format, begun: dict[str, Any]) -> None:
        self.path = path
        self.part, self.journal = journal.part_of(path), journal.journal_of(path)
        self.aside = Aside(form, self.part)
        """Rows of an earlier run whose inputs haven't come yet."""
        self.rows = 0
        self.is_untouched = False
        """Whether it was finished already, and only its rows are looked at."""
        self._form = form
        self._begun = begun
        self._size = 0
        self._checksum = 0
        self._flushed = time.monotonic()
        self._handle = self._journal = -1

    @property
    def kept(self) -> int:
        """Rows that needn't be made again, wherever they stand."""
        return self.rows + self.aside.left

    @property
    def is_worth_keeping(self) -> bool:
        """Whether work would be lost with what is there of an output that isn't complete."""
        return not self.is_untouched and (self.rows > 0 or self.aside.exists) and self.part.is_file()

    def can_resume(self) -> bool:
        """Tell whether an interrupted run left something."""
        with self._translated():
            return self.part.is_file() and journal.is_begun(self.journal)

    def begin(self) -> None:
        """Begin anew, whatever is there."""
        with self._translated():
            self._open()
            self.aside.discard()
            for handle in (self._handle, self._journal):
                os.ftruncate(handle, 0)
            self._append(self._form.header)
            journal.begin(self._journal, self._begun)
            self._commit(0)

    def resume(self) -> None:
        """Go on behind the last row that is there for sure; `kept` tells how many there are.

        Raises:
            OutputError: the file was begun with another model, other options or other columns.
        """
        with self._translated():
            begun, entries = journal.read(self.journal)
            journal.refuse_difference(begun, self._begun, self.part)
            self._open()
            journal.cut_torn_line(self.journal)
            last = journal.trusted(self.part, entries)
            if last.bytes and not journal.begins_with(self.part, self._form.header):
                self.close()
                raise OutputError(
                    "the interrupted run's file has other columns than this version writes",
                    where=self.part,
                    remedy="go on with the version that began it, or use --force to begin again",
                )
            self.rows, self._size, self._checksum = last.rows, last.bytes, last.crc32
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, 0, os.SEEK_END)
            if self._size < len(self._form.header):  # not even that had reached the disk
                self._append(self._form.header[self._size :])
            self._commit(0)
            if self.aside.exists:
                self.aside.look_up()

    def reopen(self) -> None:
        """Look at the rows of the finished file, in a copy of it.

        Raises:
            OutputError: it is no file of predictions, or one of other columns or classes.
        """
        other = OutputError(
            "what is there isn't a file of predictions with these columns and classes",
            where=self.path,
            remedy="choose another name, or use --force to replace it",
        )
        self.is_untouched = True
        with self._translated():
            if not journal.begins_with(self.path, self._form.final_header):
                raise other
            try:
                self._form.reopen(self.path, self.part)
                self.rows = sum(1 for _ in self.finished())
            except MALFORMED as error:
                self.discard()
                raise other from error
            except BaseException:  # Ctrl-C too: a part of a copy is worth nothing
                self.discard()
                raise

    def write(self, rows: Rows) -> None:
        """Write a run of rows."""
        with self._translated():
            self._append(self._form.encode(rows))
            self._commit(len(rows))

    def write_again(self, rows: Sequence[Finished]) -> None:
        """Write rows that stood further down in the file."""
        with self._translated():
            self._append(self._form.again(rows))
            self._commit(len(rows))

    def keys(self, inputs: Inputs) -> list[str]:
        """Return what `Finished.key` of these inputs' rows would be."""
        return self._form.keys(inputs)

    def finished(self) -> Iterator[Finished]:
        """Read back the rows that are there for sure."""
        return rows_of(self._form, self.part)

    def begin_anew(self, rows: int, size: int, again: Sequence[Finished]) -> None:
        """Set all rows aside and go on behind the first of them, since other inputs follow there.

        Args:
            rows: that stay.
            size: where they end, bytes behind the header.
            again: rows to write behind them at once.
        """
        self._refuse_other_inputs()
        with self._translated():
            self.aside.add()
            self._cut(rows, size)
            if again:
                self.write_again(again)
            self.aside.look_up()

    def complete(self) -> None:
        """Give the file its name: all rows are there."""
        with self._translated():
            os.ftruncate(self._handle, self._size)
            sync(self._handle)
            os.close(self._handle)  # Windows gives no other name to a file that is open
            self._handle = -1
            if self._form.complete is None:
                replace_durably(self.part, self.path)
            else:
                self._form.complete(self.part, self.aside.whole)
                flush(self.aside.whole)
                replace_durably(self.aside.whole, self.path)
        self.discard()

    def close(self) -> None:
        """Let go of the file, to be resumed later."""
        self.aside.close()
        for handle in (self._handle, self._journal):
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self._handle = self._journal = -1

    def discard(self) -> None:
        """Take away what is left beside the output."""
        # Windows removes no open file; elsewhere the lock is held until all are gone.
        if os.name == "nt":
            self.close()
        self.aside.discard()
        for path in (self.part, self.journal):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self.close()

    def _open(self) -> None:
        make_folder(self.path.parent)
        self._journal = open_locked(self.journal, self.path)  # before anything is changed
        self._handle = os.open(self.part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)

    def _cut(self, rows: int, size: int) -> None:
        self._size = len(self._form.header) + size
        self.rows = rows
        os.ftruncate(self._handle, self._size)
        os.lseek(self._handle, 0, os.SEEK_END)
        with self.part.open("rb") as file:
            self._checksum = journal.checksum_on(file, self._size)
        self._commit(0)

    def _append(self, content: bytes) -> None:
        self._refuse_other_inputs()
        journal.write(self._handle, content)
        self._size += len(content)
        self._checksum = zlib.crc32(content, self._checksum)

    def _commit(self, rows: int) -> None:
        self.rows += rows
        flushes = time.monotonic() - self._flushed > FLUSH_S
        if flushes:
            sync(self._handle)
        journal.add(self._journal, journal.Entry(self.rows, self._size, self._checksum))
        if flushes:
            sync(self._journal)
            self._flushed = time.monotonic()

    def _refuse_other_inputs(self) -> None:
        if self.is_untouched:
            raise OutputError(
                "it is finished already, with other inputs than these",
                where=self.path,
                remedy="choose another name, or use --force to make it again",
            )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise output_error(error, self.path) from error
