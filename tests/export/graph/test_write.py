"""A file that is written weight after weight is the file that ONNX itself would write."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from toolkit.export.graph.draft import LARGE, Draft
from toolkit.export.graph.write import write_file


def draft_with(weights: dict[str, np.ndarray]) -> Draft:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["probabilities"])],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.arange(3, dtype=np.float32), "small")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"labels": "é"})
    draft = Draft(model)
    for name, value in weights.items():
        draft.set_constant(name, value)
    return draft


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int64", "bool"])
def test_every_type_comes_back_as_it_was(tmp_path: Path, dtype: str) -> None:
    value = np.random.default_rng(0).integers(0, 2, (LARGE, 2)).astype(dtype)
    weights = {"first": value, "across": value[::2].T, "ünïcode": value[:LARGE]}
    draft = draft_with(weights)
    write_file(draft, tmp_path / "m.onnx")
    assert not draft.weights
    found = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(found, full_check=True)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    assert set(tensors) == {"small", *weights}
    for name, expected in weights.items():
        np.testing.assert_array_equal(tensors[name], expected)
    assert [value.name for value in found.graph.input] == ["image"]
    assert found.metadata_props[0].value == "é"


@settings(max_examples=30)
@given(
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=40).filter(lambda shape: np.prod(shape) >= LARGE),
    st.text(min_size=1, max_size=300),
)
def test_lengths_of_any_number_of_bytes_are_written_right(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, ...], name: str
) -> None:
    value = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    path = tmp_path_factory.mktemp("written") / "m.onnx"
    draft = draft_with({})
    draft.weights[name] = value
    write_file(draft, path)
    tensor = onnx.load(path).graph.initializer[-1]
    assert tensor.name == name
    np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)
