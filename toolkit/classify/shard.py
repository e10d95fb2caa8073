"""What travels between a run and its workers: inputs there, outcomes back, and what the model is like.

Apart from the worker itself, so that the process that only hands out work doesn't load decoders and engines.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.stages import Stages
from toolkit.errors import ImageError
from toolkit.images.addresses import is_address
from toolkit.images.held import Held
from toolkit.images.inputs import File, Inputs


@dataclass(frozen=True, slots=True)
class Shard:
    """What a worker needs to know of a run of inputs: whole batches, but for the last.

    Args:
        files: what to open.
        unseen: positions that weren't seen to be regular files.
        failures: position -> why it can't be classified, where that is known already.
    """

    files: Sequence[File]
    unseen: set[int]
    failures: dict[int, str]

    @classmethod
    def of(cls, inputs: Inputs) -> "Shard":
        """Return the shard of some inputs."""
        return cls(inputs.files, inputs.unseen, inputs.failures)

    def __len__(self) -> int:
        return len(self.files)

    def part(self, start: int, stop: int) -> "Shard":
        """Return the shard of the inputs from `start` up to, not including, `stop`."""
        span = range(start, min(stop, len(self.files)))
        return Shard(
            self.files[start:stop],
            {i - start for i in self.unseen if i in span},
            {i - start: failure for i, failure in self.failures.items() if i in span},
        )

    def without(self, position: int, reason: str) -> "Shard":
        """Return the same shard with one input given up."""
        return replace(self, failures={**self.failures, position: reason})

    def elsewhere(self, *, other_disk: bool) -> "Shard":
        """Return the shard for a worker with another working folder, and maybe another disk.

        Args:
            other_disk: contents of archives lie on this one, so that they have to travel along.
        """
        start = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - Path objects drop what can't be UTF-8
        files: list[File] = []
        failures = dict(self.failures)
        for position, file in enumerate(self.files):
            if isinstance(file, Held):
                try:
                    files.append(file.carried() if other_disk and position not in failures else file)
                except ImageError as error:
                    files.append(file)
                    failures[position] = error.what
            else:
                files.append(file if os.path.isabs(file) or is_address(file) else start + file)  # noqa: PTH117
        return Shard(files, self.unseen, failures)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a shard.

    Args:
        errors: position -> why it wasn't classified.
        best: int64 [pictures, k]; classes, most probable first, of the inputs without an error.
        probabilities: float32 [pictures, k]; theirs.
        stages: time spent in each stage.
    """

    errors: dict[int, str]
    best: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    stages: Stages


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known of a model once it is open, small enough to travel between processes.

    Args:
        labels: class names in output order.
        input_size: (height, width), pixels.
        provider: the execution provider obtained.
        device: "cpu" or "cuda:N".
        threads: intra-op threads.
        precision: as the model's file says it; empty where it doesn't.
        notices: what opening it had to say.
    """

    labels: tuple[str, ...]
    input_size: tuple[int, int]
    provider: str
    device: str
    threads: int
    precision: str = ""
    notices: tuple[str, ...] = ()
