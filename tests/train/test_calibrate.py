"""Probabilities that mean what they say: the temperature in the last layer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training import Lines, options, weights

from toolkit.data.dataset import Split
from toolkit.train import calibrate as module
from toolkit.train import job
from toolkit.train.calibrate import calibrate
from toolkit.train.recipe import Recipe, Schedule
from toolkit.train.recipes import NAMES, find_recipe

pytestmark = pytest.mark.keras


def network() -> Any:
    """A network whose logits are the mean colours, times 12: as sure as can be."""
    import keras

    pixels = keras.Input((2, 2, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    last = keras.layers.Dense(3, activation="softmax", name="probabilities")
    made = keras.Model(pixels, last(x))
    last.set_weights([12 * np.eye(3, dtype=np.float32), np.array([0.5, 0.0, -0.5], np.float32)])
    return made


def pictures(temperature: float, count: int = 4000) -> Split:
    """Pictures with truths that are drawn from what `network` says of them at a temperature."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 2, 2, 3)).astype(np.uint8)
    logits = np.log(network().predict(images, verbose=0)) / temperature
    return Split(images, (logits + generator.gumbel(size=logits.shape)).argmax(axis=1))


@pytest.mark.parametrize("temperature", [0.6, 2.5])
def test_the_last_layer_is_divided_by_the_temperature_that_the_truth_shows(temperature: float) -> None:
    import keras

    split, seen, before = pictures(temperature), Lines(), network()
    after = keras.models.clone_model(before)
    after.set_weights(before.get_weights())
    found = calibrate(after, split, seen)
    assert found == pytest.approx(temperature, rel=0.1)
    logits = np.log(before.predict(split.images, verbose=0))
    wanted = np.exp(logits / found)
    np.testing.assert_allclose(
        after.predict(split.images, verbose=0), wanted / wanted.sum(axis=1, keepdims=True), atol=1e-5
    )
    (line,) = seen.lines
    assert line.startswith(
        f"Probabilities calibrated on the 4,000 held-out pictures: temperature {found:.3f}"
    )


def test_too_few_pictures_or_mistakes_leave_the_weights_alone_and_say_so() -> None:
    seen, made = Lines(), network()
    assert calibrate(made, None, seen) is None
    assert calibrate(made, pictures(1.0, count=199), seen) is None
    split = pictures(1.0)
    right = made.predict(split.images, verbose=0).argmax(axis=1)
    right[:9] = (right[:9] + 1) % 3
    assert calibrate(made, Split(split.images, right), seen) is None
    for before, after in zip(network().get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    start = "the probabilities are not calibrated: that takes "
    assert [line.removeprefix(start) for line in seen.lines] == [
        "200 held-out pictures, and there are 0",
        "200 held-out pictures, and there are 199",
        "10 mistakes on held-out pictures, and there are 9",
    ]


def test_a_finished_run_has_its_temperature_in_its_record_and_resuming_it_again_changes_nothing(
    tiny: Callable[..., Recipe], shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEWEST_PICTURES", 10)
    monkeypatch.setattr(module, "FEWEST_MISTAKES", 0)
    tiny(epochs=2, averaging=0.5, schedule=Schedule.TRIANGULAR)
    job.run(options(shapes_file, tmp_path / "run"))
    record, trained = json.loads((tmp_path / "run" / "run.json").read_text()), weights(tmp_path / "run")
    assert record["calibration_temperature"] > 0
    job.run(options(shapes_file, tmp_path / "run", resume=True))
    again = json.loads((tmp_path / "run" / "run.json").read_text())
    assert again["calibration_temperature"] == record["calibration_temperature"]
    for before, after in zip(trained, weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_run_that_may_go_on_from_its_model_is_left_as_it_was_trained(
    tiny: Callable[..., Recipe], shapes_file: Path, tmp_path: Path
) -> None:
    tiny(epochs=1)
    seen = Lines()
    job.run(options(shapes_file, tmp_path / "run"), seen)
    assert "calibration_temperature" not in json.loads((tmp_path / "run" / "run.json").read_text())
    assert not any("calibrated" in line for line in seen.lines)


def test_the_paper_is_reproduced_without_calibration() -> None:
    assert [name for name in NAMES if not find_recipe(name).calibrates] == ["paper-cnn"]
