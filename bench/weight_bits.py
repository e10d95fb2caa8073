"""Claim: int8 weights of 7 bits answer alike on every processor; with 8 an x86 without VNNI loses a fifth of them.

Quantises two shipped models with either, and compares them with float32 on training pictures that they weren't
calibrated on: once as ONNX Runtime runs them here, and once node by node, where int8 is emulated in float32 and nothing
is cut off. What this processor can do stands beside the figures. Accuracy isn't looked at: these are training pictures.
"""

from typing import Any

import numpy as np
import onnx
from evidence import ROOT, data_parser, write
from numpy.typing import NDArray

from toolkit.data.resolve import load_data
from toolkit.export.precision.int8 import calibrated
from toolkit.export.precision.running import as_file
from toolkit.machine.features import ALL_BITS, SAFE_BITS, int8_sums_saturate
from toolkit.models.open import open_model
from toolkit.models.predictor import predict
from toolkit.stats.agreement import compare

MODELS = ("paper-cnn", "edge-s")
CALIBRATED_ON, COMPARED_ON = 384, 5_000  # pictures


def answers(model: onnx.ModelProto, images: NDArray[np.uint8], *, optimize: bool) -> NDArray[np.float32]:
    """Run a model, float32 [N, classes]."""
    with as_file(model) as path:
        return predict(open_model(str(path), device="cpu", optimize=optimize), images)


def main() -> None:
    data = data_parser(__doc__).parse_args().data
    images = load_data(data, image_size=(32, 32), splits=("train",)).split("train").images
    order = np.random.default_rng(0).permutation(len(images))
    calibration = images[order[:CALIBRATED_ON]]
    unseen = images[order[CALIBRATED_ON : CALIBRATED_ON + COMPARED_ON]]
    figures: dict[str, Any] = {
        "sums_are_cut_off": int8_sums_saturate(),
        "pictures": len(unseen),
        "models": {},
    }
    for name in MODELS:
        fp32 = onnx.load(ROOT / "exported" / f"{name}.onnx")
        reference = answers(fp32, unseen, optimize=True)
        rows = figures["models"][name] = {}
        for bits in (SAFE_BITS, ALL_BITS):
            int8 = calibrated(fp32, calibration, weight_bits=bits).int8()
            rows[str(bits)] = {
                way: compare(reference, answers(int8, unseen, optimize=optimize)).top1_agreement
                for way, optimize in (("here", True), ("emulated", False))
            }
            print(f"{name}, {bits} bits: agreement {rows[str(bits)]}")
    write("weight_bits", "agreement of int8 with fp32 by the bits of a weight", figures)


if __name__ == "__main__":
    main()
