"""The network that a run begins with: a recipe's, or a trained model with a new last layer (`--from`)."""

from pathlib import Path
from typing import Any

from toolkit.errors import ModelError, UsageError
from toolkit.keras_model.entrance import entrance
from toolkit.keras_model.files import RUN_MODEL
from toolkit.keras_model.load import LoadedModel, load_keras
from toolkit.keras_model.weights import copy_weights
from toolkit.models.catalog import shipped_folder, shipped_models
from toolkit.train.recipe import Recipe, Settings

FLAG = "--from"
# What may stand behind or before the last dense layer.
ACTIVATIONS = frozenset({"Softmax", "Activation", "Dropout"})
SETS_SIZE = frozenset({"CenterCrop", "RandomCrop", "Resizing"})


def open_start(argument: str, *, where: str) -> LoadedModel:
    """Open the model that a run starts from.

    Args:
        argument: a run folder, a .keras or .h5 file, or the name of a shipped model that has a run folder.
        where: the command, for errors.

    Raises:
        ModelError: it is an ONNX file, can't be loaded, takes no colour pictures of a fixed size, or doesn't scale its
            pixels itself.
    """
    if argument.lower().endswith(".onnx"):
        raise ModelError(
            "an ONNX file can't be trained any further",
            where=f"{FLAG} {argument}",
            remedy="give the run folder or the Keras file that it was exported from",
        )
    loaded = load_keras(_path_of(argument), where=where)
    if (loaded.layout, loaded.channels) != ("NHWC", 3):
        what = "grey pictures" if loaded.channels == 1 else "the channels of a picture first"
        raise ModelError(
            f"it takes {what}, and training shows colour pictures, channels last",
            where=loaded.path,
            remedy="give a model of [N, height, width, 3], or train a recipe without --from",
        )
    found = entrance(loaded.model, where)
    if found is None or not found.takes_bytes:
        raise ModelError(
            "it doesn't begin with a layer that scales pixels of 0 to 255, so that pictures can't be handed to it",
            where=loaded.path,
            remedy="give a model of toolkit train, or one that begins with a Rescaling layer",
        )
    return loaded


def _path_of(argument: str) -> str:
    if Path(argument).exists() or argument not in shipped_models():
        return argument
    run = shipped_folder() / argument
    if not (run / RUN_MODEL).is_file():
        trained = sorted(name for name in shipped_models() if (shipped_folder() / name / RUN_MODEL).is_file())
        raise ModelError(
            "this shipped model has no trained weights beside it",
            where=f"{FLAG} {argument}",
            remedy=f"use one of {', '.join(trained)}",
        )
    return str(run)


def build(
    keras: Any,
    recipe: Recipe,
    settings: Settings,
    input_shape: tuple[int, int, int],
    classes: int,
    start: LoadedModel | None = None,
) -> Any:
    """Build the network of a run.

    Args:
        keras: the imported library.
        recipe: whose network, where there is no `start`.
        settings: of the run.
        input_shape: (height, width, 3).
        classes: outputs wanted.
        start: a trained model; its last layer is replaced.

    Raises:
        UsageError: the pictures are too small, or of a size that the trained model can't take.
        ModelError: the trained model doesn't end in a dense layer.
        ValueError: the recipe has no network of its own, and there is no `start`.
    """
    if start is not None:
        return with_new_head(keras, _copy(start, input_shape), classes, start.path, settings.dropout)
    if recipe.build is None:
        raise ValueError(f"{recipe.name} has no network of its own")
    if min(input_shape[:2]) < recipe.smallest:
        raise UsageError(
            f"pictures of {input_shape[1]}×{input_shape[0]} pixels are too small for {recipe.name}",
            where="--image-size",
            remedy=f"use --image-size {recipe.smallest} or more",
        )
    return recipe.build(input_shape, classes, settings)


def _copy(start: LoadedModel, input_shape: tuple[int, int, int]) -> Any:
    """Copy the trained model, for pictures of this size; a run may need it more than once."""
    config = start.model.get_config()
    _resize(config, start.model.input_shape[1:], input_shape)
    try:
        copy = type(start.model).from_config(config)
        copy_weights(start.model, copy)
    except (ValueError, TypeError) as error:
        height, width = start.input_size
        raise UsageError(
            f"the model of {FLAG} takes no pictures of {input_shape[1]}×{input_shape[0]} pixels",
            where=start.path,
            remedy=f"use --image-size {height}" if height == width else f"give pictures of {width}×{height}",
        ) from error
    # Layers that were frozen when the model was saved learn again; statistics aren't trained either way. Each by
    # itself: Keras passes nothing on from a model that counts as trainable already.
    for layer in copy._flatten_layers():
        layer.trainable = True
    return copy


def _resize(config: dict[str, Any], was: tuple[int, ...], now: tuple[int, int, int]) -> bool:
    """Write another size of picture into a model's configuration, and into the models in it that take the same.

    Returns:
        Whether that goes on behind the model: what stands behind a layer that sets the size has its size already.
    """
    config.pop("build_input_shape", None)
    for layer in config["layers"]:
        inner = layer["config"]
        if layer["class_name"] in SETS_SIZE:
            return False
        if layer["class_name"] == "InputLayer":
            if tuple(inner["batch_shape"][1:]) == was:
                inner["batch_shape"] = (None, *now)
        elif isinstance(inner, dict) and "layers" in inner:
            layer.pop("build_config", None)
            if not _resize(inner, was, now):
                return False
    return True


def with_new_head(keras: Any, model: Any, classes: int, where: object, dropout: float = 0.0) -> Any:
    """Replace the last dense layer of a classifier, and what follows it, by one for other classes.

    Args:
        keras: the imported library.
        model: functional or sequential; its layers are shared with the result.
        classes: outputs wanted.
        where: its file, for errors.
        dropout: share of units dropped before the new layer, where the model has no dropout there.

    Raises:
        ModelError: it doesn't end in a dense layer.
    """
    layers = list(model.layers)
    while layers and type(layers[-1]).__name__ in ACTIVATIONS:
        layers.pop()
    if not layers or type(layers[-1]).__name__ != "Dense":
        kind = type(layers[-1]).__name__ if layers else "nothing"
        raise ModelError(
            f"its last layer with weights is {kind}, and a dense layer is needed to put another in its place",
            where=where,
            remedy="give a classifier that ends in a dense layer",
        )
    features = layers[-1].input
    if dropout and not any(type(layer).__name__ == "Dropout" for layer in layers[-2:]):
        features = keras.layers.Dropout(dropout)(features)
    head = keras.layers.Dense(classes, activation="softmax", name="probabilities")
    return keras.Model(model.inputs, head(features), name=model.name)
