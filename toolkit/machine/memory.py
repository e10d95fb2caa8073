"""Peak resident memory of this process, and giving back what it doesn't use."""

import contextlib
import ctypes
import gc
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_rss_bytes(status: Path = STATUS) -> int:
    """Return the largest resident memory that this process has had, in bytes.

    Args:
        status: where the Linux kernel describes this process.

    Source: proc(5), VmHWM. `getrusage` comes second: on Linux its figure survives `exec`, so a small
    process that was started by a large one would report the large one's memory.
    """
    try:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def give_back_memory() -> None:
    """Give the memory of what is gone back to the operating system, as far as it can be told to.

    A process that lets go of one large thing before it makes the next would otherwise hold both: the C library
    keeps freed memory in case it is wanted again.

    Source: malloc_trim(3), glibc.
    """
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library, musl for one
            ctypes.CDLL(None).malloc_trim(0)
