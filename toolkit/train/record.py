"""What run.json says of a run."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from toolkit import __version__
from toolkit.data.dataset import Dataset, Split
from toolkit.keras_model.load import LoadedModel
from toolkit.machine.cores import usable_cores
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Settings
from toolkit.train.teacher import Teachers


def make_record(
    options: TrainOptions,
    settings: Settings,
    dataset: Dataset,
    train: Split,
    validation: Split | None,
    *,
    start: LoadedModel | None,
    teachers: Teachers | None,
    weighs_classes: bool,
) -> dict[str, Any]:
    """Return the record of a run that begins.

    `finished` is false and `epochs_done` counts until the last epoch is done: whoever uses the run's model can tell
    that it isn't ready.
    """
    return {
        "recipe": options.recipe_name,
        "settings": {
            **asdict(settings),
            "class_weights": weighs_classes,
            "image_size": list(train.images.shape[1:3]),
            "validation_split": options.validation_split,
            "limit": options.limit,
        },
        # What the settings above come from, where it can't be seen by them: None means that nothing was said.
        "given": {"image_size": options.image_size, "class_weights": options.class_weights},
        "seed": options.seed,
        "start": None if start is None else {"model": options.start_from, "sha256": start.sha256},
        "teacher": None
        if teachers is None
        else {"models": list(options.teachers), "sha256": teachers.sha256},
        "classes": list(dataset.classes),
        "data": dataset.name,
        "data_argument": options.data,
        "data_digest": dataset.digest,
        "skip_broken": options.skip_broken,
        "skipped": [{"path": path, "reason": reason} for path, reason in dataset.skipped],
        "train_pictures": len(train.labels),
        "validation_pictures": len(validation.labels) if validation is not None else 0,
        "resize": "stretch",
        "versions": {
            "toolkit": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
        },
        "cores": usable_cores(),
        "epochs_done": 0,
        "finished": False,
    }
