"""Pictures for the classification benchmarks: many hard links to few files, and what they cost a core at least."""

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from toolkit.models.open import OpenModel, open_model

BATCH = 64
REPEATS = 9
# A large buffer is set aside anew for every file, which takes longer than reading a small one.
SMALL_BYTES = 1 << 16


def linked(files: list[str], count: int, folder: Path, per_folder: int) -> Path:
    """Make a folder of `count` hard links to `files`, in sub-folders of `per_folder` each; kept if it is there."""
    root = folder / f"links-{count}-{per_folder}"
    done = root / ".complete"
    if done.exists():
        return root
    for number in range(count):
        sub = root / f"{number // per_folder:05d}"
        if number % per_folder == 0:
            sub.mkdir(parents=True, exist_ok=True)
        target = f"{sub}/{number:07d}.jpg"
        if not os.path.exists(target):  # noqa: PTH110
            os.link(files[number % len(files)], target)
    done.touch()
    return root


def jpeg_files(data: str) -> list[str]:
    """Return all JPEG files below a folder, sorted."""
    return sorted(str(path) for path in Path(data).rglob("*.jpg"))


def best(function: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Return the shortest time of several, seconds, and the last result."""
    shortest, result = float("inf"), None
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest, result


def stage_costs(files: list[str], model: str, *, repeats: int = REPEATS, **scaling: int) -> dict[str, float]:
    """Measure what each stage costs at least, microseconds a picture on one core, each measured alone.

    Args:
        files: JPEG files.
        model: of which one thread runs batches of 64.
        repeats: the best of so many counts.
        scaling: `min_height` and `min_width` for the decoder.
    """
    opened: OpenModel = open_model(model, device="cpu", threads=1)
    reading, contents = best(lambda: [_read(file) for file in files], repeats)
    decoding, pictures = best(
        lambda: [simplejpeg.decode_jpeg(c, "RGB", **scaling) for c in contents], repeats
    )
    fitting, batch = (
        best(lambda: opened.plan.stack(pictures), repeats) if scaling else (0.0, np.stack(pictures))
    )

    def run() -> None:
        for start in range(0, len(batch), BATCH):
            opened.session.run(opened.plan.model_input(batch[start : start + BATCH]))

    running, _ = best(run, repeats)
    share = 1e6 / len(files)
    return {
        "read_us": reading * share,
        "decode_us": decoding * share,
        "fit_us": fitting * share,
        "run_us": running * share,
    }


def together(files: list[str], model: str, cores: int, *, repeats: int = REPEATS) -> dict[str, float]:
    """Measure the same on all cores at once: what they share (memory, cache, clock rate) makes each of them slower.

    Args:
        files: JPEG files, as many for each core.
        model: see `stage_costs`.
        cores: processes.
        repeats: see `stage_costs`.
    """
    costs = partial(stage_costs, model=model, repeats=repeats)
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as processes:
        each = list(processes.map(costs, [files] * cores))
    return {stage: sum(costs[stage] for costs in each) / cores for stage in each[0]}


def limit(costs: dict[str, float], cores: int) -> float:
    """Return the pictures a second that so many cores could do if nothing but the stages cost anything."""
    return cores * 1e6 / sum(costs.values())


def _read(file: str) -> bytes:
    handle = os.open(file, os.O_RDONLY)
    content = os.read(handle, SMALL_BYTES)
    if len(content) == SMALL_BYTES:
        content += os.read(handle, os.fstat(handle).st_size)
    os.close(handle)
    return content
