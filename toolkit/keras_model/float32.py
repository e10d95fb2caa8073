"""A model that was trained in another or mixed precision, rebuilt to compute in float32 with the same weights."""

import json
from typing import Any

from toolkit.errors import ModelError

OTHER = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")


def in_float32(model: Any, where: object) -> Any:
    """Return a model that computes in float32: the same one where it does already.

    The converter writes bfloat16 as float16 and leaves the casts of mixed precision in the graph, so a model in
    reduced precision is rebuilt from its configuration and given its own weights. One in float64 is too: ONNX
    Runtime has no convolution for that.

    Args:
        model: a Keras model.
        where: the file, for errors.

    Raises:
        ModelError: it computes in another precision and can't be rebuilt.
    """
    if not _is_other(model):
        return model
    try:
        rebuilt = type(model).from_config(_with_float32(model.get_config()))
        rebuilt.build(model.input_shape)
        rebuilt.set_weights([weight.astype("float32") for weight in model.get_weights()])
    except Exception as error:
        raise ModelError(
            f"it computes in another precision than float32 and can't be rebuilt in that: {error}",
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
