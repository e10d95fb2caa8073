"""What `toolkit demo` is asked."""

from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Where the demo writes, and what it runs.

    Args:
        output: folder; the demo's files in it are written anew every time.
        model: MODEL argument; None means the default shipped model.
        batch_sizes: of the benchmark, pictures a run.
        duration_s: of the whole benchmark, seconds, shared among the batch sizes.

    Raises:
        UsageError: the duration is not positive, or there is no batch size.
    """

    output: Path = Path("toolkit-demo")
    model: str | None = None
    batch_sizes: tuple[int, ...] = (1, 32)
    duration_s: float = 3.0

    def __post_init__(self) -> None:
        if not self.duration_s > 0:
            raise UsageError(f"{self.duration_s:g} seconds", where="duration", remedy="use a number above 0")
        if not self.batch_sizes:
            raise UsageError("no batch size", where="batch sizes", remedy="give one or more")
