"""Models, opened once to learn what they are: device, provider, placement, what they want at their input."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.bench.cases import Case, Setup, cases_of, setups_of
from toolkit.bench.options import BenchOptions, Scenario
from toolkit.errors import DeviceError, UsageError
from toolkit.files import sha256_of
from toolkit.models.open import OpenModel, open_model
from toolkit.observer import Observer
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Normalization

NORMALIZE = "--normalize"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is known of an open model once its session is closed again.

    The parent keeps no session while processes measure: its threads and its memory on a device would be in
    their way.

    Args:
        name: how the user called it.
        path: of the file.
        sha256: of the file.
        precision: as the file says, or None.
        device: cpu, cuda:N or provider:NAME.
        provider: the execution provider obtained.
        placement: nodes on each provider; None where ONNX Runtime can't tell.
        provider_options: of the provider, defaults included.
        asked_options: KEY=VALUE that go to the processes.
        threads: intra-op threads.
        plan: what it wants at its input.
        head: what its output is.
        fixed_batch: its only batch size, or None.
    """

    name: str
    path: Path
    sha256: str
    precision: str | None
    device: str
    provider: str
    placement: Mapping[str, int] | None
    provider_options: Mapping[str, str]
    asked_options: tuple[str, ...]
    threads: int
    plan: Plan
    head: str
    fixed_batch: int | None


def open_cases(options: BenchOptions, observer: Observer) -> list[tuple[Case, Subject]]:
    """Open each session once, note what it is, and close it.

    Raises:
        UsageError: options that don't fit the models.
        ModelError: a model that can't be opened.
        DeviceError: a device that wasn't obtained.
    """
    once = _Once(observer)
    asked = options.provider_options + (("enable_cuda_graph=1",) if options.cuda_graph else ())
    subjects = {setup: _subject(setup, options, asked, once) for setup in setups_of(options)}
    cases = cases_of(options, {setup: subject.fixed_batch for setup, subject in subjects.items()})
    return [(case, subjects[case.setup]) for case in cases]


def _subject(setup: Setup, options: BenchOptions, asked: tuple[str, ...], observer: Observer) -> Subject:
    model = _opened(setup, options.normalize, asked, options.scenario, observer)
    session = model.session
    if session.active_provider != session.provider:
        raise DeviceError(
            f"it began on {session.provider} and is on {session.active_provider} now",
            where=setup.model,
            remedy="check the device with: toolkit doctor",
        )
    return Subject(
        name=model.name,
        path=session.path,
        sha256=sha256_of(session.path),
        precision=model.card.precision or None,
        device=session.device,
        provider=session.provider,
        placement=session.placement(),
        provider_options=session.provider_options,
        # Options that `auto` left out on the CPU must not reach the processes, which ask for the CPU by name.
        asked_options=() if session.device == "cpu" else asked,
        threads=session.threads,
        plan=model.plan,
        head=model.head,
        fixed_batch=session.signature.batch,
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
            spinning=True,
            observer=observer,
        )
    except UsageError as error:
        # Only that the file doesn't say its range is no hindrance; the pipeline's clock covers bringing it to one.
        if not error.remedy.startswith(f"add {NORMALIZE}") or scenario is Scenario.PIPELINE:
            raise
    observer.notice(
        f"{setup.model} doesn't say what range its input has: it is fed noise from 0 to 1; times hardly depend on it,"
        f" and {NORMALIZE} sets another"
    )
    return _opened(setup, Normalization.UNIT.value, asked, scenario, observer)


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
