import csv
from pathlib import Path
from typing import Any

import onnx
import pytest
from support import Listener, colour_model

from toolkit.classify import run as run_module
from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.result import Record
from toolkit.errors import DeviceError, InputError, OutputError


class Recorder(Listener):
    def __init__(self) -> None:
        super().__init__()
        self.counts: list[tuple[int, int | None, int]] = []

    def progress(self, done: int, total: int | None = None, *, unit: str = "", errors: int = 0) -> None:
        self.counts.append((done, total, errors))


def options(model: Path, *paths: Path, **changes: Any) -> ClassifyOptions:
    return ClassifyOptions(
        **{"paths": tuple(map(str, paths)), "model": str(model), "device": "cpu", "batch_size": 4, **changes}
    )


def csv_paths(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["path"] for row in csv.DictReader(file)]


def test_a_model_of_a_fixed_batch_size_is_told_once(mixed: Path, tmp_path: Path) -> None:
    onnx.save(colour_model(batch=3), tmp_path / "fixed.onnx")
    observer = Recorder()
    result = run(
        ClassifyOptions(paths=(str(mixed),), model=str(tmp_path / "fixed.onnx"), device="cpu", batch_size=4),
        observer,
    )
    assert result.inputs == 20
    assert observer.notices == ["the model takes exactly 3 pictures at a time"]


def test_the_result_counts_what_the_rows_say(tiny_model: Path, mixed: Path, tmp_path: Path) -> None:
    rows: list[Record] = []
    observer = Recorder()
    output = tmp_path / "out.csv"
    result = run(options(tiny_model, mixed, output=output), observer, sink=rows.extend)
    assert (result.inputs, result.errors, result.pictures) == (20, 3, 17)
    assert csv_paths(output) == [row.path for row in rows] == [str(p) for p in sorted(mixed.iterdir())]
    assert sum(result.class_counts) == sum(result.confidence_counts) == 17
    assert len(result.failures) == 3
    assert (result.device, result.provider, result.labelled) == ("cpu", "CPUExecutionProvider", None)
    assert [done for done, _, _ in observer.counts] == [4, 8, 12, 16, 20, 20]
    assert observer.counts[-1] == (20, 20, 3)


def test_the_inputs_are_counted_beside_the_work_when_asked(tiny_model: Path, mixed: Path) -> None:
    observer = Recorder()
    run(options(tiny_model, *[mixed] * 30), observer, count_inputs=True)
    assert 600 in {total for _, total, _ in observer.counts[:-1]}


def test_labels_from_folders_give_accuracy_and_confusion(tiny_model: Path, colour_folder: Path) -> None:
    # Four red pictures lie in the folder of the green ones, and one picture in a folder of no class.
    for file in (colour_folder / "red").iterdir():
        (colour_folder / "green" / f"red_{file.name}").write_bytes(file.read_bytes())
    (colour_folder / "other").mkdir()
    (colour_folder / "other" / "a.png").write_bytes((colour_folder / "red" / "00.png").read_bytes())
    result = run(options(tiny_model, colour_folder, labels_from_folders=True))
    assert (result.labelled, result.correct, result.inputs) == (16, 12, 17)
    assert result.accuracy == 0.75
    assert result.confusion is not None
    assert result.confusion.tolist() == [[4, 0, 0], [4, 4, 0], [0, 0, 4]]
    assert len(result.mistakes) == 4
    assert {(m.label, m.predictions[0].label) for m in result.mistakes} == {("green", "red")}
    assert [e.label for e in result.examples if e.path.endswith("other/a.png")] == [None]


