"""The pages in a real Chromium: opened from disk, as by a double click."""

import numpy as np
import pytest
from support import encoded

from toolkit.classify.job import run as classify
from toolkit.classify.options import ClassifyOptions
from toolkit.report import bench_page, evaluate_page
from toolkit.report import classify as classify_page

pytestmark = pytest.mark.browser

SCHEMES = ("light", "dark")
WIDE, PHONE = 1280, 400


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_model):
    """Pages by name; the classification has photos, small pictures, long names and broken files."""
    root = tmp_path_factory.mktemp("pages")
    generator = np.random.default_rng(0)
    for number, side in enumerate([8] * 6 + [300] * 3):
        folder = root / "in" / ("red", "green", "blue")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        image = generator.integers(0, 256, (side, side * 2, 3), np.uint8)
        (folder / f"{number}-{'a_long_name_without_any_space_' * 4}.png").write_bytes(encoded(image))
    (root / "in" / "red" / "broken.png").write_bytes(b"not a picture")
    result = classify(
        ClassifyOptions(
            paths=(str(root / "in"),), model=str(tiny_model), device="cpu", output=root / "p.csv",
            labels_from_folders=True,
        )
    )  # fmt: skip
    path = root / "classify.html"
    path.write_text(classify_page.page(result), encoding="utf-8")
    return {"classify": path}


@pytest.fixture
def all_files(files, evaluation, benchmark_document, tmp_path):
    made = dict(files)
    for name, html in (
        ("evaluate", evaluate_page.page(evaluation)),
        ("bench", bench_page.page(benchmark_document)),
    ):
        made[name] = tmp_path / f"{name}.html"
        made[name].write_text(html, encoding="utf-8")
    return made


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_nothing_is_wider_than_the_screen_and_nothing_complains(all_files, visit, width, scheme):
    for name, path in all_files.items():
        page = visit(path, width=width, scheme=scheme)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0, name


def test_every_picture_has_loaded_and_has_an_alternative_text(files, visit):
    page = visit(files["classify"])
    images = page.locator("img").evaluate_all("all => all.map(i => [i.naturalWidth > 0, i.alt.length > 0])")
    assert len(images) >= 9
    assert {tuple(image) for image in images} == {(True, True)}


def test_small_pictures_are_enlarged_pixel_by_pixel_and_photos_are_not(files, visit):
    page = visit(files["classify"])
    styles = (
        page.locator(".gallery")
        .first.locator("img")
        .evaluate_all("all => all.map(i => [i.naturalWidth, getComputedStyle(i).imageRendering])")
    )
    assert {tuple(style) for style in styles} == {(16, "pixelated"), (128, "auto")}


def test_a_table_sorts_by_keyboard_both_ways_as_numbers(all_files, visit):
    page = visit(all_files["evaluate"])
    table = page.locator("section", has_text="Class by class").locator("table").first

    def recall():
        texts = table.locator("tbody tr td:nth-child(3)").all_inner_texts()
        return [float(text) for text in texts if text != "–"]

    button = table.locator("th button").nth(2)
    button.focus()
    page.keyboard.press("Enter")
    ascending = recall()
    assert ascending == sorted(ascending)
    assert table.locator("th").nth(2).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert recall() == sorted(ascending, reverse=True)
    assert table.locator("th").nth(2).get_attribute("aria-sort") == "descending"
    assert table.locator("tbody tr td:nth-child(3)").last.inner_text() == "–"


def test_the_filter_shows_only_the_wrong_ones_and_then_all_again(files, visit):
    page = visit(files["classify"])
    gallery = page.locator(".gallery").first
    wrong = gallery.locator(".card.wrong").count()
    assert 0 < wrong < gallery.locator(".card").count()
    page.get_by_role("button", name="wrong").first.click()
    assert gallery.locator(".card:visible").count() == wrong
    page.get_by_role("button", name="all").first.click()
    assert gallery.locator(".card:visible").count() == 10


def test_the_path_of_a_picture_shows_when_its_card_has_the_focus(files, visit):
    page = visit(files["classify"])
    card = page.locator(".card").first
    opacity = "e => getComputedStyle(e).opacity"
    assert card.locator(".path").evaluate(opacity) == "0"
    card.focus()
    page.wait_for_timeout(300)
    assert card.locator(".path").evaluate(opacity) == "1"


