import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import ModelError, UsageError
from toolkit.inspect.keras_layers import inspect_keras
from toolkit.keras_model.choices import KerasChoices, load_custom_objects
from toolkit.keras_model.load import load_keras
from toolkit.keras_model.outputs import named_outputs
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.head import Head

pytestmark = [
    pytest.mark.keras,
    # Keras warns that HDF5 is an old format; reading it is what is tested.
    pytest.mark.filterwarnings("ignore:.*:UserWarning"),
]

Save = Callable[..., Path]
OURS = '{"recipe": "r", "settings": {}, %s}'
UNIT = KerasChoices(normalize="unit")


def dense(keras: Any, units: int = 4, activation: str | None = "softmax") -> list[Any]:
    return [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)]


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_keras_and_h5_files_load(keras: Any, saved: Save, name: str) -> None:
    loaded = load_keras(str(saved(*dense(keras), name=name)), where="test")
    assert loaded.input_size == (8, 8)
    assert len(loaded.sha256) == 64


@pytest.mark.parametrize(("name", "wrong"), [("model.keras", "other.h5"), ("model.h5", "other.keras")])
def test_content_decides_not_the_suffix(keras: Any, saved: Save, name: str, wrong: str) -> None:
    path = saved(*dense(keras), name=name)
    assert load_keras(str(path.rename(path.with_name(wrong))), where="test").input_size == (8, 8)


def test_a_saved_model_is_known_by_its_weights_and_not_by_its_graph_alone(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), *dense(keras)])
    for name in "ab":
        model.set_weights([weights + 1 for weights in model.get_weights()])
        model.export(tmp_path / name, verbose=False)
    shutil.copy(tmp_path / "a" / "saved_model.pb", tmp_path / "b")
    (tmp_path / "a" / "variables" / ".checkpoints").mkdir()  # as editors leave them
    one, other = (load_keras(str(tmp_path / name), where="test").sha256 for name in "ab")
    assert one != other


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_code_inside_a_file_is_refused_and_does_not_run(
    keras: Any, saved: Save, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "ran"
    written = str(marker)
    path = saved(
        keras.layers.Lambda(lambda x: (__import__("pathlib").Path(written).touch(), x)[1], name="trick"),
        *dense(keras),
        name=name,
    )
    marker.unlink(missing_ok=True)
    with pytest.raises(ModelError, match="Lambda layer 'trick'"):
        load_keras(str(path), where="test")
    assert not marker.exists()


def test_a_class_of_its_own_is_named(keras: Any, tmp_path: Path) -> None:
    class Odd(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x

    model = keras.Sequential([keras.Input((8, 8, 3)), Odd(), *dense(keras)])
    model.save(tmp_path / "odd.keras")
    with pytest.raises(ModelError, match="Odd"):
        load_keras(str(tmp_path / "odd.keras"), where="test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a Keras file"),
        (b"hello", "not a Keras file"),
        (b"PK\x03\x04 cut short", "damaged"),
        (b"\x89HDF\r\n\x1a\n cut short", "damaged"),
    ],
)
def test_files_that_are_no_models_get_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.keras").write_bytes(content)
    with pytest.raises(ModelError, match=words):
        load_keras(str(tmp_path / "x.keras"), where="test")


def test_weights_without_a_model_are_named_as_such(keras: Any, tmp_path: Path) -> None:
    keras.Sequential([keras.Input((8, 8, 3)), *dense(keras)]).save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ModelError, match="holds weights only"):
        load_keras(str(tmp_path / "x.weights.h5"), where="test")


def test_a_missing_file_and_an_empty_folder_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        load_keras(str(tmp_path / "x.keras"), where="test")
    with pytest.raises(ModelError, match="neither a run"):
        load_keras(str(tmp_path), where="test")


