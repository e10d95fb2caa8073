import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import ModelError
from toolkit.keras_model.files import code_layers, kind_of, looks_like_keras, stand_in


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


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that root can't read, either")
def test_a_file_that_the_system_does_not_let_be_read_is_not_called_another_format(tmp_path: Path) -> None:
    (tmp_path / "model.keras").symlink_to("/proc/self/mem")
    (tmp_path / "model").symlink_to("/proc/self/mem")
    with pytest.raises(ModelError, match=r"^can't be read: Input/output error .*check its permissions"):
        kind_of(tmp_path / "model.keras")
    assert not looks_like_keras(str(tmp_path / "model"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.keras")
    call = (
        "import sys; from pathlib import Path; from toolkit.keras_model.files import kind_of;"
        " kind_of(Path(sys.argv[1]))"
    )
    # In a process of its own: one that waits for the pipe is ended rather than waited for.
    ended = subprocess.run(
        [sys.executable, "-c", call, str(tmp_path / "model.keras")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "not a regular file" in ended.stderr


@pytest.mark.parametrize("allowed", [True, False])
def test_where_links_are_not_allowed_a_copy_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1314, "a required privilege is not held by the client")  # Windows

    if not allowed:
        monkeypatch.setattr(Path, "symlink_to", refuse)
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"weights")
    stand_in(tmp_path / "variables", tmp_path / "folder")
    stand_in(tmp_path / "variables" / "data", tmp_path / "model.h5")
    assert (tmp_path / "folder" / "data").read_bytes() == (tmp_path / "model.h5").read_bytes() == b"weights"
    assert (tmp_path / "folder").is_symlink() is (tmp_path / "model.h5").is_symlink() is allowed
