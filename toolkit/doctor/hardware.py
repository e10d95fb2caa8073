"""What of this machine decides about speed, and the remedy."""

import platform
from pathlib import Path

from toolkit.doctor.result import Finding, State
from toolkit.machine.cores import (
    THREADS_VARIABLE,
    affinity,
    cpu_quota,
    default_threads,
    physical_cores,
    threads_wanted,
    usable_cores,
)
from toolkit.machine.facts import cpu_model
from toolkit.machine.features import CPU_INFO, DOT_PRODUCT, vector_features
from toolkit.wording import count, numbered

INT8_FEATURES = DOT_PRODUCT | {"i8mm"}


def processor(cpu_info: Path = CPU_INFO) -> list[Finding]:
    """Report the processor's vector features, above all those that make int8 fast.

    Args:
        cpu_info: where Linux describes the processors.
    """
    name = cpu_model(cpu_info) or platform.machine()
    found = vector_features(cpu_info)
    if found is None:
        return [Finding(check="processor", state=State.OK, finding=name)]
    fast = not INT8_FEATURES.isdisjoint(found)
    return [
        Finding(
            check="processor",
            state=State.OK if fast else State.NOTE,
            finding=f"{name}; {' '.join(found) or 'no vector features reported'}",
            remedy="" if fast else "int8 models gain little here: compare with toolkit bench",
        )
    ]


def threads() -> list[Finding]:
    """Report how many threads a session gets, and what limits them."""
    logical = affinity()
    cores, quota = physical_cores(logical), cpu_quota()
    limit = (
        "no container quota" if quota is None else f"container quota of {quota:g} {numbered(quota, 'core')}"
    )
    usable, wanted = usable_cores(), threads_wanted()
    if wanted is not None:
        limit += f", {THREADS_VARIABLE}={wanted}"
    default = default_threads(usable)
    return [
        Finding(
            check="threads",
            state=State.OK if default == usable else State.NOTE,
            finding=f"{default} by default: {count(cores, 'physical core')} ({len(logical)} logical) allowed, {limit}",
            remedy=""
            if default == usable
            else f"to use more: unset {THREADS_VARIABLE}, or give --threads {usable}",
        )
    ]
