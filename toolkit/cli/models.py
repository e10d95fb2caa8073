"""`toolkit models`: the shipped models and their figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.cli.console import Console
from toolkit.cli.options import Json, Quiet
from toolkit.report.tables import Column, render

if TYPE_CHECKING:
    from toolkit.models.catalog import ShippedModel


def models_command(json: Json = False, quiet: Quiet = False) -> None:
    """List the shipped models and their figures."""
    from toolkit.inspect.shipped import shipped

    models = shipped()
    Console(quiet=quiet, json=json).result(
        lambda: {"models": [model.to_document() for model in models]}, lambda: _table(models)
    )


def _table(models: Sequence["ShippedModel"]) -> str:
    columns = (
        Column("model"),
        Column("accuracy %", numeric=True),
        Column("parameters", numeric=True),
        Column("MACs M", numeric=True),
        Column("size kB", numeric=True),
        Column("precision"),
        Column("latency", numeric=True),
    )
    rows = [
        (
            model.name,
            _number(model.card.accuracy, 100, ".2f"),
            _number(model.parameters, 1, ",.0f"),
            _number(model.macs, 1e-6, ",.2f"),
            f"{model.size_bytes / 1000:,.0f}",
            model.card.precision or None,
            None if model.relative_latency is None else f"{model.relative_latency:.1f}×",
        )
        for model in models
    ]
    # What an accuracy was measured on is a sentence: it has its own lines, so that the table stays narrow.
    data = [f"  {model.name}: {model.card.data}" for model in models if model.card.data]
    return "\n".join([render(columns, rows), *(["", "Accuracy measured on:", *data] if data else [])])


def _number(value: float | None, factor: float, pattern: str) -> str | None:
    return None if value is None else format(value * factor, pattern)
