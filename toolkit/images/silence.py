"""Keep the decoders' warnings off standard error while pictures are decoded."""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from typing import Any


class _Silence:
    """Warnings of the decoders, silenced for as long as any thread decodes.

    `warnings.catch_warnings` saves and restores a list that belongs to the whole process, so two threads
    that overlap could leave the wrong one behind; counting them doesn't.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: Any = None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the process silent while inside."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._saved.__exit__(None, None, None)


SILENCE = _Silence()
