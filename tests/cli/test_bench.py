"""The real command: streams, exit codes, files, one test per line of error."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import CommandLine, error_line

from toolkit.machine.cores import affinity
from toolkit.models.catalog import shipped_models
from toolkit.runtime.cuda import can_load, driver_library

SHORT = ("--device", "cpu", "--duration", "0.05", "--warmup", "0.02", "--min-queries", "20", "--runs", "2")


def test_a_table_ends_the_output_with_the_machine_above_it(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "--batch-size", "1,4", "--threads", "1,2")
    lines = done.stdout.splitlines()
    assert " cores, " in lines[0]
    headers = [line.split() for line in lines if line.startswith("model")]
    assert headers[0] == ["model", "threads", "batch", "load", "ms", "first", "ms", "RSS", "MB", "file", "MB"]
    assert headers[1] == ["model", "threads", "batch", "p50", "ms", "±%", "p99", "ms", "images/s"]
    rows = [line.split() for line in lines if line.startswith("colours")]
    assert [row[:3] for row in rows] == [["colours", t, b] for t in "12" for b in "14"] * 2
    assert lines[-1].startswith("colours")
    assert max(map(len, lines)) <= 80
    assert done.stderr.splitlines()[-1] == (
        f"next: {shlex.join(['toolkit', 'bench', str(tiny_model), *SHORT, '--batch-size', '1,4', '--threads', '1,2'])} "
        "-o bench.json   keeps every query"
    )


def test_several_models_are_compared_with_the_first(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(tiny_model.read_bytes())
    done = toolkit("bench", tiny_model, other, *SHORT, "-q", "-o", "two.json")
    rows = [line.split() for line in done.stdout.splitlines() if line.endswith("×")]
    assert [row[0] for row in rows] == ["colours", "other"]
    assert rows[0][-1] == "1.00×"
    first, second = json.loads((tmp_path / "two.json").read_text())["results"]
    assert first["first_comparison"] is None
    found = second["first_comparison"]
    assert found["ratio_ci99"][0] < found["ratio"] < found["ratio_ci99"][1]
    assert rows[1][-1] == f"{1 / found['ratio']:.2f}×"
    said = " ".join(done.stdout.split())
    assert re.search(rf"other against colours: {found['verdict']}, [\d.]+ times its time", said)


def test_json_is_the_only_thing_on_standard_output(toolkit: CommandLine, tiny_model: Path) -> None:
    document = json.loads(toolkit("bench", tiny_model, *SHORT, "--json").stdout)
    assert document["schema"] == 1
    (row,) = document["results"]
    assert row["model"] == str(tiny_model)
    assert row["queries"] >= 20
    assert row["load_ms"] > 0
    assert row["peak_rss_mb"] > row["base_rss_mb"] > 0
    assert row["latency_ms"]["p99.9"] is None or row["queries"] >= 6636
    assert document["settings"]["runs"] == 2


def test_the_record_says_where_it_went(toolkit: CommandLine, tiny_model: Path, tmp_path: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "-o", "r.json")
    assert "wrote r.json (" in done.stderr
    typed = shlex.join(["toolkit", "bench", str(tiny_model), *SHORT])
    assert done.stderr.splitlines()[-1] == f"next: {typed} --baseline r.json   compares with this run"
    assert json.loads((tmp_path / "r.json").read_text())["interrupted"] is False
    refused = toolkit("bench", tiny_model, *SHORT, "-o", "r.json", check=1)
    assert error_line(refused) == (
        "error: the output exists already (r.json): choose another name, or add --force to replace it"
    )
    toolkit("bench", tiny_model, *SHORT, "-o", "r.json", "--force")


def test_a_page_is_written(toolkit: CommandLine, tiny_model: Path, tmp_path: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "--report", "r.html")
    assert "wrote r.html (" in done.stderr
    assert (tmp_path / "r.html").read_text().lstrip().lower().startswith("<!doctype html>")


def test_a_latency_gate_ends_with_4_and_says_by_how_much(toolkit: CommandLine, tiny_model: Path) -> None:
    missed = toolkit("bench", tiny_model, *SHORT, "--target-latency", "0.000001", check=4)
    (line,) = [line for line in missed.stderr.splitlines() if line.startswith("gate not met: ")]
    assert "p99 is " in line
    assert "missed by " in line
    held = toolkit("bench", tiny_model, *SHORT, "--target-latency", "10000", "--percentile", "90", "-q")
    assert "gate met: " in held.stdout
    assert "p90 ms" in held.stdout


def test_a_percentile_close_to_another_has_its_own_column(toolkit: CommandLine, tiny_model: Path) -> None:
    assert "p99.90001 ms" in toolkit("bench", tiny_model, *SHORT, "--percentile", "99.90001").stdout


def test_a_regression_gate_fails_against_a_quicker_baseline(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    from toolkit.bench.samples import decode, encode

    # Of two rounds the interval is so wide that nothing is told apart on a busy machine.
    four = (*SHORT, "--runs", "4")
    toolkit("bench", tiny_model, *four, "-o", "now.json")
    held = toolkit("bench", tiny_model, *four, "--baseline", "now.json", "--max-regression", "100000")
    assert "against the baseline: " in held.stdout
    record = json.loads((tmp_path / "now.json").read_text())
    for each in record["results"][0]["rounds"]:
        each["latency_ns"] = encode(decode(each["latency_ns"]) // 100)
    (tmp_path / "quick.json").write_text(json.dumps(record))
    missed = toolkit("bench", tiny_model, *four, "--baseline", "quick.json", "--max-regression", "5", check=4)
    assert "against the baseline: slower" in missed.stdout
    assert "gate not met: " in missed.stderr
    assert "allowed are 5 %: missed by " in missed.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_leaves_a_valid_record_and_ends_with_130(tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    running = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "bench", str(tiny_model), "--device", "cpu", "--warmup", "0.02",
         "--duration", "600", "--runs", "3000", "-o", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ.copy(),
    )  # fmt: skip
    for _ in range(600):
        if output.exists():
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert "interrupted" in stdout
    record = json.loads(output.read_text())
    assert record["interrupted"] is True
    assert record["results"][0]["queries"] >= 1
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_before_anything_was_measured_leaves_the_old_files_and_says_of_none_that_it_was_written(
    tiny_model: Path, tmp_path: Path
) -> None:
    for name in ("r.json", "r.html"):
        (tmp_path / name).write_text("precious")
    running = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "bench", str(tiny_model), "--device", "cpu", "--warmup", "600",
         "-o", "r.json", "--report", "r.html", "--force"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ.copy(),
    )  # fmt: skip
    assert running.stderr is not None
    assert any("Measuring" in line for line in iter(running.stderr.readline, ""))  # "" where it ended
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "nothing was measured before the interruption" in stdout
    assert "wrote" not in stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "r.json": "precious", "r.html": "precious"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--batch-size", "1,x"], 2, "'1,x' is not a list of whole numbers (--batch-size)"),
        (["--batch-size", "0"], 2, "0 is out of range (--batch-size): use a number from 1 to 65536"),
        (["--threads", "2,2"], 2, "2 is given twice (--threads)"),
        (["--scenario", "server"], 2, "the server scenario needs a rate"),
        (["--rate", "5"], 2, "only the server scenario has a rate (--rate)"),
        (["--max-regression", "5"], 2, "there is nothing to compare with (--max-regression)"),
        (["--device", "tpu"], 2, "'tpu' is not a device (--device)"),
        (["--no-such-flag"], 2, "No such option"),
        (
            ["--baseline", "none.json"],
            1,
            "can't read the benchmark record: No such file or directory (none.json)",
        ),
        (["--baseline", str(shipped_models()["paper-cnn"])], 1, "not a benchmark record (no JSON)"),
        (["-o", "r.txt"], 2, "'.txt' is no ending of a record (--output r.txt): end it in .json"),
        (["--report", "r.txt"], 2, "'.txt' is no ending of a page (--report r.txt): end it in .html"),
        (["-o", "."], 1, "the output is a folder (.)"),
        (["--provider-option", "x"], 2, "'x' is not KEY=VALUE (--provider-option)"),
        (["--device", "cuda", "--provider-option", "usetf32=0"], 2, "did you mean use_tf32?"),
        (
            ["--device", "cuda", "--provider-option", "enable_cuda_graph=1"],
            2,
            "a captured graph reads and writes fixed addresses (--provider-option enable_cuda_graph)",
        ),
        (["--device", "provider:none"], 1, "no execution provider 'none'"),
        (["--pictures", "a.png"], 2, "only the pipeline scenario reads pictures (--pictures)"),
        (["--scenario", "pipeline", "--pictures", "none.png"], 1, "no such file (--pictures none.png)"),
        (
            ["--streams", "4"],
            2,
            "needs --scenario multi-stream (--streams): add --scenario multi-stream, or leave --streams out",
        ),
        (["--no-remeasure"], 2, "needs --baseline FILE.json (--no-remeasure)"),
        (["--across-machines"], 2, "needs --baseline FILE.json (--across-machines)"),
        (["--find-rate"], 2, "only the server scenario has a rate to find (--find-rate)"),
        (["--cuda-graph"], 2, "a CUDA graph reads and writes fixed addresses (--cuda-graph)"),
        (["--device", "cpu", "--cuda-graph", "--transfer", "device-resident"], 2, "only the CUDA provider"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_anything_is_measured(
    toolkit: CommandLine, tiny_model: Path, arguments: list[str], code: int, text: str
) -> None:
    done = toolkit("bench", tiny_model, *arguments, check=code)
    assert text in error_line(done)
    assert done.stdout == ""
    assert "Measuring" not in done.stderr


def test_a_missing_argument_is_a_usage_error(toolkit: CommandLine) -> None:
    assert "Missing argument" in error_line(toolkit("bench", check=2))


@pytest.mark.parametrize(("command", "many"), [("bench", "MODEL..."), ("classify", "PATH...")])
def test_help_shows_what_may_be_named_several_times(toolkit: CommandLine, command: str, many: str) -> None:
    assert many in toolkit(command, "--help").stdout.splitlines()[0]


def test_a_missing_model_is_named(toolkit: CommandLine) -> None:
    assert "(none.onnx)" in error_line(toolkit("bench", "none.onnx", check=1))


@pytest.mark.skipif(can_load(driver_library()), reason="this machine has an NVIDIA driver")
def test_cuda_never_falls_back(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("bench", tiny_model, "--device", "cpu", "--device", "cuda", check=1)
    assert "the CUDA execution provider did not start" in error_line(done)
    assert done.stdout == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "-o", "/dev/full", check=1)
    assert error_line(done).startswith("error: no space left on the disk (/dev/full)")


def test_a_pipeline_says_where_the_time_goes(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "--scenario", "pipeline", "--pictures", colour_folder)
    assert "takes the most" in " ".join(done.stdout.split())
    assert "read " in done.stdout


def test_the_highest_rate_is_reported_with_its_neighbours(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "--scenario", "server", "--find-rate", "--target-latency", "100",
                   "--percentile", "50", "--json")  # fmt: skip
    document = json.loads(done.stdout)
    (row,), (gate,) = document["results"], document["gates"]
    assert gate["name"] == "rate"
    assert "queries/s" in gate["message"]
    assert row["rate_qps"] in [trial["rate_qps"] for trial in row["rates_tried"]]


def test_the_record_tells_placement_transfer_and_what_is_timed(
    toolkit: CommandLine, tiny_model: Path
) -> None:
    arguments = (*SHORT, "--transfer", "bound-copies", "--json")
    (row,) = json.loads(toolkit("bench", tiny_model, *arguments).stdout)["results"]
    assert row["placement"] == {"CPUExecutionProvider": {"nodes": 5, "share": 1.0}}
    assert row["transfer"] == "bound-copies"
    assert row["includes"][0] == "copy into a bound input"
    assert [each["load_ms"] > 0 for each in row["rounds"]] == [True, True]


def test_quiet_leaves_the_result_alone(toolkit: CommandLine, tiny_model: Path) -> None:
    done = toolkit("bench", tiny_model, *SHORT, "-q")
    assert done.stderr == ""
    assert "images/s" in done.stdout


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_more_threads_than_the_processors_allowed_are_a_warning(tiny_model: Path, tmp_path: Path) -> None:
    command = [
        "taskset",
        "-c",
        str(min(affinity())),
        sys.executable,
        "-m",
        "toolkit",
        "bench",
        str(tiny_model),
    ]
    done = subprocess.run(
        [*command, *SHORT, "--threads", "2"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "warning: 2 threads share 1 physical core: use fewer --threads" in done.stderr
    default = subprocess.run(
        [*command, *SHORT, "--json"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert json.loads(default.stdout)["results"][0]["threads"] == 1
