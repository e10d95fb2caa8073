"""Real Keras models through tf2onnx into ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.errors import ExportError, OutputError, UsageError
from toolkit.export import job
from toolkit.export import verify as export_verify
from toolkit.export.options import DEFAULT_LOGIT_TOLERANCE, ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.open import open_model
from toolkit.models.predictor import predict

pytestmark = pytest.mark.keras

Build = Callable[[Any], Any]


@pytest.fixture(scope="session")
def keras() -> Any:
    from toolkit.keras_model.tensorflow import import_keras

    return import_keras("tests")


def spread(model: Any, seed: int = 0) -> Any:
    """Give weights a scale at which the answers differ between pictures; else any graph would agree."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if variable.path.endswith(("moving_variance", "gamma")):
            variable.assign(generator.uniform(0.5, 2, shape))
        elif len(shape) > 1:
            variable.assign(generator.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape))
        else:
            variable.assign(generator.normal(0, 0.5, shape))
    return model


def sequential(keras: Any) -> Any:
    k = keras.layers
    return keras.Sequential(
        [
            k.Rescaling(1 / 255),
            k.Conv2D(8, 3, activation="relu"),
            k.Flatten(),
            k.Dense(5, activation="softmax"),
        ]
    )


def functional(keras: Any) -> Any:
    k = keras.layers
    x = image = keras.Input((12, 12, 3))
    x = k.Rescaling(1 / 127.5, -1)(x)
    x = k.SeparableConv2D(8, 3, strides=2, padding="same")(x)
    x = k.BatchNormalization()(x)
    x = k.Activation("swish")(x)
    y = k.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = k.Concatenate()([x, y])
    x = k.Dropout(0.9)(k.GlobalMaxPooling2D(keepdims=True)(x))
    return keras.Model(image, k.Dense(5)(k.Flatten()(x)))


def augmenting(keras: Any) -> Any:
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            k.RandomFlip(),
            k.RandomRotation(0.2),
            k.RandomZoom(0.2),
            k.RandomContrast(0.2),
            k.Rescaling(1 / 255),
            k.Conv2D(8, 3, activation="relu"),
            k.GlobalMaxPooling2D(),
            k.Dense(5, activation="softmax"),
        ]
    )


def nested(keras: Any) -> Any:
    k = keras.layers
    block = keras.Sequential(
        [keras.Input((12, 12, 3)), k.Rescaling(1 / 255), k.Conv2D(6, 3), k.BatchNormalization()]
    )
    image = keras.Input((12, 12, 3))
    shared = k.GlobalAveragePooling2D()
    x = k.Concatenate()([shared(block(image)), shared(block(image))])
    return keras.Model(image, k.Dense(5, activation="softmax")(x))


def one_sigmoid(keras: Any) -> Any:
    k = keras.layers
    return keras.Sequential(
        [keras.Input((12, 12, 3)), k.Rescaling(1 / 255), k.Flatten(), k.Dense(1, activation="sigmoid")]
    )


def grey(keras: Any) -> Any:
    k = keras.layers
    return keras.Sequential(
        [keras.Input((12, 12, 1)), k.Rescaling(1 / 255), k.Conv2D(4, 3), k.Flatten(), k.Dense(5)]
    )


