"""What `toolkit demo` is asked."""

from dataclasses import dataclass
from pathlib import Path

from toolkit.endings import check_folder
from toolkit.errors import UsageError
from toolkit.ranges import above_zero


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Where the demo writes, and what it runs.

    Args:
        output: folder; the demo's files in it are written anew every time.
        model: MODEL argument; None means the default shipped model.
        batch_sizes: of the benchmark, pictures a run.
        duration_s: of the whole benchmark, seconds, shared among the batch sizes.
        force: write into a folder that holds something else, too.
        command_line: that started it, for the page's end; empty where it is unknown.

    Raises:
        UsageError: the duration is not positive, there is no batch size, or the folder is called like a file.
    """

    output: Path = Path("toolkit-demo")
    model: str | None = None
    batch_sizes: tuple[int, ...] = (1, 32)
    duration_s: float = 3.0
    force: bool = False
    command_line: str = ""

    def __post_init__(self) -> None:
        check_folder(
            self.output, flag="--output", remedy="give the name of a folder, in which report.html will be"
        )
        above_zero(self.duration_s, "duration")
        if not self.batch_sizes:
            raise UsageError("no batch size", where="batch sizes", remedy="give one or more")
