"""Ranges hold all values, or a share of them, however the values arrive."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit.errors import ExportError
from toolkit.export.graph.draft import take_apart
from toolkit.export.precision.ranges import BINS, Histogram, Method, calibrate

FINITE = st.floats(-1e6, 1e6, width=32)


@given(st.lists(arrays.arrays(np.float32, st.integers(0, 30), elements=FINITE), min_size=1, max_size=6))
def test_a_histogram_counts_every_value_in_whatever_portions_they_arrive(parts: list[np.ndarray]) -> None:
    histogram = Histogram()
    for part in parts:
        histogram.add(part)
    assert histogram.counts.sum() == sum(part.size for part in parts)
    assert len(histogram.counts) == BINS


@given(arrays.arrays(np.float32, st.integers(1, 200), elements=FINITE))
def test_the_range_of_all_values_holds_all_values(data: np.ndarray) -> None:
    histogram = Histogram()
    for part in np.array_split(data, 4):
        histogram.add(part)
    span = histogram.range(100.0)
    width = 2 * max(histogram.limit, 1e-30) / BINS
    assert span.low <= data.min() + width
    assert span.high >= data.max() - width


def test_a_percentile_cuts_the_rarest_values_off() -> None:
    data = np.random.default_rng(0).normal(0, 1, 100_000).astype(np.float32)
    data[0] = 1000
    histogram = Histogram()
    for part in np.array_split(data, 10):
        histogram.add(part)
    assert histogram.range(99.9).high == pytest.approx(np.percentile(data, 99.95), abs=2000 / BINS)


def test_an_empty_histogram_has_an_empty_range() -> None:
    assert Histogram().range() == Histogram().range(50)
    zeros = Histogram()
    zeros.add(np.zeros(5, np.float32))
    assert (zeros.range().low, zeros.range().high) == (0.0, 0.0)


def test_zeros_that_came_first_are_counted_when_others_follow() -> None:
    histogram = Histogram()
    histogram.add(np.zeros(99, np.float32))
    histogram.add(np.array([4.0], np.float32))
    assert histogram.range(90.0).high < 0.01


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("count", [1, 7, 65])
def test_a_range_is_the_same_however_many_pictures_make_a_batch(
    network: Any, method: Method, count: int
) -> None:
    net = network(height=6, width=6).conv(4, first=True)
    name = net.last
    model = net.model()
    images = np.random.default_rng(count).integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    found = calibrate(take_apart(model), [name, "Cast_0:0", name], images, method=method)
    assert set(found) == {name, "Cast_0:0"}
    step = 2 * 255 / BINS
    assert found["Cast_0:0"].high == pytest.approx(images.max(), abs=step)
    if method is Method.MINMAX:
        assert found["Cast_0:0"].low == images.min()


@pytest.mark.parametrize("method", list(Method))
def test_infinite_values_are_refused_with_the_name_of_the_tensor(network: Any, method: Method) -> None:
    net = network(height=6, width=6)
    net.add("Div", [net.last, net.constant(np.float32(1e-30))])
    net.add("Mul", [net.last, net.last])
    images = np.full((2, 6, 6, 3), 255, np.uint8)
    with pytest.raises(ExportError, match=f"'{net.last}' are not finite"):
        calibrate(take_apart(net.model()), [net.last], images, method=method)


def test_no_name_needs_no_run(network: Any) -> None:
    draft = take_apart(network().conv(4, first=True).model())
    assert calibrate(draft, [], np.zeros((0, 32, 32, 3), np.uint8)) == {}
