"""What the page of a benchmark contains, drawn from the benchmark JSON (schema 1)."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.axes import significant
from toolkit.report.bench_lines import not_told_apart, placement_text, run_warnings, warning_lines
from toolkit.report.bench_names import case_label, model_label
from toolkit.report.bench_sections import gates, sections
from toolkit.report.bench_series import cumulative, shared_histogram
from toolkit.report.bench_sweeps import histogram_figure
from toolkit.report.bench_tables import Row, histogram_table, median_ms, percentile_table, timing_table
from toolkit.report.facts import device_in_words, file_size, machine_pairs
from toolkit.report.html import render
from toolkit.report.page import Chart, KeyFigure, Page, Section
from toolkit.report.style import to_svg
from toolkit.report.timing import Timing, cumulative_figure, timing_figure
from toolkit.wording import count


def page(document: Mapping[str, Any], *, command_line: str = "") -> str:
    """Render the page of a benchmark.

    Args:
        document: the benchmark JSON, schema 1.
        command_line: that made it, for the page's end; empty where it is unknown.
    """
    rows = document["results"]
    return render(
        Page(
            command="toolkit bench",
            title=headline(rows),
            lead=_lead(document),
            figures=key_figures(rows),
            warnings=run_warnings(document),
            sections=[
                *([timing_section(rows)] if rows else []),
                *([limits] if (limits := gates(document["gates"])) else []),
                *([distribution_section(rows)] if rows else []),
                *sections(rows),
                *([Section(heading="Warnings", lines=lines)] if (lines := warning_lines(document)) else []),
                Section(heading="Files", facts=_files(rows)),
                Section(
                    heading="Machine and versions",
                    facts=[*machine_pairs(document["machine"], command_line), *_conditions(document)],
                ),
            ],
        )
    )


def headline(rows: Sequence[Row]) -> str:
    """Say in words how fast the quickest case is.

    Args:
        rows: the results of the document.
    """
    if not rows:
        return "Nothing was measured"
    quick, busy = fastest(rows), busiest(rows)
    models = {row["model"] for row in rows}
    first = model_label(quick["model"], rows)
    if len(models) == 1:
        first += ":"
    elif rivals := not_told_apart(quick, rows):
        names = ", ".join(model_label(rival, rows) for rival in rivals)
        first += f" has the lowest median of {len(models)} models, but no difference from {names} was seen:"
    else:
        first += f" is the quickest of {len(models)} models:"
    median = f"{significant(median_ms(quick))} ms for {batch_words(quick)}"
    rate = f"{significant(busy['throughput'])} a second"
    if busy is not quick:
        owner = f" ({model_label(busy['model'], rows)})" if busy["model"] != quick["model"] else ""
        rate = f"up to {rate} in batches of {busy['batch_size']}{owner}"
    return f"{first} {median}, {rate} on {device_in_words(quick['device'])}"


def key_figures(rows: Sequence[Row]) -> list[KeyFigure]:
    """Return the figures of the first screen; a doubtful one carries its warning.

    Args:
        rows: the results of the document.
    """
    if not rows:
        return []
    quick, busy = fastest(rows), busiest(rows)
    figures = [KeyFigure(value=significant(median_ms(quick)), unit="ms", label=f"median latency, {batch_words(quick)}",
                         warning=first_doubt(quick))]  # fmt: skip
    if quick["latency_ms"].get("p99") is not None:
        p99 = significant(quick["latency_ms"]["p99"])
        figures.append(KeyFigure(value=p99, unit="ms", label="99th percentile"))
    figures.append(
        KeyFigure(
            value=significant(busy["throughput"]),
            unit="pictures/s",
            label=f"throughput, batch {busy['batch_size']}",
            warning=first_doubt(busy) if busy is not quick else "",
        )
    )
    if quick.get("load_ms") is not None and quick.get("first_inference_ms") is not None:
        cold = quick["load_ms"] + quick["first_inference_ms"]
        figures.append(KeyFigure(value=significant(cold), unit="ms", label="load and first inference"))
    if quick.get("peak_rss_mb") is not None:
        figures.append(KeyFigure(value=significant(quick["peak_rss_mb"]), unit="MB", label="peak memory"))
    return figures


def timing_section(rows: Sequence[Row], *, heading: str = "Latency and throughput") -> Section:
    """Return the chart of all cases with its table.

    Args:
        rows: the results of the document, one or more.
        heading: of the section.
    """
    svg = to_svg(timing_figure(timings(rows)), title=headline(rows))
    caption = (
        "Left: the dot is the median, the thick line its 95 % interval, the thin line reaches to the 99th "
        "percentile where enough queries support one. Right: the line on a bar is its 95 % interval."
    )
    return Section(heading=heading, charts=[Chart(svg=svg, caption=caption, table=timing_table(rows))])


def distribution_section(rows: Sequence[Row]) -> Section:
    """Return the histogram of every query, and the share that was answered within each time.

    Args:
        rows: the results of the document, one or more, with their samples.
    """
    names = [case_label(row, rows) for row in rows]
    edges, counts = shared_histogram(rows)
    cases = list(zip(names, counts, strict=True))
    drawn = [cumulative(row) for row in rows]
    curves = [(n, d["latency_ms"], d["share"]) for n, d in zip(names, drawn, strict=True)]
    return Section(
        heading="Every query",
        charts=[
            Chart(
                svg=to_svg(histogram_figure(edges, cases), title="Queries by latency"),
                caption="How many queries took how long; on the logarithmic axis a single slow one shows, and none "
                "is left out.",
                table=histogram_table(edges, cases),
            ),
            Chart(
                svg=to_svg(cumulative_figure(curves), title="Share of queries answered within each time"),
                caption="The steeper a curve, the steadier the case; nothing is cut off: each ends with its "
                "slowest query.",
                table=percentile_table(rows),
            ),
        ],
    )


def timings(rows: Sequence[Row]) -> list[Timing]:
    """Return what the chart draws, one per result, coloured by model.

    Args:
        rows: the results of the document.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    return [
        Timing(
            name=case_label(row, rows),
            group=models.index(row["model"]),
            p50_ms=median_ms(row),
            p50_ci95_ms=_pair(row["latency_ms"].get("p50_ci95")),
            p99_ms=row["latency_ms"].get("p99"),
            throughput=row["throughput"],
            throughput_ci95=_pair(row.get("throughput_ci95")),
        )
        for row in rows
    ]


