"""KERAS_MODEL -> a model and what is known about it."""

import contextlib
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.keras_model.choices import KerasChoices, load_custom_objects
from toolkit.keras_model.files import (
    RUN_MODEL,
    SAVED_MODEL,
    Kind,
    code_layers,
    kind_of,
    read_config,
    read_record,
    stand_in,
)
from toolkit.keras_model.float32 import in_float32
from toolkit.keras_model.outputs import named_outputs
from toolkit.keras_model.saved_model import SavedModelClassifier, choose_output
from toolkit.keras_model.tensorflow import COLOURS, import_keras, import_tensorflow
from toolkit.models.files import digest_of
from toolkit.runtime.signature import CHANNEL_COUNTS

UNKNOWN_CLASS = re.compile(r"(?:Could not locate class|Unknown layer:?) '?([\w.>]+)")
WRAPPED = re.compile(r"(?:Exception|Error) encountered:\s*")
LAMBDA_ACTIVATION = re.compile(r"Could not interpret activation function identifier: \{'value'")


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A Keras model in memory.

    Args:
        model: the Keras model, computing in float32, with one output.
        path: the file it came from.
        labels: class names in output order; empty where unknown.
        record: what the run of `toolkit train` wrote down; empty for a model from elsewhere.
        sha256: digest of the file.
    """

    model: Any
    path: Path
    labels: tuple[str, ...]
    record: dict[str, Any]
    sha256: str

    @property
    def layout(self) -> str:
        """NHWC, or NCHW for a model of `channels_first`.

        Raises:
            ModelError: the input isn't one picture of known size with 1 or 3 channels.
        """
        shape = self.model.input_shape
        if isinstance(shape, tuple) and len(shape) == 4:
            if shape[3] in CHANNEL_COUNTS and shape[1] and shape[2]:
                return "NHWC"
            if shape[1] in CHANNEL_COUNTS and shape[2] and shape[3]:
                return "NCHW"
            if shape[3] in CHANNEL_COUNTS or shape[1] in CHANNEL_COUNTS:
                raise ModelError(
                    f"the size of its input isn't fixed: {shape}",
                    where=self.path,
                    remedy="build it again with keras.Input((height, width, channels)) and give it its weights",
                )
        raise ModelError(
            f"not an image classifier: its input is {shape}",
            where=self.path,
            remedy="give a model of one picture of fixed size, [N, height, width, 1 or 3]",
        )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of its input, pixels."""
        shape = self.model.input_shape
        return tuple(shape[1:3]) if self.layout == "NHWC" else tuple(shape[2:4])

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return int(self.model.input_shape[3 if self.layout == "NHWC" else 1])


def load_keras(
    argument: str, *, where: str, choices: KerasChoices | None = None, every_output: bool = False
) -> LoadedModel:
    """Load a Keras model.

    Args:
        argument: a .keras or .h5 file, a SavedModel folder, or a run folder of `toolkit train`.
        where: the command that needs it.
        choices: what the file can't say.
        every_output: keep all outputs of a model that has several, to look at it rather than to run it.

    Raises:
        MissingDependency: the extra with TensorFlow isn't installed.
        ModelError: nothing is there, the file is damaged, of another version, carries code, or has several
            outputs of which none was chosen.
    """
    choices = choices or KerasChoices()
    path = Path(argument)
    kind = kind_of(path)
    if kind is Kind.SAVED_MODEL:
        tf = import_tensorflow(where)
        saved = SavedModelClassifier(tf, path, choices.output, every_output=every_output)
        digest = digest_of([path / SAVED_MODEL, *sorted((path / "variables").glob("variables.*"))])
        return LoadedModel(model=saved, path=path, labels=(), record={}, sha256=digest)
    if kind is Kind.RUN:
        path, kind = path / RUN_MODEL, kind_of(path / RUN_MODEL)
    keras = import_keras(where)
    names = code_layers(read_config(path, kind))
    if names and not choices.allow_code:
        raise ModelError(
            f"the file carries Python code that runs when it is loaded (Lambda layer '{names[0]}')",
            where=path,
            remedy="add --allow-code if you trust the file, or replace the Lambda by a built-in layer",
        )
    custom = load_custom_objects(choices.custom_objects)
    model = _load(keras, path, kind, custom, allow_code=choices.allow_code)
    model = _with_shapes(keras, model, path)
    model = model if every_output else _one_output(keras, model, choices.output, path)
    record = read_record(path)
    return LoadedModel(
        model=in_float32(keras, model, path, custom=custom, allow_code=choices.allow_code),
        path=path,
        labels=tuple(str(name) for name in record.get("classes", [])),
        record=record,
        sha256=sha256_of(path),
    )


