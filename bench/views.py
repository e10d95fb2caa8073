"""Claim: what looking at several views of a picture brings, on the pictures that were held out of the training.

The network of each run folder is asked for every view by itself; its answers are averaged as `toolkit export --mirror
--shift PIXELS` does in the file. The test split isn't read: which views a shipped file looks at was chosen by these.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from evidence import ROOT, write

from toolkit.data.dataset import Split, held_out
from toolkit.data.resolve import load_data
from toolkit.export import job
from toolkit.export.options import ExportOptions
from toolkit.models.open import open_model
from toolkit.models.views import Averaged, Views

MODELS = ("edge-l", "edge-m")
TRIED = (
    Views(),
    Views(mirror=True),
    Views(shift=1),
    Views(mirror=True, shift=1),
    Views(mirror=True, shift=2),
)


def validation(run: dict[str, Any], train: Split) -> Split:
    """Return the pictures that a run held out."""
    share = run["validation_pictures"] / len(train)
    return held_out(train, share, run["seed"])[1]


def figures_of(name: str, train: Split, scratch: Path) -> list[dict[str, Any]]:
    """Return accuracy and loss of one shipped run with each kind of views."""
    folder = ROOT / "exported" / name
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    pictures = validation(run, train)
    plain = scratch / f"{name}.onnx"
    job.run(ExportOptions(model=str(folder), output=plain))
    model, rows, first = open_model(str(plain), device="cpu"), [], None
    for views in TRIED:
        seen = Averaged(model, views)
        parts = [seen.probabilities(pictures.images[i : i + 100]) for i in range(0, len(pictures), 100)]
        answers = np.concatenate(parts)
        right = answers.argmax(axis=1) == pictures.labels
        first = right if first is None else first
        row = {
            "mirror": views.mirror,
            "shift": views.shift,
            "views": len(views),
            "pictures": len(pictures),
            "accuracy": float(right.mean()),
            "loss": float(-np.log(answers[np.arange(len(right)), pictures.labels] + 1e-9).mean()),
            "gained": int((right & ~first).sum()),
            "lost": int((first & ~right).sum()),
        }
        print(f"{name:<8} {len(views)} views (shift {views.shift}): {row['accuracy']:.4f}, loss {row['loss']:.4f}, "
              f"{row['gained']} gained and {row['lost']} lost")  # fmt: skip
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="folder with train/ and test/ of CIFAR-10 as JPEG files")
    parser.add_argument("--models", default=",".join(MODELS), help="shipped runs")
    arguments = parser.parse_args()
    train = load_data(arguments.data, splits=("train",)).split("train")
    with tempfile.TemporaryDirectory() as scratch:
        figures = {name: figures_of(name, train, Path(scratch)) for name in arguments.models.split(",")}
    write(
        "views",
        "accuracy on held-out pictures of the train split of CIFAR-10 (JPEG), by views of each",
        figures,
    )


if __name__ == "__main__":
    main()
