"""The way of a picture from the file on disk to its classes, with a time stamp after each stage."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.figures import STAGES, Nanoseconds
from toolkit.bench.measure import Clock
from toolkit.errors import ImageError, UsageError
from toolkit.images.decode import decode
from toolkit.images.read import read_file
from toolkit.models.head import Head, to_probabilities
from toolkit.preprocess.plan import Plan
from toolkit.stats.classification import top_k

BUNDLED_PICTURES = Path(__file__).resolve().parents[1] / "demo" / "photos"
TOP_K = 5
MOST_TRIED = 100  # each process tries every one before the clock starts


class Pipeline:
    """Reads, decodes, resizes, runs and ranks a batch of files, and notes when each stage was done.

    Args:
        plan: what the model wants at its input.
        head: what its output is, see `OpenModel.head`.
        model_run: runs the model: a batch as the model takes it -> its outputs, the scores first.
        clock: the time.
    """

    def __init__(self, plan: Plan, head: str, model_run: Callable[[Any], Any], clock: Clock) -> None:
        self._plan, self._head, self._model_run, self._clock = plan, Head(head), model_run, clock
        self._stamps = array("q")

    def run(self, files: Sequence[str]) -> NDArray[np.int64]:
        """Classify a batch of files: int64 [N, k], the most probable classes of each, best first.

        Raises:
            ImageError: one of them can't be read or decoded.
        """
        now, plan = self._clock.now_ns, self._plan
        begun = now()
        contents = [read_file(file) for file in files]
        read = now()
        images = [decode(content) for content in contents]
        decoded = now()
        batch = plan.model_input(plan.stack(images))
        resized = now()
        outputs = self._model_run(batch)
        ran = now()
        classes = _ranked(outputs[0], self._head)
        self._stamps.extend((begun, read, decoded, resized, ran, now()))
        return classes

    def forget(self) -> None:
        """Drop the times so far: those of the warm-up."""
        self._stamps = array("q")

    def stages_ns(self, queries: int) -> Nanoseconds:
        """Return the time of each stage of each query, int64 [queries, stages], nanoseconds."""
        stamps = np.frombuffer(self._stamps, np.int64).reshape(-1, len(STAGES) + 1)
        return np.diff(stamps, axis=1)[:queries]


def batches_of(files: Sequence[str], batch_size: int) -> list[tuple[str, ...]]:
    """Deal files into batches, starting over where they run out, until each was in one."""
    count = -(-len(files) // batch_size)
    return [tuple(files[(k * batch_size + i) % len(files)] for i in range(batch_size)) for k in range(count)]


def find_pictures(paths: Iterable[str]) -> tuple[str, ...]:
    """List the files behind `--pictures`, the first hundred at most.

    Raises:
        UsageError: one of them is no file on disk.
        ImageError: one of them can't be read.
        InputError: a folder, list or pattern without a picture.
    """
    # The measuring processes import this module, too, and don't look for pictures.
    from toolkit.images.sources import expand

    files = []
    for each in expand(paths):
        if each.failure is not None:
            raise UsageError(
                f"a picture can't be read: {each.failure}",
                where=f"--pictures {each.path}",
                remedy="name pictures, or folders with pictures",
            )
        if not isinstance(each.file, str):
            raise UsageError(
                "the clock starts at a file on disk, and an archive's pictures are none",
                where=f"--pictures {each.path}",
                remedy="unpack it and give the folder",
            )
        try:
            read_file(each.file)
        except ImageError as error:
            raise ImageError(error.what, where=f"--pictures {each.path}", remedy=error.remedy) from error
        files.append(each.file)
        if len(files) == MOST_TRIED:
            break
    return tuple(files)


def _ranked(scores: NDArray[Any], head: Head) -> NDArray[np.int64]:
    rows = scores.reshape(len(scores), -1).astype(np.float32, copy=False)
    return top_k(to_probabilities(rows, head), TOP_K)[0]
