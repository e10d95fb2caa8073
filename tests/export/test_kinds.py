"""Kinds of models that came out wrong, or with an error that nobody could act on, before."""

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.errors import ExportError, ModelError, UsageError
from toolkit.export import job, source
from toolkit.export.options import ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.export.step import Step
from toolkit.models.open import open_model
from toolkit.models.predictor import predict

pytestmark = pytest.mark.keras

SIZE = (12, 16)


def settled(model: Any) -> Any:
    """Give weights a scale at which the answers differ between pictures."""
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            variable.assign(generator.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape))
    return model


def chain(keras: Any, *layers: Any, first: Any = None) -> Any:
    k = keras.layers
    begin = [keras.Input((*SIZE, 3)), *([] if first is None else [first]), k.Rescaling(1 / 127.5, -1)]
    return settled(keras.Sequential([*begin, *layers, k.Flatten(), k.Dense(5, activation="softmax")]))


def activations(keras: Any) -> Any:
    """Two operators that ONNX doesn't have, in one graph."""
    k = keras.layers
    return chain(keras, k.Conv2D(4, 3, activation="gelu"), k.Conv2D(4, 3, activation="celu"))


def longer_output(keras: Any) -> Any:
    k = keras.layers
    return chain(keras, k.Conv2DTranspose(4, 4, strides=3, padding="valid", output_padding=1))


def longer_output_in_unequal_parts(keras: Any) -> Any:
    k = keras.layers
    return chain(keras, k.Conv2DTranspose(6, (5, 4), strides=3, padding="valid", output_padding=(1, 2)))


def output_longer_than_its_kernels(keras: Any) -> Any:
    """One axis reaches too far, the other is padded."""
    k = keras.layers
    once = k.Conv2DTranspose(6, 1, strides=3, padding="same")
    return chain(keras, once, k.Conv2DTranspose(4, (1, 3), strides=(4, 2), padding="same"))


def recurrent(keras: Any) -> Any:
    """Loops that take values from around them."""
    k = keras.layers
    return chain(keras, k.Reshape((SIZE[0], SIZE[1] * 3)), k.Bidirectional(k.GRU(4)))


def padded_resizing(keras: Any) -> Any:
    """Branches that take values from around them."""
    return chain(keras, first=keras.layers.Resizing(8, 8, pad_to_aspect_ratio=True))


def resized_by_area(keras: Any) -> Any:
    """To no whole part of the size, in one direction up, in the other down; the converter takes the nearest pixel."""
    return chain(keras, keras.layers.Resizing(17, 7, interpolation="area"), keras.layers.Conv2D(4, 3))


def resized_by_weights_of_a_table(keras: Any) -> Any:
    """Bicubic: TensorFlow takes the weights from a table, ONNX Runtime computes them."""
    k = keras.layers
    first = k.Resizing(17, 7, interpolation="bicubic")
    return chain(keras, k.Conv2D(4, 3), k.UpSampling2D((2, 3), interpolation="bicubic"), first=first)


def resized_without_an_operator(keras: Any) -> Any:
    """Antialiasing and Lanczos."""
    k = keras.layers
    return chain(
        keras,
        k.UpSampling2D(2, interpolation="lanczos5"),
        k.Conv2D(4, 3),
        first=k.Resizing(8, 9, antialias=True),
    )


def augmented(keras: Any) -> Any:
    return chain(keras, keras.layers.Conv2D(4, 3), first=keras.layers.RandAugment())


def in_dictionaries(keras: Any) -> Any:
    """One picture and one output, each in a dictionary."""
    k = keras.layers
    image = keras.Input((*SIZE, 3), name="image")
    scores = k.Dense(5, activation="softmax")(k.Flatten()(k.Rescaling(1 / 255)(image)))
    return settled(keras.Model({"image": image}, {"kind": scores}))


def named_freely(keras: Any) -> Any:
    """As Keras takes names on other backends than TensorFlow."""
    k = keras.layers
    layers = [k.Rescaling(1 / 255, name="größe"), k.Flatten(name="_flat"), k.Dense(5, name="die Klassen")]
    return settled(keras.Sequential([keras.Input((*SIZE, 3)), *layers], name="mein Modell"))


