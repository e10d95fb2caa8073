"""What a run leaves after each epoch: the model to use, and what is needed to go on.

Where the model in use is the one in training, `model.keras` with its optimiser is both. Where it isn't (its weights
are an average, or those of an earlier, better epoch), `resume.npz` holds the training beside it.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputError
from toolkit.files import whole_files, write_bytes
from toolkit.train.recipe import Schedule, Settings
from toolkit.train.run_folder import MODEL, RESUME
from toolkit.train.trainer import Trainer


def is_apart(settings: Settings) -> bool:
    """Tell whether the model to use differs from the one in training."""
    return bool(settings.averaging or settings.patience or settings.small_size)


def save(folder: Path, network: Any, trainer: Trainer, settings: Settings, *, is_best: bool) -> None:
    """Write the model to use where this epoch is the best, and what is needed to go on.

    The model comes first: a run that is killed between the two does the same epoch again.

    Args:
        folder: the run folder.
        network: with the weights to use.
        trainer: what goes on.
        settings: of the run.
        is_best: whether the network is the one to keep.
    """
    if is_best:
        save_model(network, folder)
    if is_apart(settings):
        buffer = io.BytesIO()
        parts: dict[str, Any] = {f"{index:05d}": value for index, value in enumerate(trainer.state())}
        np.savez(buffer, **parts)
        write_bytes(folder / RESUME, buffer.getvalue(), force=True)


def load(keras: Any, folder: Path, settings: Settings) -> list[NDArray[np.generic]]:
    """Read the trainer's state after the last whole epoch.

    Args:
        keras: the imported library.
        folder: the run folder.
        settings: of the run.

    Returns:
        Arrays [...] for `Trainer.load_state`.

    Raises:
        InputError: it can't be read.
    """
    file = folder / (RESUME if is_apart(settings) else MODEL)
    try:
        if is_apart(settings):
            with np.load(file, allow_pickle=False) as stored:
                return [stored[name] for name in sorted(stored.files)]
        model = keras.models.load_model(file)
        return [np.asarray(v) for v in (*model.weights, *model.optimizer.variables)]
    except Exception as error:  # Keras raises anything on a damaged file
        raise InputError(
            f"the run's state can't be loaded: {error}", where=file, remedy="start the run again"
        ) from error


def epochs_of(state: list[NDArray[np.generic]], settings: Settings, pictures: int, network: Any) -> int:
    """Tell from a trainer's state how many whole epochs it has done.

    Args:
        state: arrays [...] as `load` gives them: the network's, their average's, then the optimiser's, whose first
            is its count of steps.
        settings: of the run.
        pictures: of an epoch.
        network: that the state is of.
    """
    place = len(network.weights) * (2 if settings.averaging else 1)
    return int(state[place]) // settings.steps_per_epoch(pictures)


def finish(folder: Path, settings: Settings) -> None:
    """Remove what was needed to go on, where a finished run can't go on: its learning rate has come to its end."""
    if settings.schedule is not Schedule.CONSTANT or settings.patience:
        (folder / RESUME).unlink(missing_ok=True)


def save_model(network: Any, folder: Path) -> None:
    """Write the model, whole or not at all."""
    # In a folder of its own: Keras goes by the suffix and would refuse the name of a temporary file.
    with whole_files(folder / MODEL, force=True) as temporary:
        network.save(temporary)
