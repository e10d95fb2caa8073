"""Cases while they are being measured: open, start cold, measure round by round."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from toolkit.bench.cases import Case, Setup, cases_of, in_round, setups_of
from toolkit.bench.cold_start import REPEATS, Request, cold_start
from toolkit.bench.inputs import random_batches
from toolkit.bench.measure import Clock, Limits, Recorder
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.bench.result import ColdStart, Round
from toolkit.bench.scenarios import send, warm_up
from toolkit.errors import DeviceError
from toolkit.files import sha256_of
from toolkit.models.open import OpenModel, open_model
from toolkit.observer import Observer
from toolkit.stats.latency import queries_needed

REWARM = 10  # later rounds warm up for this part of --warmup: only caches have gone cold


@dataclass
class Running:
    """A case while it is being measured.

    Args:
        case: what is measured.
        model: its open model, shared by the cases of one session.
        batches: its inputs, [batch_size, ...] each, as the model takes them.
        sha256: of the model's file.
        starts: cold starts done.
        rounds: rounds done.
    """

    case: Case
    model: OpenModel
    batches: list[NDArray[Any]]
    sha256: str
    starts: list[ColdStart] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides whether a case of another record is the same: see `compare.SAME_CASE`."""
        traffic = self.case.traffic
        server = traffic.scenario is Scenario.SERVER
        return {
            "model": self.model.name,
            "device": self.model.session.device,
            "threads": self.model.session.threads,
            "batch_size": traffic.batch_size,
            "images_per_query": traffic.images_per_query,
            "scenario": traffic.scenario.value,
            "rate_qps": traffic.rate_qps if server else None,
            "arrivals": traffic.arrivals.value if server else None,
        }


def open_cases(options: BenchOptions, observer: Observer) -> list[Running]:
    """Open each session once, and prepare the inputs of each case.

    Raises:
        UsageError: options that don't fit the models.
        ModelError: a model that can't be opened.
        DeviceError: a device that wasn't obtained.
    """
    once = _Once(observer)
    models: dict[Setup, OpenModel] = {}
    for setup in setups_of(options):
        models[setup] = open_model(
            setup.model,
            device=setup.device,
            threads=setup.threads,
            provider_options=options.provider_options,
            normalize=options.normalize,
            spinning=True,
            observer=once,
        )
    cases = cases_of(options, {setup: model.session.signature.batch for setup, model in models.items()})
    digests = {path: sha256_of(path) for path in {model.session.path for model in models.values()}}
    return [
        Running(
            case=case,
            model=models[case.setup],
            batches=random_batches(models[case.setup].plan, case.traffic.batch_size, options.seed),
            sha256=digests[models[case.setup].session.path],
        )
        for case in cases
    ]


def start_cold(running: list[Running], options: BenchOptions, observer: Observer) -> None:
    """Time load and first inference of each case in fresh processes, in turns.

    Raises:
        ToolkitError: a process failed.
    """
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


def measure_round(
    running: list[Running], number: int, options: BenchOptions, clock: Clock, observer: Observer
) -> None:
    """Measure each case once; the case that goes first changes from round to round.

    Raises:
        DeviceError: a session is on another provider than at the beginning.
    """
    if number == 0:
        seconds = len(running) * (options.duration_s + options.warmup_s)
        observer.step(f"Measuring in {options.runs} rounds, about {seconds:.0f} s")
    for position, each in enumerate(in_round(running, number)):
        observer.progress(number * len(running) + position, options.runs * len(running), unit="rounds")
        each.rounds.extend(_round(each, number, options, clock))
    if number == options.runs - 1:
        observer.progress(1, 1)


def _round(each: Running, number: int, options: BenchOptions, clock: Clock) -> list[Round]:
    """Measure one case for one round; an interrupted round leaves its finished queries behind."""
    traffic, recorder, model_run = each.case.traffic, Recorder(), each.model.session.run
    warmup_ns = int(options.warmup_s * 1e9) // (1 if number == 0 else REWARM)
    limits = Limits(
        duration_ns=int(options.duration_s * 1e9 / options.runs),
        min_queries=-(-min_queries_of(options) // options.runs),
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


def min_queries_of(options: BenchOptions) -> int:
    """Return how many queries a case needs: a gate's percentile must be supported."""
    if options.target_latency_ms is None:
        return options.min_queries
    return max(options.min_queries, queries_needed(options.percentile))


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
