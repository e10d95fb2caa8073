"""Two predictors and labelled pictures -> agreement, accuracy of each, the worst pictures."""

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Dataset
from toolkit.data.resolve import load_data
from toolkit.errors import DataError, ModelError
from toolkit.models.matching import Unnamed, column_order, match_classes, tell_order
from toolkit.models.predictor import PlannedPredictor, predict
from toolkit.observer import SILENT, Observer
from toolkit.stats.agreement import compare, differences, missed_gates
from toolkit.verify.options import VerifyOptions
from toolkit.verify.result import VerifyResult, WorstPicture
from toolkit.wording import count

NO_LABEL = -1


def run(
    options: VerifyOptions, first: PlannedPredictor, second: PlannedPredictor, observer: Observer = SILENT
) -> VerifyResult:
    """Compare two models on the same pictures, each at its own input size and brought to it in its own way.

    Args:
        options: what to do.
        first: the reference.
        second: the model in question; its classes may come in another order.
        observer: told how many pictures are done.

    Raises:
        DataError: the data can't be loaded, or the models or the data have other classes.
    """
    order = column_order(first.labels, second.labels, where=second.name)
    dataset = _load(options, first, observer)
    same_pixels = (first.input_size, first.plan.resize) == (second.input_size, second.plan.resize)
    other_dataset = dataset if same_pixels else _load(options, second, observer)
    split, other_split = dataset.split(options.split), other_dataset.split(options.split)
    if split.paths != other_split.paths or not np.array_equal(split.labels, other_split.labels):
        raise DataError(
            "it was read for each of the models, and has changed meanwhile",
            where=options.data,
            remedy="wait until nothing is written there, and run it again",
        )
    # Where only the second has names, the first is matched to it by position, so that they are the first's as well.
    nameless, other_nameless = (Unnamed.looks_like(each.labels) for each in (first, second))
    names = second.labels if nameless and not other_nameless else first.labels
    truth = match_classes(dataset.classes, names, where=options.data)[split.labels]
    tell_order(dataset.classes, names, observer)
    tell_order(first.labels, second.labels, observer, data=first.name, model=second.name, remedy="")

    observer.step(f"Comparing on {count(len(split.labels), 'picture')}")
    mine = predict(first, split.images, batch_size=options.batch_size, observer=observer)
    theirs = predict(second, other_split.images, batch_size=options.batch_size, observer=observer)[:, order]
    agreement = compare(mine, theirs)
    labels, other_labels = _predicted(mine), _predicted(theirs)
    return VerifyResult(
        model=first.name,
        other=second.name,
        data=dataset.name,
        split=options.split,
        agreement=agreement.to_document(),
        accuracy=float(np.mean(labels == truth)),
        other_accuracy=float(np.mean(other_labels == truth)),
        not_numbers=int(np.count_nonzero(labels == NO_LABEL)),
        other_not_numbers=int(np.count_nonzero(other_labels == NO_LABEL)),
        worst=_worst(
            options.worst, differences(mine, theirs), (labels, other_labels, truth), names, split.paths
        ),
        missed=missed_gates(agreement, options.tolerance, options.min_agreement),
        skipped=dataset.skipped,
    )


def _load(options: VerifyOptions, predictor: PlannedPredictor, observer: Observer) -> Dataset:
    return load_data(
        options.data,
        image_size=predictor.input_size,
        resize=predictor.plan.resize,
        splits=(options.split,),
        skip_broken=options.skip_broken,
        limit=options.limit,
        name=options.data_name,
        observer=observer,
    )


def refuse_not_numbers(result: VerifyResult) -> None:
    """Refuse a result in which a model gives no numbers: it shows where, but the comparison is about noise.

    Raises:
        ModelError: a model gives probabilities that are not numbers.
    """
    for name, pictures in ((result.model, result.not_numbers), (result.other, result.other_not_numbers)):
        if pictures:
            raise ModelError(
                f"its probabilities are not numbers for {count(pictures, 'picture')}",
                where=name,
                remedy="check its weights, or export it again in fp32",
            )


def _predicted(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the most probable classes; `NO_LABEL` where not everything is a number, which argmax would take."""
    finite = np.isfinite(probabilities).all(axis=1)
    return np.where(finite, probabilities.argmax(axis=1), NO_LABEL)


def _worst(
    count: int,
    gap: NDArray[np.float64],
    found: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    labels: tuple[str, ...],
    paths: tuple[str, ...] | None,
) -> tuple[WorstPicture, ...]:
    names = (*labels, None)  # the last is what NO_LABEL finds
    mine, theirs, truth = found
    indices = [int(i) for i in np.argsort(-gap, kind="stable")[:count] if gap[i] > 0]
    return tuple(
        WorstPicture(
            picture=paths[i] if paths else str(i),
            difference=float(gap[i]) if np.isfinite(gap[i]) else None,
            label=names[mine[i]],
            other_label=names[theirs[i]],
            truth=labels[int(truth[i])],
        )
        for i in indices
    )
