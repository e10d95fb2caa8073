"""What the page of a classification contains."""

from collections.abc import Mapping
from typing import Any

from toolkit.classify.options import EXAMPLE_TOP_K
from toolkit.classify.result import SAMPLE_RULE, ClassifyResult, Example
from toolkit.classify.summary import LARGEST_CONFUSION
from toolkit.report.axes import significant
from toolkit.report.cards import error_card, picture_card
from toolkit.report.charts import confidence_figure, counts_figure
from toolkit.report.classify_lines import doubts
from toolkit.report.confusion import confusion_chart
from toolkit.report.facts import closing_section, device_in_words
from toolkit.report.html import render
from toolkit.report.page import Card, Cell, Chart, Column, KeyFigure, Page, Section, Table
from toolkit.report.style import to_svg
from toolkit.stats.classification import wilson_interval
from toolkit.wording import count, numbered

MOST_CLASSES = 20  # bars of the chart of predicted classes
MOST_ERROR_CARDS = 24  # the table below the gallery has the rest


def page(result: ClassifyResult, *, command_line: str = "", machine: Mapping[str, Any] | None = None) -> str:
    """Render the page of a classification: bounded samples, whatever the number of inputs.

    Args:
        result: the summary of the run.
        command_line: that made it, for the page's end; empty where it is unknown.
        machine: facts of the machine, likewise; None where they are unknown.
    """
    return render(
        Page(
            command="toolkit classify",
            title=headline(result),
            lead=f"Model {result.model}, pictures brought to {result.input_size[0]} × {result.input_size[1]} pixels, "
            f"{result.provider}.",
            figures=key_figures(result),
            warnings=doubts(result),
            sections=[
                *(section for section in _sections(result) if section is not None),
                closing_section(machine or {}, command_line),
            ],
        )
    )


def headline(result: ClassifyResult) -> str:
    """Say in words how many pictures there were, how many were right, and how quickly."""
    parts = [count(result.inputs, "picture")]
    if result.errors:
        parts.append(f"{result.errors:,} could not be classified")
    if result.accuracy is not None:
        parts.append(f"{result.accuracy:.4f} right")
    parts.append(f"{significant(result.pictures_per_second)} a second on {device_in_words(result.device)}")
    return ", ".join(parts)


def key_figures(result: ClassifyResult) -> list[KeyFigure]:
    """Return the figures of the first screen."""
    of = f"of {result.inputs:,}" if result.errors else ""
    figures = [
        KeyFigure(
            value=f"{result.pictures:,}", unit=of, label=f"{numbered(result.pictures, 'picture')} classified"
        )
    ]
    if result.labelled and result.correct is not None:
        share = wilson_interval(result.correct, result.labelled)
        figures.append(
            KeyFigure(
                value=f"{share.value:.4f}",
                label=f"accuracy on {count(result.labelled, 'labelled picture')}, "
                f"95 % interval {share.low:.3f}–{share.high:.3f}",
            )
        )
    figures.append(KeyFigure(value=significant(result.pictures_per_second), unit="pictures/s",
                             label=f"throughput over {significant(result.seconds)} s"))  # fmt: skip
    figures.append(KeyFigure(value=f"{result.errors:,}", label="could not be classified"))
    if result.uncertain is not None:
        figures.append(
            KeyFigure(value=f"{result.uncertain:,}", label=f"below a confidence of {result.min_confidence:g}")
        )
    return figures


def _sections(result: ClassifyResult) -> list[Section | None]:
    examples = len(result.examples)
    cards = examples + len(result.mistakes)
    gallery: list[tuple[int, Card]] = [(example.index, _card(example, cards)) for example in result.examples]
    errors = result.failures[:MOST_ERROR_CARDS]
    gallery += [(failed.index, error_card(failed.path, failed.error)) for failed in errors]
    return [
        _charts(result) if result.pictures else None,
        Section(
            heading="Pictures",
            text=_sample_text(result, len(errors)),
            cards=[card for _, card in sorted(gallery, key=lambda pair: pair[0])],
        )
        if gallery
        else None,
        Section(
            heading="Surest mistakes",
            text="The wrong answers with the highest probability: a look at the model, or at a wrong folder.",
            cards=[_card(example, cards) for example in result.mistakes],
        )
        if result.mistakes
        else None,
        _failures(result) if result.failures else None,
        Section(heading="How it was run", facts=_facts(result)),
    ]


def _card(example: Example, cards: int) -> Card:
    answers = [(prediction.label, prediction.probability) for prediction in example.predictions]
    return picture_card(example.path, example.file, answers, truth=example.label, cards=cards)


