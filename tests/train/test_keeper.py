"""Runs that are killed between two writes, and what they are taken up from."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training import Lines, options, weights

from toolkit.errors import InputError
from toolkit.train import calibrate as calibration
from toolkit.train import checkpoint, job
from toolkit.train.keeper import Keeper
from toolkit.train.recipe import Recipe, Schedule
from toolkit.train.run_folder import read_history, read_record, write_history

pytestmark = pytest.mark.keras

Tiny = Callable[..., Recipe]


@pytest.mark.parametrize(
    "settings",
    [{"epochs": 2}, {"epochs": 2, "averaging": 0.9}, {"epochs": 3, "patience": 1}],
    ids=["one model", "average", "patience"],
)
def test_an_epoch_whose_weights_were_never_written_is_done_again(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    tiny(**settings)
    with pytest.raises(KeyboardInterrupt):
        job.run(options(shapes_file, tmp_path / "run"), Lines(stop_after=1))
    (first,) = read_history(tmp_path / "run")
    write_history(tmp_path / "run", [first, replace(first, epoch=2, loss=99.0, val_loss=99.0)])
    seen = Lines()
    result = job.run(options(shapes_file, tmp_path / "run", resume=True), seen)
    assert "Resuming after epoch 1" in seen.lines
    assert len(result.history) >= 2
    assert all(row.loss < 99 for row in result.history)


def test_a_finished_run_that_was_killed_in_a_later_epoch_has_only_the_epochs_of_its_record(
    tiny: Tiny, shapes_file: Path, tmp_path: Path
) -> None:
    tiny(epochs=1)
    job.run(options(shapes_file, tmp_path / "run"))
    (first,) = read_history(tmp_path / "run")
    write_history(tmp_path / "run", [first, replace(first, epoch=2, loss=99.0)])
    result = job.run(options(shapes_file, tmp_path / "run", epochs=2, resume=True))
    assert [row.loss < 99 for row in result.history] == [True, True]


@pytest.mark.parametrize("lines", [1, 2], ids=["no epoch", "one epoch"])
def test_a_history_that_has_lost_epochs_is_not_gone_on_with(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, lines: int
) -> None:
    tiny(epochs=2)
    job.run(options(shapes_file, tmp_path / "run"))
    history = tmp_path / "run" / "history.csv"
    history.write_text("".join(history.read_text().splitlines(keepends=True)[:lines]))
    with pytest.raises(InputError, match=rf"history has {lines - 1} epochs?, and its model has done 2"):
        job.run(options(shapes_file, tmp_path / "run", epochs=3, resume=True))


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _finish_killed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keeper, "finish", _killed)


def _saving_killed(patch: pytest.MonkeyPatch) -> None:
    write = Keeper.calibrated

    def calibrated(self: Keeper, temperature: float | None) -> None:
        patch.setattr(checkpoint, "save_model", _killed)
        write(self, temperature)

    patch.setattr(Keeper, "calibrated", calibrated)


@pytest.mark.parametrize("settings", [{"averaging": 0.5, "schedule": Schedule.TRIANGULAR}, {"patience": 9}])
def test_a_kill_beside_the_calibration_neither_forgets_nor_repeats_it(
    tiny: Tiny, shapes_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(calibration, "FEWEST_PICTURES", 10)
    monkeypatch.setattr(calibration, "FEWEST_MISTAKES", 0)
    tiny(**settings)
    job.run(options(shapes_file, tmp_path / "whole"))
    wanted = read_record(tmp_path / "whole")
    assert wanted is not None
    assert wanted["calibration_temperature"] != pytest.approx(1, abs=0.02)
    for kill in (_finish_killed, _saving_killed):
        with monkeypatch.context() as patch:
            kill(patch)
            with pytest.raises(KeyboardInterrupt):
                job.run(options(shapes_file, tmp_path / kill.__name__))
        job.run(options(shapes_file, tmp_path / kill.__name__, resume=True))
        found = read_record(tmp_path / kill.__name__)
        assert found is not None
        assert found["calibration_temperature"] == pytest.approx(wanted["calibration_temperature"], rel=1e-4)
        assert found["finished"] is True
        for expected, value in zip(
            weights(tmp_path / "whole"), weights(tmp_path / kill.__name__), strict=True
        ):
            assert value == pytest.approx(expected, abs=1e-5)


class _Network:
    """A network whose file is a few bytes; the process may die in the midst of writing them."""

    def __init__(self, *, dies: bool) -> None:
        self._dies = dies

    def save(self, path: Path) -> None:
        path.write_bytes(b"some")
        if self._dies:
            os._exit(9)


@pytest.mark.skipif(os.name == "nt", reason="leftovers stay there")
def test_what_a_kill_leaves_of_a_model_is_removed_by_a_later_run(tmp_path: Path) -> None:
    killed = multiprocessing.get_context("spawn").Process(
        target=checkpoint.save_model, args=(_Network(dies=True), tmp_path)
    )
    killed.start()
    killed.join()
    assert killed.exitcode == 9
    (left,) = tmp_path.iterdir()
    for path in (*left.iterdir(), left):
        os.utime(path, (0, 0))
    checkpoint.save_model(_Network(dies=False), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
