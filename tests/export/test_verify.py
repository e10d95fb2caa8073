"""A finished file against its source, in every batch size."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from support import colour_model

from toolkit.errors import ExportError
from toolkit.export.pictures import generated_pictures
from toolkit.export.verify import verify_file
from toolkit.models.open import open_model

SIDE = 8


def moved(path: Path, *, batch: int, by: float, precision: str = "fp32") -> Path:
    """Write the colour model so that in batches of `batch` or more its first probability is off by `by`."""
    model = colour_model(size=SIDE)
    graph = model.graph
    graph.node[-1].output[0] = "plain"
    constants = {"zero": np.int64(0), "batch": np.int64(batch), "by": np.array([by, 0, 0], np.float32)}
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), f"move.{k}") for k, v in constants.items()
    )
    steps = [
        helper.make_node("Shape", ["image"], ["move.shape"]),
        helper.make_node("Gather", ["move.shape", "move.zero"], ["move.count"]),
        helper.make_node("Less", ["move.count", "move.batch"], ["move.few"]),
        helper.make_node("Not", ["move.few"], ["move.many"]),
        helper.make_node("Cast", ["move.many"], ["move.factor"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["move.factor", "move.by"], ["move.offset"]),
        helper.make_node("Add", ["plain", "move.offset"], [graph.output[0].name]),
    ]
    graph.node.extend(steps)
    entry = next(entry for entry in model.metadata_props if entry.key == "precision")
    entry.value = precision
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("pictures", [3, 40, 96])
@pytest.mark.parametrize("batch", [7, 64])
def test_what_goes_wrong_in_large_batches_only_is_found_with_few_pictures(
    tiny_model: Path, tmp_path: Path, batch: int, pictures: int
) -> None:
    path = moved(tmp_path / "moved.onnx", batch=batch, by=0.01)
    source = open_model(str(tiny_model), device="cpu")
    images = np.resize(generated_pictures(SIDE, SIDE), (pictures, SIDE, SIDE, 3))
    with pytest.raises(ExportError, match=r"in batches of (1|2|7|64) its answers differ by 1\.0e-02"):
        verify_file(path, source, images, batch=None)


@pytest.mark.parametrize(
    ("side", "count", "tried"),
    [(8, 3, (1, 2, 7, 64)), (8, 96, (1, 2, 7, 64)), (128, 8, (1, 2, 7, 32)), (600, 8, (1, 2))],
)
def test_the_batch_sizes_that_were_really_tried_are_told(
    tmp_path: Path, side: int, count: int, tried: tuple[int, ...]
) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(colour_model(size=side), path)
    images = generated_pictures(side, side, count=8)[:count]
    verified = verify_file(path, open_model(str(path), device="cpu"), images, batch=None)
    assert verified.batch_sizes == tried


@pytest.mark.parametrize(
    ("precision", "by", "passes"),
    [("fp32", 0.01, False), ("int8", 0.01, True), ("fp16", 0.01, True), ("int8", 0.03, False)],
)
def test_a_step_of_rounded_numbers_may_tip_with_the_batch_size(
    tiny_model: Path, tmp_path: Path, precision: str, by: float, passes: bool
) -> None:
    path = moved(tmp_path / "moved.onnx", batch=64, by=by, precision=precision)
    source = open_model(str(tiny_model), device="cpu")
    if passes:
        verify_file(path, source, generated_pictures(SIDE, SIDE)[:40], batch=None)
        return
    with pytest.raises(ExportError, match="in batches of 64 its answers differ"):
        verify_file(path, source, generated_pictures(SIDE, SIDE)[:40], batch=None)
