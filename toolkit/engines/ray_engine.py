"""The same shards on a Ray cluster: this side of it, in the process that hands out the work.

What talks to Ray is a process of its own (`ray_driver`), at the other end of a pipe. Ray takes over signals
and standard error of the process it is in, and ends that process when the cluster goes away; here that is
the end of a pipe and one line.
"""

import contextlib
import importlib.util
import multiprocessing
import tempfile
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

from toolkit.engines.local import WINDOW
from toolkit.engines.process import Start, blind_to_working_folder, deaf_to_ctrl_c
from toolkit.engines.ray_door import refuse_others
from toolkit.engines.ray_settings import READY, ClusterSize, RaySettings
from toolkit.errors import MissingDependency, ToolkitError
from toolkit.machine.scratch import ScratchFolder
from toolkit.wording import count

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

END_S = 20  # how long Ray may take to go away by itself
LONGEST_FOLDER = 30  # characters; Ray puts sockets some 70 below it, and a socket's name has room for 107


class RayEngine:
    """Runs shards on the workers of a Ray cluster.

    Args:
        workers: how many; None means as many as the cluster has cores for.
        address: of a cluster to join, HOST:PORT, ray://HOST:PORT or "auto"; None starts one on this machine.
        cores: of one worker.
        spare_cores: of this machine; how many workers a cluster that is started here gets without `workers`.
        tell: given one line on the cluster, and another if it is too small for so many workers.

    Attributes:
        workers: the most that were ready at once so far. Others may never come, or come when others are lost.
    """

    threads_a_worker = 1
    takes_long_shards = True

    def __init__(
        self,
        workers: int | None,
        *,
        address: str | None,
        cores: int,
        spare_cores: int,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.workers = 1
        self._address = address
        self._asked = max(1, spare_cores // cores) if address is None and workers is None else workers
        self._tell = tell
        self._window = WINDOW
        self._cores = cores
        self._numbered = 0  # shards so far; what is left of a stream that was given up can be told by it
        self._driver: _Driver | None = None

    def open(self, start: Start) -> Any:
        """Start or join the cluster and wait for the first worker; see `Engine.open`.

        Args:
            start: makes a worker. It brings along what it needs: there may be no shared disk.

        Raises:
            MissingDependency: Ray isn't installed.
            ToolkitError: the cluster can't be joined, or a worker can't be made there.
        """
        spec = importlib.util.find_spec("ray")
        if spec is None or spec.origin is None:  # without an origin it is just a folder of that name
            raise MissingDependency("ray", extra="ray", where="--engine ray")
        if self._address is not None:
            refuse_others(self._address)
        self._driver = driver = _Driver(self._address, self._asked, self._cores)
        driver.begin(start)
        info, size = driver.received()
        self._window = WINDOW * size.workers
        self._describe(size)
        return info

    def _describe(self, size: ClusterSize) -> None:
        place = "this machine" if self._address is None else f"a cluster of {count(size.machines, 'machine')}"
        self._tell(f"Ray: {count(max(1, min(size.workers, size.room)), 'worker')} on {place}")
        if size.workers > size.room:
            self._tell(
                f"--workers {size.workers}: the cluster has cores for {size.room}; the others begin when it has more"
            )

    def map(self, shards: Iterable[Any]) -> Generator[Any]:
        """Work on a stream of shards; see `Engine.map`."""
        driver, stream = self._driver, iter(shards)
        if driver is None:
            raise ValueError("the engine isn't open")
        failure: ToolkitError | None = None
        ended = False
        made: dict[int, Any] = {}
        first = given = self._numbered
        while True:
            while not ended and self._numbered - given < self._window:
                try:
                    shard = next(stream)
                except StopIteration:
                    ended = True
                except ToolkitError as error:
                    failure, ended = error, True
                else:
                    driver.give(self._numbered, shard)
                    self._numbered += 1
            if given in made:
                result = made.pop(given)
                given += 1
                if isinstance(result, BaseException):
                    raise result
                yield result
            elif ended and given == self._numbered:
                break
            else:
                number, result = driver.received()
                if number == READY:
                    self.workers = max(self.workers, result)
                elif number >= first:
                    made[number] = result
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Leave the cluster, or end the one that was started."""
        if self._driver is not None:
            self._driver.end()
            self._driver = None


class _Driver:
    """The process that talks to Ray."""

    def __init__(self, address: str | None, workers: int | None, cores: int) -> None:
        self._is_open = False
        self._folder = ScratchFolder("toolkit-ray-", _short_parent())
        self._settings = RaySettings(address, workers, cores, str(self._folder.path))
        self._connection, self._theirs = multiprocessing.Pipe()
        self._process: SpawnProcess | None = None

    def begin(self, start: Start) -> None:
        """Start the process.

        Args:
            start: makes a worker.
        """
        from toolkit.engines.ray_driver import drive

        # Spawned, not forked: a fork would copy threads' locks and the parent's memory.
        process = multiprocessing.get_context("spawn").Process(
            target=drive, args=(self._theirs, self._settings), name="toolkit-ray", daemon=True
        )
        with blind_to_working_folder(), deaf_to_ctrl_c():
            process.start()
            self._process = process
        self._theirs.close()
        # Apart, since it may be large: starting is short then, and should Ctrl-C come, there is somebody to end.
        with contextlib.suppress(OSError):  # it is dead, and whoever waits for its first words is told
            self._connection.send(start)

    def give(self, number: int, shard: Any) -> None:
        """Send a shard.

        Raises:
            ToolkitError: Ray is gone.
        """
        try:
            self._connection.send((number, shard))
        except OSError as error:
            self.received()  # the process may have said why it ended
            raise self._lost() from error

    def received(self) -> tuple[Any, Any]:
        """Wait for what comes next: a shard's number and what was made of it.

        Raises:
            ToolkitError: Ray is gone, or what it was asked for is impossible.
        """
        try:
            message: tuple[Any, Any] | BaseException = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(message, BaseException):
            raise message
        self._is_open = True
        return message

    def end(self) -> None:
        """End the process, and what it started."""
        with contextlib.suppress(OSError):
            self._connection.close()  # it ends by itself then, as it would if this process were killed
        if self._process is not None:
            self._process.join(END_S)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
        self._folder.remove()

    def _lost(self) -> ToolkitError:
        if not self._is_open:
            return ToolkitError(
                "no Ray cluster answers, or it went away before the run could begin",
                where=self._settings.where,
                remedy="check the address, and look at the cluster with: ray status",
            )
        return ToolkitError(
            "the Ray cluster is gone", where=self._settings.where, remedy=self._settings.remedy
        )


def _short_parent() -> str:
    parent = tempfile.gettempdir()
    return parent if len(parent) <= LONGEST_FOLDER else "/tmp"
