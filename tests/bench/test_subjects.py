"""What a benchmark learns of a model before it measures: all its files, what it says, where it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.external_data_helper import set_external_data, write_external_data_tensors
from support import Listener, colour_model

from toolkit.bench.circumstances import cautions
from toolkit.bench.options import BenchOptions, Scenario, Transfer
from toolkit.bench.subjects import open_cases
from toolkit.errors import MissingRange, UsageError
from toolkit.files import sha256_of
from toolkit.observer import SILENT
from toolkit.runtime import session as session_module
from toolkit.runtime.devices import parse_device
from toolkit.runtime.start import start

Options = Callable[..., BenchOptions]


def beside(folder: Path, epsilon: float) -> Path:
    """The small classifier with its numbers in a file of their own."""
    folder.mkdir()
    model = colour_model()
    numbers = model.graph.initializer[0]
    numbers.CopyFrom(numpy_helper.from_array(np.float32(epsilon), "epsilon"))
    set_external_data(numbers, "model.data")
    onnx.save(write_external_data_tensors(model, str(folder)), folder / "model.onnx")
    return folder / "model.onnx"


def test_weights_in_files_of_their_own_count_in_digest_and_size(tmp_path: Path, options_of: Options) -> None:
    paths = [beside(tmp_path / name, epsilon) for name, epsilon in (("a", 1e-6), ("b", 2e-6), ("c", 1e-6))]
    assert len({sha256_of(path) for path in paths}) == 1  # the graphs alone can't tell them apart
    first, other, same = (
        open_cases(options_of(models=(str(path),), devices=("cpu",)), SILENT)[0][1] for path in paths
    )
    assert first.sha256 != other.sha256
    assert first.sha256 == same.sha256
    sizes = [file.stat().st_size for file in (paths[0], paths[0].parent / "model.data")]
    assert first.size_bytes == sum(sizes) > sizes[0]


def test_one_file_has_the_digest_that_everybody_computes(tiny_model: Path, options_of: Options) -> None:
    ((_, subject),) = open_cases(options_of(models=(str(tiny_model),), devices=("cpu",)), SILENT)
    assert (subject.sha256, subject.size_bytes) == (sha256_of(tiny_model), tiny_model.stat().st_size)
    assert subject.products == {}


def test_a_model_that_answers_no_number_is_a_doubt_about_the_run(
    tmp_path: Path, tiny_model: Path, options_of: Options
) -> None:
    model = colour_model()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32("nan"), "epsilon"))
    broken = tmp_path / "broken.onnx"
    onnx.save(model, broken)
    options = options_of(models=(str(broken), str(tiny_model)), devices=("cpu",), threads=(1, 2))
    subjects = [subject for _, subject in open_cases(options, SILENT)]
    found = cautions(options, {"busy_cores_at_start": 0.0, "load_average_at_start": 0.0}, subjects)
    (told,) = [each for each in found if each.code == "no-numbers"]
    assert told.message == f"{broken} answered a picture of noise with NaN or infinity"


def test_a_model_that_does_not_say_its_range_gets_noise_but_in_a_pipeline(
    tmp_path: Path, options_of: Options
) -> None:
    model = colour_model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    del model.metadata_props[:]
    path = tmp_path / "foreign.onnx"
    onnx.save(model, path)
    listener = Listener()
    open_cases(options_of(models=(str(path),), devices=("cpu",), threads=(1, 2)), listener)
    assert [n for n in listener.notices if "doesn't say what range" in n] == listener.notices
    assert len(listener.notices) == 1  # of two sessions
    with pytest.raises(MissingRange, match="add --normalize"):
        open_cases(options_of(models=(str(path),), devices=("cpu",), scenario=Scenario.PIPELINE), SILENT)


def test_a_range_is_for_the_models_that_need_one_beside_those_that_scale_pixels_themselves(
    tmp_path: Path, tiny_model: Path, options_of: Options
) -> None:
    model = colour_model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    asked = {"devices": ("cpu",), "scenario": Scenario.PIPELINE}
    both = (str(tiny_model), str(tmp_path / "foreign.onnx"))
    cases = open_cases(options_of(models=both, normalize="unit", **asked), SILENT)
    assert [subject.plan.normalization.name for _, subject in cases] == ["none", "unit"]
    with pytest.raises(UsageError, match=r"normalises inside its graph \(--normalize\)"):
        open_cases(options_of(models=both[:1], normalize="unit", **asked), SILENT)
    with pytest.raises(UsageError, match="'units'"):
        open_cases(options_of(models=both, normalize="units", **asked), SILENT)


class OnTensorRT:
    """A session that claims to be on TensorRT; what it computes, the real one on the CPU does."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def get_providers(self) -> list[str]:
        return ["TensorrtExecutionProvider", "CPUExecutionProvider"]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("transfer", [Transfer.BOUND_COPIES, Transfer.DEVICE_RESIDENT])
def test_buffers_are_not_said_to_lie_on_a_device_that_they_would_be_copied_to(
    tiny_model: Path, options_of: Options, monkeypatch: pytest.MonkeyPatch, transfer: Transfer
) -> None:
    def started(path: Path, settings: Any, *_: object) -> OnTensorRT:
        return OnTensorRT(start(path, settings, parse_device("cpu"), {}, SILENT))

    monkeypatch.setattr(session_module, "start", started)
    asked = {"models": (str(tiny_model),), "devices": ("provider:TensorRT",)}
    ((_, subject),) = open_cases(options_of(**asked), SILENT)
    assert subject.provider == "TensorrtExecutionProvider"
    with pytest.raises(UsageError, match=rf"not on TensorRT \(--transfer {transfer.value}\)"):
        open_cases(options_of(**asked, transfer=transfer), SILENT)


def test_provider_options_are_for_the_devices_that_have_any(
    tiny_model: Path, options_of: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(path: Path, settings: Any, device: Any, options: Any, observer: Any) -> Any:
        if device.kind == "cpu":
            return start(path, settings, device, options, observer)
        assert options == {"trt_fp16_enable": "1"}
        return OnTensorRT(start(path, settings, parse_device("cpu"), {}, SILENT))

    monkeypatch.setattr(session_module, "start", started)
    asked = {"models": (str(tiny_model),), "provider_options": ("trt_fp16_enable=1",)}
    cases = open_cases(options_of(**asked, devices=("cpu", "provider:TensorRT")), SILENT)
    assert [subject.asked_options for _, subject in cases] == [(), ("trt_fp16_enable=1",)]
    with pytest.raises(UsageError, match="trt_fp16_enable"):
        open_cases(options_of(**asked, devices=("cpu",)), SILENT)
