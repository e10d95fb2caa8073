"""How a worker is made, wherever it works: small enough to be sent there, heavy only when called."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.observer import SilentObserver

if TYPE_CHECKING:
    from toolkit.classify.worker import Worker


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


class _Notices(SilentObserver):
    """Keeps what opening a model has to say, for the process that can say it."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)
