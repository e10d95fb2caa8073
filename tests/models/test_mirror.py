"""Asking two models in the same way where one looks at mirror images by itself."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from support import Listener, colour_model

from toolkit.models.mirror import MEAN, MIRROR_KEY, Mirrored, alike
from toolkit.models.open import OpenModel, open_model


@pytest.fixture
def plain(tiny_model: Path) -> OpenModel:
    return open_model(str(tiny_model), device="cpu")


@pytest.fixture
def mirroring(tmp_path: Path) -> OpenModel:
    """A model whose file says that it takes the mean."""
    model = colour_model()
    known = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**known, MIRROR_KEY: MEAN})
    onnx.save(model, tmp_path / "both.onnx")
    return open_model(str(tmp_path / "both.onnx"), device="cpu")


def test_only_the_model_that_does_not_mirror_is_asked_for_both(
    plain: OpenModel, mirroring: OpenModel
) -> None:
    notices = Listener()

    assert alike(plain, mirroring, notices) == (Mirrored(plain), mirroring)
    assert alike(mirroring, plain, notices) == (mirroring, Mirrored(plain))
    assert len(notices.notices) == 2
    assert f"{plain.name} is asked for both" in notices.notices[0]


def test_two_models_of_a_kind_are_asked_as_they_are(plain: OpenModel, mirroring: OpenModel) -> None:
    notices = Listener()

    assert alike(plain, plain, notices) == (plain, plain)
    assert alike(mirroring, mirroring, notices) == (mirroring, mirroring)
    assert notices.notices == []


def test_the_answers_are_the_mean_and_everything_else_is_the_models_own(plain: OpenModel) -> None:
    batch = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    both = Mirrored(plain)

    mean = (plain.probabilities(batch) + plain.probabilities(batch[:, :, ::-1].copy())) / 2
    np.testing.assert_allclose(both.probabilities(batch), mean, atol=1e-7)
    assert (both.name, both.labels, both.input_size) == (plain.name, plain.labels, plain.input_size)
    assert both.plan == plain.plan
