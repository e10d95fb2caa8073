"""Names in sorted order, in bounded memory: what doesn't fit is sorted on disk."""

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from toolkit.errors import no_temporary_file

NAMES_IN_MEMORY = 1 << 14  # about 1.5 MB
NAMES_PER_BLOCK = 1024
NAMES_PER_RUN_BLOCK = 128  # of a run on disk: a folder of a million names has sixty of them


def in_order(names: Iterable[str]) -> Iterator[list[str]]:
    """Sort names by code point, as `sorted()` does, and give them in blocks.

    Args:
        names: read to the end before the first block is given; must not raise an OSError.

    Yields:
        Lists of up to 1,024 names.

    Raises:
        ToolkitError: there is no space for temporary files.

    Source: Knuth, The Art of Computer Programming, volume 3, section 5.4 (external sorting by merging).
    """
    stream = iter(names)
    held = sorted(islice(stream, NAMES_IN_MEMORY))
    if len(held) < NAMES_IN_MEMORY:
        yield from _blocks_of(held)
        return
    try:
        yield from _merged(held, stream)
    except OSError as error:  # it would be taken for the folder's
        raise no_temporary_file(error) from error


def _merged(held: list[str], stream: Iterator[str]) -> Iterator[list[str]]:
    """Sort on disk: names that fill the memory allowed, and those that follow them."""
    runs: list[tuple[BinaryIO, int]] = []
    with tempfile.TemporaryFile(prefix="toolkit-") as file:
        while held:
            runs.append((file, file.tell()))
            for start in range(0, len(held), NAMES_PER_RUN_BLOCK):
                pickle.dump(held[start : start + NAMES_PER_RUN_BLOCK], file)
            pickle.dump([], file)
            held = sorted(islice(stream, NAMES_IN_MEMORY))
        merged = heapq.merge(*(_run(file, start) for file, start in runs))
        while block := list(islice(merged, NAMES_PER_BLOCK)):
            yield block


def _blocks_of(names: list[str]) -> Iterator[list[str]]:
    names.reverse()
    while names:  # from the end, so that what was passed on is freed
        block = names[-NAMES_PER_BLOCK:]
        del names[-NAMES_PER_BLOCK:]
        block.reverse()
        yield block


def _run(file: BinaryIO, position: int) -> Iterator[str]:
    while True:
        file.seek(position)  # the runs share one file, and so its position
        block = pickle.load(file)
        position = file.tell()
        if not block:
            return
        yield from block
