import json
from pathlib import Path

import pytest
from support import Listener

from toolkit.cli.model_argument import open_predictor, tell_unfinished, tell_unused
from toolkit.observer import EachNoticeOnce


def told(argument: Path) -> list[str]:
    listener = Listener()
    tell_unfinished(str(argument), listener)
    return listener.notices


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"PK")
    (folder / "run.json").write_text(json.dumps({"finished": False}))
    return folder


def test_a_training_that_is_not_finished_is_told_by_its_folder_and_by_its_model(run_folder: Path) -> None:
    for argument in (run_folder, run_folder / "model.keras"):
        (notice,) = told(argument)
        assert notice.startswith(f"warning: the training in {run_folder} isn't finished")
        assert f"-o '{run_folder}' --resume" in notice


@pytest.mark.parametrize("record", [{"finished": True}, {}, [], None])
def test_of_any_other_run_nothing_is_told(run_folder: Path, record: object) -> None:
    (run_folder / "run.json").write_text(json.dumps(record))
    assert told(run_folder) == []


def test_another_model_in_the_folder_is_no_run(run_folder: Path, tmp_path: Path) -> None:
    (run_folder / "other.keras").write_bytes(b"PK")
    assert told(run_folder / "other.keras") == []
    assert told(tmp_path / "missing.keras") == []
    (run_folder / "run.json").write_text("{")
    assert told(run_folder) == []


@pytest.mark.keras
@pytest.mark.parametrize(
    ("units", "activation", "told"), [(3, "sigmoid", 1), (3, "softmax", 0), (1, "sigmoid", 0), (3, None, 0)]
)
def test_a_keras_model_of_several_labels_is_told_once_as_its_onnx_file_is(
    tmp_path: Path, units: int, activation: str | None, told: int
) -> None:
    from toolkit.keras_model.tensorflow import import_keras

    keras = import_keras("tests")
    layers = keras.layers
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(units, activation=activation)]
    keras.Sequential([keras.Input((4, 4, 3)), *stack]).save(tmp_path / "m.keras")
    listener = Listener()
    once = EachNoticeOnce(listener)
    for _ in range(2):  # verify opens two
        open_predictor(str(tmp_path / "m.keras"), where="tests", observer=once)
    wanted = "m.keras is a multi-label model: each probability is that of one label by itself"
    assert [text.startswith(wanted) for text in listener.notices] == [True] * told


@pytest.mark.parametrize(
    ("models", "told"),
    [(["a.onnx", "paper-cnn"], ["--allow-code", "--custom-objects"]), (["a.onnx", "b.keras"], [])],
)
def test_options_for_code_are_told_to_be_of_no_use_where_no_model_is_of_keras(
    models: list[str], told: list[str]
) -> None:
    listener = Listener()
    tell_unused(models, allow_code=True, custom_objects="layers", observer=listener)
    assert [notice.split()[1] for notice in listener.notices] == told
