"""Batches decoded ahead in a few threads, handed on in order, in bounded memory.

Pillow lets go of Python's lock while it decodes, so threads keep the cores busy with large photos, and with
small ones decoding overlaps with running the model.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from toolkit.errors import ToolkitError

Item = TypeVar("Item")
Given = TypeVar("Given")
Made = TypeVar("Made")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of `size`; the last, or the last before the stream fails, may be shorter."""
    batch: list[Item] = []
    failure: ToolkitError | None = None
    stream = iter(items)
    while failure is None:
        try:
            batch.append(next(stream))
        except StopIteration:
            break
        except ToolkitError as error:
            failure = error
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
    if failure is not None:
        raise failure


def ahead(
    function: Callable[[Given], Made],
    items: Iterable[Given],
    *,
    threads: int,
    stop: Callable[[], object] = lambda: None,
) -> Generator[Made]:
    """Apply a function to a stream in threads, results in the stream's order.

    At most two more items than there are threads are taken from the stream in advance.

    Args:
        function: applied to each item; what it raises is raised when its turn comes.
        items: read only in the caller's thread. Should it fail, what was taken before comes first.
        threads: 1 or more.
        stop: called when the caller goes away early, so that running calls can end soon.
    """
    stream = iter(items)
    failure: ToolkitError | None = None
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            while True:
                while failure is None and len(pending) < threads + 2:
                    try:
                        item = next(stream)
                    except StopIteration:
                        break
                    except ToolkitError as error:
                        failure = error
                        break
                    pending.append(pool.submit(function, item))
                if not pending:
                    break
                yield pending.popleft().result()
        finally:
            if pending:
                stop()
                for future in pending:
                    future.cancel()
    if failure is not None:
        raise failure
