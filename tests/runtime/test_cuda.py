"""Each reason why CUDA doesn't start is told apart, with fake loaders."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.runtime.cuda import (
    can_load,
    cuda_libraries,
    diagnose,
    driver_library,
    library_fault,
)

BUILT_IN = ["CUDAExecutionProvider", "CPUExecutionProvider"]
GPU_WHEEL = {"onnxruntime-gpu": "1.31.1"}
BOTH_WHEELS = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}


def without(*missing: str) -> Callable[[str], bool]:
    return lambda library: library not in missing


def test_nothing_is_wrong_when_everything_loads() -> None:
    assert diagnose(BUILT_IN, "13.0", loads=without(), runtimes=GPU_WHEEL) is None


def test_a_cpu_build_is_named_and_the_gpu_build_is_the_remedy() -> None:
    problem = diagnose(["CPUExecutionProvider"], "", loads=without(), runtimes={"onnxruntime": "1.32.0"})
    assert problem is not None
    assert problem.finding == "the installed ONNX Runtime has no CUDA provider"
    assert problem.remedy.endswith("pip install onnxruntime-gpu")


def test_a_missing_driver_comes_before_missing_libraries() -> None:
    problem = diagnose(BUILT_IN, "13.0", loads=lambda _: False, runtimes=GPU_WHEEL)
    assert problem is not None
    assert driver_library() in problem.finding
    assert "driver" in problem.remedy


@pytest.mark.parametrize("version", ["12.8", "13.0"])
def test_missing_libraries_are_named_with_the_version_that_is_wanted(version: str) -> None:
    names = cuda_libraries(version)
    problem = diagnose(BUILT_IN, version, loads=without(names[0], names[-1]), runtimes=GPU_WHEEL)
    assert problem is not None
    assert f"{names[0]}, {names[-1]}" in problem.finding
    assert names[1] not in problem.finding
    assert f"CUDA {version}" in problem.finding
    assert problem.remedy == "install them with: pip install 'onnxruntime-gpu[cuda,cudnn]'"


def test_the_library_of_fourier_transforms_is_no_hindrance() -> None:
    assert any("cufft" in name for name in cuda_libraries("13.0")) or sys.platform == "win32"
    assert diagnose(BUILT_IN, "13.0", loads=without("libcufft.so.12"), runtimes=GPU_WHEEL) is None


def test_a_driver_too_old_for_the_build_is_named_with_both_versions() -> None:
    problem = diagnose(BUILT_IN, "13.0", loads=without(), runtimes=GPU_WHEEL, driver=lambda: (12, 4))
    assert problem is not None
    assert "supports CUDA 12.4 at most" in problem.finding
    assert "built for CUDA 13.0" in problem.finding
    assert (
        problem.remedy
        == "update the driver, or install a build for CUDA 12: pip install 'onnxruntime-gpu<1.27'"
    )
    assert diagnose(BUILT_IN, "12.8", loads=without(), runtimes=GPU_WHEEL, driver=lambda: (13, 0)) is None


def test_libraries_of_another_version_of_cuda_are_told_from_none_at_all() -> None:
    wanted = cuda_libraries("13.0")
    problem = diagnose(BUILT_IN, "13.0", loads=without(*wanted), runtimes=GPU_WHEEL, driver=lambda: (13, 0))
    assert problem is not None
    assert "don't fit: those of CUDA 11 are installed" in problem.finding
    others = [name for version in ("11.0",) for name in cuda_libraries(version)]
    problem = diagnose(
        BUILT_IN, "13.0", loads=without(*wanted, *others), runtimes=GPU_WHEEL, driver=lambda: (13, 0)
    )
    assert problem is not None
    assert "those of CUDA 12 are installed" in problem.finding
    assert "onnxruntime-gpu<1.27" in problem.remedy


STUB = """
#include <stdio.h>
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 100 + ordinal; return ordinal > 1 ? 101 : 0; }
int cuDeviceGetPCIBusId(char *place, int length, int device) {
    snprintf(place, length, "0000:%x:00.0", device == 100 ? 0xb3 : 0x65);
    return 0;
}
"""


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="builds a library for Linux"
)
def test_version_and_places_of_devices_are_asked_from_the_driver_s_own_library(tmp_path: Path) -> None:
    """With the real wheel in a fresh process and a driver made here: the diagnosis gets past the missing driver."""
    source = tmp_path / "driver.c"
    source.write_text(STUB)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", source], check=True)
    code = (
        "from toolkit.runtime.cuda import *; print(can_load(driver_library()), driver_cuda_version(), "
        "*map(pci_place, range(3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == "True (12, 4) 0000:b3:00.0 0000:65:00.0 None"


@pytest.mark.parametrize("available", [BUILT_IN, ["CPUExecutionProvider"]])
def test_two_wheels_in_one_folder_are_named(available: list[str]) -> None:
    problem = diagnose(available, "13.0", loads=without(), runtimes=BOTH_WHEELS)
    assert problem is not None
    assert (
        problem.finding
        == "onnxruntime 1.32.0 and onnxruntime-gpu 1.31.1 are both installed and share one folder"
    )
    assert "uninstall" in problem.remedy


def test_library_names_follow_the_version_of_the_build() -> None:
    assert cuda_libraries("13.0")[0] != cuda_libraries("12.8")[0]
    unversioned = ("cudnn", "curand")
    assert all(
        "13" in name or "12" in name or any(u in name for u in unversioned) for name in cuda_libraries("13.0")
    )


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux")
def test_one_missing_library_beside_two_versions_of_cuda_is_just_missing() -> None:
    problem = diagnose(
        ["CUDAExecutionProvider"],
        "13.0",
        loads=lambda name: name != "libcurand.so.10",
        runtimes={"onnxruntime-gpu": "1.31.1"},
        driver=lambda: (13, 0),
    )
    assert problem is not None
    assert problem.finding == "CUDA libraries are missing (libcurand.so.10; built for CUDA 13.0)"


@pytest.mark.skipif(sys.platform != "linux", reason="names of Linux")
def test_a_library_that_versions_share_tells_nothing_of_another_version() -> None:
    problem = diagnose(
        ["CUDAExecutionProvider"],
        "13.0",
        loads=lambda name: name in ("libcuda.so.1", "libcurand.so.10", "libcudnn.so.9"),
        runtimes={"onnxruntime-gpu": "1.31.1"},
        driver=lambda: (13, 0),
    )
    assert problem is not None
    assert problem.finding.startswith("CUDA libraries are missing (libcublasLt.so.13, ")


def test_what_the_loader_says_of_the_provider_is_told(tmp_path: Path) -> None:
    fault = library_fault(tmp_path)
    assert fault is not None
    assert "onnxruntime_providers_shared" in fault


def test_the_system_s_loader_is_asked() -> None:
    assert not can_load("libthis-does-not-exist.so.99")
