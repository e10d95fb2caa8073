"""Claim: which networks are on the frontier of accuracy against latency, batch 1, one thread, relative to paper-cnn.

Exports every candidate in fp32 and int8, times all of them against paper-cnn in one interleaved run, and plots the
accuracy of those that have been trained. Latency doesn't depend on what the weights are, so that widths and depths can
be chosen before anything is trained. Candidates are compared by what their own runs reached on held-out pictures of the
train split; the test split isn't read here. Shipped models show in addition what bench/shipped_accuracy.py measured.

    python bench/frontier.py DATA                                  latency of all candidates, with random weights
    python bench/frontier.py DATA --only edge plain                of those whose names begin so
    python bench/frontier.py DATA --trained edge-s=runs/edge-s     and their validation accuracy
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from candidates import CANDIDATES
from evidence import ROOT, data_parser, figures_of, write
from random_weights import settle

from toolkit.data.resolve import load_data
from toolkit.export.job import run as export
from toolkit.export.options import ExportOptions, Precision
from toolkit.inspect.keras_layers import inspect_keras
from toolkit.keras_model.tensorflow import import_keras
from toolkit.report.axes import significant, title
from toolkit.report.style import INK, MUTED, SERIES, new_figure, save_png, styled
from toolkit.report.tables import Column, render
from toolkit.runtime.race import race
from toolkit.train.run_folder import read_history, read_record

REFERENCE = ROOT / "exported" / "paper-cnn.onnx"
PICTURE = ROOT / "bench" / "pictures" / "frontier.png"
ROUNDS = 40
PRECISIONS = (Precision.FP32, Precision.INT8)


@dataclass(kw_only=True)
class Point:
    """A candidate in one precision.

    Args:
        name: of the candidate.
        precision: fp32 or int8.
        parameters: of the network.
        macs: multiply-adds for one picture.
        nodes: of the exported graph.
        microseconds: for one picture.
        relative: to paper-cnn in the same run.
        val_accuracy: of the network as its run kept it, on the held-out pictures of train, 0 to 1: the same for fp32
            and int8; None where it hasn't been trained, or nothing was held out.
        test_accuracy: of this file on the test split, 0 to 1; None where it isn't shipped.
        kept_float: layers that int8 left in float32.
    """

    name: str
    precision: str
    parameters: int
    macs: int
    nodes: int
    microseconds: float = 0.0
    relative: float = 0.0
    val_accuracy: float | None = None
    test_accuracy: float | None = None
    kept_float: tuple[str, ...] = ()


def main() -> None:
    arguments = _arguments()
    trained = dict(pair.split("=", 1) for pair in arguments.trained)
    if unknown := sorted(set(trained) - set(CANDIDATES)):
        raise SystemExit(f"error: no candidate (--trained {unknown[0]}): use one of {', '.join(CANDIDATES)}")
    chosen = [name for name in CANDIDATES if name.startswith(tuple(arguments.only)) or name in trained]
    pictures = load_data(arguments.data, splits=("train",), limit=64).split("train").images
    with tempfile.TemporaryDirectory() as place:
        folder, points, files = Path(place), [], []
        for name in chosen:
            source = trained.get(name) or _random(name, folder, pictures)
            for point, file in _exported(name, source, folder, arguments.data):
                if name in trained:
                    point.val_accuracy = kept_accuracy(Path(source))
                    point.test_accuracy = shipped_accuracy(point, Path(source))
                points.append(point)
                files.append(file)
        seconds = race([REFERENCE, *files], pictures[:1], rounds=ROUNDS)
    for point, taken in zip(points, seconds[1:], strict=True):
        point.microseconds, point.relative = round(taken * 1e6, 2), round(taken / seconds[0], 3)
    print(_table(points))
    if any(point.val_accuracy is not None for point in points):
        save_png(figure(points), PICTURE, force=True)
        print(f"{PICTURE.relative_to(ROOT)} written")
    write(
        "frontier",
        "validation accuracy against latency of every candidate",
        [asdict(point) for point in points],
    )


def kept_accuracy(run: Path) -> float | None:
    """Return the validation accuracy of the epoch whose weights a run kept; None where it held nothing out."""
    record = read_record(run)
    if record is None or not record.get("finished"):
        raise SystemExit(f"error: no finished run (--trained {run}): give the run folder of toolkit train")
    history = read_history(run)
    return history[record.get("kept_epoch", len(history)) - 1].val_accuracy


def shipped_accuracy(point: Point, run: Path) -> float | None:
    """Return what a shipped file reached on the test split; None for any other run, or where it wasn't measured."""
    file = point.name if point.precision == Precision.FP32 else f"{point.name}-{point.precision}"
    is_shipped = run.resolve() == (ROOT / "exported" / point.name).resolve()
    found = figures_of("shipped_accuracy").get(file) if is_shipped else None
    return None if found is None else float(found["accuracy"])


