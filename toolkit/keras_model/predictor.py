"""Probabilities as Keras itself computes them, with the preprocessing of the tool."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.keras_model.choices import KerasChoices
from toolkit.keras_model.head import classes_of, find_head
from toolkit.keras_model.input_range import input_range, whole_numbers
from toolkit.keras_model.load import LoadedModel, load_keras
from toolkit.keras_model.tensorflow import (
    cause,
    give_scope_names,
    import_tensorflow,
    without_jit,
    without_tf32,
)
from toolkit.models.card import read_labels
from toolkit.models.head import Head, to_probabilities
from toolkit.models.matching import Unnamed
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Pixels, parse_resize
from toolkit.wording import count

PROBES = 16  # pictures of noise that a model without a telling last layer is tried on


@dataclass(frozen=True, kw_only=True)
class KerasPredictor:
    """A Keras classifier that takes pictures.

    Args:
        name: how the user called it.
        loaded: the model and what is known about it.
        plan: how pictures become its input.
        range_reason: how the range of its input is known, in words.
        labels: class names, one per output.
        head: what its output is.
    """

    name: str
    loaded: LoadedModel = field(repr=False)
    plan: Plan
    range_reason: str
    labels: tuple[str, ...]
    head: Head

    @property
    def provider(self) -> str:
        """What runs it."""
        return "Keras"

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""
        return self.plan.height, self.plan.width

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Class names that its run wrote down, whatever was given beside it; empty where there are none."""
        return self.loaded.labels

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
        return to_probabilities(_scores(self.loaded, self.plan, batch_nhwc), self.head)


def keras_predictor(argument: str, *, where: str, choices: KerasChoices | None = None) -> KerasPredictor:
    """Open a KERAS_MODEL argument as a classifier of pictures.

    Args:
        argument: a .keras or .h5 file, a SavedModel folder, or a run folder.
        where: the command that needs it.
        choices: what the file can't say.

    Raises:
        MissingDependency: the extra with TensorFlow isn't installed.
        ModelError: it can't be loaded, or isn't an image classifier.
        UsageError: the range of its input or the meaning of its output is unknown or contradicted.
        InputError: the labels file can't be read.
    """
    choices = choices or KerasChoices()
    loaded = load_keras(argument, where=where, choices=choices)
    height, width = loaded.input_size
    units = classes_of(loaded.model, loaded.path)
    scaling = input_range(loaded.model, choices.normalize, loaded.path)
    give_scope_names(loaded.model)
    plan = Plan(
        height=height,
        width=width,
        channels=loaded.channels,
        layout=loaded.layout,
        dtype="uint8" if whole_numbers(loaded.model) else "float32",
        normalization=scaling.normalization,
        resize=parse_resize(choices.resize or loaded.record.get("resize", "stretch")),
    )
    head = find_head(loaded.model, choices.head, lambda: _probed(loaded, plan), loaded.path)
    classes = head.classes or units
    labels = read_labels(choices.labels_file) if choices.labels_file else loaded.labels
    if not labels:
        labels = Unnamed.of(classes)
    if len(labels) != classes:
        raise ModelError(
            f"{count(len(labels), 'label')} for {count(classes, 'class')}",
            where=choices.labels_file or loaded.path,
            remedy="give one label per class",
        )
    return KerasPredictor(
        name=argument, loaded=loaded, plan=plan, range_reason=scaling.reason, labels=labels, head=head
    )


def _scores(loaded: LoadedModel, plan: Plan, batch_nhwc: Pixels) -> NDArray[np.float32]:
    tf = import_tensorflow(str(loaded.path))
    values = plan.model_input(batch_nhwc)
    try:
        with without_tf32(tf):
            try:
                with without_jit(tf):
                    return np.asarray(loaded.model.predict_on_batch(values), np.float32)
            except tf.errors.UnimplementedError:  # without oneDNN, grouped convolutions exist in XLA only
                loaded.model.predict_function = None  # what was traced
                return np.asarray(loaded.model.predict_on_batch(values), np.float32)
    except Exception as error:  # a model may raise anything
        raise ModelError(
            f"Keras can't compute it here: {cause(error)}"[:300],
            where=loaded.path,
            remedy="try it in Keras itself: model.predict(...)",
        ) from error


def _probed(loaded: LoadedModel, plan: Plan) -> NDArray[np.float32]:
    noise = np.random.default_rng(0).integers(0, 256, (PROBES, plan.height, plan.width, 3), np.uint8)
    return _scores(loaded, plan, noise)
