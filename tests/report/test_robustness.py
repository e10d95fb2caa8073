import csv
from pathlib import Path

import pytest

from toolkit.errors import OutputError
from toolkit.evaluate.result import Damaged
from toolkit.report.robustness import figure, finding, table, write_figure, write_rows


def damaged(kind: str, accuracies: list[float], unit: str = "%") -> list[Damaged]:
    return [
        Damaged(kind=kind, level=10.0 * place, unit=unit, severity=place,
                accuracy=accuracy, accuracy_ci95=(accuracy - 0.05, accuracy + 0.05))
        for place, accuracy in enumerate(accuracies, 1)
    ]  # fmt: skip


FOUND = [*damaged("darker", [0.8, 0.7, 0.6]), *damaged("blur", [0.75, 0.4, 0.1], "px")]


def test_the_table_has_a_row_for_each_kind_and_fits_80_columns() -> None:
    lines = table(FOUND, 0.85).splitlines()
    assert "85.0 undamaged" in lines[0]
    assert any(line.split() == ["blur", "10", "…", "30", "px", "75.0", "40.0", "10.0"] for line in lines)
    assert max(map(len, lines)) <= 80


def test_the_finding_names_what_costs_most() -> None:
    assert finding(FOUND, 0.85) == "Of the middle levels, blur at 20 px costs most: 45 points of accuracy"
    assert finding(damaged("darker", [0.849] * 3), 0.85).endswith("costs most: 0.1 points of accuracy")
    assert finding(damaged("darker", [0.84] * 3), 0.85).endswith("costs most: 1 point of accuracy")
    assert finding(damaged("darker", [0.9, 0.9, 0.9]), 0.85).startswith("No kind of damage costs")


def test_the_rows_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "robustness.csv"
    write_rows(FOUND, path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], float(row["accuracy"])) for row in rows] == [(e.kind, e.accuracy) for e in FOUND]
    with pytest.raises(OutputError):
        write_rows(FOUND, path)


def test_the_figure_has_a_panel_for_each_kind(tmp_path: Path) -> None:
    drawing = figure(FOUND, 0.85)
    shown = [axes for axes in drawing.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") or axes.get_title() for axes in shown] == ["darker, %", "blur, px"]
    assert [label.get_text() for label in shown[0].get_xticklabels()] == ["10", "20", "30"]
    assert not any(axes.texts for axes in shown)  # a curve may run anywhere
    assert any("undamaged, 85.0 %" in text.get_text() for text in drawing.texts)
    write_figure(FOUND, 0.85, tmp_path / "robustness.png")
    assert (tmp_path / "robustness.png").read_bytes().startswith(b"\x89PNG")
