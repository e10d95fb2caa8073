"""How far two models agree, in the words that verify, export and inspect share."""

from collections.abc import Mapping
from typing import Any

from toolkit.wording import count


def agreement_rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (what, how much) of each figure of `Agreement.to_document` that is there.

    Args:
        figures: as JSON values; from a file's metadata some may be missing, or anything at all.
    """
    rows = [
        (words, number(figures[key]))
        for key, words in (("max_difference", "largest difference"), ("mean_difference", "mean difference"))
        if key in figures and isinstance(figures[key], float | int | None)
    ]
    agreement = figures.get("top1_agreement")
    if isinstance(agreement, float | int):
        rows.append(("top-1 agreement", f"{agreement:.4f}"))
    if isinstance(figures.get("small_margin", ""), int | None) and isinstance(figures.get("pictures"), int):
        rows.append(("small margin", _small_margin(figures)))
    sizes = figures.get("batch_sizes")
    if isinstance(sizes, list):
        rows.append(("batch sizes", ", ".join(map(str, sizes))))
    return rows


def aligned(rows: list[tuple[str, str]]) -> list[str]:
    """Return the rows as lines."""
    return [f"{what:<20} {value}" for what, value in rows]


def number(value: float | None) -> str:
    """Write a difference; None is one that isn't a number."""
    return "not a number" if value is None else f"{value:.2e}"


def _small_margin(figures: Mapping[str, Any]) -> str:
    """Say for how many pictures the two best classes are so close that the difference could swap them."""
    close = figures["small_margin"]
    if close is None:
        return "not known: some probabilities are not numbers"
    if close == 0:
        return "no picture: the difference changes no label"
    labels = "its label" if close == 1 else "their labels"
    return f"{close:,} of {count(figures['pictures'], 'picture')}: only {labels} could change"