def _load(keras: Any, path: Path, kind: Kind, custom: dict[str, Any], *, allow_code: bool) -> Any:
    try:
        with _right_suffix(path, kind) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on how to build a model, for whoever built this one
            return keras.models.load_model(
                file, compile=False, safe_mode=not allow_code, custom_objects=custom
            )
    except Exception as error:
        raise _translated(error, path) from error


def _with_shapes(keras: Any, model: Any, path: Path) -> Any:
    """Return a model that knows the shapes of its input and output: a subclassed one inside a functional one.

    Raises:
        ModelError: it was never called, so that nobody knows them.
    """
    if isinstance(getattr(model, "input_shape", None), tuple | list | dict):
        return model
    config: dict[str, Any] = model.get_build_config() or {}
    shape = config.get("input_shape")
    if not isinstance(shape, tuple | list) or any(
        isinstance(extent, tuple | list | dict) for extent in shape
    ):
        raise ModelError(
            "the shape of its input isn't known: it was never called, or takes more than one picture",
            where=path,
            remedy="call it on a batch of pictures before model.save",
        )
    try:
        image = keras.Input(tuple(shape[1:]), name="image")
        return keras.Model(image, model(image, training=False), name=model.name)
    except Exception as error:
        raise ModelError(
            f"Keras can't call it: {_reason(error)[:200]}",
            where=path,
            remedy="build it with keras.Input((height, width, channels)) and give it its weights",
        ) from error


def _one_output(keras: Any, model: Any, wanted: str | None, path: Path) -> Any:
    """Return a model of one tensor, the chosen output: a dictionary or a list of one is nothing to compute with."""
    if not getattr(model, "outputs", None):
        if wanted is not None:
            choose_output(["the only one"], wanted, path)
        return model
    named = named_outputs(model)
    output = named[choose_output(list(named), wanted, path)]
    if not any(isinstance(getattr(model, end, None), tuple | list | dict) for end in ("input", "output")):
        return model
    image = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(image, output, name=model.name)


@contextlib.contextmanager
def _right_suffix(path: Path, kind: Kind) -> Iterator[Path]:
    # Keras goes by the suffix; what counts is the content, so a misnamed file is read through a link.
    suffix = ".h5" if kind is Kind.H5 else ".keras"
    if path.suffix.lower() == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{suffix}"
        stand_in(path, link)
        yield link


def _translated(error: Exception, path: Path) -> ModelError:
    text = str(error)
    unknown = UNKNOWN_CLASS.search(text)
    if unknown is not None:
        return ModelError(
            f"it uses a class of its own, {unknown.group(1)}, which isn't known here",
            where=path,
            remedy="name the module that defines it with --custom-objects MODULE",
        )
    if LAMBDA_ACTIVATION.search(text):
        return ModelError(
            "one of its activations is a lambda, which Keras itself can't bring back",
            where=path,
            remedy="give that function a name in a module, save the model again, and use --custom-objects MODULE",
        )
    return ModelError(
        f"Keras can't load it: {_reason(error)[:200]}",
        where=path,
        remedy="save it again with the installed version of Keras: model.save('NAME.keras')",
    )


def _reason(error: Exception) -> str:
    """Return why Keras can't load or call a model: what it says after the configuration, and after a heading."""
    told = WRAPPED.split(COLOURS.sub("", str(error)))[-1]
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith((":", "call().")):
        return lines[1]
    return lines[0] if lines else type(error).__name__