CONTRASTS = """() => {
    const parts = (text) => { const n = text.match(/[\\d.]+/g).map(Number);
                              return text.startsWith("color(") ? [...n.slice(0, 3).map(v => 255 * v), n[3] ?? 1]
                                                               : [n[0], n[1], n[2], n[3] ?? 1]; };
    const over = (top, below) => [...[0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])), 1];
    const light = (colour) => { const [r, g, b] = colour.map(v => v / 255).map(
        v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.push(parts(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const cells = (text, svg) => {  // what is painted under a text of a chart
        text.scrollIntoView({ block: "center", inline: "center" });
        const box = text.getBoundingClientRect();
        return document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
            .filter(e => ["path", "rect"].includes(e.tagName) && getComputedStyle(e).fill !== "none").reverse()
            .reduce((below, e) => { const style = getComputedStyle(e), colour = parts(style.fill);
                colour[3] *= style.fillOpacity * style.opacity; return over(colour, below); }, ground(svg));
    };
    for (const details of document.querySelectorAll("details")) details.open = true;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const text = walker.currentNode, element = text.parentElement;
        if (!text.textContent.trim() || element.closest("script, style, title")) continue;
        const svg = element.closest("svg"), style = getComputedStyle(element);
        const below = svg ? cells(element, svg) : ground(element);
        const high = [light(below), light(over(parts(svg ? style.fill : style.color), below))].sort((a, b) => b - a);
        found.push([(high[0] + 0.05) / (high[1] + 0.05), text.textContent.trim(), style.color, below.join()]);
    }
    return found;
}"""
"""The contrast of every text on a page. Source: WCAG 2.2, relative luminance and contrast ratio."""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_has_enough_contrast_for_reading(all_files, visit, scheme):
    for name, path in all_files.items():
        found = visit(path, scheme=scheme).evaluate(CONTRASTS)
        assert len(found) > 50
        assert [entry for entry in found if entry[0] < 4.5] == [], name


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_confusion_matrix_of_any_share_can_be_read(visit, tmp_path, scheme):
    from toolkit.report.confusion_figure import confusion_figure
    from toolkit.report.html import render
    from toolkit.report.page import Chart, Column, Page, Section, Table
    from toolkit.report.style import to_svg

    right = np.linspace(1, 100, 40).round().astype(np.int64)
    confusion = np.diag(right)
    confusion[np.arange(40), (np.arange(40) + 1) % 40] = 100 - right
    svg = to_svg(confusion_figure(confusion, [f"c{i}" for i in range(40)]), title="t")
    chart = Chart(svg=svg, caption="c", table=Table(columns=[Column("a")], rows=[], caption="c"))
    page = Page(command="c", title="t", lead="l", figures=[], sections=[Section(heading="h", charts=[chart])])
    (tmp_path / "m.html").write_text(render(page), encoding="utf-8")
    found = visit(tmp_path / "m.html", scheme=scheme).evaluate(CONTRASTS)
    assert sum(entry[1].isdigit() for entry in found) >= 79
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_a_long_file_name_is_cut_in_the_middle_and_its_end_stays(files, visit):
    for width in (WIDE, PHONE):
        card = visit(files["classify"], width=width).locator(".card:not(.failed)").first
        start, end, box = (
            card.locator(selector).evaluate("e => e.getBoundingClientRect().toJSON()")
            for selector in (".file .start", ".file .end", ".file")
        )
        assert card.locator(".file .start").evaluate("e => e.scrollWidth > e.clientWidth + 50")
        assert start["right"] <= end["left"] + 0.5
        assert end["right"] <= box["right"] + 0.5
        assert card.locator(".file .end").inner_text() == "t_any_space_.png"[-12:]


def test_what_scrolls_sideways_keeps_its_caption_in_sight(all_files, visit):
    page = visit(all_files["evaluate"], width=PHONE)
    table = page.locator("section", has_text="Class by class").locator(".scroll").first
    assert table.evaluate("e => e.scrollWidth > e.clientWidth")
    right = table.locator("caption span").evaluate("e => e.getBoundingClientRect().right")
    assert right <= PHONE
    table.evaluate("e => e.scrollLeft = 1000")
    assert table.locator("caption span").evaluate("e => e.getBoundingClientRect().left") >= 0


def test_a_number_and_the_text_beside_it_stand_apart(files, visit):
    table = (
        visit(files["classify"]).locator("section", has_text="What could not be classified").locator("table")
    )
    number, path = table.locator("tbody tr > *").evaluate_all(
        """cells => cells.slice(0, 2).map(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getBoundingClientRect().toJSON();
        })"""
    )
    assert path["left"] - number["right"] >= 10


