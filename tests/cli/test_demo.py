"""`toolkit demo` through the real command: what a newcomer sees first."""

import json

import pytest
from support import CommandLine, error_line

from toolkit.models.catalog import DEFAULT_MODEL, shipped_models


@pytest.fixture
def shipped():
    if DEFAULT_MODEL not in shipped_models():
        pytest.skip(f"{DEFAULT_MODEL} is not in this checkout")


@pytest.mark.usefixtures("shipped")
def test_the_demo_prints_twenty_rows_and_a_latency_table_and_leaves_a_page(toolkit: CommandLine, tmp_path):
    done = toolkit("demo")
    lines = done.stdout.splitlines()
    rows = [line for line in lines if line[2:3] == "-" and ".png" in line]
    assert len(rows) == 20
    assert sum(line.endswith("✓") for line in rows) >= 18
    assert any(line.startswith("model") and "p50 ms" in line for line in lines)
    assert (tmp_path / "toolkit-demo" / "report.html").stat().st_size > 50_000
    assert "wrote toolkit-demo/report.html (" in done.stderr
    assert "next: open toolkit-demo/report.html" in done.stderr
    assert lines[-1].startswith("20 pictures, ")
    assert max(map(len, lines)) <= 80
    assert done.stderr.count("device: ") == 1
    page = (tmp_path / "toolkit-demo" / "report.html").read_text(encoding="utf-8")
    assert "<dt>command line</dt><dd>toolkit demo</dd>" in page


@pytest.mark.usefixtures("shipped")
def test_json_is_one_document_and_the_folder_can_be_chosen(toolkit: CommandLine, tmp_path):
    document = json.loads(toolkit("demo", "-o", "elsewhere", "--json", "-q").stdout)
    assert len(document["pictures"]) == 20
    assert document["benchmark"]["schema"] == 1
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [
        "bench.json", "predictions.csv", "report.html"]  # fmt: skip


def test_a_folder_that_is_called_like_a_page_is_wrong_usage(toolkit: CommandLine, tmp_path):
    assert "give the name of a folder" in error_line(toolkit("demo", "-o", "demo.html", check=2))
    assert list(tmp_path.iterdir()) == []
