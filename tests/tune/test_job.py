"""Real searches over a tiny network."""

import contextlib
import csv
import shlex
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from training import PLAIN, Lines, tiny_network

from toolkit.errors import DataError, InputError, OutputError, UsageError
from toolkit.train.recipe import Recipe
from toolkit.train.result import TrainResult
from toolkit.train.run_folder import Epoch
from toolkit.tune import job
from toolkit.tune.options import TuneOptions

pytestmark = pytest.mark.keras
pytest.importorskip("optuna")


def options(data: Path, output: Path, **choices: Any) -> TuneOptions:
    return TuneOptions(
        recipe="tiny", data=str(data), output=output, **{"trials": 3, "validation_split": 0.25, **choices}
    )


def watched(watch: Any, accuracies: list[float], kept: int | None = None) -> TrainResult:
    """Do as a training that reaches these accuracies, and whose model has the weights of the epoch `kept`."""
    rows = [
        Epoch(epoch=number, loss=1, accuracy=value, val_loss=1, val_accuracy=value, seconds=0)
        for number, value in enumerate(accuracies, start=1)
    ]
    for row in rows:
        watch(row)
    return TrainResult(folder=Path(), recipe="tiny", parameters=1, history=tuple(rows), test_accuracy=None,
                       test_count=0, data="d", classes=(), seconds=0, kept_epoch=kept or len(rows))  # fmt: skip


def test_a_search_writes_a_row_per_trial_and_prints_the_command_of_the_best(
    searched: Recipe, shapes_file: Path, tmp_path: Path
) -> None:
    seen = Lines()
    result = job.run(options(shapes_file, tmp_path / "search"), seen)
    rows = list(csv.DictReader((tmp_path / "search" / "trials.csv").read_text().splitlines()))
    assert [row["trial"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0])[:5] == ["trial", "state", "val_accuracy", "epochs", "seconds"]
    best = result.best
    assert best is not None
    assert best.val_accuracy == max(trial.val_accuracy for trial in result.trials if trial.val_accuracy)
    assert result.command is not None
    words = shlex.split(result.command)
    assert words[:3] == ["toolkit", "train", "tiny"]
    assert f"learning_rate={best.settings['learning_rate']!r}" in words
    assert sum(line.startswith("Trial ") for line in seen.lines) == 3
    assert sorted(p.name for p in (tmp_path / "search").iterdir()) == ["study.sqlite3", "trials.csv"]


def test_a_search_goes_on_where_it_was_and_never_tries_the_same_again(
    searched: Recipe, shapes_file: Path, tmp_path: Path
) -> None:
    class StopsAfterOne(Lines):
        def line(self, text: str) -> None:
            super().line(text)
            if text.startswith("Trial 1/"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_file, tmp_path / "search"), StopsAfterOne())
    seen = Lines()
    result = job.run(options(shapes_file, tmp_path / "search", resume=True), seen)
    assert any("; 1 done already" in line for line in seen.lines)
    assert [trial.number for trial in result.trials] == [1, 2, 3]
    assert len({trial.settings["learning_rate"] for trial in result.trials}) == 3
    with pytest.raises(UsageError, match="another validation split"):
        job.run(options(shapes_file, tmp_path / "search", resume=True, validation_split=0.5))
    with pytest.raises(OutputError, match="isn't empty"):
        job.run(options(shapes_file, tmp_path / "search"))


def test_the_study_lies_in_its_folder_whatever_the_folder_is_called(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "train", lambda *_, watch, **__: watched(watch, [0.5, 0.5]))
    search = Path("why not? #1 {x} 100%23")
    job.run(options(shapes_file, search, trials=1))
    assert [path.name for path in tmp_path.iterdir()] == [search.name]
    assert sorted(path.name for path in search.iterdir()) == ["study.sqlite3", "trials.csv"]
    assert len(job.run(options(shapes_file, search, trials=2, resume=True)).trials) == 2


