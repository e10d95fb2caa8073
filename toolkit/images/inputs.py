"""What is to be classified: one input, and a run of them in columns."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from toolkit.images.held import Held

File = str | Held
"""What is opened: a name as the operating system gave it, an address, or the content of an archive's member."""


@dataclass(frozen=True, slots=True)
class Input:
    r"""One thing to classify.

    Args:
        path: as shown to people: what was given, or the folder that was given and the path below it. Bytes
            that aren't UTF-8 are written as \xNN.
        file: what to open; a name holds such bytes as surrogates.
        label: name of the folder that holds it; None for what isn't there.
        failure: why it can't be read, where that is known already.
        path_bytes: the bytes of a path that isn't UTF-8; None for one that is.
        extra: the other columns of the list that names it; None where there are none.
    """

    path: str
    file: File
    label: str | None = None
    failure: str | None = None
    path_bytes: bytes | None = None
    extra: tuple[str, ...] | None = None


@dataclass(slots=True)
class Inputs:
    """Inputs in a row, in columns: with a million of them, an object each would cost more than reading it.

    Args:
        paths: see `Input.path`.
        files: see `Input.file`.
        labels: see `Input.label`.
        unseen: positions that weren't seen to be regular files when they were listed.
        failures: position -> see `Input.failure`.
        path_bytes: position -> see `Input.path_bytes`.
        extras: position -> see `Input.extra`.
    """

    paths: list[str] = field(default_factory=list)
    files: Sequence[File] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    unseen: set[int] = field(default_factory=set)
    failures: dict[int, str] = field(default_factory=dict)
    path_bytes: dict[int, bytes] = field(default_factory=dict)
    extras: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Input]:
        return (self[position] for position in range(len(self.paths)))

    def __getitem__(self, position: int) -> Input:
        return Input(
            self.paths[position],
            self.files[position],
            self.labels[position],
            self.failures.get(position),
            self.path_bytes.get(position),
            self.extras.get(position),
        )

    def part(self, start: int, stop: int) -> "Inputs":
        """Return the inputs from `start` up to, not including, `stop`."""
        span = range(start, min(stop, len(self)))
        return Inputs(
            self.paths[start:stop],
            self.files[start:stop],
            self.labels[start:stop],
            {i - start for i in self.unseen if i in span},
            {i - start: failure for i, failure in self.failures.items() if i in span},
            {i - start: raw for i, raw in self.path_bytes.items() if i in span},
            {i - start: cells for i, cells in self.extras.items() if i in span},
        )

    def chosen(self, positions: Sequence[int]) -> "Inputs":
        """Return the inputs at some positions, in ascending order."""
        return joined([self.part(position, position + 1) for position in positions])


def joined(parts: Sequence[Inputs]) -> Inputs:
    """Put runs of inputs one after the other."""
    if len(parts) == 1:
        return parts[0]
    whole = Inputs()
    files: list[File] = []
    for each in parts:
        start = len(whole.paths)
        whole.paths += each.paths
        files += each.files
        whole.labels += each.labels
        whole.unseen.update(start + i for i in each.unseen)
        whole.failures.update((start + i, failure) for i, failure in each.failures.items())
        whole.path_bytes.update((start + i, raw) for i, raw in each.path_bytes.items())
        whole.extras.update((start + i, cells) for i, cells in each.extras.items())
    whole.files = files
    return whole


def one(
    path: str,
    file: File,
    label: str | None,
    *,
    seen: bool = False,
    failure: str | None = None,
    extra: tuple[str, ...] | None = None,
) -> Inputs:
    """Return a run of one input.

    Args:
        path: as the operating system gave it, not yet made readable.
        file: see `Input`.
        label: see `Input`.
        seen: whether it was seen to be a regular file.
        failure: see `Input`.
        extra: see `Input`.
    """
    inputs = Inputs([path], [file], [label], set() if seen else {0})
    if failure is not None:
        inputs.failures[0] = failure
    if extra is not None:
        inputs.extras[0] = extra
    return readable(inputs)


def readable(inputs: Inputs) -> Inputs:
    """Make paths readable that are as the operating system gave them."""
    if "".join(inputs.paths).isascii():
        return inputs
    for position, path in enumerate(inputs.paths):
        if not path.isascii():
            text = shown(path)
            if text != path:
                if inputs.paths is inputs.files:
                    inputs.paths = list(inputs.paths)
                inputs.path_bytes[position] = os.fsencode(path)
                inputs.paths[position] = text
    return inputs


def shown(path: str) -> str:
    r"""Write a path for people: bytes that aren't UTF-8 as \\xNN."""
    if path.isascii():
        return path
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
