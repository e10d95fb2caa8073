"""Inputs -> shards to an engine -> rows, in input order and bounded memory."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from toolkit.classify.rows import Rows
from toolkit.classify.shard import Outcome, Shard
from toolkit.classify.stages import Stages
from toolkit.classify.writers import Finished
from toolkit.engines.protocol import Engine
from toolkit.images.feed import Feed
from toolkit.images.inputs import Inputs

LARGEST_SHARD = 1024  # inputs; more saves nothing on the way to a process and back
QUICK_NS = 25_000_000  # a shard that took less may grow: the way there and back shows in it
SLOW_NS = 100_000_000  # one that took more shrinks: it is what an interruption costs

Known = Callable[[Inputs], dict[int, Finished]]


@dataclass(slots=True)
class Piece:
    """Inputs in a row, classified.

    Args:
        rows: of the inputs that were classified now.
        inputs: all of them, in input order.
        again: position -> the row of an earlier run, for the inputs that were not.
    """

    rows: Rows
    inputs: Inputs
    again: dict[int, Finished] = field(default_factory=dict)


class Pipeline:
    """Sends inputs through an engine.

    Args:
        engine: open.
        feed: the inputs.
        batch_size: inputs a batch; a shard is whole batches, so that a batch is the same whoever does it.
        known: finds rows of an earlier run; None where there is none.
    """

    def __init__(self, engine: Engine, feed: Feed, *, batch_size: int, known: Known | None = None) -> None:
        self.stages = Stages()
        self._engine = engine
        self._feed = feed
        self._batch_size = batch_size
        self._known = known
        # A worker in this process takes one batch at a time.
        self._largest = max(batch_size, LARGEST_SHARD) if engine.takes_long_shards else batch_size
        self._size = batch_size
        self._waiting: deque[tuple[Inputs, Inputs, dict[int, Finished]]] = deque()

    def pieces(self) -> Generator[Piece]:
        """Give the inputs as they are classified, in input order."""
        results: Generator[Outcome] = self._engine.map(self._shards())
        try:
            for outcome in results:
                inputs, fresh, again = self._waiting.popleft()
                self.stages += outcome.stages
                self._adapt(len(fresh), outcome.stages)
                rows = Rows(fresh, outcome.errors, outcome.best, outcome.probabilities)
                yield Piece(rows, inputs, again)
        finally:
            results.close()

    def _shards(self) -> Iterator[Any]:
        while True:
            began = time.perf_counter_ns()
            inputs = self._feed.take(self._size)
            self.stages += Stages(writing_ns=time.perf_counter_ns() - began)
            if inputs is None:
                return
            again = self._known(inputs) if self._known is not None else {}
            fresh = inputs.chosen([i for i in range(len(inputs)) if i not in again]) if again else inputs
            self._waiting.append((inputs, fresh, again))
            yield Shard.of(fresh)

    def _adapt(self, count: int, stages: Stages) -> None:
        """Choose the size of the next shards by how long one took."""
        if count < self._size:
            return
        took = stages.reading_ns + stages.decoding_ns + stages.running_ns
        if took < QUICK_NS:
            self._size = min(2 * self._size, self._largest // self._batch_size * self._batch_size)
        elif took > SLOW_NS:
            self._size = max(self._size // 2 // self._batch_size, 1) * self._batch_size
