import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Listener

from toolkit.errors import DataError
from toolkit.models.matching import Unnamed, column_order, match_classes, tell_order

names = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=8, unique=True)


@given(
    names.flatmap(
        lambda labels: st.tuples(st.just(labels), st.permutations(labels), st.integers(1, len(labels)))
    )
)
def test_each_class_is_matched_to_the_output_of_its_name_in_any_order(case):
    labels, order, count = case
    classes = order[:count]
    assert [labels.index(name) for name in classes] == match_classes(classes, labels, where="data").tolist()


def test_outputs_without_names_are_matched_by_position():
    assert match_classes(["red", "green", "blue"], ["0", "1", "2"], where="data").tolist() == [0, 1, 2]


def test_outputs_named_by_number_match_classes_named_by_number():
    assert match_classes(["2", "0"], ["0", "1", "2"], where="data").tolist() == [2, 0]


def test_classes_without_names_are_matched_by_position():
    assert match_classes(["0", "1"], ["red", "green", "blue"], where="data").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("classes", "labels", "told"),
    [
        (
            ["red", "green"],
            ["0", "1"],
            "the model has no class names: .* the classes of the data \\(red, green\\); --labels",
        ),
        (["0", "1"], ["red", "green"], "the data has no class names: .* those of the model \\(red, green\\)"),
    ],
)
def test_that_an_order_is_relied_on_is_told(classes: list[str], labels: list[str], told: str) -> None:
    listener = Listener()
    tell_order(classes, labels, listener)
    (notice,) = listener.notices
    assert re.search(told, notice)
    tell_order(classes, classes[::-1], listener)
    tell_order(labels[:1], labels, listener)
    assert len(listener.notices) == 1


def test_names_do_not_break_the_line_that_tells_of_the_order():
    listener = Listener()
    tell_order(["a\n\x1b[2J", "b"], ["0", "1"], listener)
    assert r"(a\n\x1b[2J, b)" in listener.notices[0]


def test_more_classes_without_names_than_outputs_are_refused():
    with pytest.raises(DataError, match="4 classes without names, the model only 3"):
        match_classes(["0", "1", "2", "3"], ["red", "green", "blue"], where="data")


def test_outputs_without_names_need_as_many_classes():
    with pytest.raises(DataError, match="2 classes, the model 3 outputs without names"):
        match_classes(["red", "green"], ["0", "1", "2"], where="data")


def test_an_unknown_class_is_named_with_the_nearest_label():
    with pytest.raises(DataError, match="'automobil'") as caught:
        match_classes(["cat", "automobil"], ["cat", "automobile"], where="data")
    assert "'automobile'" in caught.value.remedy


def test_many_unknown_classes_are_named_in_part_with_their_number():
    with pytest.raises(DataError, match="and 3 more"):
        match_classes([f"thing {i}" for i in range(8)], ["cat", "dog"], where="data")


@given(st.permutations(["cat", "dog", "é", "10", "2"]))
def test_classes_are_matched_by_name(names: list[str]) -> None:
    labels = ["cat", "dog", "é", "10", "2"]
    assert [names[i] for i in column_order(labels, names, where="x")] == labels


def test_a_model_without_names_is_matched_by_position() -> None:
    assert column_order(["cat", "dog"], ["0", "1"], where="x").tolist() == [0, 1]
    assert column_order(["0", "1"], ["dog", "cat"], where="x").tolist() == [0, 1]


def test_other_classes_are_named() -> None:
    with pytest.raises(DataError, match="'cow'"):
        column_order(["cat", "dog"], ["cow", "cat", "dog"], where="x")


def test_folders_named_by_number_are_not_guessed_for_a_model_without_names():
    folders = sorted(str(index) for index in range(12))  # "0", "1", "10", "11", "2": as Keras lists them
    with pytest.raises(DataError, match="'10' may mean its output of that number") as caught:
        match_classes(folders, Unnamed.of(12), where="data")
    assert "--labels FILE" in caught.value.remedy


def test_numbers_that_were_given_as_names_are_names():
    folders = sorted(str(index) for index in range(12))
    named = tuple(str(index) for index in range(12))
    assert match_classes(folders, named, where="data").tolist() == [int(name) for name in folders]
    assert match_classes(folders, tuple(folders), where="data").tolist() == list(range(12))


def test_numbers_in_order_mean_the_outputs_of_their_number():
    assert match_classes([str(i) for i in range(12)], Unnamed.of(12), where="data").tolist() == list(
        range(12)
    )
