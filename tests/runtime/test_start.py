"""The device that was asked for, or an error: with the real library, and with a stand-in that has a GPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from toolkit.errors import DeviceError, UsageError
from toolkit.runtime import start as start_module
from toolkit.runtime.session import open_session

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class GpuSession:
    """A session that claims to be on CUDA; what it computes, the real one on the CPU does."""

    failure: str | None = None

    def __init__(self, real: Any, providers: list[str], options: list[dict[str, str]]) -> None:
        self._real, self._providers, self._options = real, providers, options

    def get_providers(self) -> list[str]:
        return self._providers

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {self._providers[0]: {"cudnn_conv_algo_search": "EXHAUSTIVE", **self._options[0]}}

    def run(self, *arguments: Any) -> Any:
        if self.failure is not None:
            raise RuntimeError(self.failure)
        return self._real.run(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Make ONNX Runtime look like one with a working GPU and with OpenVINO; what it is asked is kept."""
    import onnxruntime

    real, seen = onnxruntime.InferenceSession, SimpleNamespace(asked=[], create_failure=None)

    def create(path: str, settings: Any, providers: list[str], provider_options: Any, **_: Any) -> GpuSession:
        seen.asked.append((providers, provider_options))
        if seen.create_failure and providers[0] != CPU:
            raise RuntimeError(seen.create_failure)
        return GpuSession(real(path, settings, providers=[CPU]), providers, provider_options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", create)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["OpenVINOExecutionProvider", CUDA, CPU]
    )
    monkeypatch.setattr(start_module, "diagnose", lambda *_: None)
    return seen


def test_tf32_is_off_unless_it_is_asked_for_and_recorded(tiny_model: Path, gpu: SimpleNamespace) -> None:
    session = open_session(tiny_model, device="cuda:1")
    assert gpu.asked[-1] == ([CUDA, CPU], [{"device_id": "1", "use_tf32": "0"}, {}])
    assert session.device == "cuda:1"
    assert session.provider_options["use_tf32"] == "0"
    assert session.provider_options["cudnn_conv_algo_search"] == "EXHAUSTIVE"
    assert (
        open_session(tiny_model, device="cuda", provider_options=["use_tf32=1"]).provider_options["use_tf32"]
        == "1"
    )


def test_a_misspelt_option_is_refused_before_a_session_is_made(
    tiny_model: Path, gpu: SimpleNamespace
) -> None:
    with pytest.raises(UsageError, match=r"no option usetf32 .*did you mean use_tf32\?"):
        open_session(tiny_model, device="cuda", provider_options=["usetf32=0"])
    assert gpu.asked == []


def test_any_offered_provider_can_be_asked_for(tiny_model: Path, gpu: SimpleNamespace) -> None:
    session = open_session(tiny_model, device="provider:openvino", provider_options=["device_type=CPU"])
    assert (session.provider, session.device) == ("OpenVINOExecutionProvider", "provider:OpenVINO")
    assert gpu.asked[-1] == (["OpenVINOExecutionProvider", CPU], [{"device_type": "CPU"}, {}])
    assert open_session(tiny_model, device="provider:CUDA").device == "cuda:0"
    assert open_session(tiny_model, device="provider:cpu").device == "cpu"


def test_the_first_run_tells_that_a_gpu_has_no_kernels(
    tiny_model: Path, gpu: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        GpuSession, "failure", "CUDA failure 209: no kernel image is available for execution on the device"
    )
    session = open_session(tiny_model, device="cuda")
    with pytest.raises(DeviceError, match="no kernels for this GPU"):
        session.run(np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("CUDA failure 101: invalid device ordinal ; GPU=5", "no such CUDA device"),
        ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", "driver is older"),
        ("Failed to allocate memory for requested buffer of size 1", "too little free memory"),
        (
            "This session cannot use the graph capture feature as requested",
            "can't be captured as a CUDA graph",
        ),
    ],
)
def test_what_cuda_says_when_a_session_is_made_is_translated(
    tiny_model: Path, gpu: SimpleNamespace, text: str, finding: str
) -> None:
    gpu.create_failure = text
    with pytest.raises(DeviceError, match=finding):
        open_session(tiny_model, device="cuda")


def test_a_cuda_graph_is_for_cuda_only(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="only the CUDA provider captures"):
        open_session(tiny_model, device="cpu", provider_options=["enable_cuda_graph=1"])


def test_a_provider_that_is_offered_and_does_not_start_is_refused(tiny_model: Path) -> None:
    import onnxruntime

    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("the installed ONNX Runtime has no provider that can't start")
    with pytest.raises(
        DeviceError, match=r"TensorRT execution provider did not start.*--device provider:Tensorrt"
    ) as caught:
        open_session(tiny_model, device="provider:tensorrt")
    assert "onnxruntime_src" not in str(caught.value)


def test_the_device_is_named_as_it_was_asked_for(tiny_model: Path) -> None:
    for device in ("cuda", "cuda:1"):
        with pytest.raises(DeviceError) as caught:
            open_session(tiny_model, device=device)
        if "no NVIDIA driver" not in caught.value.what:
            pytest.skip("this machine has an NVIDIA driver")
        assert caught.value.where == f"--device {device}"


def test_options_that_auto_can_not_use_on_the_cpu_are_said(tiny_model: Path) -> None:
    notices: list[str] = []
    listener = SimpleNamespace(notice=notices.append)
    session = open_session(tiny_model, provider_options=["use_tf32=1"], observer=listener)  # type: ignore[arg-type]
    if session.device != "cpu":
        pytest.skip("this machine has a working GPU")
    assert notices[-1] == "not used on the CPU: --provider-option use_tf32"


def test_the_placement_of_the_nodes_is_counted(tiny_model: Path) -> None:
    assert open_session(tiny_model, device="cpu").placement() == {CPU: 5}
