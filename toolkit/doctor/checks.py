"""One function per check: what was found, and the remedy."""

import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence

from packaging.requirements import Requirement

from toolkit import __version__
from toolkit.doctor.probe import probe
from toolkit.doctor.result import Finding, State
from toolkit.errors import ToolkitError, install_extra
from toolkit.machine.versions import RUNTIMES, installed_runtimes, installed_version
from toolkit.runtime.cuda import (
    INSTALL_LIBRARIES,
    Problem,
    both_wheels,
    can_load,
    cuda_libraries,
    diagnose,
    driver_library,
)
from toolkit.runtime.devices import CPU, CUDA, device_name
from toolkit.runtime.library import TELEMETRY, is_silent
from toolkit.runtime.messages import short_name

OLDEST_PYTHON = (3, 11)
BASE = (*RUNTIMES, "onnx", "numpy", "pillow", "pyarrow", "matplotlib", "typer")
EXTRAS = {
    "train": ("tensorflow", "keras", "tf2onnx", "plotext"),
    "tune": ("optuna",),
    "cuda": ("nvidia-cudnn-cu13|nvidia-cudnn-cu12",),  # either, as the build of ONNX Runtime wants
    # Python has Zstandard of its own from 3.14 on.
    "formats": ("pillow-heif", "pillow-jxl-plugin", *(("zstandard",) if sys.version_info < (3, 14) else ())),
    "ray": ("ray",),
    "remote": ("fsspec", "aiohttp", "s3fs", "gcsfs"),
}

AZURE = "AzureExecutionProvider"  # in every build for the CPU; it calls services elsewhere, and computes nothing here
EXTRA_OF = re.compile(r"""extra == ['"]([\w-]+)['"]""")

Version = Callable[[str], str | None]
TryDevice = Callable[[str], Problem | None]


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
        if extra == "cuda" and version("onnxruntime-gpu") is None:
            continue  # no other build loads them
        there = [f"{name} {v}" for either in names for name in either.split("|") if (v := version(name))]
        missing = [either.split("|")[0] for either in names if not any(map(version, either.split("|")))]
        # What an error about CUDA says to type brings the same, and whoever reads both does it once.
        command = INSTALL_LIBRARIES if extra == "cuda" else install_extra(extra)
        findings.append(
            Finding(
                check=f"extra {extra}",
                state=State.NOTE if missing else State.OK,
                finding=f"not installed: {', '.join(missing)}" if missing else ", ".join(there),
                remedy=f"for what needs it: {command}" if missing else "",
            )
        )
    return findings


def misfits(version: Version = installed_version, requirements: Sequence[str] | None = None) -> list[Finding]:
    """Report installed libraries of another version than this package says that it needs.

    Args:
        version: of a distribution.
        requirements: as the package's metadata has them, extras included; None means those of the installed package.
    """
    findings = []
    for line in dict.fromkeys(_own_requirements() if requirements is None else requirements):
        requirement = Requirement(line)
        extra = EXTRA_OF.search(line)
        known = requirement.marker is None or requirement.marker.evaluate(
            {"extra": extra[1] if extra else ""}
        )
        found = version(requirement.name) if known and (extra is None or extra[1] in EXTRAS) else None
        if found is not None and not requirement.specifier.contains(found, prereleases=True):
            # Several extras may ask for the same library.
            findings.append(
                Finding(
                    check=requirement.name,
                    state=State.BROKEN,
                    finding=f"{requirement.name} {found} is installed, and {requirement.specifier} is needed",
                    remedy=f"pip install '{requirement.name}{requirement.specifier}'",
                )
            )
    return list(dict.fromkeys(findings))


def _own_requirements() -> Sequence[str]:
    try:
        return importlib.metadata.requires("toolkit") or ()
    except importlib.metadata.PackageNotFoundError:  # run from a folder, without having been installed
        return ()


