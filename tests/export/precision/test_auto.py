"""The fastest candidate that agrees is kept; what agrees least is never."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from support import Listener

from toolkit.export.graph.mirror import mirrored
from toolkit.export.precision.auto import choose
from toolkit.export.precision.running import probabilities
from toolkit.stats.agreement import compare


def counting(weights: dict[str, float]) -> Any:
    """A stopwatch by what a model contains: seconds for each int8 and float32 layer."""

    def measure(models: Sequence[onnx.ModelProto]) -> list[float]:
        times = []
        for model in models:
            stored = {t.name for t in model.graph.initializer}
            layers = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm", "MatMul")]
            times.append(sum(weights["float" if n.input[1] in stored else "int8"] for n in layers))
        return times

    return measure


def test_int8_is_kept_where_it_is_faster_and_agrees(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    choice = choose(paper, calibration, held_out, 0.95, counting({"float": 1.0, "int8": 0.1}))
    model, table = choice.model, choice.candidates
    assert table[0].chosen
    assert table[0].name == "int8"
    assert [row.seconds for row in table] == sorted(row.seconds for row in table)
    assert any(node.op_type == "QuantizeLinear" for node in model.graph.node)


def test_float32_is_kept_as_it_is_where_int8_is_slower(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    choice = choose(paper, calibration, held_out, 0.95, counting({"float": 0.1, "int8": 1.0}))
    model, table = choice.model, choice.candidates
    assert model is paper
    assert [row.name for row in table if row.chosen] == ["fp32"]


def test_what_does_not_agree_is_not_chosen_however_fast_it_is(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    choice = choose(paper, calibration, held_out, 1.01, counting({"float": 1.0, "int8": 0.1}))
    model, table = choice.model, choice.candidates
    assert model is paper
    assert not any(row.agrees for row in table)
    assert [row.name for row in table if row.chosen] == ["fp32"]


def test_mirrored_candidates_are_judged_by_the_mean_of_both_images(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    measure = counting({"float": 1.0, "int8": 0.1})
    choice = choose(paper, calibration, held_out, 0.0, measure, mirror=True)
    both = probabilities(mirrored(paper, True), held_out)
    (kept,) = [row for row in choice.candidates if row.chosen]
    assert kept.name == "int8"
    assert kept.agreement == compare(both, probabilities(choice.model, held_out)).top1_agreement
    flipped = np.ascontiguousarray(held_out[:, :, ::-1])
    np.testing.assert_allclose(
        probabilities(choice.model, held_out), probabilities(choice.model, flipped), atol=1e-6
    )
    slow = choose(paper, calibration, held_out, 0.0, counting({"float": 0.1, "int8": 1.0}), mirror=True)
    np.testing.assert_array_equal(probabilities(slow.model, held_out), both)


def test_a_model_without_an_int8_form_stays_in_float32_and_says_why(
    network: Any, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    listener = Listener()
    model = network(opset=12).conv(8, stride=2, first=True).relu().classifier()
    choice = choose(model, calibration, held_out, 0.9, counting({"float": 1.0, "int8": 0.1}), listener)
    assert choice.model is model
    assert [row.name for row in choice.candidates if row.chosen] == ["fp32"]
    assert choice.ways == ()
    assert listener.notices == ["int8 is not among the candidates: opset 12 can't hold one scale per channel"]


def test_a_gain_within_the_noise_does_not_replace_float32(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    def measure(models: Sequence[onnx.ModelProto]) -> list[float]:
        return [1.0, *[0.99] * (len(models) - 1)]

    assert choose(paper, calibration, held_out, 0.5, measure).model is paper


def test_every_combination_of_kinds_is_tried_and_named(
    mobile: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    table = choose(mobile, calibration, held_out, 0.5, lambda models: [1.0] * len(models)).candidates
    names = {row.name for row in table}
    assert names == {
        "fp32",
        "int8",
        "int8, float32: first",
        "int8, float32: depthwise",
        "int8, float32: first, depthwise",
    }
    documents = [row.to_document() for row in table]
    assert {"name", "kept_float", "int8_layers", "agreement", "seconds", "agrees", "chosen"} == set(
        documents[0]
    )


def test_a_stopwatch_that_loses_a_model_is_noticed(
    paper: onnx.ModelProto, calibration: np.ndarray, held_out: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="1 times for"):
        choose(paper, calibration, held_out, 0.5, lambda _: [1.0])
