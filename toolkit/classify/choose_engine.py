"""Which engine suits the inputs, and how many workers pay."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from toolkit.classify import journal
from toolkit.classify.options import EXAMPLE_TOP_K, ClassifyOptions
from toolkit.classify.start import StartElsewhere, StartWorker
from toolkit.images.archives import is_archive
from toolkit.images.feed import Feed
from toolkit.images.sources import STDIN
from toolkit.machine.cores import usable_cores
from toolkit.observer import Observer
from toolkit.runtime.devices import CPU

if TYPE_CHECKING:
    from toolkit.classify.shard import ModelFacts
    from toolkit.classify.worker import Worker
    from toolkit.engines.protocol import Engine

MANY = 8192
"""Inputs from which on starting processes pays, in any case.

Source: measured by bench/classify_cifar.py: starting takes what one process does with some 5,000 CIFAR files."""

MANY_AT_ONCE = 64  # paths that one reading of standard input brought: a program writes them, not a person
LARGE_ARCHIVE_BYTES = 16 << 20


@contextlib.contextmanager
def engine_for(
    options: ClassifyOptions, feed: Feed, observer: Observer
) -> "Iterator[tuple[Engine, ModelFacts]]":
    """Choose and open the engine that suits the inputs, and close it at the end.

    Few inputs are classified in this process: starting others takes longer. Many inputs on the CPU go to one
    process a core, each with one intra-op thread; on a GPU, such processes decode for the one session in this
    process. A Ray cluster is never chosen, only obeyed. Where an earlier run ended without a word, one of its
    pictures may have crashed the decoder: pictures are decoded in other processes, in any case, whose death costs
    that picture's row alone.

    Args:
        options: of the run.
        feed: its inputs; read ahead, not taken.
        observer: told what opening the model and the engine had to say.
    """
    told: list[str] = []
    engine, start = _ray(options, observer, told) if options.engine == "ray" else _local(options, feed, told)
    try:
        facts: ModelFacts = engine.open(start)
        del start  # it may hold the session, which ends with the engine
        for notice in dict.fromkeys((*told, *facts.notices)):
            observer.notice(notice)
        yield engine, facts
    finally:
        engine.close()


def _local(options: ClassifyOptions, feed: Feed, told: list[str]) -> "tuple[Engine, Callable[[], Worker]]":
    is_cpu, crashed = _is_cpu(options), _has_crashed(options)
    workers = _workers(options, feed, threads=(options.threads or 1) if is_cpu else 1)
    start = _start(options, threads=options.threads)
    if crashed:
        told.append(
            "the earlier run was cut off: should a picture crash its decoder, it becomes an error row"
        )
    if workers > 1 or crashed:
        if not is_cpu:
            worker = start()
            if worker.info.provider != CPU:
                from toolkit.engines.shared import SharedEngine

                return SharedEngine(workers), lambda: worker
            # `auto` found a driver, and that the GPU can't run the model; the processes don't try it again.
            told += worker.info.notices
            start = replace(start, device="cpu", provider_options=())
        from toolkit.engines.local import LocalEngine

        return LocalEngine(workers), replace(start, threads=options.threads or (1 if workers > 1 else None))
    from toolkit.engines.threads import ThreadsEngine

    return ThreadsEngine(options.workers or options.threads or usable_cores()), start


def _ray(
    options: ClassifyOptions, observer: Observer, told: list[str]
) -> "tuple[Engine, Callable[[], Worker]]":
    from toolkit.engines.ray_engine import RayEngine

    if options.device == "auto":
        told.append(f"device: cpu ({CPU}; the workers of --engine ray run on CPUs)")
    threads = options.threads or 1
    start = replace(_start(options, threads=threads), device="cpu")  # whatever else its machine has
    start()  # a model or an option that can't be used shows here, half a minute before Ray is up
    engine = RayEngine(
        options.workers,
        address=options.ray_address,
        cores=threads,
        spare_cores=usable_cores(),
        tell=observer.notice,
    )
    return engine, StartElsewhere.of(start)


def _workers(options: ClassifyOptions, feed: Feed, *, threads: int) -> int:
    """Return how many processes of so many threads are worth starting; 1 means none."""
    if options.workers is not None:
        return options.workers
    workers = usable_cores() // threads
    if workers <= 1:
        return 1
    if STDIN in options.paths:
        # Not waited for: whoever writes the list may be slow.
        return workers if feed.count >= MANY_AT_ONCE else 1
    if any(is_archive(path) for path in options.paths):
        # Not read ahead: what is read from an archive is held on disk.
        return workers if _archive_bytes(options.paths) >= LARGE_ARCHIVE_BYTES else 1
    return workers if feed.holds(MANY) else 1


def _has_crashed(options: ClassifyOptions) -> bool:
    """Tell whether the run that is to be resumed ended neither with all rows nor by itself."""
    if not options.resume or options.output is None:
        return False
    try:
        return journal.part_of(options.output).is_file() and not journal.is_ended(
            journal.journal_of(options.output)
        )
    except OSError:  # there is no journal, or it shows when the output is resumed
        return False


def _archive_bytes(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            total += os.stat(path).st_size  # noqa: PTH116 - the name may hold bytes that aren't UTF-8
    return total


def _is_cpu(options: ClassifyOptions) -> bool:
    """Tell whether the model will run on the CPU for sure, without loading ONNX Runtime to find out."""
    from toolkit.runtime.cuda import can_load, driver_library

    return options.device == "cpu" or (options.device == "auto" and not can_load(driver_library()))


def _start(options: ClassifyOptions, *, threads: int | None) -> StartWorker:
    names = {field.name for field in fields(StartWorker)} - {"threads", "top_k"}
    # A report shows more classes of its examples than a row may hold.
    top_k = max(options.top_k, EXAMPLE_TOP_K) if options.report is not None else options.top_k
    return StartWorker(**{name: getattr(options, name) for name in names}, threads=threads, top_k=top_k)
