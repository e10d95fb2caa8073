"""Eight bits and back: nothing leaves its range, zero stays zero."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit.export.precision.scales import (
    BIAS_LIMIT,
    Range,
    activation_scale,
    quantize_bias,
    quantize_weights,
    weight_limit,
)

NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32)


@given(NUMBERS, NUMBERS)
def test_any_finite_range_gets_a_positive_scale_in_which_zero_is_exact(first: float, second: float) -> None:
    low, high = sorted((first, second))
    scale = activation_scale(Range(low, high))
    assert np.isfinite(scale.scale)
    assert scale.scale > 0
    assert 0 <= scale.zero_point <= 255
    assert scale.low <= 0 <= scale.high


@given(st.floats(-100, 100, width=32), st.floats(-100, 100, width=32))
def test_the_ends_of_a_range_are_held_to_half_a_step(first: float, second: float) -> None:
    low, high = min(first, second, 0), max(first, second, 0)
    scale = activation_scale(Range(low, high))
    if high - low > 1e-30:
        assert abs(scale.low - low) <= 0.51 * scale.scale
        assert abs(scale.high - high) <= 0.51 * scale.scale


def test_what_a_relu_gives_starts_at_zero() -> None:
    assert activation_scale(Range(0.0, 5.0)).zero_point == 0
    assert activation_scale(Range(2.0, 5.1)).high == np.float32(5.1 / 255) * 255


def test_a_tensor_that_is_always_zero_has_a_scale_of_one() -> None:
    scale = activation_scale(Range(0.0, 0.0))
    assert (scale.scale, scale.zero_point) == (1.0, 0)


@given(
    arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32)),
    st.sampled_from([0, 1]),
    st.sampled_from([weight_limit(7), weight_limit(8)]),
)
def test_weights_come_back_to_half_a_step_and_stay_within_the_limit(
    weights: np.ndarray, axis: int, limit: int
) -> None:
    stored, scales = quantize_weights(weights, axis, input_scale=1.0, bias=None, limit=limit)
    shape = [1, 1]
    shape[axis] = -1
    assert np.abs(stored.astype(int)).max() <= limit
    assert (scales > 0).all()
    back = stored * scales.astype(np.float64).reshape(shape)
    assert (np.abs(back - weights) <= 0.51 * scales.reshape(shape)).all()


@given(
    arrays.arrays(np.float32, 3, elements=st.floats(-1e6, 1e6, width=32)),
    st.floats(1e-6, 1e3),
    st.floats(2.0**-40, 1, width=32),
)
def test_every_bias_fits_into_its_int32(bias: np.ndarray, input_scale: float, size: float) -> None:
    weights = np.full((3, 2), size, np.float32)
    _, scales = quantize_weights(weights, 0, input_scale=input_scale, bias=bias, limit=weight_limit(8))
    sums = np.float32(input_scale) * scales
    stored = quantize_bias(bias, sums)
    assert np.abs(stored.astype(np.int64)).max() <= BIAS_LIMIT * 1.01
    np.testing.assert_allclose(stored * sums.astype(np.float64), bias, atol=float(sums.max()), rtol=1e-6)
