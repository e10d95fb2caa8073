"""Signs in the machine that a figure can't be trusted: frequency, heat, quota, swap, others on CPU and GPU."""

import os
from collections.abc import Iterable, Sequence

import numpy as np

from toolkit.bench.figures import Round
from toolkit.bench.options import BenchOptions
from toolkit.bench.result import Caution
from toolkit.bench.spinning import spins
from toolkit.machine.state import MachineState
from toolkit.wording import count, numbered

FREQUENCIES_APART = 1.05  # highest over lowest, from round to round
BELOW_LIMIT = 0.9  # of the highest frequency that the processors could have
STOLEN_SHARE = 0.02  # of the time measured, by the hypervisor
OTHERS_BUSY_CORES = 0.2  # on average while measuring
OTHERS_SHORTEST_S = 0.2  # the kernel accounts in hundredths of a second: below, one tick is too much

States = Sequence[tuple[MachineState, MachineState]]


def check_machine(rounds: Sequence[Round], governor: str | None) -> tuple[Caution, ...]:
    """Look for every sign that the machine itself gave while a case was measured.

    Args:
        rounds: with the machine before and after each; those without are left out.
        governor: frequency governor, where the system has one.
    """
    states = states_of(rounds)
    found = (
        throttled_by_heat(states),
        frequency(states, governor),
        stopped_by_quota(states),
        swapped(states),
        stolen(states),
        others_meanwhile(states),
        gpu_slowed(rounds),
        gpu_shared(rounds),
    )
    return tuple(caution for caution in found if caution is not None)


def throttled_by_heat(states: States) -> Caution | None:
    """Count how often the processors were slowed down because of heat."""
    events = sum(_rise(before.thermal_events, after.thermal_events) for before, after in states)
    if not events:
        return None
    return Caution(
        code="thermal-throttling",
        message=f"the processor slowed itself down because of heat ({count(events, 'time')} while measuring)",
        remedy="let it cool down, improve the cooling, or use fewer --threads",
    )


def frequency(states: States, governor: str | None) -> Caution | None:
    """Compare the processors' frequency from round to round, and with their limit."""
    known = [after.mhz for _, after in states if after.mhz]
    if not known:
        return None
    remedy = "set the governor to performance: cpupower frequency-set -g performance"
    if governor == "performance":
        remedy = "switch turbo off, or let the machine come to rest before measuring"
    if max(known) > FREQUENCIES_APART * min(known):
        return Caution(
            code="frequency-scaling",
            message=f"the processors ran at {min(known):,.0f} to {max(known):,.0f} MHz from round to round",
            remedy=remedy,
        )
    limits = [after.mhz_limit for _, after in states if after.mhz_limit]
    if limits and max(known) < BELOW_LIMIT * max(limits) and governor != "performance":
        return Caution(
            code="frequency-scaling",
            message=f"the processors ran at {max(known):,.0f} of {max(limits):,.0f} MHz "
            f"(governor: {governor or 'unknown'})",
            remedy=remedy,
        )
    return None


def stopped_by_quota(states: States) -> Caution | None:
    """Count how often the container's CPU quota stopped the process."""
    stops = sum(_rise(before.quota_stops, after.quota_stops) for before, after in states)
    if not stops:
        return None
    return Caution(
        code="quota-stops",
        message=f"the container's CPU quota stopped its processes {count(stops, 'time')} while measuring",
        remedy="raise the quota, or use fewer --threads",
    )


def swapped(states: States) -> Caution | None:
    """Tell when memory of the measuring process lay on disk."""
    most = max((after.swapped_bytes or 0 for _, after in states), default=0)
    if not most:
        return None
    return Caution(
        code="swapped",
        message=f"{most / 1e6:.3g} MB of the measuring process were swapped to disk",
        remedy="free memory, or use a smaller --batch-size",
    )


def stolen(states: States) -> Caution | None:
    """Compare the processor time that the hypervisor gave away with the time measured."""
    known = [(b, a) for b, a in states if b.stolen_s is not None and a.stolen_s is not None]
    wall = sum(after.wall_s - before.wall_s for before, after in known)
    lost = sum((after.stolen_s or 0) - (before.stolen_s or 0) for before, after in known)
    if wall < OTHERS_SHORTEST_S or lost <= STOLEN_SHARE * wall:
        return None
    return Caution(
        code="stolen-time",
        message=f"the hypervisor gave {100 * lost / wall:.0f} % of a processor to other machines while measuring",
        remedy="measure on a machine of your own, or at a quieter time",
    )


