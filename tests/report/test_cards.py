from pathlib import Path

import pytest
from PIL import Image
from support import encoded, picture

from toolkit.images.decode import DEFAULT_MAX_PIXELS
from toolkit.report.cards import picture_card

ANSWERS = [("red", 0.9), ("green", 0.1)]


def test_a_picture_above_the_default_limit_is_shown(tmp_path: Path) -> None:
    """A run with a larger --max-pixels classified it."""
    file, size = tmp_path / "huge.jpg", (15_000, 14_000)
    assert size[0] * size[1] > DEFAULT_MAX_PIXELS
    Image.new("L", size).save(file, quality=10)
    card = picture_card("huge.jpg", str(file), ANSWERS, truth=None, cards=1)
    assert card.image is not None
    assert card.alternative == "huge.jpg"
    assert not card.pixelated


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), (b"words", "a text file, not an image")]
)
def test_a_picture_that_is_gone_or_broken_meanwhile_leaves_its_card(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    if content is not None:
        file.write_bytes(content)
    card = picture_card("a.png", str(file), ANSWERS, truth="red", cards=1)
    assert card.image is None
    assert card.alternative == f"a.png, a picture of the class red; it can't be shown any more: {words}"
    file.write_bytes(encoded(picture((255, 0, 0))))
    again = picture_card("a.png", str(file), ANSWERS, truth="red", cards=1)
    assert (again.alternative, again.pixelated) == ("a.png, a picture of the class red", True)
