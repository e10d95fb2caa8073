"""Options -> result: the straight line of a benchmark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.bench.baseline import add_twins, compared, match, read_baseline
from toolkit.bench.circumstances import cautions, conditions, settings
from toolkit.bench.disturbances import check_machine
from toolkit.bench.figures import STAGES, median_start
from toolkit.bench.first import compared_with_first
from toolkit.bench.gates import judge
from toolkit.bench.highest_rate import confirm, find_rates
from toolkit.bench.inputs import timed_steps, untimed_steps
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.pipeline import BUNDLED_PICTURES, find_pictures
from toolkit.bench.record import to_document
from toolkit.bench.result import BenchResult, CaseResult
from toolkit.bench.rounds import Running, measure_round, with_twins
from toolkit.bench.spinning import spinning
from toolkit.bench.subjects import open_cases
from toolkit.bench.summary import half_width_pct, stage_shares, summarize, throughput
from toolkit.bench.warnings import check_case, imprecise, partly_on_cpu
from toolkit.files import refuse_existing, write_json
from toolkit.machine.facts import machine_facts
from toolkit.observer import SILENT, Observer

MOST_ROUNDS = 10  # times those asked for: where --precision-pct gives up


def run(options: BenchOptions, observer: Observer = SILENT) -> BenchResult:
    """Measure every case in interleaved rounds, each time in a fresh process.

    Args:
        options: what was asked for.
        observer: told what is being done.

    Returns:
        The result; where Ctrl-C came, it is marked as interrupted and holds what was done until then. Where that is
        nothing, no output is written, and one that exists stays.

    Raises:
        UsageError: options that don't fit the models.
        ModelError: a model that can't be opened.
        DeviceError: a device that wasn't obtained, or that changed under way.
        DataError: the baseline can't be read, or was measured elsewhere.
        InputError: `--pictures` without a picture.
        OutputError: the output can't be written.
    """
    if options.output is not None:
        refuse_existing(options.output, force=options.force)
    machine = machine_facts()
    baseline = read_baseline(options, machine)
    state = conditions()
    running = _cases(options, observer)
    if baseline is not None:
        match(running, options, baseline, observer)
        add_twins(running, options, machine, baseline, observer)
    draft = BenchResult(
        machine=machine,
        conditions={**state, **spinning(each.subject.threads for each in running)},
        settings=settings(options),
        results=(),
        cautions=cautions(options, state, [each.subject for each in running]),
    )

    def results() -> tuple[CaseResult, ...]:
        return _results(running, options, draft, baseline)

    interrupted = False
    try:
        for _ in _rounds(running, options, observer):
            if options.output is not None and not _is_stream(options.output):
                _write(replace(draft, results=results(), interrupted=True), options.output)
    except KeyboardInterrupt:
        interrupted = True
    found = results()
    result = replace(draft, results=found, gates=judge(found, options), interrupted=interrupted)
    # A record of nothing must not take the place of one that --force may replace.
    if options.output is not None and (found or not interrupted):
        _write(result, options.output)
    return result


def _cases(options: BenchOptions, observer: Observer) -> list[Running]:
    pictures: tuple[str, ...] = ()
    if options.scenario is Scenario.PIPELINE:
        pictures = find_pictures(options.pictures or [str(BUNDLED_PICTURES)])
    return [
        Running(case=case, subject=subject, pictures=pictures, transfer=options.transfer)
        for case, subject in open_cases(options, observer)
    ]


def _rounds(running: Sequence[Running], options: BenchOptions, observer: Observer) -> Iterator[None]:
    """Measure, and come up for air after each round."""
    if options.find_rate:
        find_rates(running, options, observer)
    todo = list(running)
    while todo:
        for number in range(options.runs):
            measure_round(with_twins(todo), number, options, observer)
            yield
        # A rate must hold for all that was measured at it, so what the precision asks for comes first.
        yield from _until_precise(todo, options, observer)
        todo = confirm(todo, options)


def _until_precise(running: Sequence[Running], options: BenchOptions, observer: Observer) -> Iterator[None]:
    number = options.runs
    while options.precision_pct is not None and number < MOST_ROUNDS * options.runs:
        todo = [each for each in running if not _precise(each, options.precision_pct)]
        if not todo:
            return
        measure_round(with_twins(todo), number, options, observer, of=number + 1)
        yield
        number += 1


def _precise(each: Running, precision_pct: float) -> bool:
    half = half_width_pct(summarize(each.rounds)) if each.rounds else None
    return half is not None and half <= precision_pct


def _results(
    running: Sequence[Running],
    options: BenchOptions,
    draft: BenchResult,
    baseline: Mapping[str, Any] | None,
) -> tuple[CaseResult, ...]:
    found = [_result(each, options, draft) for each in running if each.rounds]
    return compared_with_first(compared(found, options, draft.machine, baseline))


def _result(each: Running, options: BenchOptions, draft: BenchResult) -> CaseResult:
    subject, traffic = each.subject, each.case.traffic
    rate, interval = throughput(each.rounds, traffic.images_per_query, options.seed)
    latency = summarize(each.rounds, options.percentile)
    return CaseResult(
        **each.identity,
        path=subject.path,
        provider=subject.provider,
        placement=subject.placement,
        provider_options=subject.provider_options,
        precision=subject.precision,
        rounds=tuple(each.rounds),
        baseline_rounds=() if each.twin is None else tuple(each.twin.rounds),
        latency=latency,
        throughput=rate,
        throughput_ci95=interval,
        cold_start=median_start(each.starts),
        size_bytes=subject.size_bytes,
        sha256=subject.sha256,
        includes=timed_steps(traffic.scenario, each.transfer),
        excludes=untimed_steps(subject.plan, traffic.scenario, each.transfer),
        stages=stage_shares(each.rounds, STAGES),
        trials=tuple(each.trials),
        cautions=(
            *check_case(
                each.rounds,
                options,
                resolution_ns=draft.conditions["clock_resolution_ns"],
                harness_ns=draft.conditions["harness_ns"],
            ),
            *check_machine(each.rounds, draft.machine.get("cpu_governor")),
            *partly_on_cpu(subject.products, subject.provider),
            *imprecise(half_width_pct(latency), options),
        ),
    )


def _write(result: BenchResult, output: Path) -> None:
    # Whether an existing file may be replaced was asked before the first round.
    write_json(output, to_document(result), force=True)


def _is_stream(path: Path) -> bool:
    """Return whether every write would append, as to /dev/stdout."""
    return path.exists() and not path.is_file()
