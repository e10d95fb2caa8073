"""CPU, GPU, memory, versions: the "machine" part of every record."""

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.machine.cores import CPU_ROOT, affinity, cpu_quota, usable_cores
from toolkit.machine.features import CPU_INFO, vector_features
from toolkit.machine.versions import installed_runtimes, installed_version

NVIDIA_SMI_TIMEOUT_S = 10
MACOS_CPU = ("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")
SYSCTL_TIMEOUT_S = 5
IDLE_SAMPLE_S = 0.25  # long enough for 25 ticks of the kernel's 100 Hz accounting


def machine_facts() -> dict[str, Any]:
    """Describe this machine and the software that decides about speed; what can't be found out is None."""
    import psutil

    return {
        "cpu": cpu_model(),
        "cpu_features": vector_features(),
        "cores_usable": usable_cores(),
        "cores_physical": psutil.cpu_count(logical=False),
        "cores_logical": psutil.cpu_count(),
        "cpu_quota": cpu_quota(),
        "memory_bytes": int(psutil.virtual_memory().total),
        "gpu": gpus(),
        "cpu_governor": cpu_governor(),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "onnxruntime": runtime_version(),
        "numpy": installed_version("numpy"),
        "toolkit": __version__,
    }


def cpu_model(cpu_info: Path = CPU_INFO) -> str | None:
    """Return the processor's name.

    Args:
        cpu_info: where Linux describes the processors.
    """
    try:
        for line in cpu_info.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    except OSError:
        pass
    return _named_by_macos() or platform.processor() or platform.machine() or None


def _named_by_macos() -> str | None:
    """Return the processor's name on macOS, where Python says "arm" of every one; None elsewhere.

    Source: sysctl(3) of macOS, machdep.cpu.brand_string, such as "Apple M2 Pro".
    """
    if platform.system() != "Darwin":
        return None
    try:
        done = subprocess.run(MACOS_CPU, capture_output=True, text=True, timeout=SYSCTL_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def cpu_governor(cpu_root: Path = CPU_ROOT) -> str | None:
    """Return the frequency governor of the processors this process may use, or None where there is none.

    Args:
        cpu_root: where the kernel describes the processors.

    Returns:
        Such as "performance"; several are joined by commas.
    """
    found = set()
    for processor in affinity():
        try:
            found.add((cpu_root / f"cpu{processor}" / "cpufreq" / "scaling_governor").read_text().strip())
        except OSError:
            continue
    return ",".join(sorted(found)) or None


def gpus() -> list[dict[str, str]] | None:
    """List the NVIDIA devices that the driver sees, or None where there is no working driver."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=NVIDIA_SMI_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_gpus(done.stdout) or None


def parse_gpus(listing: str) -> list[dict[str, str]]:
    """Read the lines `name, driver, memory` that nvidia-smi prints."""
    rows = [[cell.strip() for cell in line.split(",")] for line in listing.splitlines()]
    return [{"name": row[0], "driver": row[1], "memory": row[2]} for row in rows if len(row) == 3]


def runtime_version() -> str | None:
    """Return name and version of the installed ONNX Runtime, such as "onnxruntime-gpu 1.31.1"."""
    return next((f"{name} {version}" for name, version in installed_runtimes().items()), None)


def busy_cores(sample_s: float = IDLE_SAMPLE_S) -> float:
    """Measure how many logical processors are busy now; call it while this process has nothing to do.

    Args:
        sample_s: how long to look, seconds.

    Returns:
        0 on an idle machine, up to the number of logical processors.
    """
    import psutil

    before = psutil.cpu_times()
    own_before = time.process_time()
    start = time.perf_counter()
    time.sleep(sample_s)
    elapsed = time.perf_counter() - start
    after, own = psutil.cpu_times(), time.process_time() - own_before
    idle = sum(getattr(after, k, 0.0) - getattr(before, k, 0.0) for k in ("idle", "iowait"))
    total = _counted(after) - _counted(before)
    if total <= 0:  # a kernel that keeps no accounts
        return 0.0
    share = min(1.0, max(0.0, 1 - idle / total))
    return max(0.0, share * (psutil.cpu_count() or 1) - own / elapsed)


def load_average() -> float | None:
    """Return the load average of the last minute, or None where the system keeps none."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def _counted(times: Any) -> float:
    # Linux counts the time of virtual guests within user time already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - guests)
