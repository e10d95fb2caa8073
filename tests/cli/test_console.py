"""What a command says, and where."""

import pytest

from toolkit.cli.console import Console


def test_a_name_in_a_notice_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console().notice("passed over: \x1b[2Jcat\r, Männchen 🐱\n  and more")
    assert capsys.readouterr().err == "passed over: \\x1b[2Jcat\\r, Männchen 🐱\n  and more\n"


def test_a_next_command_is_shown_as_it_has_to_be_typed_or_not_at_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Console().next(
        "classify 'a\x1b[2J'", "classify 'Screenshot 11.02\u202fPM'", "classify 'a\u202eb'", "b\nc"
    )
    assert capsys.readouterr().err == "next: classify 'Screenshot 11.02\u202fPM'\n"
