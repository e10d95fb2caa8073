"""Open, convert, change, verify, write: the file appears only when it agrees with its source."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft, assemble, take_apart
from toolkit.export.graph.mirror import MIRROR
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import VerificationPictures, verification_pictures
from toolkit.export.precision.sensitivity import MIN_AGREEMENT
from toolkit.export.precision.stored import stored_precision
from toolkit.export.reduce import Reduced, reduce
from toolkit.export.result import ExportResult
from toolkit.export.save import (
    append_metadata,
    card_of,
    earlier_files,
    save,
    verified_metadata,
    written_files,
)
from toolkit.export.source import Source, open_source, refuse_source
from toolkit.export.step import apply
from toolkit.export.verify import Verification, verify_file
from toolkit.files import refuse_existing, whole_files
from toolkit.models.card import to_metadata
from toolkit.models.onnx_file import opset_of
from toolkit.observer import SILENT, EachNoticeOnce, Observer
from toolkit.stats.agreement import missed_gates


def run(options: ExportOptions, observer: Observer = SILENT) -> ExportResult:
    """Export a Keras model, or an ONNX classifier from elsewhere.

    Args:
        options: what to do.
        observer: told the steps.

    Raises:
        ToolkitError: the model, the data or an option is at fault, or the file doesn't agree with its source.
    """
    observer = EachNoticeOnce(observer)  # the data may be read twice, to calibrate and to verify
    refuse_source(options)
    refuse_existing(options.output, force=options.force)
    source = open_source(options, observer)
    pictures = verification_pictures(options, source, observer)
    observer.step("Converting to ONNX")
    draft = apply(source.draft(), source.steps())
    opset = opset_of(draft.model)
    reduced = None
    if options.precision is not Precision.FP32:
        model = assemble(draft)
        onnx.helper.set_model_props(model, to_metadata(card_of(source, "fp32")))
        reduced = reduce(model, source, options, observer)
        draft = take_apart(reduced.model)
    elif options.mirror:
        apply(draft, [MIRROR])
    if options.mirror:
        source = source.mirrored()
    precision = reduced.precision if reduced else stored_precision(draft.graph, draft.weights)
    before = earlier_files(options.output)
    export = _Export(draft, source, reduced, precision, opset)
    result = _write_what_agrees(export, pictures, options, observer)
    if result.missed:
        return result
    for file in set(before) - set(result.files):
        file.unlink(missing_ok=True)  # weights of the model that was replaced
    return result


@dataclass(frozen=True)
class _Export:
    """What is to be written.

    Args:
        draft: the finished graph.
        source: what it was made from.
        reduced: how it came to its precision; None where it has the source's.
        precision: of weights and arithmetic.
        opset: of the graph.
    """

    draft: Draft
    source: Source
    reduced: Reduced | None
    precision: str
    opset: int

    @property
    def is_same(self) -> bool:
        """Whether it has to give its source's very answers, to rounding."""
        return self.reduced is None or self.precision == Precision.FP32


def _write_what_agrees(
    export: _Export, pictures: VerificationPictures, options: ExportOptions, observer: Observer
) -> ExportResult:
    """Write a model; of those that `auto` may keep, the first that agrees with the source, and the last in any case."""
    for other in export.reduced.others if export.reduced else ():
        assert export.reduced is not None
        try:
            result = _write(export, pictures, options, observer)
            faults = "; ".join(result.missed)
        except ExportError as error:
            faults = error.what
        if not faults:
            return result
        (name,) = (each["name"] for each in export.reduced.candidates if each["chosen"])
        observer.notice(f"{name} doesn't pass: {faults}")
        export = replace(export, draft=take_apart(other.model), reduced=other, precision=other.precision)
    return _write(export, pictures, options, observer)


class _GateMissed(Exception):  # noqa: N818 - not an error: it leaves `whole_files` without a file
    def __init__(self, result: ExportResult) -> None:
        super().__init__()
        self.result = result


def _write(
    export: _Export, pictures: VerificationPictures, options: ExportOptions, observer: Observer
) -> ExportResult:
    """Write the file, verify it, and give it its name; where a gate is missed, only say so."""
    held_out = export.reduced.held_out if export.reduced else None
    if options.verify is None and held_out is not None:
        pictures = held_out
    try:
        return _verified(export, pictures, options, observer)
    except _GateMissed as missed:
        return missed.result  # what was written is gone; the result says why


