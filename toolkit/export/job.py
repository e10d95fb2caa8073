"""Open, convert, change, verify, write: the file appears only when it agrees with its source."""

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.data.resolve import load_split
from toolkit.errors import ExportError
from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.mirror import MIRROR
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.export.precision.stored import stored_precision
from toolkit.export.reduce import least_agreement, reduce
from toolkit.export.result import ExportResult
from toolkit.export.save import append_metadata, card_of, save, verified_metadata, written_files
from toolkit.export.source import Source, open_source, refuse_source
from toolkit.export.step import apply
from toolkit.export.verify import Verification, verify_file
from toolkit.files import refuse_existing, whole_files
from toolkit.models.card import to_metadata
from toolkit.models.matching import match_classes
from toolkit.models.onnx_file import opset_of
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import missed_gates


def run(options: ExportOptions, observer: Observer = SILENT) -> ExportResult:
    """Export a Keras model, or an ONNX classifier from elsewhere.

    Args:
        options: what to do.
        observer: told the steps.

    Raises:
        ToolkitError: the model, the data or an option is at fault, or the file doesn't agree with its source.
    """
    refuse_source(options)
    refuse_existing(options.output, force=options.force)
    source = open_source(options, observer)
    images, truth, verified_on, skipped = _pictures(options, source, observer)
    observer.step("Converting to ONNX")
    draft = apply(source.draft(), source.steps())
    opset = opset_of(draft.model)
    reduced = None
    if options.precision is not Precision.FP32:
        model = assemble(draft)
        onnx.helper.set_model_props(model, to_metadata(card_of(source, "fp32")))
        reduced = reduce(model, source, options, observer)
        draft = take_apart(reduced.model)
        skipped += reduced.skipped
        if options.verify is None and reduced.pictures is not None and reduced.precision == Precision.INT8:
            # Generated pictures lie outside the ranges of real ones, and their classes at the edge of each other.
            images = reduced.pictures.held_out_nhwc
            verified_on = f"{reduced.pictures.data}, held out of the calibration"
    if options.mirror:
        apply(draft, [MIRROR])
        source = source.mirrored()
    precision = reduced.precision if reduced else stored_precision(draft.graph, draft.weights)
    nodes = len(draft.graph.node)
    try:
        with whole_files(options.output, force=options.force) as temporary:
            save(draft, temporary, card_of(source, precision))
            observer.step(f"Verifying on {len(images):,} pictures ({verified_on})")
            verified = verify_file(
                temporary,
                source.predictor,
                images,
                batch=source.batch,
                observer=observer,
            )
            is_same = reduced is None or precision == Precision.FP32
            if is_same:
                refuse_difference(verified, options)
            refuse_no_numbers(verified, precision)
            measured = None if truth is None else _share(verified.labels == truth)
            told = verified_metadata(source, verified, measured, verified_on, len(images), is_same=is_same)
            append_metadata(temporary, {**told, **(reduced.to_metadata() if reduced else {})})
            result = ExportResult(
                output=options.output,
                source=options.model,
                precision=precision,
                opset=opset,
                nodes=nodes,
                size_bytes=sum(file.stat().st_size for file in written_files(temporary)),
                labels=source.predictor.labels,
                input_range=source.input_range,
                verified_on=f"{len(images):,} pictures ({verified_on})",
                agreement={
                    **verified.agreement.to_document(),
                    "rounding_noise": verified.noise,
                    "batch_sizes": list(verified.batch_sizes),
                },
                accuracy=measured,
                source_accuracy=None if truth is None else _share(verified.source_labels == truth),
                reduction=reduced.to_document() if reduced else None,
                missed=missed_gates(
                    verified.agreement, options.tolerance, _agreement_gate(options, is_same=is_same)
                ),
                skipped=tuple(dict.fromkeys(skipped)),  # both may be the same data
            )
            if result.missed:
                raise _GateMissed
    except _GateMissed:
        return result  # what was written is gone; the result says why
    return result


def _agreement_gate(options: ExportOptions, *, is_same: bool) -> float | None:
    return options.min_agreement if is_same else least_agreement(options)


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean())


class _GateMissed(Exception):  # noqa: N818 - not an error: it leaves `whole_files` without a file
    pass


def _pictures(
    options: ExportOptions, source: Source, observer: Observer
) -> tuple[Pixels, NDArray[np.int64] | None, str, tuple[tuple[str, str], ...]]:
    """Load what to verify on: (pictures, true classes where they are known, in words, what was left out)."""
    size = source.predictor.input_size
    if options.verify is None:
        return generated_pictures(*size), None, "generated; give --verify DATA for real ones", ()
    dataset, name = load_split(
        options.verify,
        ("test", "train"),
        image_size=size,
        resize=source.resize,
        skip_broken=options.skip_broken,
        limit=options.limit,
        name=options.data_name,
        observer=observer,
    )
    split = dataset.split(name)
    truth = match_classes(dataset.classes, source.predictor.labels, where=options.verify)[split.labels]
    return split.images, truth, f"{dataset.name}, {name} split", dataset.left_out(options.verify)


def refuse_no_numbers(verified: Verification, precision: str) -> None:
    """Refuse an export that gives, or whose source gives, something that is not a finite number.

    Raises:
        ExportError: for one picture is enough, whatever the gates allow.
    """
    if not np.isfinite(verified.agreement.max_difference):
        raise ExportError(
            f"the {precision} graph or its source gives answers that are not numbers",
            where="step 'verify'",
            remedy="check the source with: toolkit evaluate; another --precision may hold the values",
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
