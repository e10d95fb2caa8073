"""Claim: every architecture of keras.applications exports and agrees with Keras, logits and probabilities alike.

Random weights would give every picture nearly the same answer, and any graph would pass. So statistics of batch
normalisation are taken from pictures, and the last layer is scaled until logits spread by 1 over pictures. Each
model runs in processes of its own; peak memory is that of the export. Names on the command line choose some.
"""

import argparse
import inspect
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evidence import RESULTS, write

SPREAD = 1.0  # standard deviation of logits over pictures
PICTURES = 8
TIMEOUT_S = 1800
# Keras leaves their size open and then can't build them without weights.
INPUT_SHAPES = {name: {"input_shape": (224, 224, 3)} for name in ("MobileNetV3Small", "MobileNetV3Large")}


def names() -> list[str]:
    """List the architectures of the installed Keras."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


def make(name: str, path: str) -> None:
    """Build a model, give its weights a scale at which answers differ, and save it."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, **INPUT_SHAPES.get(name, {}))
    batch = np.random.default_rng(0).integers(0, 256, (PICTURES, *model.input_shape[1:])).astype(np.float32)
    batch[: PICTURES // 2] = (
        batch[: PICTURES // 2, ::8, ::8].repeat(8, 1).repeat(8, 2)[:, : batch.shape[1], : batch.shape[2]]
    )
    normalisations = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in normalisations:
        layer.momentum = 0.0
    if normalisations:
        model(batch, training=True)
    for layer in normalisations:
        layer.momentum = 0.99
    last = [layer for layer in model.layers if layer.weights][-1]
    for _ in range(3):
        logits = np.log(np.clip(model.predict_on_batch(batch), 1e-30, None))
        spread = float((logits - logits.mean(axis=1, keepdims=True)).std(axis=0).mean())
        kernel = last.weights[0]
        kernel.assign(np.asarray(kernel) * min(1e4, SPREAD / max(spread, 1e-6)))
    model.save(path)


def export(name: str) -> dict[str, Any]:
    """Build and export one architecture; return its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = str(Path(folder) / f"{name}.keras"), str(Path(folder) / f"{name}.onnx")
        built = subprocess.run(
            [sys.executable, __file__, "--make", name, source], capture_output=True, text=True
        )
        if built.returncode:
            return {"name": name, "error": f"Keras can't build it: {built.stderr.strip().splitlines()[-1]}"}
        started = time.perf_counter()
        command = [sys.executable, __file__, "--measure", source, output]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        seconds = time.perf_counter() - started
        if done.returncode:
            return {"name": name, "error": done.stderr.strip().splitlines()[-1], "seconds": round(seconds, 1)}
        report = json.loads(done.stdout)
        weights = Path(source).stat().st_size
    agreement = report["export"]["agreement"]
    return {
        "name": name,
        "nodes": report["export"]["nodes"],
        "seconds": round(seconds, 1),
        "weights_mb": round(weights / 1e6, 1),
        "peak_mb": round(report["peak_mb"]),
        "within_memory": report["peak_mb"] <= 4 * weights / 1e6 + 1500,
        "max_difference": agreement["max_difference"],
        "max_logit_difference": agreement["max_logit_difference"],
        "top1_agreement": agreement["top1_agreement"],
    }


def measure(source: str, output: str) -> None:
    """Export in this process and print the result with the peak memory."""
    from toolkit.export.job import run
    from toolkit.export.options import ExportOptions

    result = run(ExportOptions(model=source, output=Path(output)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"export": result.to_document(), "peak_mb": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="architectures; all where none is given")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(*arguments.make)
        return
    if arguments.measure:
        measure(*arguments.measure)
        return
    earlier = RESULTS / "applications.json"
    rows = (
        {row["name"]: row for row in json.loads(earlier.read_text())["figures"]} if earlier.is_file() else {}
    )
    for name in arguments.names or names():
        row = export(name)
        rows[name] = row
        shown = row.get("error") or (
            f"{row['nodes']:>5} operators {row['seconds']:>6.1f} s {row['peak_mb']:>6,} MB for {row['weights_mb']:,} MB"
            f"  {row['max_difference']:.1e} in a probability, {row['max_logit_difference']:.1e} in a logit"
        )
        print(f"{name:<20} {re.sub(r'/[^ ]*/', '', str(shown))}", flush=True)
        write(
            "applications",
            "every keras.applications architecture exports and agrees",
            sorted(rows.values(), key=lambda r: r["name"]),
        )


if __name__ == "__main__":
    main()
