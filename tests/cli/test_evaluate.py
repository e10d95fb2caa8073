"""`toolkit evaluate` through the real command: both streams, exit code, files."""

import json
import shlex
import shutil

import pytest
from support import CommandLine, encoded, error_line, picture

from toolkit import __version__


def test_the_answer_names_data_split_and_count_and_the_files_are_listed(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    (colour_folder / "red" / "04.png").write_bytes(encoded(picture((0, 0, 255))))
    done = toolkit(
        "evaluate", tiny_model, "--data", colour_folder, "--split", "train", "-o", "out", "--report", "r.html"
    )
    first = done.stdout.splitlines()[0]
    assert first.startswith("accuracy ")
    assert "(colours, train split, " in first
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "confusion.png", "gallery.png", "metrics.json", "predictions.csv"]  # fmt: skip
    for name in ("out/metrics.json", "out/predictions.csv", "out/confusion.png", "out/gallery.png", "r.html"):
        assert any(line.startswith(f"wrote {name} (") for line in done.stderr.splitlines())
        assert name not in done.stdout
    assert done.stderr.splitlines()[-1].startswith("next: toolkit bench ")


def test_the_next_command_has_the_options_that_were_typed(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    typed = [
        "evaluate",
        str(tiny_model),
        "--data",
        str(colour_folder),
        "--split=train",
        "--limit",
        "3",
        "--skip-broken",
    ]
    done = toolkit(*typed, "--report", "r.html")
    assert done.stderr.splitlines()[-1] == f"next: {shlex.join(['toolkit', *typed, '-o', 'evaluation'])}"
    split_in_two = tmp_path / "two\nlines"
    shutil.copytree(colour_folder, split_in_two)
    assert "next:" not in toolkit("evaluate", tiny_model, "--data", split_in_two, "--split", "train").stderr


def test_json_is_the_metrics_file_and_the_list_of_files(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    done = toolkit("evaluate", tiny_model, "--data", colour_folder, "--split", "train", "--json", "-o", "out")
    document = json.loads(done.stdout)
    files = document.pop("files")
    assert document == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert document["accuracy"] == 1
    assert len(files) == 4


def test_a_missed_gate_is_exit_code_4_with_the_amount_and_the_result_is_printed_all_the_same(
    toolkit: CommandLine, tiny_model, tmp_path
):
    for split, name, colour in (("test", "red", (0, 0, 255)), ("test", "blue", (0, 0, 255))):
        folder = tmp_path / "d" / split / name
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(encoded(picture(colour)))
    done = toolkit("evaluate", tiny_model, "--data", tmp_path / "d", "--min-accuracy", "0.75", "-q", check=4)
    assert done.stdout.startswith("accuracy 0.5000 ")
    assert done.stderr == "gate not met: accuracy 0.5000 is 0.2500 below --min-accuracy 0.75\n"
    assert toolkit("evaluate", tiny_model, "--data", tmp_path / "d", "--min-accuracy", "0.5").returncode == 0


def test_skipped_broken_pictures_are_named_with_exit_code_3(toolkit: CommandLine, tiny_model, colour_folder):
    for number in range(30):  # a fifth of them are in the other split
        (colour_folder / "red" / f"broken{number:02d}.png").write_bytes(b"not a picture")
    arguments = ("evaluate", tiny_model, "--data", colour_folder, "--split", "train")
    assert "broken" in error_line(toolkit(*arguments, check=1))
    told = toolkit(*arguments, "--skip-broken", check=3).stdout
    skipped = json.loads(toolkit(*arguments, "--skip-broken", "--json", check=3).stdout)["skipped"]
    assert len(skipped) > 20
    assert all(f"{each['path']}: {each['reason']}" in told for each in skipped)


def test_existing_outputs_are_refused_before_the_model_is_opened(
    toolkit: CommandLine, colour_folder, tmp_path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    done = toolkit("evaluate", "missing.onnx", "--data", colour_folder, "-o", "out", check=1)
    assert "isn't empty" in error_line(done)
    assert "--force" in error_line(done)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_force_replaces_the_outputs(toolkit: CommandLine, tiny_model, colour_folder, tmp_path):
    arguments = ("evaluate", tiny_model, "--data", colour_folder, "--split", "train", "-o", "out")
    toolkit(*arguments)
    (tmp_path / "out" / "metrics.json").write_text("old")
    toolkit(*arguments, "--force")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["accuracy"] == 1


def test_a_class_that_the_model_does_not_know_is_one_line(toolkit: CommandLine, tiny_model, colour_folder):
    (colour_folder / "blue").rename(colour_folder / "bluw")
    done = toolkit("evaluate", tiny_model, "--data", colour_folder, "--split", "train", check=1)
    assert "'bluw'" in error_line(done)
    assert "'blue'" in error_line(done)


def test_wrong_usage_is_exit_code_2(toolkit: CommandLine, tiny_model):
    done = toolkit("evaluate", tiny_model, "--data", "x", "--split", "tset", check=2)
    assert "did you mean 'test'" in error_line(done)


def test_an_evaluation_that_fails_leaves_no_folder_behind(toolkit: CommandLine, tiny_model, tmp_path):
    toolkit("evaluate", tiny_model, "--data", "missing", "-o", "out", "--report", "p/r.html", check=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "r.txt"], "end it in .html or .htm"),
        (["--report", "r"], "end it in .html or .htm"),
        (["-o", "metrics.json"], "give the name of a folder"),
    ],
)
def test_outputs_are_called_as_what_they_are(toolkit: CommandLine, arguments, words):
    assert words in error_line(toolkit("evaluate", "m.onnx", "--data", "x", *arguments, check=2))


