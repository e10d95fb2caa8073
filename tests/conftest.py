"""Fixtures that tests of several folders use: a small ONNX classifier, class folders, the command line."""

import gc
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from support import COLOURS, SHAPES, CommandLine, colour_model, draw, encoded, picture

# Tests that open ONNX Runtime by hand tell its maker as little as toolkit does.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Some import Keras before toolkit does, which then has no say in how TensorFlow computes.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Nothing is timed in tests: on a busy machine a picture may take longer to decode than Hypothesis allows an example.
# Fixtures of functions are folders that each example writes anew.
UNTIMED = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
settings.register_profile("untimed", deadline=None, suppress_health_check=UNTIMED)
settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a CUDA device where none starts, with the reason why it doesn't."""
    if item.get_closest_marker("gpu") is not None and (reason := no_gpu()) is not None:
        pytest.skip(reason)


@cache
def no_gpu() -> str | None:
    # In a process of its own: CUDA never lets go of a device that a process has once used.
    asked = "from toolkit.doctor.probe import probe; problem = probe('cuda'); print(problem.finding if problem else '')"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return done.stdout.strip() or None


def pytest_collection_finish() -> None:
    """Keep the collector of cycles away from the thousands of tests themselves: exports collect several times each."""
    gc.freeze()


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras, imported as toolkit does."""
    from toolkit.keras_model.tensorflow import import_keras

    return import_keras("tests")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of `colour_model()`: uint8 [batch, 8, 8, 3] -> share of red, green, blue."""
    path = tmp_path_factory.mktemp("model") / "colours.onnx"
    onnx.save(colour_model(), path)
    return path


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
