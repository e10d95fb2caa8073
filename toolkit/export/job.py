"""Open, convert, change, verify, write: the file appears only when it agrees with its source."""

import json
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.resolve import load_split
from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft, assemble, assemble_beside, take_apart
from toolkit.export.graph.write import write_file
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.export.precision.stored import stored_precision
from toolkit.export.reduce import least_agreement, reduce
from toolkit.export.result import ExportResult
from toolkit.export.source import Source, open_source, refuse_source
from toolkit.export.step import apply
from toolkit.export.verify import Verification, verify_file
from toolkit.files import refuse_existing, whole_files
from toolkit.models.card import Card, to_metadata
from toolkit.models.matching import match_classes
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import missed_gates

TOLD_LAST = frozenset({"accuracy", "data"})

LARGEST_FILE = 1_900_000_000
"""Weights above this, in bytes, go into a file beside the model: Protocol Buffers end at 2 GiB."""


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
    opset = draft.model.opset_import[0].version
    reduced = None
    if options.precision is not Precision.FP32:
        model = assemble(draft)
        onnx.helper.set_model_props(model, to_metadata(_card(source, "fp32")))
        reduced = reduce(model, source, options, observer)
        draft = take_apart(reduced.model)
        skipped += reduced.skipped
    precision = reduced.precision if reduced else stored_precision(draft.graph, draft.weights)
    nodes = len(draft.graph.node)
    try:
        with whole_files(options.output, force=options.force) as temporary:
            _save(draft, temporary, _card(source, precision))
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
            told = _found(source, verified, measured, verified_on, len(images), is_same=is_same)
            _append(temporary, {**told, **(reduced.to_metadata() if reduced else {})})
            result = ExportResult(
                output=options.output,
                source=options.model,
                precision=precision,
                opset=opset,
                nodes=nodes,
                size_bytes=sum(file.stat().st_size for file in _parts(temporary)),
                labels=source.predictor.labels,
                input_range=source.input_range,
                verified_on=f"{len(images):,} pictures ({verified_on})",
                agreement={**verified.agreement.to_document(), "rounding_noise": verified.noise},
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


class _GateMissed(Exception):  # noqa: N818 - not an error: it leaves `whole_file` without a file
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


def _save(draft: Draft, path: Path, card: Card) -> None:
    """Write the file, without what only its verification can tell.

    The draft is empty afterwards, so that a large model isn't held through its verification.
    """
    known = {key: value for key, value in to_metadata(card).items() if key not in TOLD_LAST}
    onnx.helper.set_model_props(draft.model, known)
    if draft.weight_bytes > LARGEST_FILE:
        onnx.save(assemble_beside(draft, path.with_name(f"{path.name}.data")), path)
    else:
        write_file(draft, path)
    draft.model = onnx.ModelProto()


def _parts(path: Path) -> list[Path]:
    return [file for file in (path, path.with_name(f"{path.name}.data")) if file.is_file()]


def _append(path: Path, metadata: dict[str, str]) -> None:
    """Add metadata to a finished file, without reading it.

    Source: Protocol Buffers, encoding: a message that is appended to another is merged into it, and entries of
    repeated fields add up.
    """
    extra = onnx.ModelProto()
    onnx.helper.set_model_props(extra, metadata)
    with path.open("ab") as file:
        file.write(extra.SerializeToString())


def _card(source: Source, precision: str) -> Card:
    return Card(
        labels=source.predictor.labels,
        input_size=source.predictor.input_size,
        recipe=source.recipe,
        accuracy=source.accuracy,
        data=source.data,
        precision=precision,
        resize=source.resize,
        source_sha256=source.sha256,
        toolkit_version=__version__,
        extra={
            "normalization": source.input_range,
            "head": source.head.exported.value,
            **({} if source.parameters is None else {"parameters": str(source.parameters)}),
            **source.kept,
        },
    )


def _found(
    source: Source,
    verified: Verification,
    measured: float | None,
    verified_on: str,
    count: int,
    *,
    is_same: bool,
) -> dict[str, str]:
    """Return the metadata that the verification tells.

    A file in its source's precision has its accuracy, proven the same; another precision has an accuracy of its own,
    or none where the classes of the pictures weren't known.
    """
    accuracy, data = source.accuracy, source.data
    if not is_same:
        accuracy = measured
        data = f"{verified_on}, {count:,} pictures" if measured is not None else ""
    return {
        "accuracy": "" if accuracy is None else f"{accuracy:.6g}",
        "data": data,
        "verified": json.dumps({"on": verified_on, **verified.agreement.to_document()}),
    }


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
