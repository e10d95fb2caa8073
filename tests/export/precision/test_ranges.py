"""Ranges are those of the values, however many pictures make a batch."""

from typing import Any

import numpy as np
import pytest

from toolkit.errors import ExportError
from toolkit.export.graph.draft import take_apart
from toolkit.export.precision.histogram import BINS
from toolkit.export.precision.ranges import Method, calibrate, histograms, ranges_of


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
    if method is not Method.ENTROPY:
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


def test_one_look_at_the_pictures_gives_every_range(network: Any) -> None:
    net = network(height=6, width=6).conv(4, first=True)
    images = np.random.default_rng(3).integers(0, 256, (9, 6, 6, 3)).astype(np.uint8)
    draft = take_apart(net.model())
    counted = histograms(draft, [net.last], images)
    for method in Method:
        alone = calibrate(draft, [net.last], images, method=method)[net.last]
        together = ranges_of(counted, method)[net.last]
        assert (together.low, together.high) == pytest.approx((alone.low, alone.high))
