"""Begin, resume or refuse the outputs of a run.

What may lie there of an output NAME (`output` writes NAME.part with its journal, `aside` NAME.part.earlier):

    NAME  .part  .earlier   it is of a run that          no flag   --resume                              --force
    no    no     no         is the first                 begins    begins                                begins
    no    yes    no         was interrupted              refused   goes on behind the last row           begins anew
    no    yes    yes        was interrupted, resumed     refused   goes on, and takes rows of .earlier   begins anew
                            with other inputs, and                 where their inputs come
                            interrupted again
    yes   no     no         was finished                 refused   only looks at it                      begins anew
    yes   yes    either     was begun with --force and   refused   goes on with .part                    begins anew
                            interrupted

NAME is replaced only once all rows are there.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.classify.journal import DIGEST, NAME, end, journal_of, part_of
from toolkit.classify.options import ClassifyOptions
from toolkit.endings import is_device
from toolkit.errors import OutputError
from toolkit.files import refuse_existing, sha256_of
from toolkit.models.files import model_digest
from toolkit.observer import Observer
from toolkit.wording import count, numbered

if TYPE_CHECKING:
    from toolkit.classify.device import DeviceOutput
    from toolkit.classify.output import Output
    from toolkit.classify.shard import ModelFacts


def refuse_outputs(options: ClassifyOptions) -> None:
    """Refuse outputs that exist, unless they are to be replaced or resumed.

    Raises:
        OutputError: one exists, or can't be written.
    """
    if options.report is not None:
        refuse_existing(options.report, force=options.force or options.resume)
    if options.output is None:
        return
    refuse_existing(options.output, force=options.force or options.resume)
    part = part_of(options.output)
    if part.exists() and journal_of(options.output).exists() and not (options.force or options.resume):
        raise OutputError(
            "an interrupted run left its rows there",
            where=part,
            remedy="add --resume to go on from them, or --force to begin again",
        )


@contextlib.contextmanager
def begin_output(
    options: ClassifyOptions, facts: "ModelFacts", columns: Sequence[str], observer: Observer
) -> "Iterator[Output | DeviceOutput | None]":
    """Begin or resume the predictions file; on the way out it gets its name.

    A finished one that is resumed stays as it is. When the run is interrupted or fails, the finished rows stay beside
    it, to be resumed, and the observer is told how many there are.

    Raises:
        OutputError: see `toolkit.classify.output.Output`.
    """
    path, suffix = options.output, options.output_format
    if path is None or suffix is None:
        yield None
        return
    from toolkit.classify.device import device_output
    from toolkit.classify.output import Output
    from toolkit.classify.writers import Layout, open_format

    layout = Layout(
        labels=facts.labels, top_k=options.top_k, min_confidence=options.min_confidence, columns=columns
    )
    form = open_format(suffix, layout)
    if is_device(path):
        with device_output(path, form) as device:
            yield device
        return
    output = Output(path, form, _begun(options, facts, suffix, columns))
    if options.resume and output.can_resume():
        output.resume()
        observer.notice(f"resuming: {count(output.kept, 'row')} {numbered(output.kept, 'is')} there already")
    elif options.resume and path.exists():
        output.reopen()
    else:
        output.begin()
    try:
        yield output
        if output.is_untouched:
            output.discard()
            observer.notice(f"{path} is finished already: nothing to do")
        else:
            output.complete()
    except BaseException:  # Ctrl-C too
        if output.is_worth_keeping:
            output.close()
            end(output.journal)
            observer.notice(
                f"kept the {count(output.kept, 'finished row')} in {output.part}: --resume goes on from there"
            )
        else:
            output.discard()
        raise


def _begun(
    options: ClassifyOptions, facts: "ModelFacts", suffix: str, columns: Sequence[str]
) -> dict[str, Any]:
    """Return what the rows depend on, under the names that a user knows it by."""
    labels = options.labels
    return {
        "the model": {NAME: options.model, DIGEST: model_digest(options.model)},
        "the format": suffix,
        "the labels": None if labels is None else {NAME: str(labels), DIGEST: sha256_of(labels)},
        "the columns": ",".join(columns),
        "--top-k": options.top_k,
        "--min-confidence": options.min_confidence,
        "--batch-size": options.batch_size,
        "--normalize": options.normalize,
        "--resize": options.resize,
        "--max-pixels": options.max_pixels,
        "--exact": options.exact,
        "the execution provider": facts.provider,
    }
