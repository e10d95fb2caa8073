"""What --device and --provider-option mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import DeviceError, UsageError
from toolkit.runtime.devices import Device, device_name, parse_device, resolve

AVAILABLE = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device("auto")),
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda", 0)),
        ("cuda:0", Device("cuda", 0)),
        ("cuda:13", Device("cuda", 13)),
        ("provider:Tensorrt", Device("provider", name="Tensorrt")),
    ],
)
def test_the_forms(text: str, device: Device) -> None:
    assert parse_device(text) == device


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu",
        "CPU",
        "cpu:0",
        "cpu:",
        "auto:1",
        "cuda:",
        "cuda:-1",
        "cuda:x",
        "cuda:1:2",
        "cuda:²",
        "provider",
        "provider:",
    ],
)
def test_anything_else_is_refused_and_names_the_choices(text: str) -> None:
    with pytest.raises(UsageError, match="use auto, cpu, cuda, cuda:N or provider:NAME"):
        parse_device(text)


@given(st.text(max_size=12))
def test_any_text_is_a_device_or_a_usage_error(text: str) -> None:
    try:
        device = parse_device(text)
    except UsageError:
        return
    assert device.kind in ("auto", "cpu", "cuda", "provider")


@pytest.mark.parametrize(
    "name", ["Tensorrt", "tensorrt", "TensorrtExecutionProvider", "TENSORRTEXECUTIONPROVIDER"]
)
def test_a_provider_is_found_by_any_spelling_of_its_name(name: str) -> None:
    assert resolve(name, AVAILABLE) == "TensorrtExecutionProvider"


def test_a_provider_that_is_not_there_is_refused_with_the_nearest_and_all_names() -> None:
    with pytest.raises(DeviceError, match=r"did you mean provider:Tensorrt\? it has Tensorrt.*, CPUExec"):
        resolve("tensort", AVAILABLE)
    with pytest.raises(DeviceError, match="no execution provider 'QNN'") as caught:
        resolve("QNN", AVAILABLE)
    assert "did you mean" not in caught.value.remedy


def test_a_provider_is_named_as_the_device_that_asks_for_it() -> None:
    assert device_name("CPUExecutionProvider") == "cpu"
    assert device_name("CUDAExecutionProvider", 2) == "cuda:2"
    assert device_name("OpenVINOExecutionProvider") == "provider:OpenVINO"
    assert parse_device(device_name("OpenVINOExecutionProvider")).name == "OpenVINO"
