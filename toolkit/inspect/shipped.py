"""The shipped models with all their figures (`toolkit models`)."""

from dataclasses import replace
from pathlib import Path

from toolkit.inspect.job import inspect_onnx
from toolkit.models.catalog import ShippedModel, catalog


def shipped(folder: Path | None = None) -> tuple[ShippedModel, ...]:
    """Return the shipped models; parameters and MACs that a file doesn't state are counted in its graph.

    Args:
        folder: where they are; None means the shipped ones.

    Raises:
        ModelError: there are none, or one of the files is broken.
    """
    return tuple(_counted(model) for model in catalog(folder))


def _counted(model: ShippedModel) -> ShippedModel:
    if model.parameters is not None and model.macs is not None:
        return model
    found = inspect_onnx(model.path)
    return replace(
        model,
        parameters=found.parameters if model.parameters is None else model.parameters,
        macs=found.macs if model.macs is None else model.macs,
    )
