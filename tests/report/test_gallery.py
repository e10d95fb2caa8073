import numpy as np
import pytest
from matplotlib.colors import to_hex

from toolkit.evaluate.result import Example
from toolkit.report.gallery import CELL_WIDTH_IN, RIGHT_IN, caption, gallery_figure, shown_classes
from toolkit.report.page import percent
from toolkit.report.style import OTHER, RIGHT, WRONG, save_png


def example(probabilities, truth):
    values = np.array(probabilities, np.float32)
    return Example(
        path="p.png",
        image_hwc=np.full((4, 4, 3), 200, np.uint8),
        truth=truth,
        predicted=int(values.argmax()),
        probabilities=values,
    )


LABELS = ("cat", "dog", "eel")


def panels(figure):
    return list(zip(figure.axes[::2], figure.axes[1::2], strict=True))


def test_each_picture_stands_beside_the_bars_of_its_probabilities():
    figure = gallery_figure([example([0.87, 0.1, 0.03], 1)], LABELS, heading="h", subtitle="s")
    ((picture, bars),) = panels(figure)
    assert picture.images[0].get_array().tolist() == np.full((4, 4, 3), 200).tolist()
    assert [round(bar.get_width(), 2) for bar in bars.patches] == [0.87, 0.1, 0.03]
    assert [text.get_text() for text in bars.get_yticklabels()] == list(LABELS)
    left, right = picture.get_position(), bars.get_position()
    assert left.x1 < right.x0
    assert left.y0 == right.y0


def test_a_wrong_answer_is_red_the_truth_blue_and_the_rest_grey():
    figure = gallery_figure([example([0.87, 0.1, 0.03], 1)], LABELS, heading="h", subtitle="s")
    ((picture, bars),) = panels(figure)
    assert [to_hex(bar.get_facecolor()) for bar in bars.patches] == [WRONG, RIGHT, OTHER]
    assert picture.get_title(loc="left") == "✗ cat 87% (dog)"
    assert to_hex(picture.spines["left"].get_edgecolor()) == WRONG


def test_a_right_answer_is_blue():
    figure = gallery_figure([example([0.1, 0.9, 0.0], 1)], LABELS, heading="h", subtitle="s")
    ((picture, bars),) = panels(figure)
    assert [to_hex(bar.get_facecolor()) for bar in bars.patches] == [OTHER, RIGHT, OTHER]
    assert picture.get_title(loc="left") == "✓ dog 90% (dog)"


def test_the_file_has_the_size_of_its_grid(tmp_path):
    from PIL import Image

    examples = [example([0.5, 0.3, 0.2], i % 3) for i in range(6)]
    save_png(gallery_figure(examples, LABELS, heading="h", subtitle="s"), tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        assert image.size == (
            round((4 * CELL_WIDTH_IN + RIGHT_IN) * 150), round((0.75 + 2 * 2.1) * 150))  # fmt: skip
        colours = {pixel for _, pixel in image.convert("RGB").getcolors(1 << 24)}
    assert {tuple(bytes.fromhex(c[1:])) for c in (RIGHT, WRONG, OTHER)} <= colours


@pytest.mark.parametrize("shares", [(0.0, 0.001, 0.999), (0.0, 0.0, 1.0)])
def test_no_number_beside_a_bar_reaches_the_next_picture_or_the_edge(shares):
    examples = [example(shares, place % 3) for place in range(8)]
    figure = gallery_figure(examples, LABELS, heading="h", subtitle="s")
    figure.canvas.draw()
    pixels_in = figure.dpi
    ends = figure.bbox.width - 0.1 * pixels_in
    for place, (_, bars) in enumerate(panels(figure)):
        column = place % 4
        limit = ends if column == 3 else panels(figure)[place + 1][0].get_window_extent().x0 - 0.1 * pixels_in
        assert max(text.get_window_extent().x1 for text in bars.texts) <= limit


def test_no_name_reaches_into_the_picture_beside_it_nor_a_caption_into_the_next_however_wide_its_letters():
    labels = ("猫と犬の写真がとても長い名前です", "W" * 40, "a class that is called by many words")
    examples = [
        example(shares, 2) for shares in ((0.1, 0.3, 0.6), (0.7, 0.2, 0.1), (0.2, 0.7, 0.1), (0.5, 0.3, 0.2))
    ]
    figure = gallery_figure(examples, labels, heading="h", subtitle="s")
    with pytest.warns(UserWarning, match="missing from"):
        figure.canvas.draw()
    for place, (picture, bars) in enumerate(panels(figure)):
        left = min(name.get_window_extent().x0 for name in bars.get_yticklabels())
        assert left > picture.get_window_extent().x1
        end = figure.bbox.width if place == 3 else panels(figure)[place + 1][0].get_window_extent().x0
        assert picture._left_title.get_window_extent().x1 < end


def test_a_heading_that_is_too_long_goes_on_below_and_the_pictures_keep_their_size():
    one = [example([0.5, 0.3, 0.2], 0)]
    short = gallery_figure(one, LABELS, heading="h", subtitle="s")
    long = gallery_figure(one, LABELS, heading="many words " * 20 + "W" * 90, subtitle="more words " * 20)
    long.canvas.draw()
    head, below = long._suptitle.get_window_extent(), long.texts[-1].get_window_extent()
    assert long._suptitle.get_text().endswith("…")
    assert head.x1 <= long.bbox.width
    assert below.x1 <= long.bbox.width
    assert below.y1 <= head.y0
    sizes = [figure.axes[0].get_window_extent().size.tolist() for figure in (short, long)]
    assert sizes[0] == pytest.approx(sizes[1])
    assert long.axes[0].get_window_extent().y1 < below.y0


def test_the_caption_is_predicted_percent_and_truth():
    assert caption(example([0.87, 0.1, 0.03], 1), LABELS) == "cat 87% (dog)"


def test_a_percentage_never_claims_more_than_is_true():
    assert [percent(share) for share in (0, 0.001, 0.006, 0.5, 0.994, 0.999, 1)] == [
        "0%", "<1%", "1%", "50%", "99%", ">99%", "100%"]  # fmt: skip


def test_of_many_classes_the_most_probable_are_shown_and_the_truth_always():
    probabilities = np.linspace(1, 0, 100)
    shown = shown_classes(example(probabilities / probabilities.sum(), 99))
    assert shown == [*range(11), 99]
