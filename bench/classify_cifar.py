"""Claim: how near small JPEG files are classified to what the cores could do, and how much faster than by hand.

Everything is measured interleaved, round by round: the limit (cores divided by read + decode + run a picture,
each alone, best of several), the same with all cores at work (how much of the limit the machine itself takes), and on
the same 240,000 hard links `toolkit classify`, a Keras image_dataset_from_directory with predict, and a plain loop of
Pillow and ONNX Runtime in batches. Each of the three is timed twice: the whole process, and once running. All files are
read once before. A quiet machine is needed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from classify_inputs import jpeg_files, limit, linked, stage_costs, together
from evidence import ROOT, as_installed, data_parser, write

from toolkit.machine.cores import usable_cores
from toolkit.models.catalog import find_model

INPUTS = 240_000
LIMIT_FILES = 60_000  # all that differ: of a few thousand, the processor's cache would hold every file
LIMIT_REPEATS = 3

KERAS = """
import sys, time
import keras, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[3]))
model = keras.models.load_model(sys.argv[1])
data = keras.utils.image_dataset_from_directory(
    sys.argv[2], labels=None, image_size=(32, 32), batch_size=64, shuffle=False
)
data = data.prefetch(tf.data.AUTOTUNE)
for batch in data.take(1):
    model.predict_on_batch(batch)
began = time.perf_counter()
done = len(model.predict(data, verbose=0))
print(done / (time.perf_counter() - began))
"""

PILLOW = """
import sys, time
from pathlib import Path
import numpy as np, onnxruntime as ort
from PIL import Image
options = ort.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
files = sorted(Path(sys.argv[2]).rglob("*.jpg"))
began = time.perf_counter()
for start in range(0, len(files), 64):
    batch = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in files[start:start + 64]])
    session.run(None, {name: batch})
print(len(files) / (time.perf_counter() - began))
"""


def other(code: str, model: str, folder: Path, cores: int, inputs: int) -> dict[str, float]:
    """Run a rival in a process of its own: its pictures a second over the whole process, and once running."""
    command = [sys.executable, "-c", code, model, str(folder), str(cores)]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    whole = time.perf_counter() - began
    return {"whole_process": inputs / whole, "once_running": float(done.stdout.split()[-1])}


def ours(model: str, folder: Path, scratch: Path) -> dict[str, float]:
    """Run `toolkit classify`: its pictures a second over the whole process, and once running."""
    output = scratch / "predictions.csv"
    journal = scratch / "predictions.csv.part.journal"
    command = [sys.executable, "-m", "toolkit", "classify", str(folder), "-m", model, "--device", "cpu"]
    began = time.perf_counter()
    steps: list[tuple[float, int]] = []
    with subprocess.Popen(
        [*command, "-o", str(output), "--force", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:  # fmt: skip
        while process.poll() is None:
            steps.append((time.perf_counter(), rows_in(journal)))
            time.sleep(0.05)
        assert process.stdout is not None
        summary = json.loads(process.stdout.read())["summary"]
    whole = time.perf_counter() - began
    running = [(when, rows) for when, rows in steps if rows]
    (first, rows_first), (last, rows_last) = running[0], running[-1]
    return {
        "whole_process": summary["inputs"] / whole,
        "once_running": (rows_last - rows_first) / (last - first),
        "seconds": whole,
        **{f"{stage}_s": seconds for stage, seconds in summary["stages"].items()},
    }


def rows_in(journal: Path) -> int:
    """Return how many rows an unfinished output has for sure."""
    try:
        lines = journal.read_bytes().splitlines()
        return int(json.loads(lines[-1]).get("rows", 0))
    except (OSError, ValueError, IndexError):
        return 0


def main() -> None:
    parser = data_parser(__doc__)
    parser.add_argument("--model", default="paper-cnn")
    parser.add_argument("--keras-model", default=str(ROOT / "exported" / "paper-cnn" / "model.keras"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    arguments = parser.parse_args()
    as_installed()
    files, cores = jpeg_files(arguments.data), usable_cores()
    model = str(find_model(arguments.model))
    rounds: list[dict[str, Any]] = []
    # Hard links need the file system of the data.
    with tempfile.TemporaryDirectory(dir=Path(arguments.data).parent) as scratch:
        folder = linked(files, arguments.inputs, Path(scratch), 1000)
        for file in folder.rglob("*.jpg"):  # from the disk's cache, for everybody alike
            file.read_bytes()
        sample = jpeg_files(str(folder))[:LIMIT_FILES]  # in the order of a run, whole folders
        for number in range(arguments.rounds):
            costs = stage_costs(sample, model, repeats=LIMIT_REPEATS)
            mine = ours(model, folder, Path(scratch))
            costs = {name: min(cost, again) for (name, cost), again in zip(
                costs.items(), stage_costs(sample, model, repeats=LIMIT_REPEATS).values(), strict=True)}  # fmt: skip
            bound = limit(costs, cores)
            shared = together(sample, model, cores, repeats=LIMIT_REPEATS)
            rivals = {
                "keras": other(KERAS, arguments.keras_model, folder, cores, arguments.inputs),
                "pillow": other(PILLOW, model, folder, cores, arguments.inputs),
            }
            figures: dict[str, Any] = {
                "costs": costs, "costs_together": shared, "limit": bound, "classify": mine, **rivals,
                "limit_together_of_limit": limit(shared, cores) / bound,
            }  # fmt: skip
            for what in ("once_running", "whole_process"):
                figures[f"{what}_of_limit"] = mine[what] / bound
                for name, rival in rivals.items():
                    figures[f"{what}_times_{name}"] = mine[what] / rival[what]
            rounds.append(figures)
            print(
                f"round {number + 1}: limit {bound:,.0f}/s, {limit(shared, cores):,.0f}/s with all cores at work"
            )
            for what in ("once_running", "whole_process"):
                against = ", ".join(
                    f"{mine[what] / rival[what]:.1f} times {name} ({rival[what]:,.0f}/s)"
                    for name, rival in rivals.items()
                )
                print(f"  {what}: {mine[what]:,.0f}/s, {mine[what] / bound:.3f} of the limit, {against}")
    shares = [key for key in rounds[0] if key.startswith(("limit_together", "once_running", "whole_process"))]
    medians = {share: statistics.median(figures[share] for figures in rounds) for share in shares}
    write(
        "classify_cifar" if arguments.model == "paper-cnn" else f"classify_cifar_{Path(model).stem}",
        f"{arguments.inputs:,} JPEG files of 32 x 32 pixels, {Path(model).stem}, {cores} cores",
        {
            "model": arguments.model,
            "inputs": arguments.inputs,
            "cores": cores,
            "median": medians,
            "rounds": rounds,
        },
    )


if __name__ == "__main__":
    main()
