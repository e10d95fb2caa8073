"""Whether idle threads of a session spin: for the quickest start of the next run, but not by the hundred."""

from collections.abc import Iterable
from typing import Any

from toolkit.machine.cores import usable_cores

THREADS_PER_CORE = 8
"""Threads a core up to which idle ones spin.

Source: measured on 2 cores that others used too, on paper-cnn. Each thread that spins takes a core from the next that
is to start: opening the model took 0.1 s with 16 threads, 0.8 s with 64 and 3.3 s with 256, and single runs stalled for
up to 2.8 s; without spinning it took 0.1 s at most. With 16, the median run was quicker where they spin."""


def spins(threads: int | None) -> bool:
    """Tell whether the idle threads of a session spin.

    Args:
        threads: intra-op threads; None means as many as `default_threads` says.
    """
    return threads is None or threads <= THREADS_PER_CORE * usable_cores()


def spinning(threads: Iterable[int]) -> dict[str, Any]:
    """Say for the record whether idle threads spin, and of which numbers of threads they don't.

    Args:
        threads: intra-op threads of each case.
    """
    still = sorted({number for number in threads if not spins(number)})
    return {"spinning": not still, "threads_without_spinning": still}
