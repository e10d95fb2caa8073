"""Try other ways to find ranges and to scale weights where the usual one loses answers; keep what agrees best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.export.precision.int8 import Calibrated, calibrated, with_other_ranges
from toolkit.export.precision.ranges import Method
from toolkit.export.precision.running import probabilities
from toolkit.machine.features import SAFE_BITS
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import compare

OTHERS = (Method.PERCENTILE, Method.ENTROPY)

LEAST_PICTURES = 2
"""Held-out pictures by which another way must be better at least: one is chance."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of quantising that was tried, all layers in int8.

    Args:
        method: how ranges were found.
        per_channel: whether each channel's weights had a scale of their own.
        agreement: share of held-out pictures with the same most probable class as in float32, 0 to 1.
        chosen: whether it was kept.
    """

    method: Method
    per_channel: bool
    agreement: float
    chosen: bool

    @property
    def weights(self) -> str:
        """What has a scale of its own among the weights, in words."""
        return "per channel" if self.per_channel else "per tensor"

    def to_document(self) -> dict[str, Any]:
        """Return the way as strict JSON values."""
        return {
            "ranges": self.method.value,
            "weights": self.weights,
            "agreement": self.agreement,
            "chosen": self.chosen,
        }


def best_way(
    model: onnx.ModelProto,
    calibration_nhwc: Pixels,
    held_out_nhwc: Pixels,
    reference: NDArray[np.float32],
    observer: Observer = SILENT,
    *,
    weight_bits: int = SAFE_BITS,
    mirror: bool = False,
) -> tuple[Calibrated, tuple[Way, ...]]:
    """Calibrate a model in the way in which its int8 form agrees best with float32.

    The usual way, whole ranges and a scale for each channel, is left only for one that is better by more than
    chance; where nothing could be, nothing else is tried.

    Args:
        model: our finished float32 graph; not changed.
        calibration_nhwc: uint8 [N, height, width, channels], N >= 1.
        held_out_nhwc: uint8 [M, height, width, channels], M >= 1, others than those of the calibration.
        reference: what float32 answers on the held-out pictures, float32 [M, classes].
        observer: told the steps.
        weight_bits: see `calibrated`.
        mirror: the int8 form is judged on the mean of both images, as the reference has to be.

    Returns:
        The calibrated model, and the ways in the order in which they were tried.

    Raises:
        ExportError: see `calibrated`.
        ModelError: ONNX Runtime can't run the model.
    """

    def agreement(found: Calibrated) -> float:
        return compare(reference, probabilities(found.int8(), held_out_nhwc)).top1_agreement

    if len(held_out_nhwc) > 1 and len(np.unique(reference.argmax(axis=1))) == 1:
        observer.notice(
            f"float32 names one and the same class for all {len(held_out_nhwc)} pictures held out of the calibration:"
            " the agreement on them says little"
        )
    first = calibrated(model, calibration_nhwc, weight_bits=weight_bits, mirror=mirror, observer=observer)
    tried = [(first, agreement(first))]
    if _could_be_better(tried[0][1], len(held_out_nhwc)):
        observer.step(f"Agreement {tried[0][1]:.4f}: trying other ranges")
        for found in with_other_ranges(first, calibration_nhwc, OTHERS, observer):
            tried.append((found, agreement(found)))
        whole = replace(_best(tried, len(held_out_nhwc)), per_channel=False)
        tried.append((whole, agreement(whole)))
    best = _best(tried, len(held_out_nhwc))
    ways = tuple(
        Way(method=f.method, per_channel=f.per_channel, agreement=share, chosen=f is best)
        for f, share in tried
    )
    return best, ways


def _margin(agreement: float, pictures: int) -> float:
    """Return by how much another agreement must be larger so that it isn't chance.

    Source: one standard error of a share, sqrt(p (1 - p) / n).
    """
    return max(LEAST_PICTURES / pictures, math.sqrt(agreement * (1 - agreement) / pictures))


def _could_be_better(agreement: float, pictures: int) -> bool:
    return 1 - agreement >= _margin(agreement, pictures)


def _best(tried: Sequence[tuple[Calibrated, float]], pictures: int) -> Calibrated:
    first, share = tried[0]
    others = [pair for pair in tried[1:] if pair[1] - share >= _margin(share, pictures)]
    return max(others, key=lambda pair: pair[1])[0] if others else first
