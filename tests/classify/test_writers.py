import base64
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.classify.json_format import json_line, record_document
from toolkit.classify.output import Output
from toolkit.classify.rows import Rows
from toolkit.classify.writers import Layout, open_format
from toolkit.images.inputs import Inputs
from toolkit.spreadsheets import FORMULA_STARTS, prediction_columns, safe_cell

NASTY = ["comma,inside.png", "line\nbreak.png", "return\rinside.png", 'quote".png', "=cmd|' /C calc'!A0.png",
         "+1.png", "-rf.png", "@sum.png", "\ttab.png", " space.png", "007", "1e5", "null", "NaN", "é\u0301.png",
         "line\u2028separator.png", "next\u0085line.png", "emoji 🐈.png", "\\x41.png", "'quoted.png",
         "form\ffeed"]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(["a.png", "folder/b.png"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
LABELS = ("red", "=2+2", 'a "b", c')
ERROR_ROW = st.tuples(TEXT, TEXT, st.one_of(st.none(), st.binary(min_size=1)))
OK_ROW = st.tuples(TEXT, st.none(), st.none())
ROWS = st.lists(st.lists(st.one_of(OK_ROW, ERROR_ROW), min_size=1, max_size=4), min_size=1, max_size=3)
CONFIDENCES = st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12)


def rows(
    given: Sequence[tuple[str, str | None, bytes | None]],
    confidences: Sequence[float] = (0.5,) * 12,
    extras: dict[int, tuple[str, ...]] | None = None,
) -> Rows:
    """Rows of (path, error, bytes of the path); the k-th picture's classes are k, k + 1, k + 2 modulo 3."""
    paths = [path for path, _, _ in given]
    errors = {i: error for i, (_, error, _) in enumerate(given) if error is not None}
    good = range(len(given) - len(errors))
    best = np.array([[(k + j) % 3 for j in range(3)] for k in good], np.int64).reshape(-1, 3)
    values = np.array([[confidences[k], 0.25, 0.0] for k in good], np.float32).reshape(-1, 3)
    raw = {i: raw for i, (_, _, raw) in enumerate(given) if raw is not None}
    return Rows(Inputs(paths, paths, [None] * len(paths), set(), {}, raw, extras or {}), errors, best, values)


def layout(top_k: int = 3, **options: Any) -> Layout:
    return Layout(labels=LABELS, top_k=top_k, **options)


def written(folder: Path, suffix: str, batches: Sequence[Rows], what: Layout) -> Path:
    path = folder / f"out{suffix}"
    output = Output(path, open_format(suffix, what), {})
    output.begin()
    for batch in batches:
        output.write(batch)
    output.complete()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@given(batches=ROWS, confidences=CONFIDENCES, top_k=st.integers(1, 4))
def test_csv_gives_back_every_row_and_no_cell_is_a_formula(
    folder: Path, batches: list[list[Any]], confidences: list[float], top_k: int
) -> None:
    made = [rows(batch, confidences) for batch in batches]
    text = written(folder, ".csv", made, layout(top_k)).read_bytes().decode("utf-8")
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    records = [record for each in made for record in each.records(LABELS, top_k)]
    assert header == prediction_columns(top_k)
    assert len(lines) == len(records)
    for row, record in zip(lines, records, strict=True):
        expected = [safe_cell(record.path), record.status]
        for prediction in record.predictions:
            expected += [safe_cell(prediction.label), f"{prediction.probability:.6f}"]
        expected += [""] * (2 + 2 * top_k - len(expected))
        assert row == [*expected, safe_cell(record.error or "")]
        assert not any(cell.startswith(FORMULA_STARTS) for cell in row)


@given(batches=ROWS, confidences=CONFIDENCES)
def test_jsonl_is_one_line_a_record_with_the_keys_of_the_contract(
    folder: Path, batches: list[list[Any]], confidences: list[float]
) -> None:
    made = [rows(batch, confidences) for batch in batches]
    text = written(folder, ".jsonl", made, layout()).read_bytes().decode("utf-8")
    records = [record for each in made for record in each.records(LABELS, 3)]
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines == text.splitlines()  # not even an exotic line break
    assert lines == [json_line(record) for record in records]
    assert [json.loads(line) for line in lines] == [record_document(record) for record in records]
    for line, record in zip(lines, records, strict=True):
        keys = list(json.loads(line))
        assert keys[:4] == ["path", "status", "predictions", "error"]
        assert ("path_bytes" in keys) == (record.path_bytes is not None)


@given(batches=ROWS, confidences=CONFIDENCES)
@settings(max_examples=40)
def test_parquet_holds_what_jsonl_holds_typed(
    folder: Path, batches: list[list[Any]], confidences: list[float]
) -> None:
    made = [rows(batch, confidences) for batch in batches]
    table = pq.read_table(written(folder, ".parquet", made, layout()))
    records = [record for each in made for record in each.records(LABELS, 3)]
    assert table.schema.names == ["path", "status", "predictions", "error", "path_bytes"]
    assert str(table.schema.field("predictions").type.value_type) == (
        "struct<label: string not null, probability: float not null>"
    )
    found = table.to_pylist()
    assert len(found) == len(records)
    for row, record in zip(found, records, strict=True):
        assert (row["path"], row["status"], row["error"]) == (record.path, record.status, record.error)
        assert [(p["label"], p["probability"]) for p in row["predictions"]] == [
            (p.label, p.probability) for p in record.predictions
        ]
        raw = row["path_bytes"]
        assert (None if raw is None else base64.b64decode(raw)) == record.path_bytes


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@given(batches=ROWS, confidences=CONFIDENCES, uncertain=st.booleans(), top_k=st.integers(1, 3))
@settings(max_examples=40)
def test_rows_that_are_read_back_are_the_rows_that_were_written(
    suffix: str, folder: Path, batches: list[list[Any]], confidences: list[float], uncertain: bool, top_k: int
) -> None:
    made = [rows(batch, confidences) for batch in batches]
    what = layout(top_k, min_confidence=0.5 if uncertain else None)
    form = open_format(suffix, what)
    content = b"".join(form.encode(each) for each in made)
    finished = list(
        form.finished(io.BytesIO(content) if form.complete is None else _behind(form.header, content))
    )
    records = [record for each in made for record in each.records(LABELS, top_k)]
    assert [row.key for row in finished] == [key for each in made for key in form.keys(each.inputs)]
    assert [row.error is None for row in finished] == [record.error is None for record in records]
    assert [tuple(LABELS[c] for c in row.best) for row in finished] == [
        tuple(p.label for p in record.predictions) for record in records
    ]
    assert [p for row in finished for p in row.probabilities] == pytest.approx(
        [p.probability for record in records for p in record.predictions], abs=1e-6
    )
    assert finished[-1].end == len(content)
    if form.complete is None:
        assert b"".join(row.raw for row in finished) == content


def _behind(header: bytes, content: bytes) -> io.BytesIO:
    file = io.BytesIO(header + content)
    file.seek(len(header))
    return file


def test_parquet_is_the_same_however_the_rows_came_in(folder: Path) -> None:
    all_rows = [(f"{n}.png", "broken" if n % 7 == 0 else None, None) for n in range(12_000)]
    confidences = [n / 12_000 for n in range(12_000)]
    whole = rows(all_rows, confidences)
    contents = set()
    for size in (12_000, 1000, 977):
        parts = [whole.part(i, i + size) for i in range(0, 12_000, size)]
        contents.add(written(folder, ".parquet", parts, layout()).read_bytes())
    assert len(contents) == 1
    file = pq.ParquetFile(folder / "out.parquet")
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (12_000, 5)
    file.close()


def test_uncertain_comes_last_and_columns_of_the_list_before_it(folder: Path) -> None:
    made = rows(
        [("a", None, None), ("b", None, None), ("c", "no such file", None)],
        [0.5, 0.9],
        {0: ("7", "=x"), 2: ("8", "")},
    )
    what = layout(1, min_confidence=0.6, columns=("id", "note"))
    with written(folder, ".csv", [made], what).open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header[-4:] == ["error", "id", "note", "uncertain"]
    assert [line[-4:] for line in lines] == [
        ["", "7", "'=x", "true"],
        ["", "", "", "false"],
        ["no such file", "8", "", ""],
    ]
    documents = [
        json.loads(line) for line in written(folder, ".jsonl", [made], what).read_text().splitlines()
    ]
    assert [document["columns"] for document in documents] == [
        {"id": "7", "note": "=x"},
        {"id": "", "note": ""},
        {"id": "8", "note": ""},
    ]
    assert [document.get("uncertain") for document in documents] == [True, False, None]
    table = pq.read_table(written(folder, ".parquet", [made], what))
    assert table.schema.names[-3:] == ["id", "note", "uncertain"]
    assert table.column("uncertain").to_pylist() == [True, False, None]
    assert table.column("id").to_pylist() == ["7", None, "8"]


def test_a_model_with_fewer_classes_than_asked_for_leaves_columns_empty(folder: Path) -> None:
    path = written(folder, ".csv", [rows([("a", None, None)], [1.0])], layout(4))
    assert path.read_text() == (
        "path,status,label,probability,label_2,probability_2,label_3,probability_3,label_4,probability_4,error\n"
        'a,ok,red,1.000000,\'=2+2,0.250000,"a ""b"", c",0.000000,,,\n'
    )
