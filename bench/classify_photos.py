"""Claim: large JPEG photos are classified at nine tenths of the scaled-decode limit; what scaling changes is counted.

The photos are real pictures (CIFAR-10), enlarged to 1 to 12 megapixels with a little noise, as JPEG of quality 90.
Speed: for a model of 32 x 32 pixels and one of 224 x 224 (the mean colour, so that decoding is the work), against
cores divided by read + decode at the scale that is used + resize + run a picture. Top-1: `toolkit classify` with and
without --exact on 1,000 pictures enlarged to 512 x 512.
"""

import csv
import io
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from classify_inputs import jpeg_files, limit, linked, stage_costs
from evidence import data_parser, write
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from toolkit.images.jpeg import divisor
from toolkit.machine.cores import usable_cores

SIZES = ((1024, 1024), (2048, 1536), (3264, 2448), (4000, 3000))  # width, height: 1 to 12 megapixels
PER_SIZE = 6
INPUTS = 2_000
COMPARED = 1_000


def enlarged(file: str, size: tuple[int, int], seed: int) -> bytes:
    """Return a picture enlarged, with the noise of a sensor, as JPEG."""
    generator = np.random.default_rng(seed)
    large = np.asarray(Image.open(file).convert("RGB").resize(size, Image.Resampling.BICUBIC)).astype(
        np.int16
    )
    noisy = np.clip(large + generator.integers(-8, 9, large.shape, np.int16), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def colour_model(size: int, path: Path) -> None:
    """Write a model that answers with the mean of red, green and blue."""
    axes, scale = np.array([1, 2], np.int64), np.float32(1 / 765)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colour",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(axes, "axes"), numpy_helper.from_array(scale, "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(
        model, {"toolkit_version": "bench", "labels": json.dumps(["red", "green", "blue"])}
    )
    onnx.save(model, path)


def classify(paths: Path, model: str, *options: str) -> dict[str, float]:
    """Run `toolkit classify` and return its summary."""
    command = [
        sys.executable,
        "-m",
        "toolkit",
        "classify",
        str(paths),
        "-m",
        model,
        "--device",
        "cpu",
        "--force",
    ]
    done = subprocess.run([*command, "--json", *options], check=True, capture_output=True, text=True)
    summary: dict[str, float] = json.loads(done.stdout)["summary"]
    return summary


def speed(files: list[str], size: int, folder: Path, scratch: Path, rounds: int) -> dict[str, object]:
    """Measure one model size: the limit and the run, interleaved."""
    model, cores = scratch / f"colour-{size}.onnx", usable_cores()
    colour_model(size, model)
    shares, speeds, costs_of = [], [], []
    for _ in range(rounds):
        # Each file at the scale that is used for it; the costs of the stages are averaged over the sizes.
        by_size = []
        for width, height in SIZES:
            some = [file for file in files if f"-{width}x{height}-" in file]
            scale = divisor(height, width, 1, (size, size))
            scaling = {"min_height": -(-height // scale), "min_width": -(-width // scale)}
            by_size.append(stage_costs(some, str(model), **scaling))
        costs = {name: statistics.mean(each[name] for each in by_size) for name in by_size[0]}
        summary = classify(folder, str(model), "-o", str(scratch / "o.csv"), "--workers", str(cores))
        speeds.append(summary["pictures_per_second"])
        shares.append(speeds[-1] / limit(costs, cores))
        costs_of.append(costs)
    print(
        f"{size} x {size}: {statistics.median(speeds):,.0f} photos/s, {statistics.median(shares):.3f} of the limit"
    )
    return {
        "speed": speeds,
        "of_limit": shares,
        "median_of_limit": statistics.median(shares),
        "costs": costs_of,
    }


def agreement(files: list[str], scratch: Path) -> dict[str, float]:
    """Compare predictions with and without --exact."""
    folder = scratch / "compared"
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:04d}.jpg").write_bytes(enlarged(file, (512, 512), number))
    rows = []
    for options in ((), ("--exact",)):
        output = scratch / "compared.csv"
        classify(folder, "paper-cnn", "-o", str(output), *options)
        with output.open(newline="") as lines:
            rows.append(list(csv.DictReader(lines)))
    same = [a["label"] == b["label"] for a, b in zip(*rows, strict=True)]
    truth = [Path(file).parent.name for file in files]
    scaled, exact = (
        sum(row["label"] == name for row, name in zip(found, truth, strict=True)) / len(truth)
        for found in rows
    )
    apart = [abs(float(a["probability"]) - float(b["probability"])) for a, b in zip(*rows, strict=True)]
    print(
        f"top-1 is the same for {sum(same)} of {len(same)}; probabilities differ by {statistics.mean(apart):.4f}"
    )
    print(f"accuracy {scaled:.4f} scaled, {exact:.4f} exact")
    return {
        "pictures": len(same),
        "same_top1": sum(same),
        "mean_difference": statistics.mean(apart),
        "accuracy_scaled": scaled,
        "accuracy_exact": exact,
    }


def main() -> None:
    parser = data_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    arguments = parser.parse_args()
    # What scaling costs sets a default, so no test picture.
    pictures = jpeg_files(str(Path(arguments.data, "train")))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        files = []
        for width, height in SIZES:
            for number in range(PER_SIZE):
                file = scratch / f"photo-{width}x{height}-{number}.jpg"
                source = pictures[number * len(pictures) // PER_SIZE]
                file.write_bytes(enlarged(source, (width, height), number))
                files.append(str(file))
        many = linked(files, arguments.inputs, scratch, 1000)
        figures: dict[str, object] = {
            str(size): speed(files, size, many, scratch, arguments.rounds) for size in (32, 224)
        }
        every = len(pictures) // COMPARED
        figures["agreement"] = agreement(pictures[::every][:COMPARED], scratch)
    write(
        "classify_photos",
        f"{arguments.inputs:,} JPEG photos of 1 to 12 megapixels, {usable_cores()} cores",
        {"sizes": SIZES, "inputs": arguments.inputs, **figures},
    )


if __name__ == "__main__":
    main()
