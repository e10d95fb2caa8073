"""What slows an NVIDIA GPU down while something runs on it: heat, power, others; asked through nvidia-smi."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

TIMEOUT_S = 10
COUNTERS = {
    "sw_power_cap": "power cap",
    "sw_thermal_slowdown": "heat (software)",
    "hw_thermal_slowdown": "heat (hardware)",
    "hw_power_brake_slowdown": "power brake",
}
"""Why clocks were lowered. Source: nvidia-smi --help-query-gpu, clocks_event_reasons_counters.*: microseconds since
the driver was loaded. Drivers from before these counters refuse the question, and then nothing is said of it: what
they tell, the reasons at this moment, is that of an idle GPU once the measurement is over."""

WORTH_A_WORD = 0.01  # of the time, that clocks were lowered


@dataclass(frozen=True)
class GpuSnapshot:
    """A moment of one device.

    Args:
        wall_s: when, seconds of a clock that never runs backwards.
        slowed_us: reason -> microseconds, since the driver was loaded, in which it lowered the clocks.
        processes: those that hold the device, in the driver's numbers, which aren't ours in a container.
    """

    wall_s: float
    slowed_us: Mapping[str, int]
    processes: frozenset[int]


@dataclass(frozen=True)
class GpuState:
    """What befell a device between two moments.

    Args:
        slowdowns: why its clocks were lower than they could be; empty where they weren't, or nobody counts.
        processes: those that held the device at both moments, in the driver's numbers, ascending.
    """

    slowdowns: tuple[str, ...]
    processes: tuple[int, ...]


def gpu_snapshot(place: str | None) -> GpuSnapshot | None:
    """Look at a device now, or return None where nvidia-smi isn't there or doesn't answer.

    Args:
        place: on the PCI bus, such as 0000:65:00.0; None where it is unknown.
    """
    if place is None:
        return None
    processes = _ask(place, "--query-compute-apps=pid")
    if processes is None:
        return None
    fields = ",".join(f"clocks_event_reasons_counters.{name}" for name in COUNTERS)
    times = (_ask(place, f"--query-gpu={fields}") or "").split(",")
    # "[N/A]" on devices that don't tell
    counted = {
        reason: int(text)
        for reason, text in zip(COUNTERS.values(), times, strict=False)
        if text.strip().isdigit()
    }
    numbers = frozenset(int(line) for line in processes.split() if line.isdigit())
    return GpuSnapshot(time.monotonic(), counted, numbers)


def gpu_meanwhile(before: GpuSnapshot | None, after: GpuSnapshot | None) -> GpuState | None:
    """Tell what befell a device between two snapshots; None where one is missing."""
    if before is None or after is None:
        return None
    least_us = WORTH_A_WORD * (after.wall_s - before.wall_s) * 1e6
    slowdowns = tuple(
        reason for reason, us in after.slowed_us.items() if us - before.slowed_us.get(reason, us) > least_us
    )
    return GpuState(slowdowns, tuple(sorted(before.processes & after.processes)))


def _ask(place: str, query: str) -> str | None:
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", f"--id={place}", query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
