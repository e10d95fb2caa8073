"""Real Keras models through tf2onnx into ONNX Runtime."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.errors import ExportError, ModelError, OutputError, UsageError
from toolkit.export import job, save
from toolkit.export import verify as export_verify
from toolkit.export.options import ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.matching import Unnamed
from toolkit.models.open import open_model
from toolkit.models.predictor import predict

pytestmark = pytest.mark.keras

Build = Callable[[Any], Any]


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
    x = k.Cropping2D(((0, 1), (1, 0)))(k.Concatenate()([x, y]))
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


def transposed(keras: Any) -> Any:
    k = keras.layers
    x = image = keras.Input((12, 12, 3))
    x = k.Conv2D(8, 3, dilation_rate=2, padding="same")(k.Rescaling(1 / 255)(x))
    x = k.GroupNormalization(4)(x)
    x = k.Conv2D(8, 3, groups=4, activation="leaky_relu")(x)
    x = k.LayerNormalization()(k.PReLU()(x))
    x = k.Conv2DTranspose(6, 3, strides=2, padding="same", activation="gelu")(x)
    x = k.Activation("hard_swish")(k.SpatialDropout2D(0.5)(x))
    x = k.Activation("relu6")(k.Conv2D(6, 3, strides=2, padding="same")(x))
    return keras.Model(image, k.Dense(5, activation="softmax")(k.Flatten()(x)))


def channels_first(keras: Any) -> Any:
    k = keras.layers
    x = image = keras.Input((3, 12, 12))
    x = k.Conv2D(6, 3, data_format="channels_first", activation="relu")(k.Rescaling(1 / 255)(x))
    x = k.MaxPooling2D(2, data_format="channels_first")(x)
    return keras.Model(image, k.Dense(5, activation="softmax")(k.Flatten(data_format="channels_first")(x)))


def resizing(keras: Any) -> Any:
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            k.Resizing(10, 10),
            k.CenterCrop(8, 8),
            k.Normalization(mean=[120.0, 110.0, 100.0], variance=[900.0, 800.0, 700.0]),
            k.Conv2D(6, 3, activation="relu"),
            k.Flatten(),
            k.Dense(5, activation="softmax"),
        ]
    )


MODELS = [
    sequential,
    functional,
    augmenting,
    nested,
    one_sigmoid,
    grey,
    transposed,
    channels_first,
    resizing,
]


@pytest.mark.parametrize("build", MODELS, ids=lambda f: f.__name__)
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
    assert onnx.load(tmp_path / "m.onnx").ir_version <= 9  # all that ONNX Runtime 1.17 of 2024 opens
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
    verified = export_verify.verify_file(
        tmp_path / "changed.onnx", source, generated_pictures(12, 12), batch=None
    )
    assert verified.beyond_noise > 0
    with pytest.raises(ExportError, match="by more than rounding explains"):
        job.refuse_difference(verified, ExportOptions(model=str(small), output=tmp_path / "n.onnx"))


def test_nothing_appears_when_the_export_does_not_agree(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TOLERANCE", "LOGIT_TOLERANCE", "NOISE_FACTOR", "MOST_EXPLAINED"):
        monkeypatch.setattr(export_verify, name, 0.0)
    monkeypatch.setattr(export_verify, "BATCH_SIZES", ())
    monkeypatch.setattr(
        "toolkit.export.pictures.generated_pictures", lambda h, w: generated_pictures(h, w, seed=5)
    )
    with pytest.raises(ExportError, match="differs from its source"):
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
    with pytest.raises(ExportError, match=r"in batches of \d+ its answers differ"):
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_a_model_of_mixed_precision_is_exported_in_float32(keras: Any, tmp_path: Path, policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = functional(keras)
        spread(model).save(tmp_path / "m.keras")
        assert model.layers[2].compute_dtype != "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    result = job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    assert result.agreement["max_difference"] < 1e-5
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "m.onnx").graph.initializer}
    assert kinds <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.INT32}


def test_a_saved_model_folder_exports(keras: Any, tmp_path: Path) -> None:
    model = spread(functional(keras))
    model.export(tmp_path / "saved", verbose=False)
    model.save(tmp_path / "m.keras")
    options = ExportOptions(
        model=str(tmp_path / "saved"), output=tmp_path / "m.onnx", normalize="none", from_logits=True
    )
    assert job.run(options).agreement["max_difference"] < 1e-5
    pictures = generated_pictures(12, 12)
    exported = open_model(str(tmp_path / "m.onnx"), device="cpu").probabilities(pictures)
    expected = keras_predictor(str(tmp_path / "m.keras"), where="test").probabilities(pictures)
    np.testing.assert_allclose(exported, expected, atol=1e-5)


def test_a_saved_model_that_keras_did_not_write_exports(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    model = spread(functional(keras))
    module = tf.Module()
    module.net = model
    signature = tf.TensorSpec([None, 12, 12, 3], tf.float32)
    serve = tf.function(lambda image: {"scores": model(image, training=False)}, input_signature=[signature])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": serve})
    options = ExportOptions(
        model=str(tmp_path / "saved"), output=tmp_path / "m.onnx", normalize="none", from_logits=True
    )
    result = job.run(options)
    assert result.agreement["max_difference"] < 1e-5
    from toolkit.inspect.keras_layers import inspect_keras

    told = inspect_keras(str(tmp_path / "saved"))
    assert [(tensor.shape, tensor.dtype) for tensor in told.inputs] == [((None, 12, 12, 3), "float32")]
    assert (told.outputs[0].name, told.layers, told.macs) == ("scores", (), None)
    assert told.parameters == model.count_params()


def test_a_saved_model_without_a_range_is_not_said_to_have_no_scaling(keras: Any, tmp_path: Path) -> None:
    spread(functional(keras)).export(tmp_path / "saved", verbose=False)
    with pytest.raises(UsageError, match="a SavedModel doesn't show whether it scales pixels itself"):
        job.run(ExportOptions(model=str(tmp_path / "saved"), output=tmp_path / "m.onnx"))


def subclassed(folder: Path, source: str) -> tuple[Any, str]:
    """Return the model of a class of its own, called once, and the module that defines it."""
    from toolkit.keras_model.choices import load_custom_objects

    module = folder / "subclassed.py"
    module.write_text(source)
    model = load_custom_objects(str(module))["Net"]()
    model(np.zeros((1, 12, 12, 3), np.float32))
    return model, str(module)


def test_a_subclassed_model_of_several_outputs_exports_the_one_that_is_named(
    keras: Any, tmp_path: Path
) -> None:
    model, module = subclassed(tmp_path, TWO_HEADS)
    model.save(tmp_path / "m.keras")
    options = ExportOptions(
        model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx", custom_objects=module, normalize="unit"
    )
    with pytest.raises(ModelError, match="it has 2 outputs: kind, colour"):
        job.run(options)
    from dataclasses import replace

    job.run(replace(options, output_name="colour"))
    assert len(open_model(str(tmp_path / "m.onnx"), device="cpu").labels) == 3


TWO_HEADS = """
import keras