def test_without_any_truth_the_filter_says_classified(visit, tiny_model, colour_folder, tmp_path):
    (colour_folder / "red" / "broken.png").write_bytes(b"not a picture")
    options = ClassifyOptions(
        paths=(str(colour_folder),), model=str(tiny_model), device="cpu", output=tmp_path / "p.csv"
    )
    (tmp_path / "page.html").write_text(classify_page.page(classify(options)), encoding="utf-8")
    buttons = visit(tmp_path / "page.html").locator(".filter button").all_inner_texts()
    assert buttons == ["all 13", "classified 12", "could not be classified 1"]


def test_on_a_telephone_a_sentence_in_a_table_has_room_and_a_word_takes_none(
    visit, benchmark_document, tmp_path
):
    gate = {"name": "latency", "subject": "a case", "met": False, "message": "missed by a factor of two " * 4}
    page = bench_page.page({**benchmark_document, "gates": [gate]})
    (tmp_path / "gates.html").write_text(page, encoding="utf-8")
    row = visit(tmp_path / "gates.html", width=PHONE).locator("section", has_text="Gates").locator("tbody tr")
    name, _, outcome, message = row.locator("> *").evaluate_all("all => all.map(e => e.clientWidth)")
    assert name < 100
    assert outcome < 100
    assert message >= 240


def test_paper_has_the_colours_of_a_light_page_whatever_the_system_prefers(all_files, visit):
    fills = {}
    for scheme in SCHEMES:
        page = visit(all_files["bench"], scheme=scheme)
        page.emulate_media(media="print", color_scheme=scheme)
        style = "e => [getComputedStyle(e).fill, getComputedStyle(e).stroke].join()"
        fills[scheme] = page.locator("svg.chart path").evaluate_all(f"all => all.map({style})")
    assert fills["light"] == fills["dark"]


def test_in_a_system_of_high_contrast_bars_and_the_pressed_button_can_still_be_seen(chromium, files):
    context = chromium.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(files["classify"].as_uri())
    ground = "e => getComputedStyle(e).backgroundColor"
    bar, track = (page.locator(selector).first.evaluate(ground) for selector in (".bar", ".track"))
    pressed, other = (page.locator(".filter button").nth(place).evaluate(ground) for place in (0, 1))
    body = page.locator("body").evaluate(ground)
    context.close()
    assert len({bar, track, body}) == 3
    assert pressed != other


def test_rows_have_headers_too_for_those_who_hear_a_table(all_files, visit):
    page = visit(all_files["evaluate"])
    table = page.locator("section", has_text="Class by class").locator("table").first
    assert table.locator("tbody th[scope=row]").all_inner_texts() == ["ant", "bee <b>", "crab", "dodo & co"]
    assert table.locator("thead th[scope=col]").count() == 5


def test_pages_of_every_command_close_with_machine_version_and_day(all_files, visit):
    for path in all_files.values():
        page = visit(path, scripts=False)
        assert page.locator("h1").count() == page.locator("title").count() == 1
        assert page.locator("h2").last.inner_text() == "Machine and versions"
        assert page.locator("footer time").get_attribute("datetime")[:2] == "20"
        assert page.locator("table").count() == page.locator("caption").count()
        assert page.locator("img:not([alt]), svg.chart:not([aria-label])").count() == 0


def test_the_colour_scheme_of_the_system_decides(all_files, visit):
    grounds = {
        scheme: visit(all_files["bench"], scheme=scheme).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in SCHEMES
    }
    assert grounds["light"] != grounds["dark"]
    strokes = {
        scheme: visit(all_files["bench"], scheme=scheme)
        .locator("svg.chart text")
        .first.evaluate("e => getComputedStyle(e).fill")
        for scheme in SCHEMES
    }
    assert strokes["light"] != strokes["dark"]


def test_everything_can_be_read_without_scripts(files, visit):
    page = visit(files["classify"], scripts=False)
    assert page.locator(".gallery").first.locator(".card").count() == 10
    assert page.locator("th button").count() == 0
    assert page.locator("th").first.is_visible() or page.locator("summary").first.is_visible()


def test_no_chart_text_is_outside_its_chart(all_files, visit):
    for name, path in all_files.items():
        page = visit(path)
        outside = page.locator("svg.chart").evaluate_all(
            """all => all.flatMap(svg => {
                const box = svg.getBoundingClientRect();
                return [...svg.querySelectorAll("text")].filter(text => {
                    const own = text.getBoundingClientRect();
                    return own.left < box.left - 4 || own.right > box.right + 4;
                }).map(text => text.textContent);
            })"""
        )
        assert outside == [], name
