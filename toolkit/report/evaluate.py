"""What an evaluation shows: the text, the pictures, the page."""

import shlex
from pathlib import Path

from toolkit.evaluate.result import EvaluateResult
from toolkit.report import tables
from toolkit.report.cards import class_bars, example_card
from toolkit.report.charts import calibration_figure, confusion_figure
from toolkit.report.facts import file_size
from toolkit.report.gallery import gallery_figure
from toolkit.report.html import render
from toolkit.report.page import Cell, Chart, Column, KeyFigure, Page, Section, Table
from toolkit.report.style import save_png, to_svg

CONFUSION = "confusion.png"
GALLERY = "gallery.png"
MOST_CLASSES = 30  # of the terminal's table
MOST_CONFUSIONS = 5
MOST_SKIPPED = 10
WIDEST_LABEL = 24  # characters of a class name in the terminal's tables


def text(result: EvaluateResult, files: tuple[Path, ...] = ()) -> str:
    """Write the result for the terminal, within 80 columns.

    Args:
        result: what was found.
        files: that were written.
    """
    metrics = result.metrics
    low, high = metrics.accuracy_ci95
    parts = [
        f"accuracy {metrics.accuracy:.4f} ({result.data}, {result.split} split, {_pictures(result)})\n"
        f"         95 % interval {low:.3f}–{high:.3f}, top-{metrics.top_k} {metrics.top_k_accuracy:.4f}, "
        f"loss {metrics.loss:.3f}, calibration error {metrics.calibration_error:.3f}",
        _class_table(result),
    ]
    if result.most_confused(1):
        parts.append(_confusion_table(result))
    if result.skipped:
        parts.append(_skipped(result))
    if files:
        parts.append("\n".join(f"{path}  {file_size(path.stat().st_size)}" for path in files))
    parts.append(f"next: {next_command(result)}")
    return "\n\n".join(parts)


def missed_gate(result: EvaluateResult) -> str | None:
    """Say by how much the gate was missed; None where it wasn't."""
    if result.missed_by is None or result.min_accuracy is None:
        return None
    return (
        f"accuracy {result.metrics.accuracy:.4f} is {result.missed_by:.2g} below "
        f"--min-accuracy {result.min_accuracy:g}"
    )


def next_command(result: EvaluateResult) -> str:
    """Return the command that is worth typing next."""
    model, data = shlex.quote(result.model), shlex.quote(result.data_argument)
    if result.output is None:
        return f"toolkit evaluate {model} --data {data} -o evaluation"
    if result.provider == "Keras":
        return f"toolkit export {model} -o model.onnx --verify {data}"
    return f"toolkit bench {model}"


def write_pictures(result: EvaluateResult, folder: Path) -> tuple[Path, Path]:
    """Write confusion.png and gallery.png into a folder; existing ones are replaced.

    Returns:
        Their paths.

    Raises:
        OutputError: one can't be written.
    """
    confusion, gallery = folder / CONFUSION, folder / GALLERY
    save_png(
        confusion_figure(result.metrics.confusion, result.labels, heading=finding(result)),
        confusion,
        force=True,
    )
    right = sum(example.right for example in result.examples)
    save_png(
        gallery_figure(
            result.examples,
            result.labels,
            heading=f"{_share(result.metrics.accuracy)} of {_pictures(result)} right",
            subtitle=f"{right} right and {len(result.examples) - right} wrong ones, drawn at random · "
            "blue: the truth, red: a wrong answer",
        ),
        gallery,
        force=True,
    )
    return confusion, gallery


def finding(result: EvaluateResult) -> str:
    """Say in words how good the model is and what it confuses most."""
    share = f"{_share(result.metrics.accuracy)} of {_pictures(result)} right"
    worst = result.most_confused(1)
    if not worst:
        return share
    return f"{share}; most often {result.labels[worst[0].truth]} is taken for {result.labels[worst[0].predicted]}"


def page(result: EvaluateResult) -> str:
    """Render the page of an evaluation."""
    metrics = result.metrics
    low, high = metrics.accuracy_ci95
    calibration = to_svg(
        calibration_figure(metrics.bin_count, metrics.bin_confidence, metrics.bin_accuracy),
        title=f"Calibration: expected error {metrics.calibration_error:.3f}",
    )
    missed = missed_gate(result)
    warnings = [f"gate not met: {missed}"] if missed else []
    if result.skipped:
        warnings.append(f"{len(result.skipped):,} broken pictures were left out")
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
                KeyFigure(value=f"{result.pictures:,}", label="pictures"),
            ],
            warnings=warnings,
            sections=[
                _confusion_section(result),
                _examples_section(result),
                Section(heading="Class by class", table=_page_table(result)),
                Section(
                    heading="Calibration",
                    charts=[
                        Chart(
                            svg=calibration,
                            caption="Where a bar ends below its dot, the model is surer than it should be.",
                            table=_calibration_table(result),
                        )
                    ],
                ),
                Section(heading="What was evaluated", facts=_facts(result)),
                *([_skipped_section(result)] if result.skipped else []),
            ],
        )
    )


