"""Claim: every architecture of keras.applications exports and agrees with Keras, logits and probabilities alike.

Random weights as Keras draws them would give every picture the same answer, and any graph would pass; see
random_weights.py for those used here. That the check can fail is shown for each: one weight is changed by 1 % in the
first, the middle and the last layer of the exported file, and the file is checked again. Each model runs in processes
of its own; peak memory is that of the export. Names on the command line choose some.
"""

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evidence import figures_of, write

PICTURES = 12  # to scale weights by, and to check changed files on
CHANGE = 1.01
TIMEOUT_S = 1800
# Keras leaves their size open and then can't build them without weights.
INPUT_SHAPES = {name: {"input_shape": (224, 224, 3)} for name in ("MobileNetV3Small", "MobileNetV3Large")}


def names() -> list[str]:
    """List the architectures of the installed Keras."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


def make(name: str, path: str) -> None:
    """Build a model, give it weights that behave like trained ones, and save it."""
    import keras
    from random_weights import settle

    from toolkit.export.pictures import generated_pictures
    from toolkit.keras_model.input_range import input_range

    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(weights=None, **INPUT_SHAPES.get(name, {}))
    expected = input_range(model, None, name).normalization
    settle(
        model,
        generated_pictures(*model.input_shape[1:3], count=PICTURES, seed=1) * expected.scale + expected.shift,
    )
    model.save(path)


def export(name: str) -> dict[str, Any]:
    """Build and export one architecture; return its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = str(Path(folder) / f"{name}.keras"), str(Path(folder) / f"{name}.onnx")
        built = own_process("--make", name, source)
        if built.returncode:
            return {"name": name, "error": f"Keras can't build it: {last_line(built)}"}
        started = time.perf_counter()
        done = own_process("--measure", source, output)
        seconds = time.perf_counter() - started
        if done.returncode:
            return {"name": name, "error": last_line(done), "seconds": round(seconds, 1)}
        report = json.loads(done.stdout)
        weights = Path(source).stat().st_size
        checked = own_process("--check", source, output)
        if checked.returncode:
            return {"name": name, "error": f"the check failed: {last_line(checked)}"}
    agreement = report["export"]["agreement"]
    return {
        "name": name,
        "nodes": report["export"]["nodes"],
        "seconds": round(seconds, 1),
        "weights_mb": round(weights / 1e6, 1),
        "peak_mb": round(report["peak_mb"]),
        "allowed_mb": round(4 * weights / 1e6 + 1500),
        "max_difference": agreement["max_difference"],
        "max_logit_difference": agreement["max_logit_difference"],
        "top1_agreement": agreement["top1_agreement"],
        **json.loads(checked.stdout),
    }


def own_process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Return what a process says it failed of; killed ones say nothing, and TensorFlow chats."""
    lines = [line for line in done.stderr.splitlines() if line.strip() and not re.match(r"[IWE]\d{4} ", line)]
    return lines[-1].strip() if lines and done.returncode > 0 else f"exit code {done.returncode}"


def measure(source: str, output: str) -> None:
    """Export in this process and print the result with the peak memory."""
    from toolkit.export.job import run
    from toolkit.export.options import ExportOptions
    from toolkit.machine.memory import peak_rss_bytes

    result = run(ExportOptions(model=source, output=Path(output)))
    print(json.dumps({"export": result.to_document(), "peak_mb": peak_rss_bytes() / 1e6}))


def check(source: str, output: str) -> None:
    """Change one weight by 1 % in several layers of an exported file, and print whether the check sees it."""
    import numpy as np
    import onnx

    from toolkit.export.pictures import generated_pictures
    from toolkit.export.verify import verify_file
    from toolkit.keras_model.predictor import keras_predictor
    from toolkit.models.predictor import predict

    predictor = keras_predictor(source, where="bench")
    pictures = generated_pictures(*predictor.input_size, count=PICTURES)
    logs = np.log(np.clip(predict(predictor, pictures), 1e-30, None))
    spread = (logs - logs.mean(axis=1, keepdims=True)).std(axis=0).mean()
    proto = onnx.load(output)
    kernels = [tensor for tensor in proto.graph.initializer if len(tensor.dims) in (2, 4)]
    places = {"first": 0, "middle": len(kernels) // 2, "last": -1}
    refused = []
    for place, index in places.items():
        tensor = kernels[index]
        values = onnx.numpy_helper.to_array(tensor).copy()
        kept, largest = tensor.raw_data, np.abs(values).argmax()
        values.flat[largest] *= CHANGE
        tensor.raw_data = values.tobytes()
        changed = Path(output).with_name("changed.onnx")
        onnx.save(proto, changed)
        tensor.raw_data = kept
        if verify_file(changed, predictor, pictures, batch=1).beyond_noise:
            refused.append(place)
    print(json.dumps({"logit_spread": float(spread), "refused_at_1_percent": refused}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="architectures; all where none is given")
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--check", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(*arguments.make)
        return
    if arguments.measure:
        measure(*arguments.measure)
        return
    if arguments.check:
        check(*arguments.check)
        return
    rows = {row["name"]: row for row in figures_of("applications")}
    for name in arguments.names or names():
        row = export(name)
        rows[name] = row
        shown = row.get("error") or (
            f"{row['nodes']:>5} operators {row['seconds']:>6.1f} s {row['peak_mb']:>6,} of {row['allowed_mb']:,} MB"
            f"  {row['max_difference']:.1e} in a probability, {row['max_logit_difference']:.1e} in a logit of spread"
            f" {row['logit_spread']:.1f}; 1 % refused: {', '.join(row['refused_at_1_percent']) or 'nowhere'}"
        )
        print(f"{name:<20} {re.sub(r'/[^ ]*/', '', str(shown))}", flush=True)
        write(
            "applications",
            "every keras.applications architecture exports and agrees",
            sorted(rows.values(), key=lambda r: r["name"]),
        )


if __name__ == "__main__":
    main()
