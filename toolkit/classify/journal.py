"""What an unfinished predictions file was begun with, and how far it can be trusted."""

import contextlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from toolkit.errors import OutputError

PART_SUFFIX = ".part"
JOURNAL_SUFFIX = ".part.journal"
SCHEMA = 1
ENDED = {"ended": True}
"""A line: the run ended here without having finished, and not by a crash or a power cut."""

NAME, DIGEST = "name", "sha256"
"""Keys of a file that the rows depend on: what the user called it, and what it is compared by."""

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """How far the file was complete at some moment.

    Args:
        rows: in it.
        bytes: its size, header included.
        crc32: of these bytes.
    """

    rows: int
    bytes: int
    crc32: int


def part_of(output: Path) -> Path:
    """Return where the rows of an output stand while it grows."""
    return output.with_name(output.name + PART_SUFFIX)


def journal_of(output: Path) -> Path:
    """Return where the journal of an output stands."""
    return output.with_name(output.name + JOURNAL_SUFFIX)


def begin(handle: int, begun: dict[str, Any]) -> None:
    """Write the first line of a journal: what the rows depend on."""
    write(handle, _line({"schema": SCHEMA, "begun": begun}))


def is_begun(path: Path) -> bool:
    """Tell whether there is a journal that has come as far as its first line.

    Raises:
        OSError: the file can't be read.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


def add(handle: int, entry: Entry) -> None:
    """Write down how far the file is complete now."""
    write(handle, _line(asdict(entry)))


def end(path: Path) -> None:
    """Write down that the run ends by itself, without having finished."""
    # The disk may be full, which is why it ends; without the line it looks like a crash.
    with contextlib.suppress(OSError), path.open("ab") as file:
        file.write(_line(ENDED))


def cut_torn_line(path: Path) -> None:
    """Cut a last line off that a power cut tore: what is written behind it could never be read.

    Raises:
        OSError: the file can't be read or cut.
    """
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)


def is_ended(path: Path) -> bool:
    """Tell whether the run that wrote a journal last ended by itself.

    Raises:
        OSError: the file can't be read.
    """
    return path.read_bytes().endswith(_line(ENDED))


def read(path: Path) -> tuple[dict[str, Any], list[Entry]]:
    """Read a journal, as far as it is whole.

    Returns:
        (what the rows depend on, entries in the order written).

    Raises:
        OutputError: its first line can't be read.
        OSError: the file can't be read.
    """
    lines = path.read_bytes().split(b"\n")
    try:
        first = json.loads(lines[0])
        begun: dict[str, Any] = first["begun"]
        is_known = first["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        raise OutputError(
            "the journal of the interrupted run can't be read",
            where=path,
            remedy="use --force to begin again",
        )
    entries = []
    with contextlib.suppress(ValueError, TypeError):  # a line that was cut off, and whatever follows
        for line in lines[1:]:
            if (document := json.loads(line)) != ENDED:
                entries.append(Entry(**document))
    return begun, entries


def refuse_difference(begun: dict[str, Any], now: dict[str, Any], part: Path) -> None:
    """Refuse to go on with a file that was begun with something else; see `difference`.

    Raises:
        OutputError: it was.
    """
    differs = difference(begun, now)
    if differs is not None:
        raise OutputError(
            f"the interrupted run was begun {differs}",
            where=part,
            remedy="use what it was begun with, or --force to begin again",
        )


def difference(begun: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Say with what else a file was begun than this run is; None where nothing differs.

    Args:
        begun: first line of the file's journal.
        now: what it would be for this run.
    """
    for thing, wanted in now.items():
        before = begun.get(thing)
        if _compared(before) != _compared(wanted):
            was, is_now = _called(before), _called(wanted)
            if was == is_now:  # a file that has changed under its name
                return f"with {thing} {was} as it was then, and it has changed since"
            began = f"without {thing}" if before is None else f"with {thing} {was}"
            return f"{began}, now {'there is none' if wanted is None else f'it is {is_now}'}"
    return None


def _compared(value: Any) -> Any:
    return value.get(DIGEST) if isinstance(value, dict) else value


def _called(value: Any) -> str:
    return str(value.get(NAME) if isinstance(value, dict) else value)


def trusted(part: Path, entries: Sequence[Entry]) -> Entry:
    """Return the last entry that the file's content bears out; one of zero bytes where there is none.

    Args:
        part: the unfinished file.
        entries: in the order written.

    Raises:
        OSError: the file can't be read.
    """
    rising: list[Entry] = []
    for entry in entries:
        while rising and rising[-1].bytes >= entry.bytes:  # the file was cut between the two
            rising.pop()
        rising.append(entry)
    best, checksum, position = Entry(0, 0, 0), 0, 0
    with part.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for entry in rising:
            if entry.bytes > size:
                break
            checksum = checksum_on(file, entry.bytes - position, checksum)
            position = entry.bytes
            if checksum == entry.crc32:
                best = entry
    return best


def begins_with(path: Path, header: bytes) -> bool:
    """Tell whether a file begins with these bytes.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        return file.read(len(header)) == header


def checksum_on(file: BinaryIO, size: int, checksum: int = 0) -> int:
    """Read on in a file, in pieces, and return the CRC-32 of all that was read.

    Args:
        file: at the first byte that counts.
        size: bytes to read; fewer where the file ends.
        checksum: of what was read before.

    Raises:
        OSError: the file can't be read.
    """
    while size > 0 and (piece := file.read(min(READ_BYTES, size))):
        checksum = zlib.crc32(piece, checksum)
        size -= len(piece)
    return checksum


def write(handle: int, content: bytes) -> None:
    """Write all of some bytes.

    Raises:
        OSError: the disk is full, or something else is wrong with it.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
