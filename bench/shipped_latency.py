"""Claim: latency of every shipped model relative to the fp32 paper CNN, batch 1, one thread, in one interleaved run.

Writes the figure into each file's metadata (`relative_latency`, which `toolkit models` shows) and the digests anew.
"""

import numpy as np
import onnx
from evidence import ROOT, write

from toolkit.files import sha256_of
from toolkit.models.catalog import REFERENCE_MODEL, shipped_models
from toolkit.runtime.race import race

ROUNDS = 60
EXPORTED = ROOT / "exported"


def state(path: object, value: str) -> None:
    """Put the figure into a file's metadata."""
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**metadata, "relative_latency": value})
    onnx.save(model, path)


def digests() -> str:
    """Return the text of SHA256SUMS."""
    files = sorted([*EXPORTED.glob("*.onnx"), *(f for f in EXPORTED.glob("*/*") if f.is_file())])
    return "".join(f"{sha256_of(file)}  {file.relative_to(EXPORTED)}\n" for file in files)


def main() -> None:
    models = shipped_models()
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    seconds = dict(zip(models, race(list(models.values()), picture, rounds=ROUNDS), strict=True))
    figures = {}
    for name, path in models.items():
        ratio = seconds[name] / seconds[REFERENCE_MODEL]
        figures[name] = {"microseconds": round(seconds[name] * 1e6, 2), "relative": round(ratio, 3)}
        print(f"{name:<16} {seconds[name] * 1e6:6.1f} µs  {ratio:.2f}×")
        state(path, f"{ratio:.2f}")
    (EXPORTED / "SHA256SUMS").write_text(digests(), encoding="utf-8")
    write("shipped_latency", "shipped models relative to paper-cnn", figures)


if __name__ == "__main__":
    main()
