"""How a run of `toolkit classify` went, and what its figures are without, in a line each."""

from toolkit.classify.result import ClassifyResult
from toolkit.wording import count, numbered


def summary_line(result: ClassifyResult) -> str:
    """Say in one line how it went: the last thing on standard error."""
    line = (
        f"{count(result.inputs, 'picture')}, {count(result.errors, 'error')}, "
        f"{result.seconds:.2f} s, {result.pictures_per_second:,.0f} pictures a second"
    )
    if result.uncertain is not None:
        line += f"; {result.uncertain:,} uncertain (below {result.min_confidence:g})"
    if result.hidden_skipped:
        line += f"; {result.hidden_skipped:,} hidden skipped"
    if result.others_skipped:
        line += f"; {count(result.others_skipped, 'other file')} skipped"
    if result.links_skipped:
        them = "it" if result.links_skipped == 1 else "them"
        line += f"; {_links(result)} not followed (--follow-links follows {them})"
    if result.resumed is not None:
        line += f"; {count(result.resumed, 'row')} {numbered(result.resumed, 'was')} there already"
        if result.added or result.removed:
            inputs = "input was" if result.added == 1 else "inputs were"
            line += f" ({result.added or 0:,} {inputs} added meanwhile, {result.removed or 0:,} removed)"
    return line


def limit_line(result: ClassifyResult) -> str:
    """Say which stage set the speed, and what would help."""
    seconds = result.stages.seconds()
    shares = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in seconds.items())
    threads, workers = result.threads_a_worker, count(result.workers, "worker")
    # In one process the times of its threads are summed up, and may be more than the run took.
    where = count(threads, "thread") if threads > 1 else workers
    return f"limit: {result.limit} ({shares}, in {where}); {result.remedy}"


def doubts(result: ClassifyResult) -> list[str]:
    """Say in a line each what the figures are without."""
    warnings = []
    rest = 0 if result.labelled is None else result.pictures - result.labelled
    if rest:
        where, them = ("lies in a folder", "it") if rest == 1 else ("lie in folders", "them")
        warnings.append(
            f"{count(rest, 'picture')} {where} that no class is named like; the accuracy is without {them}"
        )
    if result.hidden_skipped:
        warnings.append(
            f"{result.hidden_skipped:,} hidden "
            f"{'file or folder' if result.hidden_skipped == 1 else 'files or folders'} left out"
        )
    if result.others_skipped:
        warnings.append(
            f"{count(result.others_skipped, 'file')} left out that no ending shows to be a picture"
        )
    if result.links_skipped:
        warnings.append(f"{_links(result)} not followed")
    return warnings


def _links(result: ClassifyResult) -> str:
    links = "link to a folder" if result.links_skipped == 1 else "links to folders"
    return f"{result.links_skipped:,} {links}"