def first_doubt(row: Row) -> str:
    """Return the first warning about a case in short, to stand beside its figure; "" where there is none.

    Args:
        row: the case.
    """
    return next((str(warning["message"]).split(" (")[0] for warning in row["warnings"]), "")


def fastest(rows: Sequence[Row]) -> Row:
    """Return the case with the lowest median of those with the smallest batch; a GPU takes a larger as quickly."""
    return min(rows, key=lambda row: (int(row["batch_size"]), median_ms(row)))


def busiest(rows: Sequence[Row]) -> Row:
    """Return the case with the highest throughput; of equals the first."""
    return max(rows, key=lambda row: float(row["throughput"]))


def batch_words(row: Row) -> str:
    """Return how many pictures a run took."""
    return "one picture" if row["batch_size"] == 1 else f"a batch of {row['batch_size']}"


def _pair(values: Any) -> tuple[float, float] | None:
    return None if values is None else (float(values[0]), float(values[1]))


def _lead(document: Mapping[str, Any]) -> str:
    rows = document["results"]
    scenarios = ", ".join(dict.fromkeys(str(row["scenario"]) for row in rows))
    cpu = document["machine"].get("cpu") or "an unnamed processor"
    cases = count(len(rows), "case")
    return f"{cases}, scenario {scenarios}, on {cpu}." if rows else f"On {cpu}."


def _conditions(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = document.get("conditions", {})
    pairs = []
    if found.get("harness_ns") is not None:
        pairs.append(
            ("cost of measuring a query", f"{found['harness_ns'] / 1000:.2g} µs, part of every latency")
        )
    if found.get("clock_resolution_ns") is not None:
        pairs.append(("tick of the clock", f"{found['clock_resolution_ns']:,} ns"))
    if found.get("busy_cores_at_start") is not None:
        pairs.append(("processors busy at the start", f"{found['busy_cores_at_start']:g}"))
    return pairs


def _files(rows: Sequence[Row]) -> list[tuple[str, str]]:
    files: dict[str, dict[str, None]] = {}  # a model may have run on several providers
    for row in rows:
        parts = (row.get("precision"), file_size(row["size_bytes"]), placement_text(row))
        files.setdefault(str(row["model"]), {}).update(dict.fromkeys(str(part) for part in parts if part))
    return [(name, ", ".join(parts)) for name, parts in files.items()]
