"""Load, convert, change, verify, write: the file appears only when it agrees with its source."""

import json
from pathlib import Path

import onnx

from toolkit import __version__
from toolkit.data.resolve import load_data
from toolkit.errors import ExportError
from toolkit.export.convert import COMMAND, convert
from toolkit.export.graph.draft import assemble
from toolkit.export.graph.erfc import ERFC
from toolkit.export.graph.flatten import FLATTEN
from toolkit.export.graph.fold_constants import FOLD_CONSTANTS
from toolkit.export.graph.fold_into_conv import FOLD_INTO_CONV
from toolkit.export.graph.fold_scaling import FOLD_SCALING
from toolkit.export.graph.interface import interface
from toolkit.export.graph.portable import PORTABLE
from toolkit.export.opset import choose
from toolkit.export.options import DEFAULT_LOGIT_TOLERANCE, DEFAULT_TOLERANCE, ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.export.result import ExportResult
from toolkit.export.step import Step, apply
from toolkit.export.verify import verify_file
from toolkit.files import refuse_existing, whole_file
from toolkit.keras_model.predictor import KerasPredictor, keras_predictor
from toolkit.keras_model.tensorflow import require
from toolkit.models.card import Card, to_metadata
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import Agreement


def run(options: ExportOptions, observer: Observer = SILENT) -> ExportResult:
    """Export a Keras model.

    Args:
        options: what to do.
        observer: told the steps.

    Raises:
        ToolkitError: the model, the data or an option is at fault, or the file doesn't agree with its source.
    """
    opset = choose(options.opset)
    require("tensorflow", "keras", "tf2onnx", where=COMMAND)
    refuse_existing(options.output, force=options.force)
    source = keras_predictor(
        options.model,
        labels_file=options.labels_file,
        normalize=options.normalize,
        resize=options.resize,
        where=COMMAND,
    )
    images, verified_on = _pictures(options, source, observer)
    observer.step(f"Converting to ONNX, opset {opset}")
    draft = apply(convert(source, opset=opset, batch=options.batch), steps(source, options.batch))
    nodes = len(draft.graph.node)
    model = assemble(draft)
    try:
        with whole_file(options.output, force=options.force) as temporary:
            _save(model, temporary, _card(source, options))
            observer.step(f"Verifying against Keras on {len(images):,} pictures ({verified_on})")
            agreement = verify_file(temporary, source, images, batch=options.batch, observer=observer)
            refuse_difference(agreement, options)
            _save(model, temporary, _card(source, options, agreement, verified_on))
            result = ExportResult(
                output=options.output,
                source=options.model,
                precision=options.precision.value,
                opset=opset,
                nodes=nodes,
                size_bytes=temporary.stat().st_size,
                labels=source.labels,
                verified_on=f"{len(images):,} pictures ({verified_on})",
                agreement=agreement.to_document(),
                missed=tuple(_missed(agreement, options)),
            )
            if result.missed:
                raise _GateMissed
    except _GateMissed:
        return result  # what was written is gone; the result says why
    return result


def steps(source: KerasPredictor, batch: int | None) -> list[Step]:
    """Return the changes between the converter's graph and ours, in order."""
    height, width = source.input_size
    return [
        ERFC,
        PORTABLE,
        interface(height, width, len(source.labels), batch),
        FOLD_CONSTANTS,
        FOLD_SCALING,
        FOLD_INTO_CONV,
        FLATTEN,
    ]


class _GateMissed(Exception):  # noqa: N818 - not an error: it leaves `whole_file` without a file
    pass


def _pictures(options: ExportOptions, source: KerasPredictor, observer: Observer) -> tuple[Pixels, str]:
    if options.verify is None:
        return generated_pictures(*source.input_size), "generated; give --verify DATA for real ones"
    dataset = load_data(
        options.verify,
        image_size=source.input_size,
        resize=source.plan.resize.value,
        limit=options.limit,
        name=options.data_name,
        observer=observer,
    )
    name = "test" if "test" in dataset.splits else "train"
    return dataset.split(name).images, f"{dataset.name}, {name} split"


def _save(model: onnx.ModelProto, path: Path, card: Card) -> None:
    onnx.helper.set_model_props(model, to_metadata(card))
    onnx.save(model, path)


def _card(
    source: KerasPredictor, options: ExportOptions, agreement: Agreement | None = None, verified_on: str = ""
) -> Card:
    record = source.loaded.record
    accuracy = record.get("test_accuracy")
    count = record.get("test_pictures", 0)
    verified = {"verified": json.dumps({"on": verified_on, **agreement.to_document()})} if agreement else {}
    return Card(
        labels=source.labels,
        input_size=source.input_size,
        recipe=str(record.get("recipe", "")),
        accuracy=accuracy,
        data=f"{record['data']}, test split, {count:,} pictures" if accuracy is not None else "",
        precision=options.precision.value,
        resize=source.plan.resize.value,
        source_sha256=source.loaded.sha256,
        toolkit_version=__version__,
        extra={"normalization": source.plan.normalization.value, **verified},
    )


def _missed(agreement: Agreement, options: ExportOptions) -> list[str]:
    missed = []
    if options.tolerance is not None and not agreement.max_difference <= options.tolerance:
        missed.append(
            f"the largest difference, {agreement.max_difference:.2e}, is above {options.tolerance:g}"
        )
    if options.min_agreement is not None and agreement.top1_agreement < options.min_agreement:
        missed.append(
            f"the top-1 agreement, {agreement.top1_agreement:.4f}, is below {options.min_agreement:g}"
        )
    return missed


def refuse_difference(agreement: Agreement, options: ExportOptions) -> None:
    """Refuse an export that doesn't agree with its source, where the user set no tolerance of their own.

    Raises:
        ExportError: a probability or a logit differs by more than float32 noise.
    """
    agrees = (
        agreement.max_difference <= DEFAULT_TOLERANCE
        and agreement.max_logit_difference <= DEFAULT_LOGIT_TOLERANCE
    )
    if options.tolerance is None and not agrees:
        raise ExportError(
            f"the ONNX graph differs from Keras by {agreement.max_difference:.2e} in a probability, "
            f"{agreement.max_logit_difference:.2e} in a logit (top-1 agreement {agreement.top1_agreement:.4f})",
            where="step 'verify'",
            remedy="find the layer at fault, or accept the difference with --tolerance",
        )
