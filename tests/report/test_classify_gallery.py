"""What the cards of a page say about themselves, and why there may be no confusion matrix."""

import dataclasses
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import encoded, picture

from toolkit.classify.job import run
from toolkit.classify.options import ClassifyOptions
from toolkit.report.classify import page
from toolkit.report.html import render
from toolkit.report.page import Card, Chart, Column, Page, Section, Table


class Elements(HTMLParser):
    """Every element of a page that has data attributes, as a dictionary of them."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        data = {name: value for name, value in attributes if name.startswith("data-")}
        if data:
            self.found.append(data)

    def cards(self):
        return [data for data in self.found if "data-kind" in data]


@pytest.fixture
def result(colour_folder, tiny_model, tmp_path):
    """Twelve pictures in the folders of their classes, a blue one among the red ones, and a broken one."""
    (colour_folder / "red" / "04.png").write_bytes(encoded(picture((0, 60, 180))))
    (colour_folder / "red" / "broken.png").write_bytes(b"not a picture")
    return run(
        ClassifyOptions(
            paths=(str(colour_folder),), model=str(tiny_model), device="cpu", output=tmp_path / "p.csv",
            labels_from_folders=True,
        )
    )  # fmt: skip


def test_a_card_carries_its_predicted_class_its_true_class_and_its_confidence(result):
    wrong = {
        "data-kind": "wrong",
        "data-predicted": "blue",
        "data-confidence": "0.750000",
        "data-truth": "red",
    }
    cards = Elements(page(result)).cards()
    assert cards.count(wrong) == 2  # in the gallery and among the surest mistakes
    assert {card["data-truth"] for card in cards if card["data-kind"] == "right"} == {"red", "green", "blue"}


def test_a_card_of_a_picture_that_could_not_be_read_carries_none_of_them(result):
    assert {"data-kind": "failed"} in Elements(page(result)).cards()


def test_without_labels_no_card_has_a_true_class(result):
    examples = [dataclasses.replace(example, label=None) for example in result.examples]
    html = page(
        dataclasses.replace(result, examples=tuple(examples), mistakes=(), labelled=None, confusion=None)
    )
    assert "data-truth=" not in html
    assert html.count(" data-predicted=") == 13
    assert "There is no confusion matrix" not in html


NAMES = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1, max_size=300)


@given(NAMES, NAMES)
def test_any_class_name_comes_out_of_the_page_as_it_went_in(predicted, truth):
    card = Card(image=None, alternative="a", path="p", predicted=predicted, truth=truth, confidence=0.5)
    chart = Chart(
        svg="<svg></svg>",
        caption="c",
        table=Table(columns=[Column("a")], rows=[], caption="c"),
        classes=[truth, predicted],
    )
    section = Section(heading="h", charts=[chart], cards=[card])
    found = Elements(render(Page(command="c", title="t", lead="l", figures=[], sections=[section]))).found
    assert json.loads(found[0]["data-classes"]) == [truth, predicted]
    assert (found[1]["data-predicted"], found[1]["data-truth"]) == (predicted, truth)


def test_above_the_limit_the_page_says_why_there_is_no_confusion_matrix(result):
    labels = tuple(f"class {i}" for i in range(2049))
    many = dataclasses.replace(
        result, labels=labels, confusion=None, class_counts=np.bincount([0] * 13, minlength=2049)
    )
    reason = "There is no confusion matrix: the model has 2,049 classes, and it is kept for up to 2,048."
    html = page(many)
    assert reason in html
    assert "data-classes=" not in html
    assert "There is no confusion matrix" not in page(result)


def test_where_no_folder_is_named_like_a_class_the_page_says_so_too(result):
    html = page(dataclasses.replace(result, labelled=0, correct=0, mistakes=()))
    assert "There is no confusion matrix: no picture lies in a folder that is named like a class." in html
