from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support import Listener, encoded, picture

from toolkit.errors import DataError, UsageError
from toolkit.models.open import OpenModel, open_model
from toolkit.verify.job import run
from toolkit.verify.options import VerifyOptions


@pytest.fixture
def model(tiny_model: Path) -> OpenModel:
    return open_model(str(tiny_model), device="cpu")


@pytest.fixture
def shifted(tiny_model: Path, tmp_path: Path) -> OpenModel:
    """The same model with a larger epsilon: answers drawn a little towards equal shares."""
    proto = onnx.load(tiny_model)
    for tensor in proto.graph.initializer:
        if tensor.name == "epsilon":
            tensor.CopyFrom(numpy_helper.from_array(np.float32(5.0), "epsilon"))
    onnx.save(proto, tmp_path / "shifted.onnx")
    return open_model(str(tmp_path / "shifted.onnx"), device="cpu")


def options(folder: Path, **choices: object) -> VerifyOptions:
    return VerifyOptions(data=str(folder), split="train", **choices)  # type: ignore[arg-type]


@pytest.fixture
def nameless(tiny_model: Path, tmp_path: Path) -> OpenModel:
    """The same without names of its classes."""
    proto = onnx.load(tiny_model)
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "nameless.onnx")
    return open_model(str(tmp_path / "nameless.onnx"), device="cpu")


def test_a_model_agrees_with_itself_and_both_are_right(model: OpenModel, colour_folder: Path) -> None:
    result = run(options(colour_folder, tolerance=0.0, min_agreement=1.0), model, model)
    assert result.agreement["max_difference"] == 0
    assert (result.accuracy, result.other_accuracy) == (1, 1)
    assert (result.missed, result.worst) == ((), ())


def test_data_that_changes_between_the_readings_for_two_models_is_refused(
    model: OpenModel, colour_folder: Path
) -> None:
    train = colour_folder.rename(colour_folder.with_name("train"))

    class Removing(Listener):
        def progress(self, *_: object, **__: object) -> None:
            (train / "red" / "00.png").unlink(missing_ok=True)

    padding = open_model(model.name, device="cpu", resize="pad")
    with pytest.raises(DataError, match="has changed meanwhile"):
        run(options(train.parent), model, padding, Removing())


def test_a_second_model_without_names_is_told_to_be_matched_by_position(
    model: OpenModel, nameless: OpenModel, colour_folder: Path
) -> None:
    listener = Listener()
    run(options(colour_folder), model, nameless, listener)
    (notice,) = (text for text in listener.notices if "nameless" in text)
    assert "nameless.onnx has no class names: its outputs are taken to be in the order" in notice


def test_a_first_model_without_names_is_judged_by_those_of_the_second(
    model: OpenModel, nameless: OpenModel, colour_folder: Path
) -> None:
    listener = Listener()
    result = run(options(colour_folder), nameless, model, listener)
    # The model's order, red, green, blue, isn't that of the folders, which go by the alphabet.
    assert (result.accuracy, result.other_accuracy) == (1, 1)
    assert not any("classes of the data" in notice for notice in listener.notices)


def test_one_picture_is_no_pictures(model: OpenModel, colour_folder: Path) -> None:
    listener = Listener()
    run(options(colour_folder, limit=1), model, model, listener)
    assert listener.steps[-1] == "Comparing on 1 picture"


def test_broken_pictures_that_were_left_out_are_named(model: OpenModel, colour_folder: Path) -> None:
    assert run(options(colour_folder), model, model).to_document()["skipped"] == []
    (colour_folder / "red" / "broken.png").write_bytes(b"not a picture")
    result = run(options(colour_folder, skip_broken=True), model, model)
    (skipped,) = result.to_document()["skipped"]
    assert skipped["path"].endswith("red/broken.png")
    assert skipped["reason"]


def test_gates_say_by_how_much_they_were_missed(
    model: OpenModel, shifted: OpenModel, colour_folder: Path
) -> None:
    result = run(options(colour_folder, tolerance=1e-5, worst=2), model, shifted)
    assert len(result.missed) == 1
    assert "above --tolerance 1e-05" in result.missed[0]
    assert result.agreement["top1_agreement"] == 1
    assert len(result.worst) == 2
    assert result.worst[0].difference == result.agreement["max_difference"]
    assert Path(result.worst[0].picture).suffix == ".png"


def test_classes_in_another_order_are_matched_by_name(
    model: OpenModel, colour_folder: Path, tmp_path: Path
) -> None:
    proto = onnx.load(model.session.path)
    order = numpy_helper.from_array(np.array([2, 0, 1], np.int64), "order")
    proto.graph.initializer.append(order)
    proto.graph.node[-1].output[0] = "before"
    proto.graph.node.append(onnx.helper.make_node("Gather", ["before", "order"], ["probabilities"], axis=1))
    for entry in proto.metadata_props:
        if entry.key == "labels":
            entry.value = '["blue", "red", "green"]'
    onnx.save(proto, tmp_path / "turned.onnx")
    result = run(options(colour_folder), model, open_model(str(tmp_path / "turned.onnx"), device="cpu"))
    assert result.agreement["max_difference"] == 0
    assert result.other_accuracy == 1


def test_data_with_other_classes_is_refused(model: OpenModel, colour_folder: Path) -> None:
    (colour_folder / "red").rename(colour_folder / "rouge")
    with pytest.raises(DataError, match="doesn't know the class 'rouge'"):
        run(options(colour_folder), model, model)


@pytest.mark.parametrize(
    ("choice", "flag"),
    [
        ({"split": "dev"}, "--split"),
        ({"tolerance": -1.0}, "--tolerance"),
        ({"tolerance": float("nan")}, "--tolerance"),
        ({"min_agreement": 1.1}, "--min-agreement"),
        ({"batch_size": 0}, "--batch-size"),
        ({"worst": -1}, "--worst"),
    ],
)
def test_a_value_out_of_range_names_its_flag(choice: dict[str, object], flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        VerifyOptions(data="x", **choice)  # type: ignore[arg-type]
    assert caught.value.where == flag


def test_each_model_gets_the_pictures_in_its_own_way(tiny_model: Path, tmp_path: Path) -> None:
    """A red picture with blue at both ends: cropped it is red, stretched it is not."""
    wide = picture((255, 0, 0), (8, 24))
    wide[:, :8] = wide[:, 16:] = (0, 0, 255)
    for name, content in (("red", wide), ("green", picture((0, 255, 0))), ("blue", picture((0, 0, 255)))):
        folder = tmp_path / "data" / "train" / name
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(encoded(content))
    stretch, crop = (open_model(str(tiny_model), device="cpu", resize=how) for how in ("stretch", "crop"))
    mixed = run(options(tmp_path / "data"), stretch, crop)
    assert (mixed.accuracy, mixed.other_accuracy) == (pytest.approx(2 / 3), 1)
    both = run(options(tmp_path / "data"), crop, crop)
    assert (both.accuracy, both.agreement["max_difference"]) == (1, 0)
