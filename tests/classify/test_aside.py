import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.classify.aside import Aside, RowIndex
from toolkit.classify.rows import Rows
from toolkit.classify.writers import Format, Layout, open_format
from toolkit.images.inputs import Inputs

SUFFIXES = (".csv", ".jsonl", ".parquet")
PATHS = st.sampled_from(["a", "b", "c,d", "=e", 'f"', "two\nlines", "é"])


def rows(paths: Sequence[str]) -> Rows:
    """Rows whose class tells their place."""
    best = np.arange(len(paths), dtype=np.int64).reshape(-1, 1) % 7
    return Rows(
        Inputs(list(paths), list(paths), [None] * len(paths)), {}, best, np.full(best.shape, 0.5, np.float32)
    )


def file_of(
    folder: Path, suffix: str, batches: Sequence[Sequence[str]], name: str = "rows"
) -> tuple[Format, Path]:
    form, path = open_format(suffix, Layout(labels="0123456", top_k=1)), folder / name
    path.write_bytes(form.header + b"".join(form.encode(rows(batch)) for batch in batches))
    return form, path


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    batches=st.lists(st.lists(PATHS, min_size=1, max_size=4), min_size=1, max_size=4), wanted=st.lists(PATHS)
)
@settings(max_examples=50)
def test_each_row_is_found_once_and_in_the_order_written(
    suffix: str, batches: list[list[str]], wanted: list[str], tmp_path: Path
) -> None:
    form, path = file_of(tmp_path, suffix, batches)
    index = RowIndex(form, path)
    keys = form.keys(rows(wanted).inputs)
    expected = [(path, place % 7) for batch in batches for place, path in enumerate(batch)]
    for start in range(0, len(keys), 2):
        found = index.take(keys[start : start + 2])
        for position, path_ in enumerate(wanted[start : start + 2]):
            first = next((row for row in expected if row[0] == path_), None)
            if first is None:
                assert position not in found
                continue
            expected.remove(first)
            assert (found[position].key, found[position].best) == (keys[start + position], (first[1],))
    assert index.left == len(expected)
    index.close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_set_aside_twice_are_there_once(suffix: str, tmp_path: Path) -> None:
    form, part = file_of(tmp_path, suffix, [["a", "b", "b"], ["c"]], "out.part")
    aside = Aside(form, part)
    assert not aside.exists
    aside.add()
    file_of(tmp_path, suffix, [["b", "b"], ["b", "d"], ["a", "e"]], "out.part")
    aside.add()
    index = RowIndex(form, aside.path)
    assert index.left == len("abbc") + len("bde")
    keys = form.keys(rows(list("abbbcde")).inputs)
    assert [row.key for row in index.take(keys).values()] == keys
    index.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.part", "out.part.earlier"]


def test_an_index_is_small_however_long_the_paths_are(tmp_path: Path) -> None:
    count = 20_000
    form, path = file_of(tmp_path, ".csv", [[f"{number:0200d}" for number in range(count)]])
    tracemalloc.start()
    try:
        index = RowIndex(form, path)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert index.left == count
    assert held < 40 * count
    index.close()
