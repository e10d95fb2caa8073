"""Going on from a trained model: `--from`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import draw
from training import Lines, options, weights

from toolkit.errors import ModelError, UsageError
from toolkit.train import job
from toolkit.train.recipe import Recipe
from toolkit.train.start import open_start

pytestmark = pytest.mark.keras

Tiny = Callable[..., Recipe]


@pytest.fixture
def trained(tiny: Tiny, shapes_file: Path, tmp_path: Path) -> Path:
    tiny(epochs=4, augment=True)
    job.run(options(shapes_file, tmp_path / "trained"))
    return tmp_path / "trained"


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    """20x20 pictures of other classes than the model was trained on."""
    generator = np.random.default_rng(5)
    images = np.stack([255 - draw(name, 20, generator) for name in ("cross", "stripe") for _ in range(10)])
    labels = np.repeat([0, 1], 10)
    np.savez(tmp_path / "two.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return tmp_path / "two.npz"


def test_a_new_last_layer_is_trained_alone_first_and_then_all_layers(
    tiny: Tiny, trained: Path, two_classes: Path, tmp_path: Path
) -> None:
    tiny(epochs=2, head_epochs=2)
    seen = Lines()
    result = job.run(options(two_classes, tmp_path / "head", start_from=str(trained)), seen)
    assert any("brought to 16×16 pixels" in line for line in seen.lines)
    before, after = weights(trained), weights(tmp_path / "head")
    for was, now in zip(before[:-2], after[:-2], strict=True):
        np.testing.assert_array_equal(now, was)
    assert after[-1].shape == (2,)
    tiny(epochs=3, head_epochs=2)
    job.run(options(two_classes, tmp_path / "all", start_from=str(trained)))
    assert not np.array_equal(weights(tmp_path / "all")[0], before[0])
    assert result.parameters == sum(w.size for w in after)


def with_backbone(path: Path, *, frozen: bool = False) -> Path:
    """Save a classifier of 16x16 pictures whose convolution stands in a model of its own."""
    import keras

    inner = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, strides=2)(inner))
    backbone = keras.Model(inner, x, name="backbone")
    backbone.trainable = not frozen
    outer = keras.Input((16, 16, 3))
    scaled = keras.layers.Normalization(mean=127.0, variance=5000.0)(outer)
    x = keras.layers.GlobalAveragePooling2D()(backbone(scaled))
    keras.Model(outer, keras.layers.Dense(3, "softmax")(x)).save(path)
    return path


def test_layers_that_were_frozen_learn_after_the_head(tiny: Tiny, two_classes: Path, tmp_path: Path) -> None:
    import keras

    frozen = with_backbone(tmp_path / "frozen.keras", frozen=True)
    tiny(epochs=2, head_epochs=1)
    job.run(options(two_classes, tmp_path / "run", start_from=str(frozen)))
    before = keras.models.load_model(frozen).get_layer("backbone")
    after = keras.models.load_model(tmp_path / "run" / "model.keras").get_layer("backbone")
    assert after.trainable
    changed = [
        not np.array_equal(w, b) for w, b in zip(after.get_weights(), before.get_weights(), strict=True)
    ]
    assert (
        changed == [True] * 6
    )  # kernel and bias; scale, shift, mean and variance of the batch normalisation


def test_a_network_that_allows_it_takes_pictures_of_another_size(
    tiny: Tiny, trained: Path, two_classes: Path, tmp_path: Path
) -> None:
    import keras

    tiny(epochs=1)
    job.run(options(two_classes, tmp_path / "run", start_from=str(trained / "model.keras"), image_size=24))
    assert keras.models.load_model(tmp_path / "run" / "model.keras").input_shape == (None, 24, 24, 3)


@pytest.mark.parametrize("kind", ["functional", "sequential", "resizing"])
def test_another_size_reaches_the_models_inside_a_model(
    tiny: Tiny, two_classes: Path, tmp_path: Path, kind: str
) -> None:
    import keras

    tiny(epochs=1)
    model = keras.models.load_model(with_backbone(tmp_path / "nested.keras"))
    if kind == "resizing":  # the model inside gets pictures of its size already
        pixels = keras.Input((16, 16, 3))
        x = keras.layers.Resizing(16, 16)(keras.layers.Rescaling(1 / 255)(pixels))
        x = keras.layers.GlobalAveragePooling2D()(model.get_layer("backbone")(x))
        keras.Model(pixels, keras.layers.Dense(3, "softmax")(x)).save(tmp_path / "nested.keras")
    if kind == "sequential":
        inner = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()])
        scaling, pooling = keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()
        model = keras.Sequential(
            [keras.Input((16, 16, 3)), scaling, inner, pooling, keras.layers.Dense(3, "softmax")]
        )
        model.save(tmp_path / "nested.keras")
    job.run(options(two_classes, tmp_path / "run", start_from=str(tmp_path / "nested.keras"), image_size=24))
    assert keras.models.load_model(tmp_path / "run" / "model.keras").input_shape == (None, 24, 24, 3)


def test_a_network_that_does_not_names_the_size_that_works(
    trained: Path, two_classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    pixels = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, keras.layers.Dense(3, "softmax")(keras.layers.Dense(4)(x))).save(
        tmp_path / "flat.keras"
    )
    monkeypatch.undo()
    with pytest.raises(UsageError, match="use --image-size 16"):
        job.run(
            options(two_classes, tmp_path / "run", start_from=str(tmp_path / "flat.keras"), image_size=24)
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((16, 16, 1), "it takes grey pictures"),
        ((3, 16, 16), "it takes the channels of a picture first"),
        ((None, None, 3), "the size of its input isn't fixed"),
    ],
)
def test_a_model_of_other_pictures_than_training_shows_is_refused_for_what_it_is(
    tmp_path: Path, shape: tuple[int | None, ...], words: str
) -> None:
    import keras

    pixels = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, keras.layers.Dense(3, "softmax")(x)).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=words):
        open_start(str(tmp_path / "other.keras"), where="test")


def test_augmentation_inside_a_model_goes_on_as_in_a_run_that_was_never_stopped(
    tiny: Tiny, two_classes: Path, tmp_path: Path
) -> None:
    import keras

    pixels = keras.Input((20, 20, 3))
    x = keras.layers.Rescaling(1 / 255)(keras.layers.RandomTranslation(0.3, 0.3)(pixels))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, strides=2)(x))
    keras.Model(pixels, keras.layers.Dense(3, "softmax")(x)).save(tmp_path / "moving.keras")
    tiny(epochs=3)
    start = str(tmp_path / "moving.keras")
    job.run(options(two_classes, tmp_path / "whole", start_from=start))
    with pytest.raises(KeyboardInterrupt):
        job.run(options(two_classes, tmp_path / "parts", start_from=start), Lines(stop_after=1))
    job.run(options(two_classes, tmp_path / "parts", start_from=start, resume=True))
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_fine_tuning_is_resumed_as_any_run(
    tiny: Tiny, trained: Path, two_classes: Path, tmp_path: Path
) -> None:
    tiny(epochs=4, head_epochs=2, averaging=0.9, augment=True)
    job.run(options(two_classes, tmp_path / "whole", start_from=str(trained)))
    for stop in (1, 3):
        again = options(two_classes, tmp_path / "parts", start_from=str(trained), resume=True)
        with pytest.raises(KeyboardInterrupt):
            job.run(again, Lines(stop_after=stop))
    job.run(options(two_classes, tmp_path / "parts", start_from=str(trained), resume=True))
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "parts"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    other = options(two_classes, tmp_path / "parts", start_from="paper-cnn", image_size=16, resume=True)
    with pytest.raises(UsageError, match=r"another start: .*trained, not paper-cnn"):
        job.run(other)


def test_a_shipped_model_is_found_by_its_name_and_one_without_weights_is_refused() -> None:
    assert open_start("paper-cnn", where="test").input_size == (32, 32)
    with pytest.raises(ModelError, match="an ONNX file can't be trained any further"):
        open_start("model.ONNX", where="test")
    with pytest.raises(ModelError, match=r"use one of .*paper-cnn$"):
        open_start("paper-cnn-int8", where="test")


def test_the_recipe_for_fine_tuning_says_that_it_needs_a_model(shapes_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="add --from MODEL"):
        job.run(options(shapes_file, tmp_path / "run", recipe="fine-tune"))