class Net(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.flat = keras.layers.Flatten()
        self.kind = keras.layers.Dense(5, activation="softmax")
        self.colour = keras.layers.Dense(3, activation="softmax")

    def call(self, x):
        x = self.flat(x)
        return {"kind": self.kind(x), "colour": self.colour(x)}
"""


def test_a_model_that_was_never_called_is_refused_in_one_line(keras: Any, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="has not yet been built"):
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)]).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="the shape of its input isn't known"):
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx", normalize="unit"))


def test_a_subclassed_model_that_forwards_training_is_exported_as_at_inference(
    keras: Any, tmp_path: Path
) -> None:
    model, module = subclassed(tmp_path, SUBCLASSED)
    spread(model).save(tmp_path / "m.keras")
    options = ExportOptions(
        model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx", custom_objects=module
    )
    with pytest.raises(UsageError, match="the range that it expects is unknown"):
        job.run(options)
    from dataclasses import replace

    result = job.run(replace(options, normalize="unit"))
    assert result.agreement["max_difference"] < 1e-5


SUBCLASSED = """
import keras

class Net(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(5, activation="softmax")
        self.conv = keras.layers.Conv2D(6, 3)
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.9)
        self.flat = keras.layers.Flatten()

    def call(self, x, training=None):
        x = self.norm(self.conv(x), training=training)
        return self.dense(self.drop(self.flat(x), training=training))
"""


CIFAR = "mean=0.4914,0.4822,0.4465,std=0.2470,0.2435,0.2616"


@pytest.mark.parametrize("normalize", ["imagenet", "caffe", "minus1to1", "unit", "none", CIFAR])
def test_every_range_goes_into_the_graph(keras: Any, tmp_path: Path, normalize: str) -> None:
    k = keras.layers
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), k.Conv2D(6, 3, activation="relu"), k.GlobalMaxPooling2D(), k.Dense(5)]
    )
    generator = np.random.default_rng(3)
    size = {"none": 0.01, "caffe": 0.01}.get(normalize, 1.0)
    for variable in model.weights:
        variable.assign(generator.normal(0, size, tuple(variable.shape)))
    model.save(tmp_path / "m.keras")
    options = ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx", normalize=normalize)
    assert job.run(options).agreement["max_difference"] < 1e-5
    batch = generated_pictures(12, 12)
    values = {
        "none": lambda x: x,
        "unit": lambda x: x / 255,
        "minus1to1": lambda x: x / 127.5 - 1,
        "imagenet": lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        "caffe": lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
        CIFAR: lambda x: (x / 255 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616],
    }[normalize](batch.astype(np.float64))
    logits = model.predict_on_batch(values.astype(np.float32))
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    found = open_model(str(tmp_path / "m.onnx"), device="cpu").probabilities(batch)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.std(axis=0).max() > 0.01


def test_a_model_too_large_for_one_file_keeps_its_weights_beside_it(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save, "LARGEST_FILE", 1_000_000)
    k = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            k.Rescaling(1 / 255),
            k.Flatten(),
            k.Dense(900, activation="relu"),
            k.Dense(5, activation="softmax"),
        ]
    )
    spread(model).save(tmp_path / "m.keras")
    (tmp_path / "out").mkdir()
    result = job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "out" / "big é.onnx"))
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["big é.onnx", "big é.onnx.data"]
    assert result.size_bytes == sum(p.stat().st_size for p in (tmp_path / "out").iterdir())
    assert [file.name for file in result.files] == names
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    monkeypatch.chdir("/")
    pictures = generated_pictures(12, 12)
    found = open_model(str(moved / "big é.onnx"), device="cpu").probabilities(pictures)
    expected = keras_predictor(str(tmp_path / "m.keras"), where="test").probabilities(pictures)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    whole = (moved / "big é.onnx.data").read_bytes()
    (moved / "big é.onnx.data").write_bytes(whole[:1000])
    with pytest.raises(ModelError, match=r"a file with weights beside it is cut off \(1,000 bytes\)"):
        open_model(str(moved / "big é.onnx"), device="cpu")
    (moved / "big é.onnx.data").unlink()

    with pytest.raises(ModelError, match=r"big é\.onnx\.data"):
        open_model(str(moved / "big é.onnx"), device="cpu")


def test_the_weights_of_a_model_that_is_replaced_go_with_it_and_a_stranger_s_file_stays(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    k = keras.layers
    layers = [
        keras.Input((8, 8, 3)),
        k.Rescaling(1 / 255),
        k.Flatten(),
        k.Dense(900),
        k.Dense(5, activation="softmax"),
    ]
    spread(keras.Sequential(layers)).save(tmp_path / "m.keras")
    output = tmp_path / "m.onnx"
    options = ExportOptions(model=str(tmp_path / "m.keras"), output=output, force=True)
    beside = tmp_path / "m.onnx.data"
    with monkeypatch.context() as patched:
        patched.setattr(save, "LARGEST_FILE", 100_000)
        assert job.run(options).files == (output, beside)
    assert beside.exists()
    assert job.run(options).files == (output,)
    assert not beside.exists()
    beside.write_text("somebody else's")
    assert job.run(options).files == (output,)
    assert beside.read_text() == "somebody else's"


def test_a_tf2onnx_that_does_not_fit_is_named_with_its_version_and_the_remedy(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    k = keras.layers
    layers = [keras.Input((8, 8, 3)), k.Rescaling(1 / 255), k.Flatten(), k.Dense(5, activation="softmax")]
    spread(keras.Sequential(layers)).save(tmp_path / "m.keras")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "tf2onnx.py").write_text("import numpy\nnumpy.cast\n")  # as 1.16 does
    for name in [name for name in sys.modules if name.split(".")[0] == "tf2onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path / "old"))
    with pytest.raises(
        ExportError, match=r"tf2onnx [\d.]+ doesn't fit the other libraries \(AttributeError"
    ) as caught:
        job.run(ExportOptions(model=str(tmp_path / "m.keras"), output=tmp_path / "m.onnx"))
    assert "[train]" in caught.value.remedy
    assert not (tmp_path / "m.onnx").exists()


def test_numbers_that_are_given_as_labels_stay_names_in_the_file(tiny_model: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("0\n1\n2\n")
    job.run(ExportOptions(model=str(tiny_model), output=tmp_path / "m.onnx", labels_file=labels))
    assert not isinstance(open_model(str(tmp_path / "m.onnx"), device="cpu").labels, Unnamed)
    job.run(ExportOptions(model=str(tmp_path / "m.onnx"), output=tmp_path / "again.onnx"))
    assert not isinstance(open_model(str(tmp_path / "again.onnx"), device="cpu").labels, Unnamed)
