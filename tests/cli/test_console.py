"""What a command says, and where."""

import pytest

from toolkit.cli.console import Console


def test_a_name_in_a_notice_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console().notice("passed over: \x1b[2Jcat\r, Männchen 🐱\n  and more")
    assert capsys.readouterr().err == "passed over: \\x1b[2Jcat\\r, Männchen 🐱\n  and more\n"


def test_a_name_in_a_result_cannot_steer_a_terminal_and_a_json_document_stays_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\x1b[1mlabel\x1b[0m\ncat\t\x1b[2J\u202e"
    shown = "\x1b[1mlabel\x1b[0m\ncat\\t\\x1b[2J\\u202e\n"
    for say in (Console().part, Console().line, lambda text: Console().result(dict, lambda: text)):
        say(text)
        assert capsys.readouterr().out == shown
    Console(json=True).line(text)
    assert capsys.readouterr().err == shown
    Console(json=True).part('"\x7f"')
    assert capsys.readouterr().out == '"\x7f"\n'


def test_a_next_command_is_shown_as_it_has_to_be_typed_or_not_at_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Console().next(
        "classify 'a\x1b[2J'", "classify 'Screenshot 11.02\u202fPM'", "classify 'a\u202eb'", "b\nc"
    )
    assert capsys.readouterr().err == "next: classify 'Screenshot 11.02\u202fPM'\n"
