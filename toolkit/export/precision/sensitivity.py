"""Find the layers that lose most in int8 and keep them in float32, as many as the agreement needs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.errors import AgreementMissed, ExportError
from toolkit.export.graph.mirror import mirrored
from toolkit.export.precision.int8 import WHERE, Calibrated
from toolkit.export.precision.running import probabilities
from toolkit.export.precision.ways import Way, best_way
from toolkit.machine.features import SAFE_BITS
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import compare, logit_differences
from toolkit.wording import count

MIN_AGREEMENT = 0.98
"""Least share of held-out pictures on which int8 and float32 must name the same class, where nobody sets one.

Source: measured by bench/calibration.py on the paper's CNN, trained on nine tenths of the training pictures, judged by
the 5,000 others, with weights rounded to ever fewer levels: int8 agrees on 0.99 and loses 0.1 points of accuracy; down
to 0.98 no more than that is lost, to 0.93 half a point (labels flip where two classes are close, to the right one about
as often as from it); at 0.86 it is 2.9. On pictures that a network was trained on, 0.98 costs half a point."""

RANKING = 64
"""Held-out pictures that rank the layers; each layer costs a run over them."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One number of layers kept in float32, and what it brought.

    Args:
        kept: names of the layers.
        agreement: share of held-out pictures with the same most probable class as in float32, 0 to 1.
    """

    kept: tuple[str, ...]
    agreement: float


@dataclass(frozen=True, kw_only=True)
class SensitivityReport:
    """What was kept in float32, and what that brought.

    Args:
        kept: names of the layers that stayed in float32, in the order of the graph.
        agreement: of the result, share of held-out pictures, 0 to 1.
        limit: largest stored weight: 63 of 7 bits, 127 of 8.
        ways: of quantising that were tried first.
    """

    kept: tuple[str, ...]
    agreement: float
    limit: int
    ways: tuple[Way, ...] = ()


Tried = tuple[onnx.ModelProto, Attempt]


def quantize_until(
    model: onnx.ModelProto,
    calibration_nhwc: Pixels,
    held_out_nhwc: Pixels,
    min_agreement: float | None = None,
    observer: Observer = SILENT,
    *,
    weight_bits: int = SAFE_BITS,
    mirror: bool = False,
) -> tuple[onnx.ModelProto, SensitivityReport]:
    """Quantise a model in the way that agrees best, keeping as few layers in float32 as the agreement needs.

    Args:
        model: our finished float32 graph; not changed.
        calibration_nhwc: uint8 [N, height, width, channels], N >= 1.
        held_out_nhwc: uint8 [M, height, width, channels], M >= 1, others than those of the calibration.
        min_agreement: least share of them with the same most probable class as in float32, 0 to 1; None means
            `MIN_AGREEMENT`.
        observer: told the steps.
        weight_bits: see `calibrated`.
        mirror: both give, and are judged on, the mean of each picture and its mirror image.

    Returns:
        The int8 model as it is to be written, and the report.

    Raises:
        ExportError: see `calibrated`, `until`.
        ModelError: ONNX Runtime can't run the model.
    """
    reference = probabilities(mirrored(model, mirror), held_out_nhwc)
    found, ways = best_way(
        model, calibration_nhwc, held_out_nhwc, reference, observer, weight_bits=weight_bits, mirror=mirror
    )
    int8, report = until(found, reference, held_out_nhwc, min_agreement, observer)
    return int8, replace(report, ways=ways)


def until(
    found: Calibrated,
    reference: Probabilities,
    held_out_nhwc: Pixels,
    min_agreement: float | None,
    observer: Observer = SILENT,
) -> tuple[onnx.ModelProto, SensitivityReport]:
    """Quantise a calibrated model, keeping as few layers in float32 as the agreement needs.

    Args:
        found: the model and its ranges.
        reference: what float32 answers on the held-out pictures, float32 [M, classes].
        held_out_nhwc: uint8 [M, height, width, channels].
        min_agreement: 0 to 1; None means `MIN_AGREEMENT`.
        observer: told the steps.

    Raises:
        AgreementMissed: even with one layer in int8 the agreement that was asked for doesn't hold.
        ExportError: the same where nobody asked for one.
    """
    least = MIN_AGREEMENT if min_agreement is None else min_agreement
    attempts: list[Attempt] = []
    names = tuple(layer.name for layer in found.layers)

    def attempt(kept: Collection[str]) -> Tried:
        model = found.int8(kept)
        agreement = compare(reference, probabilities(model, held_out_nhwc)).top1_agreement
        made = Attempt(kept=tuple(name for name in names if name in kept), agreement=agreement)
        attempts.append(made)
        observer.step(
            f"{len(made.kept)} of {count(len(names), 'layer')} in float32: agreement {agreement:.4f}"
        )
        return model, made

    best = attempt(())
    if best[1].agreement < least:
        order = [name for name, _ in layer_errors(found, reference, held_out_nhwc, observer)]
        fewest = _fewest(lambda count: attempt(order[:count]), len(order) - 1, least)
        if fewest is None:
            missed = ExportError if min_agreement is None else AgreementMissed
            raise missed(
                f"int8 agrees with float32 on at most {max(a.agreement for a in attempts):.4f} of the held-out"
                f" pictures, whichever layers stay in float32: less than {least:g}",
                where=WHERE,
                remedy="accept less with --min-agreement, calibrate on more pictures, or use --precision fp32",
            )
        best = fewest
    return best[0], SensitivityReport(kept=best[1].kept, agreement=best[1].agreement, limit=found.limit)


def _fewest(attempt: Callable[[int], Tried], most: int, min_agreement: float) -> Tried | None:
    """Keep 1, 2, 4 … up to `most` layers until the agreement holds, then look for the smallest such number."""
    below, count, best = 0, min(1, most), None
    while best is None:
        if count <= below:
            return None
        tried = attempt(count)
        if tried[1].agreement >= min_agreement:
            best = tried
        else:
            below, count = count, min(2 * count, most)
    while count - below > 1:
        middle = (below + count) // 2
        tried = attempt(middle)
        if tried[1].agreement >= min_agreement:
            count, best = middle, tried
        else:
            below = middle
    return best


def layer_errors(
    found: Calibrated,
    reference: Probabilities,
    held_out_nhwc: Pixels,
    observer: Observer = SILENT,
) -> tuple[tuple[str, float], ...]:
    """Measure what each layer by itself loses in int8.

    Args:
        found: the model and its ranges.
        reference: what float32 answers, float32 [M, classes].
        held_out_nhwc: uint8 [M, height, width, channels]; the first `RANKING` are used.
        observer: told how many layers are done.

    Returns:
        (layer, error) with the largest error first; the error is the mean over pictures of the largest difference
        of a logit with only that layer in int8.
    """
    few, expected = held_out_nhwc[:RANKING], reference[:RANKING]
    names = [layer.name for layer in found.layers]
    errors: list[tuple[str, float]] = []
    for name in names:
        alone = found.int8([other for other in names if other != name])
        errors.append((name, float(logit_differences(expected, probabilities(alone, few)).mean())))
        observer.progress(len(errors), len(names), unit="layers")
    return tuple(sorted(errors, key=lambda pair: -pair[1]))
