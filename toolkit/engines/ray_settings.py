"""What the process that talks to Ray is told, and tells: apart from it, so that nobody loads Ray for its sake."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.wording import count

AUTO = "auto"
READY = -1  # stands for a shard's number where the message says how many workers are ready


@dataclass(frozen=True)
class RaySettings:
    """How to come by a cluster.

    Args:
        address: of one to join; None starts one on this machine.
        workers: how many are wanted; None means as many as there are cores for.
        cores: of one worker.
        folder: for files of this run; on this machine.
        part_s: how long a worker may take for a part of a shard while the item at fault is looked for.
    """

    address: str | None
    workers: int | None
    cores: int
    folder: str
    part_s: float = 600.0

    @property
    def where(self) -> str:
        """The flag at fault when something is wrong with the cluster."""
        return "--engine ray" if self.address is None else f"--ray-address {self.address}"

    @property
    def remedy(self) -> str:
        """What to do when the cluster is lost."""
        again = "run it again: with --resume an output file goes on where it stopped"
        return again if self.address is None else f"look at it with 'ray status', then {again}"


def too_small_for(cores: int, machines: Iterable[Mapping[str, Any]]) -> str | None:
    """Say that no machine can ever hold a worker; None where one can.

    Args:
        cores: of a worker.
        machines: as `ray.nodes` lists them.
    """
    largest = max((int(each["Resources"].get("CPU", 0)) for each in machines if each["Alive"]), default=0)
    if largest >= cores:
        return None
    return f"a worker of {count(cores, 'thread')} needs as many cores, and its largest machine has {largest}"


@dataclass(frozen=True)
class ClusterSize:
    """How large a cluster is as a run begins.

    Args:
        machines: that are part of it.
        room: how many workers its cores are enough for.
        workers: how many are wanted.
    """

    machines: int
    room: int
    workers: int
