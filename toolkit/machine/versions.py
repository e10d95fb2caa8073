"""Versions of installed libraries; apart from `facts`, whose imports every start would pay for."""

import importlib.metadata

RUNTIMES = (
    "onnxruntime-gpu",
    "onnxruntime",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
    "onnxruntime-cann",
    "onnxruntime-webgpu",
)
"""The distributions of ONNX Runtime: all are imported from one folder, so that two of them overwrite each other.

The first two are what this package asks for; the others bring the provider of their name. Source: PyPI.
"""


def installed_version(name: str) -> str | None:
    """Return a distribution's version, or None where it isn't installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_runtimes() -> dict[str, str]:
    """Return the installed ONNX Runtime distributions and their versions."""
    found = {name: installed_version(name) for name in RUNTIMES}
    return {name: version for name, version in found.items() if version is not None}