def test_the_range_of_the_input_is_found_or_asked_for_but_never_guessed(keras: Any, saved: Save) -> None:
    plain = saved(*dense(keras))
    with pytest.raises(UsageError, match="--normalize imagenet, unit"):
        keras_predictor(str(plain), where="test")
    scaling = saved(keras.layers.RandomFlip(), keras.layers.Rescaling(1 / 255), *dense(keras), name="s.keras")
    assert keras_predictor(str(scaling), where="test").plan.normalization.name == "none"
    with pytest.raises(UsageError, match="scales pixels itself"):
        keras_predictor(str(scaling), where="test", choices=UNIT)


def test_a_model_that_scales_and_one_that_does_not_agree_on_the_same_picture(keras: Any, saved: Save) -> None:
    inside = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), *dense(keras)])
    outside = keras.Sequential([keras.Input((8, 8, 3)), *dense(keras)])
    outside.set_weights(inside.get_weights())
    base = saved(*dense(keras)).parent
    inside.save(base / "in.keras")
    outside.save(base / "out.keras")
    batch = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    one = keras_predictor(str(base / "in.keras"), where="test").probabilities(batch)
    two = keras_predictor(str(base / "out.keras"), where="test", choices=UNIT).probabilities(batch)
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize(
    ("units", "activation", "head", "classes"),
    [
        (4, "softmax", Head.PROBABILITIES, 4),
        (4, None, Head.LOGITS, 4),
        (4, "sigmoid", Head.MULTI_LABEL, 4),
        (1, "sigmoid", Head.SIGMOID, 2),
        (1, None, Head.LOGIT, 2),
    ],
)
def test_the_head_is_told_from_the_last_activation(
    keras: Any, saved: Save, units: int, activation: str | None, head: Head, classes: int
) -> None:
    predictor = keras_predictor(str(saved(*dense(keras, units, activation))), where="test", choices=UNIT)
    assert predictor.head is head
    batch = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    probabilities = predictor.probabilities(batch)
    assert probabilities.shape == (3, classes)
    if not (activation == "sigmoid" and units > 1):
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_what_is_not_a_classifier_of_pictures_is_refused(keras: Any, saved: Save) -> None:
    with pytest.raises(ModelError, match="its output is"):
        keras_predictor(str(saved(keras.layers.Conv2D(3, 3))), where="test", choices=UNIT)
    with pytest.raises(ModelError, match="its input is"):
        keras_predictor(
            str(saved(keras.layers.Dense(3), name="v.keras", shape=(5,))), where="test", choices=UNIT
        )


