import pytest

from toolkit.spreadsheets import safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert safe_cell(f"{start}1+1.jpg") == f"'{start}1+1.jpg"
    assert safe_cell(f"a{start}1.jpg") == f"a{start}1.jpg"
