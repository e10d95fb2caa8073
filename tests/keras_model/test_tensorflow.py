"""What stands between us and TensorFlow."""

import gc
from typing import Any

import numpy as np
import pytest

from toolkit.keras_model.tensorflow import (
    cause,
    import_tensorflow,
    set_aside,
    values_of,
    without_jit,
)

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "bool"])
@pytest.mark.parametrize("shape", [(3, 4), (1,), ()])
def test_values_are_those_of_the_weight(keras: Any, dtype: str, shape: tuple[int, ...]) -> None:
    expected = np.random.default_rng(0).integers(0, 2, shape)
    found = values_of(keras.Variable(expected, dtype=dtype))
    assert found.shape == shape
    assert found.dtype.name == dtype
    np.testing.assert_array_equal(found.astype(int), expected)


def test_values_of_a_large_weight_are_not_copied_and_outlive_a_change(keras: Any) -> None:
    variable = keras.Variable(np.zeros((100, 100)), dtype="float32")
    found = values_of(variable)
    assert not found.flags.owndata
    variable.assign(np.ones((100, 100)))
    assert not found.any()
    assert values_of(variable).all()


def test_without_jit_grouped_convolutions_give_what_keras_gives(keras: Any) -> None:
    layer = keras.layers.Conv2D(6, 3, groups=3, activation="relu")
    values = np.random.default_rng(0).normal(size=(2, 8, 8, 6)).astype(np.float32)
    expected = layer(values)
    with without_jit(import_tensorflow("tests")):
        np.testing.assert_allclose(layer(values), expected, atol=1e-5)


def test_the_cause_is_found_among_the_frames_around_it(keras: Any) -> None:
    with pytest.raises(ValueError) as wrong:
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])(np.zeros((1, 5)))
    assert cause(wrong.value).startswith("Sequential: Input 0 ")
    traced = ValueError('in user code:\n\n  File "a.py", line 3\n    x\n\n  ValueError: too small\n')
    assert cause(traced) == "ValueError: too small"
    assert cause(ValueError("")) == "ValueError: no reason given"


def test_what_an_import_makes_is_never_looked_through_again_and_what_comes_later_is() -> None:
    before = gc.get_freeze_count()
    with set_aside():
        assert not gc.isenabled()
        stays = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(stays)
    with pytest.raises(ImportError), set_aside():
        raise ImportError
    assert gc.isenabled()
    loop: list[Any] = []
    loop.append(loop)
    del loop
    assert gc.collect() >= 1
