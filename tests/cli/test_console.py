"""What a command says, and where."""

import pytest

from toolkit.cli.console import Console


def test_a_name_in_a_notice_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console().notice("passed over: \x1b[2Jcat\r, Männchen 🐱\n  and more")
    assert capsys.readouterr().err == "passed over: \\x1b[2Jcat\\r, Männchen 🐱\n  and more\n"
