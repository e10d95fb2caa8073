"""One shard's whole way: prepare -> run -> top-k."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.at_once import pictures_at_once
from toolkit.classify.prepare import Prepared, Preparer
from toolkit.classify.shard import ModelFacts, Outcome, Shard
from toolkit.classify.stages import Stages
from toolkit.models.open import OpenModel
from toolkit.runtime.devices import CPU
from toolkit.stats.classification import top_k
from toolkit.wording import count

NOT_A_NUMBER = "the model's output is not a number"


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
        self.preparer = Preparer(model.plan, batch_size=batch_size, max_pixels=max_pixels, exact=exact)
        self._at_once = pictures_at_once(model)
        session = model.session
        fixed = session.signature.batch
        told = [] if fixed is None else [f"the model takes exactly {count(fixed, 'picture')} at a time"]
        self.info = ModelFacts(
            labels=model.labels,
            input_size=model.input_size,
            provider=session.provider,
            device=session.device,
            threads=session.threads,
            precision=model.card.precision,
            notices=(*notices, *told),
        )

    @property
    def position(self) -> Any:
        """A cell for the position in the shard, see `Preparer`."""
        return self.preparer.position

    @position.setter
    def position(self, cell: Any) -> None:
        self.preparer.position = cell

    def __call__(self, shard: Shard) -> Outcome:
        """Take a shard its whole way, a batch at a time."""
        size = self.batch_size
        errors: dict[int, str] = {}
        stages, parts = Stages(), []
        for start in range(0, max(1, len(shard)), size):
            batch = self.preparer.prepare(shard, start, start + size)
            began = time.perf_counter_ns()
            parts.append(self._run(batch))
            running = Stages(running_ns=time.perf_counter_ns() - began)
            errors |= batch.errors
            stages += batch.stages + running
        return self._ranked(np.concatenate(parts), errors, (0, len(shard)), stages)

    def finish(self, batch: Prepared, buffer: memoryview | None = None) -> Outcome:
        """Run a batch and find the most probable classes of each picture.

        Args:
            batch: prepared.
            buffer: where its pixels are, if `Preparer.prepare_into` put them into shared memory.

        Raises:
            DeviceError: the model can't be run.
        """
        began = time.perf_counter_ns()
        if buffer is not None:
            batch = replace(batch, pixels=self.preparer.pixels_in(buffer))
        probabilities = self._run(batch)
        running = Stages(running_ns=time.perf_counter_ns() - began)
        return self._ranked(probabilities, batch.errors, batch.span, batch.stages + running)

    def _run(self, batch: Prepared) -> NDArray[np.float32]:
        pixels = batch.pixels
        assert pixels is not None
        wanted = batch.span[1] - batch.span[0] - len(batch.errors)
        if wanted and self.model.provider != CPU:
            # A GPU prepares itself anew for every shape, so a short batch goes through at full length.
            pixels[wanted:] = 0
            return self.model.probabilities(pixels)[:wanted]
        most, run = self._at_once, self.model.probabilities
        if wanted <= most:
            return run(pixels[:wanted])
        return np.concatenate([run(pixels[i : min(i + most, wanted)]) for i in range(0, wanted, most)])

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
