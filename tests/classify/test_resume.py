import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx.external_data_helper import set_external_data
from support import Listener, colour_model, encoded, picture

from toolkit.classify import output as output_module
from toolkit.classify.job import run
from toolkit.classify.journal import difference, journal_of, read
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.result import ClassifyResult, Record
from toolkit.errors import OutputError

SUFFIXES = (".csv", ".jsonl", ".parquet")
NAMES = [f"{number:02d}.png" for number in range(20)]
FEW = settings(max_examples=15)


class Stop(BaseException):
    """Stands for whatever ends a run: nothing of ours catches it."""


def stop_after(pieces: int) -> Callable[[list[Record]], None]:
    seen = 0

    def sink(_: list[Record]) -> None:
        nonlocal seen
        seen += 1
        if seen == pieces:
            raise Stop

    return sink


def options(model: Path, folder: Path, names: list[str], output: Path, **changes: Any) -> ClassifyOptions:
    listed = output.parent / "list.txt"
    listed.write_text("".join(f"{folder / name}\n" for name in names))
    return ClassifyOptions(
        **{"paths": (str(listed),), "model": str(model), "device": "cpu", "threads": 1, "batch_size": 4,
           "output": output, "top_k": 2, **changes}
    )  # fmt: skip


def figures(result: ClassifyResult) -> tuple[Any, ...]:
    """What a summary counts, but for the time."""
    return (
        result.inputs, result.errors, result.class_counts.tolist(), result.confidence_counts.tolist(),
        result.failures, [(e.index, e.path, e.predictions[0].label) for e in result.examples],
    )  # fmt: skip


def rows_in(output: Path) -> int:
    """How many rows the journal of an interrupted run vouches for."""
    return read(journal_of(output))[1][-1].rows


def clean(folder: Path) -> Path:
    for path in folder.iterdir():
        path.unlink()
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(stop=st.integers(1, 5), part=st.floats(0, 1), journal=st.floats(0, 1), names=st.permutations(NAMES))
@FEW
def test_stopped_anywhere_and_resumed_the_file_is_that_of_one_run(
    suffix: str, stop: int, part: float, journal: float, names: list[str],
    tiny_model: Path, mixed: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """Stopped after some pieces, and then as much of both files lost as a power cut may cost."""
    output = clean(tmp_path) / f"out{suffix}"
    one_run = run(options(tiny_model, mixed, names, output))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, names, output), sink=stop_after(stop))
    assert not output.exists()
    left, log = tmp_path / f"out{suffix}.part", tmp_path / f"out{suffix}.part.journal"
    left.write_bytes(left.read_bytes()[: round(part * left.stat().st_size)])
    begun, rest = log.read_bytes().split(b"\n", 1)
    log.write_bytes(begun + b"\n" + rest[: round(journal * len(rest))])
    resumed = run(options(tiny_model, mixed, names, output, resume=True))
    assert output.read_bytes() == expected
    assert figures(resumed) == figures(one_run)
    assert (resumed.added, resumed.removed) == (0, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", output.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    before=st.lists(st.sampled_from(NAMES), min_size=5, max_size=14),
    after=st.lists(st.sampled_from([*NAMES, "gone.png"]), min_size=1, max_size=14),
)
@FEW
def test_inputs_that_came_or_went_meanwhile_are_handled_and_counted(
    suffix: str, before: list[str], after: list[str], tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = clean(tmp_path) / f"out{suffix}"
    run(options(tiny_model, mixed, after, output, min_confidence=0.5))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, before, output, min_confidence=0.5), sink=stop_after(2))
    done = before[:8]
    result = run(options(tiny_model, mixed, after, output, min_confidence=0.5, resume=True))
    assert output.read_bytes() == expected
    left = list(done)
    for name in after:
        if name in left:
            left.remove(name)
    assert result.removed == len(left)
    assert result.resumed == len(done) - len(left)
    assert result.inputs == len(after)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    before=st.lists(st.sampled_from(NAMES), min_size=5, max_size=14),
    between=st.lists(st.sampled_from([*NAMES, "gone.png"]), min_size=2, max_size=14),
    after=st.lists(st.sampled_from([*NAMES, "gone.png"]), min_size=1, max_size=14),
    stop=st.integers(1, 3),
)
@FEW
def test_two_interruptions_with_other_inputs_each_time_lose_no_row(
    suffix: str, before: list[str], between: list[str], after: list[str], stop: int,
    tiny_model: Path, mixed: Path, tmp_path: Path,
) -> None:  # fmt: skip
    output = clean(tmp_path) / f"out{suffix}"
    run(options(tiny_model, mixed, after, output))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, before, output), sink=stop_after(2))
    try:
        run(options(tiny_model, mixed, between, output, resume=True), sink=stop_after(stop))
    except Stop:
        pass
    else:
        assume(False)
    # Stopped while it still read rows that stay where they are, it had changed nothing.
    has_gone_on = output.with_name(f"{output.name}.part.earlier").exists() or between[:8] == before[:8]
    again = between[: rows_in(output)] if has_gone_on else []
    result = run(options(tiny_model, mixed, after, output, resume=True))
    assert output.read_bytes() == expected
    done = Counter(before[:8]) | Counter(again)
    assert result.resumed == (done & Counter(after)).total()
    assert result.removed == done.total() - result.resumed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", output.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_in_front_and_a_second_interruption_cost_no_finished_row(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, observer = tmp_path / f"out{suffix}", Listener()
    run(options(tiny_model, mixed, NAMES, output))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES[1:], output), sink=stop_after(4))
    for _ in range(2):
        with pytest.raises(Stop):
            run(options(tiny_model, mixed, NAMES, output, resume=True), observer, sink=stop_after(1))
    assert f"kept the 17 finished rows in {output}.part" in observer.notices[-1]
    assert run(options(tiny_model, mixed, NAMES, output, resume=True)).resumed == 17
    assert output.read_bytes() == expected


