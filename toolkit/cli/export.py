"""`toolkit export`: a Keras model to a self-contained, verified ONNX file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.console import Console
from toolkit.cli.gates import report_missed, report_skipped
from toolkit.cli.options import (
    AllowCode,
    CustomObjects,
    DataName,
    Force,
    Json,
    Labels,
    Normalize,
    Quiet,
    Resize,
    SkipBroken,
)
from toolkit.errors import UsageError
from toolkit.export.opset import DEFAULT, HIGHEST, LOWEST
from toolkit.export.options import CALIBRATION_SAMPLES, ExportOptions, Precision
from toolkit.wording import count, typed

if TYPE_CHECKING:
    from toolkit.export.result import ExportResult


def export_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A .keras or .h5 file, a SavedModel, a run folder, or an .onnx file from elsewhere.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", metavar="FILE.onnx", help="The file to write.")],
    precision: Annotated[
        Precision, typer.Option(help="Of weights and arithmetic; auto keeps the fastest that agrees.")
    ] = Precision.FP32,
    opset: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=f"{LOWEST} to {HIGHEST}. [default: {DEFAULT}, or the .onnx file's own]"
        ),
    ] = None,
    batch: Annotated[str, typer.Option(metavar="dynamic|N", help="Batch size of the file.")] = "dynamic",
    labels: Labels = None,
    normalize: Normalize = None,
    resize: Resize = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Mean of a picture and its mirror image: twice the work.")
    ] = False,
    output_name: Annotated[
        str | None, typer.Option("--output", metavar="NAME", help="The output with the classes, of several.")
    ] = None,
    from_logits: Annotated[
        bool | None,
        typer.Option("--from-logits/--from-probabilities", help="What the output is. [default: found out]"),
    ] = None,
    custom_objects: CustomObjects = None,
    allow_code: AllowCode = False,
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Verify on these pictures. [default: generated ones; for int8 some held out of the calibration]",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Verify on N of them.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Gate: largest difference of a probability. [default: what rounding explains]"
        ),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Gate: exit 4 where fewer pictures keep their top-1. [default: none; int8 and fp16 fail below 0.98]",
        ),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="DATA", help="Pictures that int8 takes its ranges from.")
    ] = None,
    calibration_samples: Annotated[
        int | None, typer.Option(metavar="N", help=f"Use N of them. [default: {CALIBRATION_SAMPLES:,}]")
    ] = None,
    weight_bits: Annotated[
        int,
        typer.Option(
            metavar="7|8", help="Of int8 weights: 7 are exact on every processor, 8 need VNNI or Arm."
        ),
    ] = ExportOptions.weight_bits,
    skip_broken: SkipBroken = False,
    data_name: DataName = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a model to a self-contained ONNX file.

    It takes uint8 pictures and gives probabilities; normalisation and labels are inside.
    It is verified against its source before it appears under its name.

    Example: toolkit export runs/paper -o paper.onnx --verify cifar10
    """
    console = Console(quiet=quiet, json=json)
    options = ExportOptions(
        model=model,
        output=output,
        precision=precision,
        calibration=calibration,
        calibration_samples=calibration_samples,
        weight_bits=weight_bits,
        opset=opset,
        batch=_batch(batch),
        labels_file=labels,
        normalize=normalize,
        resize=resize,
        mirror=mirror,
        output_name=output_name,
        from_logits=from_logits,
        custom_objects=custom_objects,
        allow_code=allow_code,
        verify=verify,
        limit=limit,
        tolerance=tolerance,
        min_agreement=min_agreement,
        skip_broken=skip_broken,
        data_name=data_name,
        force=force,
    )
    from toolkit.cli.model_argument import tell_unfinished, tell_unused
    from toolkit.export.job import run

    tell_unfinished(model, console)
    tell_unused([model], allow_code=allow_code, custom_objects=custom_objects, observer=console)
    result = run(options, console)
    console.result(result.to_document, lambda: _render(result))
    if not result.missed:
        console.wrote(*result.files)
        if len(result.files) > 1:
            console.notice(f"{result.files[1].name} holds the weights: keep it beside {output.name}")
        console.next(f"toolkit classify PICTURES -m {typed(output)}")
    report_missed(result.missed)
    report_skipped(result.skipped)


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(
            f"'{text}' is not a batch size", where="--batch", remedy="use dynamic, or 1 to 65536"
        )
    return int(text)


def _render(result: "ExportResult") -> str:
    from toolkit.report.agreement import agreement_rows, aligned
    from toolkit.report.facts import file_size
    from toolkit.report.left_out import left_out

    found = agreement_rows(result.agreement)
    if result.accuracy is not None:
        found.append(("accuracy", f"{result.accuracy:.4f}, of its source {result.source_accuracy:.4f}"))
    lines = [f"verified on {result.verified_on}:", *(f"  {line}" for line in aligned(found))]
    lines += _reduction(result)
    if result.missed:
        lines.append(f"not written: {result.output}")
    else:
        lines.append(
            f"exported: {result.precision}, opset {result.opset}, {count(result.nodes, 'operator')},"
            f" {count(len(result.labels), 'class')}, {file_size(result.size_bytes)}"
        )
    if result.skipped:
        lines.append(left_out(result.skipped))
    return "\n".join(lines)


def _way(ways: list[dict[str, Any]]) -> str:
    """Say how ranges were found, and what else was tried."""
    (kept,) = (way for way in ways if way["chosen"])
    words = f", ranges by {kept['ranges']}, weights {kept['weights']}"
    others = [f"{way['ranges']} {way['weights']} {way['agreement']:.4f}" for way in ways if not way["chosen"]]
    return words + (f" ({kept['agreement']:.4f}; tried: {', '.join(others)})" if others else "")


def _reduction(result: "ExportResult") -> list[str]:
    """Say what another precision took and brought here, and plainly when it isn't faster."""
    found = result.reduction
    if found is None:
        return []
    lines = []
    if found["candidates"]:
        from toolkit.report.tables import Column, render

        columns = [
            Column("candidate"),
            Column("µs", numeric=True),
            Column("agreement", numeric=True),
            Column(""),
        ]
        rows = [
            (c["name"], f"{c['seconds'] * 1e6:.1f}", f"{c['agreement']:.4f}", "kept" if c["chosen"] else "")
            for c in found["candidates"]
        ]
        lines += ["", render(columns, rows), ""]
    if found["calibrated_on"]:
        lines.append(f"calibrated on {found['calibrated_on']}{_way(found['ways'])}")
    if found["kept_float"]:
        lines.append(f"kept in float32: {', '.join(found['kept_float'])}")
    ratio = found["seconds"] / found["fp32_seconds"]
    times = f"{found['seconds'] * 1e6:.1f} µs against {found['fp32_seconds'] * 1e6:.1f} µs"
    if result.precision == "fp32":
        lines.append("fp32 is kept: nothing that agrees is faster on this machine")
    elif ratio < 1:
        lines.append(
            f"{1 / ratio:.2f} times as fast as fp32 on this machine ({times}, one picture, one thread)"
        )
    else:
        lines.append(
            f"{result.precision} is NOT faster than fp32 on this machine ({times}, one picture, one thread)"
        )
    return lines
