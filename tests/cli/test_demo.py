"""`toolkit demo` through the real command: what a newcomer sees first."""

import json

import pytest
from support import CommandLine

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
    assert sum(line.endswith("✓") for line in rows) >= 12
    assert any(line.startswith("model") and "p50 ms" in line for line in lines)
    assert (tmp_path / "toolkit-demo" / "report.html").stat().st_size > 50_000
    assert "toolkit-demo/report.html" in done.stdout
    assert "next: toolkit classify" in done.stdout
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("shipped")
def test_json_is_one_document_and_the_folder_can_be_chosen(toolkit: CommandLine, tmp_path):
    document = json.loads(toolkit("demo", "-o", "elsewhere", "--json", "-q").stdout)
    assert len(document["pictures"]) == 20
    assert document["benchmark"]["schema"] == 1
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == [
        "bench.json", "predictions.csv", "report.html"]  # fmt: skip
