"""Claim: accuracy, calibration and robustness of every shipped model on CIFAR-10 (JPEG), 10,000 test pictures.

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


def evaluated(model: str, data: str) -> dict[str, Any]:
    """Return what `toolkit evaluate --robustness` says of a model."""
    command = [sys.executable, "-m", "toolkit", "evaluate", model, "--data", data, "--data-name", NAME]
    done = subprocess.run(
        [*command, "--robustness", "--json"], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return {key: document[key] for key in KEPT}


def main() -> None:
    data = str(Path(data_argument(__doc__ or "")).resolve())
    figures = {}
    for name in shipped_models():
        figures[name] = evaluated(name, data)
        low, high = figures[name]["accuracy_ci95"]
        print(f"{name:<16} {figures[name]['accuracy']:.4f}  ({low:.4f} to {high:.4f})")
    write("shipped_accuracy", "shipped models on the 10,000 test pictures, as they are and damaged", figures)


if __name__ == "__main__":
    main()
