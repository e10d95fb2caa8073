"""One run: rows to the output, the summary, the class folders and whoever looks on, in input order."""

import itertools
import time
from collections.abc import Callable, Generator

from toolkit.classify.device import DeviceOutput
from toolkit.classify.made_again import refuse_others
from toolkit.classify.options import EXAMPLE_TOP_K, ClassifyOptions
from toolkit.classify.output import Output
from toolkit.classify.pipeline import Piece, Pipeline
from toolkit.classify.result import ClassifyResult, Record
from toolkit.classify.resume import Earlier, as_rows
from toolkit.classify.rows import Rows
from toolkit.classify.shard import ModelFacts
from toolkit.classify.sort_into import SortInto
from toolkit.classify.stages import Stages
from toolkit.classify.summary import Summary
from toolkit.engines.protocol import Engine
from toolkit.images.feed import Feed
from toolkit.images.scan import Skipped


class Run:
    """Takes inputs to rows, and rows to wherever they belong.

    Args:
        options: of the run.
        facts: of the model.
        output: the predictions file, begun or resumed; None where none was asked for.
        sink: given every run of records; None for nobody.
    """

    def __init__(
        self,
        options: ClassifyOptions,
        facts: ModelFacts,
        output: Output | DeviceOutput | None,
        sink: Callable[[list[Record]], None] | None,
    ) -> None:
        self.summary = Summary(
            facts.labels, with_truth=options.labels_from_folders, min_confidence=options.min_confidence
        )
        self._options = options
        self._facts = facts
        self._output = output
        self._sink = sink
        self._stages = Stages()
        self._earlier = Earlier(output) if isinstance(output, Output) and options.resume else None
        self._sorting_ns = 0
        self._sorter = None
        if options.sort_into is not None:
            self._sorter = SortInto(options.sort_into, facts.labels, link=options.link)

    def rows(self, engine: Engine, feed: Feed) -> Generator[Summary]:
        """Do the run; give the summary so far after every few rows."""
        earlier, output = self._earlier, self._output
        if earlier is not None:
            unproven = output if isinstance(output, Output) and output.is_untouched else None
            for rows in earlier.replay(feed):
                if unproven is not None and rows.good():
                    refuse_others(
                        rows,
                        engine,
                        unproven.path,
                        batch_size=self._options.batch_size,
                        labels=self._facts.labels,
                    )
                    unproven = None
                self._take(rows)
                yield self.summary
        pipeline = Pipeline(
            engine,
            feed,
            batch_size=self._options.batch_size,
            known=earlier.known if earlier is not None else None,
        )
        pieces = pipeline.pieces()
        try:
            for piece in pieces:
                began, sorted_before = time.perf_counter_ns(), self._sorting_ns
                self._write(piece)
                spent, sorting = time.perf_counter_ns() - began, self._sorting_ns - sorted_before
                self._stages += Stages(writing_ns=spent - sorting, sorting_ns=sorting)
                yield self.summary
        finally:
            pieces.close()
            self._stages += pipeline.stages

    def result(self, engine: Engine, skipped: Skipped, seconds: float) -> ClassifyResult:
        """Return what the whole run gave.

        Args:
            engine: that was worked with.
            skipped: what was left out of the folders.
            seconds: it took.
        """
        options, facts, summary, earlier = self._options, self._facts, self.summary, self._earlier
        with_truth = options.labels_from_folders
        # A row that was read back has no more classes than the file: neither has any other example then.
        most = options.top_k if earlier is not None and earlier.rows else EXAMPLE_TOP_K
        examples, mistakes, kept = summary.examples(most), summary.mistakes(most), None
        if options.report is not None and any("://" in e.file or not e.file for e in (*examples, *mistakes)):
            from toolkit.classify.kept import KeptPictures

            kept = KeptPictures(options.paths)
            examples, mistakes = kept.keep(examples), kept.keep(mistakes)
        return ClassifyResult(
            model=options.model,
            labels=facts.labels,
            input_size=facts.input_size,
            provider=facts.provider,
            device=facts.device,
            threads=facts.threads,
            precision=facts.precision,
            exact=options.exact,
            batch_size=options.batch_size,
            inputs=summary.inputs,
            errors=summary.errors,
            uncertain=summary.uncertain if options.min_confidence is not None else None,
            min_confidence=options.min_confidence,
            seconds=seconds,
            hidden_skipped=skipped.hidden,
            others_skipped=skipped.others,
            links_skipped=skipped.folder_links,
            class_counts=summary.class_counts,
            confidence_counts=summary.confidence_counts,
            labelled=summary.labelled if with_truth else None,
            correct=summary.correct if with_truth else None,
            confusion=summary.confusion,
            examples=examples,
            failures=summary.failures,
            mistakes=mistakes,
            output=None if options.output is None else str(options.output),
            kept=kept,
            workers=engine.workers,
            threads_a_worker=engine.threads_a_worker,
            stages=self._stages,
            resumed=None if earlier is None else earlier.rows,
            added=None if earlier is None else earlier.added,
            removed=None if earlier is None else earlier.removed,
            untouched=isinstance(self._output, Output) and self._output.is_untouched,
            sorted_into=None if options.sort_into is None else str(options.sort_into),
            not_sorted=0 if self._sorter is None else self._sorter.missed,
            first_not_sorted="" if self._sorter is None else self._sorter.first_missed,
            not_linked=0 if self._sorter is None else self._sorter.not_linked,
        )

    def _write(self, piece: Piece) -> None:
        output = self._output
        if not piece.again:
            if output is not None:
                output.write(piece.rows)
            self._take(piece.rows)
            return
        # Rows of an earlier run and new ones, mixed: stretch by stretch, in input order.
        assert isinstance(output, Output)
        done = 0
        for is_old, stretch in itertools.groupby(range(len(piece.inputs)), piece.again.__contains__):
            positions = list(stretch)
            if is_old:
                old = [piece.again[position] for position in positions]
                output.write_again(old)
                self._take(as_rows(piece.inputs.part(positions[0], positions[-1] + 1), old))
            else:
                rows = piece.rows.part(done, done + len(positions))
                done += len(positions)
                output.write(rows)
                self._take(rows)

    def _take(self, rows: Rows) -> None:
        self.summary.add(rows)
        if self._sorter is not None:
            began = time.perf_counter_ns()
            self._sorter.add(rows)
            self._sorting_ns += time.perf_counter_ns() - began
        if self._sink is not None:
            options = self._options
            self._sink(list(rows.records(self._facts.labels, options.top_k, options.min_confidence)))
