"""Standard output and standard error: results, notices, progress, --quiet, --json, NO_COLOR."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.errors import STEERING, as_place, printable
from toolkit.files import output_error, to_json
from toolkit.wording import count

REFRESH_S = 0.1  # a progress bar is redrawn at most this often
OURS = re.compile(r"(\n|\x1b\[[\d;]*m)")  # line breaks and colours: what a text for a terminal is made with


class Console:
    """What a command says, and where. It is also the observer that jobs report to.

    Args:
        quiet: silence everything but errors and results that were asked for.
        json: the result is one JSON document on standard output.
    """

    def __init__(self, *, quiet: bool = False, json: bool = False) -> None:
        self.quiet = quiet
        self.json = json
        self._bar = ProgressBar() if not quiet and sys.stderr.isatty() else None

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar is shown: on a terminal, and not with --quiet."""
        return self._bar is not None

    def result(self, document: Callable[[], Any], render: Callable[[], str]) -> None:
        """Print the result on standard output: as JSON where asked for, else as text.

        Args:
            document: makes the JSON document; called only with --json.
            render: makes the text; called only without.
        """
        self._clear_bar()
        _to_stdout(to_json(document()) if self.json else _harmless(render()))

    def part(self, text: str) -> None:
        """Print a part of a result that is too long to be held as a whole; never silenced."""
        self._clear_bar()
        _to_stdout(text if self.json else _harmless(text))

    def line(self, text: str) -> None:
        """Print one line of running output: standard output, or standard error beside a JSON document."""
        if not self.quiet:
            self._clear_bar()
            if self.json:
                print(_harmless(text), file=sys.stderr, flush=True)  # noqa: T201
            else:
                _to_stdout(_harmless(text))

    def notice(self, text: str) -> None:
        """Print one line on standard error."""
        if not self.quiet:
            self._clear_bar()
            # Names of files and classes are in it; a line break stands only where it was meant.
            print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)  # noqa: T201

    def wrote(self, *paths: Path | None) -> None:
        """Name the files that were written, a line each; None and devices are passed over."""
        from toolkit.report.facts import file_size

        for path in paths:
            if path is not None and path.is_file():
                self.notice(f"wrote {as_place(path)} ({file_size(path.stat().st_size)})")

    def next(self, *commands: str) -> None:
        """Name the commands that are worth typing next, a line each.

        What needs more than a line, or would be escaped, is passed over: pasted, it would name something else.
        """
        typable = (each for each in commands if len(each.splitlines()) == 1 and printable(each) == each)
        for place, command in enumerate(typable):
            self.notice(f"{'next: ' if place == 0 else '      '}{command}")

    def warning(self, text: str) -> None:
        """Print a line that puts a result in doubt, on standard error."""
        self.notice(f"warning: {text}")

    def step(self, text: str) -> None:
        """Say on standard error what is being done now."""
        self.notice(text)

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        """Show how far a job is: one line, on a terminal only, gone when done."""
        if self._bar is not None:
            self._bar.update(done, total, unit=unit, errors=errors)

    def _clear_bar(self) -> None:
        if self._bar is not None:
            self._bar.clear()


def flush_stdout() -> None:
    """Write out what Python still holds back for standard output.

    Raises:
        OutputError: its disk is full, or its reader went away.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_error(error, "standard output") from error


def _harmless(text: str) -> str:
    """Return a text whose names of files and classes can't steer a terminal; line breaks and colours are our own."""
    if STEERING.search(text.replace("\n", "")) is None:  # a table of a million rows comes by here
        return text
    parts = OURS.split(text)
    return "".join(part if place % 2 else printable(part) for place, part in enumerate(parts))


def _to_stdout(text: str) -> None:
    # Translated here: the parser would end the process in silence on a closed pipe.
    try:
        print(text, flush=True)  # noqa: T201
    except OSError as error:
        raise output_error(error, "standard output") from error


class ProgressBar:
    """One line with count, rate, time left and errors so far, drawn by rich."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None
        self._started = 0.0
        self._last = 0.0

    def update(self, done: int, total: int | None, *, unit: str, errors: int) -> None:
        """Draw the new state; at the end take the line away."""
        if total is not None and done >= total:
            self.clear()
            return
        now = time.monotonic()
        if now - self._last < REFRESH_S:
            return
        self._last = now
        if self._progress is None:
            self._start(now)
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            count=f"{done:,}" + (f"/{total:,}" if total is not None else "") + (f" {unit}" if unit else ""),
            rate=f"{done / max(now - self._started, REFRESH_S):,.0f}/s",
            errors=count(errors, "error") if errors else "",
        )

    def clear(self) -> None:
        """Take the line away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self, now: float) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._started = now
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[errors]}", style="red"),
            console=RichConsole(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, count="", rate="", errors="")
        self._progress.start()
