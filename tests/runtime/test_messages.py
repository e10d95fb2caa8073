"""ONNX Runtime's texts in our words; each text was seen with onnxruntime-gpu 1.31.1."""

import pytest

from toolkit.runtime import messages
from toolkit.runtime.cuda import Problem
from toolkit.runtime.messages import explain, explain_other, missing_library, plain, short_name

NO_TENSORRT = (
    "/onnxruntime_src/onnxruntime/python/onnxruntime_pybind_state.cc:729 void onnxruntime::python::"
    "RegisterTensorRTPluginsAsCustomOps(PySessionOptions&, const onnxruntime::ProviderOptions&) Please install "
    "TensorRT libraries as mentioned in the GPU requirements page, make sure they're in the PATH or LD_LIBRARY_PATH, "
    "and that your GPU is supported.\n"
)
NO_LIBRARY = (
    "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2043 onnxruntime::Provider& onnxruntime::"
    "ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /env/lib/python3.11/site-packages/"
    "onnxruntime/capi/libonnxruntime_providers_tensorrt.so with error: libcublas.so.13: cannot open shared object "
    "file: No such file or directory"
)


def test_places_in_the_source_and_codes_are_left_out() -> None:
    assert plain(NO_TENSORRT).startswith("Please install TensorRT libraries")
    assert plain(NO_LIBRARY).startswith("Failed to load library /env/")
    assert plain("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions\n index: 3") == (
        "Got invalid dimensions index: 3"
    )
    assert plain("") == "ONNX Runtime gives no reason"


def test_what_has_no_such_place_stays_as_it_is() -> None:
    assert plain("CUDA failure 35: driver (too old)") == "CUDA failure 35: driver (too old)"


def test_the_missing_library_is_found_in_the_text() -> None:
    assert missing_library(NO_LIBRARY) == "libcublas.so.13"
    assert missing_library("libopenvino.so.2541: cannot open shared object file") == "libopenvino.so.2541"
    assert missing_library(NO_TENSORRT) is None


@pytest.mark.parametrize("text", [NO_TENSORRT, ""])
def test_tensorrt_without_its_own_libraries(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(messages, "diagnose", lambda *_: None)
    found = explain_other("TensorrtExecutionProvider", text, [], "13.0")
    assert found.finding == "the TensorRT libraries were not found"
    assert "LD_LIBRARY_PATH" in found.remedy


def test_tensorrt_without_what_cuda_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "diagnose", lambda *_: Problem("no driver", "install it"))
    found = explain_other("TensorrtExecutionProvider", NO_TENSORRT, [], "13.0")
    assert found == Problem("it needs what CUDA needs, and no driver", "install it")


def test_another_provider_names_its_library_or_what_was_said() -> None:
    known = explain_other("OpenVINOExecutionProvider", NO_LIBRARY, [], "")
    assert known.finding == "its library libcublas.so.13 is missing"
    told = explain_other("OpenVINOExecutionProvider", "[ONNXRuntimeError] : 1 : FAIL : no NPU", [], "")
    assert told.finding == "no NPU"
    assert "provider:OpenVINO" in told.remedy
    assert "without a word" in explain_other("OpenVINOExecutionProvider", "", [], "").finding


def test_providers_are_called_as_people_call_them() -> None:
    assert short_name("TensorrtExecutionProvider") == "TensorRT"
    assert short_name("OpenVINOExecutionProvider") == "OpenVINO"


@pytest.mark.parametrize("text", ["", "Non-zero status code returned", "shape mismatch"])
def test_what_has_nothing_to_do_with_cuda_is_not_explained(text: str) -> None:
    assert explain(text) is None
