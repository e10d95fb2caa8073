"""Claim: accuracy, calibration and robustness of every shipped model on CIFAR-10 (JPEG), 10,000 test pictures.

Robustness is measured of one file of each family, the int8 one where there is one: the card shows that.
The model cards in exported/README.md are made of these figures.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from evidence import ROOT, data_argument, write

from toolkit.models.catalog import shipped_models

NAME = "CIFAR-10 (JPEG)"
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
    command = [
        sys.executable,
        "-m",
        "toolkit",
        "evaluate",
        model,
        "--data",
        data,
        "--data-name",
        NAME,
        "--json",
    ]
    command += ["--robustness"] if robustness else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    document: dict[str, Any] = json.loads(done.stdout)
    return {key: document[key] for key in KEPT}


def main() -> None:
    data = str(Path(data_argument(__doc__ or "")).resolve())
    figures = {}
    names = shipped_models()
    for name in names:
        figures[name] = evaluated(name, data, robustness=f"{name}-int8" not in names)
        low, high = figures[name]["accuracy_ci95"]
        print(f"{name:<16} {figures[name]['accuracy']:.4f}  ({low:.4f} to {high:.4f})")
    write("shipped_accuracy", "shipped models on the 10,000 test pictures, as they are and damaged", figures)


if __name__ == "__main__":
    main()