def _confusion_section(result: EvaluateResult) -> Section:
    svg = to_svg(confusion_figure(result.metrics.confusion, result.labels), title=finding(result))
    rows = [
        [
            result.labels[pair.truth],
            result.labels[pair.predicted],
            Cell(f"{pair.count:,}", sort=pair.count),
            Cell(f"{100 * pair.share:.1f}", sort=pair.share),
        ]
        for pair in result.most_confused(50)
    ]
    columns = [Column("truth"), Column("predicted"), Column("pictures", numeric=True)]
    return Section(
        heading="What is taken for what",
        charts=[
            Chart(
                svg=svg,
                caption="Rows are the truth, columns the answer; the stronger the colour, the larger the share "
                "of the row.",
                table=Table(
                    columns=[*columns, Column("share of the class, %", numeric=True)],
                    rows=rows,
                    caption=f"The {len(rows)} most frequent confusions.",
                ),
            )
        ],
    )


def _examples_section(result: EvaluateResult) -> Section:
    right = sum(example.right for example in result.examples)
    return Section(
        heading="Right and wrong examples",
        text=f"{right} right and {len(result.examples) - right} wrong pictures, drawn at random from "
        f"{result.pictures:,}. Blue is the truth, red a wrong answer.",
        cards=[
            example_card(
                example, class_bars(example, result.labels), result.labels, cards=len(result.examples)
            )
            for example in result.examples
        ],
    )


def _page_table(result: EvaluateResult) -> Table:
    names = ("precision", "recall", "F1", "pictures")
    return Table(
        columns=[Column("class"), *(Column(name, numeric=True) for name in names)],
        rows=[
            [
                label,
                *(
                    Cell(_figure(value), sort=None if value != value else float(value))  # noqa: PLR0124 - NaN
                    for value in (
                        result.metrics.precision[i],
                        result.metrics.recall[i],
                        result.metrics.f1[i],
                    )
                ),
                Cell(f"{result.metrics.support[i]:,}", sort=int(result.metrics.support[i])),
            ]
            for i, label in enumerate(result.labels)
        ],
        caption="A dash where a figure isn't defined: a class that was never predicted, or has no pictures.",
    )


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
                _figure(metrics.bin_confidence[i]),
                _figure(metrics.bin_accuracy[i]),
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


def _class_table(result: EvaluateResult) -> str:
    metrics = result.metrics
    shown = list(range(len(result.labels)))
    heading = None
    if len(shown) > MOST_CLASSES:
        shown = sorted(shown, key=lambda i: (metrics.f1[i] != metrics.f1[i], metrics.f1[i], i))[:MOST_CLASSES]
        heading = f"the {MOST_CLASSES} classes with the lowest F1, of {len(result.labels):,} (all: --json)"
    columns = [
        tables.Column("class"),
        *(tables.Column(name, numeric=True) for name in ("precision", "recall", "F1", "pictures")),
    ]
    rows = [
        [
            _short(result.labels[i]),
            _figure(metrics.precision[i]),
            _figure(metrics.recall[i]),
            _figure(metrics.f1[i]),
            f"{metrics.support[i]:,}",
        ]
        for i in shown
    ]
    return tables.render(columns, rows, title=heading)


def _confusion_table(result: EvaluateResult) -> str:
    columns = [
        tables.Column("truth"),
        tables.Column("taken for"),
        tables.Column("pictures", numeric=True),
        tables.Column("of the class, %", numeric=True),
    ]
    rows = [
        [_short(result.labels[pair.truth]), _short(result.labels[pair.predicted]), f"{pair.count:,}",
         f"{100 * pair.share:.1f}"]
        for pair in result.most_confused(MOST_CONFUSIONS)
    ]  # fmt: skip
    return tables.render(columns, rows, title="most frequent confusions")


def _skipped(result: EvaluateResult) -> str:
    lines = [f"{len(result.skipped):,} broken pictures were left out:"]
    lines += [f"  {tables.printable(path)}: {reason}" for path, reason in result.skipped[:MOST_SKIPPED]]
    rest = len(result.skipped) - MOST_SKIPPED
    return "\n".join([*lines, f"  and {rest:,} more (all: --json)"] if rest > 0 else lines)


def _short(label: str) -> str:
    return label if len(label) <= WIDEST_LABEL else f"{label[: WIDEST_LABEL - 1]}…"


def _figure(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _pictures(result: EvaluateResult) -> str:
    return f"{result.pictures:,} picture{'s' if result.pictures != 1 else ''}"
