"""What a run writes down after each epoch, and what an earlier run is taken up from."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputError
from toolkit.files import sha256_of
from toolkit.observer import Observer
from toolkit.train import checkpoint
from toolkit.train.recipe import Settings
from toolkit.train.run_folder import HISTORY, MODEL, Epoch, clear, read_history, write_history, write_record
from toolkit.train.stopping import best_epoch, is_over
from toolkit.train.told import epoch_line
from toolkit.train.trainer import Trainer
from toolkit.wording import count

Watch = Callable[[Epoch], None]
TEMPERATURE = "calibration_temperature"  # in run.json, of a run that is calibrated when it ends
UNCALIBRATED = "uncalibrated_sha256"  # in run.json until it is finished: the model that is to be calibrated


class Keeper:
    """Keeps a run's folder: history, model and record, in this order, after each epoch.

    Args:
        folder: the run folder.
        settings: of the run.
        record: what run.json says from the beginning.
        network: the one to use.
        observer: told a line per epoch.
        watch: called after each epoch, when everything is written; what it raises ends the run.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        record: dict[str, Any],
        network: Any,
        observer: Observer,
        *,
        watch: Watch | None,
    ) -> None:
        self.folder = folder
        self.history: list[Epoch] = []
        self.state: list[NDArray[np.generic]] | None = None
        self.waited_share = 0.0
        self.is_calibrated = False
        self._temperature: float | None = None
        self._settings = settings
        self._record = record
        self._network = network
        self._observer = observer
        self._watch = watch
        self._earlier_s = 0.0
        self._started = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to do."""
        return len(self.history) >= self._settings.epochs or is_over(self.history, self._settings.patience)

    @property
    def seconds(self) -> float:
        """Since the run began or was taken up."""
        return time.perf_counter() - self._started

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are kept, from 1."""
        return best_epoch(self.history).epoch if self._settings.patience else len(self.history)

    def take_up(self, keras: Any, earlier: dict[str, Any], pictures: int) -> None:
        """Take up an earlier run, where it has finished an epoch.

        Args:
            keras: the imported library.
            earlier: its record.
            pictures: that it is trained on.

        Raises:
            InputError: what it left can't be read.
        """
        self._earlier_s = float(earlier.get("duration_s") or 0)
        self.waited_share = float(earlier.get("input_wait_share") or 0)
        done = int(earlier.get("epochs_done") or 0)
        if not done:
            return
        rows = read_history(self.folder)
        self.history = rows[:done]
        if not (earlier.get("finished") and self.is_over):
            self.state = checkpoint.load(keras, self.folder, self._settings)
            # The history is written before the model; after a kill between the two its last line has no weights.
            done = checkpoint.epochs_of(self.state, self._settings, pictures, self._network)
            self.history = rows[:done]
            if len(rows) < done:
                raise InputError(
                    f"the run's history has {count(len(rows), 'epoch')}, and its model has done {done:,}",
                    where=self.folder / HISTORY,
                    remedy="start the run again",
                )
        if self.is_over:
            self._network.set_weights(_saved_weights(keras, self.folder))
            self._take_up_calibration(earlier)

    def _take_up_calibration(self, earlier: dict[str, Any]) -> None:
        undone = earlier.get(UNCALIBRATED)
        if TEMPERATURE in earlier and (undone is None or sha256_of(self.folder / MODEL) != undone):
            self._temperature, self.is_calibrated = earlier[TEMPERATURE], True

    def begin(self) -> None:
        """Write the record of a run that begins, and remove what another one left in its folder."""
        self._started = time.perf_counter()
        if not self.history:
            write_record(self.folder, self._record)
            clear(self.folder)

    def epoch_done(self, row: Epoch, trainer: Trainer) -> bool:
        """Write down an epoch; the network to use has its weights.

        Returns:
            Whether the run is over.
        """
        self.history.append(row)
        write_history(self.folder, self.history)
        is_best = not self._settings.patience or best_epoch(self.history).is_last
        checkpoint.save(self.folder, self._network, trainer, self._settings, is_best=is_best)
        self._write({"epochs_done": len(self.history)})
        self._observer.line(epoch_line(row, self._settings.epochs))
        if self._watch is not None:
            self._watch(row)
        return is_over(self.history, self._settings.patience)

    def restore_best(self, keras: Any) -> Any:
        """Give the network the weights that are kept, and say so where they aren't the last; return it."""
        if self.kept_epoch != len(self.history):
            self._network.set_weights(_saved_weights(keras, self.folder))
            best = self.history[self.kept_epoch - 1]
            stopped = len(self.history) < self._settings.epochs
            reason = (
                f"Stopped after {count(self._settings.patience, 'epoch')} without a lower validation loss"
                if stopped
                else "Done"
            )
            self._observer.line(
                f"{reason}; kept epoch {best.epoch}: val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.4f}"
            )
        return self._network

    def calibrated(self, temperature: float | None) -> None:
        """Write down the network whose last layer has been divided by a temperature; None where it has not."""
        self._temperature, self.is_calibrated = temperature, True
        if temperature is not None:
            # Said before it is done: whoever takes the run up sees by the digest whether the model was replaced.
            undone = sha256_of(self.folder / MODEL)
            self._write({"epochs_done": len(self.history), TEMPERATURE: temperature, UNCALIBRATED: undone})
            checkpoint.save_model(self._network, self.folder)

    def finish(self, found: dict[str, Any]) -> None:
        """Write the record of a finished run.

        Args:
            found: what its model was measured at.
        """
        self._write(
            {
                "epochs_done": len(self.history),
                "kept_epoch": self.kept_epoch,
                "finished": True,
                "parameters": self._network.count_params(),
                **({TEMPERATURE: self._temperature} if self.is_calibrated else {}),
                **found,
                "input_wait_share": round(self.waited_share, 4),
            }
        )
        # Last: a run that isn't finished by its record is taken up from what this removes.
        checkpoint.finish(self.folder, self._settings)

    def _write(self, more: dict[str, Any]) -> None:
        duration = round(self._earlier_s + self.seconds, 3)
        write_record(self.folder, {**self._record, **more, "duration_s": duration})


def _saved_weights(keras: Any, folder: Path) -> list[NDArray[np.generic]]:
    weights: list[NDArray[np.generic]] = keras.models.load_model(folder / MODEL, compile=False).get_weights()
    return weights
