"""Learning from a trained model's probabilities: `--teacher`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import SHAPES, colour_model
from training import SIDE, Lines, options, weights

from toolkit.errors import DataError, UsageError
from toolkit.observer import SILENT
from toolkit.train import job
from toolkit.train.recipe import Recipe
from toolkit.train.teacher import SoftTargets, Teacher, Teachers, digest_of_views, open_teachers

Tiny = Callable[..., Recipe]


class Counting:
    """A predictor that says how red, green and blue a picture is, and counts how many it was shown."""

    labels = ("red", "green", "blue")
    input_size = (2, 2)

    def __init__(self) -> None:
        self.shown = 0

    def probabilities(self, batch_nhwc: np.ndarray) -> np.ndarray:
        self.shown += len(batch_nhwc)
        means = batch_nhwc.mean(axis=(1, 2)) + 1e-3
        return (means / means.sum(axis=1, keepdims=True)).astype(np.float32)


def test_each_view_is_shown_once_and_its_answers_are_read_from_the_disk_afterwards(tmp_path: Path) -> None:
    predictor = Counting()
    teachers = Teachers((Teacher(predictor=predictor, columns=np.array([2, 0, 1]), sha256=""),))
    images = np.random.default_rng(0).integers(0, 256, (7, 2, 2, 3)).astype(np.uint8)
    parts = [(images[:4],), (images[4:],)]
    first = SoftTargets(teachers, tmp_path, "1").of_view(3, parts, 7, SILENT)
    again = SoftTargets(teachers, tmp_path, "1").of_view(3, parts, 7, SILENT)
    assert predictor.shown == 7
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(
        np.exp(first.astype(float)), predictor.probabilities(images)[:, [2, 0, 1]], rtol=5e-3
    )


def test_answers_to_views_of_other_making_are_not_taken(tmp_path: Path) -> None:
    predictor = Counting()
    teachers = Teachers((Teacher(predictor=predictor, columns=np.arange(3), sha256=""),))
    dark, light = (np.full((2, 2, 2, 3), value, np.uint8) * np.uint8([1, 1, 0]) for value in (1, 200))
    SoftTargets(teachers, tmp_path, "1").of_view(0, [(dark,)], 2, SILENT)
    found = SoftTargets(teachers, tmp_path, "2").of_view(0, [(light,)], 2, SILENT)
    np.testing.assert_array_equal(found, teachers.log_probabilities(light))


def test_whatever_makes_a_view_is_in_its_digest_and_the_length_of_the_run_is_not() -> None:
    def digest(seed: int = 0, data: str = "d", teacher: str = "t", **settings: object) -> str:
        chosen = {"epochs": 3, "crop": 0.1, "validation_split": 0.1, **settings}
        return digest_of_views(
            {
                "seed": seed,
                "data_digest": data,
                "teacher": {"models": ["m"], "sha256": teacher},
                "settings": chosen,
            }
        )

    assert digest(epochs=9) == digest()
    others = [
        digest(seed=1),
        digest(data="e"),
        digest(teacher="u"),
        digest(crop=0.2),
        digest(validation_split=0.2),
    ]
    assert len({digest(), *others}) == 6


def test_a_probability_of_zero_has_a_finite_logarithm() -> None:
    class Sure(Counting):
        def probabilities(self, batch_nhwc: np.ndarray) -> np.ndarray:
            return np.array([[1, 0, 0]], np.float32)

    sure = Teacher(predictor=Sure(), columns=np.arange(3), sha256="")
    found = Teachers((sure,)).log_probabilities(np.zeros((1, 2, 2, 3), np.uint8))
    assert found.dtype == np.float16
    assert np.isfinite(found).all()


def test_a_teacher_answers_in_the_order_of_the_datas_classes(tmp_path: Path) -> None:
    onnx.save(colour_model(8), tmp_path / "colours.onnx")
    teachers = open_teachers([str(tmp_path / "colours.onnx")], ("blue", "red", "green"), (8, 8), where="test")
    assert teachers is not None
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    picture[..., 2] = 255
    assert teachers.log_probabilities(picture).argmax() == 0


def test_several_teachers_say_the_mean_of_their_probabilities_and_one_alone_its_own(tmp_path: Path) -> None:
    onnx.save(colour_model(8), tmp_path / "colours.onnx")
    onnx.save(colour_model(8, ("green", "red", "blue")), tmp_path / "others.onnx")
    names = [str(tmp_path / "colours.onnx"), str(tmp_path / "others.onnx")]
    classes = ("red", "green", "blue")
    first, second = (open_teachers([name], classes, (8, 8), where="test") for name in names)
    both = open_teachers(names, classes, (8, 8), where="test")
    assert first
    assert second
    assert both
    picture = np.full((1, 8, 8, 3), (200, 60, 5), np.uint8)
    alone = [np.exp(found.log_probabilities(picture).astype(float)) for found in (first, second)]
    assert alone[0].argmax() != alone[1].argmax()
    np.testing.assert_allclose(
        np.exp(both.log_probabilities(picture).astype(float)), sum(alone) / 2, rtol=5e-3, atol=1e-6
    )
    assert first.sha256 == first.each[0].sha256
    assert both.sha256 not in {first.sha256, second.sha256}
    other_order = open_teachers(names[::-1], classes, (8, 8), where="test")
    assert other_order
    assert other_order.sha256 != both.sha256


@pytest.mark.parametrize(
    ("classes", "size", "error", "words"),
    [
        (("red", "green", "purple"), (8, 8), DataError, "'purple' .*: give a teacher of the data's classes"),
        (("red", "green", "blue"), (16, 16), UsageError, "--image-size 8"),
    ],
)
def test_a_teacher_of_other_classes_or_another_size_is_refused(
    tmp_path: Path, classes: tuple[str, ...], size: tuple[int, int], error: type[Exception], words: str
) -> None:
    onnx.save(colour_model(8), tmp_path / "colours.onnx")
    with pytest.raises(error, match=words):
        open_teachers([str(tmp_path / "colours.onnx")], classes, size, where="test")


@pytest.mark.keras
def test_a_pupil_is_taught_view_by_view_and_resumed_with_the_answers_kept(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    onnx.save(colour_model(SIDE, SHAPES), tmp_path / "teacher.onnx")
    teacher = str(tmp_path / "teacher.onnx")
    tiny(epochs=4, augment=True, teacher_weight=0.9, temperature=2.0, views=2)
    seen = Lines()
    job.run(options(shapes_file, tmp_path / "whole", teachers=(teacher,)), seen)
    assert "pictures shown to the teacher" in seen.units
    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_file, tmp_path / "parts", teachers=(teacher,)), Lines(stop_after=3))
    kept = sorted(file.name[:9] for file in (tmp_path / "parts" / "teacher").iterdir())
    assert kept == ["view-0000", "view-0001"]
    job.run(options(shapes_file, tmp_path / "parts", teachers=(teacher,), resume=True))
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not (tmp_path / "parts" / "teacher").exists()
    record = json.loads((tmp_path / "whole" / "run.json").read_text())
    assert record["teacher"]["models"] == [teacher]
    assert len(record["teacher"]["sha256"]) == 64


@pytest.mark.keras
def test_a_run_that_begins_anew_takes_nothing_that_an_earlier_one_left(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(epochs=1)
    job.run(options(shapes_file, tmp_path / "teacher"))
    left = tmp_path / "run" / "teacher" / "view-0000.npy"
    left.parent.mkdir(parents=True)
    np.save(left, np.zeros((54, 3), np.float16))
    for name in ("model.keras", "history.csv", "curves.png", "resume.npz"):
        (tmp_path / "run" / name).write_text("of another run")
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    tiny(epochs=2, teacher_weight=0.9, averaging=0.9)
    again = options(shapes_file, tmp_path / "run", teachers=(str(tmp_path / "teacher"),), force=True)
    with pytest.raises(KeyboardInterrupt):
        job.run(again, Lines(stop_after=1))
    assert not left.exists()
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {"model.keras", "history.csv", "resume.npz", "run.json", "teacher", "thesis.txt"}


@pytest.mark.keras
def test_a_pupil_that_learns_from_the_teacher_alone_takes_over_what_it_says(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    # A teacher that knows nothing: its pupil must end up as undecided, whatever the labels are.
    import keras

    pixels = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    dense = keras.layers.Dense(len(SHAPES), "softmax", kernel_initializer="zeros")
    keras.Model(pixels, dense(x)).save(tmp_path / "undecided.keras")
    tiny(epochs=15, teacher_weight=1.0, learning_rate=0.3)
    job.run(options(shapes_file, tmp_path / "run", teachers=(str(tmp_path / "undecided.keras"),)))
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    said = model.predict(np.load(shapes_file)["x_test"], verbose=0)
    assert abs(said - 1 / len(SHAPES)).max() < 0.1
