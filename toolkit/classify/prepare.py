"""The way of a batch to pixels: read -> decode -> fit. Nothing here knows a model, so a process may do just this."""

import time
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.shard import Shard
from toolkit.classify.stages import Stages
from toolkit.errors import ImageError
from toolkit.images.addresses import is_address
from toolkit.images.decode import decode_near
from toolkit.images.held import Held
from toolkit.images.read import read_file, read_seen
from toolkit.images.remote import read_remote
from toolkit.preprocess.plan import Plan

NO_MEMORY = "not enough memory for this picture"
READ_AHEAD_BYTES = 4 << 20  # contents held at once; so many are read before they are decoded
READ_AT_ONCE = 16  # addresses fetched side by side


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch of inputs, decoded.

    Args:
        span: positions in its shard: (first, one after the last).
        errors: position -> why it can't be classified.
        pixels: uint8 [batch size, height, width, 3]; the first rows are the pictures that were decoded, in
            input order, the rest is undefined. None where they lie in memory that processes share.
        stages: time spent reading and decoding.
    """

    span: tuple[int, int]
    errors: dict[int, str]
    pixels: NDArray[np.uint8] | None
    stages: Stages


class Preparer:
    """Takes inputs to pixels. Sent to another process it begins anew there, with the same settings.

    Args:
        plan: how a picture becomes the model's input.
        batch_size: inputs a batch.
        max_pixels: larger pictures are errors.
        exact: decode every pixel of a JPEG picture, however small the model's input.
    """

    def __init__(self, plan: Plan, *, batch_size: int, max_pixels: int, exact: bool) -> None:
        self.position: Any = None
        """A cell for the position in the shard, so that others can tell on which input a process died."""
        self._plan = plan
        self._batch_size = batch_size
        self._max_pixels = max_pixels
        self._exact = exact
        self._stopped = Event()

    def __reduce__(self) -> tuple[Any, ...]:
        anew = partial(
            type(self),
            self._plan,
            batch_size=self._batch_size,
            max_pixels=self._max_pixels,
            exact=self._exact,
        )
        return anew, ()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the pixels of a batch: (pictures, height, width, 3)."""
        return self._batch_size, self._plan.height, self._plan.width, 3

    @property
    def buffer_bytes(self) -> int:
        """What the pixels of a batch take."""
        return int(np.prod(self.shape))

    def prepare_into(self, shard: Shard, buffer: memoryview) -> Prepared:
        """Read, decode and fit a shard of one batch, with the pixels in memory that is shared.

        Args:
            shard: the inputs.
            buffer: `buffer_bytes` bytes.

        Returns:
            What else there is to tell, small enough to be sent.
        """
        return replace(self.prepare(shard, pixels=self.pixels_in(buffer)), pixels=None)

    def pixels_in(self, buffer: memoryview) -> NDArray[np.uint8]:
        """Return the pixels that lie in shared memory, uint8 [batch size, height, width, 3]."""
        return np.frombuffer(buffer, np.uint8).reshape(self.shape)

    def stop(self) -> None:
        """Let running calls of `prepare` end soon; their results are worth nothing then."""
        self._stopped.set()

    def prepare(
        self, shard: Shard, start: int = 0, stop: int | None = None, pixels: NDArray[np.uint8] | None = None
    ) -> Prepared:
        """Read, decode and fit one batch of a shard. May run in several threads at once.

        Args:
            shard: the inputs.
            start: position of the batch's first input.
            stop: where the batch ends; None means with the shard.
            pixels: where the pixels go, uint8 [batch size, height, width, 3]; None means into memory of their own.
        """
        stop = len(shard) if stop is None else min(stop, len(shard))
        plan, max_pixels, cell = self._plan, self._max_pixels, self.position
        shape = self.shape[1:]
        fitting = None if self._exact else shape[:2]
        if pixels is None:
            pixels = np.empty(self.shape, np.uint8)
        errors = {i: failure for i, failure in shard.failures.items() if start <= i < stop}
        reading = decoding = done = 0
        position = start
        while position < stop and not self._stopped.is_set():
            began = time.perf_counter_ns()
            contents = _read_ahead(shard, position, stop, errors, self._stopped)
            read = time.perf_counter_ns()
            for place, content in enumerate(contents, position):
                if content is None:
                    continue
                if cell is not None:
                    cell.value = place
                row = pixels[done]
                try:
                    image, box = decode_near(content, fitting=fitting, max_pixels=max_pixels, into=row)
                    if image is not row:
                        row[...] = image if box is None and image.shape == shape else plan.fit(image, box)
                except ImageError as error:
                    errors[place] = error.what
                except MemoryError:  # while it was resized
                    errors[place] = NO_MEMORY
                else:
                    done += 1
            position += len(contents)
            reading += read - began
            decoding += time.perf_counter_ns() - read
        return Prepared((start, stop), errors, pixels, Stages(reading_ns=reading, decoding_ns=decoding))


def _read_ahead(
    shard: Shard, start: int, stop: int, errors: dict[int, str], stopped: Event
) -> list[bytes | None]:
    """Read inputs from `start` on, until a few megabytes are together; None for one with an error."""
    files, unseen = shard.files, shard.unseen
    contents: list[bytes | None] = []
    content: bytes | None
    size = 0
    if not (unseen or errors or shard.failures):
        # Nothing but files of a folder, as nearly always: the short way.
        try:
            for file in files[start:stop]:
                assert isinstance(file, str)  # what an archive holds was never seen as a file
                contents.append(content := read_seen(file))
                size += len(content)
                if size >= READ_AHEAD_BYTES:
                    break
        except ImageError as error:
            errors[start + len(contents)] = error.what
            contents.append(None)
        return contents
    for position in range(start, stop):
        if size >= READ_AHEAD_BYTES:
            break
        file = files[position]
        content = None
        try:
            if position in errors:
                pass
            elif isinstance(file, Held):
                content = file.read()
            elif position not in unseen:
                content = read_seen(file)
            elif is_address(file):
                return contents or _fetched(shard, start, stop, errors, stopped)
            else:
                content = read_file(file)
        except ImageError as error:
            errors[position] = error.what
        else:
            size += len(content or b"")
        contents.append(content)
    return contents


def _fetched(
    shard: Shard, start: int, stop: int, errors: dict[int, str], stopped: Event
) -> list[bytes | None]:
    """Fetch the addresses from `start` on, a few side by side."""
    addresses = []
    for position in range(start, min(stop, start + READ_AT_ONCE)):
        file = shard.files[position]
        if position in errors or isinstance(file, Held) or not is_address(file):
            break
        addresses.append(file)
    contents: list[bytes | None] = []
    for position, content in enumerate(read_remote(addresses, stopped.wait), start):
        if isinstance(content, ImageError):
            errors[position] = content.what
        contents.append(content if isinstance(content, bytes) else None)
    return contents
