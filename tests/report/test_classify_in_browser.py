"""The filters of a gallery and the cells of a confusion matrix, used in a real Chromium."""

import dataclasses

import onnx
import pytest
from support import colour_model, encoded, picture

from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.report import classify, evaluate_page

pytestmark = pytest.mark.browser

RED, GREEN, BLUE = "red \"<b>&amp;'", "grün 🦊", "blue " * 60
SHOWN = ".card:visible"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Seven pictures of two folders with what was taken for what, and a broken one; names need escaping."""
    root = tmp_path_factory.mktemp("pictures")
    onnx.save(colour_model(labels=(RED, GREEN, BLUE.strip())), root / "m.onnx")
    pictures = {
        RED: [(100, 0, 0), (90, 10, 0), (60, 40, 0), (20, 80, 0), (29, 0, 71)],
        GREEN: [(0, 100, 0), (70, 30, 0)],
    }
    for folder, colours in pictures.items():
        (root / "in" / folder).mkdir(parents=True)
        for number, colour in enumerate(colours):
            (root / "in" / folder / f"{number}.png").write_bytes(encoded(picture(colour)))
    (root / "in" / RED / "broken.png").write_bytes(b"not a picture")
    return run(
        ClassifyOptions(
            paths=(str(root / "in"),), model=str(root / "m.onnx"), device="cpu", output=root / "p.csv",
            labels_from_folders=True,
        )
    )  # fmt: skip


@pytest.fixture
def show(visit, tmp_path):
    """Open the page of a result; give the page, its gallery and the controls of that."""

    def opened(html, **how):
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        page = visit(tmp_path / "page.html", **how)
        return page, page.locator(".gallery").first, page.locator(".filters").first

    return opened


def line(controls):
    return controls.get_by_role("status").inner_text()


def cell(page, truth, predicted, count):
    return page.get_by_role("button", name=f"true {truth}, predicted {predicted}: {count}", exact=True)


def test_all_are_shown_at_first_and_only_classes_of_the_gallery_can_be_chosen(result, show):
    _, gallery, controls = show(classify.page(result))
    assert line(controls) == "8 of 8 pictures shown."
    assert gallery.locator(SHOWN).count() == 8
    assert controls.get_by_role("button", name="show all").count() == 0
    options = controls.get_by_label("predicted").locator("option").all_inner_texts()
    assert options == ["any", f"{'blue ' * 6}…{BLUE.strip()[-17:]} (1)", f"{GREEN} (2)", f"{RED} (4)"]
    assert controls.get_by_label("true class").locator("option").count() == 3


def test_a_class_an_outcome_and_a_confidence_are_asked_for_together(result, show):
    page, gallery, controls = show(classify.page(result))
    controls.get_by_label("predicted").select_option(label=f"{RED} (4)")
    assert line(controls) == "4 of 8 pictures shown."
    controls.get_by_label("confidence from").fill("70")
    assert line(controls) == "3 of 8 pictures shown."
    page.get_by_role("button", name="wrong").first.click()
    assert line(controls) == "1 of 8 pictures shown."
    assert gallery.locator(SHOWN).get_attribute("data-truth") == GREEN
    controls.get_by_label("confidence to").fill("69")
    assert line(controls) == "None of 8 pictures fits this choice."
    assert gallery.locator(SHOWN).count() == 0
    controls.get_by_role("button", name="show all").click()
    assert line(controls) == "8 of 8 pictures shown."
    assert controls.get_by_label("confidence from").input_value() == "0"
    assert gallery.locator(SHOWN).count() == 8


def test_a_confidence_counts_exactly_and_an_empty_field_is_no_limit(result, show):
    page, gallery, controls = show(classify.page(result))
    least, most = controls.get_by_label("confidence from"), controls.get_by_label("confidence to")
    least.focus()
    page.keyboard.press("ArrowUp")
    assert least.input_value() == "1"
    assert gallery.locator(SHOWN).count() == 7  # one could not be read, and has no confidence
    least.fill("71")
    most.fill("71")
    assert [float(c.get_attribute("data-confidence")) for c in gallery.locator(SHOWN).all()] == [0.71]
    least.fill("")
    most.fill("")
    assert gallery.locator(SHOWN).count() == 8


def test_a_click_on_a_cell_shows_its_pictures_and_there_is_a_way_back(result, show):
    page, gallery, controls = show(classify.page(result))
    cell(page, RED, RED, 3).click()
    assert line(controls) == (
        f"3 of 8 pictures shown. True {RED}, predicted {RED}: 3 in all, every one in this gallery."
    )
    pairs = [
        (c.get_attribute("data-truth"), c.get_attribute("data-predicted"))
        for c in gallery.locator(SHOWN).all()
    ]
    assert pairs == [(RED, RED)] * 3
    assert page.evaluate("document.activeElement.getAttribute('role')") == "status"
    assert page.locator("h2", has_text="Pictures").first.evaluate("e => e.getBoundingClientRect().top") >= 0
    assert page.evaluate("scrollY") > 0
    controls.get_by_role("button", name="show all").click()
    assert page.locator(SHOWN).count() == page.locator(".card").count()


def test_a_gallery_that_is_a_sample_says_how_many_of_the_cell_it_has(result, show):
    kept = tuple(example for example in result.examples if example.path.endswith("0.png"))
    html = classify.page(dataclasses.replace(result, examples=kept, mistakes=()))
    page, gallery, controls = show(html)
    cell(page, RED, RED, 3).click()
    assert "3 in all, 1 of them in this gallery, which is a sample." in line(controls)
    cell(page, RED, BLUE.strip(), 1).click()
    assert line(controls).startswith("None of 3 pictures fits this choice.")
    assert "1 in all, none of them in this gallery, which is a sample." in line(controls)
    assert gallery.locator(SHOWN).count() == 0


def test_pictures_that_only_the_surest_mistakes_have_are_gone_to(result, show):
    kept = tuple(example for example in result.examples if example.correct)
    page, _, _ = show(classify.page(dataclasses.replace(result, examples=kept)))
    cell(page, RED, GREEN, 1).click()
    assert page.locator(".gallery").nth(1).locator(SHOWN).count() == 1
    assert page.locator(".filters").nth(1).locator(":focus").get_attribute("role") == "status"
    cell(page, RED, RED, 3).click()
    assert "3 in all, none of them in this gallery, which is a selection." in line(
        page.locator(".filters").nth(1)
    )


def test_the_matrix_is_one_stop_of_the_tab_key_and_the_arrow_keys_reach_every_cell(result, show):
    page, _, controls = show(classify.page(result))
    cells = page.locator("svg.chart [data-cell]")
    assert cells.evaluate_all("all => all.map(e => e.tabIndex)") == [0, -1, -1, -1, -1]
    focused = "document.activeElement.dataset.cell"
    cells.first.focus()
    seen = [page.evaluate(focused)]
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate(focused))
    assert seen == ["0 0 3", "0 1 1", "0 2 1", "1 0 1", "1 1 1", "1 1 1"]
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "0 1 1"
    page.keyboard.press("Enter")
    assert line(controls).startswith("1 of 8 pictures shown. True red")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # back to the matrix
    assert page.evaluate(focused) == "0 1 1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert f"True {GREEN}, predicted {GREEN}: 1 in all" in line(controls)


def test_without_scripts_all_cards_are_visible_and_nothing_pretends_to_be_a_button(result, show):
    page, gallery, controls = show(classify.page(result), scripts=False)
    assert gallery.locator(SHOWN).count() == 8
    assert controls.count() == page.get_by_role("button").count() == 0
    assert page.locator("svg.chart").first.get_attribute("role") == "img"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_longest_names_fit_a_telephone(result, show, scheme):
    page, _, controls = show(classify.page(result), width=390, scheme=scheme)
    cell(page, RED, BLUE.strip(), 1).click()
    assert BLUE.strip() in line(controls)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_page_of_an_evaluation_has_the_same_filters_and_cells(evaluation, show):
    page, gallery, controls = show(evaluate_page.page(evaluation))
    example = evaluation.examples[-1]
    truth, predicted = evaluation.labels[example.truth], evaluation.labels[example.predicted]
    count = int(evaluation.metrics.confusion[example.truth, example.predicted])
    held = sum((e.truth, e.predicted) == (example.truth, example.predicted) for e in evaluation.examples)
    cell(page, truth, predicted, count).click()
    assert line(controls).startswith(
        f"{held} of 8 pictures shown. True {truth}, predicted {predicted}: {count} in"
    )
    assert gallery.locator(SHOWN).count() == held
    controls.get_by_role("button", name="show all").click()
    controls.get_by_label("confidence to").fill("1")
    assert line(controls) == "None of 8 pictures fits this choice."
