"""Hands shards to workers on a Ray cluster, again where a worker or machine is lost.

Each worker has at most two shards in hand, so that it never idles. Nothing waits inside Ray: whatever
happens (a shard comes, a result comes, a worker dies) is an event in one queue.
"""

import contextlib
import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from toolkit.engines.local import IN_HAND
from toolkit.engines.process import Start
from toolkit.engines.ray_search import Search
from toolkit.engines.ray_settings import READY, ClusterSize, RaySettings, too_small_for
from toolkit.engines.ray_worker import RayWorker
from toolkit.errors import ToolkitError, one_line

OPENING = -1  # stands for a shard's number while a worker is made
PATIENCE_S = 120.0  # how long there may be no worker at all
MOST_FALSE_STARTS = 5  # workers in each other's place that die before they can begin
MOST_DEATHS = 8  # of one shard's workers, where no item alone is at fault

Event = Callable[[], None]


class _Hired:
    """A worker on the cluster.

    Args:
        actor: the Ray actor that it lives in.
        false_starts: how many before it died in its place before they could begin.
    """

    def __init__(self, actor: Any, false_starts: int) -> None:
        self.actor = actor
        self.false_starts = false_starts
        self.is_ready = False
        self.in_hand: dict[int, Any] = {}


class Dispatch:
    """Hands out shards and sends back results.

    Args:
        ray: the module, connected.
        connection: to the process that has the shards.
        settings: of the cluster.
        start: makes a worker.
    """

    def __init__(self, ray: Any, connection: Any, settings: RaySettings, start: Start) -> None:
        self._ray = ray
        self._connection = connection
        self._settings = settings
        self._start = ray.put(start)  # once; each machine fetches it once
        self._actor = ray.remote(RayWorker).options(
            num_cpus=settings.cores, scheduling_strategy="SPREAD", max_restarts=0, max_task_retries=0
        )
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._workers: list[_Hired] = []
        self._waiting: deque[tuple[int, Any]] = deque()
        self._deaths: dict[int, int] = {}
        self._size = ClusterSize(1, 1, 1)
        self._most_ready = 0
        self._searches = 0
        self._lonely_since = time.monotonic()

    def run(self) -> None:
        """Work until there is nobody to work for.

        Raises:
            ToolkitError: there are no workers.
        """
        threading.Thread(target=self._receive, name="receive", daemon=True).start()
        room = int(self._ray.cluster_resources().get("CPU", 0)) // self._settings.cores
        machines = sum(node["Alive"] for node in self._ray.nodes())
        self._size = ClusterSize(machines, room, self._settings.workers or max(1, room))
        for _ in range(self._size.workers):
            self._hire()
        while (event := self._next()) is not None:
            try:
                event()
                self._hand_out()
            except OSError:  # nobody takes the results any more
                return

    def _receive(self) -> None:
        """Take shards in, in a thread, so that whoever sends one never waits for the work on another."""
        try:
            while True:
                numbered: tuple[int, Any] = self._connection.recv()
                self._events.put(functools.partial(self._waiting.append, numbered))
        except (EOFError, OSError):
            self._events.put(None)

    def _next(self) -> Event | None:
        while True:
            if self._searches or any(worker.is_ready for worker in self._workers):
                self._lonely_since = time.monotonic()
            left = self._lonely_since + PATIENCE_S - time.monotonic()
            if left <= 0:
                cores, why = self._settings.cores, "all are lost"
                too_small = None
                if not self._most_ready:
                    # One core is the least that can be asked for, and a cluster without any may be about to get some.
                    too_small = too_small_for(cores, self._ray.nodes()) if cores > 1 else None
                    why = too_small or "none of its machines has free cores"
                raise ToolkitError(
                    f"the Ray cluster has no worker for {PATIENCE_S:.0f} seconds: {why}",
                    where=self._settings.where,
                    remedy="use fewer --threads" if too_small else self._settings.remedy,
                )
            with contextlib.suppress(queue.Empty):
                return self._events.get(timeout=min(left, PATIENCE_S))

    def _hire(self, false_starts: int = 0) -> None:
        worker = _Hired(self._actor.remote(), false_starts)
        self._workers.append(worker)
        self._watch(worker, OPENING, worker.actor.open.remote(self._start))

    def _watch(self, worker: _Hired, number: int, reference: Any) -> None:
        """Make an event of what becomes of a call."""

        def done(future: Any) -> None:
            error = future.exception()
            result = None if error is not None else future.result()
            self._events.put(lambda: self._done(worker, number, result, error))

        reference.future().add_done_callback(done)

    def _hand_out(self) -> None:
        while self._waiting:
            ready = [worker for worker in self._workers if worker.is_ready]
            worker = min(ready, key=lambda worker: len(worker.in_hand), default=None)
            if worker is None or len(worker.in_hand) >= IN_HAND:
                return
            number, shard = self._waiting.popleft()
            worker.in_hand[number] = shard
            self._watch(worker, number, worker.actor.work.remote(self._travelling(shard)))

    def _travelling(self, shard: Any) -> Any:
        return shard.elsewhere(other_disk=self._settings.address is not None)

    def _done(self, worker: _Hired, number: int, result: Any, error: BaseException | None) -> None:
        if worker not in self._workers or (number != OPENING and number not in worker.in_hand):
            return  # of a worker that is given up
        if error is not None:
            self._lost(worker, number, error)
        elif number != OPENING:
            del worker.in_hand[number]
            self._deaths.pop(number, None)
            self._connection.send((number, result))
        elif isinstance(result, BaseException):
            raise result
        else:
            worker.is_ready = True
            self._tell_ready(result)

    def _tell_ready(self, info: Any) -> None:
        """Tell that the first worker is ready, and whenever more are at once than ever before."""
        ready = sum(worker.is_ready for worker in self._workers)
        if not self._most_ready:
            self._connection.send((info, self._size))
        elif ready > self._most_ready:
            self._connection.send((READY, ready))
        self._most_ready = max(self._most_ready, ready)

    def _lost(self, worker: _Hired, number: int, error: BaseException) -> None:
        """See what becomes of the shards of a worker that is lost, and look for another."""
        errors = self._ray.exceptions
        if isinstance(error, errors.RayTaskError | errors.RuntimeEnvSetupError) or not isinstance(
            error, errors.RayError
        ):
            raise error  # nobody died: it would happen again
        self._workers.remove(worker)
        self._ray.kill(worker.actor)  # one that can't be reached may live on
        if worker.is_ready:
            self._lonely_since = time.monotonic()
        if number == OPENING:
            # Counted in each place for itself: a machine that is lost takes many workers with it at once.
            if worker.false_starts + 1 >= MOST_FALSE_STARTS:
                raise ToolkitError(
                    f"workers die before they can begin: {one_line(error)[:300]}",
                    where=self._settings.where,
                    remedy="look at Ray's logs on the cluster's machines, and see that RAY_AUTH_MODE is the cluster's",
                )
            self._hire(worker.false_starts + 1)
            return
        if not worker.in_hand:
            self._hire()
            return
        (first, shard), *rest = worker.in_hand.items()
        self._deaths[first] = deaths = self._deaths.get(first, 0) + 1
        self._waiting.extendleft(reversed(rest))
        if deaths == 1:
            self._waiting.appendleft((first, shard))
            self._hire()
            return
        if deaths >= MOST_DEATHS:
            raise ToolkitError(
                f"{deaths} workers died of the same pictures, and no picture alone is at fault",
                where=self._settings.where,
                remedy="they may need more memory than the machines have: use fewer --workers",
            )
        self._look_into(first, shard)  # twice is no chance

    def _look_into(self, number: int, shard: Any) -> None:
        """Have the item at fault looked for. Meanwhile the other workers go on."""
        # Who still waits for room would take that of the worker that died, which the search needs.
        hopeful = [worker for worker in self._workers if not worker.is_ready]
        for worker in hopeful:
            self._workers.remove(worker)
            self._ray.kill(worker.actor)

        def judged(shard: Any) -> None:
            self._waiting.appendleft((number, shard))
            self._searches -= 1
            for _ in range(1 + len(hopeful)):
                self._hire()

        self._searches += 1
        search = Search(self._ray, self._actor, self._start, self._travelling, part_s=self._settings.part_s)
        # It ends in a thread of its own.
        search.begin(shard, lambda shard: self._events.put(functools.partial(judged, shard)))
