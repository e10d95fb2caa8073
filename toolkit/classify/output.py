"""The predictions file: whole, or, after an interruption, holding the rows that were finished."""

import contextlib
from collections.abc import Iterator, Sequence

from toolkit.classify.options import ClassifyOptions
from toolkit.classify.result import Record
from toolkit.classify.writers import Writer, open_writer
from toolkit.errors import OutputError
from toolkit.files import whole_file
from toolkit.observer import Observer


class NoOutput:
    """Where rows go when no file was asked for."""

    rows = 0

    def write(self, records: Sequence[Record]) -> None:
        """Ignore the rows."""


class Output:
    """A predictions file that counts its rows.

    Args:
        writer: of its format.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.rows = 0

    def write(self, records: Sequence[Record]) -> None:
        """Write a batch."""
        self._writer.write(records)
        self.rows += len(records)


@contextlib.contextmanager
def predictions_file(options: ClassifyOptions, observer: Observer) -> Iterator[Output | NoOutput]:
    """Yield where rows are to be written; on the way out the file gets its name.

    When the run is interrupted (Ctrl-C) or fails, the finished rows stay: the file is completed with them,
    gets its name, and the observer is told how many there are. Without a single row, or when it is the disk
    that failed, nothing appears.

    Raises:
        OutputError: it exists already, the disk is full, it can't be written.
    """
    path, suffix = options.output, options.output_format
    if path is None or suffix is None:
        yield NoOutput()
        return
    stopped_by: BaseException | None = None
    with whole_file(path, force=options.force) as temporary:
        uncertain = options.min_confidence is not None
        writer = open_writer(temporary, suffix, top_k=options.top_k, uncertain=uncertain)
        output = Output(writer)
        try:
            yield output
        except (OSError, OutputError):
            with contextlib.suppress(OSError):  # the disk is full; what closing says adds nothing
                writer.close()
            raise
        except BaseException as error:  # Ctrl-C too; raised again below
            if not output.rows:
                writer.close()
                raise
            stopped_by = error
        writer.close()
    if stopped_by is not None:
        observer.notice(f"kept the {output.rows:,} finished rows in {path}")
        raise stopped_by
