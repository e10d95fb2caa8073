"""What is exported: a Keras model, or an ONNX classifier from elsewhere, behind one interface."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from toolkit.errors import OutputError, UsageError
from toolkit.export.convert import COMMAND, convert
from toolkit.export.graph.crop_unused import CROP_UNUSED
from toolkit.export.graph.draft import Draft
from toolkit.export.graph.drop_reshapes import DROP_RESHAPES
from toolkit.export.graph.flatten import FLATTEN
from toolkit.export.graph.fold_constants import FOLD_CONSTANTS
from toolkit.export.graph.fold_into_conv import FOLD_INTO_CONV
from toolkit.export.graph.fold_pad import FOLD_PAD
from toolkit.export.graph.fold_scaling import FOLD_SCALING
from toolkit.export.graph.interface import interface
from toolkit.export.graph.keep_pad import KEEP_PAD
from toolkit.export.graph.mend import MEND
from toolkit.export.graph.portable import PORTABLE
from toolkit.export.onnx_source import wrap
from toolkit.export.opset import choose
from toolkit.export.options import ExportOptions
from toolkit.export.step import Step
from toolkit.keras_model.choices import KerasChoices, head_choice
from toolkit.keras_model.files import RUN_MODEL, SAVED_MODEL, looks_like_keras
from toolkit.keras_model.predictor import keras_predictor
from toolkit.keras_model.tensorflow import hold_little_memory, require
from toolkit.models.card import Card
from toolkit.models.catalog import shipped_models
from toolkit.models.files import model_digest
from toolkit.models.head import Head
from toolkit.models.mirror import MEAN, MIRROR_KEY, Mirrored
from toolkit.models.open import OpenModel, open_model
from toolkit.models.predictor import PlannedPredictor
from toolkit.observer import Observer


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model to be exported.

    Args:
        predictor: gives the answers that the export must give.
        draft: makes the graph, before our changes.
        batch: fixed batch size of the graph, or None.
        recipe: the training recipe, where known.
        accuracy: top-1 on the data's test split, 0 to 1, where known.
        data: what that was measured on.
        resize: how pictures are brought to size.
        parameters: of the source, None where it isn't known.
        input_range: how pixels are scaled, and how that is known.
        head: what its output is.
        sha256: digest of the file.
        kept: what a file of ours says of itself and stays true of its export, as metadata.
    """

    predictor: PlannedPredictor
    draft: Callable[[], Draft]
    batch: int | None
    recipe: str
    accuracy: float | None
    data: str
    resize: str
    parameters: int | None
    input_range: str
    head: Head
    sha256: str
    kept: dict[str, str] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """Return the changes between the converter's graph and ours, in order."""
        height, width = self.predictor.input_size
        return [
            MEND,
            PORTABLE,
            interface(height, width, len(self.predictor.labels), self.batch),
            FOLD_CONSTANTS,
            FOLD_PAD,
            KEEP_PAD,
            FOLD_SCALING,
            FOLD_INTO_CONV,
            FLATTEN,
            DROP_RESHAPES,
            CROP_UNUSED,
        ]

    def mirrored(self) -> "Source":
        """Return the source that gives the mean of a picture and its mirror image; its accuracy is another one."""
        return replace(
            self,
            predictor=Mirrored(self.predictor),
            accuracy=None,
            data="",
            kept={**self.kept, MIRROR_KEY: MEAN},
        )


def refuse_source(options: ExportOptions) -> None:
    """Refuse to write over the model that is exported, whatever it is called.

    Raises:
        OutputError: the output is the source's file, or leads to it.
    """
    named, shipped = Path(options.model), shipped_models().get(options.model)
    files = [named, named / RUN_MODEL, named / SAVED_MODEL, *([shipped] if shipped else [])]
    for file in files:
        with contextlib.suppress(OSError):  # one of the two isn't there: they can't be the same
            if file.samefile(options.output):
                raise OutputError(
                    "the output is the model that is exported",
                    where=options.output,
                    remedy="choose another name",
                )


