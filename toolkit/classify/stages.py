"""Where the time of a run goes, which stage set its speed, and what would help."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stages:
    """Time spent in each stage, summed over all workers, nanoseconds.

    Args:
        reading_ns: opening and reading files, fetching addresses.
        decoding_ns: decoding pictures and bringing them to the model's size.
        running_ns: running the model and finding the most probable classes.
        writing_ns: listing the inputs and writing the results, by the process that hands out the work.
        sorting_ns: copying or linking pictures by class, by the same process; 0 without --sort-into.
    """

    reading_ns: int = 0
    decoding_ns: int = 0
    running_ns: int = 0
    writing_ns: int = 0
    sorting_ns: int = 0

    def __add__(self, other: "Stages") -> "Stages":
        return Stages(
            self.reading_ns + other.reading_ns,
            self.decoding_ns + other.decoding_ns,
            self.running_ns + other.running_ns,
            self.writing_ns + other.writing_ns,
            self.sorting_ns + other.sorting_ns,
        )

    def seconds(self) -> dict[str, float]:
        """Return the seconds by name of the stage; sorting only where something was sorted."""
        sorting = {"sorting": self.sorting_ns / 1e9} if self.sorting_ns else {}
        return {
            "reading": self.reading_ns / 1e9,
            "decoding": self.decoding_ns / 1e9,
            "running": self.running_ns / 1e9,
            "writing": self.writing_ns / 1e9,
            **sorting,
        }


REMEDIES = {
    "reading": "the disk is the limit: put the pictures on a faster one, or use more --workers if it is far away",
    "decoding": "use more --workers, or store smaller pictures",
    "running": "export the model with --precision int8, use a GPU, or a machine with more cores",
    "writing": "write CSV, and a smaller --top-k; listing and writing are done by one process",
    "sorting": "sort with --link instead of copying, or put --sort-into on a faster disk: one process does it",
}
SCALED = "use more --workers, leave --exact out, or store smaller pictures"
"""The remedy where every pixel is decoded, whatever the model's size."""
SMALL_ALREADY = "use a smaller model, or a machine with more cores"
"""The remedy where a model that is int8 already runs longest."""

BUSY = 0.9  # share of its time above which the process that lists, writes and sorts is itself the limit


def remedy(stage: str, precision: str = "", *, exact: bool = False) -> str:
    """Say what would help a run.

    Args:
        stage: that set its speed.
        precision: of the model, as its file says it; empty where it doesn't.
        exact: whether every pixel of JPEG pictures was decoded.
    """
    if stage == "decoding" and exact:
        return SCALED
    return SMALL_ALREADY if stage == "running" and precision == "int8" else REMEDIES[stage]


def limiting_stage(stages: Stages, seconds: float, *, one_session: bool = False) -> str:
    """Name the stage that set the speed of a run: reading, decoding, running, writing or sorting.

    Args:
        stages: time spent in each, by all workers.
        seconds: the run took.
        one_session: whether one session in the process that writes ran every batch, as on a GPU.
    """
    spent = stages.seconds()
    names = ("writing", "sorting", "running") if one_session else ("writing", "sorting")
    alone = {stage: spent.pop(stage) for stage in names if stage in spent}
    if sum(alone.values()) > BUSY * seconds:
        return max(alone, key=lambda stage: alone[stage])
    return max(spent, key=lambda stage: spent[stage])
