"""Claim: on a CPU, 32 pictures of 32 x 32 at once take at most 15 % longer than the best number; 224 x 224 go alone.

A batch of 64 pictures goes through a model in runs of 1, 2, 4 ... 64 pictures, one thread, all interleaved in one
process; between two batches the pictures are written anew, as decoding does. Give further models as arguments.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from evidence import write

from toolkit.models.open import open_model

BATCH = 64
SIZES = (1, 2, 4, 8, 16, 32, 64)
SPENT_S = 8.0  # on a model


def microseconds(name: str) -> dict[int, float]:
    """Return the median time a picture takes, for each size of a run."""
    model = open_model(name, device="cpu", threads=1)
    height, width = model.input_size
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, height, width, 3), np.uint8)
    written = np.empty_like(batch)
    times: dict[int, list[float]] = {size: [] for size in SIZES}
    began, turn = time.perf_counter(), 0
    while turn < 3 or time.perf_counter() - began < SPENT_S:
        for place in range(len(SIZES)):
            size = SIZES[(turn + place) % len(SIZES)]
            written[...] = batch
            started = time.perf_counter()
            for start in range(0, BATCH, size):
                model.probabilities(written[start : start + size])
            times[size].append(time.perf_counter() - started)
        turn += 1
    return {size: 1e6 * statistics.median(taken[1:]) / BATCH for size, taken in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["paper-cnn", "paper-cnn-int8"])
    figures = {}
    for name in parser.parse_args().models:
        figures[Path(name).stem] = times = microseconds(name)
        print(Path(name).stem, *(f"{size}: {taken:.1f} us" for size, taken in times.items()), sep="  ")
    write(
        "batch_pixels",
        "32 pictures of 32 x 32 at once take at most 15 % longer than the best number",
        figures,
    )


if __name__ == "__main__":
    main()