def test_a_label_count_that_does_not_fit_is_refused(keras: Any, saved: Save, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("a\nb\n")
    with pytest.raises(ModelError, match="2 labels for 4 classes"):
        keras_predictor(
            str(saved(*dense(keras))),
            where="test",
            choices=KerasChoices(labels_file=labels, normalize="unit"),
        )


def test_code_inside_a_file_runs_when_the_user_says_so(keras: Any, saved: Save) -> None:
    path = saved(keras.layers.Lambda(lambda x: x / 255), *dense(keras))
    model = load_keras(str(path), where="test", choices=KerasChoices(allow_code=True)).model
    assert np.allclose(model.layers[0](np.full((1, 8, 8, 3), 255.0)), 1)


def test_classes_of_its_own_come_from_a_module(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_layers.py").write_text(
        "import keras\n\nclass Halve(keras.layers.Layer):\n    def call(self, x):\n        return x / 2\n"
    )
    choices = KerasChoices(custom_objects=str(tmp_path / "own_layers.py"), normalize="unit")
    halve = load_custom_objects(choices.custom_objects)["Halve"]
    keras.Sequential([keras.Input((8, 8, 3)), halve(), *dense(keras)]).save(tmp_path / "own.keras")
    with pytest.raises(ModelError, match="--custom-objects"):
        load_keras(str(tmp_path / "own.keras"), where="test")
    predictor = keras_predictor(str(tmp_path / "own.keras"), where="test", choices=choices)
    assert predictor.probabilities(np.zeros((1, 8, 8, 3), np.uint8)).shape == (1, 4)


def test_a_module_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    from toolkit.errors import InputError

    with pytest.raises(UsageError, match="no module"):
        load_custom_objects("no_such_module_anywhere")
    (tmp_path / "bad.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        load_custom_objects(str(tmp_path / "bad.py"))


def two_heads(keras: Any, tmp_path: Path) -> Path:
    x = image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    heads = [
        keras.layers.Dense(10, activation="softmax", name="b")(x),
        keras.layers.Dense(2, activation="softmax", name="a")(x),
    ]
    keras.Model(image, heads).save(tmp_path / "two.keras")
    return tmp_path / "two.keras"


def test_of_several_outputs_none_is_guessed(keras: Any, tmp_path: Path) -> None:
    path = str(two_heads(keras, tmp_path))
    with pytest.raises(ModelError, match="2 outputs: b, a"):
        keras_predictor(path, where="test")
    with pytest.raises(ModelError, match="no output 'c'"):
        keras_predictor(path, where="test", choices=KerasChoices(output="c"))
    for name, classes in (("a", 2), ("b", 10)):
        predictor = keras_predictor(path, where="test", choices=KerasChoices(output=name))
        assert len(predictor.labels) == classes


def test_a_model_with_several_outputs_is_described_with_all_of_them(keras: Any, tmp_path: Path) -> None:
    path = two_heads(keras, tmp_path)
    keras.models.load_model(path).export(tmp_path / "saved", verbose=False)
    for model, names in ((path, {"a", "b"}), (tmp_path / "saved", {"output_0", "output_1"})):
        outputs = inspect_keras(str(model)).outputs
        assert {output.name for output in outputs} == names
        assert {output.shape for output in outputs} == {(None, 2), (None, 10)}


def test_outputs_inside_dictionaries_and_lists_are_named_by_their_place(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    a, b, c = (keras.layers.Dense(units, activation="softmax")(x) for units in (2, 3, 5))
    path = tmp_path / "nested.keras"
    keras.Model(image, {"h": [a, b], "z": c}).save(path)
    units = {"h_0": 2, "h_1": 3, "z": 5}
    assert {output.name: output.shape[1] for output in inspect_keras(str(path)).outputs} == units
    with pytest.raises(ModelError, match="3 outputs: h_0, h_1, z"):
        keras_predictor(str(path), where="test")
    for name, classes in units.items():
        predictor = keras_predictor(str(path), where="test", choices=KerasChoices(output=name))
        assert len(predictor.labels) == classes


def test_the_only_output_of_a_dictionary_has_its_key_for_a_name(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(4, activation="softmax", name="last")(keras.layers.Flatten()(image))
    path = tmp_path / "one.keras"
    keras.Model({"picture": image}, {"kind": scores}).save(path)
    batch = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for name in (None, "kind"):
        choices = KerasChoices(normalize="unit", output=name)
        predictor = keras_predictor(str(path), where="test", choices=choices)
        assert (predictor.head, predictor.probabilities(batch).shape) == (Head.PROBABILITIES, (3, 4))
    with pytest.raises(ModelError, match=r"no output 'last' .*one of kind"):
        load_keras(str(path), where="test", choices=KerasChoices(output="last"))


def test_two_outputs_of_one_layer_do_not_hide_each_other(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(image)
    heads = [keras.layers.Dense(2)(x), keras.layers.Dense(10, activation="softmax")(x)]
    path, outer = tmp_path / "model.keras", keras.Input((8, 8, 3))
    keras.Model(outer, keras.Model(image, heads, name="sub")(outer)).save(path)
    outputs = inspect_keras(str(path)).outputs
    assert [(output.name, output.shape[1]) for output in outputs] == [("sub", 2), ("sub_1", 10)]
    with pytest.raises(ModelError, match="2 outputs: sub, sub_1"):
        load_keras(str(path), where="test")
    for name, units, head in (("sub", 2, Head.LOGITS), ("sub_1", 10, Head.PROBABILITIES)):
        predictor = keras_predictor(
            str(path), where="test", choices=KerasChoices(output=name, normalize="unit")
        )
        assert (len(predictor.labels), predictor.head) == (units, head)


def test_a_tuple_that_a_class_of_its_own_returns_is_several_outputs(keras: Any, tmp_path: Path) -> None:
    module, path = tmp_path / "pair.py", tmp_path / "pair.keras"
    module.write_text(
        "import keras\n@keras.saving.register_keras_serializable()\nclass Pair(keras.Model):\n"
        "    def __init__(self, **more):\n        super().__init__(**more)\n"
        "        self.heads = [keras.layers.Dense(n) for n in (2, 10)]\n        self.flat = keras.layers.Flatten()\n"
        "    def call(self, x):\n        x = self.flat(x)\n        return self.heads[0](x), self.heads[1](x)\n"
    )
    model = load_custom_objects(str(module))["Pair"](name="pair")
    model(np.zeros((1, 8, 8, 3), np.float32))
    model.save(path)
    with pytest.raises(ModelError, match="2 outputs: pair, pair_1"):
        load_keras(str(path), where="test", choices=KerasChoices(custom_objects=str(module)))


def test_names_of_outputs_never_meet(keras: Any) -> None:
    image = keras.Input((2,))
    a, b, c = (keras.layers.Dense(1, name=name)(image) for name in ("a", "b", "a_1"))
    assert list(named_outputs(keras.Model(image, [a, a, [c, b]]))) == ["a", "a_2", "a_1", "b"]
    assert list(named_outputs(keras.Model(image, {"h": [a, b], "h_0": c}))) == ["h_0", "h_1", "h_0_1"]


@pytest.mark.parametrize("content", ["[]", OURS % '"classes": 4', OURS % '"test_pictures": "many"'])
def test_a_record_of_a_run_that_is_none_is_named(keras: Any, saved: Save, content: str) -> None:
    path = saved(*dense(keras), name="model.keras")
    (path.parent / "run.json").write_text(content)
    with pytest.raises(ModelError, match=r"record isn't one of toolkit train .*run\.json"):
        load_keras(str(path), where="test")


def test_scores_between_0_and_1_that_do_not_add_up_are_in_doubt() -> None:
    from toolkit.keras_model.head import head_from_scores

    assert head_from_scores(np.array([[0.25, 0.75]], np.float32), "x") is Head.PROBABILITIES
    assert head_from_scores(np.array([[-3.0, 9.0]], np.float32), "x") is Head.LOGITS
    with pytest.raises(UsageError, match="--from-logits or --from-probabilities"):
        head_from_scores(np.array([[0.25, 0.25]], np.float32), "x")


@pytest.mark.parametrize(
    ("name", "first", "normalization"),
    [
        ("vgg16", "block1_conv1", "caffe"),
        ("resnet50", "conv1_conv", "caffe"),
        ("resnet50v2", "conv1_conv", "minus1to1"),
        ("mobilenetv2_1.00_224", "Conv1", "minus1to1"),
        ("mobilenet_1.00_224", "conv1", "minus1to1"),
        ("densenet121", "conv1_conv", "imagenet"),
        ("nasnet_mobile", "stem_conv1", "minus1to1"),
        ("inception_v3", "conv2d_94", "minus1to1"),
        ("xception", "block1_conv1", "minus1to1"),
    ],
)
def test_the_range_of_a_keras_application_is_known_by_its_name_and_that_of_its_first_layer(
    keras: Any, name: str, first: str, normalization: str
) -> None:
    from toolkit.keras_model.input_range import input_range

    def network(layer: str) -> Any:
        return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3, name=layer)], name=name)

    inner = network(first)
    outer = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.RandomFlip(), inner, keras.layers.Flatten()]
    )
    for model in (inner, outer):
        found = input_range(model, None, "x")
        assert found.normalization.name == normalization
        assert name in found.reason
    with pytest.raises(UsageError, match="the range that it expects is unknown"):
        input_range(network("first"), None, "x")  # somebody's own, called the same


