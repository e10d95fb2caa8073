"""Cores that this process may really use: affinity and container quota count; and how many threads to start."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
CPU_ROOT = Path("/sys/devices/system/cpu")
MEMBERSHIP = Path("/proc/self/cgroup")
THREADS_VARIABLE = "OMP_NUM_THREADS"


def usable_cores(
    cgroup_root: Path = CGROUP_ROOT, cpu_root: Path = CPU_ROOT, membership: Path = MEMBERSHIP
) -> int:
    """Count the physical cores that this process may use, at least 1.

    The smallest of: physical cores within the affinity mask, the container's CPU quota rounded up.

    Args:
        cgroup_root: where control groups are mounted.
        cpu_root: where the kernel describes the processors.
        membership: where the kernel lists the control groups of this process.
    """
    cores = physical_cores(affinity(), cpu_root)
    quota = cpu_quota(cgroup_root, membership)
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def default_threads(cores: int | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Count the threads that a computation gets where nobody says how many, at least 1.

    One for each core that this process may use, but no more than OMP_NUM_THREADS says: batch systems and container
    images set it, and ONNX Runtime doesn't look at it.

    Args:
        cores: that this process may use; None asks `usable_cores`.
        environment: variables of the process.
    """
    limit = threads_wanted(environment)
    cores = usable_cores() if cores is None else cores
    return cores if limit is None else min(cores, limit)


def threads_wanted(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return how many threads OMP_NUM_THREADS allows; None where it isn't set, or isn't a number of 1 or more.

    Args:
        environment: variables of the process.

    Source: OpenMP 5.2, section 21.1.2: a list of positive integers, of which the first is for the outermost level;
        what anything else means is up to the implementation, and GNU's ignores it.
    """
    first = environment.get(THREADS_VARIABLE, "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


def affinity() -> frozenset[int]:
    """Return the logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def physical_cores(processors: frozenset[int], cpu_root: Path = CPU_ROOT) -> int:
    """Count the physical cores behind logical processors: hyper-threads of one core count once.

    Args:
        processors: numbers of logical processors.
        cpu_root: where the kernel describes them. Where there is no such folder (macOS, Windows), the system
            is asked for its physical cores; a processor without description counts as a core.
    """
    if not cpu_root.is_dir():
        import psutil

        return max(1, min(len(processors), psutil.cpu_count(logical=False) or len(processors)))
    cores = set()
    for processor in processors:
        siblings = cpu_root / f"cpu{processor}" / "topology" / "thread_siblings_list"
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(str(processor))
    return max(1, len(cores))


def cpu_quota(cgroup_root: Path = CGROUP_ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """Return the CPU quota of this process's control group in cores, or None where there is none.

    Reads version 2 (`cpu.max`) at every level from the process's own group up to the root, then version 1
    (`cpu.cfs_quota_us`, `cpu.cfs_period_us`).

    Args:
        cgroup_root: where control groups are mounted.
        membership: where the kernel lists the control groups of this process.

    Source: Linux kernel documentation, cgroup-v2 "cpu.max", and scheduler/sched-bwc.
    """
    quotas = [
        quota
        for folder in own_groups(cgroup_root, membership)
        for quota in (_quota_v2(folder), _quota_v1(folder))
        if quota
    ]
    return min(quotas) if quotas else None


def own_groups(root: Path, membership: Path) -> list[Path]:
    """List the folders of this process's control groups, versions 1 and 2, up to the root.

    Args:
        root: where control groups are mounted.
        membership: where the kernel lists the control groups of this process.
    """
    # Inside a container the mount point itself is the container's group, whatever the membership says.
    folders = {root, root / "cpu", root / "cpu,cpuacct"}
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, colon, group = rest.partition(":")
        if not colon:
            continue
        base = root / controllers if controllers else root
        folder = base / group.lstrip("/")
        while folder != base:
            folders.add(folder)
            folder = folder.parent
    # Version 1 has links from "cpu" and "cpuacct" to "cpu,cpuacct": one group has one folder.
    return sorted({folder.resolve() for folder in folders})


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
