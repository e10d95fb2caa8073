"""Any value of a graph can be looked at."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from support import colour_model, picture

from toolkit.errors import ModelError
from toolkit.runtime.values import open_values


@pytest.mark.parametrize("optimized", [True, False])
def test_values_come_in_the_order_wanted(tmp_path: Path, optimized: bool) -> None:
    model = colour_model()
    model.graph.output.append(onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "model.onnx")
    run = open_values(tmp_path / "model.onnx", ["mean", "probabilities"], optimized=optimized)
    mean, probabilities = run(picture((10, 20, 30))[None])
    np.testing.assert_allclose(mean, [[10, 20, 30]])
    np.testing.assert_allclose(probabilities, [[1 / 6, 2 / 6, 3 / 6]], rtol=1e-5)


def test_a_broken_file_and_a_wrong_batch_are_model_errors(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a valid ONNX file"):
        open_values(tmp_path / "broken.onnx", ["probabilities"])
    run = open_values(tiny_model, ["probabilities"])
    with pytest.raises(ModelError, match="running the model failed"):
        run(np.zeros((1, 9, 9, 3), np.uint8))
