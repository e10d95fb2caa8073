"""What a worker, a shard and an engine are."""

from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, TypeVar

Info = TypeVar("Info", covariant=True)
Prepared = TypeVar("Prepared")
Made = TypeVar("Made", covariant=True)


class Shard(Protocol):
    """Some items of work in a row. It travels between processes, so it is small and can be pickled."""

    def __len__(self) -> int:
        """Count the items."""

    def part(self, start: int, stop: int) -> "Shard":
        """Return the shard of the items from `start` up to, not including, `stop`."""

    def without(self, position: int, reason: str) -> "Shard":
        """Return the same shard with one item given up, for a reason in plain words."""

    def elsewhere(self, *, other_disk: bool) -> "Shard":
        """Return the shard as a worker needs it that was not started from this process.

        Args:
            other_disk: the worker may see none of this machine's files but what is shared under the same
                name. In any case its working folder is another.
        """


class Worker(Protocol[Info, Made]):
    """Does the work of a shard."""

    position: Any
    """A cell whose `value` it sets to the item it is at; None where nobody wants to know."""

    @property
    def info(self) -> Info:
        """What is known once the worker is ready; can be pickled."""

    def __call__(self, shard: Any) -> Made:
        """Do a whole shard; the result can be pickled."""


class Engine(Protocol):
    """Runs shards on workers."""

    workers: int
    """How many processes work side by side."""

    threads_a_worker: int
    """How many threads of each work on shards at once."""

    takes_long_shards: bool
    """Whether the way to a worker and back costs something, so that long shards pay."""

    def open(self, start: Callable[[], Worker[Any, Any]]) -> Any:
        """Start the workers and return what the first has to tell.

        Args:
            start: makes a worker, where it will work; can be pickled.

        Raises:
            ToolkitError: a worker can't be made.
        """

    def map(self, shards: Iterable[Any]) -> Generator[Any]:
        """Work on a stream of shards; the results come in the stream's order.

        Only a few shards are taken from the stream in advance. Should the stream or a worker raise, what
        came before is given first. Closing the generator early is allowed.
        """

    def close(self) -> None:
        """Let the workers go."""
