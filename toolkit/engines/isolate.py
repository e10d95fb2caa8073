"""Which item of a shard is at fault when its process dies."""

from collections.abc import Callable
from typing import Any


def culprit(shard: Any, suspect: int, dies: Callable[[Any], bool], *, search: bool) -> int | None:
    """Find the item that kills the process which works on it.

    Args:
        shard: whose process died; see `toolkit.engines.protocol.Shard`.
        suspect: position of the item that was worked on, tried first; out of range where unknown.
        dies: works on a part of the shard in a fresh process, and tells whether that died.
        search: whether to bisect the shard when it wasn't the suspect.

    Returns:
        Its position; None where no item alone kills a process.
    """
    if 0 <= suspect < len(shard) and dies(shard.part(suspect, suspect + 1)):
        return suspect
    if not search:
        return None
    low, high = 0, len(shard)
    while high - low > 1:
        middle = (low + high) // 2
        if dies(shard.part(low, middle)):
            high = middle
        else:
            low = middle
    return low if dies(shard.part(low, high)) else None
