"""The benchmark JSON, schema 1, in and out: nanoseconds inside, milliseconds in the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bench import samples
from toolkit.bench.figures import STAGES, ColdStart, Latency, Round, Stage, Trial
from toolkit.bench.result import BenchResult, CaseResult
from toolkit.bench.stored_rounds import rounds_of
from toolkit.bench.summary import latencies_ns
from toolkit.errors import DataError
from toolkit.stats.latency import interval_key
from toolkit.wording import typed

SCHEMA = 1
NS_PER_MS = 1_000_000
BYTES_PER_MB = 1_000_000
WRITTEN_BY = "give a file written by: toolkit bench -o"


def to_document(result: BenchResult) -> dict[str, Any]:
    """Turn a result into the benchmark JSON."""
    return {
        "schema": SCHEMA,
        "machine": dict(result.machine),
        "conditions": dict(result.conditions),
        "settings": dict(result.settings),
        "interrupted": result.interrupted,
        "warnings": [asdict(c) for c in result.cautions],
        "gates": [asdict(g) for g in result.gates],
        "samples_encoding": samples.ENCODING,
        "results": [_case(case) for case in result.results],
    }


def read_record(path: Path) -> dict[str, Any]:
    """Read a benchmark JSON.

    Raises:
        DataError: it can't be read, isn't one, or has a schema that this version doesn't know.
    """
    try:
        document = json.loads(path.read_bytes())  # UTF-8, or UTF-16 as PowerShell's > writes it
    except OSError as error:
        raise DataError(
            f"can't read the benchmark record: {error.strerror or error}", where=path, remedy=WRITTEN_BY
        ) from error
    except (ValueError, RecursionError) as error:
        # What it says of bytes and columns helps nobody.
        raise DataError("not a benchmark record (no JSON)", where=path, remedy=_remedy(path)) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema is None or not _well_formed(document):
        raise DataError("not a benchmark record", where=path, remedy=WRITTEN_BY)
    if schema != SCHEMA:
        raise DataError(
            f"its schema is {schema}, and this version reads {SCHEMA}",
            where=path,
            remedy="measure it again, or use the version of toolkit that wrote it",
        )
    return dict(document)


def _well_formed(document: Mapping[str, Any]) -> bool:
    """Return whether the parts are of the kind that whatever reads a record relies on."""
    results = document.get("results")
    return (
        isinstance(document.get("machine"), dict)
        and isinstance(results, list)
        and all(isinstance(r, dict) and isinstance(r.get("model"), str) for r in results)
        and all(isinstance(r.get("rounds", []), list) for r in results)
    )


def _remedy(path: Path) -> str:
    """Tell what to do where a model was given in place of a record."""
    if path.suffix.lower() == ".onnx":
        return f"{WRITTEN_BY}; to measure two models in turns: toolkit bench MODEL {typed(path)}"
    return WRITTEN_BY


def samples_ms(case: Mapping[str, Any]) -> Any:
    """Return all latencies of one entry of `results`, float64 [queries], milliseconds, in the order measured.

    Raises:
        DataError: they are missing or damaged.
    """
    return latencies_ns(rounds_of(case, "benchmark record")) / NS_PER_MS


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "model": case.model,
        "path": str(case.path),
        "device": case.device,
        "provider": case.provider,
        "placement": _placement(case.placement),
        "provider_options": dict(case.provider_options),
        "transfer": case.transfer,
        "precision": case.precision,
        "batch_size": case.batch_size,
        "threads": case.threads,
        "scenario": case.scenario,
        "rate_qps": case.rate_qps,
        "arrivals": case.arrivals,
        "images_per_query": case.images_per_query,
        "queries": case.queries,
        "seconds": case.wall_ns / 1e9,
        "latency_ms": _latency(case.latency, 1),
        "latency_per_image_ms": _latency(case.latency, case.images_per_query),
        "throughput": case.throughput,
        "throughput_ci95": None if case.throughput_ci95 is None else list(case.throughput_ci95),
        **_cold_start(case.cold_start),
        "size_bytes": case.size_bytes,
        "sha256": case.sha256,
        "includes": list(case.includes),
        "excludes": list(case.excludes),
        "stages": [_stage(stage) for stage in case.stages],
        "rates_tried": [_trial(trial) for trial in case.trials],
        "warnings": [asdict(c) for c in case.cautions],
        "comparison": None if case.comparison is None else asdict(case.comparison),
        "first_comparison": None if case.first_comparison is None else asdict(case.first_comparison),
        "warmup_runs": sum(r.warmup_runs for r in case.rounds),
        "rounds": _rounds(case.rounds),
        "baseline_rounds": _rounds(case.baseline_rounds),
    }


def _latency(latency: Latency, images: int) -> dict[str, Any]:
    def ms(value_ns: float | None) -> float | None:
        return None if value_ns is None else value_ns / NS_PER_MS / images

    def pair(interval: tuple[float, float] | None) -> list[float | None] | None:
        return None if interval is None else [ms(interval[0]), ms(interval[1])]

    return {
        "min": ms(latency.minimum),
        **{key: ms(value) for key, value in latency.percentiles.items()},
        "max": ms(latency.maximum),
        "mean": ms(latency.mean),
        "std": ms(latency.std),
        **{interval_key(key): pair(interval) for key, interval in latency.ci95.items()},
        "p50_processes_ci95": pair(latency.p50_processes_ci95),
    }


def _cold_start(start: ColdStart) -> dict[str, Any]:
    return {
        "load_ms": start.load_ns / NS_PER_MS,
        "first_inference_ms": start.first_inference_ns / NS_PER_MS,
        "peak_rss_mb": start.peak_rss_bytes / BYTES_PER_MB,
        "base_rss_mb": start.base_rss_bytes / BYTES_PER_MB,
        "cold_starts": start.repeats,
    }


def _placement(nodes: Mapping[str, int] | None) -> dict[str, Any] | None:
    """Tell how many nodes, and what share of them, each execution provider holds."""
    if nodes is None:
        return None
    total = sum(nodes.values())
    return {name: {"nodes": count, "share": count / total} for name, count in nodes.items()}


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "p50_ms": stage.p50 / NS_PER_MS,
        "mean_ms": stage.mean / NS_PER_MS,
        "share": stage.share,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    value = trial.percentile_ns
    return {
        "rate_qps": trial.rate_qps,
        "queries": trial.queries,
        "percentile_ms": None if value is None else value / NS_PER_MS,
        "overloaded": trial.overloaded,
        "held": trial.held,
    }


def _rounds(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    return [
        {
            "round": each.number,
            "queries": len(each.due_ns),
            "seconds": each.wall_ns / 1e9,
            "warmup_runs": each.warmup_runs,
            "overloaded": each.overloaded,
            "load_ms": None if each.start is None else each.start.load_ns / NS_PER_MS,
            "first_inference_ms": None if each.start is None else each.start.first_inference_ns / NS_PER_MS,
            "reference_ns": each.reference_ns,
            "due_ns": samples.encode(each.due_ns),
            "latency_ns": samples.encode(each.latency_ns),
            "stages_ns": _stage_samples(each),
            "machine_before": None if each.before is None else each.before.to_document(),
            "machine_after": None if each.after is None else each.after.to_document(),
        }
        for each in rounds
    ]


def _stage_samples(each: Round) -> dict[str, str] | None:
    if each.stages_ns is None:
        return None
    columns = zip(STAGES, each.stages_ns.T, strict=True)
    return {name: samples.encode(np.ascontiguousarray(column)) for name, column in columns}
