"""What may slow an NVIDIA GPU down: other processes, heat, power; asked from the driver through nvidia-smi."""

import shutil
import subprocess
from dataclasses import dataclass

TIMEOUT_S = 10
SLOWDOWNS = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "power brake",
}
"""Bits of the clocks' throttle reasons. Source: NVML API, nvmlClocksEventReasons (nvml.h)."""


@dataclass(frozen=True)
class GpuState:
    """A moment of one device.

    Args:
        slowdowns: why its clocks are lower than they could be; empty where they aren't.
        processes: numbers of the processes that compute on it.
    """

    slowdowns: tuple[str, ...]
    processes: tuple[int, ...]


def gpu_state(index: int) -> GpuState | None:
    """Look at a device now, or return None where nvidia-smi isn't there or doesn't answer.

    Not tried on a GPU; tested against a stand-in that prints what the manual shows.

    Args:
        index: of the device.
    """
    active = _ask(index, "--query-gpu=clocks_throttle_reasons.active")
    processes = _ask(index, "--query-compute-apps=pid")
    if active is None or processes is None:
        return None
    try:
        bits = int(active.split()[0], 16)
    except (IndexError, ValueError):  # "[N/A]" on devices that don't tell
        bits = 0
    names = tuple(name for bit, name in SLOWDOWNS.items() if bits & bit)
    return GpuState(names, tuple(int(line) for line in processes.split() if line.isdigit()))


def _ask(index: int, query: str) -> str | None:
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", f"--id={index}", query, "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
