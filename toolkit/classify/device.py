"""Predictions that go to a device or a pipe such as /dev/stdout, where nothing can be renamed or resumed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from toolkit.classify import journal
from toolkit.classify.output import Output
from toolkit.classify.rows import Rows
from toolkit.classify.writers import Format
from toolkit.files import output_error, whole_file


class DeviceOutput:
    """A device or a pipe such as /dev/stdout: rows go there as they are made.

    Args:
        path: of the device.
        form: a format whose rows can be written one after the other.
    """

    def __init__(self, path: Path, form: Format) -> None:
        self.rows = 0
        self._path = path
        self._form = form
        self._handle = os.open(path, os.O_WRONLY)
        self._send(form.header)

    def write(self, rows: Rows) -> None:
        """Write a run of rows."""
        self._send(self._form.encode(rows))
        self.rows += len(rows)

    def close(self) -> None:
        """Let go of the device."""
        os.close(self._handle)

    def _send(self, content: bytes) -> None:
        try:
            journal.write(self._handle, content)
        except OSError as error:
            raise output_error(error, self._path) from error


@contextlib.contextmanager
def device_output(path: Path, form: Format) -> Iterator[Output | DeviceOutput]:
    """Yield where rows for a device are written; a format that needs its end first is sent when it is whole.

    Raises:
        OutputError: nothing can be written there.
    """
    if form.complete is None:
        try:
            device = DeviceOutput(path, form)
        except OSError as error:
            raise output_error(error, path) from error
        try:
            yield device
        finally:
            device.close()
        return
    with whole_file(path) as temporary:
        output = Output(temporary, form, {})
        output.begin()
        try:
            yield output
            output.complete()
        finally:
            output.close()
