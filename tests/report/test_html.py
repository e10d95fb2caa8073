import base64
import hashlib
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from toolkit.report.html import render, thumbnail
from toolkit.report.page import Bar, Card, Cell, Column, KeyFigure, Page, Section, Table

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&"


def page_of(text):
    """A page with the same text in every place that takes one."""
    table = Table(columns=[Column(text)], rows=[[text], [Cell(text, sort=1, kind="wrong")]], caption=text)
    card = Card(
        image=None, alternative=text, path=text, predicted=text, truth=text, bars=[Bar(text, 0.5, "right")]
    )
    failed = Card(image=None, alternative=text, path=text, error=text)
    return Page(
        command=text,
        title=text,
        lead=text,
        figures=[KeyFigure(value=text, unit=text, label=text, warning=text)],
        warnings=[text],
        sections=[
            Section(
                heading=text, text=text, cards=[card, failed], table=table, facts=[(text, text)], lines=[text]
            )
        ],
    )


def test_no_text_becomes_markup():
    html = render(page_of(ATTACK))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 15


@given(st.text(max_size=30))
def test_any_text_makes_a_page(text):
    html = render(page_of(text))
    assert html.startswith("<!doctype html>")
    assert html.count("<script>") == 1


def test_no_name_turns_round_the_text_behind_it_and_the_filters_have_it_as_it_is():
    html = render(page_of("a\u202eb\tc"))
    assert html.count("a\u202eb\tc") == 2  # the values that the filters compare
    assert 'data-predicted="a\u202eb\tc"' in html
    assert r"<bdi>a\u202eb\tc</bdi> 0% (<bdi>a\u202eb\tc</bdi>)" in html


def test_a_number_and_its_unit_stay_on_one_line_but_for_paths():
    html = render(page_of("95 % of 2 s, 8 × 8, 3 models"))
    whole = "95\N{NO-BREAK SPACE}% of 2\N{NO-BREAK SPACE}s, 8\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}8, 3 models"
    assert f"<h1>{whole}</h1>" in html
    assert f'<dd class="warning">{whole}</dd>' in html
    assert '<p class="path">95 % of 2 s, 8 × 8, 3 models</p>' in html


def test_the_policy_allows_nothing_but_the_pages_own_style_and_script():
    html = render(page_of("x"))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.replace("&#39;", "'").split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_page_refers_to_nothing_outside_itself():
    html = render(page_of("x"))
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert "url(" not in html
    assert "@import" not in html


def pixels(uri):
    content = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)))


def test_a_small_picture_keeps_every_pixel_and_is_enlarged():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    uri, small = thumbnail(image, cards=20)
    assert small
    assert (pixels(uri) == image).all()


@pytest.mark.parametrize(("cards", "side"), [(60, 128), (61, 64)])
def test_a_large_picture_is_made_small_in_its_own_shape(cards, side):
    uri, small = thumbnail(np.zeros((300, 600, 3), np.uint8), cards=cards)
    assert not small
    assert pixels(uri).shape == (side // 2, side, 3)


@pytest.mark.parametrize("cards", [60, 250])
def test_the_noisiest_thumbnails_of_a_full_page_stay_under_5_mb(cards):
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    uri, _ = thumbnail(noise, cards=cards)
    assert len(uri) * cards < 5_000_000
