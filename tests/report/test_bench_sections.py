"""The sections that only some benchmarks have, and what they say in sentences."""

from typing import Any

import pytest

from toolkit.report import bench_page, bench_sections
from toolkit.report.bench import render_result
from toolkit.report.bench_lines import HELP, bottleneck, placement_text, run_warnings

SHARES = {"read": 0.06, "decode": 0.5, "resize": 0.01, "run": 0.4, "top-k": 0.03}
COMPARISON = {
    "measure": "p50", "ratio": 1.06, "ratio_ci95": [1.045, 1.075], "ratio_ci99": [1.04, 1.08], "verdict": "slower",
    "smallest_visible_pct": 2.0, "reference_adjusted": True,
}  # fmt: skip


def stages(**shares: float) -> list[dict[str, object]]:
    return [
        {"stage": name, "p50_ms": share, "mean_ms": share, "share": share}
        for name, share in {**SHARES, **shares}.items()
    ]


@pytest.fixture
def rows(benchmark_document: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a short real benchmark of two batch sizes, to be changed."""
    return [dict(row) for row in benchmark_document["results"]]


def headings(rows: list[dict[str, Any]]) -> list[str]:
    return [section.heading for section in bench_sections.sections(rows)]


def test_a_plain_run_shows_batch_sizes_and_its_course(rows: list[dict[str, Any]]) -> None:
    assert headings(rows) == ["Batch size", "Over time"]
    assert headings(rows[:1]) == ["Over time"]
    assert headings([]) == []


def test_several_numbers_of_threads_have_a_chart_with_both_axes(rows: list[dict[str, Any]]) -> None:
    rows[1] |= {"threads": rows[0]["threads"] + 1, "batch_size": rows[0]["batch_size"]}
    assert headings(rows) == ["Threads", "Over time"]
    section = bench_sections.sweep(rows, "threads", "Threads")
    assert section is not None
    (chart,) = section.charts
    for text in ("pictures a second", "median latency", ">threads<"):
        assert text in chart.svg
    assert len(chart.table.rows) == 2


def test_gates_are_listed_with_their_result() -> None:
    met = {"name": "latency", "subject": "a", "met": True, "message": "p99 is 1 ms"}
    missed = {"name": "regression", "subject": "b", "met": False, "message": "missed by 3 points"}
    section = bench_sections.gates([met, missed])
    assert section is not None
    assert section.text == "1 of 2 missed."
    assert section.table is not None
    assert [(row[0], row[2].text, row[2].kind) for row in section.table.rows] == [
        ("latency", "met", "right"), ("regression", "missed", "wrong"),
    ]  # fmt: skip
    assert bench_sections.gates([met]).text == "All met."  # type: ignore[union-attr]
    assert bench_sections.gates([]) is None


def test_missed_gates_stand_at_the_top_but_not_all_of_many(benchmark_document: dict[str, Any]) -> None:
    gates = [{"name": "latency", "subject": f"case {k}", "met": k == 0, "message": "m"} for k in range(6)]
    lines = run_warnings({**benchmark_document, "gates": gates, "warnings": []})
    assert lines == [*(f"gate not met: case {k}: m" for k in (1, 2, 3)), "2 other gates not met, see Gates"]
    html = bench_page.page({**benchmark_document, "gates": gates})
    assert ">Gates</h2>" in html
    assert "cost of measuring a query" in html


def test_the_sentence_on_the_comparison_stands_below_its_chart(rows: list[dict[str, Any]]) -> None:
    rows[0]["comparison"] = {**COMPARISON, "in_turns": True, "machine_ratio": 1.25}
    section = bench_sections.comparison(rows)
    assert section is not None
    assert ["in turns" in section.lines[0], "the machine changed" in section.lines[1]] == [True, True]


def test_a_comparison_of_too_few_rounds_has_dashes_and_no_line(
    rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    draw = bench_sections.comparison_figure
    monkeypatch.setattr(bench_sections, "comparison_figure", lambda cases: drawn.extend(cases) or draw(cases))
    wide = {"ratio_ci99": [1e-43, 1e43], "smallest_visible_pct": 1e45, "verdict": "no difference seen"}
    rows[1]["comparison"] = {**COMPARISON, **wide}
    section = bench_sections.comparison(rows)
    assert section is not None
    assert section.charts[0].table.rows[0][3:] == ["–", "–", "–"]
    assert "too few to tell" in section.lines[0]
    ((_, change, interval, _),) = drawn
    assert interval == (change, change)


def test_a_comparison_has_a_chart_with_its_figures(rows: list[dict[str, Any]]) -> None:
    rows[1]["comparison"] = COMPARISON
    section = bench_sections.comparison(rows)
    assert section is not None
    (chart,) = section.charts
    assert "slower, +6.0 %" in chart.svg
    ((case, verdict, change, low, high, visible),) = chart.table.rows
    assert (case, verdict) == ("colours, batch 4", "slower")
    assert [cell.text for cell in (change, low, high, visible)] == ["+6.0", "+4.0", "+8.0", "2.0"]


def test_the_stages_of_a_pipeline_have_a_chart_a_table_and_a_sentence(rows: list[dict[str, Any]]) -> None:
    rows[0]["stages"] = stages()
    section = bench_sections.stages(rows)
    assert section is not None
    (chart,) = section.charts
    assert "50 %" in chart.svg
    assert [row[1] for row in chart.table.rows] == list(SHARES)
    assert "decode takes the most" in section.lines[0]


@pytest.mark.parametrize("stage", list(SHARES))
def test_the_bottleneck_is_named_with_what_would_help(rows: list[dict[str, Any]], stage: str) -> None:
    rows[0]["stages"] = stages(**{stage: 0.9})
    sentence = bottleneck(rows[0], rows[:1])
    assert f"{stage} 90 %" in sentence
    assert sentence.endswith(f"{stage} takes the most; {HELP[stage]}")


@pytest.mark.parametrize("known", [{"precision": "int8"}, {"device": "cuda:0"}])
def test_int8_is_not_said_to_help_where_it_is_there_or_brings_nothing(
    rows: list[dict[str, Any]], known: dict[str, str]
) -> None:
    rows[0]["stages"] = stages(run=0.9)
    assert "or int8" in bottleneck(rows[0], rows[:1])
    assert bottleneck({**rows[0], **known}, rows[:1]).endswith("takes the most; a smaller model would help")


def test_the_bottleneck_stands_below_the_table_within_eighty_columns(
    benchmark_document: dict[str, Any],
) -> None:
    first, *others = benchmark_document["results"]
    text = render_result({**benchmark_document, "results": [{**first, "stages": stages()}, *others]})
    assert "decode takes the most" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_the_rates_that_were_tried_are_listed(rows: list[dict[str, Any]]) -> None:
    rows[0]["rates_tried"] = [
        {"rate_qps": 100.0, "queries": 700, "percentile_ms": 1.5, "overloaded": False, "held": True},
        {"rate_qps": 200.0, "queries": 90, "percentile_ms": None, "overloaded": True, "held": False},
    ]
    section = bench_sections.rates(rows)
    assert section is not None
    assert section.table is not None
    assert [row[-1] for row in section.table.rows] == ["yes", "overloaded"]
    assert section.table.rows[1][2] == "–"


def test_nodes_on_several_providers_are_told_with_their_shares() -> None:
    alone = {"provider": "A", "placement": {"A": {"nodes": 5, "share": 1.0}}}
    shared = {
        "provider": "A",
        "placement": {"A": {"nodes": 9, "share": 0.9}, "B": {"nodes": 1, "share": 0.1}},
    }
    assert placement_text(alone) == placement_text({"provider": "A", "placement": None}) == "A"
    assert placement_text(shared) == "A 90 % of the nodes, B 10 % of the nodes"


def test_a_page_holds_every_section(benchmark_document: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    rows[0] |= {"stages": stages(), "comparison": COMPARISON}
    html = bench_page.page({**benchmark_document, "results": rows})
    for heading in ("Against the baseline", "Where the time goes", "Batch size", "Over time"):
        assert f">{heading}</h2>" in html


def test_a_model_that_ran_on_two_providers_names_both(
    benchmark_document: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    cuda = {**rows[0], "device": "cuda:0", "provider": "CUDAExecutionProvider", "placement": None}
    html = bench_page.page({**benchmark_document, "results": [rows[0], cuda]})
    assert "CPUExecutionProvider, CUDAExecutionProvider" in html
