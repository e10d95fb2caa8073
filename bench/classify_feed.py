"""Claim: how many pictures a second processes that decode into shared memory give one session, and how many threads.

What `toolkit classify` does on a GPU, without the GPU: the same engines, decoders and batches, and a session that takes
no time at all, so that the feed is the limit. Small JPEG files (CIFAR-10) to batches of 32 x 32, where Python's lock
holds threads back most, and photos of 3 megapixels to 224 x 224, where decoders let go of it. Both engines take turns.
With --model MODEL, on a machine with a CUDA device, processes feed that model on it as well, in the same turns.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from classify_inputs import jpeg_files, limit, linked, stage_costs
from classify_photos import enlarged
from evidence import write

from toolkit.classify.pipeline import Pipeline
from toolkit.classify.prepare import Prepared, Preparer
from toolkit.classify.shard import Outcome
from toolkit.classify.start import StartWorker
from toolkit.engines.protocol import Engine
from toolkit.engines.shared import SharedEngine
from toolkit.engines.threads import ThreadsEngine
from toolkit.images.decode import DEFAULT_MAX_PIXELS
from toolkit.images.feed import Feed
from toolkit.images.sources import listing
from toolkit.machine.cores import usable_cores
from toolkit.preprocess.plan import Plan

BATCH = 64
AHEAD = 4  # batches a core that an engine may be ahead
ENGINES: dict[str, Callable[[int], Engine]] = {"threads": ThreadsEngine, "processes": SharedEngine}
PHOTO = (2048, 1536)  # width, height
PHOTOS = 8


class Sink:
    """A worker whose session takes no time: it says of every picture that it is of class 0."""

    info = None

    def __init__(self, size: int) -> None:
        self.preparer = Preparer(
            Plan(height=size, width=size), batch_size=BATCH, max_pixels=DEFAULT_MAX_PIXELS, exact=False
        )

    def finish(self, batch: Prepared, buffer: memoryview | None = None) -> Outcome:
        """Answer."""
        pixels = batch.pixels if buffer is None else self.preparer.pixels_in(buffer)
        assert pixels is not None
        pixels.max()  # it reads them, as the copy to a GPU would
        count = batch.span[1] - batch.span[0] - len(batch.errors)
        return Outcome(
            batch.errors, np.zeros((count, 1), np.int64), np.ones((count, 1), np.float32), batch.stages
        )


def on_cuda(model: str) -> StartWorker:
    """Return what makes a worker with a session on CUDA."""
    return StartWorker(
        model=model, device="cuda", threads=None, provider_options=(), labels=None, normalize=None, resize=None,
        batch_size=BATCH, top_k=1, max_pixels=None, exact=False,
    )  # fmt: skip


def rate(engine: Engine, folder: Path, start: Any) -> float:
    """Return the pictures a second once the batches that were begun while it started are through."""
    engine.open(start)
    pieces: Any = Pipeline(engine, Feed(listing([str(folder)])), batch_size=BATCH).pieces()
    for _ in range(AHEAD * usable_cores()):
        next(pieces)
    began = time.perf_counter()
    done = sum(len(piece.inputs) for piece in pieces)
    seconds = time.perf_counter() - began
    engine.close()
    return done / seconds


def measure(folder: Path, size: int, rounds: int, model: str | None = None) -> dict[str, Any]:
    """Return the pictures a second of both engines, and how they compare, over several rounds."""
    ways: dict[str, tuple[Callable[[int], Engine], Any]] = {
        name: (engine, lambda: Sink(size)) for name, engine in ENGINES.items()
    }
    if model is not None:
        ways[f"{model} on CUDA"] = (SharedEngine, on_cuda(model))
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            engine, start = ways[name]
            rates[name].append(rate(engine(usable_cores()), folder, start))
    ratios = [p / t for p, t in zip(rates["processes"], rates["threads"], strict=True)]
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"{size} x {size}:",
        ", ".join(f"{name} {each:,.0f}" for name, each in medians.items()),
        f"a second, processes {statistics.median(ratios):.2f} times threads",
    )
    return {"rates": rates, "ratios": ratios, "median_ratio": statistics.median(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with JPEG files of CIFAR-10")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", type=int, default=30_000 * usable_cores(), help="small files a round")
    parser.add_argument("--photos", type=int, default=16 * BATCH * usable_cores(), help="photos a round")
    parser.add_argument("--model", help="a model of 32 x 32 that is fed on CUDA as well")
    arguments = parser.parse_args()
    files = jpeg_files(arguments.data)
    with tempfile.TemporaryDirectory(dir=Path(arguments.data).parent) as name:
        scratch = Path(name)
        small = linked(files, arguments.small, scratch, 1000)
        photos = []
        for number in range(PHOTOS):
            photos.append(str(scratch / f"photo-{number}.jpg"))
            Path(photos[-1]).write_bytes(enlarged(files[number * len(files) // PHOTOS], PHOTO, number))
        large = linked(photos, arguments.photos, scratch, 1000)
        costs = stage_costs(files[:1000], "paper-cnn")
        alone = {stage: costs[stage] for stage in ("read_us", "decode_us")}
        figures = {
            "small_32_limit": limit(alone, usable_cores()),
            "small_32_alone_us": alone,
            "small_32": measure(small, 32, arguments.rounds, arguments.model),
            "photos_224": measure(large, 224, arguments.rounds),
        }
    write(
        "classify_feed",
        f"pictures a second that {usable_cores()} cores decode for one session: processes against threads",
        {"batch_size": BATCH, "small": arguments.small, "photos": arguments.photos, **figures},
    )


if __name__ == "__main__":
    main()