def runtime_wheel(found: dict[str, str]) -> str:
    """Return the ONNX Runtime distribution to install again, or that which this package wants on this machine.

    Args:
        found: those installed.
    """
    gpu = sys.platform in ("linux", "win32") and platform.machine() in ("x86_64", "AMD64")
    return next(iter(found), "onnxruntime-gpu" if gpu else "onnxruntime")


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
                remedy=f"pip install {runtime_wheel(found)}",
            )
        ]
    ((name, version),) = found.items()
    return [
        Finding(check="ONNX Runtime", state=State.OK, finding=f"{name} {version}, the only one installed")
    ]


def unusable(error: ToolkitError) -> Finding:
    """Report an ONNX Runtime that is installed and can't be imported."""
    again = f"pip install --force-reinstall {runtime_wheel(installed_runtimes())}"
    return Finding(check="ONNX Runtime", state=State.BROKEN, finding=error.what, remedy=again)


def providers(
    available: Sequence[str],
    cuda_version: str,
    *,
    try_device: TryDevice = probe,
    loads: Callable[[str], bool] = can_load,
) -> list[Finding]:
    """Start each execution provider with a small convolution.

    Args:
        available: providers compiled into the installed ONNX Runtime.
        cuda_version: CUDA version that it was built for; empty for a CPU build.
        try_device: runs the convolution; returns why it failed, or None.
        loads: tells whether a shared library can be loaded.
    """
    again = f"pip install --force-reinstall {runtime_wheel(installed_runtimes())}"
    findings = [_tried("CPU", try_device("cpu"), State.BROKEN, again)]
    problem = diagnose(list(available), cuda_version, loads=loads)
    if problem is not None:
        # Most machines have no GPU, so this breaks nothing until somebody asks for one.
        findings.append(_tried("CUDA", problem, State.NOTE))
    else:
        findings.append(
            _tried(
                "CUDA",
                try_device("cuda"),
                State.BROKEN,
                "check that driver and GPU fit the build: nvidia-smi",
            )
        )
    # That another one doesn't start breaks nothing until somebody asks for it.
    others = [provider for provider in available if provider not in (CPU, CUDA, AZURE)]
    for provider in others:
        device = device_name(provider)
        findings.append(
            _tried(
                short_name(provider), try_device(device), State.NOTE, only_for=f"only for --device {device}"
            )
        )
    return findings


def _tried(name: str, fault: Problem | None, state: State, remedy: str = "", only_for: str = "") -> Finding:
    """Put the outcome of a trial into words; the fault's own remedy comes before the general one."""
    if fault is None:
        return Finding(
            check=f"{name} provider", state=State.OK, finding="starts, and computes a convolution rightly"
        )
    return Finding(
        check=f"{name} provider",
        state=state,
        finding=fault.finding,
        remedy=": ".join(filter(None, [only_for, fault.remedy or remedy])),
    )


def cuda_files(
    available: Sequence[str], cuda_version: str, *, loads: Callable[[str], bool] = can_load
) -> list[Finding]:
    """Report which of the libraries that the CUDA provider loads are found."""
    if CUDA not in available:
        return []
    names = [driver_library(), *cuda_libraries(cuda_version)]
    found = [name for name in names if loads(name)]
    missing = [name for name in names if name not in found]
    return [
        Finding(
            check="CUDA libraries",
            state=State.NOTE if missing else State.OK,
            finding=f"found: {', '.join(found) or 'none'}; missing: {', '.join(missing) or 'none'}",
            remedy=f"to use a GPU: NVIDIA driver, and {INSTALL_LIBRARIES}" if missing else "",
        )
    ]


def telemetry() -> list[Finding]:
    """Report whether ONNX Runtime tells its maker what it runs: not here, unless the environment says so."""
    if is_silent():
        finding = "off: what runs here is told to nobody"
        return [Finding(check="telemetry", state=State.OK, finding=finding)]
    finding = (
        f"on ({TELEMETRY}={os.environ[TELEMETRY]}): ONNX Runtime sends model names and run times to its maker"
    )
    return [Finding(check="telemetry", state=State.NOTE, finding=finding, remedy=f"unset {TELEMETRY}")]
