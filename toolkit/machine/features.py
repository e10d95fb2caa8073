"""What of the processor decides about speed, and how int8 arithmetic must be prepared for it."""

import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")

DOT_PRODUCT = frozenset({"avx_vnni", "avx512_vnni", "amx_int8", "asimddp"})
"""Features that add four 8-bit products to a 32-bit sum at once, without a 16-bit sum between."""

VECTOR_FEATURES = (
    "avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp", "i8mm", "sve",
)  # fmt: skip
"""What kernels of neural networks are chosen by. Machines of a cloud share a name, "AMD EPYC" say, and differ in
these."""

SAFE_BITS, ALL_BITS = 7, 8
"""Bits of an int8 weight, its sign included.

Of 7, the sum of two products with a byte stays below 16 bits everywhere: 2 * 255 * 63 = 32,130 < 32,767. What that
costs is hardly told (bench/calibration.py: agreement with float32 0.985 instead of 0.990, up to 0.2 points of
accuracy). What 8 cost a processor that cuts sums off is: bench/weight_bits.py, a fifth of paper-cnn's answers."""

X86 = frozenset({"x86_64", "amd64", "i386", "i686", "x86"})


def cpu_features(cpu_info: Path | None = None) -> frozenset[str] | None:
    """Return the processor's features as Linux names them, or None where they can't be read.

    Args:
        cpu_info: where Linux describes the processors; None means its own place.
    """
    try:
        lines = (cpu_info or CPU_INFO).read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return None


def vector_features(cpu_info: Path | None = None) -> list[str] | None:
    """Return those of `VECTOR_FEATURES` that the processor has, or None where they can't be read.

    Args:
        cpu_info: where Linux describes the processors; None means its own place.
    """
    found = cpu_features(cpu_info)
    return None if found is None else [feature for feature in VECTOR_FEATURES if feature in found]


def int8_sums_saturate(machine: str | None = None, cpu_info: Path | None = None) -> bool:
    """Tell whether sums of two u8*s8 products may be cut off at 16 bits on this machine.

    Args:
        machine: the architecture; None means this one's.
        cpu_info: where Linux describes the processors; None means its own place.

    Returns:
        True on x86 without a dot-product instruction, and where that can't be found out.

    Source: VPMADDUBSW of AVX2 and AVX-512 adds pairs of products with signed 16-bit saturation; VPDPBUSD (VNNI)
        does not. Arm's kernels widen to 32 bits.
    """
    if (machine or platform.machine()).lower() not in X86:
        return False
    features = cpu_features(cpu_info)
    return features is None or not features & DOT_PRODUCT
