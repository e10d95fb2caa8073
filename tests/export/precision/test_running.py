"""A model that isn't a file yet runs like one that is."""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from toolkit.errors import OutputError
from toolkit.export.precision import running
from toolkit.export.precision.running import as_file, batches, probabilities

Run = Callable[..., np.ndarray]


@pytest.mark.parametrize("optimized", [True, False])
@pytest.mark.parametrize("count", [1, 5, 300])
def test_answers_are_those_of_the_model_however_many_pictures(
    paper: onnx.ModelProto, run: Run, optimized: bool, count: int
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
    np.testing.assert_allclose(
        probabilities(paper, images, optimized=optimized), run(paper, images), rtol=1e-4, atol=1e-5
    )


def test_a_fixed_batch_is_filled_up_and_cut_again(paper: onnx.ModelProto, run: Run) -> None:
    fixed = onnx.ModelProto()
    fixed.CopyFrom(paper)
    for value in (fixed.graph.input[0], fixed.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3)).astype(np.uint8)
    np.testing.assert_allclose(probabilities(fixed, images), run(paper, images), rtol=1e-4, atol=1e-5)


def test_batches_hold_every_picture_once() -> None:
    images = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1)
    parts = [(batch.ravel().tolist(), count) for batch, count in batches(images, 3, fixed=True)]
    assert parts == [([0, 1, 2], 3), ([3, 4, 5], 3), ([6, 6, 6], 1)]


def test_a_large_model_gets_its_weights_beside_it(
    paper: onnx.ModelProto, run: Run, monkeypatch: pytest.MonkeyPatch, held_out: np.ndarray
) -> None:
    monkeypatch.setattr(running, "LARGEST_FILE", 1_000)
    before = paper.SerializeToString()
    with as_file(paper) as path:
        assert (path.parent / "model.onnx.data").stat().st_size > path.stat().st_size
        assert paper.SerializeToString() == before
    np.testing.assert_allclose(probabilities(paper, held_out), run(paper, held_out), rtol=1e-4, atol=1e-5)


def test_nothing_is_left_in_the_temporary_folder(
    paper: onnx.ModelProto, held_out: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    probabilities(paper, held_out)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_output_error(paper: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(running.onnx, "save_model", full)
    with pytest.raises(OutputError, match="no space left"), as_file(paper):
        pass
