"""Processes of this machine, one worker each: work survives the death of any of them.

Each worker has a pipe of its own and at most two shards in hand: one it works on, one that waits, so that it
never idles. When a process dies, whatever kills it (a decoder that crashes, the system short of memory), a
new one takes its place; the item at fault is found and given up, everything else is done again.
"""

import multiprocessing.connection
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from toolkit.engines.isolate import culprit
from toolkit.engines.process import NO_POSITION, Start, WorkerDied, WorkerProcess
from toolkit.errors import ToolkitError

IN_HAND = 2  # shards of one worker: the one it works on, and the next
WINDOW = 4  # of a worker, shards on the way or waiting for an earlier one to be finished
MOST_DEATHS = 3  # of one shard's processes, before the item that was worked on last is given up unproved


class LocalEngine:
    """Runs shards on processes of this machine.

    Args:
        workers: how many.
        window: shards a worker, on the way or waiting for an earlier one to be finished.
    """

    threads_a_worker = 1
    takes_long_shards = True

    def __init__(self, workers: int, window: int = WINDOW) -> None:
        self.workers = workers
        self.window = window
        self._start: Start | None = None
        self._numbered = 0  # shards so far; what is left of a stream that was given up can be told by it
        self.processes: list[WorkerProcess] = []  # those that live now

    def open(self, start: Start) -> Any:
        """Start the processes and wait for the first; see `Engine.open`."""
        self._start = start
        for _ in range(self.workers):
            self.processes.append(WorkerProcess(start))
        return self.processes[0].ready()

    def map(self, shards: Iterable[Any]) -> Generator[Any]:
        """Work on a stream of shards; see `Engine.map`."""
        run = _Run(self, iter(shards), self._numbered)
        try:
            yield from run.results()
        finally:
            self._numbered = run.taken

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.end()
        self.processes = []

    def replace(self, process: WorkerProcess) -> WorkerProcess:
        """Start a process in the place of one that died."""
        assert self._start is not None
        process.end()
        fresh = WorkerProcess(self._start)
        self.processes[self.processes.index(process)] = fresh
        return fresh


class _Run:
    """One stream of shards on its way through the processes."""

    def __init__(self, engine: LocalEngine, stream: Iterator[Any], first: int) -> None:
        self._engine = engine
        self._stream = stream
        self._failure: ToolkitError | None = None
        self._ended = False
        self._again: deque[tuple[int, Any]] = deque()  # shards whose process died
        self._deaths: dict[int, int] = {}
        self._made: dict[int, Any] = {}
        self._first = self.taken = self._given = first

    def results(self) -> Generator[Any]:
        while True:
            self._hand_out()
            if self._given in self._made:
                made = self._made.pop(self._given)
                self._given += 1
                if isinstance(made, BaseException):
                    raise made
                yield made
            elif self._ended and self._given == self.taken:
                break
            else:
                self._collect()
        if self._failure is not None:
            raise self._failure

    def _hand_out(self) -> None:
        while True:
            process = min(self._engine.processes, key=lambda process: len(process.in_hand))
            if len(process.in_hand) >= IN_HAND:
                return
            numbered = self._next()
            if numbered is None:
                return
            try:
                process.give(*numbered)
            except WorkerDied as death:
                self._bury(process, death)

    def _next(self) -> tuple[int, Any] | None:
        if self._again:
            return self._again.popleft()
        if self._ended or self.taken - self._given >= self._engine.window * self._engine.workers:
            return None
        try:
            shard = next(self._stream)
        except StopIteration:
            self._ended = True
            return None
        except ToolkitError as error:
            self._failure, self._ended = error, True
            return None
        self.taken += 1
        return self.taken - 1, shard

    def _collect(self) -> None:
        """Wait for results, or for a death."""
        busy = {process.connection: process for process in self._engine.processes if process.in_hand}
        for connection in multiprocessing.connection.wait(list(busy)):
            process = busy[connection]  # type: ignore[index]
            if not process.is_ready:
                process.ready()
                continue
            try:
                number, made = process.take()
            except WorkerDied as death:
                self._bury(process, death)
            else:
                if number >= self._first:
                    self._made[number] = made

    def _bury(self, process: WorkerProcess, death: WorkerDied) -> None:
        """Put a new process in a dead one's place, and see what becomes of the shards it had in hand."""
        in_hand = [(number, shard) for number, shard in process.in_hand if number >= self._first]
        fresh = self._engine.replace(process)
        if not in_hand:
            return
        (number, shard), *waiting = in_hand
        self._deaths[number] = deaths = self._deaths.get(number, 0) + 1

        def dies(part: Any) -> bool:
            nonlocal fresh
            try:
                fresh.ready()
                fresh.give(NO_POSITION, part)
                fresh.take()
            except WorkerDied:
                fresh = self._engine.replace(fresh)
                return True
            return False

        # The first time the item that was worked on is tried alone; the second time every item is suspect.
        position = culprit(shard, death.position, dies, search=deaths > 1)
        if position is None and deaths >= MOST_DEATHS:
            position = max(0, death.position)
        if position is not None:
            shard = shard.without(position, f"the process that worked on it died ({death.how})")
        self._again.extendleft(reversed([(number, shard), *waiting]))
