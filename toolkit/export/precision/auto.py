"""Measure candidates on this machine and keep the fastest that agrees with float32."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import onnx

from toolkit.errors import ExportError
from toolkit.export.graph.mirror import mirrored
from toolkit.export.precision.int8 import Calibrated
from toolkit.export.precision.layers import Layer
from toolkit.export.precision.running import probabilities
from toolkit.export.precision.sensitivity import Probabilities, until
from toolkit.export.precision.ways import Way, best_way
from toolkit.machine.features import SAFE_BITS
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import compare

Measure = Callable[[Sequence[onnx.ModelProto]], Sequence[float]]
"""Times models against each other, interleaved: seconds a run of each, in the order given."""

FP32 = "fp32"

NOISE = 0.02
"""Share by which a candidate must beat float32 to be kept: below, it is noise, and float32 is exact.

Source: measured on a shared machine, medians of interleaved rounds differ by 1 % for one and the same model."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One form of the model that was tried.

    Args:
        name: fp32, int8, or int8 with what stays in float32.
        kept: names of the layers in float32, those of `fp32` left out.
        int8_layers: how many layers run in int8.
        agreement: share of held-out pictures with the same most probable class as in float32, 0 to 1.
        seconds: a run, as measured.
        agrees: whether the agreement is as asked for.
        chosen: whether it was kept.
    """

    name: str
    kept: tuple[str, ...]
    int8_layers: int
    agreement: float
    seconds: float
    agrees: bool
    chosen: bool

    def to_document(self) -> dict[str, Any]:
        """Return the candidate as strict JSON values."""
        return {
            "name": self.name,
            "kept_float": list(self.kept),
            "int8_layers": self.int8_layers,
            "agreement": self.agreement,
            "seconds": self.seconds,
            "agrees": self.agrees,
            "chosen": self.chosen,
        }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was kept, and what it was chosen from.

    Args:
        fitting: name and model of those that may be kept: the ones that agree and beat float32, fastest first, and
            float32 last.
        candidates: what was tried, fastest first.
        ways: of quantising that were tried before; none where the model has no int8 form.
        limit: largest stored weight of those in int8; 0 where there are none.
    """

    fitting: tuple[tuple[str, onnx.ModelProto], ...]
    candidates: tuple[Candidate, ...]
    ways: tuple[Way, ...]
    limit: int

    @property
    def model(self) -> onnx.ModelProto:
        """The model kept."""
        return self.fitting[0][1]


@dataclass(frozen=True)
class _Form:
    name: str
    kept: tuple[str, ...]
    int8_layers: int
    model: onnx.ModelProto
    agreement: float


