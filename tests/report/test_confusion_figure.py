import numpy as np
import pytest
from matplotlib.colors import to_hex

from toolkit.report.confusion_figure import confusion_figure
from toolkit.report.style import RIGHT, WRONG, save_png, to_svg


def cells(figure):
    """Text and place of every cell of a confusion matrix: {(row, column): text}."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in figure.axes[0].texts}


def test_every_count_stands_in_its_cell_and_nothing_in_an_empty_one():
    figure = confusion_figure(np.array([[900, 100, 0], [33, 1967, 0], [0, 0, 0]]), ["ant", "bee", "cow"])
    assert cells(figure) == {(0, 0): "900", (0, 1): "100", (1, 0): "33", (1, 1): "1,967"}


def test_the_colour_is_the_share_of_the_row_blue_on_the_diagonal_and_red_beside_it():
    figure = confusion_figure(np.array([[5, 5], [0, 10_000]]), ["ant", "bee"])
    ((a, b, c),) = [patch.get_facecolor() for patch in figure.axes[0].collections[:1]]
    assert [to_hex(colour) for colour in (a, b, c)] == [RIGHT, WRONG, RIGHT]
    assert a[3] == b[3] < c[3] == 1


def test_classes_keep_the_models_order():
    figure = confusion_figure(np.eye(3, dtype=np.int64), ["zebra", "ant", "moth"])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["zebra", "ant", "moth"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["zebra", "ant", "moth"]
    assert axes.yaxis_inverted()


def test_of_more_than_a_hundred_classes_the_ones_with_most_errors_are_shown_and_it_says_so():
    confusion = np.diag(np.full(150, 10))
    confusion[149, 3] = 7
    figure = confusion_figure(confusion, [f"class {i}" for i in range(150)], heading="finding")
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert len(names) == 100
    assert names[-1] == "class 149"
    assert "class 3" in names
    assert any("100 of 150 classes" in t.get_text() for t in figure.texts)


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_a_confusion_matrix_is_readable_at_any_number_of_classes(classes, tmp_path):
    from PIL import Image

    counts = np.random.default_rng(0).integers(0, 9999, (classes, classes))
    figure = confusion_figure(counts, [f"a class with number {i}" for i in range(classes)], heading="x")
    save_png(figure, tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        pixels_a_cell = image.size[0] / classes
    assert pixels_a_cell > 40
    assert min(t.get_fontsize() for t in figure.axes[0].texts) >= 6


def test_a_name_that_no_font_has_is_drawn_all_the_same():
    figure = confusion_figure(np.eye(2, dtype=np.int64), ["\N{FOX FACE}", "ant"])
    assert "\N{FOX FACE}" in to_svg(figure, title="t")
