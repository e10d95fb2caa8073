"""Pictures and answers -> the cards of a page's gallery."""

import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.evaluate.result import Example
from toolkit.report.gallery import shown_classes
from toolkit.report.html import LARGE_SIDE, thumbnail
from toolkit.report.page import Bar, Card, Kind

Answer = tuple[str, float]
MOST_BARS = 5


def class_bars(example: Example, labels: Sequence[str]) -> list[Bar]:
    """Return the most probable classes of an example, best first; the truth is always among them.

    Args:
        example: with all its probabilities.
        labels: class names in model order.
    """
    order = sorted(shown_classes(example), key=lambda i: (-float(example.probabilities[i]), i))
    best = order[:MOST_BARS]
    if example.truth not in best:
        best[-1] = example.truth
    return answer_bars(
        [(labels[i], float(example.probabilities[i])) for i in best],
        truth=labels[example.truth],
    )


def answer_bars(answers: Sequence[Answer], *, truth: str | None) -> list[Bar]:
    """Return bars for answers, best first: the truth blue, a wrong first answer red, others grey.

    Args:
        answers: (label, probability), best first.
        truth: the right label; None where it is unknown.
    """
    return [Bar(label, share, _bar_kind(label, truth, place)) for place, (label, share) in enumerate(answers)]


def _bar_kind(label: str, truth: str | None, place: int) -> Kind:
    if truth is None:
        return "other"
    if label == truth:
        return "right"
    return "wrong" if place == 0 else "other"


def example_card(example: Example, bars: Sequence[Bar], labels: Sequence[str], *, cards: int) -> Card:
    """Return the card of an evaluated example.

    Args:
        example: the picture and what the model says.
        bars: its probabilities.
        labels: class names in model order.
        cards: how many cards the page has.
    """
    image, small = thumbnail(example.image_hwc, cards=cards)
    truth, predicted = labels[example.truth], labels[example.predicted]
    return Card(
        image=image,
        pixelated=small,
        alternative=f"a picture of the class {truth}",
        kind="right" if example.right else "wrong",
        predicted=predicted,
        truth=truth,
        confidence=float(example.probabilities[example.predicted]),
        bars=bars,
        path=example.path,
    )


def picture_card(path: str, file: str, answers: Sequence[Answer], *, truth: str | None, cards: int) -> Card:
    """Return the card of a classified picture file.

    Args:
        path: as shown.
        file: to open for the thumbnail; one that can't be opened any more leaves the card without a picture.
        answers: (label, probability), best first, one or more.
        truth: the right label; None where it is unknown.
        cards: how many cards the page has.
    """
    name = Path(path).name
    image, small, problem = _thumbnail_of(file, cards=cards)
    label, share = answers[0]
    shown = f"{name}, a picture of the class {truth}" if truth is not None else name
    return Card(
        image=image,
        pixelated=small,
        alternative=f"{shown}; {problem}" if problem else shown,
        kind="other" if truth is None else "right" if label == truth else "wrong",
        predicted=label,
        truth=truth,
        confidence=share,
        bars=answer_bars(answers, truth=truth),
        path=path,
    )


def error_card(path: str, reason: str) -> Card:
    """Return the card of a picture that could not be classified.

    Args:
        path: as shown.
        reason: why not.
    """
    name = Path(path).name
    return Card(
        image=None,
        alternative=f"{name} could not be classified",
        path=path,
        error=reason,
    )


def _thumbnail_of(file: str, *, cards: int) -> tuple[str | None, bool, str]:
    from toolkit.images.decode import decode_near
    from toolkit.images.read import read_file

    try:
        # However large it is, the run's own limit let it pass; a large JPEG is decoded small, as the run did it.
        pixels, _ = decode_near(read_file(file), fitting=(LARGE_SIDE, LARGE_SIDE), max_pixels=sys.maxsize)
        image, small = thumbnail(pixels, cards=cards)
    except ToolkitError as problem:
        # It was there when it was classified; a page without one thumbnail is still a page.
        return None, True, f"it can't be shown any more: {problem.what}"
    return image, small, ""
