"""How a worker is made, wherever it works: small enough to be sent there, heavy only when called."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ToolkitError
from toolkit.machine.scratch import ScratchFolder
from toolkit.observer import SilentObserver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from toolkit.classify.worker import Worker

LABELS = "toolkit.labels"  # name of the labels file where it travels along


@dataclass(frozen=True, kw_only=True)
class StartWorker:
    """Opens a model and makes a worker of it. The fields are those of `ClassifyOptions`."""

    model: str
    device: str
    threads: int | None
    provider_options: tuple[str, ...]
    labels: Path | None
    normalize: str | None
    resize: str | None
    batch_size: int
    top_k: int
    max_pixels: int | None
    exact: bool

    def __call__(self) -> "Worker":
        """Make the worker.

        Raises:
            UsageError: an option has no such value, or contradicts the model's file.
            ModelError: the file is missing, broken, or not an image classifier.
            DeviceError: the provider that was asked for was not obtained.
            InputError: the labels file can't be read.
        """
        from toolkit.classify.worker import Worker
        from toolkit.images.decode import DEFAULT_MAX_PIXELS
        from toolkit.models.open import open_model

        listener = _Notices()
        model = open_model(
            self.model,
            device=self.device,
            threads=self.threads,
            provider_options=self.provider_options,
            labels_file=self.labels,
            normalize=self.normalize,
            resize=self.resize,
            observer=listener,
        )
        return Worker(
            model,
            batch_size=self.batch_size,
            top_k=self.top_k,
            max_pixels=DEFAULT_MAX_PIXELS if self.max_pixels is None else self.max_pixels,
            exact=self.exact,
            notices=listener.notices,
        )


@dataclass(frozen=True, kw_only=True)
class StartElsewhere:
    """The same for a machine that sees none of this one's files: they travel along.

    Args:
        start: opens the model; its paths are those of this machine.
        model: name -> content, the model's file first.
        labels: content of the labels file, or None.
    """

    start: StartWorker
    model: dict[str, "NDArray[np.uint8]"]
    labels: "NDArray[np.uint8] | None"

    @classmethod
    def of(cls, start: StartWorker) -> "StartElsewhere":
        """Read what a worker needs.

        Raises:
            ModelError: the model's file is missing or can't be read.
            InputError: the labels file can't be read.
        """
        from toolkit.models.files import contents, model_files

        model = contents(model_files(start.model))
        labels = contents({LABELS: start.labels})[LABELS] if start.labels is not None else None
        return cls(start=start, model=model, labels=labels)

    def __call__(self) -> "Worker":
        """Make the worker; see `StartWorker`."""
        # Once it is open, the model needs its files no more.
        with ScratchFolder("toolkit-model-") as folder:
            for name, content in self.model.items():
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                content.tofile(place)
            model, labels = Path(folder, next(iter(self.model))), self.start.labels
            if self.labels is not None:
                labels = Path(folder, LABELS)
                self.labels.tofile(labels)
            try:
                return replace(self.start, model=str(model), labels=labels)()
            except ToolkitError as error:
                # In the words of the user, who doesn't know of this folder.
                for there, here in ((model, self.start.model), (labels, self.start.labels)):
                    error.what = error.what.replace(str(there), str(here))
                    error.where = error.where.replace(str(there), str(here))
                raise


class _Notices(SilentObserver):
    """Keeps what opening a model has to say, for the process that can say it."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)
