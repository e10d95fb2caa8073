"""Look inside a model: run it and return any of its values, not only the output."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.machine.cores import default_threads
from toolkit.observer import SILENT
from toolkit.runtime.devices import parse_device
from toolkit.runtime.library import session_settings
from toolkit.runtime.start import start

Batch = NDArray[np.generic]
Values = list[Batch]


def open_values(path: Path, names: Sequence[str], *, optimized: bool = True) -> Callable[[Batch], Values]:
    """Open a model file on the CPU and return run(batch) -> values.

    Args:
        path: of an .onnx file with one input.
        names: of its graph's outputs, in the order wanted.
        optimized: whether ONNX Runtime may change the graph; False runs every node as it is written.

    Raises:
        ModelError: the file is broken; `run` raises it where a node can't run.
    """
    settings = session_settings(default_threads(), optimize=optimized)
    session = start(path, settings, parse_device("cpu"), {}, SILENT)
    entrance = session.get_inputs()[0].name

    def run(batch: Batch) -> Values:
        try:
            return list(session.run(list(names), {entrance: batch}))
        except Exception as error:  # ONNX Runtime raises nine classes of its own, and RuntimeError
            raise ModelError(
                f"running the model failed: {error}", where=path, remedy="check it with: toolkit inspect"
            ) from error

    return run