def whole_search(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(job, "train", lambda *_, watch, **__: watched(watch, [0.5, 0.5]))
    job.run(options(data, folder, trials=1))
    return folder / "study.sqlite3"


@pytest.mark.parametrize("kind", ["noise", "half", "page"])
def test_a_damaged_search_is_told_in_one_sentence_without_a_word_of_sql(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = whole_search(shapes_file, tmp_path / "search", monkeypatch)
    whole, page = file.read_bytes(), 4096
    damaged = {
        "noise": b"no database" * 1000,
        "half": whole[: len(whole) // 2],
        "page": whole[: 3 * page] + b"\xff" * 9 * page + whole[12 * page :],
    }
    file.write_bytes(damaged[kind])
    with pytest.raises(InputError) as caught:
        job.run(options(shapes_file, tmp_path / "search", trials=2, resume=True))
    assert caught.value.what == "the search's file is damaged"
    assert caught.value.where == str(file)
    assert "--force" in caught.value.remedy
    assert caught.value.exit_code == 1
    assert file.read_bytes() == damaged[kind]


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_search_that_somebody_else_writes_to_is_said_to_be_locked(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    file = whole_search(shapes_file, tmp_path / "search", monkeypatch)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, timeout=0.1, **options))
    with contextlib.closing(connect(file, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        with pytest.raises(InputError, match=r"can't be opened: database is locked.*nothing else uses it"):
            job.run(options(shapes_file, tmp_path / "search", trials=2, resume=True))


def test_a_database_of_something_else_is_not_taken_for_a_search(
    searched: Recipe, shapes_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "search").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "search" / "study.sqlite3")) as other:
        other.execute("CREATE TABLE studies (title TEXT)")
        other.commit()
    with pytest.raises(InputError) as caught:
        job.run(options(shapes_file, tmp_path / "search", trials=2, resume=True))
    assert caught.value.what == "it isn't the file of a search that this version of Optuna can go on with"


def test_trials_whose_loss_is_not_a_number_are_failed_and_the_search_goes_on(
    searched: Recipe, shapes_file: Path, tmp_path: Path
) -> None:
    result = job.run(options(shapes_file, tmp_path / "search", trials=2, overrides=("learning_rate=1e30",)))
    assert [trial.state for trial in result.trials] == ["failed", "failed"]
    assert result.best is None
    assert result.command is None


def test_trials_that_do_worse_than_most_are_given_up(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optuna

    def train(chosen: Any, *_: Any, watch: Any, **__: Any) -> TrainResult:
        rate = float(next(t for t in chosen.overrides if t.startswith("learning_rate")).partition("=")[2])
        return watched(watch, [rate] * 3)

    monkeypatch.setattr(job, "train", train)
    result = job.run(options(shapes_file, tmp_path / "search", trials=12, epochs=3))
    states = [trial.state for trial in result.trials]
    assert states[:5] == ["complete"] * 5
    assert "given up" in states
    assert all(trial.epochs == 2 for trial in result.trials if trial.state == "given up")
    assert set(result.importance) == {"learning_rate", "label_smoothing"}
    assert optuna.load_study(study_name="toolkit tune", storage=f"sqlite:///{tmp_path}/search/study.sqlite3")


@pytest.mark.parametrize(("kept", "accuracy"), [(None, 0.5), (2, 0.8)])
def test_a_trial_is_worth_what_its_command_gives_not_its_best_epoch(
    searched: Recipe,
    shapes_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: int | None,
    accuracy: float,
) -> None:
    monkeypatch.setattr(job, "train", lambda *_, watch, **__: watched(watch, [0.9, 0.8, 0.5], kept))
    (trial,) = job.run(options(shapes_file, tmp_path / "search", trials=1, epochs=3)).trials
    assert (trial.val_accuracy, trial.epochs) == (accuracy, 3)


def test_a_search_that_is_interrupted_leaves_nothing_of_its_trial(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(chosen: Any, *_: Any, **__: Any) -> None:
        (chosen.output / "teacher").mkdir(parents=True)
        (chosen.output / "teacher" / "view-0000.npy").write_text("of this trial's views")
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "train", train)
    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_file, tmp_path / "search"))
    assert not (tmp_path / "search" / "trial").exists()


@pytest.mark.parametrize("error", [DataError("no", where="here", remedy="mend it"), KeyboardInterrupt()])
def test_a_search_that_ends_in_its_first_trial_leaves_nothing_that_keeps_the_next_from_starting(
    searched: Recipe,
    shapes_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def train(*_: Any, **__: Any) -> TrainResult:
        raise error

    monkeypatch.setattr(job, "train", train)
    with pytest.raises(type(error)):
        job.run(options(shapes_file, tmp_path / "runs" / "search"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "notes.txt").write_text("mine")
    with pytest.raises(type(error)):
        job.run(options(shapes_file, tmp_path / "search", force=True))
    assert (tmp_path / "search" / "notes.txt").read_text() == "mine"
    with pytest.raises(type(error)):  # it goes on with its first trial
        job.run(options(shapes_file, tmp_path / "search", resume=True))


def test_a_search_that_ends_later_keeps_its_trials(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_search(shapes_file, tmp_path / "search", monkeypatch)

    def train(*_: Any, **__: Any) -> TrainResult:
        raise DataError("no", where="here", remedy="mend it")

    monkeypatch.setattr(job, "train", train)
    with pytest.raises(DataError):
        job.run(options(shapes_file, tmp_path / "search", trials=2, resume=True))
    assert sorted(file.name for file in (tmp_path / "search").iterdir()) == ["study.sqlite3", "trials.csv"]


def test_a_search_goes_on_from_the_very_model_it_was_begun_with_whatever_its_name(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    for name in ("one.keras", "other.keras"):
        tiny_network((16, 16, 3), 3, PLAIN).save(tmp_path / name)
    keras.backend.clear_session()
    monkeypatch.setattr(job, "train", lambda *_, watch, **__: watched(watch, [0.5, 0.5]))
    one, moved_to = str(tmp_path / "one.keras"), str(tmp_path / "moved.keras")
    choices: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "start": ("--from", {"start_from": one}, {"start_from": moved_to}),
        "teacher": ("--teacher", {"teachers": (one,)}, {"teachers": (moved_to,)}),
    }
    for role, (flag, first, second) in choices.items():
        where = tmp_path / role
        job.run(options(shapes_file, where, trials=1, **first))
        (tmp_path / "moved.keras").write_bytes((tmp_path / "one.keras").read_bytes())
        moved = options(shapes_file, where, trials=2, resume=True, **second)
        assert len(job.run(moved).trials) == 2
        (tmp_path / "moved.keras").write_bytes((tmp_path / "other.keras").read_bytes())
        with pytest.raises(
            UsageError, match=f"the model of {flag} isn't the one that the search was begun with"
        ):
            job.run(moved)


def test_other_pictures_are_said_to_be_other_pictures(
    searched: Recipe, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_search(shapes_file, tmp_path / "search", monkeypatch)
    with pytest.raises(UsageError, match="the pictures aren't those that the search was begun with"):
        job.run(options(shapes_file, tmp_path / "search", trials=2, limit=9, resume=True))
