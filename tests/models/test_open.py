"""What MODEL means: our files and files from elsewhere, opened by the real ONNX Runtime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from support import Listener, colour_model

from toolkit.errors import InputError, ModelError, UsageError
from toolkit.models.matching import NAMES_KEY, Unnamed
from toolkit.models.open import OpenModel, open_model

WHITE = np.full((2, 8, 8, 3), 255, np.uint8)


def foreign(
    path: Path,
    head: str = "",
    *,
    layout: str = "NCHW",
    channels: int = 3,
    dtype: int = TensorProto.FLOAT,
    size: Any = 8,
    classes: Any = 3,
) -> Path:
    """A classifier without our metadata: the mean of each channel, then a head.

    Args:
        head: "" (logits), an operator for the three channels, or "unit" (a sigmoid over one number)
            or "logit" (the number itself), or "ensemble" (the mean of two softmaxes).
    """  # fmt: skip
    shape = ["N", channels, size, size] if layout == "NCHW" else ["N", size, size, channels]
    pixels = {"NCHW": [2, 3], "NHWC": [1, 2]}[layout] if head not in ("unit", "logit") else [1, 2, 3]
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f", "axes"], ["mean"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(np.array(pixels, np.int64), "axes")]
    if head in ("unit", "logit"):
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "last"))
        nodes += [
            helper.make_node("Unsqueeze", ["mean", "last"], ["one"]),
            helper.make_node("Sigmoid" if head == "unit" else "Identity", ["one"], ["y"]),
        ]
        classes = 1
    elif head == "ensemble":
        nodes += [helper.make_node("Softmax", ["mean"], [member]) for member in "ab"]
        nodes.append(helper.make_node("Mean", ["a", "b"], ["y"]))
    elif classes is None:  # an operator whose output size nobody can tell beforehand
        constants.append(numpy_helper.from_array(np.ones(3, bool), "all"))
        nodes.append(helper.make_node("Compress", ["mean", "all"], ["y"], axis=1))
    else:
        nodes.append(helper.make_node(head or "Identity", ["mean"], ["y"]))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", classes or "C"])], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def opened(path: object, **options: Any) -> OpenModel:
    return open_model(str(path), device="cpu", threads=1, **options)


def test_our_file_needs_no_options(tiny_model: Path) -> None:
    model = opened(tiny_model)
    assert (model.labels, model.input_size, model.head) == (("red", "green", "blue"), (8, 8), "probabilities")
    assert model.provider == "CPUExecutionProvider"
    np.testing.assert_allclose(model.probabilities(WHITE), np.full((2, 3), 1 / 3), rtol=1e-5)


@pytest.mark.parametrize(
    "batch", [[1, 2], None, "picture", np.zeros((1, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8)]
)
def test_what_is_no_batch_is_refused_in_words(tiny_model: Path, batch: Any) -> None:
    with pytest.raises(ModelError, match=r"give (a numpy array, )?uint8 \[N, 8, 8, 3\]"):
        open_model(str(tiny_model), device="cpu").probabilities(batch)


def test_our_file_refuses_a_second_normalisation(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="normalises inside its graph"):
        opened(tiny_model, normalize="unit")
    assert opened(tiny_model, normalize="none").head == "probabilities"


def test_a_float_model_from_elsewhere_must_be_told_its_range(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="doesn't say what range its float32 input has") as caught:
        opened(foreign(tmp_path / "f.onnx"))
    assert (
        "--normalize imagenet, unit (0 to 1), minus1to1, caffe, none (0 to 255), or mean="
        in caught.value.remedy
    )


def test_a_model_from_elsewhere_may_use_our_keys_for_something_else(tmp_path: Path) -> None:
    path = foreign(tmp_path / "f.onnx", "Softmax")
    model = onnx.load(path)
    for key, value in {"accuracy": "93 %", "labels": "a, b, c", "input_size": "8x8", "resize": "256"}.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    opened_model = opened(path, normalize="unit")
    assert opened_model.card.extra["accuracy"] == "93 %"
    assert (opened_model.card.accuracy, opened_model.plan.resize) == (None, "stretch")


def test_a_byte_model_from_elsewhere_needs_no_range(tmp_path: Path) -> None:
    model = opened(foreign(tmp_path / "f.onnx", "Softmax", layout="NHWC", dtype=TensorProto.UINT8))
    np.testing.assert_allclose(model.probabilities(WHITE), np.full((2, 3), 1 / 3), rtol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("normalize", "value"), [("unit", [1.0] * 3), ("minus1to1", [1.0] * 3), ("none", [255.0] * 3),
                             ("imagenet", [2.2489, 2.4286, 2.6400]),
                             ("mean=0.4914,0.4822,0.4465,std=0.247,0.2435,0.2616", [2.0591, 2.1265, 2.1158])],
)  # fmt: skip
def test_white_arrives_as_the_range_says_in_either_layout(
    tmp_path: Path, layout: str, normalize: str, value: list[float]
) -> None:
    model = opened(foreign(tmp_path / "f.onnx", layout=layout), normalize=normalize)
    scores = model.session.run(model.plan.model_input(WHITE))
    np.testing.assert_allclose(scores, [value] * 2, atol=2e-3)


def test_channels_keep_their_order(tmp_path: Path) -> None:
    model = opened(foreign(tmp_path / "f.onnx", "Softmax"), normalize="unit")
    red = np.zeros((1, 8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert model.probabilities(red).argmax() == 0


@pytest.mark.parametrize(
    ("head", "kind", "expected"),
    [
        ("", "logits", [1 / 3] * 3),
        ("Softmax", "probabilities", [1 / 3] * 3),
        ("ensemble", "probabilities", [1 / 3] * 3),
        ("Sigmoid", "multi-label", [1 / (1 + math.exp(-1))] * 3),
        ("Relu", "logits", [1 / 3] * 3),
    ],
)
def test_logits_get_a_softmax_and_probabilities_do_not(
    tmp_path: Path, head: str, kind: str, expected: list[float]
) -> None:
    model = opened(foreign(tmp_path / "f.onnx", head), normalize="unit")
    assert model.head == kind
    np.testing.assert_allclose(model.probabilities(WHITE), [expected] * 2, rtol=1e-5)


def without_softmax(path: Path, way: str) -> Path:
    """Write the softmax at the end of a file in other operators, or put some behind it."""
    model = onnx.load(path)
    graph = model.graph
    last = graph.node[-1]
    assert last.op_type == "Softmax"
    before, after, node = last.input[0], last.output[0], onnx.helper.make_node
    constants = {
        "axis": np.array([1], np.int64),
        "low": np.float32(0),
        "high": np.float32(1),
        "half": np.float32(0.5),
    }
    graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    endings = {
        "exp-sum-div": [
            node("Exp", [before], ["e"]),
            node("ReduceSum", ["e", "axis"], ["s"], keepdims=1),
            node("Div", ["e", "s"], [after]),
        ],
        "exp-logsoftmax": [node("LogSoftmax", [before], ["l"], axis=1), node("Exp", ["l"], [after])],
        "clip": [node("Softmax", [before], ["p"], axis=1), node("Clip", ["p", "low", "high"], [after])],
        "two-averaged": [
            node("Softmax", [before], ["p"], axis=1),
            node("Add", ["p", "p"], ["twice"]),
            node("Mul", ["twice", "half"], [after]),
        ],
    }
    del graph.node[-1]
    graph.node.extend(endings[way])
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("way", ["exp-sum-div", "exp-logsoftmax", "clip", "two-averaged"])
def test_what_is_probabilities_already_gets_no_softmax_however_it_was_made(tmp_path: Path, way: str) -> None:
    plain = opened(foreign(tmp_path / "plain.onnx", "Softmax"), normalize="unit")
    other = opened(without_softmax(foreign(tmp_path / "f.onnx", "Softmax"), way), normalize="unit")
    assert other.head == "probabilities"
    pictures = np.random.default_rng(1).integers(0, 256, (5, *WHITE.shape[1:]), np.uint8)
    np.testing.assert_allclose(other.probabilities(pictures), plain.probabilities(pictures), rtol=1e-5)


@pytest.mark.parametrize("head", ["unit", "logit"])
def test_one_unit_becomes_two_classes_with_its_sigmoid_and_without(tmp_path: Path, head: str) -> None:
    model = opened(foreign(tmp_path / "f.onnx", head), normalize="unit")
    assert model.labels == ("0", "1")
    second = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(model.probabilities(WHITE), [[1 - second, second]] * 2, rtol=1e-5)


def test_grey_models_get_one_channel(tmp_path: Path) -> None:
    model = opened(foreign(tmp_path / "f.onnx", channels=1, classes=1), normalize="unit")
    assert model.plan.model_input(WHITE).shape == (2, 1, 8, 8)


def test_labels_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    path = foreign(tmp_path / "f.onnx", "Softmax")
    assert opened(path, normalize="unit", labels_file=tmp_path / "labels.txt").labels == (
        "cat",
        "dog",
        "bird",
    )
    assert opened(path, normalize="unit").labels == ("0", "1", "2")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("cat\ndog\n", ModelError, "2 labels for 3 classes"),
        ("", InputError, "no class names in it"),
        ("cat\ncat\ndog\n", InputError, "names the class 'cat' twice"),
        ("[1, ", InputError, "not class names in JSON"),
    ],
)
def test_a_wrong_labels_file_is_refused(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(error, match=message):
        opened(foreign(tmp_path / "f.onnx"), normalize="unit", labels_file=tmp_path / "labels.txt")


def test_our_own_file_with_the_wrong_number_of_labels_is_refused(tmp_path: Path) -> None:
    onnx.save(colour_model(labels=("a", "b")), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="2 labels for 3 classes"):
        opened(tmp_path / "m.onnx")


def test_a_model_without_any_number_of_classes_needs_labels(tmp_path: Path) -> None:
    path = foreign(tmp_path / "f.onnx", classes=None)
    with pytest.raises(ModelError, match="how many classes"):
        opened(path, normalize="unit")
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    assert opened(path, normalize="unit", labels_file=tmp_path / "labels.txt").labels == ("a", "b", "c")


def test_a_model_of_any_picture_size_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="size of its input isn't fixed"):
        opened(foreign(tmp_path / "f.onnx", size="S"), normalize="unit")


@pytest.mark.parametrize(("option", "flag"), [("normalize", "--normalize"), ("resize", "--resize")])
def test_an_unknown_choice_names_the_choices(tmp_path: Path, option: str, flag: str) -> None:
    with pytest.raises(UsageError, match="'fancy' is not a choice") as caught:
        opened(foreign(tmp_path / "f.onnx"), **{"normalize": "unit", option: "fancy"})
    assert caught.value.where == flag


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_resize_decides_what_becomes_of_a_wide_picture(tiny_model: Path, resize: str) -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, :4, 0] = wide[:, 12:, 0] = 255  # red left and right, black in the middle
    model = opened(tiny_model, resize=resize)
    batch = model.plan.stack([wide])
    red, green, _ = batch.astype(float).mean(axis=(0, 1, 2))
    if resize == "crop":
        assert red < 30  # only the antialiased seams of the red stripes are left
        assert green == 0
    elif resize == "stretch":
        assert red == pytest.approx(127.5, abs=3)
        assert green == 0
    else:
        assert green == pytest.approx(127.5, abs=1)  # half of the square is white padding


def test_resize_defaults_to_what_the_file_says(tmp_path: Path) -> None:
    model = colour_model()
    next(p for p in model.metadata_props if p.key == "resize").value = "pad"
    onnx.save(model, tmp_path / "m.onnx")
    assert opened(tmp_path / "m.onnx").plan.resize == "pad"
    assert opened(tmp_path / "m.onnx", resize="crop").plan.resize == "crop"


@pytest.fixture(scope="module")
def fixed_model(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    path = tmp_path_factory.mktemp("fixed") / "fixed.onnx"
    onnx.save(colour_model(batch=4), path)
    return opened(path)


@given(st.integers(0, 11), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_fixed_batch_model_answers_any_number_of_pictures_and_no_padding(
    tiny_model: Path, fixed_model: OpenModel, count: int, seed: int
) -> None:
    batch = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)
    found = fixed_model.probabilities(batch)
    assert found.shape == (count, 3)
    expected = batch.reshape(count, 64, 3).mean(axis=1) + 1e-6
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((1, 3, 8, 8), np.uint8),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 9, 8, 3), np.uint8),
    ],
)
def test_another_batch_than_ours_is_refused(tiny_model: Path, batch: Any) -> None:
    with pytest.raises(ModelError, match=r"does not fit .*give uint8 \[N, 8, 8, 3\]"):
        opened(tiny_model).probabilities(batch)


def test_a_name_that_is_neither_file_nor_shipped_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file, and no shipped model of that name"):
        opened("no-such-model")
    with pytest.raises(ModelError, match="is a folder"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("flags", "bits", "told"), [("avx2", "8", True), ("avx2", "7", False), ("avx2 avx512_vnni", "8", False)]
)
def test_an_int8_file_made_for_a_newer_processor_says_that_its_sums_may_be_cut_off(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, bits: str, told: bool
) -> None:
    described, path = tmp_path / "cpuinfo", tmp_path / "int8.onnx"
    described.write_text(f"flags\t\t: {flags}\n")
    monkeypatch.setattr("toolkit.machine.features.CPU_INFO", described)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    model = onnx.load(tiny_model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**metadata, "precision": "int8", "weight_bits": bits})
    onnx.save(model, path)
    listener = Listener()
    open_model(str(path), device="cpu", observer=listener)
    assert any("8-bit weights" in text for text in listener.notices) is told


def test_a_multi_label_model_is_told_once(tmp_path: Path) -> None:
    listener = Listener()
    several = foreign(tmp_path / "several.onnx", "Sigmoid")
    open_model(str(several), device="cpu", normalize="unit", observer=listener)
    assert len([text for text in listener.notices if "is a multi-label model" in text]) == 1


def test_half_precision_on_the_cpu_is_said_to_gain_nothing(tmp_path: Path) -> None:
    model = colour_model()
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    listener = Listener()
    for precision in ("fp32", "fp16"):
        helper.set_model_props(model, {**metadata, "precision": precision})
        onnx.save(model, tmp_path / f"{precision}.onnx")
        open_model(str(tmp_path / f"{precision}.onnx"), device="cpu", observer=listener)
    assert listener.notices == [
        "fp16.onnx has 16-bit numbers, and the CPU computes them in 32 bits: "
        "it gains no speed here over the fp32 export"
    ]


def test_a_half_precision_file_from_elsewhere_is_known_by_its_input(tmp_path: Path) -> None:
    listener = Listener()
    path = foreign(tmp_path / "half.onnx", dtype=TensorProto.FLOAT16)
    open_model(str(path), device="cpu", normalize="unit", observer=listener)
    assert [notice for notice in listener.notices if "half.onnx has 16-bit numbers" in notice]


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_range_for_an_input_of_bytes_is_refused(tmp_path: Path, layout: str) -> None:
    path = foreign(tmp_path / "m.onnx", layout=layout, dtype=TensorProto.UINT8)
    with pytest.raises(UsageError, match="takes bytes from 0 to 255"):
        open_model(str(path), device="cpu", normalize="imagenet")
    open_model(str(path), device="cpu", normalize="none")


def test_a_model_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = foreign(tmp_path / "m.onnx")
    monkeypatch.setattr("toolkit.models.catalog.os.access", lambda *_: False)  # root may read everything
    with pytest.raises(ModelError, match="permission denied"):
        open_model(str(path), device="cpu", normalize="none")


@pytest.mark.parametrize("given", [False, True])
def test_numbers_are_names_where_somebody_gave_them(tmp_path: Path, given: bool) -> None:
    """In the file, or with --labels: else they only count the outputs."""
    model, labels = colour_model(labels=("0", "1", "2")), tmp_path / "labels.txt"
    labels.write_text("0\n1\n2\n")
    onnx.save(model, tmp_path / "plain.onnx")
    entry = model.metadata_props.add()
    entry.key, entry.value = NAMES_KEY, "true"
    onnx.save(model, tmp_path / "named.onnx")
    path = tmp_path / ("named.onnx" if given else "plain.onnx")
    assert isinstance(open_model(str(path), device="cpu").labels, Unnamed) is not given
    named = open_model(str(tmp_path / "plain.onnx"), device="cpu", labels_file=labels)
    assert not isinstance(named.labels, Unnamed)