@pytest.mark.parametrize(
    "build",
    [
        activations,
        longer_output,
        longer_output_in_unequal_parts,
        output_longer_than_its_kernels,
        recurrent,
        padded_resizing,
        resized_by_area,
        resized_by_weights_of_a_table,
        resized_without_an_operator,
        augmented,
        in_dictionaries,
        named_freely,
    ],
    ids=lambda f: f.__name__,
)
def test_it_exports_and_agrees(keras: Any, tmp_path: Path, build: Callable[[Any], Any]) -> None:
    build(keras).save(tmp_path / "m.keras")
    result = job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    assert result.agreement["max_logit_difference"] < 1e-4
    answers = predict(open_model(str(tmp_path / "m.onnx"), device="cpu"), generated_pictures(*SIZE))
    assert answers.std(axis=0).max() > 0.02, "the answers hardly differ: this test could not fail"


def test_what_onnx_runtime_computes_wrong_is_not_excused_as_rounding(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It folds zeros into a max pooling; its plain and its optimised graph then differ as noise would."""
    k = keras.layers
    chain(keras, k.Conv2D(4, 3), k.ZeroPadding2D(1), k.MaxPooling2D(3, 2)).save(tmp_path / "m.keras")
    options = ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx")
    assert job.run(options).agreement["max_logit_difference"] < 1e-4
    monkeypatch.setattr(source, "KEEP_PAD", Step(name="nothing", change=lambda _: None))
    with pytest.raises(ExportError, match="differs from its source"):
        job.run(replace(options, force=True))


@pytest.mark.parametrize(
    ("kind", "channels", "form"), [("uint8", 1, "m.keras"), ("int32", 3, "m.keras"), ("uint8", 3, "saved")]
)
def test_an_input_of_whole_numbers_says_its_range_itself(
    keras: Any, tmp_path: Path, kind: str, channels: int, form: str
) -> None:
    k = keras.layers
    image = keras.Input((*SIZE, channels), dtype=kind)
    model = settled(keras.Model(image, k.Dense(5)(k.Flatten()(keras.ops.cast(image, "float32")) / 255)))
    source, output = tmp_path / form, tmp_path / "m.onnx"
    model.save(source) if source.suffix else model.export(source, verbose=False)
    result = job.run(ExportOptions(model=str(source), output=output))
    assert result.input_range == f"none, as its {kind} input says"
    pictures = generated_pictures(*SIZE)
    grey = np.rint(pictures @ np.array([[0.299], [0.587], [0.114]], np.float32)).astype(np.uint8)
    expected = keras.ops.softmax(model.predict_on_batch(grey if channels == 1 else pictures))
    np.testing.assert_allclose(predict(open_model(str(output), device="cpu"), pictures), expected, atol=1e-5)
    with pytest.raises(UsageError, match=rf"whole numbers \({kind}\).*--normalize"):
        job.run(ExportOptions(model=str(source), output=output, normalize="unit", force=True))


def test_a_saved_model_with_grouped_convolutions_exports(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    model = chain(keras, k.Conv2D(4, 3), k.Conv2D(8, 3, groups=4, activation="relu"))
    model.export(tmp_path / "saved", verbose=False)
    options = ExportOptions(model=str(tmp_path / "saved"), output=tmp_path / "m.onnx", normalize="none")
    assert job.run(options).agreement["max_logit_difference"] < 1e-4


def test_an_output_is_chosen_by_its_key(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    x = image = keras.Input((*SIZE, 3))
    x = k.Flatten()(k.Rescaling(1 / 255)(x))
    outputs = {"kind": k.Dense(5, activation="softmax")(x), "age": k.Dense(1)(x)}
    keras.Model(image, outputs).save(tmp_path / "m.keras")
    options = {"model": str(tmp_path / "m.keras"), "output": tmp_path / "m.onnx"}
    assert len(job.run(ExportOptions(**options, output_name="kind")).labels) == 5
    with pytest.raises(ModelError, match="use --output with one of kind, age"):
        job.run(ExportOptions(**options, output_name="colour", force=True))


def test_an_input_of_any_size_is_told_apart_from_no_picture_at_all(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    image = keras.Input((None, None, 3))
    x = k.GlobalAveragePooling2D()(k.Conv2D(4, 3)(k.Rescaling(1 / 255)(image)))
    keras.Model(image, k.Dense(5)(x)).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="the size of its input isn't fixed"):
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))


def test_an_operator_that_onnx_lacks_is_named_with_its_layer_and_what_to_do(
    keras: Any, tmp_path: Path
) -> None:
    smooth = keras.layers.Resizing(8, 8, interpolation="area", pad_to_aspect_ratio=True, name="smooth")
    chain(keras, first=smooth).save(tmp_path / "m.keras")
    words = r"'smooth_?\d*/.*' computes ResizeArea, which ONNX has no operator for .*: .*without pad_to_aspect_ratio"
    with pytest.raises(ExportError, match=words):
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    assert not (tmp_path / "m.onnx").exists()


def test_an_operator_of_a_later_opset_says_which(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    image = keras.Input((*SIZE, 3), dtype="uint8")
    common = keras.ops.cast(keras.ops.bitwise_and(image[:, 1:], image[:, :-1]), "float32")
    settled(keras.Model(image, k.Dense(5)(k.Flatten()(common)))).save(tmp_path / "m.keras")
    options = ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx")
    with pytest.raises(
        ExportError, match=r"computes BitwiseAnd, which ONNX has from opset 18 on.*--opset 18"
    ):
        job.run(options)
    assert job.run(replace(options, opset=18)).agreement["top1_agreement"] == 1


def test_a_model_that_divides_by_nothing_is_told_to_give_no_numbers(keras: Any, tmp_path: Path) -> None:
    """A picture of one colour has no deviation; that is no difference between the model and its export."""
    k, ops = keras.layers, keras.ops
    image = keras.Input((*SIZE, 3))
    spread = (image - ops.mean(image, (1, 2), keepdims=True)) / ops.std(image, (1, 2), keepdims=True)
    settled(keras.Model(image, k.Dense(5)(k.Flatten()(spread)))).save(tmp_path / "m.keras")
    options = ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx", normalize="none")
    with pytest.raises(ExportError, match=r"not numbers .*real pictures \(--verify DATA\)"):
        job.run(options)
    np.savez(
        tmp_path / "d.npz",
        **dict.fromkeys(
            ("x_train", "x_test"), np.random.default_rng(0).integers(0, 256, (9, *SIZE, 3), np.uint8)
        ),
        **dict.fromkeys(("y_train", "y_test"), np.arange(9) % 5),
    )
    assert job.run(replace(options, verify=str(tmp_path / "d.npz"))).accuracy is not None


def test_a_disk_that_is_full_is_one_sentence_and_leaves_nothing(keras: Any, tmp_path: Path) -> None:
    chain(keras).save(tmp_path / "m.keras")
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "export", "m.keras", "-o", "m.onnx"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == "error: can't write: File too large (m.onnx): check the disk and the path"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.keras"]


@pytest.mark.parametrize("opset", [13, 15, 18])
@pytest.mark.parametrize("batch", [None, 1, 4])
def test_pictures_are_transposed_once_and_maps_never_whatever_the_opset_and_the_batch(
    keras: Any, tmp_path: Path, opset: int, batch: int | None
) -> None:
    k = keras.layers
    model = chain(keras, k.Conv2D(4, 3, activation="relu"), k.MaxPooling2D(), k.Conv2D(6, 3), k.Conv2D(4, 3))
    model.save(tmp_path / "m.keras")
    output = tmp_path / "m.onnx"
    job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=output, opset=opset, batch=batch))
    operators = [node.op_type for node in onnx.load(output).graph.node]
    assert operators.count("Transpose") == 1
    assert operators.index("Transpose") < operators.index("Conv")
    assert not {"Shape", "Reshape", "Concat", "Gather"} & set(operators)


def test_depthwise_convolutions_have_a_group_for_each_channel_and_their_strides(
    keras: Any, tmp_path: Path
) -> None:
    k = keras.layers
    image = keras.Input((*SIZE, 3))
    x = k.SeparableConv2D(8, 3, strides=2, padding="same")(k.Rescaling(1 / 127.5, -1)(image))
    x = k.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    kept, flat = k.GlobalAveragePooling2D(keepdims=True)(x), k.GlobalAveragePooling2D()(x)
    x = k.Concatenate()([k.Flatten()(kept), flat])
    settled(keras.Model(image, k.Dense(5, activation="softmax")(x))).save(tmp_path / "m.keras")
    job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    graph = onnx.load(tmp_path / "m.onnx").graph
    kernels = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    found = []
    for node in (node for node in graph.node if node.op_type == "Conv"):
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        found.append((values["group"], list(values["strides"]), kernels[node.input[1]]))
    assert found == [
        (3, [2, 2], (3, 1, 3, 3)),
        (1, [1, 1], (8, 3, 1, 1)),
        (8, [1, 1], (16, 1, 3, 3)),
    ]
