"""Which libraries are installed, by their metadata."""

import importlib.metadata

import pytest

from toolkit.machine.versions import installed_runtimes


def test_installed_wheels_are_read_from_their_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name not in ("onnxruntime-gpu", "onnxruntime-openvino"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert installed_runtimes() == {"onnxruntime-gpu": "9.9", "onnxruntime-openvino": "9.9"}
