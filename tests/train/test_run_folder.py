from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import InputError, UsageError
from toolkit.train.run_folder import (
    HISTORY,
    RECORD,
    Epoch,
    read_history,
    read_record,
    refuse_other_run,
    write_history,
)

NUMBERS = st.floats(0, 1e6).map(lambda x: float(f"{x:.6g}"))
EPOCHS = st.builds(
    Epoch,
    epoch=st.integers(1, 1000),
    loss=NUMBERS,
    accuracy=NUMBERS,
    val_loss=st.none() | NUMBERS,
    val_accuracy=st.none() | NUMBERS,
    seconds=NUMBERS,
    learning_rate=st.none() | NUMBERS,
)


@given(st.lists(EPOCHS, max_size=5))
def test_a_history_comes_back_as_it_was_written(history: list[Epoch]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_history(Path(folder), history)
        assert read_history(Path(folder)) == history


def test_the_history_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    write_history(tmp_path, [])
    assert (
        tmp_path / HISTORY
    ).read_text() == "epoch,loss,accuracy,val_loss,val_accuracy,seconds,learning_rate\n"


def test_a_damaged_history_or_record_is_named(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text("epoch,loss\nx,y\n")
    with pytest.raises(InputError, match="history can't be read"):
        read_history(tmp_path)
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(InputError, match="can't be read"):
        read_record(tmp_path)


def test_a_record_of_another_tool_is_no_run_to_go_on_with(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    (tmp_path / RECORD).write_text('{"command": "make"}')
    assert read_record(tmp_path) is None


def record(**changes: object) -> dict[str, object]:
    settings = {"epochs": 3, "batch_size": 32}
    known = {"settings": settings, "recipe": "r", "data_digest": "d", "classes": ["a"], "seed": 0}
    return {**known, **changes}


def test_a_run_goes_on_with_more_epochs() -> None:
    refuse_other_run(record(), record(settings={"epochs": 9, "batch_size": 32}), Path("run"))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (record(settings={"epochs": 3, "batch_size": 64}), "another batch size: 32, not 64"),
        (record(data_digest="e"), "the pictures aren't those that the run was begun with"),
        (record(classes=["a", "b"]), "the classes aren't those that the run was begun with"),
        (record(seed=1), "another seed: 0, not 1"),
        (record(recipe="s", settings={"epochs": 9, "batch_size": 64}), "another recipe: r, not s"),
    ],
)
def test_a_run_begun_with_something_else_is_not_resumed(now: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        refuse_other_run(record(), now, Path("run"))


def test_what_follows_from_other_pictures_is_not_taken_for_another_option() -> None:
    def run(digest: str, *, weighs: bool, asked: bool | None = None) -> dict[str, object]:
        settings = {"epochs": 3, "batch_size": 32, "class_weights": weighs}
        return record(settings=settings, data_digest=digest, given={"class_weights": asked})

    earlier = run("d", weighs=False)
    with pytest.raises(UsageError, match="the pictures aren't those that the run was begun with"):
        refuse_other_run(earlier, run("e", weighs=True), Path("run"))
    with pytest.raises(UsageError, match="another class weights: False, not True"):
        refuse_other_run(earlier, run("e", weighs=True, asked=True), Path("run"))
    with pytest.raises(
        UsageError, match="another class weights"
    ):  # weighed by another rule of another version
        refuse_other_run(earlier, run("d", weighs=True), Path("run"))


def test_fewer_epochs_than_are_done_are_bad_usage() -> None:
    earlier = record(epochs_done=3)
    refuse_other_run(earlier, record(), Path("run"))
    fewer = record(settings={"epochs": 2, "batch_size": 32})
    with pytest.raises(UsageError, match=r"3 epochs .* are done already, more than 2") as caught:
        refuse_other_run(earlier, fewer, Path("run"))
    assert "--epochs 3 or more" in caught.value.remedy