def test_every_name_of_keras_applications_is_what_keras_itself_calls_it() -> None:
    """The table of names is checked against the source of the installed Keras."""
    import importlib
    import inspect

    from toolkit.keras_model.input_range import APPLICATIONS

    modes = {"caffe": "caffe", "tf": "minus1to1", "torch": "imagenet"}
    examples = {
        "vgg16": "vgg16",
        "resnet": "resnet50",
        "resnet_v2": "resnet50v2",
        "mobilenet": "mobilenet_1.00_224",
        "mobilenet_v2": "mobilenetv2_1.00_224",
        "xception": "xception",
        "inception_v3": "inception_v3",
        "inception_resnet_v2": "inception_resnet_v2",
        "nasnet": "nasnet_mobile",
        "densenet": "densenet121",
    }
    for module, model_name in examples.items():
        imported = importlib.import_module(f"keras.src.applications.{module}")
        source = inspect.getsource(imported.preprocess_input)
        mode = next(m for m in modes if f'mode="{m}"' in source)
        ((first, found),) = [(first, n) for pattern, first, n in APPLICATIONS if pattern.match(model_name)]
        assert found.name == modes[mode], module
        # ResNetV2 is built by the module of ResNet; Inception leaves its convolutions without names.
        names = re.findall(r'name="([^"]+)"', inspect.getsource(getattr(imported, "resnet", imported)))
        assert any(map(first.match, ["conv2d_94"] if "inception" in module else names)), module


