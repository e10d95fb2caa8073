"""`toolkit verify` through the real command: what it says, and how often."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support import CommandLine, colour_model, error_line

from toolkit.cli.verify import _render
from toolkit.verify.result import VerifyResult


def test_what_is_unusual_about_the_data_is_told_once_although_two_models_read_it(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    onnx.save(colour_model(size=6), tmp_path / "smaller.onnx")
    done = toolkit("verify", tiny_model, "smaller.onnx", "--data", colour_folder)
    assert done.stderr.count("has class folders only: its test split is a fifth of each class, 3 of 12") == 1
    assert done.stderr.count("Reading 3 pictures") == 2


def test_a_model_that_gives_no_numbers_agrees_with_none_not_even_with_itself(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    model = onnx.load(tiny_model)
    *_, last = model.graph.node
    last.output[0] = "shares"
    model.graph.node.append(helper.make_node("Sub", ["shares", "shares"], ["zero"]))
    model.graph.node.append(helper.make_node("Div", ["zero", "zero"], ["probabilities"]))
    onnx.save(model, tmp_path / "nan.onnx")
    for pair in (("nan.onnx", "nan.onnx"), (tiny_model, "nan.onnx"), ("nan.onnx", tiny_model)):
        done = toolkit("verify", *pair, "--data", colour_folder, "--min-agreement", "0.01", check=4)
        assert "gate not met: the top-1 agreement, 0.0000, is below --min-agreement 0.01" in done.stderr


def test_a_model_that_gives_no_numbers_fails_although_no_gate_is_set(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    model = onnx.load(tiny_model)
    *_, last = model.graph.node
    last.output[0] = "shares"
    model.graph.node.append(helper.make_node("Log", ["shares"], ["logs"]))
    model.graph.node.append(helper.make_node("Sqrt", ["logs"], ["probabilities"]))  # of what is below 0
    onnx.save(model, tmp_path / "nan.onnx")
    for pair in ((tiny_model, "nan.onnx"), ("nan.onnx", tiny_model)):
        done = toolkit("verify", *pair, "--data", colour_folder, "--json", check=1)
        assert error_line(done) == (
            "error: its probabilities are not numbers for 3 pictures (nan.onnx): "
            "check its weights, or export it again in fp32"
        )
        found = json.loads(done.stdout)
        sides = [("label", "accuracy", "not_numbers"), ("other_label", "other_accuracy", "other_not_numbers")]
        (good, bad) = sides if pair[1] == "nan.onnx" else sides[::-1]
        assert (found["small_margin"], found["max_difference"], found["mean_difference"]) == (
            None,
            None,
            None,
        )
        assert ({row[bad[0]] for row in found["worst"]}, found[bad[1]], found[bad[2]]) == ({None}, 0, 3)
        assert ({row[good[0]] for row in found["worst"]}, found[good[1]], found[good[2]]) == (
            {"red", "green", "blue"},
            1,
            0,
        )


@pytest.mark.parametrize(
    ("small", "pictures", "difference", "told"),
    [
        (0, 24, 1e-6, "no picture: the difference changes no label"),
        (0, 1, 1e-6, "no picture: the difference changes no label"),
        (1, 1, 1e-6, "1 of 1 picture: only its label could change"),
        (1, 24, 1e-6, "1 of 24 pictures: only its label could change"),
        (1200, 10_000, 0.1, "1,200 of 10,000 pictures: only their labels could change"),
        (None, 24, None, "not known: some probabilities are not numbers"),
    ],
)
def test_small_margins_are_a_sentence_whatever_their_number(
    small: int | None, pictures: int, difference: float | None, told: str
) -> None:
    figures = {
        "pictures": pictures,
        "max_difference": difference,
        "mean_difference": difference,
        "top1_agreement": 1.0,
        "small_margin": small,
    }
    result = VerifyResult(
        model="a.onnx",
        other="b.onnx",
        data="colours",
        split="test",
        agreement=figures,
        accuracy=1.0,
        other_accuracy=1.0,
        worst=(),
        missed=(),
    )
    lines = _render(result).splitlines()
    assert f"small margin         {told}" in lines
    assert max(map(len, lines)) <= 80
    counted = "1 picture (" if pictures == 1 else f"{pictures:,} pictures ("
    assert lines[0].startswith(f"a.onnx against b.onnx on {counted}")


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [("--device", "cuda", 1), ("--device", "gpu", 2), ("--threads", "0", 2), ("--provider-option", "a=b", 2)],
)
def test_what_two_keras_models_would_pass_over_in_silence_is_refused(
    toolkit: CommandLine, colour_folder: Path, option: str, value: str, code: int
) -> None:
    arguments = ("verify", "one.keras", "two.keras", "--data", colour_folder)
    assert option in error_line(toolkit(*arguments, option, value, check=code))
    assert "no such model (one.keras)" in error_line(toolkit(*arguments, "--device", "cpu", check=1))


@pytest.mark.parametrize("option", ["enable_cuda_graph=1", "trt_cuda_graph_enable=True"])
def test_a_graph_that_nothing_is_bound_to_is_refused_before_it_answers_nothing(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, option: str
) -> None:
    arguments = (tiny_model, tiny_model, "--data", colour_folder, "--provider-option")
    assert "leave it out: only toolkit bench binds buffers" in error_line(
        toolkit("verify", *arguments, option, "--device", "cuda", check=2)
    )
    off = option.partition("=")[0] + "=0"
    assert "fixed addresses" not in error_line(toolkit("verify", *arguments, off, "--device", "cpu", check=2))


def test_beside_an_onnx_model_the_device_is_that_of_the_onnx_model(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    done = toolkit(
        "verify", tiny_model, "two.keras", "--data", colour_folder, "--device", "provider:None", check=1
    )
    assert "Keras" not in error_line(done)


def test_a_range_is_for_the_model_that_needs_it(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    foreign = colour_model(size=8)
    del foreign.metadata_props[:]
    foreign.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    onnx.save(foreign, tmp_path / "foreign.onnx")
    labels = tmp_path / "labels.txt"
    labels.write_text("red\ngreen\nblue\n")
    both = ("--data", colour_folder, "--labels", labels)
    done = toolkit("verify", "foreign.onnx", tiny_model, *both, "--normalize", "none")
    assert (done.returncode, "top-1 agreement" in done.stdout) == (0, True), done.stderr
    refused = toolkit("verify", tiny_model, tiny_model, *both, "--normalize", "unit", check=2)
    assert "normalises inside its graph (--normalize)" in error_line(refused)
    toolkit("verify", "foreign.onnx", tiny_model, *both, "--normalize", "loud", check=2)


def test_names_are_for_the_model_that_has_none_and_leave_those_of_the_other_in_their_order(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    foreign = colour_model(size=8)
    del foreign.metadata_props[:]
    # The same network with its outputs in another order, and without names.
    turned = foreign.graph.node[-1].output[0]
    foreign.graph.node[-1].output[0] = "in_order"
    foreign.graph.initializer.append(numpy_helper.from_array(np.array([2, 0, 1]), "order"))
    foreign.graph.node.append(helper.make_node("Gather", ["in_order", "order"], [turned], axis=1))
    onnx.save(foreign, tmp_path / "foreign.onnx")
    (tmp_path / "labels.txt").write_text("blue\nred\ngreen\n")
    for pair in ((tiny_model, "foreign.onnx"), ("foreign.onnx", tiny_model)):
        done = toolkit("verify", *pair, "--data", colour_folder, "--labels", "labels.txt", "--json")
        assert json.loads(done.stdout)["top1_agreement"] == 1
        assert f"carries no names: {tiny_model} keeps its own" in done.stderr