def _verified(
    export: _Export, pictures: VerificationPictures, options: ExportOptions, observer: Observer
) -> ExportResult:
    source, truth = export.source, pictures.truth
    nodes = len(export.draft.graph.node)
    with whole_files(options.output, force=options.force) as temporary:
        save(export.draft, temporary, card_of(source, export.precision))
        observer.step(f"Verifying on {pictures.words}")
        verified = verify_file(
            temporary, source.predictor, pictures.images_nhwc, batch=source.batch, observer=observer
        )
        refuse_no_numbers(verified, export.precision)  # first: they differ from everything
        if export.is_same:
            refuse_difference(verified, options)
        accuracy = None if truth is None else _share(verified.labels == truth)
        told = verified_metadata(
            source, verified, accuracy, pictures.data, len(pictures.images_nhwc), is_same=export.is_same
        )
        append_metadata(temporary, {**told, **(export.reduced.to_metadata() if export.reduced else {})})
        if not export.is_same:
            refuse_disagreement(verified, options, pictures.words, export.precision)
        files = [options.output.with_name(file.name) for file in written_files(temporary)]
        skipped = pictures.skipped + (export.reduced.skipped if export.reduced else ())
        result = ExportResult(
            output=options.output,
            files=tuple(files),
            source=options.model,
            precision=export.precision,
            opset=export.opset,
            nodes=nodes,
            size_bytes=sum(file.stat().st_size for file in written_files(temporary)),
            labels=source.predictor.labels,
            input_range=source.input_range,
            verified_on=pictures.words,
            agreement=verified.to_document(),
            accuracy=accuracy,
            source_accuracy=None if truth is None else _share(verified.source_labels == truth),
            reduction=export.reduced.to_document() if export.reduced else None,
            missed=missed_gates(verified.agreement, options.tolerance, options.min_agreement),
            skipped=tuple(dict.fromkeys(skipped)),  # both may be the same data
        )
        if result.missed:
            raise _GateMissed(result)
    return result


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean())


def refuse_no_numbers(verified: Verification, precision: str) -> None:
    """Refuse an export that gives, or whose source gives, something that is not a finite number.

    Raises:
        ExportError: for one picture is enough, whatever the gates allow.
    """
    if not np.isfinite(verified.agreement.max_difference):
        raise ExportError(
            f"the {precision} graph or its source gives answers that are not numbers",
            where="step 'verify'",
            remedy="check the source with: toolkit evaluate; another --precision may hold the values, and real pictures"
            " (--verify DATA) may have no areas of one colour to divide by",
        )


def refuse_disagreement(
    verified: Verification, options: ExportOptions, verified_on: str, precision: str
) -> None:
    """Refuse another precision that names too many other classes, where the user set no gate of their own.

    Raises:
        ExportError: so do more than the default allows; nobody set it, so that it is no gate that was missed.
    """
    found = verified.agreement.top1_agreement
    if (
        options.min_agreement is None
        and found < MIN_AGREEMENT
        and not missed_gates(verified.agreement, options.tolerance, None)
    ):
        raise ExportError(
            f"{precision} names its source's class for {found:.4f} of {verified_on}, and {MIN_AGREEMENT:g} is the"
            " least by default",
            where="step 'verify'",
            remedy="accept less with --min-agreement, "
            + ("calibrate on more pictures, " if precision == Precision.INT8 else "")
            + "or use --precision fp32",
        )


def refuse_difference(verified: Verification, options: ExportOptions) -> None:
    """Refuse an export that doesn't agree with its source, where the user set no tolerance of their own.

    Raises:
        ExportError: a picture differs by more than rounding explains.
    """
    if options.tolerance is None and verified.beyond_noise:
        agreement = verified.agreement
        raise ExportError(
            f"the exported graph differs from its source on {verified.beyond_noise:,} of {agreement.pictures:,} "
            f"pictures by more than rounding explains: {agreement.max_difference:.2e} in a probability, "
            f"{agreement.max_logit_difference:.2e} in a logit (top-1 agreement {agreement.top1_agreement:.4f})",
            where="step 'verify'",
            remedy="find the layer at fault, or accept the difference with --tolerance",
        )
