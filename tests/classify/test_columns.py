from pathlib import Path
from typing import Any

import pytest

from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.errors import InputError


def options(folder: Path, model: Path, columns: str, name: str, **changes: Any) -> ClassifyOptions:
    listed = folder / "list.csv"
    listed.write_text(f"path,{columns}\n{folder / 'none.png'},{columns}\n")
    return ClassifyOptions(
        paths=(str(listed),), model=str(model), device="cpu", threads=1, output=folder / name, keep_columns=True,
        **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "name", "changes"),
    [
        ("label", "out.csv", {}),
        ("id,status", "out.csv", {}),
        ("error", "out.csv", {}),
        ("probability_3", "out.csv", {"top_k": 3}),
        ("uncertain", "out.csv", {"min_confidence": 0.5}),
        ("error", "out.parquet", {}),
        ("predictions", "out.parquet", {}),
        ("uncertain", "out.parquet", {"min_confidence": 0.5}),
    ],
)
def test_a_kept_column_called_like_one_of_ours_is_refused_before_anything_is_begun(
    columns: str, name: str, changes: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    wrong = columns.rpartition(",")[2]
    with pytest.raises(InputError, match=f"'{wrong}'") as caught:
        run(options(tmp_path, tiny_model, columns, name, **changes))
    assert ".jsonl" in caught.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


@pytest.mark.parametrize(
    ("columns", "name", "changes"),
    [
        ("label,status,error,uncertain", "out.jsonl", {"min_confidence": 0.5}),
        ("label,probability,uncertain", "out.parquet", {}),
        ("probability_3,uncertain,predictions", "out.csv", {"top_k": 2}),
    ],
)
def test_a_name_that_the_output_does_not_have_twice_is_kept(
    columns: str, name: str, changes: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    result = run(options(tmp_path, tiny_model, columns, name, **changes))
    assert (result.inputs, result.errors) == (1, 1)
    assert all(column.encode() in (tmp_path / name).read_bytes() for column in columns.split(","))