def choose(
    model: onnx.ModelProto,
    calibration_nhwc: Pixels,
    held_out_nhwc: Pixels,
    min_agreement: float,
    measure: Measure,
    observer: Observer = SILENT,
    *,
    weight_bits: int = SAFE_BITS,
    mirror: bool = False,
) -> Choice:
    """Try float32, int8, and int8 with kinds of layers in float32; keep the fastest that agrees.

    A model that has no int8 form stays in float32, and the observer is told why.

    Args:
        model: our finished float32 graph; not changed.
        calibration_nhwc: uint8 [N, height, width, channels], N >= 1.
        held_out_nhwc: uint8 [M, height, width, channels], M >= 1, others than those of the calibration.
        min_agreement: least share of them with the same most probable class as in float32, 0 to 1.
        measure: times the candidates.
        observer: told the steps.
        weight_bits: see `calibrated`.
        mirror: all candidates give, and are judged on, the mean of each picture and its mirror image.

    Returns:
        The model kept as it is to be written, `model` itself where float32 is and nothing is mirrored; the candidates,
        fastest first; and how they were calibrated.

    Raises:
        ExportError: its batch size is fixed, and it is to be mirrored.
        ModelError: ONNX Runtime can't run a candidate.
        ValueError: `measure` gave another number of times than it was given models.
    """
    float32 = mirrored(model, mirror)
    reference = probabilities(float32, held_out_nhwc)
    forms = [_Form(FP32, (), 0, float32, 1.0)]
    ways: tuple[Way, ...] = ()
    limit = 0
    try:
        found, ways = best_way(
            model,
            calibration_nhwc,
            held_out_nhwc,
            reference,
            observer,
            weight_bits=weight_bits,
            mirror=mirror,
        )
        observer.step("Comparing candidates with float32")
        mixed = _mixed(found, reference, held_out_nhwc)
        forms += [*mixed, *_rescued(found, mixed[0], reference, held_out_nhwc, min_agreement, observer)]
        limit = found.limit
    except ExportError as error:  # float32 can always be had
        observer.notice(f"int8 is not among the candidates: {error.what}")
    observer.step(f"Measuring {len(forms)} candidates")
    seconds = list(measure([form.model for form in forms]))
    if len(seconds) != len(forms):
        raise ValueError(f"{len(seconds)} times for {len(forms)} models")
    fitting = _fitting(forms, seconds, min_agreement)
    table = [
        Candidate(
            name=form.name,
            kept=form.kept,
            int8_layers=form.int8_layers,
            agreement=form.agreement,
            seconds=time,
            agrees=form.agreement >= min_agreement,
            chosen=form is fitting[0],
        )
        for form, time in zip(forms, seconds, strict=True)
    ]
    by_time = tuple(sorted(table, key=lambda candidate: candidate.seconds))
    named = tuple((form.name, form.model) for form in fitting)
    return Choice(fitting=named, candidates=by_time, ways=ways, limit=limit)


def _fitting(forms: Sequence[_Form], seconds: Sequence[float], min_agreement: float) -> list[_Form]:
    limit = seconds[0] * (1 - NOISE)
    agreeing = [
        (time, place)
        for place, (form, time) in enumerate(zip(forms, seconds, strict=True))
        if place and form.agreement >= min_agreement and time < limit
    ]
    return [*(forms[place] for _, place in sorted(agreeing)), forms[0]]


def _groups(layers: Iterable[Layer]) -> dict[str, tuple[str, ...]]:
    """Put together the kinds of layers whose speed in int8 depends most on machine and model."""
    layers = list(layers)
    groups = {
        "first": [layer.name for layer in layers if layer.first],
        "depthwise": [layer.name for layer in layers if layer.depthwise and not layer.first],
        "dense": [layer.name for layer in layers if layer.kind != "Conv" and not layer.first],
    }
    return {name: tuple(members) for name, members in groups.items() if members}


def _mixed(found: Calibrated, reference: Probabilities, held_out_nhwc: Pixels) -> list[_Form]:
    """Write int8 with every combination of kinds in float32; one without a layer in int8 is left out."""
    groups = _groups(found.layers)
    forms: list[_Form] = []
    for size in range(len(groups) + 1):
        for kinds in combinations(groups, size):
            kept = tuple(name for kind in kinds for name in groups[kind])
            left = len(found.layers) - len(kept)
            if not left:
                continue
            try:
                model = found.int8(kept)
            except ExportError:
                if not kinds:
                    raise
                continue  # of one mixture; the others are none the worse
            agreement = compare(reference, probabilities(model, held_out_nhwc)).top1_agreement
            name = "int8" if not kinds else f"int8, float32: {', '.join(kinds)}"
            forms.append(_Form(name, kept, left, model, agreement))
    return forms


def _rescued(
    found: Calibrated,
    plain: _Form,
    reference: Probabilities,
    held_out_nhwc: Pixels,
    min_agreement: float,
    observer: Observer,
) -> list[_Form]:
    """Where plain int8 loses too much, add int8 with the worst layers in float32, if that is enough."""
    if plain.agreement >= min_agreement:
        return []
    try:
        model, report = until(found, reference, held_out_nhwc, min_agreement, observer)
    except ExportError:
        return []  # no mixture agrees: float32 is what is left, and the table shows why
    name = f"int8, float32: {len(report.kept)} most sensitive"
    return [_Form(name, report.kept, len(found.layers) - len(report.kept), model, report.agreement)]
