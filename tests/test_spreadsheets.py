import pytest

from toolkit.spreadsheets import prediction_columns, safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert safe_cell(f"{start}1+1.jpg") == f"'{start}1+1.jpg"
    assert safe_cell(f"a{start}1.jpg") == f"a{start}1.jpg"


def test_the_columns_of_further_classes_come_in_pairs() -> None:
    assert prediction_columns(1) == ["path", "status", "label", "probability", "error"]
    assert prediction_columns(3)[4:] == ["label_2", "probability_2", "label_3", "probability_3", "error"]
