"""The lines that a run prints."""

from typing import Any

import numpy as np

from toolkit.data.dataset import Dataset, Split, fingerprints
from toolkit.errors import as_place
from toolkit.keras_model.entrance import entrance
from toolkit.observer import Observer
from toolkit.train.options import TrainOptions
from toolkit.train.recipe import Recipe
from toolkit.train.run_folder import Epoch
from toolkit.wording import count, numbered

LONG_LOOK_BYTES = 1 << 30  # a second or two; whoever waits longer should know what for


def tell_shapes(dataset: Dataset, train: Split, validation: Split | None, observer: Observer) -> None:
    """Print what the data is, before anything is trained."""
    observer.line(
        f"Data: {as_place(dataset.name)}, {count(len(dataset.classes), 'class')}: "
        f"{', '.join(map(as_place, dataset.classes))}"
    )
    for path, reason in dataset.skipped:
        observer.notice(f"skipped {path}: {reason}")
    for name, split in (("Train", dataset.splits.get("train")), ("Test", dataset.splits.get("test"))):
        if split is not None:
            observer.line(f"{name} samples: {split.images.shape} {split.labels[:, None].shape}")
    seen = set(train.labels.tolist())
    missing = [as_place(name) for label, name in enumerate(dataset.classes) if label not in seen]
    if missing:
        observer.notice(
            f"{numbered(len(missing), 'class')} that no picture is trained on, and that "
            f"{numbered(len(missing), 'is')} not learnt: {', '.join(missing)}"
        )
    if validation is not None:
        observer.line(
            f"Held out of train for validation: {len(validation.labels)}, trained on {len(train.labels)}"
        )


def tell_repeats(train: Split, validation: Split | None, test: Split | None, observer: Observer) -> None:
    """Say where pictures are measured on that are trained on as well: such figures look better than they are."""
    if train.images.nbytes > LONG_LOOK_BYTES:
        observer.step("Looking for pictures that are measured on and trained on as well")
    known = set(fingerprints(train))
    for name, split in (("held-out", validation), ("test", test)):
        if split is None:
            continue
        repeats = sum(picture in known for picture in fingerprints(split))
        if repeats:
            observer.notice(
                f"{repeats:,} of {count(len(split), f'{name} picture')} {numbered(repeats, 'is')} trained on as"
                f" well, pixel for pixel, so that the {name} figures are too good"
            )


def tell_pixels(train: Split, network: Any, observer: Observer) -> None:
    """Print the range of the pixels, and what the network makes of it before it computes with them."""
    low, high = int(train.images.min()), int(train.images.max())
    found = entrance(network, "toolkit train")
    inside = ""
    if found is not None:
        spans = [found.black + (found.white - found.black) * (value / 255) for value in (low, high)]
        least, most = (float(edge) for edge in (np.min(spans), np.max(spans)))
        is_unit = np.allclose(found.black, 0) and np.allclose(found.white, 1)
        inside = f", divided by 255 inside the model: {least:.1f} to {most:.1f}" if is_unit else ""
        inside = inside or f", {least:.1f} to {most:.1f} inside the model"
    observer.line(f"Pixels: uint8 {low} to {high}{inside}")


def tell_network(
    network: Any, recipe: Recipe, options: TrainOptions, resumed: int, observer: Observer
) -> None:
    """Print the network, or where a resumed run goes on."""
    if resumed:
        observer.line(f"Resuming after epoch {resumed}")
    else:
        network.summary(line_length=76, print_fn=lambda text, **_: observer.line(text.rstrip()))
    start = f" from {options.start_from}" if options.start_from else ""
    observer.line(f"Model: {recipe.name}{start}, {network.count_params():,} parameters")


def epoch_line(epoch: Epoch, total: int) -> str:
    """Render the figures of an epoch on one line."""
    parts = [f"Epoch {epoch.epoch:>{len(str(total))}}/{total}"]
    parts += [f"loss {epoch.loss:.4f}", f"accuracy {epoch.accuracy:.4f}"]
    if epoch.val_loss is not None and epoch.val_accuracy is not None:
        parts += [f"val_loss {epoch.val_loss:.4f}", f"val_accuracy {epoch.val_accuracy:.4f}"]
    return "  ".join([*parts, f"{epoch.seconds:.1f} s"])
