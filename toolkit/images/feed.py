"""A stream of inputs, taken in runs of the length that is wanted."""

from collections.abc import Iterable

from toolkit.errors import ToolkitError
from toolkit.images.inputs import Inputs, joined


class Feed:
    """Takes runs of any length in and gives out runs of the length asked for.

    Should the stream fail, what came before is given out first.

    Args:
        stream: see `toolkit.images.sources.listing`; read only as far as is asked for.
    """

    def __init__(self, stream: Iterable[Inputs]) -> None:
        self._stream = iter(stream)
        self._parts: list[Inputs] = []
        self.count = 0
        """Inputs read from the stream and not taken yet."""
        self._failure: ToolkitError | None = None
        self._ended = False

    def holds(self, count: int) -> bool:
        """Tell whether there are at least so many inputs, reading on as far as needed."""
        while self.count < count and not self._ended:
            try:
                part = next(self._stream)
            except StopIteration:
                self._ended = True
            except ToolkitError as error:
                self._failure, self._ended = error, True
            else:
                self._parts.append(part)
                self.count += len(part)
        return self.count >= count

    def take(self, count: int) -> Inputs | None:
        """Return the next `count` inputs, fewer at the end; None when there are no more.

        Raises:
            ToolkitError: the stream failed, and everything before is given out.
        """
        self.holds(count)
        if not self.count:
            if self._failure is not None:
                raise self._failure
            return None
        taken: list[Inputs] = []
        missing = count
        while missing and self._parts:
            part = self._parts[0]
            if len(part) > missing:
                taken.append(part.part(0, missing))
                self._parts[0] = part.part(missing, len(part))
                missing = 0
            else:
                taken.append(self._parts.pop(0))
                missing -= len(part)
        self.count -= count - missing
        return joined(taken)

    def put_back(self, inputs: Inputs) -> None:
        """Put inputs that were taken back in front."""
        if len(inputs):
            self._parts.insert(0, inputs)
            self.count += len(inputs)