def open_source(options: ExportOptions, observer: Observer) -> Source:
    """Open what is to be exported.

    Raises:
        ToolkitError: it can't be opened, isn't an image classifier, or an option doesn't fit it.
    """
    opset = None if options.opset is None else choose(options.opset)
    source = _keras(options, opset) if looks_like_keras(options.model) else _onnx(options, opset)
    if options.mirror and (MIRROR_KEY in source.kept or source.batch is not None):
        raise UsageError(
            "the file does that already"
            if MIRROR_KEY in source.kept
            else f"its batch size is fixed to {source.batch}",
            where="--mirror",
            remedy="leave the option out",
        )
    observer.notice(f"input range: {source.input_range}")
    if told := source.head.told(len(source.predictor.labels)):
        observer.notice(f"output: {told}")
    return source


def _keras(options: ExportOptions, opset: int | None) -> Source:
    require("tensorflow", "keras", "tf2onnx", where=COMMAND)
    hold_little_memory()
    choices = KerasChoices(
        allow_code=options.allow_code,
        custom_objects=options.custom_objects,
        output=options.output_name,
        head=head_choice(options.from_logits),
        normalize=options.normalize,
        labels_file=options.labels_file,
        resize=options.resize,
    )
    predictor = keras_predictor(options.model, where=COMMAND, choices=choices)
    record = predictor.loaded.record
    accuracy = record.get("test_accuracy")
    tested_on = f"{record.get('data')}, test split, {record.get('test_pictures', 0):,} pictures"
    return Source(
        predictor=predictor,
        draft=lambda: convert(predictor, opset=choose(opset), batch=options.batch),
        batch=options.batch,
        recipe=str(record.get("recipe", "")),
        accuracy=accuracy,
        data=tested_on if accuracy is not None else "",
        resize=predictor.plan.resize.value,
        parameters=int(predictor.model.count_params()),
        input_range=f"{predictor.plan.normalization.name}, {predictor.range_reason}",
        head=predictor.head,
        sha256=predictor.loaded.sha256,
    )


def _onnx(options: ExportOptions, opset: int | None) -> Source:
    model = open_model(
        options.model,
        device="cpu",
        labels_file=options.labels_file,
        normalize=options.normalize,
        resize=options.resize,
        output=options.output_name,
    )
    if options.from_logits is not None:
        model = _with_head(model, from_logits=options.from_logits)
    batch = options.batch or model.session.signature.batch
    reason = "as --normalize says" if options.normalize else "as its uint8 input says"
    return Source(
        predictor=model,
        draft=lambda: wrap(model, opset=opset, batch=options.batch),
        batch=batch,
        recipe=model.card.recipe,
        accuracy=model.card.accuracy,
        data=model.card.data,
        resize=model.plan.resize.value,
        parameters=None,
        input_range=f"{model.plan.normalization.name}, {reason}",
        head=model.head,
        sha256=model_digest(str(model.session.path)),
        kept=_kept(model.card),
    )


def _with_head(model: OpenModel, *, from_logits: bool) -> OpenModel:
    """Take a model's output for what the user says it is."""
    if model.card.toolkit_version:
        raise UsageError(
            "the file says itself that its output is probabilities",
            where="--from-logits" if from_logits else "--from-probabilities",
            remedy="leave the option out",
        )
    if model.head.classes == 2:
        return replace(model, head=Head.LOGIT if from_logits else Head.SIGMOID)
    if from_logits:
        return replace(model, head=Head.LOGITS)
    return model if model.head is Head.MULTI_LABEL else replace(model, head=Head.PROBABILITIES)


def _kept(card: Card) -> dict[str, str]:
    if not card.toolkit_version:
        return {}
    true_of_both = ("normalization", "parameters", "quantization", "weight_bits", MIRROR_KEY)
    return {key: card.extra[key] for key in true_of_both if key in card.extra}
