"""What a classification gives: records, and the summary of a run."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.stages import Stages, limiting_stage, remedy
from toolkit.runtime.devices import CPU

OK, ERROR = "ok", "error"
HISTOGRAM_BINS = 20  # of the top-1 probability, each 0.05 wide
SAMPLE_SIZE = 200  # examples and error rows that a result keeps, whatever the number of inputs
MISTAKES_KEPT = 50  # of a run with labels: the wrong predictions with the highest probability
SAMPLE_RULE = (
    f"up to {SAMPLE_SIZE} of each kind, every row equally likely (reservoir sampling with a fixed seed, "
    "so the same run gives the same sample), shown in input order"
)
PROBABILITY_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class and how probable it is.

    Args:
        label: the class.
        probability: 0 to 1.
    """

    label: str
    probability: float

    def to_document(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        return {"label": self.label, "probability": round(self.probability, PROBABILITY_DECIMALS)}


@dataclass(frozen=True, slots=True)
class Record:
    r"""What became of one input: a row of every output.

    Args:
        path: of the input; bytes that aren't UTF-8 are written as \xNN.
        status: "ok" or "error".
        predictions: the most probable classes, best first; empty for an error.
        error: why there is no prediction; None where there is one.
        uncertain: whether the best probability is below --min-confidence; None for an error, or where not asked for.
        path_bytes: the bytes of a path that isn't UTF-8; None for one that is.
        extra: the other columns of the list that names it, with --keep-columns; None without.
    """

    path: str
    status: str
    predictions: tuple[Prediction, ...] = ()
    error: str | None = None
    uncertain: bool | None = None
    path_bytes: bytes | None = None
    extra: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One classified picture of the sample that a result keeps.

    Args:
        index: number of the input, from 0.
        path: as shown.
        file: the name to open for a thumbnail; empty where the content isn't at hand any more.
        predictions: up to 5, best first.
        label: the true class from its folder; None where unknown.
    """

    index: int
    path: str
    file: str
    predictions: tuple[Prediction, ...]
    label: str | None = None

    @property
    def correct(self) -> bool | None:
        """Whether the best prediction is the true class; None where that is unknown."""
        return None if self.label is None else self.predictions[0].label == self.label


@dataclass(frozen=True, slots=True)
class Failed:
    """One input that could not be classified.

    Args:
        index: number of the input, from 0.
        path: as shown.
        error: the reason.
    """

    index: int
    path: str
    error: str


@dataclass(frozen=True, kw_only=True)
class ClassifyResult:
    """The summary of a run, of the same size for ten inputs and ten million.

    Args:
        model: as it was given.
        labels: class names in output order.
        input_size: (height, width) of the model, pixels.
        provider: the execution provider obtained.
        device: where it ran: "cpu" or "cuda:N".
        threads: intra-op threads.
        precision: of the model, as its file says it; empty where it doesn't.
        exact: whether every pixel of JPEG pictures was decoded.
        batch_size: pictures a batch.
        inputs: how many; each is a row.
        errors: rows that are errors.
        uncertain: rows below `min_confidence`; None where that wasn't asked for.
        min_confidence: the limit, 0 to 1, or None.
        seconds: from opening the first input to the last row.
        hidden_skipped: hidden files and folders that were left out.
        others_skipped: files of folders and archives that aren't pictures by their names.
        links_skipped: links to folders that were not followed.
        class_counts: int64 [classes]; pictures per top-1 class.
        confidence_counts: int64 [20]; pictures per top-1 probability, bins of 0.05 from 0 to 1.
        labelled: rows whose folder is named like a class; None without --labels-from-folders.
        correct: of these, how many were predicted right; None likewise.
        confusion: int64 [classes, classes], true class by predicted class; None likewise, or with too many classes.
        examples: see `SAMPLE_RULE`.
        failures: likewise.
        mistakes: the wrong predictions with the highest probability, most probable first.
        output: the predictions file, or None.
        workers: processes that worked side by side.
        threads_a_worker: of each, that decode.
        stages: where the time went.
        resumed: rows that an earlier run had finished; None without --resume.
        added: inputs among them that the earlier run hadn't seen at their place; None likewise.
        removed: rows of the earlier run whose inputs aren't there any more; None likewise.
        untouched: whether the output was finished already, and stayed as it is.
        sorted_into: folder that the pictures were sorted into, or None.
        not_sorted: pictures that could not be sorted, since they couldn't be read any more.
        first_not_sorted: the first of them, and why; empty where there is none.
        not_linked: pictures that were copied although links were asked for.
        kept: whoever keeps files of the examples that had none of their own.
    """

    model: str
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    provider: str
    device: str
    threads: int
    precision: str = ""
    exact: bool = False
    batch_size: int
    inputs: int
    errors: int
    uncertain: int | None = None
    min_confidence: float | None = None
    seconds: float
    hidden_skipped: int = 0
    others_skipped: int = 0
    links_skipped: int = 0
    class_counts: NDArray[np.int64]
    confidence_counts: NDArray[np.int64]
    labelled: int | None = None
    correct: int | None = None
    confusion: NDArray[np.int64] | None = None
    examples: tuple[Example, ...] = ()
    failures: tuple[Failed, ...] = ()
    mistakes: tuple[Example, ...] = ()
    output: str | None = None
    workers: int = 1
    threads_a_worker: int = 1
    stages: Stages = field(default_factory=Stages)
    resumed: int | None = None
    added: int | None = None
    removed: int | None = None
    untouched: bool = False
    sorted_into: str | None = None
    not_sorted: int = 0
    first_not_sorted: str = ""
    not_linked: int = 0
    kept: Any = field(default=None, repr=False, compare=False)

    @property
    def pictures(self) -> int:
        """Rows with a prediction."""
        return self.inputs - self.errors

    @property
    def pictures_per_second(self) -> float:
        """Inputs done a second, by this run."""
        return (self.inputs - (self.resumed or 0)) / self.seconds if self.seconds > 0 else 0.0

    @property
    def limit(self) -> str:
        """The stage that set the speed: reading, decoding, running, writing or sorting."""
        return limiting_stage(self.stages, self.seconds, one_session=self.provider != CPU)

    @property
    def remedy(self) -> str:
        """What would help against the limit."""
        return remedy(self.limit, self.precision, exact=self.exact)

    @property
    def accuracy(self) -> float | None:
        """Share of labelled pictures predicted right, 0 to 1; None where there are none."""
        return self.correct / self.labelled if self.labelled and self.correct is not None else None

    def to_document(self) -> dict[str, Any]:
        """Return the summary as it stands in --json."""
        document: dict[str, Any] = {
            "model": self.model,
            "provider": self.provider,
            "device": self.device,
            "threads": self.threads,
            "batch_size": self.batch_size,
            "input_size": list(self.input_size),
            "inputs": self.inputs,
            "ok": self.pictures,
            "errors": self.errors,
            "seconds": round(self.seconds, 3),
            "pictures_per_second": round(self.pictures_per_second, 1),
            "hidden_skipped": self.hidden_skipped,
            "others_skipped": self.others_skipped,
            "links_skipped": self.links_skipped,
            "classes": dict(zip(self.labels, self.class_counts.tolist(), strict=True)),
            "output": self.output,
            "workers": self.workers,
            "threads_a_worker": self.threads_a_worker,
            "stages": {stage: round(seconds, 3) for stage, seconds in self.stages.seconds().items()},
            "limit": self.limit,
            "remedy": self.remedy,
        }
        if self.resumed is not None:
            document |= {"resumed": self.resumed, "added": self.added, "removed": self.removed}
        if self.sorted_into is not None:
            document |= {"sorted_into": self.sorted_into, "not_sorted": self.not_sorted}
        if self.min_confidence is not None:
            document |= {"min_confidence": self.min_confidence, "uncertain": self.uncertain}
        if self.labelled is not None:
            document |= {
                "labelled": self.labelled,
                "correct": self.correct,
                "accuracy": self.accuracy,
                "confusion": None if self.confusion is None else self.confusion.tolist(),
            }
        return document
