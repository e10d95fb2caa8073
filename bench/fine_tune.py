"""Claim: fine-tuned on 100 pictures a class, edge-l is far better than the same network trained on them alone.

Five classes of CIFAR-10 as JPEG files, 100 training pictures each, all test pictures of the five; a tenth of the
training pictures is held out in both runs. The shipped edge-l was trained on these very classes, and the 500 training
pictures themselves were part of its training data (but for the few that it held out); the test pictures were not. So
this is the best case of fine-tuning, an upper bound of what a new kind of picture gets.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from evidence import data_parser, toolkit, write

CLASSES = ("automobile", "bird", "dog", "frog", "ship")
PICTURES = 100  # a class
SCRATCH_EPOCHS = 120  # 420 steps of 128; its own 35 would be too few steps to judge it by


def subset(data: Path, folder: Path) -> Path:
    """Link the first pictures of some classes into a folder of the same form."""
    for split, count in (("train", PICTURES), ("test", None)):
        for name in CLASSES:
            target = folder / split / name
            target.mkdir(parents=True)
            for picture in sorted((data / split / name).iterdir())[:count]:
                os.link(picture, target / picture.name)
    return folder


def trained(*arguments: str) -> dict[str, Any]:
    """Return what `toolkit train` says of a run."""
    document = toolkit("train", *arguments)
    return {key: document[key] for key in ("test_accuracy", "test_pictures", "kept_epoch", "seconds")}


def main() -> None:
    data = Path(data_parser(__doc__).parse_args().data).resolve()
    # Beside the data: hard links don't reach another disk.
    with tempfile.TemporaryDirectory(dir=data.parent) as place:
        folder = Path(place)
        few = str(subset(data, folder / "few"))
        runs = {
            "fine-tuned edge-l": ("--from", "edge-l", "--data", few, "-o", str(folder / "tuned")),
            "edge-l from scratch": ("edge-l", "--data", few, "-o", str(folder / "scratch"), "--epochs",
                                    str(SCRATCH_EPOCHS)),
        }  # fmt: skip
        figures = {name: trained(*arguments) for name, arguments in runs.items()}
    for name, row in figures.items():
        print(
            f"{name:<20} {row['test_accuracy']:.4f} of {row['test_pictures']:,} pictures, {row['seconds']:.0f} s"
        )
    write("fine_tune", "fine-tuning against training from scratch, five classes of 100 pictures", figures)


if __name__ == "__main__":
    main()
