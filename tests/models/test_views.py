"""Asking two models in the same way where one looks at several views of a picture by itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import Listener, colour_model

from toolkit.models.open import OpenModel, open_model
from toolkit.models.views import ONE, Averaged, Views, alike, views_of

MIRROR = Views(mirror=True)


@pytest.fixture
def plain(tiny_model: Path) -> OpenModel:
    return open_model(str(tiny_model), device="cpu")


@pytest.fixture
def mirroring(tmp_path: Path) -> OpenModel:
    """A model whose file says that it takes the mean."""
    model = colour_model()
    known = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**known, **MIRROR.to_metadata()})
    onnx.save(model, tmp_path / "both.onnx")
    return open_model(str(tmp_path / "both.onnx"), device="cpu")


def test_only_the_model_that_does_not_mirror_is_asked_for_both(
    plain: OpenModel, mirroring: OpenModel
) -> None:
    notices = Listener()

    assert alike(plain, mirroring, notices) == (Averaged(plain, MIRROR), mirroring)
    assert alike(mirroring, plain, notices) == (mirroring, Averaged(plain, MIRROR))
    assert len(notices.notices) == 2
    assert f"{plain.name} is asked for both" in notices.notices[0]


def test_two_models_of_a_kind_are_asked_as_they_are(plain: OpenModel, mirroring: OpenModel) -> None:
    notices = Listener()

    assert alike(plain, plain, notices) == (plain, plain)
    assert alike(mirroring, mirroring, notices) == (mirroring, mirroring)
    assert notices.notices == []


def test_the_answers_are_the_mean_and_everything_else_is_the_models_own(plain: OpenModel) -> None:
    batch = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    both = Averaged(plain, MIRROR)

    mean = (plain.probabilities(batch) + plain.probabilities(batch[:, :, ::-1].copy())) / 2
    np.testing.assert_allclose(both.probabilities(batch), mean, atol=1e-7)
    assert (both.name, both.labels, both.input_size) == (plain.name, plain.labels, plain.input_size)
    assert both.plan == plain.plan


@pytest.mark.parametrize("views", [ONE, MIRROR, Views(shift=2), Views(mirror=True, shift=1)])
def test_a_file_says_how_it_looks(views: Views) -> None:
    assert Views.of(views.to_metadata()) == views
    assert len(list(views.places(8, 8))) == len(views)


def test_a_shift_that_is_no_number_counts_as_none() -> None:
    for text in ("", "one", "-1", "1.5", "²"):
        assert Views.of({"shift": text}) == ONE


def test_two_models_of_other_views_are_compared_as_they_are_and_that_is_said(
    plain: OpenModel, mirroring: OpenModel
) -> None:
    moving = replace(plain, card=replace(plain.card, extra=Views(shift=1).to_metadata()))
    assert (views_of(plain), views_of(mirroring), views_of(moving)) == (ONE, MIRROR, Views(shift=1))
    notices = Listener()
    assert alike(mirroring, moving, notices) == (mirroring, moving)
    assert "they are compared as they are" in notices.notices[0]
