"""Options -> result: the straight line of a benchmark."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.bench.cold_start import median_start
from toolkit.bench.compare import compare_case, counterpart, refuse_other_machine
from toolkit.bench.gates import judge
from toolkit.bench.inputs import untimed_steps
from toolkit.bench.measure import (
    Clock,
    SystemClock,
    clock_resolution_ns,
    harness_cost_ns,
)
from toolkit.bench.options import BenchOptions
from toolkit.bench.record import read_record, to_document
from toolkit.bench.result import BenchResult, CaseResult, Caution
from toolkit.bench.rounds import Running, measure_round, min_queries_of, open_cases, start_cold
from toolkit.bench.summary import summarize, throughput
from toolkit.bench.warnings import check_case, others_busy, too_many_threads
from toolkit.errors import DataError
from toolkit.files import refuse_existing, write_json
from toolkit.machine.cores import cpu_quota
from toolkit.machine.facts import busy_cores, cores_by_affinity, load_average, machine_facts
from toolkit.observer import SILENT, Observer


def run(options: BenchOptions, observer: Observer = SILENT, *, clock: Clock | None = None) -> BenchResult:
    """Measure every case in interleaved rounds.

    Args:
        options: what was asked for.
        observer: told what is being done.
        clock: the time; None means the machine's.

    Returns:
        The result; where Ctrl-C came, it is marked as interrupted and holds what was done until then.

    Raises:
        UsageError: options that don't fit the models.
        ModelError: a model that can't be opened.
        DeviceError: a device that wasn't obtained, or that changed under way.
        DataError: the baseline can't be read, or was measured elsewhere.
        OutputError: the output can't be written.
    """
    clock = SystemClock() if clock is None else clock
    if options.output is not None:
        refuse_existing(options.output, force=options.force)
    machine = machine_facts()
    baseline = _read_baseline(options, machine)
    conditions = _conditions(clock)
    running = open_cases(options, observer)
    if baseline is not None:
        _match(running, options, baseline, observer)
    draft = BenchResult(
        machine=machine,
        conditions=conditions,
        settings=_settings(options),
        results=(),
        cautions=_cautions(options, conditions, running),
    )
    interrupted = False
    try:
        start_cold(running, options, observer)
        for number in range(options.runs):
            measure_round(running, number, options, clock, observer)
            if options.output is not None and not _is_stream(options.output):
                so_far = _results(running, options, conditions, baseline)
                _write(replace(draft, results=so_far, interrupted=True), options.output)
    except KeyboardInterrupt:
        interrupted = True
    results = _results(running, options, conditions, baseline)
    result = replace(draft, results=results, gates=judge(results, options), interrupted=interrupted)
    if options.output is not None:
        _write(result, options.output)
    return result


def _read_baseline(options: BenchOptions, machine: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the baseline before anything is measured: a wrong one must not cost a whole run."""
    if options.baseline is None:
        return None
    baseline = read_record(options.baseline)
    if not options.across_machines:
        refuse_other_machine(machine, baseline, options.baseline)
    if any(len(r.get("rounds", ())) < 2 for r in baseline["results"]):
        raise DataError(
            "one of its cases has only one round",
            where=options.baseline,
            remedy="measure it again with --runs 2 or more",
        )
    return baseline


def _match(
    running: list[Running], options: BenchOptions, baseline: Mapping[str, Any], observer: Observer
) -> None:
    """Look for every counterpart before anything is measured.

    Raises:
        DataError: no case has one, or one that a gate needs has none.
    """
    lonely = []
    for each in running:
        case = each.identity
        if counterpart(case, baseline, only_model=len(options.models) == 1) is None:
            lonely.append(", ".join(f"{key} {value}" for key, value in case.items() if value is not None))
    if lonely and (len(lonely) == len(running) or options.max_regression_pct is not None):
        raise DataError(
            f"the baseline has no counterpart of: {lonely[0]}",
            where=options.baseline,
            remedy="measure the baseline with the same options",
        )
    for name in lonely:
        observer.notice(f"the baseline has no counterpart of: {name}")


def _conditions(clock: Clock) -> dict[str, Any]:
    return {
        "busy_cores_at_start": round(busy_cores(), 2),
        "load_average_at_start": load_average(),
        "clock_resolution_ns": clock_resolution_ns(clock),
        "harness_ns": harness_cost_ns(clock),
        "spinning": True,
        "garbage_collection": "off while the clock runs",
    }


def _settings(options: BenchOptions) -> dict[str, Any]:
    return {
        "scenario": options.scenario,
        "runs": options.runs,
        "duration_s": options.duration_s,
        "min_queries": min_queries_of(options),
        "warmup_s": options.warmup_s,
        "seed": options.seed,
        "target_latency_ms": options.target_latency_ms,
        "percentile": options.percentile,
        "max_regression_pct": options.max_regression_pct,
        "baseline": None if options.baseline is None else str(options.baseline),
        "provider_options": list(options.provider_options),
        "inputs": "random uint8 pictures, several distinct batches in turn",
        "percentile_method": "nearest rank; null below 11, 64, 130, 662 and 6,636 queries (MLPerf LoadGen)",
        "p50_ci95_method": "order statistics (binomial); queries taken as independent",
        "throughput_ci95_method": "percentile bootstrap over blocks of consecutive queries",
    }


def _cautions(
    options: BenchOptions, conditions: Mapping[str, Any], running: list[Running]
) -> tuple[Caution, ...]:
    busy = others_busy(conditions["busy_cores_at_start"], conditions["load_average_at_start"])
    threads = [each.model.session.threads for each in running if each.model.session.device == "cpu"]
    crowded = too_many_threads(threads, cores_by_affinity(), cpu_quota(), options)
    return (*(() if busy is None else (busy,)), *crowded)


def _results(
    running: list[Running],
    options: BenchOptions,
    conditions: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
) -> tuple[CaseResult, ...]:
    results = tuple(_result(each, options, conditions) for each in running if each.rounds and each.starts)
    if baseline is None:
        return results
    only_model = len(options.models) == 1
    return tuple(
        replace(r, comparison=compare_case(r, baseline, options.baseline, only_model=only_model))
        for r in results
    )


def _result(each: Running, options: BenchOptions, conditions: Mapping[str, Any]) -> CaseResult:
    model, traffic = each.model, each.case.traffic
    rate, interval = throughput(each.rounds, traffic.images_per_query, options.seed)
    return CaseResult(
        **each.identity,
        path=model.session.path,
        provider=model.provider,
        precision=model.card.precision or None,
        rounds=tuple(each.rounds),
        latency=summarize(each.rounds, options.percentile),
        throughput=rate,
        throughput_ci95=interval,
        cold_start=median_start(each.starts),
        size_bytes=model.session.path.stat().st_size,
        sha256=each.sha256,
        excludes=untimed_steps(model.plan),
        cautions=check_case(
            each.rounds,
            options,
            resolution_ns=conditions["clock_resolution_ns"],
            harness_ns=conditions["harness_ns"],
        ),
    )


def _write(result: BenchResult, output: Path) -> None:
    # Whether an existing file may be replaced was asked before the first round.
    write_json(output, to_document(result), force=True)


def _is_stream(path: Path) -> bool:
    """Return whether every write would append, as to /dev/stdout."""
    return path.exists() and not path.is_file()
