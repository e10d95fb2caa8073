"""Sessions of the real ONNX Runtime: devices, threads, broken files."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import Listener, colour_model

from toolkit.errors import DeviceError, ModelError, UsageError
from toolkit.machine.cores import usable_cores
from toolkit.runtime import start as start_module
from toolkit.runtime.cuda import Problem, can_load, driver_library
from toolkit.runtime.session import open_session

NO_DRIVER = not can_load(driver_library())


def test_a_session_runs_a_batch(tiny_model: Path) -> None:
    session = open_session(tiny_model, device="cpu", threads=1)
    batch = np.zeros((2, 8, 8, 3), np.uint8)
    batch[0, ..., 0] = batch[1, ..., 2] = 255
    scores = session.run(batch)
    assert scores.dtype == np.float32
    assert np.allclose(scores, [[1, 0, 0], [0, 0, 1]], atol=1e-6)
    assert (session.provider, session.active_provider) == ("CPUExecutionProvider",) * 2
    assert (session.device, session.threads) == ("cpu", 1)


def test_threads_default_to_the_cores_this_process_may_use(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    listener = Listener()
    assert open_session(tiny_model, device="cpu", observer=listener).threads == usable_cores()
    assert listener.notices == []


def test_omp_num_threads_limits_the_default_and_is_told_and_an_option_overrides_it(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("toolkit.runtime.session.usable_cores", lambda: 4)
    listener = Listener()
    assert open_session(tiny_model, device="cpu", observer=listener).threads == 1
    assert listener.notices == [
        "threads: 1 of 4 cores, as OMP_NUM_THREADS says; --threads 4 uses all of them"
    ]
    assert open_session(tiny_model, device="cpu", threads=2, observer=listener).threads == 2
    assert len(listener.notices) == 1


def test_no_threads_are_refused(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="0 is out of range"):
        open_session(tiny_model, threads=0)


@pytest.mark.skipif(not NO_DRIVER, reason="this machine has an NVIDIA driver")
def test_cuda_without_a_driver_is_refused_and_names_it(tiny_model: Path) -> None:
    with pytest.raises(DeviceError) as caught:
        open_session(tiny_model, device="cuda")
    text = str(caught.value)
    assert "the CUDA execution provider did not start" in text
    assert driver_library() in text or "no CUDA provider" in text
    assert "(--device cuda)" in text


@pytest.mark.skipif(not NO_DRIVER, reason="this machine has an NVIDIA driver")
def test_auto_takes_the_cpu_and_says_so_and_why(tiny_model: Path) -> None:
    listener = Listener()
    assert open_session(tiny_model, observer=listener).device == "cpu"
    (notice,) = listener.notices
    assert notice.startswith("device: cpu (CPUExecutionProvider")
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert (
            "CUDA is installed, but the CUDA execution provider did not start: no NVIDIA driver was found"
            in notice
        )


def test_cpu_says_nothing(tiny_model: Path) -> None:
    listener = Listener()
    open_session(tiny_model, device="cpu", observer=listener)
    assert listener.notices == []


def test_a_provider_that_the_session_does_not_list_first_is_not_accepted(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All checks pass, and ONNX Runtime still falls back: what was obtained decides, not what was available.
    import onnxruntime

    monkeypatch.setattr(start_module, "diagnose", lambda *_: None)
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    real = onnxruntime.InferenceSession

    def fallen_back(path: str, settings: object, **_: object) -> object:
        return real(path, settings, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", fallen_back)
    with pytest.raises(DeviceError, match="could not start it on device 1"):
        open_session(tiny_model, device="cuda:1")
    listener = Listener()
    assert open_session(tiny_model, device="auto", observer=listener).provider == "CPUExecutionProvider"
    assert "did not start" in listener.notices[0]


@pytest.mark.parametrize("typed", ["cuda", "cuda:0", "cuda:1", "provider:CUDA"])
def test_the_diagnosis_reaches_the_message_which_names_the_device_as_it_was_typed(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr(start_module, "diagnose", lambda *_: Problem("finding here", "remedy here"))
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(DeviceError, match=rf"finding here \(--device {typed}\): remedy here"):
        open_session(tiny_model, device=typed)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no such model file .*none\.onnx"):
        open_session(tmp_path / "none.onnx", device="cpu")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_named_with_its_size(tiny_model: Path, tmp_path: Path, share: float) -> None:
    whole = tiny_model.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError) as caught:
        open_session(path, device="cpu")
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        open_session(path, device="cpu")
    assert "\n" not in str(caught.value)


def test_an_operator_that_is_not_known_is_named_and_the_file_is_not_called_damaged(tmp_path: Path) -> None:
    model = colour_model()
    model.graph.node[0].op_type = "Unheard"
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"^ONNX Runtime can't load it: .*No Op registered for Unheard"):
        open_session(tmp_path / "m.onnx", device="cpu")


def test_a_model_that_is_not_valid_is_not_laid_to_the_provider(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08")
    text = "[ONNXRuntimeError] : 10 : INVALID_GRAPH : Error No Op registered for Unheard with domain_version of 17"
    error = start_module._translated(RuntimeError(text), tmp_path / "m.onnx", "OpenVINOExecutionProvider")
    assert isinstance(error, ModelError)
    assert "No Op registered for Unheard" in error.what


def test_a_model_of_vectors_is_not_an_image_classifier(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], "g",
        [value("x", onnx.TensorProto.FLOAT, ["N", 4])], [value("y", onnx.TensorProto.FLOAT, ["N", 4])],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "vectors.onnx")
    with pytest.raises(ModelError, match="not an image classifier: its input has 2 dimensions"):
        open_session(tmp_path / "vectors.onnx", device="cpu")


def test_a_failure_while_running_is_translated(tiny_model: Path) -> None:
    session = open_session(tiny_model, device="cpu")
    with pytest.raises(DeviceError, match="running the model failed") as caught:
        session.run(np.zeros((1, 9, 9, 3), np.uint8))
    assert "CPUExecutionProvider" in caught.value.where


def test_a_run_that_loses_its_provider_shows_in_active_provider(tiny_model: Path) -> None:
    session = open_session(tiny_model, device="cpu")
    fallen = SimpleNamespace(get_providers=lambda: ["OtherExecutionProvider"])
    changed = dataclasses.replace(session, _session=fallen)
    assert (changed.provider, changed.active_provider) == ("CPUExecutionProvider", "OtherExecutionProvider")


def test_a_session_opens_from_any_working_folder_and_any_name(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a model é.onnx"
    path.write_bytes(tiny_model.read_bytes())
    monkeypatch.chdir("/")
    assert open_session(path, device="cpu").signature.classes == 3


IDLE = """
import sys, time
from pathlib import Path
import numpy as np
from toolkit.runtime.session import open_session
session = open_session(Path(sys.argv[1]), device="cpu", threads=2, spinning=sys.argv[2] == "spinning")
session.run(np.random.rand(1, 3, 64, 64).astype(np.float32))
began = time.process_time()
time.sleep(0.5)
print(time.process_time() - began)
"""


def test_idle_threads_leave_the_cores_to_others_unless_they_are_asked_to_spin(tmp_path: Path) -> None:
    kernel = numpy_helper.from_array(np.ones((32, 3, 5, 5), np.float32), "kernel")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel"], ["map"]),
            helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["scores"]),
        ],
        "idle",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 64, 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 32])],
        [kernel],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8),
        tmp_path / "m.onnx",
    )
    idle = {
        how: float(
            subprocess.run(
                [sys.executable, "-c", IDLE, tmp_path / "m.onnx", how], stdout=subprocess.PIPE, check=True
            ).stdout
        )
        for how in ("quiet", "spinning")
    }
    assert idle["quiet"] < 0.1
    assert idle["spinning"] > idle["quiet"]
