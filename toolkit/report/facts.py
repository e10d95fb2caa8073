"""The machine and the versions, as pairs that a page closes with."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.page import Section

NAMES = {
    "cpu": "processor",
    "cpu_features": "its features",
    "cores_usable": "cores this process may use",
    "cores_physical": "physical cores",
    "cores_logical": "logical processors",
    "cpu_quota": "container quota, cores",
    "cpu_governor": "frequency governor",
    "memory_bytes": "memory",
    "gpu": "GPU",
    "os": "system",
    "python": "Python",
    "onnxruntime": "ONNX Runtime",
    "numpy": "NumPy",
    "toolkit": "toolkit",
}


def machine_pairs(machine: Mapping[str, Any], command_line: str = "") -> list[tuple[str, str]]:
    """Return the facts of a machine for reading; what is unknown is left out.

    Args:
        machine: the "machine" part of a record.
        command_line: that made the record; empty where it is unknown.
    """
    known = [key for key in NAMES if machine.get(key) is not None]
    others = [key for key in machine if key not in NAMES and machine[key] is not None]
    pairs = [(NAMES.get(key, key.replace("_", " ")), _text(key, machine[key])) for key in known + others]
    return [*pairs, ("command line", command_line)] if command_line else pairs


def device_in_words(device: str) -> str:
    """Return where something ran, in words, of the device's name in a record."""
    return "the CPU" if device == "cpu" else f"the GPU ({device})"


def closing_section(machine: Mapping[str, Any], command_line: str = "") -> Section:
    """Return the section that every page ends with.

    Args:
        machine: the "machine" part of a record; empty where it is unknown.
        command_line: that made the page; empty where it is unknown.
    """
    return Section(heading="Machine and versions", facts=machine_pairs(machine, command_line))


def file_size(size_bytes: int) -> str:
    """Return a size for reading: 812 B, 12.3 kB, 4.56 MB (decimal units).

    Args:
        size_bytes: bytes.
    """
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.3g} {unit}"


def _text(key: str, value: Any) -> str:
    if key.endswith("_bytes"):
        return file_size(int(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(_text("", part) for part in value)
    return str(value)
