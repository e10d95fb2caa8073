"""Shared rules of the command line, through the real command."""

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from support import CommandLine, error_line

from toolkit import __version__
from toolkit.cli.app import COMMANDS, run

FULL = Path("/dev/full")


def test_help_lists_every_command_in_the_order_in_which_a_newcomer_meets_them(toolkit: CommandLine) -> None:
    text = toolkit("--help").stdout
    listed = [line.split()[0] for line in text.split("Commands:")[1].splitlines() if line.strip()]
    assert listed == list(COMMANDS)
    assert "..." not in text.split("Commands:")[1], "a summary is cut off"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_or_a_sentence(toolkit: CommandLine, command: str) -> None:
    done = toolkit(command, "--help")
    assert done.stdout.startswith(f"Usage: toolkit {command}")
    assert done.stderr == ""


def test_the_version_is_the_package_version(toolkit: CommandLine) -> None:
    assert toolkit("--version").stdout == f"toolkit {__version__}\n"


def test_no_arguments_show_the_help_and_count_as_wrong_usage(toolkit: CommandLine) -> None:
    assert "Commands:" in toolkit(check=2).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clasify"], "Did you mean 'classify'?"),
        (["models", "--bogus"], "No such option: --bogus"),
        (
            ["bench", "x", "--duration", "soon"],
            "'soon' is not a number (--duration): use digits and a decimal",
        ),
        (
            ["classify", "x", "-m", "m", "--batch-size", "x"],
            "'x' is not a whole number (--batch-size): use digits",
        ),
        (["bench", "x", "--streams", "1.5"], "'1.5' is not a whole number (--streams)"),
        (["verify", "only-one"], "Missing"),
        (["bench", "x", "-o", "r.html"], "end it in .json"),
        (["bench", "x", "--report", "r"], "end it in .html or .htm"),
        (["train"], "--data is missing"),
        (["train", "--data", "x"], "-o is missing"),
        (["train", "--data", "x", "-o", "run", "--optimizer", "adm"], "--optimizer"),
        (
            ["export", "m.keras", "-o", "m.onnx", "--precision", "int4"],
            "'int4' is not a choice (--precision): did you mean 'int8'? use fp32, fp16, int8 or auto",
        ),
        (["export", "m.keras", "-o", "m.onnx", "--calibration", "x"], "fp32 needs no calibration"),
        (["export", "m.keras", "-o", "m.tflite"], "does not end in .onnx"),
        (["export", "m.keras", "-o", "m.onnx", "--batch", "many"], "'many' is not a batch size"),
        (["classify", "x", "-m", "paper-cnn", "--device", "gpu"], "'gpu' is not a device"),
        (["classify", "x", "-m", "paper-cnn", "--device", "cuda:x"], "'cuda:x' is not a device"),
        (["classify", "x", "-m", "paper-cnn", "--threads", "0"], "--threads"),
        (["classify", "x", "--sort-into", ""], "an empty value (--sort-into)"),
        (["evaluate", "paper-cnn", "--data", "x", "-o", ""], "an empty value (--output)"),
        (["bench", "paper-cnn", "--baseline="], "an empty value (--baseline)"),
        (["bench", "paper-cnn", "--device", "cpu", "--device", ""], "an empty value (--device)"),
        (["export", "m.keras", "-o", "m.onnx", "--resize", ""], "an empty value (--resize)"),
        *(
            (
                [*command, "1000000000000"],
                f"1000000000000 is out of range ({command[-1]}): use a number from 1 to {most}",
            )
            for command, most in (
                (["bench", "x", "--batch-size"], 65536),
                (["classify", "x", "-m", "m", "--batch-size"], 65536),
                (["classify", "x", "-m", "m", "--top-k"], 100000),
                (["evaluate", "m", "--data", "x", "--batch-size"], 65536),
                (["evaluate", "m", "--data", "x", "--top-k"], 100000),
                (["verify", "m", "n", "--data", "x", "--batch-size"], 65536),
                (["export", "m.keras", "-o", "m.onnx", "--batch"], 65536),
                (["train", "--data", "x", "-o", "run", "--batch-size"], 65536),
            )
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    toolkit: CommandLine, arguments: list[str], words: str
) -> None:
    done = toolkit(*arguments, check=2)
    assert words in error_line(done)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "missing.onnx"], "no such model file"),
        (["inspect", "paper-cn"], "did you mean 'paper-cnn'?"),
        (["inspect", "missing.keras"], "no such model"),
        (["evaluate", "missing.onnx", "--data", "x"], "no such model file"),
        (["train", "--data", "missing-folder", "-o", "run"], "missing-folder"),
    ],
)
def test_what_is_missing_is_named_on_one_line_with_exit_code_1(
    toolkit: CommandLine, arguments: list[str], words: str
) -> None:
    assert words in error_line(toolkit(*arguments, check=1))


