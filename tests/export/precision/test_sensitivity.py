"""The layers that lose most are found, and no more of them kept than the agreement needs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from support import Listener

from toolkit.errors import AgreementMissed, ExportError
from toolkit.export.graph.mirror import mirrored
from toolkit.export.precision.int8 import calibrated
from toolkit.export.precision.running import probabilities
from toolkit.export.precision.sensitivity import Attempt, Tried, _fewest, layer_errors, quantize_until
from toolkit.stats.agreement import compare

Run = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def fragile(network: Any) -> tuple[onnx.ModelProto, str]:
    """A network with one layer that int8 ruins, and its name: one channel is 10,000 times as large as the others,
    and is taken away again."""
    net = network().conv(16, stride=2, first=True).relu()
    factors = np.ones(16, np.float32)
    factors[3] = 1e4
    net.conv(16, scale=factors).relu()
    culprit = net.nodes[-2].name
    mask = (factors == 1).astype(np.float32).reshape(1, 16, 1, 1)
    net.add("Mul", [net.last, net.constant(mask)]).conv(16, stride=2).relu()
    return net.classifier(), culprit


def test_a_robust_model_keeps_nothing_in_float(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    listener = Listener()
    _, report = quantize_until(paper, calibration, held_out, 0.9, listener)
    assert report.kept == ()
    assert len([text for text in listener.steps if "layers in float32" in text]) == 1


def test_a_mirrored_model_is_judged_by_the_mean_of_both_images(
    fragile: tuple[onnx.ModelProto, str], calibration: np.ndarray, held_out: np.ndarray
) -> None:
    model, culprit = fragile
    int8, report = quantize_until(model, calibration, held_out, 0.95, mirror=True)
    expected, found = probabilities(mirrored(model, True), held_out), probabilities(int8, held_out)
    assert report.agreement == compare(expected, found).top1_agreement
    assert report.kept == (culprit,)
    flipped = probabilities(int8, np.ascontiguousarray(held_out[:, :, ::-1]))
    np.testing.assert_allclose(found, flipped, atol=1e-6)


def test_the_fragile_layer_is_found_and_kept_alone(
    fragile: tuple[onnx.ModelProto, str], calibration: np.ndarray, held_out: np.ndarray, run: Run
) -> None:
    model, culprit = fragile
    listener = Listener()
    int8, report = quantize_until(model, calibration, held_out, 0.98, listener)
    first = next(text for text in listener.steps if "layers in float32" in text)
    assert float(first.rsplit(maxsplit=1)[1]) < 0.9
    assert report.kept == (culprit,)
    expected = compare(run(model, held_out), run(int8, held_out)).top1_agreement
    assert report.agreement == pytest.approx(expected)
    assert expected >= 0.98


def test_an_agreement_that_no_mixture_reaches_is_refused(
    fragile: tuple[onnx.ModelProto, str], calibration: np.ndarray, held_out: np.ndarray
) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(fragile[0])
    with pytest.raises(AgreementMissed, match=r"whichever layers stay in float32: less than 1\.01"):
        quantize_until(model, calibration, held_out, 1.01)


def test_the_default_agreement_is_no_gate_that_somebody_set(
    fragile: tuple[onnx.ModelProto, str],
    calibration: np.ndarray,
    held_out: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("toolkit.export.precision.sensitivity.MIN_AGREEMENT", 1.01)
    with pytest.raises(ExportError, match=r"less than 1\.01") as caught:
        quantize_until(fragile[0], calibration, held_out)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("needed", range(1, 12))
def test_no_more_layers_are_kept_than_are_needed(needed: int) -> None:
    def attempt(count: int) -> Tried:
        kept = tuple(str(number) for number in range(count))
        return onnx.ModelProto(), Attempt(kept=kept, agreement=float(count >= needed))

    found = _fewest(attempt, 11, 0.98)
    assert found is not None
    assert len(found[1].kept) == needed
    assert _fewest(attempt, needed - 1, 0.98) is None


def test_errors_of_all_layers_are_sorted(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    found = calibrated(paper, calibration)
    names = [layer.name for layer in found.layers]
    errors = layer_errors(found, probabilities(paper, held_out), held_out)
    assert sorted(name for name, _ in errors) == sorted(names)
    assert [error for _, error in errors] == sorted((error for _, error in errors), reverse=True)


def test_kept_layers_hold_their_float_weights(
    fragile: tuple[onnx.ModelProto, str], calibration: np.ndarray, held_out: np.ndarray
) -> None:
    model, culprit = fragile
    int8, _ = quantize_until(model, calibration, held_out, 0.98)
    before = next(node for node in model.graph.node if node.name == culprit)
    after = next(node for node in int8.graph.node if node.name == culprit)

    def weights(of: onnx.ModelProto, name: str) -> np.ndarray:
        return np.asarray(numpy_helper.to_array(next(t for t in of.graph.initializer if t.name == name)))

    np.testing.assert_array_equal(weights(int8, after.input[1]), weights(model, before.input[1]))
