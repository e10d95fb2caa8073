"""The scripts in bench/ that write model cards and compare candidates: what they make of a run's own record."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.train.recipes import find_recipe

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a script of bench/ by its name."""
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module


def run(**changes: Any) -> dict[str, Any]:
    defaults = find_recipe("edge-s").defaults
    settings = {"epochs": defaults.epochs, "image_size": [32, 32], "limit": None, "class_weights": False}
    return {
        "recipe": "edge-s",
        "seed": 0,
        "data_digest": "d",
        "finished": True,
        "settings": settings,
        **changes,
    }


def test_a_duration_names_cores_only_where_the_run_recorded_them(script: Any) -> None:
    duration = script("cards").duration
    assert (duration(193.2, None), duration(5858, 2), duration(30, 1)) == (
        "193 s",
        "98 minutes on 2 cores",
        "30 s on 1 core",
    )


def test_options_about_the_pictures_are_printed_where_they_were_given(script: Any) -> None:
    given = script("cards").given
    assert given(run()) == []
    assert given(run(given={"image_size": None, "class_weights": None})) == []
    limited = {**run()["settings"], "limit": 500}
    words = given(run(settings=limited, given={"image_size": 48, "class_weights": False}, skip_broken=True))
    assert words == ["--image-size", "48", "--limit", "500", "--skip-broken", "--no-class-weights"]


def test_other_seeds_are_one_row_of_mean_and_sample_standard_deviation(script: Any) -> None:
    over_seeds = script("cards").over_seeds
    runs = [run(seed=seed, test_accuracy=value) for seed, value in enumerate((0.87, 0.88, 0.89))]
    assert over_seeds(runs[:1]) is None
    assert over_seeds(runs) == (
        "test accuracy % over seeds 0, 1, 2",
        "88.00 ± 1.00 (mean and sample standard deviation)",
    )
    with pytest.raises(SystemExit, match="differ in settings"):
        over_seeds([*runs, run(seed=3, test_accuracy=0.9, settings={"epochs": 1})])


def test_a_candidate_is_compared_by_the_validation_accuracy_of_the_epoch_it_kept(
    script: Any, tmp_path: Path
) -> None:
    kept_accuracy = script("frontier").kept_accuracy
    (tmp_path / "history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,1,0.5,1,0.7,1\n2,1,0.5,1,0.6,1\n"
    )
    record = run(test_accuracy=0.9)
    for kept, accuracy in (({}, 0.6), ({"kept_epoch": 1}, 0.7)):
        (tmp_path / "run.json").write_text(json.dumps({**record, **kept}))
        assert kept_accuracy(tmp_path) == accuracy
    (tmp_path / "run.json").write_text(json.dumps({**record, "finished": False}))
    with pytest.raises(SystemExit, match="no finished run"):
        kept_accuracy(tmp_path)
