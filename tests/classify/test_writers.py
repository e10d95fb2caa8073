import base64
import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.classify.result import ERROR, OK, Prediction, Record, record_document
from toolkit.classify.writers import FORMULA_STARTS, CommittedFile, csv_header, open_writer, safe_cell

NASTY = ["comma,inside.png", "line\nbreak.png", "return\rinside.png", 'quote".png', "=cmd|' /C calc'!A0.png",
         "+1.png", "-rf.png", "@sum.png", "\ttab.png", " space.png", "007", "1e5", "null", "NaN", "é\u0301.png",
         "line\u2028separator.png", "next\u0085line.png", "emoji 🐈.png", "\\x41.png", "'quoted.png"]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
)
PREDICTION = st.builds(Prediction, TEXT, st.floats(0, 1, width=32))
RECORD = st.one_of(
    st.builds(Record, TEXT, st.just(OK), st.lists(PREDICTION, min_size=1, max_size=3).map(tuple)),
    st.builds(
        Record, TEXT, st.just(ERROR), error=TEXT, path_bytes=st.one_of(st.none(), st.binary(min_size=1))
    ),
)


def written(
    folder: Path, suffix: str, batches: list[list[Record]], *, uncertain: bool = False, top_k: int = 3
) -> Path:
    path = folder / f"out{suffix}"
    writer = open_writer(path, suffix, top_k=top_k, uncertain=uncertain)
    for batch in batches:
        writer.write(batch)
    writer.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@given(batches=st.lists(st.lists(RECORD, min_size=1, max_size=4), min_size=1, max_size=3))
@settings(deadline=None)
def test_csv_gives_back_every_row_and_no_cell_is_a_formula(folder: Path, batches: list[list[Record]]) -> None:
    text = written(folder, ".csv", batches).read_bytes().decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    records = [record for batch in batches for record in batch]
    assert header == ["path", "status", "label", "probability", "label_2", "probability_2", "label_3",
                      "probability_3", "error"]  # fmt: skip
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        expected = [safe_cell(record.path), record.status]
        for prediction in record.predictions:
            expected += [safe_cell(prediction.label), f"{prediction.probability:.6f}"]
        assert row == [*expected, *[""] * (8 - len(expected)), safe_cell(record.error or "")]
        assert not any(cell.startswith(FORMULA_STARTS) for cell in row)


@given(text=TEXT)
def test_only_a_dangerous_start_is_changed(text: str) -> None:
    changed = safe_cell(text)
    assert changed == (f"'{text}" if text[0] in "=+-@\t\r" else text)


@given(batches=st.lists(st.lists(RECORD, min_size=1, max_size=4), min_size=1, max_size=3))
@settings(deadline=None)
def test_jsonl_is_one_line_a_record_with_the_keys_of_the_contract(
    folder: Path, batches: list[list[Record]]
) -> None:
    text = written(folder, ".jsonl", batches).read_bytes().decode("utf-8")
    records = [record for batch in batches for record in batch]
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines == text.splitlines()  # not even an exotic line break
    assert [json.loads(line) for line in lines] == [record_document(record) for record in records]
    for line, record in zip(lines, records, strict=True):
        keys = list(json.loads(line))
        assert keys[:4] == ["path", "status", "predictions", "error"]
        assert ("path_bytes" in keys) == (record.path_bytes is not None)


@given(batches=st.lists(st.lists(RECORD, min_size=1, max_size=4), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_parquet_holds_what_jsonl_holds_typed(folder: Path, batches: list[list[Record]]) -> None:
    table = pq.read_table(written(folder, ".parquet", batches))
    records = [record for batch in batches for record in batch]
    assert table.schema.names == ["path", "status", "predictions", "error", "path_bytes"]
    assert str(table.schema.field("predictions").type.value_type) == (
        "struct<label: string not null, probability: float not null>"
    )
    rows = table.to_pylist()
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert (row["path"], row["status"], row["error"]) == (record.path, record.status, record.error)
        assert [(p["label"], p["probability"]) for p in row["predictions"]] == [
            (p.label, p.probability) for p in record.predictions
        ]
        raw = row["path_bytes"]
        assert (None if raw is None else base64.b64decode(raw)) == record.path_bytes


def test_many_rows_become_several_row_groups(folder: Path) -> None:
    record = Record("a.png", OK, (Prediction("red", 0.5),) * 3)
    path = written(folder, ".parquet", [[record] * 10_000] * 5)
    file = pq.ParquetFile(path)
    assert file.metadata.num_rows == 50_000
    assert file.metadata.num_row_groups > 1
    file.close()


def test_uncertain_comes_last(folder: Path) -> None:
    records = [
        Record("a", OK, (Prediction("red", 0.5),), uncertain=True),
        Record("b", OK, (Prediction("red", 0.9),), uncertain=False),
        Record("c", ERROR, error="no such file"),
    ]
    with written(folder, ".csv", [records], uncertain=True, top_k=1).open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[-2:] == ["error", "uncertain"]
    assert [row[-1] for row in rows] == ["true", "false", ""]
    lines = written(folder, ".jsonl", [records], uncertain=True).read_text().splitlines()
    assert [list(json.loads(line).items())[-1] for line in lines] == [
        ("uncertain", True), ("uncertain", False), ("error", "no such file"),
    ]  # fmt: skip
    table = pq.read_table(written(folder, ".parquet", [records], uncertain=True))
    assert table.column("uncertain").to_pylist() == [True, False, None]


def test_a_model_with_fewer_classes_than_asked_for_leaves_columns_empty(folder: Path) -> None:
    path = written(folder, ".csv", [[Record("a", OK, (Prediction("red", 1.0),))]], top_k=2)
    assert path.read_text() == (
        "path,status,label,probability,label_2,probability_2,error\na,ok,red,1.000000,,,\n"
    )
    assert csv_header(1, uncertain=False) == ["path", "status", "label", "probability", "error"]


def test_what_was_cut_off_while_writing_is_taken_away_at_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    path = folder / "cut.csv"
    file = CommittedFile(path)
    file.append("whole\n")
    real = os.write

    def interrupted(handle: int, content: bytes) -> int:
        real(handle, bytes(content)[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        file.append("half a row\n")
    monkeypatch.undo()
    file.close()
    assert path.read_text() == "whole\n"
