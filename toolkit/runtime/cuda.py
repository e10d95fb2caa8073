"""Why the CUDA execution provider doesn't start: driver, libraries, wheels."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolkit.machine.versions import RUNTIMES, installed_runtimes
from toolkit.runtime.devices import CUDA

MAJORS = (11, 12, 13)  # of CUDA, that builds of ONNX Runtime were made for
INSTALL_LIBRARIES = "pip install 'onnxruntime-gpu[cuda,cudnn]'"  # what the extra cuda of this package brings
FIRST_FOR_CUDA_13 = "1.27"  # release of onnxruntime-gpu on PyPI; those before want CUDA 12


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a provider from starting.

    Args:
        finding: what is wrong, in a few words.
        remedy: what to do, in the imperative.
    """

    finding: str
    remedy: str


def can_load(library: str) -> bool:
    """Return whether the system's loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def driver_library() -> str:
    """Return the file name of the NVIDIA driver's library on this system."""
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def driver_cuda_version() -> tuple[int, int] | None:
    """Return the newest CUDA version that the installed driver supports, or None where it doesn't tell.

    Source: CUDA Driver API, cuDriverGetVersion: 1000 * major + 10 * minor; needs no initialisation.
    """
    version = ctypes.c_int(0)
    try:
        failed = ctypes.CDLL(driver_library()).cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return None
    return None if failed or version.value <= 0 else (version.value // 1000, version.value % 1000 // 10)


def pci_place(index: int) -> str | None:
    """Return where a CUDA device is on the PCI bus, such as 0000:65:00.0, or None where the driver doesn't tell.

    nvidia-smi counts devices by that place, CUDA the fastest first and those of CUDA_VISIBLE_DEVICES only.

    Args:
        index: of the device, as in cuda:N.

    Source: CUDA Driver API, cuDeviceGetPCIBusId: at least 13 characters.
    """
    device, place = ctypes.c_int(), ctypes.create_string_buffer(32)
    try:
        driver = ctypes.CDLL(driver_library())
        failed = driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), index)
        failed = failed or driver.cuDeviceGetPCIBusId(place, len(place), device)
    except (OSError, AttributeError):
        return None
    return None if failed else place.value.decode("ascii")


def cuda_libraries(cuda_version: str) -> list[str]:
    """List the libraries that the CUDA provider loads.

    Args:
        cuda_version: of the build, such as "13.0".

    Source: the CUDA and cuDNN requirements table of ONNX Runtime's documentation; names measured with
    onnxruntime-gpu 1.31.1, those that its provider is linked with and those that it opens later.
    """
    major = cuda_version.split(".", maxsplit=1)[0]
    cufft = {"11": "10", "12": "11", "13": "12"}.get(major, major)
    if sys.platform == "win32":
        return [f"cublasLt64_{major}.dll", f"cublas64_{major}.dll", f"cudart64_{major}.dll", "cudnn64_9.dll"]
    return [
        f"libcublasLt.so.{major}",
        f"libcublas.so.{major}",
        f"libcudart.so.{major}",
        "libcurand.so.10",
        f"libcufft.so.{cufft}",
        "libcudnn.so.9",
    ]


