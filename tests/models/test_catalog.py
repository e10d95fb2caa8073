from pathlib import Path

import onnx
import pytest
from onnx import helper

from toolkit.errors import ModelError, UsageError
from toolkit.models import catalog as module
from toolkit.models.catalog import catalog, find_model, shipped_models


@pytest.fixture
def shelf(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models: `colours`, which says everything, and `bare`, which says nothing."""
    folder = tmp_path / "exported"
    folder.mkdir()
    model = onnx.load(tiny_model)
    for key, value in {"parameters": "1234", "macs": "5678", "relative_latency": "0.5"}.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, folder / "colours.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "bare.onnx")
    (folder / "README.md").touch()
    monkeypatch.setattr(module, "shipped_folder", lambda: folder)
    return folder


def change(path: Path, **metadata: str) -> None:
    model = onnx.load(path)
    helper.set_model_props(model, {**{p.key: p.value for p in model.metadata_props}, **metadata})
    onnx.save(model, path)


def test_figures_come_from_the_files_themselves(shelf: Path) -> None:
    bare, colours = catalog()
    assert colours.to_document() == {
        "name": "colours",
        "path": str(shelf / "colours.onnx"),
        "accuracy": 1.0,
        "data": "made in code",
        "recipe": "colours",
        "parameters": 1234,
        "macs": 5678,
        "size_bytes": (shelf / "colours.onnx").stat().st_size,
        "precision": "fp32",
        "relative_latency": 0.5,
    }
    unknown = ("accuracy", "data", "recipe", "parameters", "macs", "precision", "relative_latency")
    assert bare.name == "bare"
    assert {key: bare.to_document()[key] for key in unknown} == dict.fromkeys(unknown)


@pytest.mark.parametrize("key", ["parameters", "macs", "relative_latency"])
def test_a_figure_that_is_no_number_is_refused_with_the_file(shelf: Path, key: str) -> None:
    change(shelf / "colours.onnx", **{key: "many"})
    with pytest.raises(ModelError, match=r"a figure in its metadata can't be read: .*colours\.onnx"):
        catalog()


def test_a_broken_file_is_refused_with_its_name(shelf: Path) -> None:
    (shelf / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"not a valid ONNX file .*broken\.onnx") as caught:
        catalog()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("made", [True, False])
def test_an_empty_or_missing_folder_is_one_line(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "none"
    if made:
        folder.mkdir()
    with pytest.raises(ModelError, match=r"no shipped models .*install the package again"):
        catalog(folder)


def test_a_name_and_a_path_both_find_a_model(shelf: Path, tiny_model: Path) -> None:
    assert list(shipped_models()) == ["bare", "colours"]
    assert find_model("colours") == shelf / "colours.onnx"
    assert find_model(str(tiny_model)) == tiny_model


def test_a_file_of_that_name_comes_before_a_shipped_model(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "colours").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert find_model("colours") == Path("colours")


def test_an_unknown_name_gets_the_nearest_one_and_a_folder_its_own_words(shelf: Path) -> None:
    with pytest.raises(ModelError, match="did you mean 'colours'"):
        find_model("colors")
    with pytest.raises(ModelError, match="is a folder"):
        find_model(str(shelf))


@pytest.mark.parametrize("file", ["model.keras", "saved_model.pb", None])
def test_an_export_is_advised_for_a_folder_that_can_be_exported_only(
    shelf: Path, tmp_path: Path, file: str | None
) -> None:
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / (file or "picture.png")).touch()
    with pytest.raises(ModelError, match="is a folder") as caught:
        find_model(str(folder))
    advised = f"toolkit export '{folder}' -o 'my run.onnx'" in caught.value.remedy
    assert advised == (file is not None)
    assert ("no model is in it" in caught.value.what) == (file is None)


def test_the_command_that_exports_a_keras_file_is_quoted(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "my model.keras").touch()
    with pytest.raises(ModelError) as caught:
        find_model(str(tmp_path / "my model.keras"))
    assert f"toolkit export '{tmp_path}/my model.keras' -o 'my model.onnx'" in caught.value.remedy


def test_an_empty_name_is_no_model_and_not_the_default() -> None:
    with pytest.raises(UsageError, match="an empty name is no model"):
        find_model("")


def test_what_the_system_does_not_let_us_look_at_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "round.onnx").symlink_to("round.onnx")
    for name, words in (("n" * 300, "the name is too long"), (tmp_path / "round.onnx", "can't be looked at")):
        with pytest.raises(ModelError, match=words):
            find_model(str(name))
