"""From fp32 to int8 and fp16 through the whole export, on a model trained to tell shapes apart."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support import Listener, encoded, picture

from toolkit import load
from toolkit.data.resolve import load_data
from toolkit.errors import DataError, ExportError, UsageError
from toolkit.export import job
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.verify import Verification, verify_file
from toolkit.models.open import open_model
from toolkit.stats.agreement import compare
from toolkit.train import job as train_job
from toolkit.train.options import TrainOptions

pytestmark = pytest.mark.keras


@pytest.fixture(scope="session")
def run_folder(shapes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("runs") / "shapes"
    train_job.run(
        TrainOptions(
            data=str(shapes_folder), output=output, epochs=6, batch_size=8, seed=3, validation_split=0.0
        )
    )
    return output


def options(run_folder: Path, shapes_folder: Path, output: Path, **choices: object) -> ExportOptions:
    known = {
        "model": str(run_folder),
        "output": output,
        "calibration": str(shapes_folder),
        "verify": str(shapes_folder),
    }
    return ExportOptions(**{**known, **choices})  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.FP16, Precision.AUTO])
def test_every_precision_keeps_border_labels_and_answers(
    run_folder: Path, shapes_folder: Path, tmp_path: Path, precision: Precision
) -> None:
    result = job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=precision))
    assert result.missed == ()
    assert result.agreement["top1_agreement"] >= 0.98
    assert result.accuracy is not None
    assert result.source_accuracy is not None
    assert abs(result.accuracy - result.source_accuracy) <= 0.05
    assert result.reduction is not None
    assert result.reduction["seconds"] > 0
    model = open_model(str(tmp_path / "m.onnx"), device="cpu")
    assert model.labels == ("circle", "cross", "stripe")
    assert model.card.precision == result.precision
    assert model.session.signature.dtype == "uint8"
    assert json.loads(model.card.extra["verified"])["pictures"] == 24
    images = load_data(str(shapes_folder), splits=("test",)).split("test").images
    probabilities = model.probabilities(images)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=0.01)
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)


def test_int8_is_smaller_and_says_what_it_was_calibrated_on(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    full = job.run(ExportOptions(model=str(run_folder), output=tmp_path / "fp32.onnx"))
    small = job.run(options(run_folder, shapes_folder, tmp_path / "int8.onnx", precision=Precision.INT8))
    assert small.size_bytes < 0.5 * full.size_bytes
    assert small.reduction is not None
    assert small.reduction["calibrated_on"] == f"45 pictures ({shapes_folder.name}, train split)"


def test_int8_is_verified_on_pictures_held_out_of_the_calibration_where_no_others_are_given(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    chosen = options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.INT8, verify=None)
    result = job.run(chosen)
    assert (
        result.verified_on == f"15 pictures ({shapes_folder.name}, train split, held out of the calibration)"
    )
    assert result.accuracy is None  # of training pictures: it would be taken for a test accuracy


def processor(flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = tmp_path / "cpuinfo"
    described.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr("toolkit.machine.features.CPU_INFO", described)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.parametrize("flags", ["fpu avx2", "fpu avx2 avx512_vnni"])
def test_weights_have_7_bits_whatever_the_processor_so_that_every_other_computes_them_exactly(
    run_folder: Path, shapes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    processor(flags, tmp_path, monkeypatch)
    job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.INT8))
    card = open_model(str(tmp_path / "m.onnx"), device="cpu").card
    assert card.extra["weight_bits"] == "7"
    assert stored_weights(tmp_path / "m.onnx") == 63


def test_weights_of_8_bits_are_had_on_a_processor_that_doesnt_cut_off_sums(
    run_folder: Path, shapes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = {"precision": Precision.INT8, "weight_bits": 8, "min_agreement": 0.0}
    processor("fpu avx2 avx512_vnni", tmp_path, monkeypatch)
    job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", **choices))
    assert stored_weights(tmp_path / "m.onnx") == 127
    processor("fpu avx2", tmp_path, monkeypatch)
    with pytest.raises(UsageError, match="use 7, which is exact everywhere"):
        options(run_folder, shapes_folder, tmp_path / "m.onnx", **choices)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"precision": Precision.INT8, "weight_bits": 9}, "use 7 or 8"),
        ({"precision": Precision.FP16, "weight_bits": 8}, "add --precision int8"),
    ],
)
def test_bits_of_weights_that_make_no_sense_are_refused(
    tmp_path: Path, choices: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        options(tmp_path, tmp_path, tmp_path / "m.onnx", **choices)


def stored_weights(path: Path) -> int:
    """Return the largest stored weight of a file."""
    arrays = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    return max(int(np.abs(a.astype(np.int64)).max()) for a in arrays if a.dtype == np.int8 and a.ndim > 1)


def test_auto_says_what_it_tried_and_keeps_one(run_folder: Path, shapes_folder: Path, tmp_path: Path) -> None:
    result = job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.AUTO))
    assert result.reduction is not None
    candidates = result.reduction["candidates"]
    assert {"fp32", "int8"} <= {candidate["name"] for candidate in candidates}
    (kept,) = [candidate for candidate in candidates if candidate["chosen"]]
    assert kept["agrees"]
    assert (result.precision == "fp32") == (kept["name"] == "fp32")


@pytest.mark.parametrize("mirror", [False, True])
def test_auto_writes_what_passes_the_gate_and_fp32_where_no_int8_form_does(
    run_folder: Path, shapes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: bool
) -> None:
    def int8_is_faster(paths: Sequence[Path], batch: np.ndarray) -> list[float]:
        return [1.0, *[0.5] * (len(paths) - 1)]

    monkeypatch.setattr("toolkit.export.reduce.race", int8_is_faster)
    choices = {"precision": Precision.AUTO, "min_agreement": 0.5, "mirror": mirror}
    first = job.run(options(run_folder, shapes_folder, tmp_path / "8.onnx", **choices))
    assert first.precision == "int8"
    assert first.reduction is not None
    (fastest,) = [each["name"] for each in first.reduction["candidates"] if each["chosen"]]
    choices["tolerance"] = first.agreement["max_difference"] / 2
    other = job.run(options(run_folder, shapes_folder, tmp_path / "other.onnx", **choices))
    assert other.missed == ()
    assert other.reduction is not None
    assert not next(each for each in other.reduction["candidates"] if each["name"] == fastest)["agrees"]

    def refuse_int8(export: Any, *others: Any) -> Any:
        if export.precision == "int8":
            raise ExportError("not this one", where="here", remedy="none")
        return write(export, *others)

    write = job._write
    monkeypatch.setattr(job, "_write", refuse_int8)
    result = job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", **choices))
    assert result.missed == ()
    assert result.precision == "fp32"
    assert result.reduction is not None
    assert [each["name"] for each in result.reduction["candidates"] if each["chosen"]] == ["fp32"]
    card = open_model(str(tmp_path / "m.onnx"), device="cpu").card
    assert card.precision == "fp32"
    assert ("mirror" in card.extra) == mirror


def test_auto_writes_the_next_fastest_where_the_fastest_does_not_agree_after_all(
    run_folder: Path, shapes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plain_int8_is_fastest(paths: Sequence[Path], batch: np.ndarray) -> list[float]:
        return [1.0, *(0.5 + number / 100 for number in range(len(paths) - 1))]

    def picky(export: Any, *others: Any) -> Any:
        if export.precision == "int8" and not export.reduced.kept_float:
            raise ExportError("not this one", where="here", remedy="none")
        return write(export, *others)

    write = job._write
    monkeypatch.setattr("toolkit.export.reduce.race", plain_int8_is_fastest)
    monkeypatch.setattr(job, "_write", picky)
    listener = Listener()
    chosen = options(
        run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.AUTO, min_agreement=0.0
    )
    result = job.run(chosen, listener)
    assert result.reduction is not None
    fastest, second, *_ = result.reduction["candidates"]
    assert (fastest["name"], fastest["agrees"], fastest["chosen"]) == ("int8", False, False)
    assert (second["agrees"], second["chosen"], result.precision) == (True, True, "int8")
    assert result.reduction["kept_float"] == second["kept_float"] != []
    assert "int8 doesn't pass: not this one" in listener.notices


def test_int8_without_pictures_says_what_to_add_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--calibration DATA"):
        ExportOptions(model="not-there.keras", output=tmp_path / "m.onnx", precision=Precision.INT8)


def test_too_few_pictures_are_named(run_folder: Path, shapes_folder: Path, tmp_path: Path) -> None:
    few = {"x": np.zeros((3, 16, 16, 3), np.uint8), "y": np.arange(3) % 2}
    np.savez(
        tmp_path / "few.npz", **{f"{key}_{split}": few[key] for key in few for split in ("train", "test")}
    )
    chosen = options(
        run_folder,
        shapes_folder,
        tmp_path / "m.onnx",
        precision=Precision.INT8,
        calibration=str(tmp_path / "few.npz"),
    )
    with pytest.raises(UsageError, match="too few to calibrate on: 3 pictures"):
        job.run(chosen)


def test_the_least_number_of_calibration_samples_is_enough(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="use 3 or more"):
        options(run_folder, shapes_folder, tmp_path / "m.onnx", precision="int8", calibration_samples=2)
    with pytest.raises(UsageError, match="--calibration, which isn't given"):
        ExportOptions(model="m", output=tmp_path / "m.onnx", calibration_samples=100)
    choices = {"precision": Precision.INT8, "calibration_samples": 3, "min_agreement": 0.0}
    assert job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", **choices)).precision == "int8"


def test_how_int8_was_made_stands_in_the_file_and_in_the_result(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    result = job.run(options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.INT8))
    assert result.reduction is not None
    (kept,) = [way for way in result.reduction["ways"] if way["chosen"]]
    card = open_model(str(tmp_path / "m.onnx"), device="cpu").card
    told = json.loads(card.extra["quantization"])
    assert (told["ranges"], told["weights"]) == (kept["ranges"], kept["weights"])
    assert told["calibrated_on"] == result.reduction["calibrated_on"]
    assert card.extra["weight_bits"] == str(result.reduction["weight_bits"])


def test_broken_pictures_of_the_calibration_are_named_or_left_out(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(shapes_folder, data)
    broken = next((data / "train" / "circle").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    chosen = options(
        run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.INT8, calibration=str(data)
    )
    with pytest.raises(DataError, match=rf"{broken.name}.*--skip-broken"):
        job.run(chosen)
    assert not (tmp_path / "m.onnx").exists()
    result = job.run(replace(chosen, skip_broken=True))
    assert result.reduction is not None
    assert result.reduction["calibrated_on"].startswith("45 pictures")


def test_few_pictures_are_told_to_be_few(run_folder: Path, shapes_folder: Path, tmp_path: Path) -> None:
    listener = Listener()
    job.run(
        options(
            run_folder,
            shapes_folder,
            tmp_path / "m.onnx",
            precision=Precision.INT8,
            calibration_samples=6,
            min_agreement=0.0,
        ),
        listener,
    )
    assert any(
        text.startswith("6 pictures are few to calibrate on, and 2 to judge") for text in listener.notices
    )


def test_answers_that_are_no_numbers_are_refused_whatever_the_gates_allow() -> None:
    figures = np.array([[0.5, 0.5], [np.nan, 0.5]], np.float32)
    labels = figures.argmax(axis=1)
    verified = Verification(
        agreement=compare(figures, figures),
        beyond_noise=0,
        noise=0.0,
        batch_sizes=(1,),
        labels=labels,
        source_labels=labels,
    )
    with pytest.raises(ExportError, match="int8 graph or its source gives answers that are not numbers"):
        job.refuse_no_numbers(verified, "int8")


@pytest.mark.parametrize("least", [None, 0.98])
def test_an_agreement_below_the_default_is_a_failure_and_below_what_the_user_set_a_missed_gate(
    run_folder: Path,
    shapes_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: float | None,
) -> None:
    def disagreeing(*arguments: Any, **choices: Any) -> Verification:
        found = verify_file(*arguments, **choices)
        return replace(found, agreement=replace(found.agreement, top1_agreement=0.9))

    monkeypatch.setattr(job, "verify_file", disagreeing)
    choices = {"precision": Precision.FP16, "min_agreement": least}
    chosen = options(run_folder, shapes_folder, tmp_path / "m.onnx", calibration=None, **choices)
    if least is None:
        with pytest.raises(
            ExportError, match=r"its source's class for 0\.9000 of 24 pictures .*default"
        ) as caught:
            job.run(chosen)
        assert caught.value.exit_code == 1
    else:
        assert job.run(chosen).missed == ("the top-1 agreement, 0.9000, is below --min-agreement 0.98",)
    assert not (tmp_path / "m.onnx").exists()


def test_an_agreement_that_is_not_met_leaves_no_file(
    run_folder: Path, shapes_folder: Path, tmp_path: Path
) -> None:
    chosen = options(run_folder, shapes_folder, tmp_path / "m.onnx", precision=Precision.FP16, tolerance=0.0)
    assert job.run(chosen).missed
    assert not (tmp_path / "m.onnx").exists()


COLOURS = ((230, 20, 20), (20, 230, 20), (20, 20, 230), (230, 230, 20), (20, 230, 230), (230, 230, 230))


def test_the_order_of_the_classes_is_that_of_their_names_from_the_folders_to_every_file(
    tmp_path: Path,
) -> None:
    names = ("1", "10", "2", "B", "a", "é")  # by code point, as Keras has them; not 1, 2, 10
    generator = np.random.default_rng(0)
    for name, colour in zip(names, COLOURS, strict=True):
        for number in range(12):
            near = np.clip(np.array(colour) + generator.integers(-9, 9, 3), 0, 255)
            file = tmp_path / "set" / ("test" if number < 2 else "train") / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded(picture(tuple(map(int, near)), (20, 20))))  # type: ignore[arg-type]
    run, data = tmp_path / "run", tmp_path / "set"
    train_job.run(
        TrainOptions(data=str(data), output=run, epochs=30, batch_size=8, seed=0, validation_split=0.0)
    )
    for precision in (Precision.FP32, Precision.FP16, Precision.INT8):
        calibration = {} if precision is not Precision.INT8 else {"calibration": str(data)}
        file = tmp_path / f"{precision}.onnx"
        job.run(ExportOptions(model=str(run), output=file, precision=precision, **calibration))  # type: ignore[arg-type]
        classifier = load(file, device="cpu")
        assert classifier.labels == names
        rows = list(classifier.classify(data / "test"))
        assert [row.predictions[0].label for row in rows] == [Path(row.path).parent.name for row in rows]