def test_the_page_names_the_machine_the_command_line_and_the_day(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    toolkit("evaluate", tiny_model, "--data", colour_folder, "--split", "train", "--report", "r.html", "-q")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<dt>command line</dt><dd>toolkit evaluate" in page
    assert "<dt>processor</dt>" in page
    assert f"Made by toolkit {__version__} on <time" in page


def test_robustness_is_a_table_two_files_and_a_part_of_the_page(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    arguments = ("evaluate", tiny_model, "--data", colour_folder, "--split", "train", "--robustness")
    done = toolkit(*arguments, "-o", "out", "--report", "r.html")
    assert "Accuracy % on damaged pictures (100.0 undamaged)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {"robustness.csv", "robustness.png"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert "On worse pictures" in (tmp_path / "r.html").read_text(encoding="utf-8")
    found = json.loads(toolkit(*arguments, "--json").stdout)["robustness"]
    assert {each["kind"] for each in found} >= {"JPEG quality", "blur", "noise", "size"}
    # An evaluation without it leaves no figures of another one beside its own.
    toolkit(*arguments[:-1], "-o", "out", "--force")
    assert not {"robustness.csv", "robustness.png"} & {path.name for path in (tmp_path / "out").iterdir()}


def test_a_folder_of_class_folders_is_told_to_be_read_in_part(
    toolkit: CommandLine, tiny_model, colour_folder, tmp_path
):
    told = (
        f"{colour_folder} has class folders only: its test split is a fifth of each class, 3 of 12 pictures"
    )
    done = toolkit("evaluate", tiny_model, "--data", colour_folder)
    assert done.stderr.count(told) == 1
    assert "has class folders only" not in done.stdout
    assert toolkit("evaluate", tiny_model, "--data", colour_folder, "-q", "--json").stderr == ""


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--device", "cuda", 1),
        ("--device", "cuda:1", 1),
        ("--device", "provider:OpenVINO", 1),
        ("--device", "gpu", 2),
        ("--threads", "0", 2),
        ("--provider-option", "use_tf32=0", 2),
    ],
)
def test_what_keras_would_pass_over_in_silence_is_refused_for_a_keras_model(
    toolkit: CommandLine, colour_folder, option, value, code
):
    done = toolkit("evaluate", "mine.keras", "--data", colour_folder, option, value, check=code)
    assert option in error_line(done)
    assert done.stdout == ""


def test_that_keras_chooses_its_own_threads_is_said(toolkit: CommandLine, colour_folder):
    arguments = ("evaluate", "missing.keras", "--data", colour_folder, "--device", "cpu")
    done = toolkit(*arguments, "--threads", "2", check=1)
    assert done.stderr.startswith("warning: --threads is for ONNX models")
    assert "missing.keras" in done.stderr.splitlines()[-1]
    assert "warning" not in toolkit(*arguments, check=1).stderr