def others_meanwhile(states: States) -> Caution | None:
    """Compare what the whole machine computed with what the measuring process did."""
    cores = others_cores(states)
    if cores <= OTHERS_BUSY_CORES:
        return None
    return Caution(
        code="others-meanwhile",
        message=f"other processes kept {cores:.1f} processors busy while measuring",
        remedy="stop them, and measure again",
    )


def others_cores(states: States) -> float:
    """Return how many logical processors others kept busy on average; 0 where that can't be told.

    Args:
        states: the machine before and after each round.
    """
    known = [(b, a) for b, a in states if b.busy_s is not None and a.busy_s is not None]
    wall = sum(after.wall_s - before.wall_s for before, after in known)
    if wall < OTHERS_SHORTEST_S:
        return 0.0
    everything = sum((after.busy_s or 0) - (before.busy_s or 0) for before, after in known)
    return (everything - sum(after.own_s - before.own_s for before, after in known)) / wall


def states_of(rounds: Sequence[Round]) -> States:
    """Return the machine before and after each round that knows it."""
    return [(r.before, r.after) for r in rounds if r.before is not None and r.after is not None]


def gpu_slowed(rounds: Sequence[Round]) -> Caution | None:
    """Tell why a GPU's clocks were lower than they could be."""
    reasons = dict.fromkeys(reason for r in rounds if r.gpu is not None for reason in r.gpu.slowdowns)
    if not reasons:
        return None
    return Caution(
        code="gpu-throttled",
        message=f"the GPU lowered its clocks: {', '.join(reasons)}",
        remedy="let it cool down, or fix its clocks: nvidia-smi --lock-gpu-clocks",
    )


def gpu_shared(rounds: Sequence[Round]) -> Caution | None:
    """Tell when processes other than ours held the GPU while it measured.

    In a container the driver may give the host's numbers. Only where it lists the measuring process under the number
    that it has here, others can be told from it.
    """
    matched = [r for r in rounds if r.gpu is not None and r.process in r.gpu.processes]
    # This process counts as ours, too: CUDA keeps what it opened to look at the model.
    ours = {os.getpid(), *(r.process for r in matched)}
    foreign = {p for r in matched if r.gpu is not None for p in r.gpu.processes} - ours
    if not foreign:
        return None
    numbers = ", ".join(map(str, sorted(foreign)))
    return Caution(
        code="gpu-shared",
        message=f"other processes held the GPU, too (process {numbers})",
        remedy="stop them, or measure on another device with --device cuda:N",
    )


def too_many_threads(
    threads: Iterable[int], cores: int, quota: float | None, options: BenchOptions
) -> tuple[Caution, ...]:
    """Compare intra-op threads with the cores and the container's quota.

    Args:
        threads: as many as each session has.
        cores: physical cores that the affinity mask allows.
        quota: the container's CPU quota, cores; None where there is none.
        options: what was asked for.
    """
    most = max(threads, default=1)
    remedy = "use fewer --threads" if options.threads else "report this: the default should not exceed them"
    asleep = "" if spins(most) else ", so many that idle ones are put to sleep"
    over_cores = over_quota = None
    if most > cores:
        over_cores = Caution(
            code="threads-over-cores",
            message=f"{most} threads share {count(cores, 'physical core')}{asleep}",
            remedy=remedy,
        )
    if quota is not None and most > np.ceil(quota):
        over_quota = Caution(
            code="threads-over-quota",
            message=f"{most} threads share a container quota of {quota:g} {numbered(quota, 'core')}, so they are "
            f"stopped at times{asleep}",
            remedy=f"{remedy}, or raise the quota",
        )
    return tuple(c for c in (over_cores, over_quota) if c is not None)


def others_busy(busy: float, load: float | None) -> Caution | None:
    """Tell when others used the processor before the first query.

    Args:
        busy: logical processors in use while this process had nothing to do.
        load: load average of the last minute.
    """
    if busy <= OTHERS_BUSY_CORES:
        return None
    average = "" if load is None else f", load average {load:.1f}"
    return Caution(
        code="others-busy",
        message=f"other processes kept {busy:.1f} processors busy at the start{average}",
        remedy="stop them, and measure again",
    )


def _rise(before: int | None, after: int | None) -> int:
    return 0 if before is None or after is None else max(0, after - before)
