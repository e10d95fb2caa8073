import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import printable
from toolkit.report.axes import shortened, significant, told_apart
from toolkit.report.charts import (
    calibration_figure,
    confidence_figure,
    counts_figure,
    curves_figure,
)
from toolkit.report.style import save_png, to_svg


def test_curves_label_each_line_at_its_end_and_leave_out_what_was_not_measured():
    figure = curves_figure([1, 2], [1.0, 0.5], [None, None], [0.4, 0.8], [0.5, None], heading="finding")
    loss, accuracy = figure.axes
    assert [t.get_text() for t in loss.texts] == ["training 0.500"]
    assert sorted(t.get_text() for t in accuracy.texts) == ["training 0.800", "validation 0.500"]
    assert loss.get_ylim()[0] == 0
    assert accuracy.get_ylim() == (0, 1)


def test_every_point_of_a_curve_lies_below_the_top_of_its_axis():
    figure = curves_figure([1, 2], [9.7, 0.5], [3.0, 12.4], [0.1, 0.2], [0.1, 0.2], heading="finding")
    assert figure.axes[0].get_ylim()[1] > 12.4


def test_a_learning_rate_that_changes_is_drawn_and_one_that_does_not_is_left_out():
    curves = ([1, 2], [1.0, 0.5], [1.0, 0.5], [0.1, 0.2], [0.1, 0.2])
    assert len(curves_figure(*curves, heading="x", learning_rate=[0.1, 0.1]).axes) == 2
    assert len(curves_figure(*curves, heading="x", learning_rate=[None, None]).axes) == 2
    assert len(curves_figure(*curves, heading="x", learning_rate=[0.1, 0.05]).axes) == 3


def test_one_epoch_is_drawn_as_points(tmp_path):
    save_png(curves_figure([1], [1.0], [1.1], [0.4], [0.5], heading="finding"), tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_calibration_draws_only_bins_that_hold_pictures():
    nan = float("nan")
    figure = calibration_figure(np.array([0, 4]), np.array([nan, 0.9]), np.array([nan, 0.75]))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.75]


def test_no_bar_of_the_calibration_hides_what_the_marks_mean():
    axes = calibration_figure(np.array([2]), np.array([0.1]), np.array([1.0])).axes[0]
    assert len(axes.texts) == 2
    assert min(text.get_position()[1] for text in axes.texts) > max(bar.get_height() for bar in axes.patches)


def test_pictures_are_counted_in_whole_numbers_however_few_they_are():
    ticks = confidence_figure(np.array([0, 1, 0])).axes[0].get_yticks()
    assert [tick for tick in ticks if tick != round(tick)] == []
    assert len(ticks) >= 2


@pytest.mark.parametrize(
    "figure",
    [
        lambda: counts_figure(["ant", "bee"], [0, 3]),
        lambda: confidence_figure(np.array([0, 2, 5])),
    ],
)
def test_bar_axes_start_at_zero(figure):
    axes = figure().axes[0]
    assert 0 in (axes.get_xlim()[0], axes.get_ylim()[0])


@settings(max_examples=25)
@given(st.text(max_size=12))
def test_any_class_name_can_be_drawn_and_none_is_read_as_a_formula(name):
    svg = to_svg(counts_figure([name, "$x^2$"], [1, 2]), title=name)
    assert svg.startswith("<svg")
    assert "$x^2$" in svg


@given(st.text(max_size=60))
def test_a_shortened_label_keeps_its_beginning(label):
    text, shown = shortened(label).replace(r"\$", "$"), printable(label)
    assert text == shown if len(shown) <= 22 else text == f"{shown[:21]}…"


def test_labels_that_differ_at_their_ends_alone_are_told_apart():
    dogs = ["German Shorthaired Pointer, brown", "German Shorthaired Pointer, black", "Pug"]
    shown = told_apart([*dogs, "something with a long name"])
    assert shown == ["German Sho…nter, brown", "German Sho…nter, black", "Pug", "something with a long…"]


@given(st.lists(st.text(max_size=40), max_size=6))
def test_labels_that_are_told_apart_are_no_longer_than_others(labels):
    for label, text in zip(labels, told_apart(labels), strict=True):
        assert len(text.replace(r"\$", "$")) <= 22
        assert text.count("$") == text.count(r"\$")
        if len(printable(label)) <= 22:
            assert text == shortened(label)


@given(st.floats(1e-9, 1e12))
def test_three_significant_digits_are_within_half_a_per_cent_and_have_no_exponent(value):
    text = significant(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.2134, "0.213"), (21.34, "21.3"), (21_345, "21,300")]
)
def test_numbers_are_written_plainly(value, text):
    assert significant(value) == text
