import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import OutputError
from toolkit.evaluate.predictions import cell, write_predictions
from toolkit.spreadsheets import FORMULA_STARTS


def test_the_file_has_a_row_per_picture_with_the_most_probable_classes_in_order(tmp_path):
    path = tmp_path / "p.csv"
    probabilities = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], np.float32)
    write_predictions(
        path, ["a.png", "b,c.png"], np.array([1, 2]), probabilities, ["x", "y", "z"], k=2, force=False
    )
    expected = (
        "path,status,label,probability,label_2,probability_2,error,truth\n"
        "a.png,ok,y,0.700000,z,0.200000,,y\n"
        '"b,c.png",ok,x,0.500000,y,0.250000,,z\n'
    )
    assert expected == path.read_text()


def test_a_picture_that_was_left_out_is_an_error_row_at_its_place(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(
        path,
        ["test/a/1.png", "test/a-b/1.png", "test/b/2.png"],
        np.array([0, 1, 1]),
        np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]], np.float32),
        ["a", "b"],
        k=2,
        force=False,
        skipped=[("test/a/2.png", "=broken"), ("test/b/1.png", "empty")],
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [
        "test/a/1.png", "test/a/2.png", "test/a-b/1.png", "test/b/1.png", "test/b/2.png"]  # fmt: skip
    assert [row["status"] for row in rows] == ["ok", "error", "ok", "error", "ok"]
    assert rows[1] == {
        "path": "test/a/2.png", "status": "error", "label": "", "probability": "", "label_2": "",
        "probability_2": "", "error": "'=broken", "truth": ""}  # fmt: skip


def test_an_existing_file_is_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_predictions(
            path, [], np.empty(0, np.int64), np.empty((0, 2), np.float32), ["x", "y"], k=1, force=False
        )
    assert path.read_text() == "mine"


@given(st.text(max_size=20))
def test_no_cell_is_run_by_a_spreadsheet_and_its_text_stays_whole(text):
    safe = cell(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe in (text, f"'{text}")


def test_bytes_that_are_not_utf_8_are_written_as_escapes():
    assert cell("caf\udce9.png") == "caf\\xe9.png"
