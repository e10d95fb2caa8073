"""Sections of a benchmark's page that only some runs have: comparison, stages, rates tried, sweeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.axes import significant
from toolkit.report.bench_figures import comparison_figure, over_time_figure, stages_figure
from toolkit.report.bench_lines import bottleneck, comparison_lines, first_lines, is_blind
from toolkit.report.bench_names import case_label, model_label, varies
from toolkit.report.bench_series import over_time, swept
from toolkit.report.bench_sweeps import sweep_figure
from toolkit.report.bench_tables import (
    Row,
    comparison_table,
    slices_table,
    stages_table,
    sweep_table,
    trials_table,
)
from toolkit.report.page import Cell, Chart, Column, Section, Table
from toolkit.report.style import to_svg


def sections(rows: Sequence[Row]) -> list[Section]:
    """Return every section that these results have something for, in the order of reading.

    Args:
        rows: the results of the document.
    """
    if not rows:
        return []
    found = [
        against_first(rows),
        comparison(rows),
        stages(rows),
        rates(rows),
        sweep(rows, "batch_size", "Batch size"),
        sweep(rows, "threads", "Threads"),
        course(rows),
    ]
    return [section for section in found if section is not None]


def against_first(rows: Sequence[Row]) -> Section | None:
    """Return how the other models compare with the first; None where there is none."""
    lines = first_lines(rows)
    return Section(heading=f"Against {model_label(rows[0]['model'], rows)}", lines=lines) if lines else None


def comparison(rows: Sequence[Row]) -> Section | None:
    """Return the comparison with the baseline; None without one."""
    compared = [row for row in rows if row["comparison"] is not None]
    if not compared:
        return None
    cases = []
    for row in compared:
        found = row["comparison"]
        ends = (found["ratio"],) * 2 if is_blind(found) else found["ratio_ci99"]
        low, high = ((bound - 1) * 100 for bound in ends)
        cases.append((case_label(row, rows), (found["ratio"] - 1) * 100, (low, high), found["verdict"]))
    chart = Chart(
        svg=to_svg(comparison_figure(cases), title="; ".join(comparison_lines(rows))),
        caption="The dot is the change in time, the line its 99 % interval: a line that crosses zero shows no "
        "difference. A dot without a line: too few rounds to tell.",
        table=comparison_table(compared, rows),
    )
    return Section(heading="Against the baseline", charts=[chart], lines=comparison_lines(rows))


def stages(rows: Sequence[Row]) -> Section | None:
    """Return the shares of the pipeline's stages; None in other scenarios."""
    piped = [row for row in rows if row.get("stages")]
    if not piped:
        return None
    cases = [(case_label(row, rows), [(s["stage"], s["share"]) for s in row["stages"]]) for row in piped]
    chart = Chart(
        svg=to_svg(stages_figure(cases), title="Share of each stage"),
        caption="From the file on disk to the classes; the files lie in the system's cache.",
        table=stages_table(piped, rows),
    )
    return Section(
        heading="Where the time goes", charts=[chart], lines=[bottleneck(row, rows) for row in piped]
    )


def rates(rows: Sequence[Row]) -> Section | None:
    """Return the rates that were tried; None where none was looked for."""
    tried = [row for row in rows if row.get("rates_tried")]
    if not tried:
        return None
    return Section(heading="Rates tried", table=trials_table(tried, rows))


def sweep(rows: Sequence[Row], key: str, heading: str) -> Section | None:
    """Return throughput and latency against batch size or threads; None where there is one only.

    Args:
        rows: the results of the document.
        key: "batch_size" or "threads".
        heading: of the section.
    """
    if not varies(rows, key):
        return None
    name = heading.lower()
    chart = Chart(
        svg=to_svg(sweep_figure(swept(rows, key), key, name), title=f"Throughput and latency against {name}"),
        caption="Dots: pictures a second, with their 95 % interval, left axis. Squares: the median time of a query, "
        "right axis.",
        table=sweep_table(rows),
    )
    return Section(heading=heading, charts=[chart])


def gates(found: Sequence[Mapping[str, Any]]) -> Section | None:
    """Return the limits that were set, and whether they held; None without one.

    Args:
        found: "gates" of the document.
    """
    if not found:
        return None
    missed = sum(not gate["met"] for gate in found)
    text = f"{missed} of {len(found)} missed." if missed else "All met."
    return Section(heading="Gates", text=text, table=_gates_table(found))


def course(rows: Sequence[Row]) -> Section:
    """Return latency in the order measured."""
    curves = [(case_label(row, rows), over_time(row)) for row in rows]
    drifts = max(max(curve["p50_ms"]) / max(1e-9, min(curve["p50_ms"])) for _, curve in curves)
    chart = Chart(
        svg=to_svg(over_time_figure(curves), title="Latency over the course of the measurement"),
        caption="The line is the median of each slice of queries, the dots its slowest query; the medians of a "
        f"case differ by a factor of {significant(drifts)} at most.",
        table=slices_table([(name, curve) for name, curve in curves]),
    )
    return Section(heading="Over time", charts=[chart])


def _gates_table(gates: Sequence[Row]) -> Table:
    """Return the table of the limits that were set.

    Args:
        gates: "gates" of the document.
    """
    return Table(
        columns=[
            Column("gate", holds="word"),
            Column("case"),
            Column("result", holds="word"),
            Column("what was found", holds="sentence"),
        ],
        rows=[
            [
                str(gate["name"]), str(gate["subject"]),
                Cell("met", kind="right") if gate["met"] else Cell("missed", kind="wrong"), str(gate["message"]),
            ]
            for gate in gates
        ],
        caption="Limits that were set on the command line; a missed one ends it with exit code 4.",
    )  # fmt: skip
