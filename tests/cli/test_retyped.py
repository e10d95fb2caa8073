"""The next command: what was typed, without what it wrote."""

import pytest

from toolkit.cli.retyped import retyped


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("bench a.onnx", "bench a.onnx"),
        ("bench a.onnx --scenario server --rate 100", "bench a.onnx --scenario server --rate 100"),
        ("bench -o x.json a.onnx --rate=100 --force", "bench a.onnx --rate=100"),
        ("bench a.onnx -ox.json --output=y.json --report=p.html", "bench a.onnx"),
        ("bench a.onnx --output y.json --report p.html -q", "bench a.onnx -q"),
        ("bench a.onnx -qo x.json --json", "bench a.onnx -q --json"),
        ("bench a.onnx -qox.json", "bench a.onnx -q"),
        ("bench a.onnx -o", "bench a.onnx"),
        ("bench --provider-option a=-o", "bench --provider-option a=-o"),
    ],
)
def test_what_was_typed_is_kept_but_for_the_files_it_wrote(typed: str, expected: str) -> None:
    assert retyped(["-o", "b.json"], arguments=typed.split()) == f"toolkit {expected} -o b.json"


def test_what_is_added_stands_before_the_end_of_the_options() -> None:
    assert retyped(["-o", "b"], arguments=["bench", "--", "-odd.onnx"]) == "toolkit bench -o b -- -odd.onnx"


def test_names_are_quoted_and_other_flags_can_be_left_out() -> None:
    typed = ["bench", "my model.onnx", "--json", "--threads", "1"]
    assert retyped(["--baseline", "my r.json"], without=["--json"], arguments=typed) == (
        "toolkit bench 'my model.onnx' --threads 1 --baseline 'my r.json'"
    )
