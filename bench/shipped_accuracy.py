"""Claim: accuracy, calibration and robustness of every shipped model on CIFAR-10 (JPEG), 10,000 test pictures.

Robustness is measured of one file of each family, the int8 one where there is one: the card shows that.
The model cards in exported/README.md are made of these figures. A file that hasn't changed since it was measured isn't
measured again, but with --all.
"""

import hashlib
import time
from pathlib import Path
from typing import Any

import onnx
from evidence import DATA_NAME, commit, data_parser, figures_of, toolkit, write

from toolkit.models.catalog import find_model, shipped_models

KEPT = (
    "data",
    "split",
    "pictures",
    "accuracy",
    "accuracy_ci95",
    "loss",
    "calibration_error",
    "classes",
    "robustness",
)


def evaluated(model: str, data: str, *, robustness: bool) -> dict[str, Any]:
    """Return what `toolkit evaluate` says of a model."""
    damaged = ["--robustness"] if robustness else []
    document = toolkit("evaluate", model, "--data", data, "--data-name", DATA_NAME, *damaged)
    return {key: document[key] for key in KEPT}


def digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a model without its latency, which shipped_latency.py adds."""
    model = onnx.load(path)
    told = {entry.key: entry.value for entry in model.metadata_props if entry.key != "relative_latency"}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, told)
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()


def measured(digest: str) -> dict[str, str]:
    """Return what was measured when, since not every file is measured in every run."""
    return {"model_sha256": digest, "commit": commit(), "date": time.strftime("%Y-%m-%d")}


def main() -> None:
    parser = data_parser(__doc__)
    parser.add_argument("--all", action="store_true", help="measure files again that haven't changed")
    arguments = parser.parse_args()
    data = str(Path(arguments.data).resolve())
    before = {} if arguments.all else figures_of("shipped_accuracy")
    figures = {}
    names = shipped_models()
    for name in names:
        digest = digest_of(find_model(name))
        robustness = f"{name}-int8" not in names
        known = before.get(name, {})
        if known.get("model_sha256") == digest and robustness == bool(known["robustness"]):
            figures[name] = known
        else:
            figures[name] = evaluated(name, data, robustness=robustness) | measured(digest)
        low, high = figures[name]["accuracy_ci95"]
        print(f"{name:<16} {figures[name]['accuracy']:.4f}  ({low:.4f} to {high:.4f})")
    write("shipped_accuracy", "shipped models on the 10,000 test pictures, as they are and damaged", figures)


if __name__ == "__main__":
    main()
