"""What an evaluation shows: the text and the pictures (`evaluate_page` has the page)."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from toolkit.evaluate.result import EvaluateResult
from toolkit.files import write_text
from toolkit.report import robustness, tables
from toolkit.report.confusion_figure import confusion_figure
from toolkit.report.gallery import gallery_figure
from toolkit.report.left_out import left_out
from toolkit.report.style import save_png
from toolkit.wording import count, typed

CONFUSION = "confusion.png"
GALLERY = "gallery.png"
MOST_CLASSES = 30  # of the terminal's table
MOST_CONFUSIONS = 5


def text(result: EvaluateResult) -> str:
    """Write the result for the terminal, within its columns.

    Args:
        result: what was found.
    """
    metrics = result.metrics
    low, high = metrics.accuracy_ci95
    parts = [
        f"accuracy {metrics.accuracy:.4f} ({result.data}, {result.split} split, {_pictures(result)})\n"
        f"         95 % interval {low:.3f}–{high:.3f}\n"
        f"top-{metrics.top_k} {metrics.top_k_accuracy:.4f}, loss {metrics.loss:.3f} nats, "
        f"calibration error {metrics.calibration_error:.3f}",
        _class_table(result),
    ]
    if result.most_confused(1):
        parts.append(_confusion_table(result))
    if result.damaged is not None:
        parts.append(robustness.table(result.damaged, result.metrics.accuracy))
    if result.skipped:
        parts.append(left_out(result.skipped))
    return "\n\n".join(parts)


def missed_gate(result: EvaluateResult) -> str | None:
    """Say by how much the gate was missed; None where it wasn't."""
    if result.missed_by is None or result.min_accuracy is None:
        return None
    amount = f"{result.missed_by:.4f}" if result.missed_by >= 0.0001 else f"{result.missed_by:.1g}"
    return f"accuracy {result.metrics.accuracy:.4f} is {amount} below --min-accuracy {result.min_accuracy:g}"


def next_command(result: EvaluateResult, *, again: Callable[..., str]) -> str:
    """Return the command that is worth typing next.

    Args:
        result: what was found.
        again: writes the command as it was typed with options added: `toolkit.cli.retyped`.
    """
    if result.output is None:
        return again(["-o", "evaluation"])
    model = typed(result.model)
    if result.provider == "Keras":
        return f"toolkit export {model} -o model.onnx --verify {typed(result.data_argument)}"
    return f"toolkit bench {model}"


def write_report(
    result: EvaluateResult,
    report: Path | None = None,
    *,
    command_line: str = "",
    machine: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Write the pictures into the result's folder, and the page; existing files are replaced.

    The job has refused what must not be replaced.

    Args:
        result: what was found.
        report: the page; None writes none.
        command_line: that made it, for the page's end.
        machine: facts of the machine, likewise.

    Returns:
        Every file of the evaluation, those of the job first.

    Raises:
        OutputError: one can't be written.
    """
    files = result.files
    if result.output is not None:
        files += _write_pictures(result, result.output)
    if report is not None:
        from toolkit.report.evaluate_page import page

        write_text(report, page(result, command_line=command_line, machine=machine), force=True)
        files += (report,)
    return files


def _write_pictures(result: EvaluateResult, folder: Path) -> tuple[Path, ...]:
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
    files: tuple[Path, ...] = (confusion, gallery)
    rows, drawing = folder / robustness.ROWS, folder / robustness.FIGURE
    if result.damaged is None:
        for file in (rows, drawing):
            file.unlink(missing_ok=True)  # of an earlier evaluation, perhaps of another model
    else:
        robustness.write_rows(result.damaged, rows, force=True)
        robustness.write_figure(result.damaged, result.metrics.accuracy, drawing, force=True)
        files += (rows, drawing)
    return files


def finding(result: EvaluateResult) -> str:
    """Say in words how good the model is and what it confuses most."""
    share = f"{_share(result.metrics.accuracy)} of {_pictures(result)} right"
    worst = result.most_confused(1)
    if not worst:
        return share
    return f"{share}; most often {result.labels[worst[0].truth]} is taken for {result.labels[worst[0].predicted]}"


def _class_table(result: EvaluateResult) -> str:
    metrics = result.metrics
    shown = [
        i for i in range(len(result.labels)) if metrics.support[i] or not math.isnan(metrics.precision[i])
    ]
    unseen = len(result.labels) - len(shown)
    heading = None
    if len(shown) > MOST_CLASSES:
        shown = sorted(shown, key=lambda i: (math.isnan(metrics.f1[i]), metrics.f1[i], i))[:MOST_CLASSES]
        heading = f"the {MOST_CLASSES} classes with the lowest F1, of {len(result.labels):,} (all: --json)"
    columns = [
        tables.Column("class", fold=True),
        *(tables.Column(name, numeric=True) for name in ("precision", "recall", "F1", "pictures")),
    ]
    rows = [
        [
            result.labels[i],
            figure(metrics.precision[i]),
            figure(metrics.recall[i]),
            figure(metrics.f1[i]),
            f"{metrics.support[i]:,}",
        ]
        for i in shown
    ]
    table = tables.render(columns, rows, title=heading)
    if not unseen:
        return table
    who = "class has no pictures and was" if unseen == 1 else "classes have no pictures and were"
    return f"{table}\n\n{unseen:,} {who} never predicted: no row"


def _confusion_table(result: EvaluateResult) -> str:
    columns = [
        tables.Column("truth", fold=True),
        tables.Column("taken for", fold=True),
        tables.Column("pictures", numeric=True),
        tables.Column("of the class, %", numeric=True),
    ]
    rows = [
        [result.labels[pair.truth], result.labels[pair.predicted], f"{pair.count:,}",
         f"{100 * pair.share:.1f}"]
        for pair in result.most_confused(MOST_CONFUSIONS)
    ]  # fmt: skip
    return tables.render(columns, rows, title="most frequent confusions")


def figure(value: float) -> str:
    """Return a figure from 0 to 1 for reading; NaN is a dash."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _pictures(result: EvaluateResult) -> str:
    return count(result.pictures, "picture")
