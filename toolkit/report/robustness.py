"""How accuracy falls with worse pictures: a table, a CSV file, a figure."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.evaluate.result import Damaged
from toolkit.files import whole_file
from toolkit.report import tables
from toolkit.report.axes import layout, percent_axis, significant, title
from toolkit.report.page import Cell, Chart, Column, Section, Table
from toolkit.report.style import INK, MUTED, SERIES, new_figure, save_png, styled, to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = "robustness.png"
ROWS = "robustness.csv"
ACROSS = 3  # panels side by side


def table(damaged: Sequence[Damaged], accuracy: float) -> str:
    """Render accuracy by kind and strength of damage, within 80 columns.

    Args:
        damaged: what was measured.
        accuracy: on the pictures as they are, 0 to 1.
    """
    kinds = by_kind(damaged)
    strengths = max(map(len, kinds.values()))
    rows = []
    for kind, found in kinds.items():
        levels = f"{found[0].level:g} … {found[-1].level_text}"
        rows.append([kind, levels, *(f"{100 * each.accuracy:.1f}" for each in found)])
    numbers = (tables.Column(str(place), numeric=True) for place in range(1, strengths + 1))
    header = [tables.Column("damage"), tables.Column("levels"), *numbers]
    return tables.render(
        header, rows, title=f"Accuracy % on damaged pictures ({100 * accuracy:.1f} undamaged)"
    )


def by_kind(damaged: Sequence[Damaged]) -> dict[str, list[Damaged]]:
    """Group what was measured, in its order."""
    kinds: dict[str, list[Damaged]] = {}
    for each in damaged:
        kinds.setdefault(each.kind, []).append(each)
    return kinds


def finding(damaged: Sequence[Damaged], accuracy: float) -> str:
    """Say in one line what costs most: the damage whose middle level takes most of the accuracy."""
    middle = {kind: found[len(found) // 2] for kind, found in by_kind(damaged).items()}
    worst = min(middle.values(), key=lambda each: each.accuracy)
    lost = 100 * (accuracy - worst.accuracy)
    if lost <= 0:
        return "No kind of damage costs accuracy at its middle level"
    shown = significant(lost, 1) if lost < 0.95 else f"{lost:.0f}"  # of the smallest one digit, never 0
    points = "point" if shown == "1" else "points"
    return (
        f"Of the middle levels, {worst.kind} at {worst.level_text} costs most: {shown} {points} of accuracy"
    )


def write_rows(damaged: Sequence[Damaged], path: Path, *, force: bool = False) -> None:
    """Write what was measured as CSV.

    Raises:
        OutputError: it exists already, or can't be written.
    """
    with (
        whole_file(path, force=force) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["kind", "level", "severity", "accuracy", "accuracy_low", "accuracy_high"])
        for each in damaged:
            shares = (f"{share:.6f}" for share in (each.accuracy, *each.accuracy_ci95))
            rows.writerow([each.kind, f"{each.level:g}", each.severity, *shares])


def write_figure(damaged: Sequence[Damaged], accuracy: float, path: Path, *, force: bool = False) -> None:
    """Draw what was measured as PNG.

    Raises:
        OutputError: it exists already, or can't be written.
    """
    save_png(figure(damaged, accuracy), path, force=force)


def section(damaged: Sequence[Damaged], accuracy: float) -> Section:
    """Return the section of a page: the figure, with its numbers."""
    rows: list[list[Cell | str]] = [
        [
            each.kind,
            Cell(each.level_text, sort=each.level),
            Cell(f"{100 * each.accuracy:.1f}", sort=each.accuracy),
            " to ".join(f"{100 * share:.1f}" for share in each.accuracy_ci95),
        ]
        for each in damaged
    ]
    columns = [Column("damage"), Column("level", numeric=True), Column("accuracy, %", numeric=True)]
    return Section(
        heading="On worse pictures",
        charts=[
            Chart(
                svg=to_svg(figure(damaged, accuracy, heading=False), title=finding(damaged, accuracy)),
                caption=f"{finding(damaged, accuracy)}. The dashed line is the accuracy on the pictures as they are, "
                f"{100 * accuracy:.1f} %, the band the 95 % interval.",
                table=Table(
                    columns=[*columns, Column("95 % interval")], rows=rows, caption="Every level of damage."
                ),
            )
        ],
    )


def figure(damaged: Sequence[Damaged], accuracy: float, *, heading: bool = True) -> "Figure":
    """Draw a panel for each kind of damage: accuracy by level, its 95 % interval, the undamaged pictures as a line.

    Args:
        damaged: what was measured.
        accuracy: on the pictures as they are, 0 to 1.
        heading: write the finding above it.
    """
    kinds = by_kind(damaged)
    rows = -(-len(kinds) // ACROSS)
    with styled():
        drawing = new_figure(10, 2.8 * rows + 0.8)
        layout(drawing).set(hspace=0.06)
        panels = drawing.subplots(rows, ACROSS, sharey=True, squeeze=False)
        for axes, (kind, found) in zip(panels.flat, kinds.items(), strict=False):
            places = range(1, len(found) + 1)
            axes.axhline(accuracy, color=MUTED, linewidth=1, linestyle="--")
            low, high = zip(*(each.accuracy_ci95 for each in found), strict=True)
            axes.fill_between(places, low, high, color=SERIES[0], alpha=0.2, linewidth=0)
            axes.plot(places, [each.accuracy for each in found], color=SERIES[0], marker="o", markersize=4)
            axes.set_title(", ".join(filter(None, (kind, found[0].unit))), color=INK)
            axes.set_xticks(places, [f"{each.level:g}" for each in found])
            axes.set_ylim(0, 1)
            percent_axis(axes.yaxis)
        for axes in panels.flat[len(kinds) :]:
            axes.set_visible(False)
        if heading:
            title(
                drawing,
                finding(damaged, accuracy),
                # Not beside the line: what is written there lies under the first curve that comes near it.
                "Accuracy in % by kind and level of damage, with its 95 % interval; "
                f"dashed: undamaged, {100 * accuracy:.1f} %",
            )
    return drawing