def test_stopped_before_the_first_new_row_the_old_ones_are_still_kept(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"

    def stopped(*_: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES[1:], output), sink=stop_after(4))
    for place in ("toolkit.classify.aside.replace_durably", "toolkit.classify.output.Output.write"):
        monkeypatch.setattr(place, stopped)
        with pytest.raises(Stop):
            run(options(tiny_model, mixed, NAMES, output, resume=True))
        monkeypatch.undo()
    result = run(options(tiny_model, mixed, NAMES[2:], output, resume=True))
    assert (result.resumed, result.removed) == (15, 1)


def test_beginning_again_takes_away_what_two_interruptions_left(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES[1:], output), sink=stop_after(4))
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output, resume=True), sink=stop_after(1))
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output, force=True), sink=stop_after(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "list.txt",
        "out.csv.part",
        "out.csv.part.journal",
    ]
    assert run(options(tiny_model, mixed, NAMES, output, force=True)).inputs == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", "out.csv"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_whose_kept_columns_have_changed_is_made_again(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, listed = tmp_path / f"out{suffix}", tmp_path / "list.csv"

    def with_ids(first: int) -> ClassifyOptions:
        ids = [first, *range(1, 20)]
        listed.write_text(
            "path,id\n" + "".join(f"{mixed / n},{i}\n" for n, i in zip(NAMES, ids, strict=True))
        )
        return options(tiny_model, mixed, [], output, paths=(str(listed),), keep_columns=True, resume=True)

    run(with_ids(7))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(with_ids(0), sink=stop_after(4))
    result = run(with_ids(7))
    assert output.read_bytes() == expected
    assert (result.resumed, result.removed) == (15, 1)