def _arguments() -> argparse.Namespace:
    parser = data_parser((__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", nargs="*", default=[""], metavar="PREFIX", help="candidates whose names begin so"
    )
    parser.add_argument(
        "--trained", nargs="*", default=[], metavar="NAME=RUN_DIR", help="runs of toolkit train"
    )
    return parser.parse_args()


def _random(name: str, folder: Path, pictures: Any) -> str:
    import_keras("bench/frontier.py")
    model = CANDIDATES[name]()
    settle(model, pictures.astype(np.float32))
    path = folder / f"{name.replace('/', '_')}.keras"
    model.save(path)
    return str(path)


def _exported(name: str, source: str, folder: Path, data: str) -> Iterator[tuple[Point, Path]]:
    description = inspect_keras(source)
    for precision in PRECISIONS:
        file = folder / f"{name.replace('/', '_')}-{precision}.onnx"
        int8 = precision is Precision.INT8
        done = export(
            ExportOptions(
                model=source,
                output=file,
                precision=precision,
                calibration=data if int8 else None,
                # What counts is the time of the whole graph in int8, and random weights agree with nothing.
                min_agreement=0.0 if int8 else None,
            )
        )
        yield (
            Point(
                name=name,
                precision=precision.value,
                parameters=description.parameters or 0,
                macs=description.macs or 0,
                nodes=done.nodes,
                kept_float=tuple((done.reduction or {}).get("kept_float", ())),
            ),
            file,
        )


def _table(points: list[Point]) -> str:
    columns = [Column("candidate"), Column("precision")]
    columns += [
        Column(text, numeric=True)
        for text in ("parameters", "MACs M", "nodes", "µs", "latency", "validation %", "test %")
    ]
    rows = [
        (
            p.name,
            p.precision,
            f"{p.parameters:,}",
            f"{p.macs / 1e6:.1f}",
            p.nodes,
            f"{p.microseconds:.1f}",
            f"{p.relative:.2f}×",
            *(None if a is None else f"{a * 100:.2f}" for a in (p.val_accuracy, p.test_accuracy)),
        )
        for p in points
    ]
    return render(columns, rows)


def figure(points: list[Point]) -> Any:
    """Draw validation accuracy against latency, a line from fp32 to int8 of a network; test of shipped ones too."""
    drawn = [point for point in points if point.val_accuracy is not None]
    with styled():
        picture = new_figure(8, 4.6)
        axes = picture.add_subplot()
        for number, name in enumerate(dict.fromkeys(point.name for point in drawn)):
            own = [point for point in drawn if point.name == name]
            colour = SERIES[number % len(SERIES)]
            axes.plot(
                [p.relative for p in own],
                [100 * (p.val_accuracy or 0) for p in own],
                "-",
                color=colour,
                alpha=0.4,
            )
            for point in own:
                height = 100 * (point.val_accuracy or 0)
                axes.plot(point.relative, height, "o", color=colour)
                axes.annotate(f"{name} {point.precision}", (point.relative, height), (6, -11),
                              textcoords="offset points", color=INK, size=9)  # fmt: skip
                if point.test_accuracy is not None:
                    axes.plot(
                        point.relative, 100 * point.test_accuracy, "D", color=colour, markerfacecolor="none"
                    )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{significant(value, 2)}×")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.axvline(1, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set(
            xlabel="latency relative to paper-cnn, fp32, batch 1, one thread",
            ylabel="validation accuracy of the network, %",
        )
        axes.margins(x=0.18, y=0.12)
        best = max(drawn, key=lambda point: point.val_accuracy or 0)
        reached = f"{100 * (best.val_accuracy or 0):.1f} % on validation"
        title(
            picture,
            f"{best.name} reaches {reached} at {significant(best.relative)}×",
            "Dots: held-out pictures of train; hollow diamonds: the test split, of shipped models only",
        )
    return picture


if __name__ == "__main__":
    main()
