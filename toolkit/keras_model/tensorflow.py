"""Import TensorFlow and Keras quietly, or say which extra is missing."""

import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingDependency

EXTRA = "train"
RAISED = re.compile(r"\w+Error: ")
COLOURS = re.compile(r"\x1b\[\d*m")
SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
CALLING = re.compile(r"Exception encountered when calling (\w+)")
AROUND = re.compile(
    r"File |Graph execution error|Detected at|Stack trace|in user code|Exception encountered|Arguments "
)


def require(*names: str, where: str) -> None:
    """Refuse to go on when a library of the extra isn't installed, without importing any.

    Args:
        names: import names.
        where: the command that needs them.

    Raises:
        MissingDependency: one isn't installed.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingDependency(name, extra=EXTRA, where=where)


def import_keras(where: str) -> Any:
    """Import Keras on TensorFlow and return it.

    Args:
        where: the command that needs it.

    Raises:
        MissingDependency: TensorFlow or Keras isn't installed.
    """
    require("tensorflow", "keras", where=where)
    import_tensorflow(where)
    if "keras" in sys.modules:
        return sys.modules["keras"]
    with set_aside():
        return importlib.import_module("keras")


def import_tensorflow(where: str) -> Any:
    """Import TensorFlow and return it.

    Args:
        where: the command that needs it.

    Raises:
        MissingDependency: it isn't installed.
    """
    require("tensorflow", where=where)
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    # TensorFlow reads these once, while it is being imported; a user's own log level wins.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Left to itself TensorFlow takes oneDNN only on processors with VNNI, AMX and the like; with AVX2 alone a step of
    # our networks takes 1.4 times as long without it (edge-s and edge-m, batch 128, two cores).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    with _without_stderr(), set_aside():
        return importlib.import_module("tensorflow")


@contextlib.contextmanager
def set_aside() -> Iterator[None]:
    """Keep Python's collector of cycles away from what an import makes, while it runs and ever after.

    TensorFlow and Keras make half a million objects that stay. Looking through them while they are made takes a
    fifth of the import, and most of every collection afterwards (bench/keras_import.py).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def hold_little_memory() -> None:
    """Let TensorFlow give back memory that it doesn't use; call it before the import.

    Its own pool keeps what drawing the first weights took, about three times the weights of VGG16, for good. The
    pool is for training, where the same buffers are wanted again and again.

    Source: the environment variable is read in tensorflow/core/common_runtime/mkl_cpu_allocator.h.
    """
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def cause(error: BaseException) -> str:
    """Return what went wrong in one sentence, without the Python frames that TensorFlow and Keras put around it."""
    text = COLOURS.sub("**", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starred = [line for line in lines if line.startswith("**")]  # Keras, below the layer that it happened in
    if starred:
        layer = CALLING.search(text)
        return f"{layer[1] if layer else type(error).__name__}: {starred[-1].strip('* ')}"
    raised = [line for line in lines if RAISED.match(line)]
    if raised:
        return raised[-1]
    told = [line.strip("* ") for line in lines if not AROUND.match(line)]
    return f"{type(error).__name__}: {(told or lines or ['no reason given'])[0]}"


def give_scope_names(model: Any) -> None:
    """Rename the layers of a model whose names TensorFlow can't take for a scope; Keras's other backends take any.

    Args:
        model: a Keras model; anything without layers is left alone.
    """
    for layer in getattr(model, "_flatten_layers", tuple)():
        if not SCOPE.fullmatch(layer.name):
            layer.name = "layer_" + re.sub(r"[^A-Za-z0-9_.-]", "_", layer.name)


def values_of(variable: Any) -> NDArray[np.generic]:
    """Return a weight's values without copying them where TensorFlow shares its memory; don't change them.

    Args:
        variable: a Keras variable.

    Returns:
        Its values, any dtype, any shape [...].
    """
    tensor = variable.value.read_value() if hasattr(variable.value, "read_value") else variable.value
    try:
        values = np.asarray(memoryview(tensor))
    except (TypeError, ValueError, BufferError):  # bfloat16 has no form that a buffer can have
        return np.asarray(variable)
    return values if values.shape == tuple(variable.shape) else np.asarray(variable)


@contextlib.contextmanager
def without_jit(tf: Any) -> Iterator[None]:
    """Let Keras run as plain operations what it would hand to XLA (grouped convolutions).

    ONNX has no form for a compiled part. And XLA's grouped convolutions take sixty times as long on the CPU.

    Args:
        tf: the imported library.
    """
    real = tf.function

    def plain(function: Any = None, **options: Any) -> Any:
        if options.get("jit_compile"):
            return function if function is not None else (lambda f: f)
        return real(function, **options) if function is not None else real(**options)

    tf.function = plain
    try:
        yield
    finally:
        tf.function = real


@contextlib.contextmanager
def without_tf32(tf: Any) -> Iterator[None]:
    """Let TensorFlow compute in whole float32 on a GPU, as ONNX Runtime is told to; trainings keep what they have.

    By itself it rounds what goes into convolutions and products to 10 bits on GPUs since Ampere, and an export would be
    compared with that.

    Args:
        tf: the imported library.

    Source: TensorFlow's API, tf.config.experimental.enable_tensor_float_32_execution.
    """
    precision = tf.config.experimental
    was_on = precision.tensor_float_32_execution_enabled()
    precision.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        precision.enable_tensor_float_32_execution(was_on)


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    # The C++ side writes a greeting straight to descriptor 2 before its log level is set up. Python's own
    # errors are raised, so nothing of use is lost.
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
