"""What a classifier's inputs and outputs say."""

from types import SimpleNamespace
from typing import Any

import pytest

from toolkit.errors import ModelError
from toolkit.runtime.signature import read_signature


def tensor(shape: list[Any], kind: str = "tensor(float)", name: str = "x") -> Any:
    return SimpleNamespace(name=name, type=kind, shape=shape)


def read(shape: list[Any], kind: str = "tensor(float)", output: list[Any] | None = None) -> Any:
    return read_signature([tensor(shape, kind, "in")], [tensor(output or ["N", 10], name="out")], "a.onnx")


@pytest.mark.parametrize(
    ("shape", "layout", "size", "channels", "batch"),
    [
        (["N", 32, 48, 3], "NHWC", (32, 48), 3, None),
        (["N", 3, 32, 48], "NCHW", (32, 48), 3, None),
        ([8, 28, 28, 1], "NHWC", (28, 28), 1, 8),
        ([None, 1, 28, 28], "NCHW", (28, 28), 1, None),
        ([-1, 224, 224, 3], "NHWC", (224, 224), 3, None),
        (["N", "H", "W", 3], "NHWC", (None, None), 3, None),
        (["N", 3, "H", "W"], "NCHW", (None, None), 3, None),
        (["N", 1, 64, 3], "NHWC", (1, 64), 3, None),  # a strip one pixel high
        (["N", 3, 64, 1], "NCHW", (64, 1), 3, None),  # a strip one pixel wide
        (["N", 3, 3, 3], "NHWC", (3, 3), 3, None),
    ],
)
def test_layout_size_channels_and_batch(
    shape: list[Any], layout: str, size: tuple[int | None, int | None], channels: int, batch: int | None
) -> None:
    found = read(shape)
    assert (found.layout, (found.height, found.width)) == (layout, size)
    assert (found.channels, found.batch, found.classes) == (channels, batch, 10)
    assert (found.input_name, found.output_name) == ("in", "out")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("tensor(uint8)", "uint8"), ("tensor(float)", "float32"), ("tensor(float16)", "float16"),
     ("tensor(double)", "float64")],
)  # fmt: skip
def test_the_type_is_numpy_s_name(kind: str, dtype: str) -> None:
    assert read(["N", 8, 8, 3], kind).dtype == dtype


@pytest.mark.parametrize(
    ("output", "classes"), [(["N", 7], 7), (["N", "C"], None), (["N", 7, 1, 1], 7), ([1, 1000], 1000)]
)
def test_the_number_of_classes(output: list[Any], classes: int | None) -> None:
    assert read(["N", 8, 8, 3], output=output).classes == classes


def test_the_output_with_the_classes_is_found_among_others() -> None:
    outputs = [tensor(["N", 5, 8, 8], name="features"), tensor(["N", 5], name="scores")]
    assert read_signature([tensor(["N", 8, 8, 3])], outputs, "a.onnx").output_name == "scores"


def test_of_several_outputs_that_could_be_classes_none_is_guessed() -> None:
    outputs = [
        tensor(["N", 2], name="a"),
        tensor(["N", 10, 1, 1], name="b"),
        tensor(["N", 5, 8, 8], name="c"),
    ]
    picture = [tensor(["N", 8, 8, 3])]
    with pytest.raises(ModelError, match=r"it has 2 outputs of \[N, classes\]: a, b") as caught:
        read_signature(picture, outputs, "an a.onnx")
    assert caught.value.remedy == (
        "export the one with the classes: toolkit export 'an a.onnx' --output NAME -o FILE"
    )
    assert read_signature(picture, outputs, "a.onnx", "b").classes == 10
    with pytest.raises(ModelError, match="it has no output 'c' of") as caught:
        read_signature(picture, outputs, "a.onnx", "c")
    assert caught.value.remedy == "use --output with one of a, b"


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([], [tensor(["N", 2])], "0 inputs"),
        ([tensor(["N", 8, 8, 3]), tensor(["N", 8, 8, 3])], [tensor(["N", 2])], "2 inputs"),
        ([tensor(["N", 128])], [tensor(["N", 2])], "2 dimensions instead of four"),
        ([tensor(["N", 8, 8, 3], "tensor(int64)")], [tensor(["N", 2])], "its input is tensor\\(int64\\)"),
        ([tensor(["N", 8, 8, 5])], [tensor(["N", 2])], "no axis of its input"),
        ([tensor(["N", "H", "W", "C"])], [tensor(["N", 2])], "no axis of its input"),
        ([tensor(["N", 8, 8, 3])], [tensor(["N", 2, 4, 4])], "no output has the shape"),
        ([tensor(["N", 8, 8, 3])], [tensor(["N", 2], "tensor(int64)")], "no output has the shape"),
        ([tensor(["N", 8, 8, 3])], [tensor(["N"])], "no output has the shape"),
    ],
)
def test_what_is_not_an_image_classifier_is_refused_with_the_reason(
    inputs: list[Any], outputs: list[Any], reason: str
) -> None:
    with pytest.raises(ModelError, match=f"not an image classifier: .*{reason}"):
        read_signature(inputs, outputs, "a.onnx")
