"""Bound buffers: really run on the CPU, and their order of calls recorded with a fake device."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from toolkit.errors import ModelError
from toolkit.runtime import binding
from toolkit.runtime.binding import Place
from toolkit.runtime.session import open_session


@pytest.fixture
def batches() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (2, 8, 8, 3), np.uint8) for _ in range(3)]


@pytest.mark.parametrize("fixed_output", [False, True])
def test_bound_copies_give_the_same_scores_as_plain_arrays(
    tiny_model: Path, batches: list[np.ndarray], fixed_output: bool
) -> None:
    session = open_session(tiny_model, device="cpu", threads=1)
    run = binding.bound_copies(session._session, Place(), batches, fixed_output)
    given = [batch.copy() for batch in batches]
    for batch in (*batches, batches[0]):
        assert np.array_equal(run(batch)[0], session.run(batch))
    assert all(map(np.array_equal, batches, given))  # else one of them would be another from then on


def test_resident_inputs_are_different_ones_and_give_the_same_scores(
    tiny_model: Path, batches: list[np.ndarray]
) -> None:
    session = open_session(tiny_model, device="cpu", threads=1)
    run, inputs = session.bound_run(batches, copies=False)
    assert len(inputs) == 3
    for given, batch in zip(inputs, batches, strict=True):
        assert run(given) is None
        assert np.array_equal(given.copy_outputs_to_cpu()[0], session.run(batch))


def test_a_graph_has_one_binding_since_it_is_captured_for_one_address(
    tiny_model: Path, batches: list[np.ndarray]
) -> None:
    session = open_session(tiny_model, device="cpu", threads=1)
    _, inputs = binding.device_resident(session._session, Place(), batches, fixed_output=True)
    assert len(inputs) == 1


class FakeDevice:
    """Stands in for a session and its binding on a device, and writes down what is called."""

    def __init__(self, output_shape: list[object]) -> None:
        self.calls: list[str] = []
        self.output = SimpleNamespace(name="scores", type="tensor(float)", shape=output_shape)

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="image")]

    def get_outputs(self) -> list[Any]:
        return [self.output]

    def io_binding(self) -> "FakeDevice":
        return self

    def run_with_iobinding(self, _: object) -> None:
        self.calls.append("run")

    def __getattr__(self, name: str) -> Any:
        return lambda *a: self.calls.append(name)


@pytest.fixture
def fake_values(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    import onnxruntime

    made: list[tuple[object, ...]] = []

    class Values:
        @staticmethod
        def ortvalue_from_numpy(array: np.ndarray, kind: str, index: int) -> Any:
            made.append(("input", array.shape, kind, index))
            return SimpleNamespace(update_inplace=lambda _: made.append(("update",)))

        @staticmethod
        def ortvalue_from_shape_and_type(shape: list[int], dtype: object, kind: str, index: int) -> object:
            made.append(("output", tuple(shape), kind, index))
            return object()

    monkeypatch.setattr(onnxruntime, "OrtValue", Values)
    return made


def test_the_clock_stops_after_the_device_was_synchronised(
    batches: list[np.ndarray], fake_values: list[tuple[object, ...]]
) -> None:
    device = FakeDevice(["batch", 10])
    run = binding.bound_copies(device, Place("cuda", 1), batches, fixed_output=False)
    device.calls.clear()
    run(batches[0])
    assert device.calls == ["run", "synchronize_outputs", "copy_outputs_to_cpu"]
    assert fake_values == [("input", (2, 8, 8, 3), "cuda", 1), ("update",)]
    resident, inputs = binding.device_resident(device, Place("cuda", 1), batches, fixed_output=False)
    device.calls.clear()
    resident(inputs[0])
    assert device.calls == ["run", "synchronize_outputs"]


def test_a_graph_writes_to_an_output_of_fixed_size(
    batches: list[np.ndarray], fake_values: list[tuple[object, ...]]
) -> None:
    binding.device_resident(FakeDevice(["batch", 10]), Place("cuda", 0), batches, fixed_output=True)
    assert ("output", (2, 10), "cuda", 0) in fake_values
    with pytest.raises(ModelError, match="no fixed size for a CUDA graph"):
        binding.device_resident(
            FakeDevice(["batch", "classes"]), Place("cuda", 0), batches, fixed_output=True
        )
