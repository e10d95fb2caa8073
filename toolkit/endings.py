"""What the name of an output must end in, and what it may be instead of a file: asked before anything is computed."""

import contextlib
import stat
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import UsageError

PAGE = (".html", ".htm")
OF_FILES = frozenset({*PAGE, ".csv", ".json", ".jsonl", ".onnx", ".parquet", ".png", ".txt"})
"""What no folder of ours is called: there it is a mistake."""

DEVICES = "/dev/"  # what lies there has no ending of its own
STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")  # names of what is open already


def check_ending(path: Path | None, endings: Sequence[str], *, flag: str, what: str) -> None:
    """Refuse a file whose name doesn't say its format.

    Args:
        path: the output; None is fine.
        endings: that there are, in lower case, one or more.
        flag: of the command line.
        what: the file is, with its article: "a page".

    Raises:
        UsageError: names the endings that there are.
    """
    if path is None or path.suffix.lower() in endings:
        return
    if not path.name or (not path.suffix and str(path).startswith(DEVICES)):  # "." is refused later
        return
    raise UsageError(
        f"'{path.suffix}' is no ending of {what}" if path.suffix else f"the name of {what} needs an ending",
        where=f"{flag} {path}",
        remedy="end it in " + " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1]))),
    )


def check_page(path: Path | None) -> None:
    """Refuse a --report that isn't called like a page.

    Raises:
        UsageError: it doesn't end in .html or .htm.
    """
    check_ending(path, PAGE, flag="--report", what="a page")


def check_folder(path: Path | None, *, flag: str, remedy: str) -> None:
    """Refuse a folder that is called like a file.

    Args:
        path: the output; None is fine.
        flag: of the command line.
        remedy: what to write instead.

    Raises:
        UsageError: it ends as files do.
    """
    if path is not None and path.suffix.lower() in OF_FILES and not path.is_dir():
        raise UsageError(f"'{path.suffix}' is an ending of files", where=f"{flag} {path}", remedy=remedy)


def is_device(path: Path) -> bool:
    """Tell whether a path exists and is neither a regular file nor a folder."""
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return False
