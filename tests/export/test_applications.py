"""Architectures of keras.applications that break the plain converter, small, with answers that differ."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.export import job
from toolkit.export.options import ExportOptions
from toolkit.export.pictures import generated_pictures
from toolkit.export.verify import verify_file
from toolkit.keras_model.input_range import input_range
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.open import open_model
from toolkit.models.predictor import predict

pytestmark = pytest.mark.keras

BENCH = Path(__file__).parents[2] / "bench" / "random_weights.py"

NONE: dict[str, Any] = {"weights": None, "classes": 7}


def general(module: str) -> Any:
    """Import the module whose general form of an architecture Keras doesn't list."""
    return importlib.import_module(f"keras.src.applications.{module}")


def mobilenet_v3(keras: Any) -> Any:
    """Hard-swish, squeeze and excitation, padding on one side only, logits from a convolution."""
    return keras.applications.MobileNetV3Small(input_shape=(32, 32, 3), alpha=0.5, minimalistic=False, **NONE)


def efficientnet(keras: Any) -> Any:
    """Constants that TensorFlow keeps outside the graph."""
    return general("efficientnet").EfficientNet(0.25, 0.5, 32, input_shape=(32, 32, 3), **NONE)


def convnext(keras: Any) -> Any:
    """Grouped convolutions that Keras compiles, layer scale, layer normalisation."""
    return general("convnext").ConvNeXt([1, 1, 2, 1], [8, 16, 24, 32], input_shape=(32, 32, 3), **NONE)


def densenet(keras: Any) -> Any:
    """Concatenations."""
    return general("densenet").DenseNet([1, 2, 1, 1], input_shape=(32, 32, 3), name="densenet121", **NONE)


def resnet_v2(keras: Any) -> Any:
    """Zeros around the maximum of numbers that may be negative."""

    module = general("resnet")
    return module.ResNet(
        lambda x: module.stack_residual_blocks_v2(x, 16, 2, name="conv2"),
        preact=True,
        use_bias=True,
        input_shape=(32, 32, 3),
        name="resnet50v2",
        **NONE,
    )


# NASNet alone would take as long as all of these: it is in bench/applications.py, its crops are in test_job.
HARD = [mobilenet_v3, efficientnet, convnext, densenet, resnet_v2]


@pytest.fixture(scope="module")
def settle() -> Any:
    spec = importlib.util.spec_from_file_location("random_weights", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.settle


@pytest.mark.parametrize("build", HARD, ids=lambda f: f.__name__)
def test_a_hard_architecture_exports_and_a_changed_weight_does_not(
    settle: Any, tmp_path: Path, build: Callable[[Any], Any]
) -> None:
    from toolkit.keras_model.tensorflow import import_keras

    keras = import_keras("tests")
    keras.utils.set_random_seed(0)
    model = build(keras)
    side = model.input_shape[1]
    expected = input_range(model, None, "test").normalization
    settle(model, generated_pictures(side, side, count=12, seed=1) * expected.scale + expected.shift)
    source, output = tmp_path / "m.keras", tmp_path / "m.onnx"
    model.save(source)
    result = job.run(ExportOptions(model=str(source), output=output))
    assert result.agreement["max_logit_difference"] < 1e-3
    pictures = generated_pictures(side, side, count=24)
    logits = np.log(predict(open_model(str(output), device="cpu"), pictures))
    spread = (logits - logits.mean(axis=1, keepdims=True)).std(axis=0).mean()
    assert spread > 1, "the answers hardly differ: this test could not fail"
    change_one_weight(output)
    predictor = keras_predictor(str(source), where="test")
    assert verify_file(output, predictor, pictures, batch=1).beyond_noise


def change_one_weight(path: Path) -> None:
    """Make the largest weight of the first convolution 1 % larger."""
    proto = onnx.load(path)
    tensor = next(t for t in proto.graph.initializer if len(t.dims) == 4)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[np.abs(values).argmax()] *= 1.01
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(proto, path)
