"""How a job tells what it is doing, without knowing who listens."""

from typing import Protocol


class Observer(Protocol):
    """What a job may tell while it runs. The command line shows it; tests record it."""

    def step(self, text: str) -> None:
        """Say what is being done now, in the imperative ("Verifying on 512 pictures")."""

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        """Report a count. `total` None means it isn't known yet. `done == total` ends the bar."""

    def notice(self, text: str) -> None:
        """Tell something the user should know although nothing failed (one line)."""

    def line(self, text: str) -> None:
        """Print one line of the command's running output (an epoch, say)."""


class SilentObserver:
    """An observer that keeps everything to itself."""

    def step(self, text: str) -> None:
        """Ignore `text`."""

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        """Ignore the count."""

    def notice(self, text: str) -> None:
        """Ignore `text`."""

    def line(self, text: str) -> None:
        """Ignore `text`."""


SILENT: Observer = SilentObserver()


class EachNoticeOnce:
    """Passes everything on, but no notice twice: two models on one device have the same to tell of it.

    Args:
        observer: who is told.
    """

    def __init__(self, observer: Observer) -> None:
        self._told: set[str] = set()
        self._observer = observer
        self.step, self.progress, self.line = observer.step, observer.progress, observer.line

    def notice(self, text: str) -> None:
        """Pass `text` on if it is new."""
        if text not in self._told:
            self._told.add(text)
            self._observer.notice(text)
