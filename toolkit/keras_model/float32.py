"""A model that was trained in another or mixed precision, rebuilt to compute in float32 with the same weights."""

import json
from typing import Any

from toolkit.errors import ModelError, first_line
from toolkit.keras_model.weights import copy_weights

OTHER = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")


def in_float32(
    keras: Any, model: Any, where: object, *, custom: dict[str, Any] | None, allow_code: bool
) -> Any:
    """Return a model that computes in float32: the same one where it does already.

    The converter writes bfloat16 as float16 and leaves the casts of mixed precision in the graph, so a model in
    reduced precision is rebuilt from its configuration and given its own weights. One in float64 is too: ONNX
    Runtime has no convolution for that.

    Args:
        keras: the imported library.
        model: a Keras model.
        where: the file, for errors.
        custom: classes and functions of its own, by name.
        allow_code: Python code in it may run.

    Raises:
        ModelError: it computes in another precision and can't be rebuilt.
    """
    if not _is_other(model):
        return model
    try:
        rebuilt = keras.saving.deserialize_keras_object(
            _with_float32(keras.saving.serialize_keras_object(model)),
            custom_objects=custom,
            safe_mode=not allow_code,
        )
        rebuilt.build(model.input_shape)
        copy_weights(model, rebuilt)
    except Exception as error:
        raise ModelError(
            f"it computes in another precision than float32 and can't be rebuilt in that: {first_line(error)[:200]}",
            where=where,
            remedy="save it under keras.config.set_dtype_policy('float32')",
        ) from error
    return rebuilt


def _is_other(model: Any) -> bool:
    flatten = getattr(model, "_flatten_layers", None)
    layers = flatten() if flatten is not None else ()
    return any(getattr(getattr(layer, "dtype_policy", None), "name", "") in OTHER for layer in layers)


def _with_float32(config: Any) -> Any:
    text = json.dumps(config)
    for name in OTHER:
        text = text.replace(f'"{name}"', '"float32"')
    return json.loads(text)
