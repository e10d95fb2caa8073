"""Broken pictures that --skip-broken left out, each by its name."""

from collections.abc import Sequence

from toolkit.errors import printable
from toolkit.wording import count, numbered


def left_out(skipped: Sequence[tuple[str, str]]) -> str:
    """Name the pictures that were left out, a line each.

    Args:
        skipped: (path, reason) of each; one at least.
    """
    lines = [f"{count(len(skipped), 'broken picture')} {numbered(len(skipped), 'was')} left out:"]
    lines += [f"  {printable(path)}: {reason}" for path, reason in skipped]
    return "\n".join(lines)