def test_why_a_class_of_its_own_cannot_be_called_is_told(keras: Any, tmp_path: Path) -> None:
    module, path = tmp_path / "lost.py", tmp_path / "lost.keras"
    module.write_text(
        "import keras\nfactor = 2\n@keras.saving.register_keras_serializable()\nclass Lost(keras.Model):\n"
        "    def call(self, x):\n        return keras.ops.mean(x, (1, 2)) * factor\n"
    )
    model = load_custom_objects(str(module))["Lost"]()
    model(np.zeros((1, 8, 8, 3), np.float32))
    model.save(path)
    module.write_text(module.read_text().replace("factor = 2\n", ""))
    with pytest.raises(ModelError, match="can't call it: name 'factor' is not defined"):
        load_keras(str(path), where="test", choices=KerasChoices(custom_objects=str(module)))


def test_why_keras_cannot_load_a_model_is_told_and_not_that_it_cannot(tmp_path: Path, keras: Any) -> None:
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"filters": 4', b'"filters": -4')
    with zipfile.ZipFile(tmp_path / "broken.keras", "w") as broken:
        for name, content in parts.items():
            broken.writestr(name, content)
    with pytest.raises(ModelError, match="Keras can't load it: Invalid value for argument `filters`"):
        load_keras(str(tmp_path / "broken.keras"), where="test")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("allow_code", [False, True])
def test_a_lambda_as_an_activation_is_named_since_keras_itself_cannot_load_it(
    keras: Any, tmp_path: Path, suffix: str, allow_code: bool
) -> None:
    k = keras.layers
    path = tmp_path / f"m{suffix}"
    layers = [keras.Input((8, 8, 3)), k.Conv2D(4, 3, activation=lambda x: 2 * x), k.GlobalAveragePooling2D()]
    keras.Sequential(layers).save(path)
    with pytest.raises(ModelError, match="one of its activations is a lambda") as caught:
        load_keras(str(path), where="test", choices=KerasChoices(allow_code=allow_code))
    assert "--custom-objects" in caught.value.remedy


def test_a_record_of_another_tool_beside_a_model_is_passed_over(keras: Any, saved: Save) -> None:
    path = saved(*dense(keras), name="model.keras")
    (path.parent / "run.json").write_text('{"classes": 10, "name": "wandb"}')
    loaded = load_keras(str(path), where="test")
    assert (loaded.record, loaded.labels) == ({}, ())
