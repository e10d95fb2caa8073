"""Claim: which networks are on the frontier of accuracy against latency, batch 1, one thread, relative to paper-cnn.

Exports every candidate in fp32 and int8, times all of them against paper-cnn in one interleaved run, and plots the
accuracy of those that have been trained. Latency doesn't depend on what the weights are, so that widths and depths can
be chosen before anything is trained.

    python bench/frontier.py DATA                                  latency of all candidates, with random weights
    python bench/frontier.py DATA --only edge plain                of those whose names begin so
    python bench/frontier.py DATA --trained edge-s=runs/edge-s     and their accuracy
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from candidates import CANDIDATES
from evidence import ROOT, write
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
        accuracy: on the test split, 0 to 1; None where it hasn't been trained.
        kept_float: layers that int8 left in float32.
    """

    name: str
    precision: str
    parameters: int
    macs: int
    nodes: int
    microseconds: float = 0.0
    relative: float = 0.0
    accuracy: float | None = None
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
            for point, file in _exported(name, source, folder, arguments.data, measured=name in trained):
                points.append(point)
                files.append(file)
        seconds = race([REFERENCE, *files], pictures[:1], rounds=ROUNDS)
    for point, taken in zip(points, seconds[1:], strict=True):
        point.microseconds, point.relative = round(taken * 1e6, 2), round(taken / seconds[0], 3)
    print(_table(points))
    if any(point.accuracy is not None for point in points):
        save_png(figure(points), PICTURE, force=True)
        print(f"{PICTURE.relative_to(ROOT)} written")
    write("frontier", "accuracy against latency of every candidate", [asdict(point) for point in points])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with train/ and test/ of CIFAR-10 as JPEG files")
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


def _exported(
    name: str, source: str, folder: Path, data: str, *, measured: bool
) -> Iterator[tuple[Point, Path]]:
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
                verify=data if measured else None,
                # Random weights agree with nothing; what counts is the time of the whole graph in int8.
                min_agreement=None if measured or not int8 else 0.0,
            )
        )
        yield (
            Point(
                name=name,
                precision=precision.value,
                parameters=description.parameters or 0,
                macs=description.macs or 0,
                nodes=done.nodes,
                accuracy=done.accuracy,
                kept_float=tuple((done.reduction or {}).get("kept_float", ())),
            ),
            file,
        )


def _table(points: list[Point]) -> str:
    columns = [Column("candidate"), Column("precision")]
    columns += [
        Column(text, numeric=True)
        for text in ("parameters", "MACs M", "nodes", "µs", "latency", "accuracy %")
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
            None if p.accuracy is None else f"{p.accuracy * 100:.2f}",
        )
        for p in points
    ]
    return render(columns, rows)


def figure(points: list[Point]) -> Any:
    """Draw accuracy against latency, a line from fp32 to int8 of the same network."""
    drawn = [point for point in points if point.accuracy is not None]
    with styled():
        picture = new_figure(8, 4.6)
        axes = picture.add_subplot()
        for number, name in enumerate(dict.fromkeys(point.name for point in drawn)):
            own = [point for point in drawn if point.name == name]
            colour = SERIES[number % len(SERIES)]
            axes.plot(
                [p.relative for p in own],
                [100 * (p.accuracy or 0) for p in own],
                "-",
                color=colour,
                alpha=0.4,
            )
            for point in own:
                axes.plot(point.relative, 100 * (point.accuracy or 0), "o", color=colour)
                axes.annotate(f"{name} {point.precision}", (point.relative, 100 * (point.accuracy or 0)), (6, -11),
                              textcoords="offset points", color=INK, size=9)  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{significant(value, 2)}×")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.axvline(1, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set(xlabel="latency relative to paper-cnn, fp32, batch 1, one thread", ylabel="accuracy, %")
        axes.margins(x=0.18, y=0.12)
        best = max(drawn, key=lambda point: point.accuracy or 0)
        title(
            picture,
            f"{best.name} reaches {100 * (best.accuracy or 0):.1f} % at {significant(best.relative)}×",
        )
    return picture


if __name__ == "__main__":
    main()
