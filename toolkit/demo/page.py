"""What the demo's page and its closing lines contain."""

from collections.abc import Sequence

from toolkit.demo.result import DemoResult
from toolkit.report.axes import significant
from toolkit.report.bench_lines import run_warnings, warning_lines
from toolkit.report.bench_names import model_label
from toolkit.report.bench_page import batch_words, busiest, fastest, first_doubt, timing_section
from toolkit.report.bench_tables import median_ms
from toolkit.report.cards import picture_card
from toolkit.report.facts import closing_section, device_in_words, file_size
from toolkit.report.html import render
from toolkit.report.page import Card, KeyFigure, Page, Section

OF_BENCH = "Options that a warning names are those of toolkit bench; the demo has none of them."


def page(result: DemoResult, *, command_line: str = "") -> str:
    """Render the page of the demo.

    Args:
        result: what came of it.
        command_line: that started it, for the page's end; empty where it is unknown.
    """
    rows = result.benchmark["results"]
    warnings = warning_lines(result.benchmark)
    quick = fastest(rows)
    return render(
        Page(
            command="toolkit demo",
            title=headline(result),
            lead=f"The model {model_label(result.classified.model)} ({quick['precision'] or 'precision unknown'}, "
            f"{file_size(quick['size_bytes'])}) on the first {len(result.pictures)} test pictures of CIFAR-10.",
            figures=_figures(result, doubt=first_doubt(quick)),
            warnings=run_warnings(result.benchmark),
            sections=[
                Section(
                    heading="What it sees",
                    text="Every bundled picture beside its five most probable classes. Blue is the right class, "
                    "red a wrong answer.",
                    cards=_cards(result),
                ),
                timing_section(rows, heading="How fast it is here"),
                *([Section(heading="Warnings", text=note_on(warnings), lines=warnings)] if warnings else []),
                closing_section(result.benchmark["machine"], command_line),
            ],
        )
    )


def note_on(warnings: Sequence[str]) -> str:
    """Say whose options warnings name; empty where they name none."""
    return OF_BENCH if any("--" in warning for warning in warnings) else ""


def headline(result: DemoResult) -> str:
    """Say in words how many pictures were right, and how quickly one is done."""
    quick = fastest(result.benchmark["results"])
    return (
        f"{len(result.pictures)} pictures, {result.right} right, {significant(median_ms(quick))} ms "
        f"each on {device_in_words(quick['device'])}"
    )


def _figures(result: DemoResult, *, doubt: str) -> list[KeyFigure]:
    rows = result.benchmark["results"]
    quick, busy = fastest(rows), busiest(rows)
    cold = quick["load_ms"] + quick["first_inference_ms"]
    return [
        KeyFigure(value=str(result.right), unit=f"of {len(result.pictures)}", label="pictures recognised"),
        KeyFigure(
            value=significant(median_ms(quick)),
            unit="ms",
            label=f"median latency, {batch_words(quick)}",
            warning=doubt,
        ),
        KeyFigure(
            value=significant(busy["throughput"]),
            unit="pictures/s",
            label=f"throughput, batch {busy['batch_size']}",
        ),
        KeyFigure(value=significant(cold), unit="ms", label="load and first inference"),
        KeyFigure(value=significant(quick["peak_rss_mb"]), unit="MB", label="peak memory"),
    ]


def _cards(result: DemoResult) -> list[Card]:
    count = len(result.pictures)
    return [
        picture_card(
            picture.file.name,
            str(picture.file),
            [(prediction.label, prediction.probability) for prediction in picture.predictions],
            truth=picture.truth,
            cards=count,
        )
        for picture in result.pictures
    ]
