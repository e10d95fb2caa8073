"""Cases while they are being measured: round by round, each in a fresh process."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.bench.cases import Case, in_round
from toolkit.bench.figures import ColdStart, Round, Trial
from toolkit.bench.options import BenchOptions, Scenario, Transfer
from toolkit.bench.processes import in_process
from toolkit.bench.request import Measured, Request
from toolkit.bench.subjects import Subject
from toolkit.observer import Observer
from toolkit.stats.latency import queries_needed
from toolkit.wording import count

START_S = 0.4  # that a process takes to import and load; for the estimate on standard error only


@dataclass
class Running:
    """A case while it is being measured.

    Args:
        case: what is measured.
        subject: its model.
        pictures: files; pipeline only.
        transfer: what the clock covers on the way to a device and back.
        rounds: rounds done.
        trials: rates tried.
        rate_qps: the rate that was found; None where none was looked for.
        twin: the baseline's model under the same conditions, measured beside it; None where it isn't.
    """

    case: Case
    subject: Subject
    pictures: tuple[str, ...] = ()
    transfer: Transfer = Transfer.HOST_ARRAYS
    rounds: list[Round] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    rate_qps: float | None = None
    twin: "Running | None" = None

    @property
    def starts(self) -> list[ColdStart]:
        """Cold starts done: one a round."""
        return [r.start for r in self.rounds if r.start is not None]

    @property
    def identity(self) -> dict[str, Any]:
        """What decides whether a case of another record is the same: see `counterpart.SAME_CASE`."""
        traffic = self.case.traffic
        server = traffic.scenario is Scenario.SERVER
        return {
            "model": self.subject.name,
            "device": self.subject.device,
            "transfer": self.transfer.value,
            "threads": self.subject.threads,
            "batch_size": traffic.batch_size,
            "images_per_query": traffic.images_per_query,
            "scenario": traffic.scenario.value,
            "rate_qps": (self.rate_qps or traffic.rate_qps) if server else None,
            "arrivals": traffic.arrivals.value if server else None,
        }


def with_twins(running: Sequence[Running]) -> list[Running]:
    """List the cases with the baseline's models that are measured beside them, each next to its case."""
    return [each for case in running for each in (case, case.twin) if each is not None]


def measure_round(
    running: Sequence[Running], number: int, options: BenchOptions, observer: Observer, of: int | None = None
) -> None:
    """Measure each case once, each in a fresh process; the case that goes first changes from round to round.

    Args:
        running: cases; they receive their round.
        number: 0 is the first round.
        options: what was asked for.
        observer: told how far it is.
        of: how many rounds there will be; None means those asked for.

    Raises:
        ToolkitError: a process failed.
        KeyboardInterrupt: Ctrl-C; the queries that were finished are kept.
    """
    rounds = of or options.runs
    if number == 0 and of is None:
        seconds = len(running) * (options.duration_s + options.runs * (options.warmup_s + START_S))
        observer.step(
            f"Measuring in {count(options.runs, 'round')}, a fresh process for each case, about {seconds:.0f} s"
        )
    for position, each in enumerate(in_round(running, number)):
        observer.progress(number * len(running) + position, rounds * len(running), unit="rounds")
        measured = in_process(request_of(each, number, options))
        if len(measured.due_ns):
            each.rounds.append(_round(measured, number))
        if measured.interrupted:
            raise KeyboardInterrupt
    if number == rounds - 1:
        observer.progress(1, 1)


def request_of(
    each: Running, number: int, options: BenchOptions, *, rate_qps: float | None = None
) -> Request:
    """Write down one round of one case for a process of its own.

    Args:
        each: the case.
        number: of the round.
        options: what was asked for.
        rate_qps: queries a second, in place of the case's own.
    """
    traffic, subject = each.case.traffic, each.subject
    rate = rate_qps or each.rate_qps
    return Request(
        model=str(subject.path),
        device=subject.device,
        threads=subject.threads,
        provider_options=subject.asked_options,
        plan=subject.plan,
        head=subject.head,
        traffic=traffic if rate is None else replace(traffic, rate_qps=rate),
        transfer=each.transfer,
        pictures=each.pictures,
        duration_ns=int(options.duration_s * 1e9 / options.runs),
        min_queries=-(-min_queries_of(options) // options.runs),
        warmup_ns=int(options.warmup_s * 1e9),
        seed=options.seed,
        arrivals_seed=options.seed + number,
    )


def min_queries_of(options: BenchOptions) -> int:
    """Return how many queries a case needs: a gate's percentile must be supported."""
    if options.target_latency_ms is None:
        return options.min_queries
    return max(options.min_queries, queries_needed(options.percentile))


def _round(measured: Measured, number: int) -> Round:
    first = measured.due_ns[0]
    return Round(
        number=number,
        warmup_runs=measured.warmup_runs,
        due_ns=measured.due_ns - first,
        finished_ns=measured.finished_ns - first,
        overloaded=measured.overloaded,
        start=measured.start,
        stages_ns=measured.stages_ns,
        before=measured.before,
        after=measured.after,
        gpu=measured.gpu,
        process=measured.process,
        reference_ns=measured.reference_ns,
    )
