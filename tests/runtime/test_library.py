"""What runs here is told to nobody."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import encoded, picture

from toolkit.runtime.library import import_onnxruntime, is_silent, preload_libraries

RUN = [sys.executable, "-m", "toolkit", "classify", "a.png", "-m"]
NEVER_SENT = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "BUILD_ID")  # where ONNX Runtime keeps still by itself


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_leaves_nothing_in_the_home_folder(workers: str, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    home = tmp_path / "home"
    home.mkdir()
    left_out = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", *NEVER_SENT)
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    subprocess.run(
        [*RUN, tiny_model, "--workers", workers],
        check=True, capture_output=True, cwd=tmp_path, env={**environment, "HOME": str(home)},
    )  # fmt: skip
    assert list(home.rglob("*")) == []


def test_who_wants_it_may_turn_it_on(tiny_model: Path) -> None:
    load = f"toolkit.load({str(tiny_model)!r}, device='cpu')"
    code = f"import os, toolkit; {load}; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, kept in (("", "1"), ("0", "0")):
        environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
        if given:
            environment["ORT_DISABLE_TELEMETRY"] = given
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
        )
        assert done.stdout.strip() == kept


@pytest.mark.parametrize(
    ("value", "silent"),
    [("1", True), ("TRUE", True), (" 1", True), ("0", False), ("", False), ("false", False), ("2", False)],
)
def test_a_value_counts_as_it_does_for_onnx_runtime(
    value: str, silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", value)
    assert is_silent() is silent


def test_threads_that_open_models_at_once_leave_the_standard_streams_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = sys.stdout, sys.stderr
    inside, left = threading.Event(), threading.Event()
    second = threading.Thread(target=preload_libraries)

    def overlapping(*_: object) -> None:
        if threading.current_thread() is second:
            inside.set()
            left.wait(10)
        else:
            second.start()
            inside.wait(0.3)  # in vain where one waits for the other

    monkeypatch.setattr(import_onnxruntime(), "preload_dlls", overlapping, raising=False)
    preload_libraries()
    left.set()
    second.join()
    assert (sys.stdout, sys.stderr) == streams