def interrupt_after(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException) -> None:
    real = run_module.Summary.add
    seen = 0

    def add(self: Any, batch: Any) -> None:
        nonlocal seen
        real(self, batch)
        seen += 1
        if seen == count:
            raise error

    monkeypatch.setattr(run_module.Summary, "add", add)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), DeviceError("gone", where="cuda:0", remedy="plug it in")]
)
def test_an_interruption_keeps_the_finished_rows_and_says_how_to_go_on(
    suffix: str, error: BaseException, tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    interrupt_after(monkeypatch, 2, error)
    output, observer = tmp_path / f"out{suffix}", Recorder()
    with pytest.raises(type(error)):
        run(options(tiny_model, mixed, output=output), observer)
    part = tmp_path / f"out{suffix}.part"
    assert observer.notices == [f"kept the 8 finished rows in {part}: --resume goes on from there"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [part.name, f"{part.name}.journal"]
    monkeypatch.undo()
    assert run(options(tiny_model, mixed, output=output, resume=True)).resumed == 8


def test_a_disk_that_fills_up_keeps_the_rows_before_and_nothing_under_the_name(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    real, written = os.write, 0

    def write(handle: int, content: bytes) -> int:
        nonlocal written
        written += len(content)
        if written > 3000:
            real(handle, bytes(content)[:10])  # a disk fills up in the middle of a row
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, content)

    output = tmp_path / "out.csv"
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OutputError, match="no space left"):
        run(options(tiny_model, *[mixed] * 3, output=output))
    monkeypatch.undo()
    assert not output.exists()
    result = run(options(tiny_model, *[mixed] * 3, output=output, resume=True))
    assert result.resumed is not None
    assert 0 < result.resumed < 60
    assert csv_paths(output) == [str(p) for p in sorted(mixed.iterdir())] * 3


def test_a_list_that_breaks_in_the_middle_keeps_the_rows_before_it(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    rows = [f"{mixed}/{number:02d}.png" for number in range(10)]
    (tmp_path / "list.csv").write_text("path\n" + "\n".join(rows) + "\n" + '"' + "x" * 200_000 + '"\n')
    output = tmp_path / "out.csv"
    with pytest.raises(InputError, match="line 12"):
        run(options(tiny_model, tmp_path / "list.csv", output=output), Recorder())
    assert csv_paths(tmp_path / "out.csv.part") == rows


def test_nothing_is_begun_without_a_picture(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images"):
        run(options(tiny_model, tmp_path / "empty", output=tmp_path / "out.csv"))
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


def test_an_output_that_exists_is_refused_before_any_work(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    for name in ("out.csv", "page.html"):
        (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError, match="exists"):
        run(options(tiny_model, mixed, output=tmp_path / "out.csv"))
    with pytest.raises(OutputError, match="exists"):
        run(options(tiny_model, mixed, report=tmp_path / "page.html"))
    run(options(tiny_model, mixed, output=tmp_path / "out.csv", force=True))
    assert len(csv_paths(tmp_path / "out.csv")) == 20


def test_a_file_that_vanishes_between_listing_and_reading_is_one_error_row(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02d}.png").write_bytes((mixed / "01.png").read_bytes())
    rows: list[Record] = []

    def sink(records: list[Record]) -> None:
        rows.extend(records)
        (folder / "39.png").unlink(missing_ok=True)  # listed with the others, read at the very end

    result = run(options(tiny_model, folder), sink=sink)
    assert (result.inputs, result.errors) == (40, 1)
    assert (rows[39].path, rows[39].error) == (str(folder / "39.png"), "no such file")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_processes_give_the_file_that_this_process_gives(
    suffix: str, tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    alone, together = tmp_path / f"alone{suffix}", tmp_path / f"together{suffix}"
    paths = [mixed] * 9
    run(options(tiny_model, *paths, output=alone, workers=1))
    result = run(options(tiny_model, *paths, output=together, workers=2))
    assert together.read_bytes() == alone.read_bytes()
    assert (result.workers, result.inputs, result.errors) == (2, 180, 27)
    assert result.stages.decoding_ns > 0
    assert result.limit in ("reading", "decoding", "running", "writing")


def test_a_picture_that_kills_its_process_is_an_error_row_and_the_others_are_classified(
    tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from classify.deadly import DEADLY, StartDeadlyWorker

    from toolkit.classify import choose_engine

    # A worker of the test's own: the real one, but that its decoder crashes on a mark in the content.
    monkeypatch.setattr(choose_engine, "StartWorker", StartDeadlyWorker)
    names = sorted(path.name for path in mixed.iterdir())
    for name in names:
        (tmp_path / name).write_bytes((mixed / name).read_bytes())
    for name in ("05.png", "13.png"):
        (tmp_path / name).write_bytes(DEADLY)
    rows: list[Record] = []
    result = run(options(tiny_model, tmp_path, workers=2), sink=rows.extend)
    assert (result.inputs, result.errors) == (20, 5)
    assert [row.path for row in rows] == [str(tmp_path / name) for name in names]
    assert [row.error for row in rows if "died" in (row.error or "")] == [
        "the process that worked on it died (killed by SIGSEGV)"
    ] * 2
    assert {rows[i].status for i in (5, 13)} == {"error"}
