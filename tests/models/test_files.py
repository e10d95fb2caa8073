import hashlib
import shutil
from pathlib import Path

import onnx
import pytest
from support import colour_model

from toolkit.models.files import digest_of, model_files


def test_the_digest_of_one_file_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(colour_model(), path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest_of(model_files(str(path)).values()) == expected


def test_weights_beside_a_model_belong_to_it(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(colour_model(), path, save_as_external_data=True, location="m.data", size_threshold=0)
    files = model_files(str(path))
    assert list(files) == ["m.onnx", "m.data"]
    before = digest_of(files.values())
    content = bytearray((tmp_path / "m.data").read_bytes())
    content[0] ^= 1
    (tmp_path / "m.data").write_bytes(content)
    assert digest_of(model_files(str(path)).values()) != before


def test_weights_that_are_a_link_beside_a_model_that_is_one_belong_to_it(tmp_path: Path) -> None:
    whole, cache = tmp_path / "whole", tmp_path / "cache"
    for folder in (whole, cache / "blobs", cache / "snapshot"):
        folder.mkdir(parents=True)
    onnx.save(
        colour_model(), whole / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0
    )
    for number, name in enumerate(("m.onnx", "m.data")):
        shutil.copy(whole / name, cache / "blobs" / str(number))
        (cache / "snapshot" / name).symlink_to(Path("..", "blobs", str(number)))
    files = model_files(str(cache / "snapshot" / "m.onnx"))
    assert list(files) == ["m.onnx", "m.data"]
    assert digest_of(files.values()) == digest_of(model_files(str(whole / "m.onnx")).values())


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_has_the_file_itself(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert list(model_files(str(path))) == ["m.onnx"]
