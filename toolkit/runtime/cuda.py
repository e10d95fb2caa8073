"""Why the CUDA execution provider doesn't start: driver, libraries, wheels."""

import ctypes
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass

RUNTIME_PACKAGES = ("onnxruntime", "onnxruntime-gpu")


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


def installed_runtimes() -> dict[str, str]:
    """Return the installed ONNX Runtime distributions and their versions."""
    found = {}
    for name in RUNTIME_PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def driver_library() -> str:
    """Return the file name of the NVIDIA driver's library on this system."""
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def cuda_libraries(cuda_version: str) -> list[str]:
    """List the libraries that the CUDA provider loads.

    Args:
        cuda_version: of the build, such as "13.0".

    Source: the CUDA and cuDNN requirements table of ONNX Runtime's documentation; names measured with
    onnxruntime-gpu 1.31.1.
    """
    major = cuda_version.split(".", maxsplit=1)[0]
    cufft = {"11": "10", "12": "11", "13": "12"}.get(major, major)
    if sys.platform == "win32":
        return [f"cublasLt64_{major}.dll", f"cublas64_{major}.dll", f"cudart64_{major}.dll", "cudnn64_9.dll"]
    return [
        f"libcublasLt.so.{major}",
        f"libcublas.so.{major}",
        f"libcudart.so.{major}",
        f"libcufft.so.{cufft}",
        "libcudnn.so.9",
    ]


def diagnose(
    available: list[str],
    cuda_version: str,
    *,
    loads: Callable[[str], bool] = can_load,
    runtimes: dict[str, str] | None = None,
) -> Problem | None:
    """Find out why CUDA can't start, without opening a session.

    Args:
        available: providers compiled into the installed ONNX Runtime.
        cuda_version: CUDA version that it was built for; empty for a CPU build.
        loads: tells whether a shared library can be loaded.
        runtimes: installed ONNX Runtime distributions; None looks them up.

    Returns:
        The first problem found, or None when everything that can be checked is there.
    """
    runtimes = installed_runtimes() if runtimes is None else runtimes
    if "CUDAExecutionProvider" not in available:
        if len(runtimes) > 1:
            return both_wheels(runtimes)
        return Problem(
            "the installed ONNX Runtime has no CUDA provider",
            "install the GPU build: pip uninstall onnxruntime; pip install onnxruntime-gpu",
        )
    if not loads(driver_library()):
        return Problem(
            f"no NVIDIA driver was found ({driver_library()} can't be loaded)",
            "install the NVIDIA driver, or start the container with --gpus all; or use --device cpu",
        )
    missing = [library for library in cuda_libraries(cuda_version) if not loads(library)]
    if missing:
        return Problem(
            f"CUDA libraries are missing ({', '.join(missing)}; built for CUDA {cuda_version})",
            "install them with: pip install 'toolkit[cuda]'",
        )
    if len(runtimes) > 1:
        return both_wheels(runtimes)
    return None


def both_wheels(runtimes: dict[str, str]) -> Problem:
    """Describe two ONNX Runtime distributions that overwrite each other's files."""
    names = " and ".join(f"{name} {version}" for name, version in sorted(runtimes.items()))
    return Problem(
        f"{names} are both installed and share one folder",
        "pip uninstall -y onnxruntime onnxruntime-gpu; pip install onnxruntime-gpu",
    )
