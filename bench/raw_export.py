"""Claim: MobileNetV2 and ResNet50 at 224 pixels are never slower than tf2onnx's raw output, in fp32 and in int8.

Batch 1, one thread, all files of a model interleaved in one process; ratios are taken within a race, of which there
are several. "Raw" is what a user gets by hand: the Keras model with its preprocess_input in a tf.function that takes
uint8, converted by tf2onnx.convert.from_function, nothing changed. Weights are random (see random_weights.py), and
int8 is calibrated on generated pictures: time doesn't depend on either, and the agreement that is shown says that the
files compute the same network, not what int8 costs a trained one.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnx
from applications import make
from evidence import write
from PIL import Image

from toolkit.export.job import run
from toolkit.export.options import ExportOptions, Precision
from toolkit.export.pictures import generated_pictures
from toolkit.runtime.race import race
from toolkit.runtime.session import open_session

MODELS = {"MobileNetV2": "mobilenet_v2", "ResNet50": "resnet50"}  # architecture: its module
SIDE = 224
CALIBRATION = 64  # generated pictures
RACES = 16
ROUNDS = 5  # of a race
OPSET = 17  # of both


def raw_tf2onnx(name: str, keras_file: Path, output: Path) -> None:
    import keras
    import tensorflow as tf
    import tf2onnx

    model = keras.models.load_model(keras_file)
    prepare = getattr(keras.applications, MODELS[name]).preprocess_input
    signature = [tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8, name="image")]
    function = tf.function(
        lambda image: model(prepare(tf.cast(image, tf.float32)), training=False), input_signature=signature
    )
    tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET, output_path=str(output))


def calibration_folder(folder: Path) -> Path:
    """Write generated pictures as a data set of one class."""
    place = folder / "calibration" / "train" / "generated"
    place.mkdir(parents=True)
    for number, picture in enumerate(generated_pictures(SIDE, SIDE, count=CALIBRATION, seed=1)):
        Image.fromarray(picture).save(place / f"{number:03d}.png")
    return place.parents[1]


def files_of(name: str, folder: Path, calibration: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """Make every file of a model; return them, and what is known about each."""
    source = folder / f"{name}.keras"
    make(name, str(source))
    files = {kind: folder / f"{name}-{kind}.onnx" for kind in ("raw", "fp32", "int8")}
    raw_tf2onnx(name, source, files["raw"])
    facts: dict[str, Any] = {"raw": {}}
    for precision in (Precision.FP32, Precision.INT8):
        result = run(
            ExportOptions(
                model=str(source),
                output=files[precision],
                precision=precision,
                opset=OPSET,
                calibration=str(calibration) if precision is Precision.INT8 else None,
                min_agreement=0.0,  # of a network of random weights
            )
        )
        facts[precision.value] = {
            "top1_agreement": result.agreement["top1_agreement"],
            "kept_float": list((result.reduction or {}).get("kept_float", [])),
        }
    for kind, path in files.items():
        facts[kind]["nodes"] = len(onnx.load(path, load_external_data=False).graph.node)
        facts[kind]["size_bytes"] = path.stat().st_size
    return files, facts


def same_answers(files: dict[str, Path]) -> dict[str, float]:
    """Return the largest difference of a probability from the raw file, over generated pictures."""
    pictures = generated_pictures(SIDE, SIDE, count=16, seed=2)
    answers = {kind: open_session(path, device="cpu").run(pictures) for kind, path in files.items()}
    return {kind: float(np.abs(values - answers["raw"]).max()) for kind, values in answers.items()}


def quartiles(ratios: list[float]) -> dict[str, float]:
    """Median and quartiles of the races: one that somebody else's work fell into doesn't count."""
    low, middle, high = (float(value) for value in np.percentile(ratios, [25, 50, 75]))
    return {"low": low, "median": middle, "high": high, "races": len(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=RACES)
    options = parser.parse_args()
    picture = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calibration = calibration_folder(folder)
        made = {model: files_of(model, folder, calibration) for model in MODELS}
        for model, (files, facts) in made.items():
            gaps = same_answers(files)
            times: dict[str, list[float]] = {kind: [] for kind in files}
            for _ in range(options.races):
                for kind, seconds in zip(
                    files, race(list(files.values()), picture, rounds=ROUNDS), strict=True
                ):
                    times[kind].append(1e3 * seconds)
            figures[model] = {
                kind: {
                    "ms": statistics.median(times[kind]),
                    "of_raw": quartiles([a / b for a, b in zip(times[kind], times["raw"], strict=True)]),
                    "largest_difference_from_raw": gaps[kind],
                    **facts[kind],
                }
                for kind in files
            }
            for kind, row in figures[model].items():
                ratio = row["of_raw"]
                print(
                    f"{model:12s} {kind:5s} {row['ms']:7.2f} ms  {ratio['median']:.3f} of raw"
                    f" (quartiles {ratio['low']:.3f} and {ratio['high']:.3f}), {row['nodes']} operators,"
                    f" differs by {row['largest_difference_from_raw']:.1e}"
                )
    write(
        "raw_export",
        "MobileNetV2 and ResNet50 at 224 pixels, batch 1, one thread: ours against tf2onnx's raw output",
        figures,
    )


if __name__ == "__main__":
    main()
