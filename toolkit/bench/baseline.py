"""The baseline of a run: read and matched before anything is measured; its models measured again where they can be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.bench.compare import compare_case
from toolkit.bench.counterpart import SAME_MACHINE, counterpart, refuse_other_machine
from toolkit.bench.options import BenchOptions
from toolkit.bench.record import read_record
from toolkit.bench.result import CaseResult
from toolkit.bench.rounds import Running
from toolkit.bench.stored_rounds import rounds_of
from toolkit.bench.subjects import Subject, open_cases
from toolkit.bench.summary import medians_of
from toolkit.errors import DataError
from toolkit.models.files import model_digest
from toolkit.observer import SILENT, Observer

SAME_SOFTWARE = ("python", "onnxruntime", "numpy", "toolkit")


def read_baseline(options: BenchOptions, machine: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the baseline before anything is measured: a wrong one must not cost a whole run.

    Raises:
        DataError: it can't be read, is damaged, was measured elsewhere, or has too few rounds.
    """
    if options.baseline is None:
        return None
    baseline = read_record(options.baseline)
    if not options.across_machines:
        refuse_other_machine(machine, baseline, options.baseline)
    if any(len(r.get("rounds", ())) < 2 for r in baseline["results"]):
        raise DataError(
            "one of its cases has fewer than two rounds",
            where=options.baseline,
            remedy="measure it again with --runs 2 or more",
        )
    for result in baseline["results"]:
        if not all(medians_of(rounds_of(result, options.baseline)) > 0):  # no ratio to that
            raise DataError(
                "a median of 0 ns can't be compared with", where=options.baseline, remedy="measure it again"
            )
    return baseline


def match(
    running: Sequence[Running], options: BenchOptions, baseline: Mapping[str, Any], observer: Observer
) -> None:
    """Look for every counterpart before anything is measured.

    Raises:
        DataError: no case has one, or one that a gate needs has none.
    """
    lonely = []
    for each in running:
        case = each.identity
        if counterpart(case, baseline, only_model=_only_model(options)) is None:
            lonely.append(", ".join(f"{key} {value}" for key, value in case.items() if value is not None))
    if lonely and (len(lonely) == len(running) or options.max_regression_pct is not None):
        raise DataError(
            f"the baseline has no counterpart of: {lonely[0]}",
            where=options.baseline,
            remedy="measure the baseline with the same options",
        )
    for name in lonely:
        observer.notice(f"the baseline has no counterpart of: {name}")


def add_twins(
    running: Sequence[Running],
    options: BenchOptions,
    machine: Mapping[str, Any],
    baseline: Mapping[str, Any],
    observer: Observer,
) -> None:
    """Give each case the baseline's model to be measured beside it, where that can tell what the model changed.

    It can't where the file is gone or another one, where it is the very file that is measured now, or where software,
    machine or provider options are others than in the record: these differences are part of the comparison then, and
    versions that differ are said.
    """
    for key in SAME_SOFTWARE:
        now, then = machine.get(key), baseline["machine"].get(key)
        if now != then:
            observer.notice(
                f"the baseline was measured with another version ({key}: {then}, here {now}); "
                "what that changes is in the difference"
            )
    same = all(machine.get(k) == baseline["machine"].get(k) for k in (*SAME_MACHINE, *SAME_SOFTWARE))
    if not (options.remeasure and same):
        return
    for each in running:
        found = counterpart(each.identity, baseline, only_model=_only_model(options))
        path = None if found is None else _model_of(found, each.subject)
        if path is not None:
            each.twin = _twin(each, path, options)
    if any(each.twin is not None for each in running):
        observer.notice("the baseline's model is measured again, in turns: drift of the machine hits both")


def compared(
    results: Sequence[CaseResult],
    options: BenchOptions,
    machine: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
) -> tuple[CaseResult, ...]:
    """Compare each case with its counterpart; without a baseline, nothing happens."""
    if baseline is None:
        return tuple(results)
    same = all(baseline["machine"].get(key) == machine.get(key) for key in (*SAME_MACHINE, "numpy"))
    return tuple(
        replace(
            result,
            comparison=compare_case(
                result,
                baseline,
                options.baseline,
                only_model=_only_model(options),
                same_reference=same,
                cases=len(results),
            ),
        )
        for result in results
    )


def _only_model(options: BenchOptions) -> bool:
    return len(options.models) == 1


def _model_of(found: Mapping[str, Any], subject: Subject) -> Path | None:
    """Return the file that the record was measured on, where it is still that file and not the one measured now."""
    digest, path = found.get("sha256"), Path(str(found.get("path") or ""))
    if digest is None or digest == subject.sha256 or not path.is_file() or model_digest(str(path)) != digest:
        return None
    return path if found.get("provider_options", {}) == dict(subject.provider_options) else None


def _twin(each: Running, path: Path, options: BenchOptions) -> Running:
    alone = replace(
        options,
        models=(str(path),),
        devices=(each.subject.device,),
        threads=(each.subject.threads,),
        batch_sizes=(each.case.traffic.batch_size,),
    )
    ((case, subject),) = open_cases(alone, SILENT)
    return Running(case=case, subject=subject, pictures=each.pictures, transfer=each.transfer)
