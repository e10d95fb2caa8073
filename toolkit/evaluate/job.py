"""Evaluate a predictor on labelled data: the straight line from DATA to figures and files."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from toolkit.data.dataset import Dataset, Split
from toolkit.data.resolve import load_data
from toolkit.errors import DataError, ModelError
from toolkit.evaluate.examples import choose_examples
from toolkit.evaluate.metrics import measure
from toolkit.evaluate.options import EvaluateOptions
from toolkit.evaluate.predictions import write_predictions
from toolkit.evaluate.result import EvaluateResult, Example
from toolkit.evaluate.robustness import robustness
from toolkit.files import refuse_existing, refuse_existing_folder, write_json
from toolkit.models.matching import match_classes, tell_order
from toolkit.models.predictor import PlannedPredictor, Predictor, predict
from toolkit.observer import SILENT, Observer
from toolkit.wording import count

METRICS = "metrics.json"
PREDICTIONS = "predictions.csv"


def run(options: EvaluateOptions, predictor: PlannedPredictor, observer: Observer = SILENT) -> EvaluateResult:
    """Evaluate a predictor on one split of a data set.

    Args:
        options: what on, and what to write.
        predictor: the open model.
        observer: told what is being done.

    Raises:
        OutputError: an output exists already or can't be written.
        DataError: the data can't be read, or has a class that the model doesn't know.
        ModelError: the model gives values that are not numbers.
    """
    refuse_outputs(options)
    dataset = load_data(
        options.data,
        image_size=predictor.input_size,
        resize=predictor.plan.resize,
        splits=(options.split,),
        skip_broken=options.skip_broken,
        limit=options.limit,
        seed=options.seed,
        name=options.data_name,
        observer=observer,
    )
    split = dataset.split(options.split)
    if len(split.labels) == 0:
        raise DataError(
            f"there are no pictures in the {options.split} split",
            where=options.data,
            remedy="choose other data",
        )
    truth = match_classes(dataset.classes, predictor.labels, where=options.data)[split.labels]
    tell_order(dataset.classes, predictor.labels, observer)
    observer.step(f"Evaluating {predictor.name} on {count(len(truth), 'picture')}")
    probabilities = _probabilities(options, predictor, split, observer)
    paths = split.paths or tuple(f"{options.split}[{index}]" for index in range(len(truth)))
    result = _result(options, predictor, dataset, split, paths, truth, probabilities)
    if options.robustness:
        found = robustness(
            predictor,
            split.images,
            truth,
            insides=split.insides,
            batch_size=options.batch_size,
            seed=options.seed,
            observer=observer,
        )
        result = dataclasses.replace(result, damaged=found)
    return result if options.output is None else _write(options, result, paths, truth, probabilities)


def _probabilities(
    options: EvaluateOptions, predictor: Predictor, split: Split, observer: Observer
) -> NDArray[np.float32]:
    probabilities = predict(predictor, split.images, batch_size=options.batch_size, observer=observer)
    if not np.isfinite(probabilities).all():
        # The figures, and a gate on them, would be about noise.
        raise ModelError(
            "some of its probabilities are not numbers",
            where=predictor.name,
            remedy="check its weights, or export it again in fp32",
        )
    return probabilities


def refuse_outputs(options: EvaluateOptions) -> None:
    """Refuse outputs that can't be written, before a model is opened or anything is computed.

    Raises:
        OutputError: one exists already, or can't be written.
    """
    if options.output is not None:
        refuse_existing_folder(options.output, force=options.force)
    if options.report is not None:
        refuse_existing(options.report, force=options.force)


def _result(
    options: EvaluateOptions,
    predictor: PlannedPredictor,
    dataset: Dataset,
    split: Split,
    paths: tuple[str, ...],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> EvaluateResult:
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    return EvaluateResult(
        model=predictor.name,
        provider=predictor.provider,
        labels=tuple(predictor.labels),
        data=dataset.name,
        data_argument=options.data,
        data_sha256=dataset.digest,
        split=options.split,
        pictures=len(truth),
        skipped=dataset.skipped,
        metrics=measure(probabilities, truth, top_k=options.top_k),
        examples=tuple(
            Example(
                path=paths[index],
                image_hwc=split.images[index],
                truth=int(truth[index]),
                predicted=int(predicted[index]),
                probabilities=probabilities[index],
            )
            for index in choose_examples(truth, predicted, options.examples, seed=options.seed)
        ),
        min_accuracy=options.min_accuracy,
        output=options.output,
    )


def _write(
    options: EvaluateOptions,
    result: EvaluateResult,
    paths: tuple[str, ...],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> EvaluateResult:
    folder = options.output
    assert folder is not None
    metrics, predictions = folder / METRICS, folder / PREDICTIONS
    # The folder was refused already unless it is empty or may be written over.
    write_predictions(
        predictions,
        paths,
        truth,
        probabilities,
        result.labels,
        k=result.metrics.top_k,
        force=True,
        skipped=result.skipped,
    )
    write_json(metrics, result.to_document(), force=True)
    return dataclasses.replace(result, files=(metrics, predictions))
