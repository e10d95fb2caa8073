"""What only a real CUDA device can show; everywhere else these are skipped, with the reason."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import DeviceError
from toolkit.machine.gpu import gpu_meanwhile, gpu_snapshot
from toolkit.models.catalog import find_model
from toolkit.runtime.cuda import driver_cuda_version, pci_place
from toolkit.runtime.devices import CPU, CUDA
from toolkit.runtime.session import Session, open_session

pytestmark = pytest.mark.gpu

GRAPH = "enable_cuda_graph=1"
DTYPE = {"uint8": np.uint8, "float32": np.float32}


@pytest.fixture(params=["paper-cnn", "edge-s", "edge-m"])
def model(request: pytest.FixtureRequest) -> Path:
    return find_model(request.param)


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), np.uint8)


def in_a_container() -> bool:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (numbers,) = (line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    return len(numbers) > 1 or Path("/.dockerenv").exists()


def compute_capability() -> float:
    asked = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    return float(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0])


def batches(pictures: NDArray[np.uint8], session: Session) -> Iterator[NDArray[np.generic]]:
    for size in (1, 2, 7, 64):
        yield pictures[:size].astype(DTYPE[session.signature.dtype])


def test_every_product_runs_on_cuda_and_gives_what_the_cpu_gives(
    model: Path, pictures: NDArray[np.uint8]
) -> None:
    cpu, cuda = open_session(model, device="cpu"), open_session(model, device="cuda")
    assert (cuda.provider, cuda.active_provider, cuda.device) == (CUDA, CUDA, "cuda:0")
    assert set(cuda.products()) == {CUDA}
    for batch in batches(pictures, cuda):
        assert np.abs(cuda.run(batch) - cpu.run(batch)).max() < 1e-4
    assert cuda.active_provider == CUDA


def test_tf32_is_off_by_default_and_coarser_where_it_is_turned_on(pictures: NDArray[np.uint8]) -> None:
    if compute_capability() < 8:
        pytest.skip("TF32 came with Ampere")
    model = find_model("edge-m")
    exact = open_session(model, device="cpu").run(pictures)
    default = open_session(model, device="cuda").run(pictures)
    coarse = open_session(model, device="cuda", provider_options=["use_tf32=1"]).run(pictures)
    assert 3 * np.abs(default - exact).max() < np.abs(coarse - exact).max()


@pytest.mark.parametrize("name", ["edge-s", "edge-s-int8"])
@pytest.mark.parametrize("options", [[], [GRAPH]], ids=["plain", "graph"])
@pytest.mark.parametrize("copies", [True, False], ids=["copies", "resident"])
def test_bound_buffers_give_the_same_for_each_input(
    pictures: NDArray[np.uint8], name: str, options: list[str], copies: bool
) -> None:
    model = find_model(name)
    expected = open_session(model, device="cuda")
    session = open_session(model, device="cuda", provider_options=options)
    inputs = [pictures[i : i + 8] for i in range(0, 64, 8)]
    run, given = session.bound_run(inputs, copies=copies)
    # A captured graph reads one address, so resident inputs are one only.
    assert len(given) == (1 if options and not copies else len(inputs))
    for _ in range(3):  # captured, and replayed with other pictures
        for place, batch in zip(given, inputs, strict=False):
            answer = run(place)
            scores = answer[0] if copies else place.copy_outputs_to_cpu()[0]
            assert np.abs(scores - expected.run(batch)).max() < 1e-4


def test_a_device_that_is_not_there_is_named(model: Path) -> None:
    with pytest.raises(DeviceError, match="no such CUDA device") as caught:
        open_session(model, device="cuda:99")
    assert "nvidia-smi -L" in caught.value.remedy


def test_too_little_memory_on_the_device_is_told_in_one_sentence() -> None:
    pictures = np.zeros((4096, 32, 32, 3), np.uint8)
    with pytest.raises(DeviceError, match="too little free memory"):
        open_session(find_model("edge-m"), device="cuda", provider_options=["gpu_mem_limit=16000000"]).run(
            pictures
        )


def test_auto_takes_cuda_for_a_float_model(model: Path) -> None:
    assert open_session(model, device="auto").provider == CUDA


@pytest.mark.parametrize("name", ["paper-cnn-int8", "edge-m-int8"])
def test_an_int8_model_is_refused_on_cuda_or_gives_what_the_cpu_gives(
    name: str, pictures: NDArray[np.uint8]
) -> None:
    model = find_model(name)
    cpu = open_session(model, device="cpu").run(pictures)
    automatic = open_session(model, device="auto")
    if automatic.provider == CPU:
        with pytest.raises(DeviceError) as caught:
            open_session(model, device="cuda")
        assert "the fp32 or fp16 export of the model" in caught.value.remedy
        return
    cuda = open_session(model, device="cuda")
    assert cuda.placement().keys() == {CUDA}  # the constants too, which a graph that is captured needs
    # The steps of int8 lie at other places in other arithmetic; the class is the same.
    assert (cuda.run(pictures).argmax(1) == cpu.argmax(1)).mean() >= 0.9


def test_the_driver_tells_its_version_and_where_the_device_is() -> None:
    version, place = driver_cuda_version(), pci_place(0)
    assert version is not None
    assert version[0] >= 12
    assert place is not None
    assert place.count(":") == 2
    assert pci_place(99) is None


def test_nvidia_smi_answers_for_the_device_that_cuda_counts_first(pictures: NDArray[np.uint8]) -> None:
    before = gpu_snapshot(pci_place(0))
    session = open_session(find_model("edge-m"), device="cuda")
    for _ in range(20):
        session.run(pictures)
    after = gpu_snapshot(pci_place(0))
    state = gpu_meanwhile(before, after)
    assert before is not None
    assert after is not None
    assert state is not None
    assert set(after.slowed_us) <= {"power cap", "heat (software)", "heat (hardware)", "power brake"}
    if not in_a_container():  # there the driver may count processes as the host does
        assert os.getpid() in after.processes
