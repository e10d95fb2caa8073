"""Which item of a shard is at fault when the workers that get it die, Ray's own process and all.

A worker whose machine is lost says nothing about the item it was at: only a machine that goes on answering
after its worker died is a witness.
"""

import threading
from collections.abc import Callable
from typing import Any

from toolkit.engines.isolate import culprit
from toolkit.errors import ToolkitError

OPEN_S = 120.0  # how long a worker for the search may take to begin
ANSWER_S = 60.0  # how long a machine may take to show that it lives: it may have to start a process
MOST_TRIES = 5  # of one part of a shard
UNKNOWN = -1


class _NoWorker(Exception):  # noqa: N818 - says what happened, and isn't raised further than this module
    """There is no machine for a worker now, or none that lives or works long enough."""


class Search:
    """Looks for the item in a thread, with workers of its own.

    Args:
        ray: the module, connected.
        actor: makes an actor.
        start: reference of what makes its worker.
        travelling: makes a shard ready for another machine.
        part_s: how long a worker may take for a part of the shard; one that hangs is given up then, and the
            search with it.
    """

    def __init__(
        self, ray: Any, actor: Any, start: Any, travelling: Callable[[Any], Any], *, part_s: float
    ) -> None:
        self._ray = ray
        self._make = actor
        self._start = start
        self._travelling = travelling
        self._part_s = part_s
        self._actor: Any = None
        self._machine = ""

    def begin(self, shard: Any, judged: Callable[[Any], None]) -> None:
        """Begin, and return at once.

        Args:
            shard: whose workers died.
            judged: called with it at the end: without the item at fault, or as it was if none alone is.
        """
        threading.Thread(target=self._run, args=(shard, judged), name="search", daemon=True).start()

    def _run(self, shard: Any, judged: Callable[[Any], None]) -> None:
        try:
            position = culprit(shard, UNKNOWN, self._dies, search=True)
            if position is not None:
                shard = shard.without(position, "the process that worked on it died (its Ray worker with it)")
        except _NoWorker:
            pass  # whoever gets the shard next may be luckier
        finally:
            try:
                self._let_go()
            finally:
                judged(shard)

    def _dies(self, part: Any) -> bool:
        for _ in range(MOST_TRIES):
            died = self._tried(part)
            if died is not None:
                return died
        raise _NoWorker

    def _tried(self, part: Any) -> bool | None:
        """Tell whether a worker dies of a part; None where the try tells nothing."""
        ray, errors = self._ray, self._ray.exceptions
        if not self._has_worker():
            return None
        try:
            ray.get(self._actor.work.remote(self._travelling(part)), timeout=self._part_s)
        except errors.RayTaskError:
            return False  # it is there to complain
        except errors.GetTimeoutError as error:
            raise _NoWorker from error
        except errors.RayError:
            self._let_go()
            return True if self._machine_answers() else None
        return False

    def _has_worker(self) -> bool:
        """Get a worker where there is none; tell whether there is one now."""
        ray, errors = self._ray, self._ray.exceptions
        if self._actor is not None:
            return True
        self._actor = self._make.remote()
        try:
            info = ray.get(self._actor.open.remote(self._start), timeout=OPEN_S)
            if isinstance(info, ToolkitError):
                raise _NoWorker
            self._machine = ray.get(self._actor.machine.remote(), timeout=OPEN_S)
        except errors.GetTimeoutError as error:
            raise _NoWorker from error
        except errors.RayError:
            self._let_go()
            return False
        return True

    def _machine_answers(self) -> bool:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(self._machine, soft=False)
        ask = self._ray.remote(_answer).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        try:
            self._ray.get(ask.remote(), timeout=ANSWER_S)
        except self._ray.exceptions.RayError:
            return False
        return True

    def _let_go(self) -> None:
        if self._actor is not None:
            self._ray.kill(self._actor)
            self._actor = None


def _answer() -> None:
    """Do nothing, but do it there."""
