"""What the page of an evaluation contains."""

import math
from collections.abc import Mapping
from typing import Any

from toolkit.evaluate.result import EvaluateResult
from toolkit.report import robustness
from toolkit.report.cards import class_bars, example_card
from toolkit.report.charts import calibration_figure
from toolkit.report.confusion import confusion_chart
from toolkit.report.evaluate import figure, finding, missed_gate
from toolkit.report.facts import closing_section
from toolkit.report.html import render
from toolkit.report.page import Cell, Chart, Column, KeyFigure, Page, Section, Table
from toolkit.report.style import to_svg
from toolkit.wording import count, numbered


def page(result: EvaluateResult, *, command_line: str = "", machine: Mapping[str, Any] | None = None) -> str:
    """Render the page of an evaluation.

    Args:
        result: what was found.
        command_line: that made it, for the page's end; empty where it is unknown.
        machine: facts of the machine, likewise; None where they are unknown.
    """
    metrics = result.metrics
    low, high = metrics.accuracy_ci95
    calibration = to_svg(
        calibration_figure(metrics.bin_count, metrics.bin_confidence, metrics.bin_accuracy),
        title=f"Calibration: expected error {metrics.calibration_error:.3f}",
    )
    missed = missed_gate(result)
    warnings = [f"gate not met: {missed}"] if missed else []
    if result.skipped:
        left = len(result.skipped)
        warnings.append(f"{count(left, 'broken picture')} {numbered(left, 'was')} left out of the figures")
    return render(
        Page(
            command="toolkit evaluate",
            title=finding(result),
            lead=f"{result.model} on {result.data}, {result.split} split.",
            figures=[
                KeyFigure(
                    value=f"{metrics.accuracy:.4f}", label=f"accuracy, 95 % interval {low:.3f}–{high:.3f}"
                ),
                KeyFigure(value=f"{metrics.top_k_accuracy:.4f}", label=f"top-{metrics.top_k} accuracy"),
                KeyFigure(value=f"{metrics.loss:.3f}", unit="nats", label="cross-entropy loss"),
                KeyFigure(value=f"{metrics.calibration_error:.3f}", label="expected calibration error"),
                KeyFigure(value=f"{result.pictures:,}", label=numbered(result.pictures, "picture")),
            ],
            warnings=warnings,
            sections=[
                _confusion_section(result),
                _examples_section(result),
                Section(heading="Class by class", table=_class_table(result)),
                Section(
                    heading="Calibration",
                    charts=[
                        Chart(
                            svg=calibration,
                            wide=False,
                            caption="Where a bar ends below its dot, the model is surer than it should be.",
                            table=_calibration_table(result),
                        )
                    ],
                ),
                *([robustness.section(result.damaged, metrics.accuracy)] if result.damaged else []),
                Section(heading="What was evaluated", facts=_facts(result)),
                *([_skipped_section(result)] if result.skipped else []),
                closing_section(machine or {}, command_line),
            ],
        )
    )


def _confusion_section(result: EvaluateResult) -> Section:
    chart = confusion_chart(result.metrics.confusion, result.labels, rows="the truth", title=finding(result))
    return Section(heading="What is taken for what", charts=[chart])


def _examples_section(result: EvaluateResult) -> Section:
    right = sum(example.right for example in result.examples)
    return Section(
        heading="Right and wrong examples",
        text=f"{right} right and {len(result.examples) - right} wrong, drawn at random from "
        f"{count(result.pictures, 'picture')}. Blue is the truth, red a wrong answer.",
        cards=[
            example_card(
                example, class_bars(example, result.labels), result.labels, cards=len(result.examples)
            )
            for example in result.examples
        ],
    )


def _class_table(result: EvaluateResult) -> Table:
    metrics = result.metrics
    rows: list[list[Cell | str]] = []
    for i, label in enumerate(result.labels):
        figures = [_cell(values[i]) for values in (metrics.precision, metrics.recall, metrics.f1)]
        rows.append([label, *figures, Cell(f"{metrics.support[i]:,}", sort=int(metrics.support[i]))])
    return Table(
        columns=[
            Column("class"),
            *(Column(name, numeric=True) for name in ("precision", "recall", "F1", "pictures")),
        ],
        rows=rows,
        caption="A dash where a figure isn't defined: a class that was never predicted, or has no pictures.",
    )


def _cell(value: float) -> Cell | str:
    return figure(value) if math.isnan(value) else Cell(figure(value), sort=float(value))


def _calibration_table(result: EvaluateResult) -> Table:
    metrics = result.metrics
    bins = len(metrics.bin_count)
    return Table(
        columns=[
            Column("confidence, %"),
            Column("pictures", numeric=True),
            Column("mean confidence", numeric=True),
            Column("right", numeric=True),
        ],
        rows=[
            [
                Cell(f"{100 * i / bins:.0f}–{100 * (i + 1) / bins:.0f}", sort=i),
                Cell(f"{metrics.bin_count[i]:,}", sort=int(metrics.bin_count[i])),
                figure(metrics.bin_confidence[i]),
                figure(metrics.bin_accuracy[i]),
            ]
            for i in range(bins)
        ],
        caption=f"{bins} bins of equal width.",
    )


def _facts(result: EvaluateResult) -> list[tuple[str, str]]:
    return [
        ("model", result.model),
        ("run by", result.provider),
        ("data", f"{result.data}, {result.split} split"),
        ("digest of the data", result.data_sha256 or "none"),
        ("pictures", f"{result.pictures:,}"),
        ("left out", f"{len(result.skipped):,}"),
    ]


def _skipped_section(result: EvaluateResult) -> Section:
    lines = [f"{path}: {reason}" for path, reason in result.skipped[:100]]
    shown = (
        f" (the first {len(lines)} of {len(result.skipped):,})" if len(lines) < len(result.skipped) else ""
    )
    return Section(heading=f"Broken pictures{shown}", lines=lines)