def test_rows_of_another_shape_under_the_same_journal_are_refused(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    import zlib

    output, log = tmp_path / "out.csv", tmp_path / "out.csv.part.journal"
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(1))
    content = (tmp_path / "out.csv.part").read_bytes().replace(b"path,status", b"status,path")
    (tmp_path / "out.csv.part").write_bytes(content)
    entry = {"rows": 4, "bytes": len(content), "crc32": zlib.crc32(content)}
    log.write_text(log.read_text().split("\n")[0] + "\n" + json.dumps(entry) + "\n")
    with pytest.raises(OutputError, match="other columns"):
        run(options(tiny_model, mixed, NAMES, output, resume=True))
    assert (tmp_path / "out.csv.part").read_bytes() == content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"top_k": 3}, "--top-k 2, now it is 3"),
        ({"min_confidence": 0.5}, "begun without --min-confidence, now it is 0.5"),
        ({"max_pixels": 10}, "--max-pixels"),
        ({"exact": True}, "--exact"),
        ({"batch_size": 8}, "--batch-size"),
    ],
)
def test_other_options_are_refused_by_name_and_nothing_is_lost(
    change: dict[str, Any], words: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(2))
    left = (tmp_path / "out.csv.part").read_bytes()
    with pytest.raises(OutputError, match=words):
        run(options(tiny_model, mixed, NAMES, output, resume=True, **change))
    assert (tmp_path / "out.csv.part").read_bytes() == left
    assert run(options(tiny_model, mixed, NAMES, output, resume=True)).resumed == 8


def test_another_model_is_refused(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    import onnx
    from support import colour_model

    output, other = tmp_path / "out.csv", tmp_path / "other.onnx"
    onnx.save(colour_model(labels=("r", "g", "b")), other)
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(2))
    with pytest.raises(OutputError) as caught:
        run(options(other, mixed, NAMES, output, resume=True))
    assert (
        caught.value.what == f"the interrupted run was begun with the model {tiny_model}, now it is {other}"
    )


def test_a_model_is_compared_by_its_content_and_called_by_its_name(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    import onnx
    from support import colour_model

    output, model = tmp_path / "out.csv", tmp_path / "m.onnx"
    model.write_bytes(tiny_model.read_bytes())
    with pytest.raises(Stop):
        run(options(model, mixed, NAMES, output), sink=stop_after(2))
    onnx.save(colour_model(labels=("r", "g", "b")), model)
    with pytest.raises(OutputError, match="as it was then, and it has changed since"):
        run(options(model, mixed, NAMES, output, resume=True))
    assert run(options(tiny_model, mixed, NAMES, output, resume=True)).resumed == 8


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"a": 1}, {"a": 1, "b": None}, None),
        ({"a": 1}, {"a": 2}, "with a 1, now it is 2"),
        ({"a": None}, {"a": 2}, "without a, now it is 2"),
        ({"a": 1}, {"a": None}, "with a 1, now there is none"),
    ],
)
def test_a_difference_is_told_in_words(
    before: dict[str, Any], now: dict[str, Any], words: str | None
) -> None:
    assert difference(before, now) == words


