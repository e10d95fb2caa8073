"""The straight line from PATH... to a file of predictions and a summary.

Nothing heavy is imported before the workers have been started: they load their libraries while this process
loads its own.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.classify.begin import begin_output, refuse_outputs
from toolkit.classify.choose_engine import engine_for
from toolkit.classify.columns import refuse_columns
from toolkit.classify.options import ClassifyOptions
from toolkit.errors import ToolkitError, UsageError
from toolkit.images.feed import Feed
from toolkit.images.lists import list_columns
from toolkit.images.scan import Skipped
from toolkit.images.sources import count, listing
from toolkit.observer import SILENT, Observer

if TYPE_CHECKING:
    from toolkit.classify.result import ClassifyResult, Record

Sink = Callable[["list[Record]"], None]


def run(
    options: ClassifyOptions,
    observer: Observer = SILENT,
    *,
    sink: Sink | None = None,
    count_inputs: bool = False,
) -> "ClassifyResult":
    """Classify pictures: one row per input, in input order, errors included.

    Args:
        options: what to classify, with which model, and where the rows go.
        observer: told about the device and the progress.
        sink: given every run of records as it is ready, besides the output file.
        count_inputs: count the inputs beside the work, so that progress can tell how much is left.

    Returns:
        The summary; rows that are errors are counted in it and don't raise.

    Raises:
        UsageError: an option contradicts the model.
        InputError: a folder, list, archive or pattern without a single picture; or a column can't be kept.
        ModelError: the model is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained.
        OutputError: an output exists already, can't be written, or its disk is full; or what is there can't
            be resumed.
        MissingDependency: an input needs a library that isn't installed.
    """
    refuse_outputs(options)
    columns = list_columns(options.paths) if options.keep_columns else ()
    refuse_columns(options, columns)
    # What is sorted must not be found again, in this run or in the next one.
    sorted_into = "" if options.sort_into is None else str(options.sort_into.resolve())
    _refuse_sorted(options.paths, sorted_into)
    skipped = Skipped(follow_links=options.follow_links, left_out=sorted_into)
    began = time.perf_counter()
    feed = Feed(listing(options.paths, skipped=skipped))
    if not feed.holds(1):
        feed.take(1)  # raises what is wrong with the inputs, before anything is begun
    total = _Total(options.paths, skipped) if count_inputs else None
    with engine_for(options, feed, observer) as (engine, facts):
        from toolkit.classify.run import Run

        with begin_output(options, facts, columns, observer) as output:
            one = Run(options, facts, output, sink)
            with contextlib.closing(one.rows(engine, feed)) as summaries:
                for summary in summaries:
                    known = total.known if total is not None else None
                    observer.progress(summary.inputs, known, unit="pictures", errors=summary.errors)
            engine.close()  # the workers' memory is free before the output is completed
    done = one.summary
    observer.progress(done.inputs, done.inputs, unit="pictures", errors=done.errors)
    return one.result(engine, skipped, time.perf_counter() - began)


def _refuse_sorted(paths: Sequence[str], sorted_into: str) -> None:
    """Refuse to classify the folder that pictures are sorted into: all of it would be left out."""
    for path in paths if sorted_into else ():
        if os.path.isdir(path) and str(Path(path).resolve()) == sorted_into:  # noqa: PTH112 - any bytes
            raise UsageError(
                f"pictures are to be sorted into the folder that is classified ({path})",
                where="--sort-into",
                remedy="give another folder",
            )


class _Total:
    """The number of inputs, counted in a thread; `known` is None until it is."""

    def __init__(self, paths: Sequence[str], like: Skipped) -> None:
        self.known: int | None = None
        self._paths = paths
        self._like = like
        threading.Thread(target=self._count, name="count", daemon=True).start()

    def _count(self) -> None:
        # It is only for the progress bar; what is wrong with the inputs shows in the run itself.
        with contextlib.suppress(ToolkitError, OSError):
            self.known = count(self._paths, like=self._like)
