"""Every recipe's network, at its own size and others."""

import pytest

from toolkit.keras_model.tensorflow import import_keras
from toolkit.train.recipes import NAMES, find_recipe
from toolkit.train.settings import parse_overrides

BUILT = [name for name in NAMES if find_recipe(name).build is not None]


@pytest.mark.keras
@pytest.mark.parametrize("name", BUILT)
def test_a_network_fits_its_smallest_pictures_larger_ones_and_any_number_of_classes(name: str) -> None:
    import_keras("test")
    recipe = find_recipe(name)
    assert recipe.build is not None
    for height, width, classes in ((recipe.smallest, recipe.smallest, 2), (40, 56, 7)):
        model = recipe.build((height, width, 3), classes, recipe.defaults)
        assert model.input_shape == (None, height, width, 3)
        assert model.output_shape == (None, classes)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "most"), [("edge-s", 450_000), ("edge-m", 1_100_000), ("edge-l", 2_800_000)]
)
def test_our_networks_are_small_enough_to_ship(name: str, most: int) -> None:
    import_keras("test")
    recipe = find_recipe(name)
    assert recipe.build is not None
    assert recipe.build((32, 32, 3), 10, recipe.defaults).count_params() <= most


@pytest.mark.keras
@pytest.mark.parametrize("name", BUILT)
def test_the_layer_that_scales_pixels_is_called_by_the_range_that_it_gives(name: str) -> None:
    keras = import_keras("test")
    recipe = find_recipe(name)
    assert recipe.build is not None
    model = recipe.build((32, 32, 3), 10, recipe.defaults)
    (scaling,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling))
    ranges = {"pixels_to_unit": (0, 1), "pixels_minus1_to_1": (-1, 1)}
    assert [pixel * scaling.scale + scaling.offset for pixel in (0, 255)] == pytest.approx(
        ranges[scaling.name]
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_a_search_tries_are_settings(name: str) -> None:
    for setting, values in find_recipe(name).search.items():
        tried = values if isinstance(values, tuple) else (values.low, values.high)
        assert parse_overrides(tuple(f"{setting}={value}" for value in tried))
