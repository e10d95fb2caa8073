"""Random inputs in the form a model takes."""

import numpy as np
import pytest

from toolkit.bench.inputs import MOST_BYTES, random_batches, timed_steps, untimed_steps
from toolkit.bench.options import Scenario, Transfer
from toolkit.preprocess.normalization import IMAGENET
from toolkit.preprocess.plan import Plan

OURS = Plan(height=8, width=6)
FOREIGN = Plan(height=8, width=6, layout="NCHW", dtype="float32", normalization=IMAGENET)


@pytest.mark.parametrize(
    ("plan", "shape", "dtype"), [(OURS, (4, 8, 6, 3), "uint8"), (FOREIGN, (4, 3, 8, 6), "float32")]
)
def test_batches_have_the_form_the_model_takes(plan: Plan, shape: tuple[int, ...], dtype: str) -> None:
    batches = random_batches(plan, 4, seed=0)
    assert {b.shape for b in batches} == {shape}
    assert {str(b.dtype) for b in batches} == {dtype}


def test_no_two_pictures_are_the_same() -> None:
    batches = random_batches(OURS, 4, seed=0)
    pictures = {picture.tobytes() for batch in batches for picture in batch}
    assert len(pictures) == 4 * len(batches) >= 8


def test_the_seed_decides_about_the_pictures() -> None:
    first, again, other = (random_batches(OURS, 1, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_batches_are_fewer_but_at_least_two() -> None:
    plan = Plan(height=512, width=512)
    batches = random_batches(plan, 64, seed=0)
    assert len(batches) == 2
    assert batches[0].nbytes * 2 > MOST_BYTES
    assert len(random_batches(plan, 64, seed=0, most=1)) == 1


def test_what_is_not_timed_is_named() -> None:
    stream, host = Scenario.SINGLE_STREAM, Transfer.HOST_ARRAYS
    assert untimed_steps(OURS, stream, host) == ("reading the file", "decoding", "resizing")
    assert untimed_steps(FOREIGN, stream, host)[3:] == (
        "normalisation (imagenet)",
        "conversion to float32 NCHW",
    )
    assert "copies to the device and back" in untimed_steps(OURS, stream, Transfer.DEVICE_RESIDENT)
    assert untimed_steps(FOREIGN, Scenario.PIPELINE, host) == ()


@pytest.mark.parametrize("transfer", list(Transfer))
def test_what_is_timed_is_named_for_every_way_to_the_device(transfer: Transfer) -> None:
    steps = timed_steps(Scenario.SERVER, transfer)
    assert any("inference" in step for step in steps)
    assert ("synchronisation" in steps) == (transfer is not Transfer.HOST_ARRAYS)
    assert "decoding" in timed_steps(Scenario.PIPELINE, transfer)
