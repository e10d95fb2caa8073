"""Processes that prepare shards for one worker in this process, which finishes them: the engine of a GPU.

One session feeds a GPU best, and Python's lock lets no process decode fast enough for it. What is prepared, a batch of
pixels, never goes through a pipe: it lies in memory that all processes share, cut into as many places as there are
shards on the way.
"""

import pickle
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from toolkit.engines.local import IN_HAND, WINDOW, LocalEngine
from toolkit.engines.memory import SharedMemory
from toolkit.errors import ToolkitError

MOST_BYTES = 1 << 30  # of shared memory; one process with two shards in hand is always allowed


class FirstStep(Protocol):
    """The step that is taken in other processes, so it can be pickled."""

    position: Any
    """See `Worker.position`."""

    @property
    def buffer_bytes(self) -> int:
        """How much a shard needs of the shared memory."""

    def prepare_into(self, shard: Any, buffer: memoryview) -> Any:
        """Take it; what doesn't go into the buffer is returned, and can be pickled."""


class TwoSteps(Protocol):
    """A worker whose first step may be taken elsewhere."""

    @property
    def info(self) -> Any:
        """What is known once the worker is ready."""

    @property
    def preparer(self) -> FirstStep:
        """Takes the first step."""

    def finish(self, prepared: Any, buffer: memoryview) -> Any:
        """Take the second."""


class SharedEngine:
    """Runs shards with one worker in this process, which processes prepare them for.

    Args:
        workers: processes, at most; fewer where their shards would take too much memory.
    """

    threads_a_worker = 1
    takes_long_shards = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._worker: TwoSteps | None = None
        self._processes: LocalEngine | None = None
        self._places: list[memoryview] = []

    def open(self, start: Callable[[], Any]) -> Any:
        """Make the worker in the caller's thread, and start the processes; see `Engine.open`.

        Raises:
            ToolkitError: the worker or a process can't be made, or there is no memory to share.
        """
        worker: TwoSteps = start()
        size = worker.preparer.buffer_bytes
        self.workers = max(1, min(self.workers, MOST_BYTES // (IN_HAND * size)))
        window = max(IN_HAND, min(WINDOW, MOST_BYTES // (self.workers * size)))
        needed = window * self.workers * size
        try:
            memory = SharedMemory(needed)
        except OSError as error:
            raise ToolkitError(
                f"no {needed / 1e6:,.0f} MB of shared memory are to be had: {error.strerror}",
                where=f"--workers {self.workers}",
                remedy="use fewer workers or a smaller --batch-size, or free memory",
            ) from error
        self._places = memory.places(size)
        self._worker = worker
        self._processes = LocalEngine(self.workers, window)
        self._processes.open(_StartPreparing(pickle.dumps(worker.preparer), memory))
        return worker.info

    def map(self, shards: Iterable[Any]) -> Generator[Any]:
        """Work on a stream of shards; see `Engine.map`. Once a stream was left early, there can't be another."""
        if self._worker is None or self._processes is None:
            raise ValueError("the engine isn't open")
        prepared = self._processes.map(self._placed(shards))
        is_finished = False
        try:
            # A place is given away again only after the shard that had it was finished here: at most as many shards as
            # there are places are on the way, this one among them, and they come in their order.
            for number, each in enumerate(prepared):
                yield self._worker.finish(each, self._places[number % len(self._places)])
            is_finished = True
        finally:
            prepared.close()
            if not is_finished:
                self.close()  # a process may still be writing to a place

    def close(self) -> None:
        """Let the processes, the worker and the memory go."""
        if self._processes is not None:
            self._processes.close()
        self._processes = self._worker = None
        self._places = []

    def _placed(self, shards: Iterable[Any]) -> "Iterator[_Placed]":
        for number, shard in enumerate(shards):
            yield _Placed(shard, number % len(self._places))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shard, and where what is made of it goes."""

    shard: Any
    place: int

    def __len__(self) -> int:
        return len(self.shard)

    def part(self, start: int, stop: int) -> "_Placed":
        return replace(self, shard=self.shard.part(start, stop))

    def without(self, position: int, reason: str) -> "_Placed":
        return replace(self, shard=self.shard.without(position, reason))

    def elsewhere(self, *, other_disk: bool) -> "_Placed":
        return replace(self, shard=self.shard.elsewhere(other_disk=other_disk))


@dataclass(frozen=True)
class _StartPreparing:
    preparer: bytes  # unpickled over there only: what it imports takes time, in which a Ctrl-C would show
    memory: SharedMemory

    def __call__(self) -> "_Preparing":
        return _Preparing(pickle.loads(self.preparer), self.memory)


class _Preparing:
    """Takes the first step, in a process of its own."""

    info = None

    def __init__(self, preparer: FirstStep, memory: SharedMemory) -> None:
        self._preparer = preparer
        self._places = memory.places(preparer.buffer_bytes)

    @property
    def position(self) -> Any:
        return self._preparer.position

    @position.setter
    def position(self, cell: Any) -> None:
        self._preparer.position = cell

    def __call__(self, placed: _Placed) -> Any:
        return self._preparer.prepare_into(placed.shard, self._places[placed.place])
