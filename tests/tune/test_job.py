"""Real searches over a tiny network."""

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest
from training import Lines

from toolkit.errors import OutputError, UsageError
from toolkit.train.recipe import Recipe
from toolkit.tune import job
from toolkit.tune.options import TuneOptions

pytestmark = pytest.mark.keras
pytest.importorskip("optuna")


def options(data: Path, output: Path, **choices: Any) -> TuneOptions:
    return TuneOptions(
        recipe="tiny", data=str(data), output=output, **{"trials": 3, "validation_split": 0.25, **choices}
    )


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
    assert any("1 are done" in line for line in seen.lines)
    assert [trial.number for trial in result.trials] == [1, 2, 3]
    assert len({trial.settings["learning_rate"] for trial in result.trials}) == 3
    with pytest.raises(UsageError, match="another validation split"):
        job.run(options(shapes_file, tmp_path / "search", resume=True, validation_split=0.5))
    with pytest.raises(OutputError, match="isn't empty"):
        job.run(options(shapes_file, tmp_path / "search"))


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

    from toolkit.train.run_folder import Epoch

    def train(chosen: Any, *_: Any, watch: Any, **__: Any) -> None:
        rate = float(next(t for t in chosen.overrides if t.startswith("learning_rate")).partition("=")[2])
        for epoch in (1, 2, 3):
            watch(Epoch(epoch=epoch, loss=1, accuracy=rate, val_loss=1, val_accuracy=rate, seconds=0))

    monkeypatch.setattr(job, "train", train)
    result = job.run(options(shapes_file, tmp_path / "search", trials=12, epochs=3))
    states = [trial.state for trial in result.trials]
    assert states[:5] == ["complete"] * 5
    assert "given up" in states
    assert all(trial.epochs == 2 for trial in result.trials if trial.state == "given up")
    assert set(result.importance) == {"learning_rate", "label_smoothing"}
    assert optuna.load_study(study_name="toolkit tune", storage=f"sqlite:///{tmp_path}/search/study.sqlite3")
