"""What may slow a process down while it measures: clock frequency, throttling, quota, swap, other processes."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.machine.cores import CGROUP_ROOT, CPU_ROOT, MEMBERSHIP, affinity, own_groups

PROCESS_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, kw_only=True)
class MachineState:
    """A moment of the machine; what this system doesn't tell is None.

    Args:
        wall_s: time of the monotonic clock, seconds.
        own_s: processor time of this process so far, seconds.
        busy_s: processor time of everything so far, over all logical processors, seconds.
        stolen_s: processor time that the hypervisor gave to other machines so far, seconds.
        mhz: frequency of the processors this process may use, mean, now.
        mhz_limit: the highest that they could have.
        thermal_events: how often these processors were slowed down because of heat, so far.
        quota_stops: how often the container's quota stopped its processes, so far.
        swapped_bytes: memory of this process that lies on disk.
    """

    wall_s: float
    own_s: float
    busy_s: float | None = None
    stolen_s: float | None = None
    mhz: float | None = None
    mhz_limit: float | None = None
    thermal_events: int | None = None
    quota_stops: int | None = None
    swapped_bytes: int | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "MachineState":
        """Read what `to_document` gave."""
        return cls(**document)


def machine_state(
    cpu_root: Path = CPU_ROOT,
    cgroup_root: Path = CGROUP_ROOT,
    membership: Path = MEMBERSHIP,
    status: Path = PROCESS_STATUS,
) -> MachineState:
    """Look at the machine now; takes well under a millisecond a processor.

    Args:
        cpu_root: where the kernel describes the processors.
        cgroup_root: where control groups are mounted.
        membership: where the kernel lists the control groups of this process.
        status: where the kernel describes this process.

    Source: Linux kernel documentation: cpufreq (scaling_cur_freq, cpuinfo_max_freq, kHz), thermal_throttle
    (core_throttle_count), cgroup-v2 cpu.stat (nr_throttled), proc(5) (VmSwap).
    """
    import psutil

    times = psutil.cpu_times()
    busy = sum(getattr(times, key, 0.0) for key in ("user", "system", "irq", "softirq"))
    folders = [cpu_root / f"cpu{processor}" for processor in sorted(affinity())]
    current = [_number(folder / "cpufreq" / "scaling_cur_freq") for folder in folders]
    limits = [_number(folder / "cpufreq" / "cpuinfo_max_freq") for folder in folders]
    heat = [_number(folder / "thermal_throttle" / "core_throttle_count") for folder in folders]
    return MachineState(
        wall_s=time.perf_counter(),
        own_s=time.process_time(),
        busy_s=busy,
        stolen_s=getattr(times, "steal", None),
        mhz=_mean(current, 1000),
        mhz_limit=_mean(limits, 1000),
        thermal_events=_total(heat),
        quota_stops=_quota_stops(cgroup_root, membership),
        swapped_bytes=_swapped(status),
    )


def _quota_stops(cgroup_root: Path, membership: Path) -> int | None:
    counts = []
    for folder in own_groups(cgroup_root, membership):
        try:
            lines = (folder / "cpu.stat").read_text().splitlines()
        except OSError:
            continue
        counts += [int(line.split()[1]) for line in lines if line.startswith("nr_throttled ")]
    return sum(counts) if counts else None


def _swapped(status: Path) -> int | None:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmSwap:")), None)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _mean(values: list[int | None], divisor: int) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) / divisor if known else None


def _total(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
