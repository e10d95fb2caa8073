"""Claim: latency of every shipped model relative to the fp32 paper CNN, batch 1, one thread, in one interleaved run.

Processors that multiply bytes four at a time (VNNI, Arm's dot product) gain far more from int8 than others, so that
each kind has its own record. That of the first goes into the files' metadata (`relative_latency`, which `toolkit
models` shows); the digests are written anew.
"""

import numpy as np
import onnx
from evidence import ROOT, figures_of, write

from toolkit.files import sha256_of
from toolkit.machine.features import int8_sums_saturate
from toolkit.models.catalog import REFERENCE_MODEL, shipped_models
from toolkit.runtime.race import race

ROUNDS = 500  # two minutes: a machine that others use as well changes its pace from one to the next
WITH, WITHOUT = "shipped_latency", "shipped_latency_no_vnni"
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
    for name in models:
        ratio = seconds[name] / seconds[REFERENCE_MODEL]
        figures[name] = {"microseconds": round(seconds[name] * 1e6, 2), "relative": round(ratio, 3)}
        print(f"{name:<16} {seconds[name] * 1e6:6.1f} µs  {ratio:.2f}×")
    if int8_sums_saturate():
        write(WITHOUT, "shipped models relative to paper-cnn, on a processor without VNNI", figures)
    else:
        write(WITH, "shipped models relative to paper-cnn", figures)
    for name, row in figures_of(WITH).items():
        state(models[name], f"{row['relative']:.2f}")
    (EXPORTED / "SHA256SUMS").write_text(digests(), encoding="utf-8")


if __name__ == "__main__":
    main()