@pytest.mark.parametrize(
    "build", [sequential, functional, augmenting, nested, one_sigmoid, grey], ids=lambda f: f.__name__
)
def test_models_of_every_shape_export_and_agree_in_every_batch_size(
    keras: Any, tmp_path: Path, build: Build
) -> None:
    model = build(keras)
    if not model.built:
        model.build((None, 12, 12, 3))
    spread(model).save(tmp_path / "m.keras")
    result = job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    assert result.agreement["max_difference"] < 1e-5
    assert result.agreement["top1_agreement"] == 1
    exported = open_model(str(tmp_path / "m.onnx"), device="cpu")
    probabilities = predict(exported, generated_pictures(12, 12))
    assert probabilities.std(axis=0).max() > 0.05, "the answers hardly differ: this test could not fail"
    assert len(exported.labels) == (2 if build is one_sigmoid else 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.fixture
def small(keras: Any, tmp_path: Path) -> Path:
    model = sequential(keras)
    model.build((None, 12, 12, 3))
    spread(model).save(tmp_path / "small.keras")
    return tmp_path / "small.keras"


def test_the_file_tells_everything_about_itself(small: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("é\nb\na, quoted\nd\n1\n", encoding="utf-8")
    job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx", labels_file=tmp_path / "labels.txt"))
    model = open_model(str(tmp_path / "m.onnx"), device="cpu")
    assert model.labels == ("é", "b", "a, quoted", "d", "1")
    assert model.card.input_size == (12, 12)
    assert model.card.precision == "fp32"
    assert len(model.card.source_sha256) == 64
    assert '"max_difference"' in model.card.extra["verified"]
    proto = onnx.load(tmp_path / "m.onnx")
    assert proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    keys = {
        "labels",
        "input_size",
        "recipe",
        "accuracy",
        "data",
        "toolkit_version",
        "source_sha256",
        "precision",
    }
    assert keys <= {entry.key for entry in proto.metadata_props}


@pytest.mark.parametrize("opset", [13, 14, 15, 16, 17, 18])
def test_every_opset_of_the_range_loads_and_agrees(small: Path, tmp_path: Path, opset: int) -> None:
    result = job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx", opset=opset))
    assert result.opset == opset
    assert [o.version for o in onnx.load(tmp_path / "m.onnx").opset_import if o.domain == ""] == [opset]


def test_an_opset_out_of_range_names_the_range(small: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use 13 to 18"):
        job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx", opset=21))


def test_a_fixed_batch_is_kept_and_still_serves_any_number_of_pictures(small: Path, tmp_path: Path) -> None:
    job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx", batch=4))
    model = open_model(str(tmp_path / "m.onnx"), device="cpu")
    assert model.session.signature.batch == 4
    source = keras_predictor(str(small), where="test")
    pictures = generated_pictures(12, 12)[:7]
    np.testing.assert_allclose(model.probabilities(pictures), source.probabilities(pictures), atol=1e-5)


def test_one_weight_off_by_one_percent_makes_the_check_refuse(small: Path, tmp_path: Path) -> None:
    job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx"))
    proto = onnx.load(tmp_path / "m.onnx")
    tensor = next(t for t in proto.graph.initializer if len(t.dims) == 4)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[np.abs(values).argmax()] *= 1.01
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(proto, tmp_path / "changed.onnx")
    source = keras_predictor(str(small), where="test")
    agreement = export_verify.verify_file(
        tmp_path / "changed.onnx", source, generated_pictures(12, 12), batch=None
    )
    assert agreement.max_logit_difference > DEFAULT_LOGIT_TOLERANCE
    with pytest.raises(ExportError, match="differs from Keras"):
        job.refuse_difference(agreement, ExportOptions(model=str(small), output=tmp_path / "n.onnx"))


def test_nothing_appears_when_the_export_does_not_agree(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "DEFAULT_TOLERANCE", 0.0)
    monkeypatch.setattr(job, "generated_pictures", lambda h, w: generated_pictures(h, w, seed=5))
    with pytest.raises(ExportError, match="differs from Keras"):
        job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.keras"]


def test_a_missed_gate_is_a_result_and_leaves_no_file(small: Path, tmp_path: Path) -> None:
    result = job.run(ExportOptions(model=str(small), output=tmp_path / "m.onnx", tolerance=0.0))
    assert result.missed
    assert not (tmp_path / "m.onnx").exists()


def test_an_existing_output_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        job.run(ExportOptions(model=str(tmp_path / "not-even-there.keras"), output=tmp_path / "m.onnx"))


def test_layers_that_mix_the_pictures_of_a_batch_are_found(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    x = image = keras.Input((12, 12, 3))
    x = k.Flatten()(k.Rescaling(1 / 255)(x))
    x = x - keras.ops.mean(x, axis=0, keepdims=True)
    spread(keras.Model(image, k.Dense(5, activation="softmax")(x))).save(tmp_path / "m.keras")
    with pytest.raises(ExportError, match="in batches of 1 its answers differ"):
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.INT8, Precision.AUTO])
def test_a_precision_that_is_not_there_is_refused(tmp_path: Path, precision: Precision) -> None:
    with pytest.raises(UsageError, match="not available yet"):
        ExportOptions(model="m.keras", output=tmp_path / "m.onnx", precision=precision)
