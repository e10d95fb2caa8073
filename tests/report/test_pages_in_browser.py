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


@pytest.fixture
def visit(chromium):
    """Open a page; at the end nothing was requested and nothing complained."""
    contexts, seen = [], []

    def open_page(path, *, width=WIDE, scheme="light", scripts=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        address = path.as_uri()
        page.on(
            "request", lambda r: seen.append(r.url) if r.url != address and r.url[:5] != "data:" else None
        )
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen == []


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


def test_both_schemes_have_enough_contrast_for_reading(all_files, visit):
    for scheme in SCHEMES:
        page = visit(all_files["evaluate"], scheme=scheme)
        ground = page.locator(".card").first.evaluate("e => getComputedStyle(e).backgroundColor")
        for selector in (
            "h2",
            ".lead",
            ".card.right h3",
            ".card.wrong h3",
            ".bars .name",
            "figcaption",
            "caption",
        ):
            colour = page.locator(selector).first.evaluate("e => getComputedStyle(e).color")
            assert contrast(colour, ground) >= 4.5, (scheme, selector, colour, ground)


def contrast(first, second):
    """Source: WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


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
