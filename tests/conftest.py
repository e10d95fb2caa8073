"""Real inputs made in code: a small ONNX classifier, pictures of every kind, class folders."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

COLOURS = ("red", "green", "blue")


def colour_model(
    size: int = 8, labels: Sequence[str] = COLOURS, batch: int | str = "batch"
) -> onnx.ModelProto:
    """A classifier in our format that answers with a picture's mean colour: the share of red, green and blue."""
    epsilon = numpy_helper.from_array(np.float32(1e-6), "epsilon")
    axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
    last = numpy_helper.from_array(np.array([1], np.int64), "last")
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "epsilon"], ["positive"]),
        helper.make_node("ReduceSum", ["positive", "last"], ["total"], keepdims=1),
        helper.make_node("Div", ["positive", "total"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 3])],
        [epsilon, axes, last],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(
        model,
        {
            "labels": json.dumps(list(labels)),
            "input_size": json.dumps([size, size]),
            "recipe": "colours",
            "accuracy": "1",
            "data": "made in code",
            "precision": "fp32",
            "resize": "stretch",
            "source_sha256": "",
            "toolkit_version": "0.0.0",
        },
    )
    onnx.checker.check_model(model)
    return model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of `colour_model()`: uint8 [batch, 8, 8, 3] -> share of red, green, blue."""
    path = tmp_path_factory.mktemp("model") / "colours.onnx"
    onnx.save(colour_model(), path)
    return path


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> NDArray[np.uint8]:
    """A picture of one colour: uint8 [H, W, 3]."""
    return np.full((*size, 3), colour, np.uint8)


def encoded(image_hwc: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(image_hwc).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def colour_folder(tmp_path: Path) -> Path:
    """Class folders red/ green/ blue/ with four pictures each, named so that sorting matters."""
    root = tmp_path / "colours"
    for index, name in enumerate(COLOURS):
        (root / name).mkdir(parents=True)
        for number in range(4):
            values = [20 + number] * 3
            values[index] = 200 + number
            (root / name / f"{number:02d}.png").write_bytes(encoded(picture(tuple(values))))  # type: ignore[arg-type]
    return root


SHAPES = ("circle", "cross", "stripe")


def draw(kind: str, side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A picture that a small network can learn to tell from the others: uint8 [side, side, 3]."""
    picture = generator.integers(0, 60, (side, side, 3))
    middle = side // 2 + generator.integers(-2, 3)
    y, x = np.mgrid[:side, :side]
    shapes = {
        "circle": (x - middle) ** 2 + (y - middle) ** 2 < (side // 3) ** 2,
        "cross": (abs(x - middle) < 3) | (abs(y - middle) < 3),
        "stripe": (y + middle) % 8 < 4,
    }
    picture[shapes[kind]] += 150
    return picture.astype(np.uint8)


@pytest.fixture(scope="session")
def shapes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and test/ with three classes of 48x48 JPEG files: 20 and 8 pictures a class."""
    root = tmp_path_factory.mktemp("shapes")
    generator = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 8)):
        for name in SHAPES:
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(draw(name, 48, generator)).save(folder / f"{index:03d}.jpg")
    return root


CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def toolkit(tmp_path: Path) -> CommandLine:
    """Run the real command line in a subprocess: `toolkit("classify", path, "-m", model, check=0)`.

    `check` is the exit code expected (None: any); the working folder is a fresh one.
    """

    def run(
        *arguments: object,
        check: int | None = 0,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=cwd or tmp_path,
            env={**os.environ, **(env or {})},
            input=stdin,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    return run


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of error of a failed command; fails when there is a traceback or more than one."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr, done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]
