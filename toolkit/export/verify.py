"""The exported file, as it will be, against its source: in several batch sizes, and beyond rounding."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ExportError
from toolkit.models.open import open_model
from toolkit.models.predictor import Predictor, predict
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import Agreement, compare, differences, logit_differences

BATCH_SIZES = (1, 2, 7, 64)
"""A graph that mixes pictures of a batch, or has a batch size baked in, passes at one of these but not at all."""

SMALL_BATCH = 8
LARGEST_BATCH_PIXELS = 2**19
"""A batch holds at most this many pixels, or 8 pictures: 64 pictures of 224x224 alone would take 2 GB in VGG16."""

TOLERANCE = 1e-5
"""Difference of a probability that always passes.

Source: measured on the paper's CNN, 1.4e-6 at most over 10,000 pictures; float32 has a relative spacing of 1.2e-7
and sums over some thousand terms lose one to two digits."""

LOGIT_TOLERANCE = 1e-3
"""Difference of a logit that always passes: a saturated softmax hides a wrong weight from the probabilities, but
not from the logits.

Source: measured on the models of tests/export, noise up to 5e-5, one weight off by 1 % from 2e-3."""

STEP = 0.02
"""Difference of a probability between two batch sizes of an int8 or fp16 file that passes: another order of sums
can tip a value to the next step, of which there are 255."""

NOISE_FACTOR = 10
"""How many times its own rounding noise a picture may differ by.

Source: measured on EfficientNetB0 with spread logits: an all-black picture drives it so far out that Keras and
ONNX Runtime differ by 0.16 in a logit, and ONNX Runtime with and without graph optimisation by 0.09; pictures of
noise by 1e-5 both."""

MOST_EXPLAINED = 0.01
"""Difference of a probability that rounding never excuses: a model that is this sensitive isn't exported unseen."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How far an exported file agrees with its source.

    Args:
        agreement: over all pictures.
        beyond_noise: pictures that differ by more than rounding explains.
        noise: largest difference of a probability by rounding alone.
        labels: most probable class by the file, int64 [N].
        source_labels: most probable class by its source, int64 [N].
    """

    agreement: Agreement
    beyond_noise: int
    noise: float
    labels: NDArray[np.int64]
    source_labels: NDArray[np.int64]


def verify_file(
    path: Path,
    source: Predictor,
    images_nhwc: Pixels,
    *,
    batch: int | None,
    rounds_values: bool = False,
    observer: Observer = SILENT,
) -> Verification:
    """Compare an ONNX file with the model that it was made from.

    How much rounding alone may change is taken from the file itself: ONNX Runtime computes it once optimised and
    once node by node, two orders of the same sums. What differs from the source by far more than that is wrong.

    Args:
        path: the file.
        source: the classifier that it was made from.
        images_nhwc: uint8 [N, height, width, 3].
        batch: the file's fixed batch size, or None.
        rounds_values: it is in int8 or fp16: a last digit may tip a value over to its neighbour.
        observer: told how many pictures are done.

    Raises:
        ExportError: a picture's result depends on the batch that it is in, or the labels changed their order.
        ModelError: ONNX Runtime can't load the file.
    """
    expected = predict(source, images_nhwc, observer=observer)
    plain = predict(open_model(str(path), device="cpu", optimize=False), images_nhwc, observer=observer)
    exported = open_model(str(path), device="cpu")
    if exported.labels != source.labels:
        raise ExportError(
            "the labels came out in another order", where=path, remedy="report this as a defect"
        )
    answers = predict(exported, images_nhwc, observer=observer)
    noise, logit_noise = differences(plain, answers), logit_differences(plain, answers)
    if batch is None:
        _same_in_every_batch(
            exported, images_nhwc, answers, np.maximum(TOLERANCE, NOISE_FACTOR * noise), path
        )
    excused = np.minimum(NOISE_FACTOR * noise, MOST_EXPLAINED)
    wrong = _beyond(differences(expected, answers), np.maximum(TOLERANCE, excused))
    wrong |= _beyond(
        logit_differences(expected, answers), np.maximum(LOGIT_TOLERANCE, NOISE_FACTOR * logit_noise)
    )
    return Verification(
        agreement=compare(expected, answers),
        beyond_noise=int(wrong.sum()),
        noise=float(noise.max()),
        labels=answers.argmax(axis=1),
        source_labels=expected.argmax(axis=1),
    )


def _beyond(difference: NDArray[np.float64], allowed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which differences are more than is allowed; what is not a number always is."""
    return np.asarray(~(np.isfinite(difference) & (difference <= allowed)))


def _same_in_every_batch(
    exported: Predictor,
    images_nhwc: Pixels,
    answers: NDArray[np.float32],
    allowed: NDArray[np.float64],
    path: Path,
) -> None:
    height, width = images_nhwc.shape[1:3]
    for wanted in BATCH_SIZES:
        size = min(wanted, max(SMALL_BATCH, LARGEST_BATCH_PIXELS // (height * width)))
        few = images_nhwc[: 2 * size]
        moved = differences(answers[: len(few)], predict(exported, few, batch_size=size))
        if not np.all(moved <= allowed[: len(few)]):
            raise ExportError(
                f"in batches of {size} its answers differ by {moved.max():.1e}",
                where=path,
                remedy="replace layers that look across pictures",
            )