def test_what_an_interrupted_run_left_is_neither_overwritten_nor_resumed_unasked(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(1))
    with pytest.raises(OutputError, match="interrupted run left its rows"):
        run(options(tiny_model, mixed, NAMES, output))
    assert run(options(tiny_model, mixed, NAMES, output, force=True)).resumed is None
    assert not (tmp_path / "out.csv.part").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_with_nothing_to_resume_it_simply_starts_and_a_finished_file_stays_as_it_is(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, observer = tmp_path / f"out{suffix}", Listener()
    first = run(options(tiny_model, mixed, NAMES, output, resume=True))
    assert (first.resumed, first.inputs, first.untouched) == (0, 20, False)
    finished, made = output.read_bytes(), output.stat()
    again = run(options(tiny_model, mixed, NAMES, output, resume=True), observer)
    assert output.read_bytes() == finished
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert figures(again) == figures(first)
    assert (again.resumed, again.added, again.removed, again.untouched) == (20, 0, 0, True)
    assert again.stages.running_ns == again.stages.decoding_ns == 0
    assert observer.notices[-1] == f"{output} is finished already: nothing to do"
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "later", [[*NAMES, "gone.png"], NAMES[:-1], NAMES[::-1]], ids=["more", "fewer", "order"]
)
def test_a_finished_file_of_other_inputs_is_refused_and_stays(
    suffix: str, later: list[str], tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    run(options(tiny_model, mixed, NAMES, output))
    finished = output.read_bytes()
    with pytest.raises(OutputError, match="finished already, with other inputs than these") as caught:
        run(options(tiny_model, mixed, later, output, resume=True))
    assert caught.value.where == str(output)
    assert output.read_bytes() == finished
    assert sorted(path.name for path in tmp_path.iterdir()) == ["list.txt", output.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_finished_file_of_other_columns_or_classes_is_refused(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, labels = tmp_path / f"out{suffix}", tmp_path / "labels.txt"
    labels.write_text("one\ntwo\nthree\n")
    run(options(tiny_model, mixed, NAMES, output))
    finished = output.read_bytes()
    with pytest.raises(OutputError, match="these columns and classes"):
        run(options(tiny_model, mixed, NAMES, output, resume=True, labels=labels))
    for change in ({"top_k": 3}, {"top_k": 1}, {"min_confidence": 0.5}):
        with pytest.raises(OutputError, match="these columns and classes"):
            run(options(tiny_model, mixed, NAMES, output, resume=True, **change))
    assert output.read_bytes() == finished
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_finished_file_of_another_model_or_other_options_is_refused_and_stays(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, other = tmp_path / f"out{suffix}", tmp_path / "other.onnx"
    model = onnx.load(tiny_model)
    (shift,) = (each for each in model.graph.initializer if each.name == "epsilon")
    shift.CopyFrom(numpy_helper.from_array(np.float32(50), "epsilon"))
    onnx.save(model, other)
    made = run(options(tiny_model, mixed, NAMES, output))
    finished = output.read_bytes()
    good = made.inputs - made.errors
    with pytest.raises(
        OutputError, match=f"by another model or with other options: .* of {good} rows"
    ) as caught:
        run(options(other, mixed, NAMES, output, resume=True, sort_into=tmp_path / "sorted"))
    assert caught.value.where == str(output)
    assert output.read_bytes() == finished
    assert not any(path.is_file() for path in (tmp_path / "sorted").rglob("*"))
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_two_classes_of_one_name_are_no_other_model(suffix: str, mixed: Path, tmp_path: Path) -> None:
    model, output = tmp_path / "m.onnx", tmp_path / f"out{suffix}"
    onnx.save(colour_model(labels=("same", "same", "ship")), model)
    run(options(model, mixed, NAMES, output))
    assert run(options(model, mixed, NAMES, output, resume=True)).untouched


@pytest.mark.parametrize(("colour", "is_other"), [((100, 100, 0), False), ((255, 0, 0), True)])
def test_of_two_classes_as_probable_as_each_other_either_may_be_first(
    colour: tuple[int, int, int], is_other: bool, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture(colour)))
    output = tmp_path / "out.csv"
    run(options(tiny_model, tmp_path, ["a.png"], output))
    row = output.read_text()
    swapped = row.replace("red", "?").replace("green", "red").replace("?", "green")
    output.write_text(swapped)
    assert swapped != row
    if is_other:
        with pytest.raises(OutputError, match="1 of 1 rows"):
            run(options(tiny_model, tmp_path, ["a.png"], output, resume=True))
    else:
        assert run(options(tiny_model, tmp_path, ["a.png"], output, resume=True)).untouched


def test_a_finished_file_whose_pictures_are_gone_still_counts(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, pictures = tmp_path / "out.csv", tmp_path / "pictures"
    shutil.copytree(mixed, pictures)
    made = run(options(tiny_model, pictures, NAMES, output))
    shutil.rmtree(pictures)
    again = run(options(tiny_model, pictures, NAMES, output, resume=True))
    assert again.untouched
    assert (again.inputs, again.errors) == (made.inputs, made.errors)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_around_the_last_rename_the_run_is_finished_or_can_be_finished(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, part = tmp_path / f"out{suffix}", tmp_path / f"out{suffix}.part"
    left = ["list.txt", output.name]
    run(options(tiny_model, mixed, NAMES, output))
    expected = output.read_bytes()
    output.unlink()

    def killed(unfinished: output_module.Output) -> None:
        unfinished.close()  # as the system does
        raise Stop

    # Before it: all rows are there, and nothing has the name yet.
    monkeypatch.setattr(output_module.Output, "complete", killed)
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output))
    monkeypatch.undo()
    assert not output.exists()
    assert run(options(tiny_model, mixed, NAMES, output, resume=True)).resumed == 20
    assert output.read_bytes() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    # Behind it: the file has its name, and what stood beside it is still there.
    output.unlink()
    monkeypatch.setattr(output_module.Output, "discard", killed)
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output))
    monkeypatch.undo()
    assert part.with_name(f"{part.name}.journal").exists()
    assert run(options(tiny_model, mixed, NAMES, output, resume=True)).resumed == 20
    assert output.read_bytes() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == left


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_copy_or_a_beginning_that_was_cut_off_is_not_taken_for_rows(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output, part = tmp_path / f"out{suffix}", tmp_path / f"out{suffix}.part"
    log = tmp_path / f"out{suffix}.part.journal"
    for journal in (b"", b'{"schema": 1, "beg'):
        part.write_bytes(b"")
        log.write_bytes(journal)
        assert run(options(tiny_model, mixed, NAMES, output, resume=True)).inputs == 20
        finished = output.read_bytes()
        part.write_bytes(finished[:100])
        log.write_bytes(journal)
        assert run(options(tiny_model, mixed, NAMES, output, resume=True)).untouched
        assert output.read_bytes() == finished
        assert not list(tmp_path.glob("*.part*"))
        output.unlink()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_holds_no_predictions_is_not_replaced_by_resuming(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    output.write_text("id,path\n1,precious\n")
    with pytest.raises(OutputError, match="isn't a file of predictions"):
        run(options(tiny_model, mixed, NAMES, output, resume=True))
    assert output.read_text() == "id,path\n1,precious\n"


def test_a_journal_that_cannot_be_read_is_an_error(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(1))
    (tmp_path / "out.csv.part.journal").write_text("nonsense\n")
    with pytest.raises(OutputError, match="journal"):
        run(options(tiny_model, mixed, NAMES, output, resume=True))


def test_two_runs_do_not_write_one_output(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    output = tmp_path / "out.csv"

    def second(_: list[Record]) -> None:
        with pytest.raises(OutputError, match="another run"):
            run(options(tiny_model, mixed, NAMES, output, force=True))

    assert run(options(tiny_model, mixed, NAMES, output), sink=second).inputs == 20
    assert len(output.read_text().splitlines()) == 21


def test_the_journal_names_what_the_rows_depend_on(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, tmp_path / "out.csv"), sink=stop_after(2))
    first, *entries, last = (tmp_path / "out.csv.part.journal").read_text().splitlines()
    assert json.loads(last) == {"ended": True}
    assert json.loads(first)["begun"]["--top-k"] == 2
    assert [json.loads(entry)["rows"] for entry in entries] == [0, 4, 8]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_line_of_the_journal_that_was_torn_costs_nothing_later(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    for pieces in (2, 2):
        with pytest.raises(Stop):
            run(options(tiny_model, mixed, NAMES, output, resume=True), sink=stop_after(pieces))
        log = journal_of(output)
        log.write_bytes(log.read_bytes()[:-10])  # of a power cut
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output, resume=True), sink=stop_after(2))
    assert rows_in(output) >= 12


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_whose_checksum_does_not_fit_are_made_again(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    run(options(tiny_model, mixed, NAMES, output))
    expected = output.read_bytes()
    output.unlink()
    with pytest.raises(Stop):
        run(options(tiny_model, mixed, NAMES, output), sink=stop_after(3))
    part = tmp_path / f"out{suffix}.part"
    content = bytearray(part.read_bytes())
    content[-3:] = b"\0\0\0"  # blocks that a power cut left empty
    part.write_bytes(content)
    run(options(tiny_model, mixed, NAMES, output, resume=True))
    assert output.read_bytes() == expected


def test_another_weights_file_beside_the_model_is_another_model(mixed: Path, tmp_path: Path) -> None:
    model = tmp_path / "model" / "m.onnx"
    model.parent.mkdir()
    colours = colour_model()
    set_external_data(colours.graph.initializer[0], "m.data")  # the others are wanted while it is loaded
    onnx.save(colours, model)
    output = tmp_path / "out.csv"
    with pytest.raises(Stop):
        run(options(model, mixed, NAMES, output), sink=stop_after(2))
    weights = model.with_name("m.data")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(OutputError, match="has changed since"):
        run(options(model, mixed, NAMES, output, resume=True))


@pytest.mark.parametrize("line", ['{"predictions": null, "error": null, "path": "a"}\n', "[]\n"])
def test_lines_that_are_no_rows_are_refused(tiny_model: Path, mixed: Path, tmp_path: Path, line: str) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text(line)
    with pytest.raises(OutputError, match="isn't a file of predictions"):
        run(options(tiny_model, mixed, NAMES, output, resume=True))
    assert output.read_text() == line


def test_a_cell_longer_than_cells_are_is_refused(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    run(options(tiny_model, mixed, NAMES, output))
    with output.open("a") as file:
        file.write('"' + "x" * 200_000 + '",ok,red,1.0,,,\n')
    with pytest.raises(OutputError, match="isn't a file of predictions"):
        run(options(tiny_model, mixed, NAMES, output, resume=True))


def test_a_run_that_ends_takes_nothing_from_one_that_begins(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run waits at the file whose name is about to go."""
    output, opened = tmp_path / "out.csv", []
    real = os.open

    def other_first(path: Any, flags: int, *mode: int) -> int:
        handle = real(path, flags, *mode)
        if str(path).endswith(".journal") and not opened:
            opened.append(handle)
            Path(path).unlink()  # what a run does that ends between opening and locking
        return handle

    monkeypatch.setattr("toolkit.classify.lock.os.open", other_first)
    run(options(tiny_model, mixed, NAMES, output))
    assert opened
    assert len(output.read_text().splitlines()) == 21


def test_names_are_gone_before_the_lock_is(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, left = tmp_path / "out.csv", []
    close = output_module.Output.close

    def note(self: Any) -> None:
        left.append(sorted(path.name for path in tmp_path.glob("out.csv.*")))
        close(self)

    monkeypatch.setattr(output_module.Output, "close", note)
    run(options(tiny_model, mixed, NAMES, output))
    assert left[-1] == []


@pytest.mark.parametrize(("changed", "refused"), [(1, False), (2, True)])
def test_one_row_in_ten_that_comes_out_otherwise_is_no_other_model(
    changed: int, refused: bool, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    made = run(options(tiny_model, mixed, NAMES, output))
    assert made.inputs - made.errors == 17
    lines = output.read_text().splitlines()
    for place in range(changed):
        record = json.loads(lines[place])
        record["predictions"][0]["probability"] -= 0.1
        lines[place] = json.dumps(record, ensure_ascii=False)
    output.write_text("".join(f"{line}\n" for line in lines))
    again = options(tiny_model, mixed, NAMES, output, resume=True)
    if refused:
        with pytest.raises(OutputError, match="2 of 17 rows"):
            run(again)
    else:
        assert run(again).untouched


def test_a_file_system_that_numbers_one_file_twice_does_not_stop_a_run(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.classify.lock.os.path.samestat", lambda *_: False)
    run(options(tiny_model, mixed, NAMES, tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").is_file()