def test_the_trace_is_shown_on_request_only(toolkit: CommandLine) -> None:
    assert "Traceback" not in toolkit("inspect", "missing.onnx", check=1).stderr
    done = toolkit("inspect", "missing.onnx", "--traceback", check=1)
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_cuda_without_a_gpu_fails_with_the_reason_and_never_falls_back(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    done = toolkit("classify", colour_folder, "-m", tiny_model, "--device", "cuda", check=None)
    if done.returncode == 0:
        pytest.skip("this machine has a working GPU")
    assert done.returncode == 1
    assert "CUDA execution provider did not start" in error_line(done)
    assert done.stdout == ""


def test_auto_says_on_standard_error_what_it_took(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    done = toolkit("classify", colour_folder, "-m", tiny_model)
    assert "device: " in done.stderr
    assert "device: " not in toolkit("classify", colour_folder, "-m", tiny_model, "--device", "cpu").stderr


@pytest.mark.parametrize("command", [["models"], ["doctor"], ["inspect", "{model}"], ["train", "--list"]])
def test_json_is_one_document_on_standard_output(
    toolkit: CommandLine, tiny_model: Path, command: list[str]
) -> None:
    filled = [part.format(model=tiny_model) for part in command]
    json.loads(toolkit(*filled, "--json").stdout)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line(tiny_model: Path) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", "inspect", str(tiny_model)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "no space left" in error_line(done)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["train", "--list"]])
def test_a_full_disk_is_named_whoever_prints(arguments: list[str]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "no space left" in error_line(done)


def test_closed_standard_streams_are_no_defect(tiny_model: Path) -> None:
    command = f'exec "{sys.executable}" -m toolkit inspect "{tiny_model}" >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


def test_a_keras_file_in_place_of_an_onnx_file_says_how_to_export_it(
    toolkit: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "m.keras").write_bytes(b"PK")
    line = error_line(toolkit("classify", "x", "-m", "m.keras", "--device", "cpu", check=1))
    assert "toolkit export m.keras -o m.onnx" in line


@pytest.mark.parametrize("command", ["inspect", "classify", "help", "stdout"])
def test_a_reader_that_goes_away_ends_it_quietly_as_any_tool(
    command: str, tiny_model: Path, colour_folder: Path
) -> None:
    arguments = {
        "inspect": ["inspect", tiny_model],
        "classify": ["classify", colour_folder, "-m", tiny_model],
        "help": ["--help"],
        "stdout": ["classify", colour_folder, "-m", tiny_model, "-o", "/dev/stdout", "-q"],
    }[command]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, arguments)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 141
    assert not any(word in done.stderr for word in ("error", "Traceback", "Exception ignored"))


def test_a_module_that_ends_the_program_is_no_closed_pipe(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text("raise SystemExit('no licence')")
    code = "import sys; from toolkit.cli import app; app.build = lambda: __import__('ending'); sys.exit(app.run([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (1, "no licence")


@pytest.mark.parametrize(
    ("module", "content"),
    [
        ("onnxruntime", "raise ImportError('initialization failed') from KeyboardInterrupt()"),
        (
            "onnxruntime",
            "try:\n    raise KeyboardInterrupt\nexcept KeyboardInterrupt:\n    raise SystemError('x')",
        ),
        ("typer", "raise KeyboardInterrupt"),
    ],
)
def test_ctrl_c_in_an_import_is_no_defect(
    module: str, content: str, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "classify", colour_folder, "-m", tiny_model, "-q"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode in (130, -signal.SIGINT)
    assert error_line(done).startswith("error: interrupted (Ctrl-C)")


def test_ctrl_c_ends_with_130_and_one_line(tiny_model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "bench", str(tiny_model), "--duration", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "error: interrupted (Ctrl-C): what was finished is kept" in stderr.splitlines()


@pytest.mark.parametrize("command", [[], ["classify"], ["doctor"]])
def test_help_tells_of_the_trace(toolkit: CommandLine, command: list[str]) -> None:
    assert "--traceback" in toolkit(*command, "--help").stdout


def test_behind_two_dashes_a_file_may_be_called_anything(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("classify", "-m", tiny_model, "--", "--traceback", check=3)
    assert done.stdout.splitlines()[2].split()[0] == "--traceback"


@pytest.mark.parametrize("arguments", [["inspect", "{}.onnx"], ["classify", "x", "-m", "{}", "-o", "{}.csv"]])
def test_a_name_that_no_file_can_have_is_one_line(toolkit: CommandLine, arguments: list[str]) -> None:
    line = error_line(toolkit(*[part.format("n" * 300) for part in arguments], check=1))
    assert "the name is too long (nnnn" in line
    assert "defect" not in line


def test_a_polite_kill_ends_like_ctrl_c(tiny_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toolkit", "classify", "-", "-m", str(tiny_model), "-o", "out.csv"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("gone.png\n" * 200)
        process.stdin.flush()
        while not list(tmp_path.glob("out.csv.part")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
    assert process.returncode == 130
    assert told.splitlines()[-1] == "error: interrupted (SIGTERM): what was finished is kept"


def test_what_may_not_be_looked_at_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:  # root may look into every folder
        raise PermissionError(errno.EACCES, "Permission denied", "private/m.onnx")

    monkeypatch.setattr("toolkit.models.catalog.find_model", forbidden)
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        assert run(["inspect", "private/m.onnx"]) == 1
    assert told.getvalue().startswith("error: permission denied (private/m.onnx): ")


def test_too_little_memory_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 3.00 TiB")

    monkeypatch.setattr("toolkit.models.catalog.find_model", too_large)
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        assert run(["inspect", "m.onnx"]) == 1
    wanted = "error: not enough memory: Unable to allocate 3.00 TiB (toolkit inspect): use a smaller model"
    assert told.getvalue().startswith(wanted)


def test_an_empty_value_is_nothing_to_the_help_or_while_the_shell_completes(toolkit: CommandLine) -> None:
    assert toolkit("classify", "--help", "-o", "").stdout.startswith("Usage: toolkit classify")
    line = {
        "COMP_WORDS": 'toolkit classify -o "" --to',
        "COMP_CWORD": "4",
        "_TOOLKIT_COMPLETE": "complete_bash",
    }
    assert "--top-k" in toolkit(env=line).stdout


def test_a_home_folder_that_takes_no_completion_is_no_defect(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    code = (
        "import sys, shellingham; shellingham.detect_shell = lambda: ('bash', 'bash');"
        "from toolkit.cli.app import run; sys.exit(run(['--install-completion']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert error_line(done).startswith(f"error: a part of the path is a file ({tmp_path / 'home'}): ")


def test_a_user_without_a_home_folder_is_told_so_where_the_completion_is_asked_for() -> None:
    # As in a container that is started under a number that nobody has there.
    code = """
import os, pwd, sys, shellingham
def nobody(number):
    raise KeyError(number)
pwd.getpwuid = nobody
shellingham.detect_shell = lambda: ("bash", "bash")
from toolkit.cli.app import run
sys.exit(run(["--install-completion"]))
"""
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert error_line(done) == (
        "error: the system knows no home folder of this user (HOME): set the variable to a folder"
    )


@pytest.mark.parametrize(
    "arguments", [["doctor"], ["classify", "all.tar", "-m", "{model}", "--device", "cpu"]]
)
def test_a_system_without_a_folder_for_temporary_files_is_told_what_it_lacks(
    arguments: list[str], tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        archive.add(colour_folder / "red" / "00.png", "a.png")
    # As where everything is mounted read-only, which root can't see by its permissions.
    code = """
import errno, sys, tempfile
def nowhere():
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/']")
tempfile._get_default_tempdir = nowhere
from toolkit.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *(part.format(model=tiny_model) for part in arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert error_line(done) == (
        "error: no folder for temporary files can be written to (TMPDIR): set the variable to a folder that can be"
    )


def test_a_working_folder_that_is_gone_is_told(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f'rmdir ../gone && exec "{sys.executable}" -P -m toolkit classify a.png -m "{tiny_model}" --device cpu'
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path / "gone", capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert error_line(done) == "error: the working folder was deleted (.): change into one that is there"
