"""The exported file, as it will be, against its source: in several batch sizes, and beyond rounding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ExportError
from toolkit.export.options import Precision
from toolkit.machine.memory import give_back_memory
from toolkit.models.open import open_model
from toolkit.models.predictor import Predictor, predict
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.stats.agreement import Agreement, compare, differences, logit_differences

BATCH_SIZES = (1, 2, 7, 64)
"""A graph that mixes pictures of a batch, or has a batch size baked in, passes at one of these but not at all."""

LARGEST_BATCH_PIXELS = 2**19
"""A batch of more than 2 pictures holds at most this many pixels: 64 of 224x224 alone would take 2 GB in VGG16, and 7
of 600x600 as much in EfficientNetB7."""

TOLERANCE = 1e-4
"""Difference of a probability that always passes.

Source: a logit that is off by d moves a probability by d/4 at most, so that this is stricter than `LOGIT_TOLERANCE`
where it can be. Measured on the paper's CNN, 1.4e-6 at most over 10,000 pictures; on a network with every kind of
normalisation 3e-5, for a picture of one colour, whose deviation is nearly zero and divided by."""

LOGIT_TOLERANCE = 1e-3
"""Difference of a logit that always passes: a saturated softmax hides a wrong weight from the probabilities, but
not from the logits.

Source: measured on the models of tests/export, noise up to 5e-5, one weight off by 1 % from 2e-3."""

STEP = 0.02
"""Difference of a probability between two batch sizes of an int8 or fp16 file that passes: another order of sums
can tip a value to the next step, of which there are 255."""

NOISE_FACTOR = 10
"""How many times its own rounding noise a picture may differ by.

Source: measured on EfficientNetB7 with spread logits: in a picture of one colour every sum of ONNX Runtime's blocked
GlobalAveragePool rounds the same way, so that its answers differ by 0.04 in a logit from Keras's, and from its own
without graph optimisation; pictures of noise by 2e-5 both."""

MOST_EXPLAINED = 0.005
"""Difference of a probability that rounding never excuses: a model that is this sensitive isn't exported unseen."""

MOST_EXPLAINED_LOGIT = 0.1
"""The same of a logit.

Source: bench/applications.py, 0.04 at most (EfficientNetB7). ONNX Runtime's faults look like noise too, since its
optimised graph differs from the plain one: folding the zeros around ResNet50V2's max pooling came to 0.2 and more."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How far an exported file agrees with its source.

    Args:
        agreement: over all pictures.
        beyond_noise: pictures that differ by more than rounding explains.
        noise: largest difference of a probability by rounding alone.
        batch_sizes: pictures in a batch that were compared with each other, smallest first; its only one where the
            file's is fixed.
        labels: most probable class by the file, int64 [N].
        source_labels: most probable class by its source, int64 [N].
    """

    agreement: Agreement
    beyond_noise: int
    noise: float
    batch_sizes: tuple[int, ...]
    labels: NDArray[np.int64]
    source_labels: NDArray[np.int64]

    def to_document(self) -> dict[str, Any]:
        """Return its figures as JSON values."""
        return {
            **self.agreement.to_document(),
            "rounding_noise": self.noise,
            "batch_sizes": list(self.batch_sizes),
        }


def verify_file(
    path: Path,
    source: Predictor,
    images_nhwc: Pixels,
    *,
    batch: int | None,
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
        observer: told how many pictures are done.

    Raises:
        ExportError: a picture's result depends on the batch that it is in, or the labels changed their order.
        ModelError: ONNX Runtime can't load the file.
    """
    give_back_memory()
    expected = predict(source, images_nhwc, observer=observer)
    give_back_memory()  # activations of a source that won't be asked again
    plain = predict(open_model(str(path), device="cpu", optimize=False), images_nhwc, observer=observer)
    give_back_memory()
    exported = open_model(str(path), device="cpu")
    if exported.labels != source.labels:
        raise ExportError(
            "the labels came out in another order", where=path, remedy="report this as a defect"
        )
    answers = predict(exported, images_nhwc, observer=observer)
    noise, logit_noise = differences(plain, answers), logit_differences(plain, answers)
    sizes = (batch,) if batch is not None else _batch_sizes(*images_nhwc.shape[1:3])
    if batch is None:
        give_back_memory()
        least = TOLERANCE if exported.card.precision == Precision.FP32 else STEP
        _same_in_every_batch(
            exported, images_nhwc, answers, np.maximum(least, NOISE_FACTOR * noise), sizes, path
        )
    half = exported.card.precision == Precision.FP16
    excused = _excused(noise, MOST_EXPLAINED, half=half)
    wrong = _beyond(differences(expected, answers), np.maximum(TOLERANCE, excused))
    excused = _excused(logit_noise, MOST_EXPLAINED_LOGIT, half=half)
    wrong |= _beyond(logit_differences(expected, answers), np.maximum(LOGIT_TOLERANCE, excused))
    return Verification(
        agreement=compare(expected, answers),
        beyond_noise=int(wrong.sum()),
        noise=float(noise.max()),
        batch_sizes=sizes,
        labels=answers.argmax(axis=1),
        source_labels=expected.argmax(axis=1),
    )


def _excused(noise: NDArray[np.float64], most: float, *, half: bool) -> NDArray[np.float64]:
    """Return the difference of each picture that rounding explains.

    In half precision that is more than its noise shows: one rounding of a logit of 10 is 0.004, and ONNX Runtime leaves
    roundings out where it fuses two operators, in the plain graph as well.
    """
    return np.full_like(noise, most) if half else np.minimum(NOISE_FACTOR * noise, most)


def _beyond(difference: NDArray[np.float64], allowed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which differences are more than is allowed; what is not a number always is."""
    return np.asarray(~(np.isfinite(difference) & (difference <= allowed)))


def _batch_sizes(height: int, width: int) -> tuple[int, ...]:
    """Return the sizes to try for pictures of a size, smallest first."""
    most = max(2, LARGEST_BATCH_PIXELS // (height * width))
    return tuple(sorted({min(wanted, most) for wanted in BATCH_SIZES}))


def _same_in_every_batch(
    exported: Predictor,
    images_nhwc: Pixels,
    answers: NDArray[np.float32],
    allowed: NDArray[np.float64],
    sizes: Sequence[int],
    path: Path,
) -> None:
    total = len(images_nhwc)
    for size in reversed(sizes):  # the largest first: the others find room in what it took
        few = np.arange(max(size, min(2 * size, total))) % total  # over again where there are too few
        moved = differences(answers[few], predict(exported, images_nhwc[few], batch_size=size))
        if not np.all(moved <= allowed[few]):
            raise ExportError(
                f"in batches of {size} its answers differ by {moved.max():.1e}",
                where=path,
                remedy="replace layers that look across pictures",
            )
