"""Models x devices x threads x batch sizes -> ordered, interleaved cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from toolkit.bench.options import Arrivals, BenchOptions, Scenario
from toolkit.bench.scenarios import Traffic
from toolkit.errors import UsageError
from toolkit.ranges import MOST_PICTURES
from toolkit.wording import count

T = TypeVar("T")

OFFLINE_BATCH = 32  # the best batch size lies between 32 and 128 on the processors measured


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What needs a session of its own.

    Args:
        position: of the model among the MODEL arguments; the same model may be given twice.
        model: MODEL argument.
        device: auto, cpu, cuda or cuda:N.
        threads: intra-op threads; None means as many as `default_threads` says.
    """

    position: int
    model: str
    device: str
    threads: int | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the result.

    Args:
        setup: its session.
        traffic: how queries are sent.
    """

    setup: Setup
    traffic: Traffic


def setups_of(options: BenchOptions) -> list[Setup]:
    """List the sessions that a benchmark needs, models first."""
    return [
        Setup(position=position, model=model, device=device, threads=threads)
        for position, model in enumerate(options.models)
        for device in options.devices
        for threads in (options.threads or (None,))
    ]


def cases_of(options: BenchOptions, fixed_batches: Mapping[Setup, int | None]) -> list[Case]:
    """List the cases of a benchmark, in the order in which they are reported.

    Args:
        options: what was asked for.
        fixed_batches: each session's only batch size, or None where any is taken.

    Raises:
        UsageError: a model takes no other batch size than its own, or a query of several pictures can't be
            made of whole batches, or is too large to be one batch.
    """
    cases = []
    for setup, fixed in fixed_batches.items():
        for batch_size in options.batch_sizes or (_default_batch(options, fixed),):
            if fixed is not None and batch_size != fixed:
                raise UsageError(
                    f"{setup.model} takes batches of {fixed} only, not {batch_size}",
                    where="--batch-size",
                    remedy=f"use --batch-size {fixed}, or export it again with --batch dynamic",
                )
            cases.append(Case(setup=setup, traffic=_traffic(options, batch_size)))
    return cases


def in_round(cases: Sequence[T], number: int) -> list[T]:
    """Return the cases in the order of a round: each goes first once, so that none always follows the same."""
    start = number % len(cases)
    return [*cases[start:], *cases[:start]]


def _default_batch(options: BenchOptions, fixed: int | None) -> int:
    if fixed is not None:
        return fixed
    if options.scenario is Scenario.OFFLINE:
        return OFFLINE_BATCH
    if options.scenario is not Scenario.MULTI_STREAM:
        return 1
    if options.streams > MOST_PICTURES:
        raise UsageError(
            f"a batch of {options.streams} pictures is too large",
            where="--streams",
            remedy=f"add --batch-size N, of which {options.streams} is a multiple, or use {MOST_PICTURES} at most",
        )
    return options.streams


def _traffic(options: BenchOptions, batch_size: int) -> Traffic:
    if options.scenario is Scenario.MULTI_STREAM and options.streams % batch_size:
        raise UsageError(
            f"a query of {count(options.streams, 'picture')} isn't made of whole batches of {batch_size}",
            where="--streams",
            remedy="use a multiple of the batch size",
        )
    return Traffic(
        scenario=options.scenario,
        batch_size=batch_size,
        streams=options.streams,
        rate_qps=options.rate_qps,
        arrivals=options.arrivals or Arrivals.POISSON,
    )
