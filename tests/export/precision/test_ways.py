"""Other ways to quantise are tried where they could help, and kept where they do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from support import Listener

from toolkit.export.precision.ranges import Method
from toolkit.export.precision.running import probabilities
from toolkit.export.precision.ways import _best, _could_be_better, best_way
from toolkit.stats.agreement import compare


@pytest.fixture(scope="module")
def outlier(
    network: Any, calibration: np.ndarray, held_out: np.ndarray, run: Callable[..., np.ndarray]
) -> tuple[onnx.ModelProto, np.ndarray]:
    """A network, and calibration pictures of which one has a spot that drives a single value far out.

    The range of all values leaves those that occur a handful of steps.
    """
    net = network().conv(16, stride=2, first=True).relu()
    usual = net.last
    most = float(max(run(net.model(), pictures).max() for pictures in (calibration, held_out)))
    net.add("Sub", [usual, net.constant(np.float32(1.02 * most))]).relu()
    net.add("Mul", [net.last, net.constant(np.float32(300))])
    net.add("Add", [net.last, usual])
    model = net.conv(16, stride=2).relu().classifier()
    kernel = next(value for value in net.constants.values() if value.ndim == 4)
    spot = np.where(kernel[np.argmax(np.maximum(kernel, 0).sum(axis=(1, 2, 3)))] > 0, 255, 0)
    odd = calibration[:1].copy()
    odd[0, 2:5, 2:5] = spot.transpose(1, 2, 0)
    return model, np.concatenate([calibration, odd])


def test_nothing_else_is_tried_where_nothing_could_be_better(
    paper: onnx.ModelProto, calibration: np.ndarray
) -> None:
    listener = Listener()
    found, ways = best_way(
        paper, calibration, calibration, probabilities(paper, calibration), observer=listener
    )
    assert [(way.method, way.per_channel, way.chosen) for way in ways] == [(Method.MINMAX, True, True)]
    assert found.method is Method.MINMAX
    assert not any("other ranges" in text for text in listener.steps)


def test_the_way_kept_is_the_best_of_those_tried_beyond_chance(
    outlier: tuple[onnx.ModelProto, np.ndarray], held_out: np.ndarray
) -> None:
    model, pictures = outlier
    reference = probabilities(model, held_out)
    found, ways = best_way(model, pictures, held_out, reference)
    assert [way.method for way in ways][:3] == [Method.MINMAX, Method.PERCENTILE, Method.ENTROPY]
    assert [way.per_channel for way in ways] == [True, True, True, False]
    (kept,) = [way for way in ways if way.chosen]
    assert (found.method, found.per_channel) == (kept.method, kept.per_channel)
    measured = compare(reference, probabilities(found.int8(), held_out)).top1_agreement
    assert kept.agreement == pytest.approx(measured)
    assert ways[0].agreement < 0.9
    assert kept.agreement == max(way.agreement for way in ways) >= 0.98


def test_a_way_that_is_better_by_chance_only_is_not_kept() -> None:
    models: Any = [object() for _ in range(3)]
    usual, other, third = models
    # Of 100 pictures, 0.9 has a standard error of 0.03; of 0.99 it is 0.01, where two pictures are the least.
    assert _best([(usual, 0.9), (other, 0.92)], 100) is usual
    assert _best([(usual, 0.9), (other, 0.94), (third, 0.95)], 100) is third
    assert not _could_be_better(0.99, 100)
    assert _could_be_better(0.9, 100)


def test_an_agreement_that_says_nothing_is_told(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    listener = Listener()
    reference = probabilities(paper, held_out)
    of_one_class = held_out[reference.argmax(axis=1) == 0]
    best_way(paper, calibration, of_one_class, reference[reference.argmax(axis=1) == 0], observer=listener)
    best_way(paper, calibration, held_out, reference, observer=listener)
    assert len(listener.notices) == 1
    assert f"same class for all {len(of_one_class)} pictures" in listener.notices[0]


def test_one_scale_for_all_channels_is_one_number(paper: onnx.ModelProto, calibration: np.ndarray) -> None:
    from dataclasses import replace

    from onnx import numpy_helper

    from toolkit.export.precision.int8 import calibrated

    model = replace(calibrated(paper, calibration), per_channel=False).int8()
    scales = [
        numpy_helper.to_array(t) for t in model.graph.initializer if t.name.endswith("__weights__scale")
    ]
    assert scales
    assert all(len(np.unique(scale)) == 1 for scale in scales)
