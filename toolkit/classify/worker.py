"""One shard's whole way: read -> decode -> fit -> run -> top-k."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.at_once import pictures_at_once
from toolkit.classify.shard import ModelFacts, Outcome, Shard
from toolkit.classify.stages import Stages
from toolkit.errors import ImageError
from toolkit.images.decode import decode_near
from toolkit.images.held import Held
from toolkit.images.read import read_file, read_seen
from toolkit.images.remote import is_address, read_remote
from toolkit.models.open import OpenModel
from toolkit.runtime.devices import CPU
from toolkit.stats.classification import top_k

NOT_A_NUMBER = "the model's output is not a number"
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
            input order, the rest is undefined.
        stages: time spent reading and decoding.
    """

    span: tuple[int, int]
    errors: dict[int, str]
    pixels: NDArray[np.uint8]
    stages: Stages


class Worker:
    """Takes shards to outcomes with one model.

    Args:
        model: open.
        batch_size: inputs a batch.
        top_k: classes kept of each picture.
        max_pixels: larger pictures are errors.
        exact: decode every pixel of a JPEG picture, however small the model's input.
        notices: what opening the model had to say.
    """

    def __init__(
        self,
        model: OpenModel,
        *,
        batch_size: int,
        top_k: int,
        max_pixels: int,
        exact: bool = False,
        notices: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.batch_size = batch_size
        self.top_k = top_k
        self.position: Any = None
        """A cell for the position in the shard, so that others can tell on which input a process died."""
        self._stopped = Event()
        self._max_pixels = max_pixels
        self._fitting = None if exact else model.input_size
        self._at_once = pictures_at_once(model)
        session = model.session
        self.info = ModelFacts(
            labels=model.labels,
            input_size=model.input_size,
            provider=session.provider,
            device=session.device,
            threads=session.threads,
            notices=tuple(notices),
        )

    def __call__(self, shard: Shard) -> Outcome:
        """Take a shard its whole way, a batch at a time."""
        size = self.batch_size
        errors: dict[int, str] = {}
        stages, parts = Stages(), []
        for start in range(0, max(1, len(shard)), size):
            batch = self.prepare(shard, start, start + size)
            began = time.perf_counter_ns()
            parts.append(self._run(batch))
            running = Stages(running_ns=time.perf_counter_ns() - began)
            errors |= batch.errors
            stages += batch.stages + running
        return self._ranked(np.concatenate(parts), errors, (0, len(shard)), stages)

    def stop(self) -> None:
        """Let running calls of `prepare` end soon; their results are worth nothing then."""
        self._stopped.set()

    def prepare(self, shard: Shard, start: int = 0, stop: int | None = None) -> Prepared:
        """Read, decode and fit one batch of a shard. May run in several threads at once.

        Args:
            shard: the inputs.
            start: position of the batch's first input.
            stop: where the batch ends; None means with the shard.
        """
        stop = len(shard) if stop is None else min(stop, len(shard))
        plan, max_pixels, fitting, cell = self.model.plan, self._max_pixels, self._fitting, self.position
        shape = (plan.height, plan.width, 3)
        pixels = np.empty((self.batch_size, *shape), np.uint8)
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

    def finish(self, batch: Prepared) -> Outcome:
        """Run a batch and find the most probable classes of each picture.

        Raises:
            DeviceError: the model can't be run.
        """
        began = time.perf_counter_ns()
        probabilities = self._run(batch)
        running = Stages(running_ns=time.perf_counter_ns() - began)
        return self._ranked(probabilities, batch.errors, batch.span, batch.stages + running)

    def _run(self, batch: Prepared) -> NDArray[np.float32]:
        count = batch.span[1] - batch.span[0] - len(batch.errors)
        pixels = batch.pixels
        if count and self.model.provider != CPU:
            # A GPU prepares itself anew for every shape, so a short batch goes through at full length.
            pixels[count:] = 0
            return self.model.probabilities(pixels)[:count]
        most, run = self._at_once, self.model.probabilities
        if count <= most:
            return run(pixels[:count])
        return np.concatenate([run(pixels[i : min(i + most, count)]) for i in range(0, count, most)])

    def _ranked(
        self,
        probabilities: NDArray[np.float32],
        errors: dict[int, str],
        span: tuple[int, int],
        stages: Stages,
    ) -> Outcome:
        if not np.isfinite(probabilities.sum()):
            sound = np.isfinite(probabilities).all(axis=1)
            positions = [i for i in range(*span) if i not in errors]
            errors = errors | {positions[row]: NOT_A_NUMBER for row in np.flatnonzero(~sound)}
            probabilities = probabilities[sound]
        best, values = top_k(probabilities, self.top_k)
        return Outcome(errors, best, values, stages)


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
