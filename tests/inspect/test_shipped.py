import shutil
from pathlib import Path
from typing import Any

import onnx

from toolkit.inspect.shipped import shipped


def test_figures_that_a_file_does_not_state_are_counted_in_its_graph(
    saved: Any, graphs: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    shutil.copy(saved(graphs.paper_cnn()), folder / "silent.onnx")
    model = graphs.paper_cnn()
    model.metadata_props.add(key="parameters", value="7")
    onnx.save(model, folder / "stated.onnx")
    silent, stated = shipped(folder)
    assert (silent.parameters, silent.macs) == (122_570, 4_548_608)
    assert (stated.parameters, stated.macs) == (7, 4_548_608)
