"""A real classifier and a folder with pictures of every fate."""

from pathlib import Path

import pytest
from support import encoded, picture

from toolkit.classify.classifier import Classifier, load


@pytest.fixture(scope="session")
def classifier(tiny_model: Path) -> Classifier:
    """A classifier that answers with a picture's mean colour, in batches of 4."""
    return load(tiny_model, device="cpu", threads=1, batch_size=4)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures whose colour is their number, and files that are none: 00.png ... 19.png, bad ones among them."""
    root = tmp_path_factory.mktemp("mixed")
    for number in range(20):
        content = encoded(picture((10 * number, 255 - 10 * number, 0), (5, 9)))
        broken = {3: b"", 7: content[:-30], 8: b"<html>not found</html>"}.get(number)
        (root / f"{number:02d}.png").write_bytes(content if broken is None else broken)
    return root
