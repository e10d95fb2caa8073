from pathlib import Path

import numpy as np
import onnx
import pytest
from support import colour_model

from toolkit.classify.at_once import WEIGHTS, pictures_at_once
from toolkit.classify.classifier import load
from toolkit.models.open import open_model


def at_once(folder: Path, model: onnx.ModelProto, weights: int = 0) -> int:
    """Return what is chosen for a model whose file has some bytes of weights."""
    path = folder / "model.onnx"
    if weights:
        entry = model.metadata_props.add()
        entry.key, entry.value = "weights", "0" * weights
    onnx.save_model(model, path)
    return pictures_at_once(open_model(str(path), device="cpu"))


@pytest.mark.parametrize(("size", "count"), [(8, 512), (32, 32), (64, 8), (224, 1)])
def test_activations_of_a_run_fit_the_cache(tmp_path: Path, size: int, count: int) -> None:
    assert at_once(tmp_path, colour_model(size)) == count


def test_large_weights_are_read_once_for_several_pictures(tmp_path: Path) -> None:
    assert at_once(tmp_path, colour_model(224), 3 * WEIGHTS) == 3


def test_a_fixed_batch_is_never_cut_short(tmp_path: Path) -> None:
    assert at_once(tmp_path, colour_model(224, batch=5)) == 5
    assert at_once(tmp_path, colour_model(32, batch=20)) == 40


def test_a_batch_in_several_runs_gives_every_picture_its_own_answer(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save_model(colour_model(224), path)
    classifier = load(path, device="cpu", batch_size=7)
    from toolkit.classify.prepare import Prepared
    from toolkit.classify.stages import Stages
    from toolkit.classify.worker import Worker

    worker = Worker(classifier.model, batch_size=7, top_k=3, max_pixels=10**6)
    pixels = np.zeros((7, 224, 224, 3), np.uint8)
    for number in range(6):
        pixels[number, ..., number % 3] = 255
    outcome = worker.finish(Prepared((0, 7), {2: "missing"}, pixels, Stages()))
    assert outcome.best[:, 0].tolist() == [0, 1, 2, 0, 1, 2]
