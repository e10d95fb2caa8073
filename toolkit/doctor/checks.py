"""One function per check: what was found, and the remedy."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit import __version__
from toolkit.doctor.probe import probe
from toolkit.doctor.result import Finding, State
from toolkit.machine.cores import affinity, cpu_quota, physical_cores, usable_cores
from toolkit.machine.facts import cpu_model
from toolkit.machine.features import CPU_INFO, DOT_PRODUCT, cpu_features
from toolkit.runtime.cuda import (
    both_wheels,
    can_load,
    cuda_libraries,
    diagnose,
    driver_library,
    installed_runtimes,
)
from toolkit.runtime.devices import CPU, CUDA, SUFFIX, device_name

OLDEST_PYTHON = (3, 11)
BASE = ("onnxruntime-gpu", "onnxruntime", "onnx", "numpy", "pillow", "pyarrow", "matplotlib", "typer")
EXTRAS = {"train": ("tensorflow", "keras", "tf2onnx"), "formats": ("pillow-heif",)}
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp", "i8mm")
INT8_FEATURES = DOT_PRODUCT | {"i8mm"}

Version = Callable[[str], str | None]


def installed_version(name: str) -> str | None:
    """Return a distribution's version, or None where it isn't installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions(version: Version = installed_version) -> list[Finding]:
    """Report Python and the libraries, from package metadata, and the extras that are missing."""
    python = platform.python_version()
    found = [f"toolkit {__version__}", f"Python {python}"]
    found += [f"{name} {v}" for name in BASE if (v := version(name))]
    findings = [Finding(check="versions", state=State.OK, finding=", ".join(found))]
    if sys.version_info < OLDEST_PYTHON:
        findings.append(
            Finding(
                check="Python",
                state=State.BROKEN,
                finding=f"Python {python} is too old",
                remedy="install Python 3.11 or newer",
            )
        )
    for extra, names in EXTRAS.items():
        there = [f"{name} {v}" for name in names if (v := version(name))]
        missing = [name for name in names if version(name) is None]
        findings.append(
            Finding(
                check=f"extra {extra}",
                state=State.NOTE if missing else State.OK,
                finding=f"not installed: {', '.join(missing)}" if missing else ", ".join(there),
                remedy=f"for what needs it: pip install 'toolkit[{extra}]'" if missing else "",
            )
        )
    return findings


def runtimes(found: dict[str, str] | None = None) -> list[Finding]:
    """Report two ONNX Runtime distributions at once, which overwrite each other's files."""
    found = installed_runtimes() if found is None else found
    if len(found) > 1:
        problem = both_wheels(found)
        return [
            Finding(check="ONNX Runtime", state=State.BROKEN, finding=problem.finding, remedy=problem.remedy)
        ]
    if not found:
        return [
            Finding(
                check="ONNX Runtime",
                state=State.BROKEN,
                finding="no distribution of it is installed",
                remedy="pip install toolkit",
            )
        ]
    ((name, version),) = found.items()
    return [
        Finding(check="ONNX Runtime", state=State.OK, finding=f"{name} {version}, the only one installed")
    ]


def providers(
    available: Sequence[str],
    cuda_version: str,
    *,
    try_device: Callable[[str], str | None] = probe,
    loads: Callable[[str], bool] = can_load,
) -> list[Finding]:
    """Start each execution provider with a small convolution.

    Args:
        available: providers compiled into the installed ONNX Runtime.
        cuda_version: CUDA version that it was built for; empty for a CPU build.
        try_device: runs the convolution; returns the reason of a failure, or None.
        loads: tells whether a shared library can be loaded.
    """
    fault = try_device("cpu")
    findings = [
        Finding(
            check="CPU provider",
            state=State.BROKEN if fault else State.OK,
            finding=fault or "starts, and computes a convolution rightly",
            remedy="pip install --force-reinstall toolkit" if fault else "",
        )
    ]
    problem = diagnose(list(available), cuda_version, loads=loads)
    if problem is not None:
        # Most machines have no GPU, so this breaks nothing until somebody asks for one.
        findings.append(
            Finding(check="CUDA provider", state=State.NOTE, finding=problem.finding, remedy=problem.remedy)
        )
    else:
        fault = try_device("cuda")
        findings.append(
            Finding(
                check="CUDA provider",
                state=State.BROKEN if fault else State.OK,
                finding=fault or "starts, and computes a convolution rightly",
                remedy="check that driver and GPU fit the build: nvidia-smi" if fault else "",
            )
        )
    return findings + _other_providers(available, try_device)


def _other_providers(available: Sequence[str], try_device: Callable[[str], str | None]) -> list[Finding]:
    """Start what is compiled in besides; that one of them doesn't start breaks nothing until it is asked for."""
    findings = []
    for provider in available:
        if provider in (CPU, CUDA):
            continue
        device = device_name(provider)
        fault = try_device(device)
        findings.append(
            Finding(
                check=f"{provider.removesuffix(SUFFIX)} provider",
                state=State.NOTE if fault else State.OK,
                finding=fault or "starts, and computes a convolution rightly",
                remedy=f"only for --device {device}: install the libraries that it needs" if fault else "",
            )
        )
    return findings


def cuda_files(
    available: Sequence[str], cuda_version: str, *, loads: Callable[[str], bool] = can_load
) -> list[Finding]:
    """Report which of the libraries that the CUDA provider loads are found."""
    if "CUDAExecutionProvider" not in available:
        return []
    names = [driver_library(), *cuda_libraries(cuda_version)]
    found = [name for name in names if loads(name)]
    missing = [name for name in names if name not in found]
    return [
        Finding(
            check="CUDA libraries",
            state=State.NOTE if missing else State.OK,
            finding=f"found: {', '.join(found) or 'none'}; missing: {', '.join(missing) or 'none'}",
            remedy="to use a GPU: NVIDIA driver, and pip install 'toolkit[cuda]'" if missing else "",
        )
    ]


def processor(cpu_info: Path = CPU_INFO) -> list[Finding]:
    """Report the processor's vector features, above all those that make int8 fast.

    Args:
        cpu_info: where Linux describes the processors.
    """
    name = cpu_model(cpu_info) or platform.machine()
    found = cpu_features(cpu_info)
    if found is None:
        return [Finding(check="processor", state=State.OK, finding=name)]
    features = [feature for feature in FEATURES if feature in found]
    fast = bool(INT8_FEATURES & found)
    return [
        Finding(
            check="processor",
            state=State.OK if fast else State.NOTE,
            finding=f"{name}; {' '.join(features) or 'no vector features reported'}",
            remedy="" if fast else "int8 models gain little here: compare with toolkit bench",
        )
    ]


def threads() -> list[Finding]:
    """Report how many threads a session gets, and what limits them."""
    logical = affinity()
    cores, quota = physical_cores(logical), cpu_quota()
    limit = "no container quota" if quota is None else f"container quota of {quota:g} cores"
    return [
        Finding(
            check="threads",
            state=State.OK,
            finding=f"{usable_cores()} by default: {cores} physical cores ({len(logical)} logical) allowed, {limit}",
        )
    ]
