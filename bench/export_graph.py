"""Claim: the graph that export writes is never slower than tf2onnx's own output, paper-cnn, batch 1, one thread.

Both files hold the same weights and pass the same verification; they run interleaved in one benchmark.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
from evidence import ROOT, write

from toolkit.export.convert import convert
from toolkit.export.graph.interface import interface
from toolkit.export.graph.portable import PORTABLE
from toolkit.export.opset import DEFAULT
from toolkit.export.step import apply
from toolkit.keras_model.predictor import keras_predictor
from toolkit.models.card import Card, to_metadata


def main() -> None:
    source = keras_predictor(str(ROOT / "exported" / "paper-cnn"), where="bench")
    raw = apply(
        convert(source, opset=DEFAULT, batch=None), [PORTABLE, interface(32, 32, len(source.labels), None)]
    )
    onnx.helper.set_model_props(raw, to_metadata(Card(labels=source.labels, input_size=(32, 32))))
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder) / "tf2onnx.onnx", Path(folder) / "bench.json"
        onnx.save(raw, path)
        options = ["--threads", "1", "--device", "cpu", "--duration", "10", "-o", str(output)]
        subprocess.run(
            [sys.executable, "-m", "toolkit", "bench", str(path), "paper-cnn", *options], check=True, cwd=ROOT
        )
        rows = json.loads(output.read_text(encoding="utf-8"))["results"]
    figures = {
        Path(row["model"]).stem: {
            "p50_ms": row["latency_ms"]["p50"],
            "p50_ci95_ms": row["latency_ms"]["p50_ci95"],
        }
        for row in rows
    }
    ratio = figures["paper-cnn"]["p50_ms"] / figures["tf2onnx"]["p50_ms"]
    print(f"paper-cnn as exported takes {ratio:.3f} of the time of tf2onnx's output")
    write("export_graph", "the exported graph against tf2onnx's own", {**figures, "ratio": ratio})


if __name__ == "__main__":
    main()
