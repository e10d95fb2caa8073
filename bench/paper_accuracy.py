"""Claim: paper-cnn's accuracy on CIFAR-10 (JPEG), and the exported file agrees with Keras within 1e-5 on it."""

import json
import subprocess
import sys
from pathlib import Path

from evidence import ROOT, data_argument, write

NAME = "CIFAR-10 (JPEG)"


def toolkit(*arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "toolkit", *arguments, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    document: dict[str, object] = json.loads(done.stdout)
    return document


def main() -> None:
    data = str(Path(data_argument(__doc__ or "")).resolve())
    shared = ("--data", data, "--data-name", NAME)
    evaluated = toolkit("evaluate", "paper-cnn", *shared)
    compared = toolkit("verify", "exported/paper-cnn", "paper-cnn", *shared, "--tolerance", "1e-5")
    print(f"accuracy {evaluated['accuracy']} on {NAME}")
    print(f"largest difference from Keras {compared['max_difference']} on {compared['pictures']} pictures")
    keep = (
        "pictures",
        "max_difference",
        "mean_difference",
        "max_logit_difference",
        "top1_agreement",
        "accuracy",
    )
    write(
        "paper_accuracy",
        "paper-cnn on the 10,000 test pictures, and Keras against ONNX Runtime",
        {"evaluate": evaluated, "verify": {key: compared[key] for key in keep}},
    )


if __name__ == "__main__":
    main()
