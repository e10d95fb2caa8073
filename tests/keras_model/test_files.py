from pathlib import Path

import pytest

from toolkit.keras_model.files import code_layers, looks_like_keras


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("m.keras", b"", True),
        ("m.h5", b"", True),
        ("m.onnx", b"PK\x03\x04", False),
        ("m.bin", b"\x89HDF\r\n\x1a\n", True),
        ("m.bin", b"\x08\x08", False),
    ],
)
def test_a_file_is_taken_for_keras_by_its_name_or_content(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert looks_like_keras(str(tmp_path / name)) is expected


def test_a_folder_named_like_a_shipped_model_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper-cnn").mkdir()
    (tmp_path / "other").mkdir()
    assert not looks_like_keras("paper-cnn")
    assert looks_like_keras("other")
    (tmp_path / "paper-cnn" / "model.keras").write_bytes(b"")
    assert looks_like_keras("paper-cnn")


def test_layers_with_code_are_found_however_deep_and_nothing_else() -> None:
    inner = {"class_name": "Lambda", "config": {"name": "trick", "function": {"class_name": "__lambda__"}}}
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": "Dense", "config": {}}, inner]},
    }
    assert code_layers({"class_name": "Functional", "config": {"layers": [config]}}) == ["trick"]
    assert code_layers({"class_name": "Dense", "config": {"name": "Lambda"}}) == []
