"""Probabilities as Keras itself computes them, with the preprocessing of the tool."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.keras_model.head import Head, head_of, to_probabilities
from toolkit.keras_model.input_range import input_range
from toolkit.keras_model.load import LoadedModel, load_keras
from toolkit.models.card import read_labels
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels, Resize


@dataclass(frozen=True, kw_only=True)
class KerasPredictor:
    """A Keras classifier that takes pictures.

    Args:
        name: how the user called it.
        loaded: the model and what is known about it.
        plan: how pictures become its input.
        labels: class names, one per output.
        head: what its output is.
    """

    name: str
    loaded: LoadedModel = field(repr=False)
    plan: Plan
    labels: tuple[str, ...]
    head: Head

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""
        return self.plan.height, self.plan.width

    @property
    def model(self) -> Any:
        """The Keras model itself."""
        return self.loaded.model

    def probabilities(self, batch_nhwc: Pixels) -> NDArray[np.float32]:
        """Compute class probabilities.

        Args:
            batch_nhwc: uint8 [N, height, width, 3], RGB, already at the model's size.

        Returns:
            float32 [N, classes].
        """
        if len(batch_nhwc) == 0:
            return np.empty((0, len(self.labels)), np.float32)
        scores = self.model.predict_on_batch(self.plan.model_input(batch_nhwc))
        return to_probabilities(np.asarray(scores, np.float32), self.head)


def keras_predictor(
    argument: str,
    *,
    labels_file: Path | None = None,
    normalize: str | None = None,
    resize: str | None = None,
    where: str,
) -> KerasPredictor:
    """Open a KERAS_MODEL argument as a classifier of pictures.

    Args:
        argument: a .keras or .h5 file, or a run folder.
        labels_file: class names for a model that carries none.
        normalize: range of values it expects, where it has no layer that scales pixels.
        resize: how pictures are brought to size; None means as in its training, else stretch.
        where: the command that needs it.

    Raises:
        MissingDependency: the extra with TensorFlow isn't installed.
        ModelError: it can't be loaded, or isn't an image classifier.
        UsageError: the range of its input is unknown or contradicted.
        InputError: the labels file can't be read.
    """
    loaded = load_keras(argument, where=where)
    height, width = loaded.input_size
    head = head_of(loaded.model, loaded.path)
    plan = Plan(
        height=height,
        width=width,
        channels=loaded.channels,
        dtype="float32",
        normalization=input_range(loaded.model, normalize, loaded.path),
        resize=Resize(resize or loaded.record.get("resize", "stretch")),
    )
    labels = read_labels(labels_file) if labels_file else loaded.labels
    classes = 2 if head is Head.SIGMOID else int(loaded.model.output_shape[1])
    if not labels:
        labels = tuple(str(index) for index in range(classes))
    if len(labels) != classes:
        raise ModelError(
            f"{len(labels)} labels for {classes} classes",
            where=labels_file or loaded.path,
            remedy="give one label per class",
        )
    return KerasPredictor(name=argument, loaded=loaded, plan=plan, labels=labels, head=head)
