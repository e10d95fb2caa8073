"""The same weights under different heads: what the file gives, what is told, what the metadata says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CommandLine, Listener

from toolkit.export import job
from toolkit.export.options import ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.models.open import open_model

pytestmark = pytest.mark.keras

CLASSES = 4


def exported(
    keras: Any, folder: Path, activation: str | None, units: int = CLASSES, size: float = 1.0
) -> Any:
    """Export one dense layer, always the same weights, under a head: (model, what was told)."""
    dense = keras.layers.Dense(units, activation=activation)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), dense]
    )
    generator = np.random.default_rng(0)
    dense.set_weights([generator.normal(0, size * 0.4, (192, units)), generator.normal(0, 0.1, units)])
    name = f"{activation}-{units}-{size}"
    model.save(folder / f"{name}.keras")
    listener = Listener()
    job.run(ExportOptions(model=str(folder / f"{name}.keras"), output=folder / f"{name}.onnx"), listener)
    return open_model(str(folder / f"{name}.onnx"), device="cpu"), listener.notices


def test_softmax_logits_and_sigmoids_name_the_same_class_and_only_the_first_two_add_up(
    keras: Any, tmp_path: Path
) -> None:
    pictures = generated_pictures(8, 8)
    answers = {}
    for activation in ("softmax", None, "sigmoid"):
        model, _ = exported(keras, tmp_path, activation)
        answers[activation] = model.probabilities(pictures)
    assert len(np.unique(answers["softmax"].argmax(axis=1))) > 1
    np.testing.assert_allclose(answers["softmax"], answers[None], atol=1e-6)
    assert np.array_equal(answers["softmax"].argmax(axis=1), answers["sigmoid"].argmax(axis=1))
    assert np.abs(answers["sigmoid"].sum(axis=1) - 1).max() > 0.5


def test_several_sigmoid_units_are_announced_once_and_stand_in_the_metadata(
    keras: Any, tmp_path: Path
) -> None:
    model, notices = exported(keras, tmp_path, "sigmoid")
    assert len([text for text in notices if text.startswith("output: 4 sigmoid units (multi-label)")]) == 1
    assert model.card.extra["head"] == model.head == "multi-label"
    plain, silent = exported(keras, tmp_path, "softmax")
    assert (plain.head, plain.card.extra["head"]) == ("probabilities", "probabilities")
    assert not any(text.startswith("output:") for text in silent)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_becomes_two_classes_and_says_so(keras: Any, tmp_path: Path, activation: str | None) -> None:
    model, notices = exported(keras, tmp_path, activation, units=1)
    assert model.labels == ("0", "1")
    assert any("two classes" in text for text in notices)
    answers = model.probabilities(generated_pictures(8, 8))
    assert answers.std() > 0.05
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_saturated_sigmoids_agree_with_keras_to_what_float32_holds(keras: Any, tmp_path: Path) -> None:
    model, _ = exported(keras, tmp_path, "sigmoid", size=30.0)
    answers = model.probabilities(generated_pictures(8, 8))
    assert ((answers < 1e-6) | (answers > 1 - 1e-6)).mean() > 0.5


def test_classify_says_that_probabilities_are_of_labels_by_themselves(
    keras: Any, tmp_path: Path, toolkit: CommandLine, colour_folder: Path
) -> None:
    exported(keras, tmp_path, "sigmoid")
    done = toolkit("classify", str(colour_folder), "-m", str(tmp_path / "sigmoid-4-1.0.onnx"))
    assert done.returncode == 0
    assert done.stderr.count("is a multi-label model") == 1
    assert "is a multi-label model" not in done.stdout
