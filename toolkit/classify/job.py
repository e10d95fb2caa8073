"""The straight line from PATH... to a file of predictions and a summary."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain

from toolkit.classify.classifier import Classifier, load
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.output import predictions_file
from toolkit.classify.result import EXAMPLE_TOP_K, ClassifyResult, Record
from toolkit.classify.summary import Summary
from toolkit.errors import ToolkitError
from toolkit.files import refuse_existing
from toolkit.images.sources import Input, Skipped, count, expand
from toolkit.observer import SILENT, Observer

Sink = Callable[[list[Record]], None]


def run(
    options: ClassifyOptions,
    observer: Observer = SILENT,
    *,
    sink: Sink | None = None,
    count_inputs: bool = False,
) -> ClassifyResult:
    """Classify pictures: one row per input, in input order, errors included.

    Args:
        options: what to classify, with which model, and where the rows go.
        observer: told about the device and the progress.
        sink: given every batch of records as it is ready, besides the output file.
        count_inputs: count the inputs beside the work, so that progress can tell how much is left.

    Returns:
        The summary; rows that are errors are counted in it and don't raise.

    Raises:
        UsageError: an option contradicts the model.
        InputError: a folder, list or pattern without a single picture.
        ModelError: the model is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained.
        OutputError: an output exists already, can't be written, or its disk is full.
    """
    for path in (options.output, options.report):
        if path is not None:
            refuse_existing(path, force=options.force)
    classifier = _open(options, observer)
    summary = Summary(
        classifier.labels,
        with_truth=options.labels_from_folders,
        min_confidence=options.min_confidence,
    )
    skipped = Skipped()
    started = time.perf_counter()
    inputs = _started(expand(options.paths, skipped=skipped))
    total = _Total(options) if count_inputs else None
    with predictions_file(options, observer) as output:
        classified = classifier.batches(inputs, top_k=max(options.top_k, EXAMPLE_TOP_K))
        with contextlib.closing(classified):
            for batch in classified:
                records = batch.records(classifier.labels, options.top_k, options.min_confidence)
                output.write(records)
                if sink is not None:
                    sink(records)
                summary.add(batch)
                known = total.known if total is not None else None
                observer.progress(summary.inputs, known, unit="pictures", errors=summary.errors)
    observer.progress(summary.inputs, summary.inputs, unit="pictures", errors=summary.errors)
    return _result(options, classifier, summary, skipped, time.perf_counter() - started)


def _open(options: ClassifyOptions, observer: Observer) -> Classifier:
    return load(
        options.model,
        device=options.device,
        threads=options.threads,
        provider_options=options.provider_options,
        labels=options.labels,
        normalize=options.normalize,
        resize=options.resize,
        batch_size=options.batch_size,
        max_pixels=options.max_pixels,
        observer=observer,
    )


def _started(inputs: Iterator[Input]) -> Iterator[Input]:
    """Find the first input, so that a folder without pictures fails before an output is begun."""
    return chain([next(inputs)], inputs)


class _Total:
    """The number of inputs, counted in a thread; `known` is None until it is."""

    def __init__(self, options: ClassifyOptions) -> None:
        self.known: int | None = None
        self._options = options
        threading.Thread(target=self._count, name="count", daemon=True).start()

    def _count(self) -> None:
        # It is only for the progress bar; what is wrong with the inputs shows in the run itself.
        with contextlib.suppress(ToolkitError, OSError):
            self.known = count(self._options.paths)


def _result(
    options: ClassifyOptions, classifier: Classifier, summary: Summary, skipped: Skipped, seconds: float
) -> ClassifyResult:
    session = classifier.model.session
    with_truth, with_limit = options.labels_from_folders, options.min_confidence is not None
    return ClassifyResult(
        model=options.model,
        labels=classifier.labels,
        input_size=classifier.input_size,
        provider=session.provider,
        device=session.device,
        threads=session.threads,
        batch_size=options.batch_size,
        inputs=summary.inputs,
        errors=summary.errors,
        uncertain=summary.uncertain if with_limit else None,
        min_confidence=options.min_confidence,
        seconds=seconds,
        hidden_skipped=skipped.hidden,
        links_skipped=skipped.folder_links,
        class_counts=summary.class_counts,
        confidence_counts=summary.confidence_counts,
        labelled=summary.labelled if with_truth else None,
        correct=summary.correct if with_truth else None,
        confusion=summary.confusion,
        examples=summary.examples,
        failures=summary.failures,
        mistakes=summary.mistakes,
        output=None if options.output is None else str(options.output),
    )
