import json
from dataclasses import dataclass

import numpy as np
import pytest
from support import Listener, encoded, picture

from toolkit.errors import DataError, ModelError, OutputError
from toolkit.evaluate.job import run
from toolkit.evaluate.options import EvaluateOptions
from toolkit.models.open import open_model


def write(root, split, name, pictures):
    folder = root / split / name
    folder.mkdir(parents=True)
    for number, colour in enumerate(pictures):
        (folder / f"{number:02d}.png").write_bytes(encoded(picture(colour)))


@pytest.fixture
def data(tmp_path):
    """Ten test pictures, two of them in the wrong folder: the model's accuracy is known to be 0.8."""
    root = tmp_path / "data"
    write(root, "test", "blue", [(0, 0, 250), (0, 0, 240), (0, 20, 230)])
    write(root, "test", "green", [(0, 250, 0), (0, 250, 10), (200, 100, 0)])
    write(root, "test", "red", [(250, 0, 0), (250, 9, 0), (100, 0, 200), (240, 0, 0)])
    return root


@pytest.fixture
def model(tiny_model):
    return open_model(str(tiny_model), device="cpu")


def test_the_figures_are_those_of_the_pictures_in_the_models_order(data, model):
    result = run(EvaluateOptions(data=str(data)), model)
    assert result.labels == ("red", "green", "blue")
    assert result.pictures == 10
    assert result.metrics.right == 8
    assert result.metrics.accuracy == 0.8
    assert result.metrics.top_k == 3
    assert result.metrics.top_k_accuracy == 1
    assert result.metrics.confusion.tolist() == [[3, 0, 1], [1, 2, 0], [0, 0, 3]]
    assert result.metrics.support.tolist() == [4, 3, 3]
    assert result.metrics.precision.tolist() == pytest.approx([3 / 4, 1, 3 / 4])
    assert [(c.truth, c.predicted, c.count, c.share) for c in result.most_confused(5)] == [
        (0, 2, 1, 0.25),
        (1, 0, 1, pytest.approx(1 / 3)),
    ]


def test_data_without_names_is_told_to_be_taken_in_the_models_order(model, tmp_path):
    np.savez(tmp_path / "d.npz", x_test=np.zeros((2, 8, 8, 3), np.uint8), y_test=[0, 1])
    listener = Listener()
    run(EvaluateOptions(data=str(tmp_path / "d.npz")), model, listener)
    (notice,) = listener.notices
    assert "in the order of those of the model (red, green, blue)" in notice


def test_the_files_hold_every_figure_and_every_picture(data, model, tmp_path):
    out = tmp_path / "out"
    result = run(EvaluateOptions(data=str(data), output=out, top_k=2, data_name="colours"), model)
    assert result.files == (out / "metrics.json", out / "predictions.csv")
    document = json.loads((out / "metrics.json").read_text())
    assert document == json.loads(json.dumps(result.to_document()))
    assert document["data"] == "colours"
    assert document["accuracy"] == 0.8
    assert document["confusion"] == {
        "labels": ["red", "green", "blue"],
        "matrix": [[3, 0, 1], [1, 2, 0], [0, 0, 3]],
    }
    assert [c["label"] for c in document["classes"]] == ["red", "green", "blue"]
    rows = (out / "predictions.csv").read_text().splitlines()
    assert rows[0] == "path,status,label,probability,label_2,probability_2,error,truth"
    assert len(rows) == 11
    assert rows[1].startswith("test/blue/00.png,ok,blue,1.000000,")
    assert sorted({(row.split(",")[-1], row.split(",")[2]) for row in rows[1:]}) == [
        ("blue", "blue"), ("green", "green"), ("green", "red"), ("red", "blue"), ("red", "red")]  # fmt: skip


