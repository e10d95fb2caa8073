"""How a run of `toolkit classify` went, in a line each."""

from toolkit.classify.result import ClassifyResult
from toolkit.wording import count


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
        links, them = ("links to folders", "them") if result.links_skipped > 1 else ("link to a folder", "it")
        line += f"; {result.links_skipped:,} {links} not followed (--follow-links follows {them})"
    if result.resumed is not None:
        line += f"; {result.resumed:,} rows were there already"
        if result.added or result.removed:
            inputs = "input was" if result.added == 1 else "inputs were"
            line += f" ({result.added or 0:,} {inputs} added meanwhile, {result.removed or 0:,} removed)"
    return line


def limit_line(result: ClassifyResult) -> str:
    """Say which stage set the speed, and what would help."""
    seconds = result.stages.seconds()
    shares = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in seconds.items())
    return f"limit: {result.limit} ({shares}, in {result.workers} workers); {result.remedy}"
