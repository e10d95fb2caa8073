"""Shards in this process: prepared ahead in a few threads, finished in order, in bounded memory.

Decoders let go of Python's lock, so threads keep the cores busy with large photos, and with small ones
decoding overlaps with running the model. It is the engine of few inputs, for which starting processes
doesn't pay.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from toolkit.errors import ToolkitError

Given = TypeVar("Given")
Made = TypeVar("Made")


class FirstStep(Protocol):
    """The step that may run in several threads at once."""

    def prepare(self, shard: Any) -> Any:
        """Take it."""

    def stop(self) -> None:
        """Let running calls end soon."""


class TwoSteps(Protocol):
    """A worker whose first step may run in several threads at once, and whose second runs in one."""

    @property
    def info(self) -> Any:
        """What is known once the worker is ready."""

    @property
    def preparer(self) -> FirstStep:
        """Takes the first step."""

    def finish(self, prepared: Any) -> Any:
        """Take the second."""


class ThreadsEngine:
    """Runs shards with one worker in this process.

    Args:
        threads: that prepare shards.
    """

    takes_long_shards = False
    workers = 1

    def __init__(self, threads: int) -> None:
        self.threads_a_worker = threads
        self._worker: TwoSteps | None = None

    def open(self, start: Callable[[], Any]) -> Any:
        """Make the worker, in the caller's thread; see `Engine.open`."""
        self._worker = start()
        return self._worker.info

    def map(self, shards: Iterable[Any]) -> Generator[Any]:
        """Work on a stream of shards; see `Engine.map`."""
        worker = self._worker
        if worker is None:
            raise ValueError("the engine isn't open")
        prepared = ahead(
            worker.preparer.prepare, shards, threads=self.threads_a_worker, stop=worker.preparer.stop
        )
        try:
            for each in prepared:
                yield worker.finish(each)
        finally:
            prepared.close()

    def close(self) -> None:
        """Let the worker go."""
        self._worker = None


def ahead(
    function: Callable[[Given], Made],
    items: Iterable[Given],
    *,
    threads: int,
    stop: Callable[[], object] = lambda: None,
) -> Generator[Made]:
    """Apply a function to a stream in threads, results in the stream's order.

    At most two more items than there are threads are taken from the stream in advance.

    Args:
        function: applied to each item; what it raises is raised when its turn comes.
        items: read only in the caller's thread. Should it fail, what was taken before comes first.
        threads: 1 or more.
        stop: called when the caller goes away early, so that running calls can end soon.
    """
    stream = iter(items)
    failure: ToolkitError | None = None
    is_finished = False
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            while True:
                while failure is None and len(pending) < threads + 2:
                    try:
                        item = next(stream)
                    except StopIteration:
                        break
                    except ToolkitError as error:
                        failure = error
                        break
                    pending.append(pool.submit(function, item))
                if not pending:
                    break
                yield pending.popleft().result()
            is_finished = True
        finally:
            # Ctrl-C may come while the last call is awaited, or one is just being submitted: nothing pending then.
            if not is_finished:
                stop()
                for future in pending:
                    future.cancel()
    if failure is not None:
        raise failure
