"""A model that classifies picture files: what `toolkit.load` gives, and what the command line runs."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from toolkit import ranges
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.pipeline import Pipeline
from toolkit.classify.result import Record
from toolkit.classify.worker import Worker
from toolkit.engines.threads import ThreadsEngine
from toolkit.errors import UsageError
from toolkit.images.decode import DEFAULT_MAX_PIXELS
from toolkit.images.feed import Feed
from toolkit.images.sources import listing
from toolkit.models.open import OpenModel, open_model
from toolkit.models.predictor import predict
from toolkit.observer import SILENT, Observer
from toolkit.preprocess.normalization import CHOICES
from toolkit.preprocess.transforms import Resize
from toolkit.ranges import MOST_CLASSES, MOST_PICTURES, at_least, held_at_once
from toolkit.runtime.devices import DEVICES
from toolkit.runtime.provider_options import refuse_graph


class Classifier:
    """Classifies picture files with one open model.

    Args:
        model: open.
        batch_size: pictures a batch.
        max_pixels: pictures with more (width times height) become error records; None means 200 million.
        exact: decode every pixel of a JPEG picture, however small the model's input.
        again: makes the same classifier in another process, where this one is pickled; None means that none can.

    Raises:
        UsageError: `batch_size` is no whole number from 1 to 65,536, or `max_pixels` is no number, or less than 1.
    """

    def __init__(
        self,
        model: OpenModel,
        *,
        batch_size: int = ClassifyOptions.batch_size,
        max_pixels: int | None = None,
        exact: bool = False,
        again: "Callable[[], Classifier] | None" = None,
    ) -> None:
        held_at_once(batch_size, MOST_PICTURES, "batch_size", needed=True)
        at_least(max_pixels, 1, "max_pixels")
        self.model = model
        self.exact = exact
        self._again = again
        self.batch_size = batch_size
        self.max_pixels = DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels

    def __reduce__(self) -> tuple[Any, ...]:
        # An open session stays in its process. What is sent is how to open it, as multiprocessing and clusters need.
        if self._again is None:
            raise TypeError(
                "a classifier that was made of an open model can't be pickled; toolkit.load's can"
            )
        return self._again, ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in output order."""
        return self.model.labels

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the model's input, pixels."""
        return self.model.input_size

    @property
    def provider(self) -> str:
        """The execution provider obtained, such as "CPUExecutionProvider"."""
        return self.model.provider

    def probabilities(self, batch_nhwc_uint8: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute class probabilities of pictures that have the model's size already, `batch_size` at a time.

        Args:
            batch_nhwc_uint8: uint8 [N, height, width, 3], RGB.

        Returns:
            float32 [N, classes].

        Raises:
            ModelError: the batch has another shape or type.
        """
        given = batch_nhwc_uint8
        if isinstance(given, np.ndarray) and given.ndim == 4 and len(given) > self.batch_size:
            return predict(self.model, given, batch_size=self.batch_size)
        return self.model.probabilities(given)

    def classify(
        self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], top_k: int = 1
    ) -> Iterator[Record]:
        """Classify pictures, folders, patterns and lists.

        A picture that can't be read or decoded gives a record with `status` "error" and its reason.

        Args:
            paths: one or more of what the command line takes as PATH.
            top_k: predictions a record, best first.

        Yields:
            One record per input, in input order, as they are ready.

        Raises:
            UsageError: `top_k` is no whole number from 1 to 100,000, or one of `paths` is no path.
            InputError: a folder or list without a single picture.

        Example:
            >>> for record in toolkit.load("paper-cnn").classify(["photos"], top_k=3):
            ...     print(record.path, record.predictions or record.error)
        """
        held_at_once(top_k, MOST_CLASSES, "top_k", needed=True)
        # Bytes are an iterable of numbers, and anything may be given from outside: what is no path is refused below.
        is_one = isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable)
        arguments: list[Any] = [paths] if is_one else list(cast("Iterable[Any]", paths))
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                remedy = (
                    "give the names of files and folders; pictures that are decoded go to `probabilities`"
                )
                raise UsageError("an array of pixels is not a path", where="paths", remedy=remedy)
            ranges.path(argument, "paths", needed=True)
        # Names out of an array are texts of numpy's own, which the system's calls take for bytes.
        return self._records([str(os.fspath(argument)) for argument in arguments], top_k)

    def _records(self, paths: Sequence[str], top_k: int) -> Iterator[Record]:
        worker = Worker(
            self.model,
            batch_size=self.batch_size,
            top_k=top_k,
            max_pixels=self.max_pixels,
            exact=self.exact,
        )
        engine = ThreadsEngine(self.model.session.threads)
        engine.open(lambda: worker)
        pipeline = Pipeline(engine, Feed(listing(paths)), batch_size=self.batch_size)
        with contextlib.closing(pipeline.pieces()) as pieces:
            for piece in pieces:
                yield from piece.rows.records(self.labels, top_k)


def load(
    model: str | os.PathLike[str],
    device: str = "auto",
    threads: int | None = None,
    *,
    provider_options: Sequence[str] = (),
    labels: str | os.PathLike[str] | None = None,
    normalize: str | None = None,
    resize: str | None = None,
    batch_size: int = ClassifyOptions.batch_size,
    max_pixels: int | None = None,
    exact: bool = False,
    observer: Observer = SILENT,
) -> Classifier:
    """Open a classifier; pickled, it is opened again where it arrives, from the same file.

    Args:
        model: path of an .onnx file, or the name of a shipped model.
        device: auto, cpu, cuda or cuda:N; `cuda` never falls back.
        threads: intra-op threads, and threads that decode; None means the physical cores that this process
            may use, and OMP_NUM_THREADS at most.
        provider_options: KEY=VALUE for the execution provider.
        labels: file of class names for a model that carries none.
        normalize: range that a model from elsewhere expects, as `--normalize` says it; None means as the file says.
        resize: stretch, crop or pad; None means as the model's file says.
        batch_size: pictures a batch.
        max_pixels: pictures with more (width times height) become error records; None means 200 million.
        exact: decode every pixel of a JPEG picture, however small the model's input.
        observer: told which provider `auto` took.

    Raises:
        UsageError: an option has no such value, or contradicts the file.
        ModelError: the file is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained.
        InputError: the labels file can't be read.

    Example:
        >>> classifier = toolkit.load("model.onnx", device="cpu")
        >>> for record in classifier.classify(["a.jpg", "b.png"]):
        ...     print(record.predictions[0].label if record.predictions else record.error)
    """
    ranges.path(model, "model", needed=True)
    ranges.text(device, "device", DEVICES, needed=True)
    ranges.texts(provider_options, "provider_options", "KEY=VALUE")
    refuse_graph(provider_options)
    ranges.path(labels, "labels")
    ranges.text(normalize, "normalize", CHOICES)
    ranges.text(resize, "resize", ", ".join(Resize))
    opened = open_model(
        os.fspath(model),
        device=device,
        threads=threads,
        provider_options=provider_options,
        labels_file=None if labels is None else Path(labels),
        normalize=normalize,
        resize=resize,
        observer=observer,
    )
    again = functools.partial(
        load,
        os.fspath(model),
        device,
        threads,
        provider_options=tuple(provider_options),
        labels=None if labels is None else os.fspath(labels),
        normalize=normalize,
        resize=resize,
        batch_size=batch_size,
        max_pixels=max_pixels,
        exact=exact,
    )
    return Classifier(opened, batch_size=batch_size, max_pixels=max_pixels, exact=exact, again=again)
