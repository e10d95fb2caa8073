"""Options -> result: the straight line of a benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from toolkit.bench.cases import Case, Setup, cases_of, in_round, setups_of
from toolkit.bench.cold_start import REPEATS, Request, cold_start, median_start
from toolkit.bench.compare import compare_case, refuse_other_machine
from toolkit.bench.gates import judge
from toolkit.bench.inputs import random_batches, untimed_steps
from toolkit.bench.measure import (
    Clock,
    Limits,
    Recorder,
    SystemClock,
    clock_resolution_ns,
    harness_cost_ns,
)
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.record import read_record, to_document
from toolkit.bench.result import BenchResult, CaseResult, Caution, ColdStart, Round
from toolkit.bench.scenarios import send, warm_up
from toolkit.bench.summary import summarize, throughput
from toolkit.bench.warnings import check_case, others_busy, too_many_threads
from toolkit.errors import DataError, DeviceError, UsageError
from toolkit.files import refuse_existing, sha256_of, write_json
from toolkit.machine.cores import cpu_quota
from toolkit.machine.facts import busy_cores, cores_by_affinity, load_average, machine_facts
from toolkit.models.open import OpenModel, open_model
from toolkit.observer import SILENT, Observer
from toolkit.stats.latency import queries_needed

REWARM = 10  # later rounds warm up for this part of --warmup: only caches have gone cold


@dataclass
class _Running:
    """A case while it is being measured."""

    case: Case
    model: OpenModel
    batches: list[NDArray[Any]]
    sha256: str
    starts: list[ColdStart] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)


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
    running = _open(options, _Once(observer))
    draft = BenchResult(
        machine=machine,
        conditions=conditions,
        settings=_settings(options),
        results=(),
        cautions=_cautions(options, conditions, running),
    )
    interrupted = False
    try:
        _start_cold(running, options, observer)
        for number in range(options.runs):
            _measure_round(running, number, options, clock, observer)
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
    if options.runs < 2:
        raise UsageError(
            "one round can't be compared", where="--runs", remedy="use --runs 2 or more with --baseline"
        )
    if any(len(r.get("rounds", ())) < 2 for r in baseline["results"]):
        raise DataError(
            "one of its cases has only one round",
            where=options.baseline,
            remedy="measure it again with --runs 2 or more",
        )
    return baseline


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
        "min_queries": _min_queries(options),
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


def _min_queries(options: BenchOptions) -> int:
    """Return how many queries a case needs: a gate's percentile must be supported."""
    if options.target_latency_ms is None:
        return options.min_queries
    return max(options.min_queries, queries_needed(options.percentile))


def _open(options: BenchOptions, observer: Observer) -> list[_Running]:
    """Open each session once, and prepare the inputs of each case."""
    models: dict[Setup, OpenModel] = {}
    for setup in setups_of(options):
        models[setup] = open_model(
            setup.model,
            device=setup.device,
            threads=setup.threads,
            provider_options=options.provider_options,
            normalize=options.normalize,
            spinning=True,
            observer=observer,
        )
    cases = cases_of(options, {setup: model.session.signature.batch for setup, model in models.items()})
    digests = {model.session.path: "" for model in models.values()}
    digests = {path: sha256_of(path) for path in digests}
    running = []
    for case in cases:
        model = models[case.setup]
        batches = random_batches(model.plan, case.traffic.batch_size, options.seed)
        running.append(_Running(case=case, model=model, batches=batches, sha256=digests[model.session.path]))
    return running


def _cautions(
    options: BenchOptions, conditions: Mapping[str, Any], running: list[_Running]
) -> tuple[Caution, ...]:
    busy = others_busy(conditions["busy_cores_at_start"], conditions["load_average_at_start"])
    threads = [each.model.session.threads for each in running if each.model.session.device == "cpu"]
    crowded = too_many_threads(threads, cores_by_affinity(), cpu_quota(), options)
    return (*(() if busy is None else (busy,)), *crowded)


