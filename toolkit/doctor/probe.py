"""A small convolution that shows whether an execution provider really starts and computes."""

import tempfile
from pathlib import Path

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.runtime.cuda import Problem
from toolkit.runtime.session import open_session

SIDE = 8  # pixels


def probe(device: str) -> Problem | None:
    """Run a small convolution on a device and check its answer.

    Args:
        device: cpu, cuda or cuda:N.

    Returns:
        None when it works, else the reason why it doesn't, and the remedy.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.onnx"
        _write(path)
        try:
            session = open_session(path, device=device, threads=1)
            answer = session.run(np.ones((1, SIDE, SIDE, 3), np.float32))
        except ToolkitError as error:
            return Problem(error.what, error.remedy)
    expected = 27.0  # the sum of 3x3 ones over 3 channels
    if not np.allclose(answer, expected, rtol=1e-3):
        return Problem(f"a convolution gave {float(answer.flat[0]):g} instead of {expected:g}", "")
    return None


def _write(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["image"], ["nchw"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["nchw", "kernel"], ["map"]),
            helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["scores"]),
        ],
        "probe",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "kernel")],
    )
    # IR 8 with opset 17 is what every ONNX Runtime since 1.12 loads, so the probe tests the provider only.
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
