"""The plot of a search: what was tried can be read off it."""

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.report.style import settle_layout
from toolkit.report.tune import _figure, trials_plot
from toolkit.tune.result import COMPLETE, FAILED, PRUNED, Trial, TuneResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def searched(rates: list[float], **choices: list[Any]) -> TuneResult:
    """A search of a learning rate from a range, and of settings that take one of a few values in turn."""
    trials = [
        Trial(
            number=number,
            state=PRUNED if number % 4 == 0 else COMPLETE,
            settings={
                "learning_rate": rate,
                **{name: values[number % len(values)] for name, values in choices.items()},
            },
            val_accuracy=0.6 + 0.3 * math.sin(number) ** 2,
            epochs=3,
            seconds=1.0,
        )
        for number, rate in enumerate(rates, 1)
    ]
    failed = Trial(
        number=len(trials) + 1,
        state=FAILED,
        settings=trials[0].settings,
        val_accuracy=None,
        epochs=0,
        seconds=1.0,
    )
    return TuneResult(folder=Path(), recipe="tiny", trials=(*trials, failed), importance={}, command=None)


def spread(low: float, high: float, count: int = 12) -> list[float]:
    return [low * (high / low) ** (place / (count - 1)) for place in range(count)]


def tick_labels(axes: "Axes") -> list[str]:
    low, high = axes.get_xlim()
    return [
        label.get_text()
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= place <= high
    ]


def test_a_setting_that_takes_one_of_a_few_values_has_a_tick_for_each_that_was_tried_and_no_other() -> None:
    result = searched(
        spread(1e-4, 1e-2), batch_size=[128, 32, 64], dropout=[0.5, 0.0, 0.25], augment=[True, False]
    )
    trial, rate, *choices = _figure(result).axes
    assert [tick_labels(axes) for axes in choices] == [
        ["32", "64", "128"],
        ["0", "0.25", "0.5"],
        ["False", "True"],
    ]
    assert rate.get_xscale() == "log"
    assert all(float(text).is_integer() for text in tick_labels(trial))


@pytest.mark.parametrize(
    ("low", "high"),
    [(4e-5, 5e-3), (2e-4, 2.9e-4), (0.02, 0.5), (5e-5, 1e-3), (1e-6, 1.0), (0.00123, 0.00124)],
)
def test_labels_of_ticks_do_not_run_into_each_other(low: float, high: float) -> None:
    figure = _figure(searched(spread(low, high), head_epochs=[0, 3, 5, 10]))
    settle_layout(figure)
    for axes in figure.axes:
        ends = sorted(
            (extent.x0, extent.x1)
            for label in axes.get_xticklabels()
            if label.get_text() and (extent := label.get_window_extent()).width
        )
        assert all(right - left > 4 for (_, left), (right, _) in pairwise(ends)), axes.get_xlabel()


def test_a_single_trial_is_drawn_at_its_own_values(tmp_path: Path) -> None:
    result = searched([0.004885], dropout=[0.5])
    assert [tick_labels(axes) for axes in _figure(result).axes] == [["1", "2"], ["0.004885"], ["0.5"]]
    trials_plot(result, tmp_path / "trials.png")
    assert (tmp_path / "trials.png").read_bytes().startswith(b"\x89PNG")
