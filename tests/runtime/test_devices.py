"""What --device and --provider-option mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.runtime.devices import Device, parse_device, parse_provider_options


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device("auto")),
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda", 0)),
        ("cuda:0", Device("cuda", 0)),
        ("cuda:13", Device("cuda", 13)),
    ],
)
def test_the_four_forms(text: str, device: Device) -> None:
    assert parse_device(text) == device


@pytest.mark.parametrize(
    "text", ["", "gpu", "CPU", "cpu:0", "cpu:", "auto:1", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "cuda:²"]
)
def test_anything_else_is_refused_and_names_the_choices(text: str) -> None:
    with pytest.raises(UsageError, match="use auto, cpu, cuda or cuda:N"):
        parse_device(text)


@given(st.text(max_size=12))
def test_any_text_is_a_device_or_a_usage_error(text: str) -> None:
    try:
        device = parse_device(text)
    except UsageError:
        return
    assert device.kind in ("auto", "cpu", "cuda")


def test_options_are_pairs_and_a_value_may_hold_an_equals_sign() -> None:
    pairs = parse_provider_options(["use_tf32=0", "path=a=b", "empty="])
    assert pairs == {"use_tf32": "0", "path": "a=b", "empty": ""}


@pytest.mark.parametrize("option", ["use_tf32", "=0", ""])
def test_an_option_without_key_or_equals_sign_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="not KEY=VALUE"):
        parse_provider_options([option])
