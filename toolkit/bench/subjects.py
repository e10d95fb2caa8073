"""Models, opened once to learn what they are: device, provider, placement, what they want at their input."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from toolkit.bench.cases import Case, Setup, cases_of, setups_of
from toolkit.bench.options import BenchOptions, Scenario, Transfer
from toolkit.bench.spinning import spins
from toolkit.errors import MissingRange, UsageError
from toolkit.models.files import digest_of, model_files
from toolkit.models.open import OpenModel, answer_to_noise, open_model
from toolkit.observer import EachNoticeOnce, Observer
from toolkit.preprocess.normalization import UNIT, where_needed
from toolkit.preprocess.plan import Plan
from toolkit.runtime.devices import CPU, CUDA
from toolkit.runtime.messages import short_name
from toolkit.runtime.start import GRAPH


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is known of an open model once its session is closed again.

    The parent keeps no session while processes measure: its threads and its memory on a device would be in
    their way.

    Args:
        name: how the user called it.
        path: of the file.
        sha256: see `digest_of`.
        size_bytes: of the file, and of those beside it that hold its weights.
        precision: as the file says, or None.
        device: cpu, cuda:N or provider:NAME.
        provider: the execution provider obtained.
        placement: nodes on each provider; None where ONNX Runtime can't tell.
        products: convolutions and matrix products on each provider; empty where untold.
        provider_options: of the provider, defaults included.
        asked_options: KEY=VALUE that go to the processes.
        threads: intra-op threads.
        plan: what it wants at its input.
        head: what its output is.
        fixed_batch: its only batch size, or None.
        answers_numbers: whether its answer to a picture of noise is finite.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    precision: str | None
    device: str
    provider: str
    placement: Mapping[str, int] | None
    products: Mapping[str, int]
    provider_options: Mapping[str, str]
    asked_options: tuple[str, ...]
    threads: int
    plan: Plan
    head: str
    fixed_batch: int | None
    answers_numbers: bool


def open_cases(options: BenchOptions, observer: Observer) -> list[tuple[Case, Subject]]:
    """Open each session once, note what it is, and close it.

    Raises:
        UsageError: options that don't fit the models, or buffers that can't be bound on a device.
        ModelError: a model that can't be opened.
        DeviceError: a device that wasn't obtained.
    """
    once = EachNoticeOnce(observer)
    setups = setups_of(options)
    opened = where_needed(options.normalize, [partial(_subject, setup, options, once) for setup in setups])
    subjects = dict(zip(setups, opened, strict=True))
    cases = cases_of(options, {setup: subject.fixed_batch for setup, subject in subjects.items()})
    return [(case, subjects[case.setup]) for case in cases]


def _asked(device: str, options: BenchOptions) -> tuple[str, ...]:
    """Return the provider options for a device; the CPU, which has none, goes without them beside others."""
    if device == "cpu" and set(options.devices) != {"cpu"}:
        return ()
    return options.provider_options + ((f"{GRAPH}=1",) if options.cuda_graph else ())


def _subject(setup: Setup, options: BenchOptions, observer: Observer, normalize: str | None) -> Subject:
    asked = _asked(setup.device, options)
    model = _opened(setup, normalize, asked, options.scenario, observer)
    session = model.session
    _refuse_unbound(session.provider, options.transfer)
    # A CUDA graph would hold on to the addresses of this one run.
    numbers = session.captures_graph or bool(np.isfinite(answer_to_noise(session, model.plan)).all())
    session.refuse_changed_provider()
    files = model_files(str(session.path)).values()
    return Subject(
        name=model.name,
        path=session.path,
        sha256=digest_of(files),
        size_bytes=sum(file.stat().st_size for file in files),
        precision=model.card.precision or None,
        device=session.device,
        provider=session.provider,
        placement=session.placement(),
        products=session.products(),
        provider_options=session.provider_options,
        # Options that `auto` left out on the CPU must not reach the processes, which ask for the CPU by name.
        asked_options=() if session.device == "cpu" else asked,
        threads=session.threads,
        plan=model.plan,
        head=model.head,
        fixed_batch=session.signature.batch,
        answers_numbers=numbers,
    )


def _refuse_unbound(provider: str, transfer: Transfer) -> None:
    """Refuse buffers in a memory that can't be told: in the host's, every run would copy what the record leaves out."""
    if transfer is not Transfer.HOST_ARRAYS and provider not in (CPU, CUDA):
        raise UsageError(
            f"buffers are bound on the CPU and on CUDA devices only, not on {short_name(provider)}",
            where=f"--transfer {transfer.value}",
            remedy="leave the option out, or use --device cuda",
        )


def _opened(
    setup: Setup, normalize: str | None, asked: tuple[str, ...], scenario: Scenario, observer: Observer
) -> OpenModel:
    try:
        return open_model(
            setup.model,
            device=setup.device,
            threads=setup.threads,
            provider_options=asked,
            normalize=normalize,
            spinning=spins(setup.threads),
            observer=observer,
        )
    except MissingRange:
        # No hindrance but to a pipeline, whose clock covers bringing pictures to that range.
        if scenario is Scenario.PIPELINE:
            raise
    observer.notice(
        f"{setup.model} doesn't say what range its input has: it is fed noise from 0 to 1; times hardly depend on it,"
        " and --normalize sets another"
    )
    return _opened(setup, UNIT.name, asked, scenario, observer)
