"""What a command says, and where."""

import pytest
import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_missed
from toolkit.errors import ExitCode


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


def test_a_name_in_a_missed_gate_can_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        report_missed(["a\x1b[31m.onnx, cpu: p50 is 2 ms"])
    assert ended.value.exit_code == ExitCode.GATE_NOT_MET
    assert capsys.readouterr().err == "gate not met: a\\x1b[31m.onnx, cpu: p50 is 2 ms\n"
