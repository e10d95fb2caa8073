"""Run a model that isn't a file yet: with the session that classify uses, or looking inside."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from toolkit.export.graph.draft import Draft, assemble_beside
from toolkit.export.graph.interface import fixed_batch
from toolkit.export.graph.write import LARGEST_FILE
from toolkit.files import output_error
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.transforms import Pixels
from toolkit.runtime.session import open_session
from toolkit.runtime.values import Values, open_values

BATCH_PIXELS = 2**19  # pixels a batch: activations of a large network stay below a few hundred megabytes
BATCH = 256


@contextmanager
def as_file(model: onnx.ModelProto) -> Iterator[Path]:
    """Lend a model as a file, for as long as the context lasts. The model isn't changed."""
    with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
        path = Path(folder) / "model.onnx"
        with _writing(path):
            if model.ByteSize() > LARGEST_FILE:
                copy = onnx.ModelProto()  # saving with external data empties the model that it is given
                copy.CopyFrom(model)
                onnx.save_model(copy, path, save_as_external_data=True, location="model.onnx.data")
            else:
                onnx.save_model(model, path)
        yield path


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise output_error(error, path) from error


def batch_size(model: onnx.ModelProto, images_nhwc: Pixels) -> int:
    """Return how many pictures to run at once: the model's fixed batch size, or as many as suit their size.

    Args:
        model: the classifier.
        images_nhwc: uint8 [N, height, width, channels].
    """
    fixed = fixed_batch(model.graph.input[0])
    height, width = images_nhwc.shape[1:3]
    return fixed or max(1, min(BATCH, BATCH_PIXELS // (height * width)))


def batches(images_nhwc: Pixels, size: int, *, fixed: bool) -> Iterator[tuple[Pixels, int]]:
    """Cut pictures into batches: (batch, how many of it count).

    Args:
        images_nhwc: uint8 [N, height, width, channels].
        size: pictures a batch.
        fixed: whether the last one is filled up to that size, with its last picture.
    """
    for start in range(0, len(images_nhwc), size):
        batch = images_nhwc[start : start + size]
        missing = size - len(batch) if fixed else 0
        filled = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        yield filled, len(batch)


def probabilities(
    model: onnx.ModelProto, images_nhwc: Pixels, *, optimized: bool = True, observer: Observer = SILENT
) -> NDArray[np.float32]:
    """Run a classifier on the CPU.

    Args:
        model: uint8 [batch, height, width, channels] -> float32 [batch, classes].
        images_nhwc: uint8 [N, height, width, channels], N >= 1.
        optimized: whether ONNX Runtime may optimise the graph, as it does for classify.
        observer: told how many pictures are done.

    Returns:
        float32 [N, classes].

    Raises:
        ModelError: ONNX Runtime can't load or run it.
    """
    size = batch_size(model, images_nhwc)
    fixed = fixed_batch(model.graph.input[0]) is not None
    parts: list[NDArray[np.float32]] = []
    with as_file(model) as path:
        run = _scores(path, model.graph.output[0].name, optimized=optimized)
        for batch, count in batches(images_nhwc, size, fixed=fixed):
            parts.append(run(batch)[:count].astype(np.float32, copy=False))
            observer.progress(sum(map(len, parts)), len(images_nhwc), unit="pictures")
    return np.concatenate(parts)


def _scores(path: Path, output: str, *, optimized: bool) -> Callable[[Pixels], NDArray[np.generic]]:
    if optimized:
        return open_session(path, device="cpu").run
    inside = open_values(path, [output], optimized=False)
    return lambda batch: inside(batch)[0]


def values(draft: Draft, names: Sequence[str], images_nhwc: Pixels, size: int) -> Iterator[Values]:
    """Run a draft and yield values of its graph, a batch at a time.

    Every batch has the same size, the last one filled up and cut again: ONNX Runtime keeps memory for each size
    that it has seen. The weights go into the file one by one, so that they are in memory once more at most.

    Args:
        draft: whose outputs they are; not changed.
        names: of the outputs; numbers, or arrays with the batch as their first axis.
        images_nhwc: uint8 [N, height, width, channels], N >= 1.
        size: pictures a batch, where the model leaves it open.
    """
    probe = draft.copy()
    fixed = fixed_batch(probe.graph.input[0])
    with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
        path = Path(folder) / "model.onnx"
        with _writing(path):
            onnx.save_model(assemble_beside(probe, path.with_name("model.onnx.data")), path)
        run = open_values(path, names)
        for batch, count in batches(images_nhwc, fixed or min(size, len(images_nhwc)), fixed=True):
            yield [value[:count] if value.ndim else value for value in run(batch)]