def test_examples_are_right_ones_then_wrong_ones_with_their_pictures(data, model):
    result = run(EvaluateOptions(data=str(data), examples=4), model)
    assert [example.right for example in result.examples] == [True, True, False, False]
    assert {example.path for example in result.examples[2:]} == {"test/green/02.png", "test/red/02.png"}
    for example in result.examples:
        expected = example.image_hwc.reshape(-1, 3).mean(axis=0)
        assert example.probabilities == pytest.approx(expected / expected.sum(), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_the_batch_size_changes_nothing(data, model, batch_size):
    whole = run(EvaluateOptions(data=str(data)), model).to_document()
    assert whole == run(EvaluateOptions(data=str(data), batch_size=batch_size), model).to_document()


def test_pictures_without_paths_are_named_by_split_and_position(model, tmp_path):
    pictures = np.stack([picture((255, 0, 0)), picture((0, 0, 255))])
    labels = np.array([0, 2])
    np.savez(tmp_path / "d.npz", x_train=pictures, y_train=labels, x_test=pictures, y_test=labels)
    options = EvaluateOptions(data=str(tmp_path / "d.npz"), output=tmp_path / "out")
    result = run(options, model)
    assert result.metrics.accuracy == 1
    assert [example.path for example in result.examples] == ["test[0]", "test[1]"]
    assert (tmp_path / "out" / "predictions.csv").read_text().splitlines()[2].startswith("test[1],ok,blue,")


def test_a_class_that_the_model_does_not_know_is_named(data, model):
    write(data, "test", "purple", [(200, 0, 200)])
    with pytest.raises(DataError, match="'purple'"):
        run(EvaluateOptions(data=str(data)), model)


def test_the_gate_says_by_how_much_it_was_missed(data, model):
    assert run(EvaluateOptions(data=str(data), min_accuracy=0.8), model).missed_by is None
    missed = run(EvaluateOptions(data=str(data), min_accuracy=0.9), model)
    assert missed.missed_by == pytest.approx(0.1)
    assert missed.to_document()["missed_by"] == pytest.approx(0.1)


def test_broken_pictures_are_listed_when_they_are_skipped(data, model, tmp_path):
    (data / "test" / "red" / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        run(EvaluateOptions(data=str(data)), model)
    out = tmp_path / "out"
    result = run(EvaluateOptions(data=str(data), skip_broken=True, output=out), model)
    assert result.pictures == 10
    assert [path for path, _ in result.skipped] == ["test/red/broken.png"]
    rows = (out / "predictions.csv").read_text().splitlines()
    assert len(rows) == 12
    assert [row.split(",")[:2] for row in rows[-2:]] == [
        ["test/red/03.png", "ok"], ["test/red/broken.png", "error"]]  # fmt: skip


def test_a_folder_with_files_in_it_is_refused_before_the_data_is_read(model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="isn't empty"):
        run(EvaluateOptions(data=str(tmp_path / "nowhere"), output=out), model)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@dataclass
class Broken:
    """A model whose answers are not numbers; a real one gets there by an overflow in fp16."""

    plan: object
    name: str = "broken"
    labels: tuple[str, ...] = ("red", "green", "blue")
    input_size: tuple[int, int] = (8, 8)

    def probabilities(self, batch_nhwc):
        return np.full((len(batch_nhwc), 3), np.nan, np.float32)


def test_answers_that_are_not_numbers_are_an_error_and_not_an_accuracy(data, model):
    with pytest.raises(ModelError, match="not numbers"):
        run(EvaluateOptions(data=str(data), min_accuracy=0), Broken(model.plan))


@dataclass
class Watching:
    """A model that keeps what it is shown."""

    plan: object
    shown: list
    name: str = "watching"
    provider: str = "none"
    labels: tuple[str, ...] = ("red", "green", "blue")
    input_size: tuple[int, int] = (8, 8)

    def probabilities(self, batch_nhwc):
        self.shown.append(batch_nhwc.copy())
        return np.full((len(batch_nhwc), 3), 1 / 3, np.float32)


def test_robustness_damages_the_picture_and_not_the_padding_around_it(tiny_model, tmp_path):
    folder = tmp_path / "data" / "test" / "red"
    folder.mkdir(parents=True)
    (folder / "wide.png").write_bytes(encoded(picture((120, 80, 40), (10, 20))))
    plan = open_model(str(tiny_model), device="cpu", resize="pad").plan
    model = Watching(plan, [])
    run(EvaluateOptions(data=str(tmp_path / "data"), robustness=True), model)
    images = np.concatenate(model.shown)
    assert len(images) > 1
    assert (images[:, :2] == 255).all()
    assert (images[:, 6:] == 255).all()
    assert len(np.unique(images[:, 2:6].mean(axis=(1, 2, 3)))) > 10
