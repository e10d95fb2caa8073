"""ONNX Runtime against Keras, on the file as it will be, in several batch sizes."""

from pathlib import Path

from toolkit.errors import ExportError
from toolkit.keras_model.predictor import KerasPredictor
from toolkit.models.open import open_model
from toolkit.models.predictor import predict
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import Agreement, compare

BATCH_SIZES = (1, 2, 7, 64)
"""A graph that mixes pictures of a batch, or has a batch size baked in, passes at one of these but not at all."""


def verify_file(
    path: Path, source: KerasPredictor, images_nhwc: Pixels, *, batch: int | None, observer: Observer = SILENT
) -> Agreement:
    """Compare an ONNX file with the Keras model that it was made from.

    Args:
        path: the file.
        source: the Keras classifier.
        images_nhwc: uint8 [N, height, width, 3].
        batch: the file's fixed batch size, or None.
        observer: told how many pictures are done.

    Returns:
        The agreement over all pictures.

    Raises:
        ExportError: a picture's result depends on the batch that it is in.
        ModelError: ONNX Runtime can't load the file.
    """
    exported = open_model(str(path), device="cpu")
    if exported.labels != source.labels:
        raise ExportError(
            "the labels came out in another order", where=path, remedy="report this as a defect"
        )
    answers = predict(exported, images_nhwc, observer=observer)
    agreement = compare(predict(source, images_nhwc, observer=observer), answers)
    if batch is None:
        for size in BATCH_SIZES:
            few = images_nhwc[: 2 * size]
            alone = compare(answers[: len(few)], predict(exported, few, batch_size=size))
            if not alone.max_difference <= max(agreement.max_difference, 1e-6):
                raise ExportError(
                    f"in batches of {size} its answers differ by {alone.max_difference:.1e}",
                    where=path,
                    remedy="replace layers that look across pictures",
                )
    return agreement
