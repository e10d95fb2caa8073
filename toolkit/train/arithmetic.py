"""The number format that this processor really computes in."""

from dataclasses import replace
from pathlib import Path

from toolkit.machine.features import cpu_features
from toolkit.observer import Observer
from toolkit.train.recipe import Arithmetic, Settings

HAS_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Without one of them oneDNN converts back and forth, or TensorFlow leaves the graph as it is."""


def obtained(settings: Settings, observer: Observer, cpu_info: Path | None = None) -> Settings:
    """Return the settings as they can be had here, and say so where they were others.

    Args:
        settings: as asked for.
        observer: told where bfloat16 becomes float32.
        cpu_info: where Linux describes the processors; None means its own place.
    """
    features = cpu_features(cpu_info) or frozenset()
    if settings.arithmetic is not Arithmetic.BFLOAT16 or features & HAS_BFLOAT16:
        return settings
    observer.notice("this processor has no bfloat16 arithmetic: convolutions are computed in float32")
    return replace(settings, arithmetic=Arithmetic.FLOAT32)