def _start_cold(running: list[_Running], options: BenchOptions, observer: Observer) -> None:
    observer.step(f"Starting each case in {REPEATS} fresh processes, to time load and first inference")
    total = REPEATS * len(running)
    for number in range(REPEATS):
        for each in in_round(running, number):
            observer.progress(sum(len(r.starts) for r in running), total, unit="starts")
            request = Request(
                model=str(each.model.session.path),
                device=each.model.session.device,
                threads=each.model.session.threads,
                batch_size=each.case.traffic.batch_size,
                provider_options=options.provider_options,
                seed=options.seed,
            )
            each.starts.append(cold_start(request))
    observer.progress(total, total, unit="starts")


def _measure_round(
    running: list[_Running], number: int, options: BenchOptions, clock: Clock, observer: Observer
) -> None:
    if number == 0:
        seconds = len(running) * (options.duration_s + options.warmup_s)
        observer.step(f"Measuring in {options.runs} rounds, about {seconds:.0f} s")
    for position, each in enumerate(in_round(running, number)):
        observer.progress(number * len(running) + position, options.runs * len(running), unit="rounds")
        each.rounds.extend(_round(each, number, options, clock))
    if number == options.runs - 1:
        observer.progress(1, 1)


def _round(each: _Running, number: int, options: BenchOptions, clock: Clock) -> list[Round]:
    """Measure one case for one round; an interrupted round leaves its finished queries behind."""
    traffic, recorder, model_run = each.case.traffic, Recorder(), each.model.session.run
    warmup_ns = int(options.warmup_s * 1e9) // (1 if number == 0 else REWARM)
    limits = Limits(
        duration_ns=int(options.duration_s * 1e9 / options.runs),
        min_queries=-(-_min_queries(options) // options.runs),
    )
    warmup_runs = warm_up(traffic, model_run, each.batches, clock, warmup_ns)
    try:
        send(traffic, model_run, each.batches, clock, limits, recorder, options.seed + number)
    except KeyboardInterrupt:
        each.rounds.extend(_finished(recorder, number, warmup_runs))
        raise
    _refuse_changed_provider(each.model)
    return _finished(recorder, number, warmup_runs)


def _finished(recorder: Recorder, number: int, warmup_runs: int) -> list[Round]:
    due, finished = recorder.spans()
    if not len(due):
        return []
    return [
        Round(
            number=number,
            warmup_runs=warmup_runs,
            due_ns=due - due[0],
            finished_ns=finished - due[0],
            overloaded=recorder.overloaded,
        )
    ]


def _refuse_changed_provider(model: OpenModel) -> None:
    now = model.session.active_provider
    if now != model.provider:
        raise DeviceError(
            f"it began on {model.provider} and is on {now} now",
            where=model.name,
            remedy="check the device with: toolkit doctor",
        )


def _results(
    running: list[_Running],
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


def _result(each: _Running, options: BenchOptions, conditions: Mapping[str, Any]) -> CaseResult:
    model, traffic = each.model, each.case.traffic
    server = traffic.scenario is Scenario.SERVER
    asked = options.percentile if options.target_latency_ms is not None else None
    rate, interval = throughput(each.rounds, traffic.images_per_query, options.seed)
    return CaseResult(
        model=model.name,
        path=model.session.path,
        device=model.session.device,
        provider=model.provider,
        precision=model.card.precision or None,
        threads=model.session.threads,
        batch_size=traffic.batch_size,
        images_per_query=traffic.images_per_query,
        scenario=traffic.scenario.value,
        rate_qps=traffic.rate_qps if server else None,
        arrivals=traffic.arrivals.value if server else None,
        rounds=tuple(each.rounds),
        latency=summarize(each.rounds, asked),
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


class _Once:
    """An observer that passes each notice on once: sessions of one device all say the same."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._said: set[str] = set()

    def notice(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._observer.notice(text)

    def step(self, text: str) -> None:
        self._observer.step(text)

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        self._observer.progress(done, total, unit=unit, errors=errors)

    def line(self, text: str) -> None:
        self._observer.line(text)
