"""A process with a worker in it: both sides of the pipe between them."""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.sharedctypes import RawValue
from typing import Any

from toolkit.errors import ToolkitError

NO_POSITION = -1
END_S = 5  # how long a worker may take to end by itself
SAFE_PATH = "PYTHONSAFEPATH"

Start = Callable[[], Any]


class WorkerDied(Exception):  # noqa: N818 - says what happened, and isn't raised further than this folder
    """A worker's process is gone.

    Args:
        how: in plain words, such as "killed by SIGSEGV".
        position: of the item it was at; -1 where it hadn't begun.
    """

    def __init__(self, how: str, position: int) -> None:
        super().__init__(how)
        self.how = how
        self.position = position


class WorkerProcess:
    """A process with a worker in it.

    Args:
        start: makes the worker, over there.
    """

    def __init__(self, start: Start) -> None:
        # Spawned, not forked: a fork would copy threads' locks and the parent's memory.
        context = multiprocessing.get_context("spawn")
        self._cell = RawValue("i", NO_POSITION)
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, start, self._cell), name="toolkit-worker", daemon=True
        )
        try:
            with blind_to_working_folder(), deaf_to_ctrl_c():
                self._process.start()
        except OSError as error:
            raise ToolkitError(
                f"a worker process can't be started: {error.strerror}",
                where="--workers",
                remedy="use fewer workers, or end other programs",
            ) from error
        theirs.close()
        self.in_hand: deque[tuple[int, Any]] = deque()
        self._info: Any = None
        self.is_ready = False

    def ready(self) -> Any:
        """Wait until the worker is made and return what it has to tell.

        Raises:
            ToolkitError: it can't be made.
        """
        if not self.is_ready:
            try:
                self._info = self._received()
            except WorkerDied as death:
                raise ToolkitError(
                    f"a worker process died before it could begin ({death.how})",
                    where="--workers",
                    remedy="use fewer workers, or --workers 1 to see why",
                ) from death
            if isinstance(self._info, BaseException):
                raise self._info
            self.is_ready = True
        return self._info

    def give(self, number: int, shard: Any) -> None:
        """Send a shard.

        Raises:
            WorkerDied: there is nobody to take it; it counts as not in hand.
        """
        try:
            self.connection.send((number, shard))
        except OSError as error:
            raise self._death() from error
        finally:
            self.in_hand.append((number, shard))

    def take(self) -> tuple[int, Any]:
        """Wait for the next result: its shard's number and what was made of it, or an exception.

        Raises:
            WorkerDied: there won't be one.
            ToolkitError: the worker can't be made.
        """
        self.ready()
        result: tuple[int, Any] = self._received()
        self.in_hand.popleft()
        return result

    def end(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(OSError):
            self.connection.close()
        self._process.terminate()
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def _received(self) -> Any:
        try:
            return self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error

    def _death(self) -> WorkerDied:
        self._process.join(END_S)
        return WorkerDied(_how(self._process.exitcode), self._cell.value)


@contextlib.contextmanager
def blind_to_working_folder() -> Iterator[None]:
    """Start processes that don't take what lies in the working folder for modules of Python's own.

    Python starts them with `-c`, which looks there first until it has our path: a `signal.py` among somebody's
    pictures would be run.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


@contextlib.contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that hear no Ctrl-C, not even before their own code begins; here it is heard at the end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # where it starts it unblocks the signal, so not in the midst of this
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: Any, start: Start, cell: Any) -> None:
    """Work in a process of one's own until the other side of the connection goes away.

    Args:
        connection: shards come and results go through it.
        start: makes the worker.
        cell: where the worker says which item it is at.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    try:
        worker = start()
        worker.position = cell
        connection.send(worker.info)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to know
        with contextlib.suppress(OSError):
            connection.send(_portable(error))
        return
    # A thread takes shards in, so that whoever sends one never waits for the work on another.
    shards: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, shards), daemon=True).start()
    while True:
        number, shard = shards.get()
        try:
            made = worker(shard)
        except Exception as error:  # noqa: BLE001 - raised again in the parent, when its turn comes
            made = _portable(error)
        cell.value = NO_POSITION
        try:
            connection.send((number, made))
        except OSError:  # the parent is gone
            return


def _receive(connection: Any, shards: "queue.SimpleQueue[tuple[int, Any]]") -> None:
    try:
        while True:
            shards.put(connection.recv())
    except (EOFError, OSError):
        # The parent wants nothing more, or was killed. Whatever is done now, even if it hangs, is for nobody.
        os._exit(0)


def _portable(error: Exception) -> Exception:
    """Return an error that can be pickled: ours as it is, any other with its trace as text."""
    if isinstance(error, ToolkitError):
        return error
    portable = RuntimeError(f"{type(error).__name__}: {error}")
    portable.add_note("".join(traceback.format_exception(error)))
    return portable


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        hint = ": out of memory?" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    return f"exit code {exit_code}"
