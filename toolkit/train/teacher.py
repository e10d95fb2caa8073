"""What trained models say of the training pictures, kept so that it is computed once."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DataError, InputError, UsageError
from toolkit.files import whole_file
from toolkit.keras_model.files import looks_like_keras
from toolkit.models.matching import match_classes, tell_order
from toolkit.models.predictor import Predictor
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.train.run_folder import TEACHER

BATCH = 256
LEAST_LOG = -60.0  # float16 keeps it, and a softmax sees nothing of what lies below


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A trained model, with its outputs in the order of the data's classes.

    Args:
        predictor: the model.
        columns: int64 [classes], which output belongs to each class of the data.
        sha256: digest of its file.
    """

    predictor: Predictor
    columns: NDArray[np.int64]
    sha256: str

    def probabilities(self, images: Pixels) -> NDArray[np.float32]:
        """Compute what it says of `images`, uint8 [N, H, W, 3]: float32 [N, classes]."""
        return self.predictor.probabilities(images)[:, self.columns]


@dataclass(frozen=True)
class Teachers:
    """Models that teach together.

    Args:
        each: one or more.
    """

    each: tuple[Teacher, ...]

    @property
    def sha256(self) -> str:
        """Digest of all of them, in their order; of one alone, its own."""
        digests = [teacher.sha256 for teacher in self.each]
        return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()

    def log_probabilities(self, images: Pixels) -> NDArray[np.float16]:
        """Compute what they say.

        Args:
            images: uint8 [N, H, W, 3].

        Returns:
            float16 [N, classes]: logarithms of the mean of their probabilities. Probabilities themselves would lose
            the small ones in 16 bits, and these are what a raised temperature brings out.

        Source: Hinton et al., arXiv:1503.02531, section 2: the mean of an ensemble's probabilities as soft targets.
        """
        found = sum(teacher.probabilities(images) for teacher in self.each) / len(self.each)
        with np.errstate(divide="ignore"):
            return np.maximum(np.log(found), LEAST_LOG).astype(np.float16)


def open_teachers(
    arguments: Sequence[str],
    classes: Sequence[str],
    size: tuple[int, int],
    *,
    where: str,
    observer: Observer = SILENT,
) -> Teachers | None:
    """Open the models of `--teacher`; None without any. For the arguments and errors, see `open_teacher`."""
    each = [open_teacher(argument, classes, size, where=where, observer=observer) for argument in arguments]
    return Teachers(tuple(each)) if each else None


def open_teacher(
    argument: str,
    classes: Sequence[str],
    size: tuple[int, int],
    *,
    where: str,
    observer: Observer = SILENT,
) -> Teacher:
    """Open a teacher.

    Args:
        argument: an .onnx file, a shipped model, a .keras file or a run folder.
        classes: of the data, in its order.
        size: (height, width) of the pictures, pixels.
        where: the command, for errors.
        observer: told where its outputs are matched by position.

    Raises:
        ModelError: it can't be opened.
        DataError: it doesn't know a class.
        UsageError: it takes pictures of another size.
    """
    predictor: Any
    if looks_like_keras(argument):
        from toolkit.keras_model.predictor import keras_predictor

        predictor = keras_predictor(argument, where=where)
        digest = predictor.loaded.sha256
    else:
        from toolkit.models.files import model_digest
        from toolkit.models.open import open_model

        predictor = open_model(argument, device="cpu")
        digest = model_digest(argument)
    if tuple(predictor.input_size) != tuple(size):
        height, width = predictor.input_size
        raise UsageError(
            f"it takes pictures of {width}×{height} pixels, and these have {size[1]}×{size[0]}",
            where=f"--teacher {argument}",
            remedy=f"use --image-size {height}" if height == width else "choose a teacher for this size",
        )
    try:
        columns = match_classes(classes, predictor.labels, where=f"--teacher {argument}")
    except DataError as error:  # what else it advises, naming the outputs, can't be said here
        raise DataError(
            error.what,
            where=error.where,
            remedy="give a teacher of the data's classes, or call them as it does",
        ) from error
    tell_order(classes, predictor.labels, observer, model="the teacher", remedy="")
    return Teacher(
        predictor=predictor,
        columns=columns,
        sha256=digest,
    )


def digest_of_views(record: dict[str, Any]) -> str:
    """Return the digest of everything that the soft targets of a view depend on, hexadecimal.

    All settings but the number of epochs are in it, also those that change no view: a run is resumed with the same
    ones, and a setting that is added some day isn't forgotten.

    Args:
        record: of the run.
    """
    settings = {key: value for key, value in record["settings"].items() if key != "epochs"}
    parts = [record["teacher"]["sha256"], record["data_digest"], record["seed"], settings]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class SoftTargets:
    """What teachers say of each view of the pictures: computed when first wanted, then read from the disk.

    Args:
        teachers: the models.
        folder: the run folder.
        digest: of what the views and the answers depend on; files of another digest are left alone.
    """

    def __init__(self, teachers: Teachers, folder: Path, digest: str) -> None:
        self._teachers = teachers
        self._folder = folder / TEACHER
        self._digest = digest[:16]

    def of_view(self, number: int, batches: Any, count: int, observer: Observer) -> NDArray[np.float16]:
        """Return the soft targets of a view.

        The teachers see the very view that the pupil is trained on.

        Args:
            number: of the view.
            batches: iterates over (uint8 [B, H, W, 3], …) in the order of the pictures.
            count: pictures.
            observer: told the progress.

        Returns:
            float16 [N, classes].

        Raises:
            InputError: a file that an earlier run left is damaged.
            OutputError: the result can't be kept.

        Source: Beyer et al., arXiv:2106.05237, for the same view for teacher and pupil; Shen and Xing,
            arXiv:2112.01528, for keeping the answers to a number of views.
        """
        file = self._folder / f"view-{number:04d}-{self._digest}.npy"
        if file.is_file():
            return _read(file, count)
        parts, done = [], 0
        for images, *_ in batches:
            parts.append(self._teachers.log_probabilities(np.asarray(images)))
            done += len(parts[-1])
            observer.progress(done, count, unit="pictures shown to the teacher")
        targets = np.concatenate(parts)
        with whole_file(file, force=True) as temporary, temporary.open("wb") as stream:
            np.save(stream, targets)
        return targets

    def forget(self) -> None:
        """Remove what was kept."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder)


def _read(file: Path, count: int) -> NDArray[np.float16]:
    try:
        targets: NDArray[np.float16] = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", where=file, remedy="remove the file") from error
    if len(targets) != count:
        raise InputError(f"holds {len(targets)} rows, not {count}", where=file, remedy="remove the file")
    return targets
