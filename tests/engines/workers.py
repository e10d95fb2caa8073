"""Workers for the engines' tests, in a module of their own so that a spawned process finds them."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from toolkit.errors import DeviceError, ModelError

KILLS = "kills"
KILLS_ONCE = "kills once"
KILLS_PARENT = "kills its parent too"
KILLS_UNSEEN = "kills without a trace"
FAILS = "fails"


@dataclass(frozen=True)
class Items:
    """A shard of anything."""

    items: tuple[Any, ...]
    given_up: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def part(self, start: int, stop: int) -> "Items":
        given_up = {i - start: why for i, why in self.given_up.items() if start <= i < stop}
        return Items(self.items[start:stop], given_up)

    def without(self, position: int, reason: str) -> "Items":
        return Items(self.items, {**self.given_up, position: reason})

    def elsewhere(self, *, other_disk: bool) -> "Items":
        return self


def shards(*items: Any, size: int = 4) -> list[Items]:
    return [Items(items[i : i + size]) for i in range(0, len(items), size)]


def flat(results: Iterable[list[Any]]) -> list[Any]:
    return [item for result in results for item in result]


@dataclass(frozen=True)
class Scripted:
    """An item with which something else happens each time somebody works on it, and nothing in the end.

    Args:
        folder: where it is counted how often that was.
        acts: what happens: "worker" (dies, Ray's process and all), "machine" (is lost) or "hang".
    """

    folder: Path
    acts: tuple[str, ...]

    def act(self) -> str:
        times = len(list(self.folder.iterdir()))
        (self.folder / str(times)).touch()
        act = self.acts[times] if times < len(self.acts) else None
        parent = psutil.Process(os.getppid())
        if act == "hang":
            time.sleep(1000)
        if act == "machine":
            parent.parent().kill()  # the process that stands for the machine
        if act is not None:
            parent.kill()
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"


class Doubling:
    """Doubles numbers; some items are the death of it."""

    info = "ready"
    position: Any = None

    def __init__(self, once: Path | None = None) -> None:
        self.once = once

    def __call__(self, shard: Items) -> list[Any]:
        return [
            shard.given_up[i] if i in shard.given_up else self._double(i, item)
            for i, item in enumerate(shard.items)
        ]

    def _double(self, position: int, item: Any) -> Any:
        if item != KILLS_UNSEEN:
            self.position.value = position
        if item in (KILLS, KILLS_UNSEEN):
            os.kill(os.getpid(), signal.SIGSEGV)
        if item == KILLS_ONCE and self.once is not None and not self.once.exists():
            self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == KILLS_PARENT:
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        if item == FAILS:
            raise DeviceError("the device is gone", where="here", remedy="plug it in")
        if isinstance(item, Scripted):
            return item.act()
        if isinstance(item, float):
            time.sleep(item)
        return 2 * item


@dataclass(frozen=True)
class Start:
    once: Path | None = None

    def __call__(self) -> Doubling:
        return Doubling(self.once)


class Writing:
    """A first step: writes doubled numbers into shared memory; some items are the death of it."""

    buffer_bytes = 8 * 8

    def __init__(self, once: Path | None = None) -> None:
        self.doubling = Doubling(once)

    @property
    def position(self) -> Any:
        return self.doubling.position

    @position.setter
    def position(self, cell: Any) -> None:
        self.doubling.position = cell

    def prepare_into(self, shard: Items, buffer: memoryview) -> list[str | None]:
        numbers = buffer.cast("q")
        told = []
        for place, made in enumerate(self.doubling(shard)):
            told.append(made if isinstance(made, str) else None)
            if not isinstance(made, str):
                numbers[place] = made
        return told


class Reading:
    """A worker whose first step is that, and whose second reads the numbers."""

    info = "ready"

    def __init__(self, once: Path | None = None, pause_s: float = 0.0) -> None:
        self.preparer = Writing(once)
        self.pause_s = pause_s

    def finish(self, told: list[str | None], buffer: memoryview) -> list[Any]:
        time.sleep(self.pause_s)
        return [text or buffer.cast("q")[place] for place, text in enumerate(told)]


def refuse() -> Doubling:
    raise ModelError("no such model", where="m.onnx", remedy="look for it")


def die() -> Doubling:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