def _sample_text(result: ClassifyResult, error_cards: int) -> str:
    shown = f"{len(result.examples):,} classified"
    errors = f" and {error_cards:,} that could not be classified" if error_cards else ""
    known = max((len(example.predictions) for example in result.examples), default=0)
    bars = (
        f" The resumed file has {count(known, 'class')} a row, so each picture has as many bars."
        if result.resumed and 0 < known < min(EXAMPLE_TOP_K, len(result.labels))
        else ""
    )
    if len(result.examples) == result.pictures and error_cards == result.errors:
        return f"{_all(result.inputs)}: {shown}{errors}.{bars}"
    return f"{shown}{errors}, of {count(result.inputs, 'picture')}. Sample: {SAMPLE_RULE}.{bars}"


def _all(inputs: int) -> str:
    return "The only picture" if inputs == 1 else f"All {count(inputs, 'picture')}"


def _charts(result: ClassifyResult) -> Section:
    charts = []
    if result.confusion is not None and result.labelled:
        charts.append(
            confusion_chart(result.confusion, result.labels, rows="the folders", title="Confusion matrix")
        )
    charts.append(_class_chart(result))
    counts = result.confidence_counts
    charts.append(
        Chart(
            svg=to_svg(confidence_figure(counts), title="Pictures by probability of the predicted class"),
            wide=False,
            caption="How sure the model is; a mass on the left means that many answers are guesses.",
            table=Table(
                columns=[Column("probability, %"), Column("pictures", numeric=True)],
                rows=[
                    [
                        Cell(f"{100 * i / len(counts):.0f}–{100 * (i + 1) / len(counts):.0f}", sort=i),
                        Cell(f"{count:,}", sort=int(count)),
                    ]
                    for i, count in enumerate(counts)
                ],
                caption=f"{len(counts)} bins of equal width.",
            ),
        )
    )
    return Section(heading="What was seen", text=_why_no_matrix(result), charts=charts)


def _why_no_matrix(result: ClassifyResult) -> str:
    if result.labelled is None or (result.labelled and result.confusion is not None):
        return ""
    reason = (
        f"the model has {len(result.labels):,} classes, and it is kept for up to {LARGEST_CONFUSION:,}"
        if result.labelled
        else "no picture lies in a folder that is named like a class"
    )
    return f"There is no confusion matrix: {reason}."


def _class_chart(result: ClassifyResult) -> Chart:
    counts = [int(count) for count in result.class_counts]
    order = sorted(range(len(counts)), key=lambda i: -counts[i])
    shown = range(len(counts)) if len(counts) <= MOST_CLASSES else order[:MOST_CLASSES]
    names, values = [result.labels[i] for i in shown], [counts[i] for i in shown]
    most = result.labels[order[0]]
    which = (
        ""
        if len(counts) <= MOST_CLASSES
        else f" The {MOST_CLASSES} most frequent of {len(counts):,} classes."
    )
    return Chart(
        svg=to_svg(counts_figure(names, values), title="Pictures by predicted class"),
        wide=False,
        caption=f"The most frequent answer is {most}, {100 * counts[order[0]] / result.pictures:.1f} % of the "
        f"pictures.{which}",
        table=Table(
            columns=[Column("class"), Column("pictures", numeric=True)],
            rows=[[name, Cell(f"{value:,}", sort=value)] for name, value in zip(names, values, strict=True)],
            caption="Pictures by predicted class.",
        ),
    )


def _failures(result: ClassifyResult) -> Section:
    shown = len(result.failures)
    of = "" if shown == result.errors else f" Sample of {result.errors:,}: {SAMPLE_RULE}."
    return Section(
        heading="What could not be classified",
        table=Table(
            columns=[Column("place", numeric=True), Column("path"), Column("reason", holds="sentence")],
            rows=[
                [Cell(f"{failed.index + 1:,}", sort=failed.index), failed.path, failed.error]
                for failed in result.failures
            ],
            caption=f"{count(shown, 'path')} with place in the input and reason.{of}",
        ),
    )


def _facts(result: ClassifyResult) -> list[tuple[str, str]]:
    facts = [
        ("model", result.model),
        ("classes", f"{len(result.labels):,}"),
        ("input size", f"{result.input_size[0]} × {result.input_size[1]} pixels"),
        ("run by", f"{result.provider} on {result.device}"),
        ("threads", str(result.threads)),
        ("batch size", str(result.batch_size)),
        ("duration", f"{result.seconds:.2f} s"),
    ]
    later = [("predictions", result.output), ("sorted into", result.sorted_into)]
    if result.resumed is not None:
        later.insert(0, ("rows of an earlier run", f"{result.resumed:,}"))
    return facts + [(name, value) for name, value in later if value]