def diagnose(
    available: list[str],
    cuda_version: str,
    *,
    loads: Callable[[str], bool] = can_load,
    runtimes: dict[str, str] | None = None,
    driver: Callable[[], tuple[int, int] | None] = driver_cuda_version,
) -> Problem | None:
    """Find out why CUDA can't start, without opening a session.

    Args:
        available: providers compiled into the installed ONNX Runtime.
        cuda_version: CUDA version that it was built for; empty for a CPU build.
        loads: tells whether a shared library can be loaded.
        runtimes: installed ONNX Runtime distributions; None looks them up.
        driver: tells the newest CUDA version that the driver supports.

    Returns:
        The first problem found, or None when everything that can be checked is there.
    """
    runtimes = installed_runtimes() if runtimes is None else runtimes
    if CUDA not in available:
        if len(runtimes) > 1:
            return both_wheels(runtimes)
        return Problem(
            "the installed ONNX Runtime has no CUDA provider",
            f"install the GPU build: pip uninstall {' '.join(runtimes) or 'onnxruntime'}; pip install onnxruntime-gpu",
        )
    if not loads(driver_library()):
        return Problem(
            f"no NVIDIA driver was found ({driver_library()} can't be loaded)",
            "install the NVIDIA driver, or start the container with --gpus all; or use --device cpu",
        )
    too_old = _driver_too_old(cuda_version, driver())
    if too_old is not None:
        return too_old
    # cuFFT is opened for Fourier transforms only (readelf of 1.31.1). A build that is linked with it doesn't start
    # without, and then `library_fault` names it.
    needed = (library for library in cuda_libraries(cuda_version) if "cufft" not in library)
    missing = [library for library in needed if not loads(library)]
    if missing:
        return _missing(missing, cuda_version, loads)
    if len(runtimes) > 1:
        return both_wheels(runtimes)
    return None


def library_fault(folder: Path) -> str | None:
    """Return what the system's loader says of ONNX Runtime's CUDA provider, or None where it loads.

    Args:
        folder: of ONNX Runtime's libraries.
    """
    prefix, suffix = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    for part in ("shared", "cuda"):
        try:
            # The second takes its symbols from the first.
            ctypes.CDLL(
                str(folder / f"{prefix}onnxruntime_providers_{part}{suffix}"), mode=ctypes.RTLD_GLOBAL
            )
        except OSError as error:
            return " ".join(str(error).split())
    return None


def both_wheels(runtimes: dict[str, str]) -> Problem:
    """Describe ONNX Runtime distributions that overwrite each other's files."""
    names = " and ".join(f"{name} {version}" for name, version in sorted(runtimes.items()))
    # The first two come with this package; whoever has another one has chosen it.
    chosen = next((name for name in runtimes if name not in RUNTIMES[:2]), RUNTIMES[0])
    return Problem(
        f"{names} are {'both' if len(runtimes) == 2 else 'all'} installed and share one folder",
        f"pip uninstall -y {' '.join(sorted(runtimes))}; pip install {chosen}",
    )


def _driver_too_old(cuda_version: str, supported: tuple[int, int] | None) -> Problem | None:
    major = cuda_version.split(".", maxsplit=1)[0]
    if supported is None or not major.isdigit() or supported[0] >= int(major):
        return None
    return Problem(
        f"the NVIDIA driver supports CUDA {supported[0]}.{supported[1]} at most, and this ONNX Runtime was built "
        f"for CUDA {cuda_version}",
        "update the driver" + _older_build(supported[0], major),
    )


def _missing(missing: list[str], cuda_version: str, loads: Callable[[str], bool]) -> Problem:
    major = cuda_version.split(".", maxsplit=1)[0]
    ours = set(cuda_libraries(cuda_version))
    # Where part of ours is there, theirs beside it are no reason.
    others = MAJORS if any(f".so.{major}" in name or f"_{major}.dll" in name for name in missing) else ()
    for other in others:
        if any(loads(name) for name in cuda_libraries(f"{other}.0") if name not in ours):
            return Problem(
                f"the CUDA libraries don't fit: those of CUDA {other} are installed, and this ONNX Runtime was "
                f"built for CUDA {cuda_version} (missing: {', '.join(missing)})",
                f"install them with: {INSTALL_LIBRARIES}" + _older_build(other, major),
            )
    return Problem(
        f"CUDA libraries are missing ({', '.join(missing)}; built for CUDA {cuda_version})",
        f"install them with: {INSTALL_LIBRARIES}",
    )


def _older_build(there: int, wanted: str) -> str:
    if there == 12 and wanted == "13":
        return f", or install a build for CUDA 12: pip install 'onnxruntime-gpu<{FIRST_FOR_CUDA_13}'"
    return ""
