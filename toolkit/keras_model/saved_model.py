"""A SavedModel folder: its serving signature, behind the few methods of a Keras model that are used here."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.keras_model.files import SAVED_MODEL, stand_in

SIGNATURE = "serving_default"
FINGERPRINT = "fingerprint.pb"  # of the graph as it was
COMPILED = "_XlaMustCompile"


class SavedModelClassifier:
    """The serving signature of a SavedModel, used as a Keras model is.

    Its weights stay inside the signature, so that there are none to name here.

    Args:
        tf: the imported library.
        path: the folder.
        output: name of the output with the classes; None where there is one only.
        every_output: it is looked at, not run: nothing has to be chosen.

    Raises:
        ModelError: it can't be loaded, or has no such signature, input or output.
    """

    trainable_variables: Sequence[Any] = ()
    non_trainable_variables: Sequence[Any] = ()
    layers: Sequence[Any] = ()
    name = "saved_model"

    def __init__(self, tf: Any, path: Path, output: str | None, *, every_output: bool = False) -> None:
        self._tf = tf
        try:
            with _uncompiled(path) as folder:
                self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:
            raise ModelError(
                f"TensorFlow can't load it: {error}",
                where=path,
                remedy="export it again with model.export(FOLDER)",
            ) from error
        if SIGNATURE not in self._loaded.signatures:
            raise ModelError(
                f"the SavedModel has no signature '{SIGNATURE}'",
                where=path,
                remedy="export it with model.export(FOLDER), which writes one",
            )
        self._signature = self._loaded.signatures[SIGNATURE]
        inputs = self._signature.structured_input_signature[1]
        if len(inputs) != 1:
            raise ModelError(
                f"not an image classifier: it has {len(inputs)} inputs",
                where=path,
                remedy="give one of one picture",
            )
        ((self._input, spec),) = inputs.items()
        self._dtype = spec.dtype
        self.input_name, self.input_dtype = str(self._input), str(spec.dtype.name)
        self.input_shape = tuple(spec.shape.as_list())
        outputs = self._signature.structured_outputs
        self._output = next(iter(outputs)) if every_output else choose_output(list(outputs), output, path)
        self.output_shape = tuple(outputs[self._output].shape.as_list())
        self.outputs = {
            name: (str(spec.dtype.name), tuple(spec.shape.as_list())) for name, spec in outputs.items()
        }

    def stateless_call(
        self, trainable: Sequence[Any], non_trainable: Sequence[Any], values: Any, *, training: bool
    ) -> tuple[Any, list[Any]]:
        """Compute the scores of a tensor of pictures; the signature has its own weights and training off."""
        scores = self._signature(**{self._input: self._tf.cast(values, self._dtype)})[self._output]
        return scores, []

    def predict_on_batch(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Compute the scores of a batch.

        Args:
            values: [N, H, W, C], whatever number type.

        Returns:
            [N, classes].
        """
        scores, _ = self.stateless_call((), (), self._tf.constant(values), training=False)
        return np.asarray(scores)

    def count_params(self) -> int:
        """Count the weights."""
        # What Keras exports lists them; of anything else the signature knows those that it reads.
        variables = getattr(self._loaded, "variables", None) or self._signature.variables
        return sum(int(np.prod(v.shape)) for v in variables)


@contextlib.contextmanager
def _uncompiled(path: Path) -> Iterator[Path]:
    """Yield a SavedModel in which nothing is to be compiled by XLA: the folder itself, or a copy of its graph.

    Keras marks grouped convolutions so. A marked part stays a call that ONNX has no form for.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((path / SAVED_MODEL).read_bytes())
    functions = [function for meta in saved.meta_graphs for function in meta.graph_def.library.function]
    marked = [part for f in functions for part in (f, *f.node_def) if COMPILED in part.attr]
    if not marked:
        yield path
        return
    for part in marked:
        del part.attr[COMPILED]
    with tempfile.TemporaryDirectory() as copy:
        for file in path.iterdir():
            if file.name not in (SAVED_MODEL, FINGERPRINT):
                stand_in(file, Path(copy) / file.name)
        (Path(copy) / SAVED_MODEL).write_bytes(saved.SerializeToString())
        yield Path(copy)


def choose_output(names: list[str], wanted: str | None, where: object) -> str:
    """Choose the output with the classes; several are never guessed among.

    Raises:
        ModelError: there is no such output, or there are several and none was named.
    """
    if wanted is not None:
        if wanted in names:
            return wanted
        raise ModelError(
            f"it has no output '{wanted}'", where=where, remedy=f"use --output with one of {', '.join(names)}"
        )
    if len(names) == 1:
        return names[0]
    raise ModelError(
        f"it has {len(names)} outputs: {', '.join(names)}",
        where=where,
        remedy="say which one has the classes: toolkit export ... --output NAME; the other commands take the export",
    )
