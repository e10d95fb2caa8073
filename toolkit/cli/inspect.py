"""`toolkit inspect`: what is inside a model."""

import itertools
import json as json_text
import sys
from typing import TYPE_CHECKING, Any

from toolkit.cli.console import Console
from toolkit.cli.options import AllowCode, AnyModel, CustomObjects, Json, Quiet
from toolkit.errors import printable
from toolkit.report.tables import Column, render
from toolkit.wording import count

if TYPE_CHECKING:
    from toolkit.inspect.result import InspectResult, LayerRow, TensorRow

LONGEST_VALUE = 120  # characters of a metadata value that are shown on a terminal; --json has them all
COUNTED = ("parameters", "macs")  # the graph itself tells; the file's own word stands in --json
RULE = (
    "Output size = (H + 2P − F)/S + 1. Where it isn't whole, the last rows and\n"
    "columns never reach the output: a pooling should divide its input."
)


def inspect_command(
    model: AnyModel,
    allow_code: AllowCode = False,
    custom_objects: CustomObjects = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a model's layers, shapes, parameters and MACs."""
    from toolkit.cli.model_argument import describe, tell_unused

    console = Console(quiet=quiet, json=json)
    tell_unused([model], allow_code=allow_code, custom_objects=custom_objects, observer=console)
    result = describe(model, allow_code=allow_code, custom_objects=custom_objects, observer=console)
    console.result(result.to_document, lambda: _page(result))


def _page(result: "InspectResult") -> str:
    notes = list(dict.fromkeys(layer.note for layer in result.layers if layer.note))
    parts = [_head(result), _layers(result, notes)]
    if notes:
        parts.append("\n".join(f"[{number}] {note}" for number, note in enumerate(notes, 1)))
    if any(note.startswith("drops") for note in notes):
        parts.append(RULE)
    return "\n\n".join(parts)


def _head(result: "InspectResult") -> str:
    made = {
        "format": f"ONNX, opset {result.opset}, IR version {result.ir_version}"
        if result.format == "onnx"
        else "Keras",
        "size": f"{result.size_bytes / 1000:,.0f} kB",
    }
    tensors = [("input", row) for row in result.inputs] + [("output", row) for row in result.outputs]
    totals = {
        "parameters": _parameters(result),
        "MACs": "unknown" if result.macs is None else f"{result.macs:,} for one picture",
    }
    lines = [
        ("model", result.path),
        *made.items(),
        *((side, _tensor(row)) for side, row in tensors),
        *totals.items(),
        *(
            (key, _value(key, value))
            for key, value in result.metadata.items()
            if value and key not in COUNTED
        ),
    ]
    width = max(len(printable(key)) for key, _ in lines)
    return "\n".join(f"{printable(key):<{width}}  {printable(value)}" for key, value in lines)


def _parameters(result: "InspectResult") -> str:
    source = result.metadata.get("parameters", "")
    # An int8 file repeats some, for speed.
    if source.isdecimal() and len(source) < 20 and int(source) != result.parameters:
        return f"{result.parameters:,}; {int(source):,} in the model it was made from"
    return f"{result.parameters:,}"


def _layers(result: "InspectResult", notes: list[str]) -> str:
    columns = (
        Column("layer", fold=True),
        Column("operator"),
        Column("output"),
        Column("parameters", numeric=True),
        Column("MACs", numeric=True),
    )
    prefix = _common_prefix([layer.name for layer in result.layers])
    rows = [
        (
            _short(layer.name.removeprefix(prefix)),
            layer.operator + (f" [{notes.index(layer.note) + 1}]" if layer.note else ""),
            _shape(layer),
            f"{layer.parameters:,}" if layer.parameters else "",
            None if layer.macs is None else f"{layer.macs:,}" if layer.macs else "",
        )
        for layer in result.layers
    ]
    return render(columns, rows)


def _common_prefix(names: list[str]) -> str:
    """Return the scopes that all names with a scope share, such as "StatefulPartitionedCall/"."""
    scopes = [name.split("/")[:-1] for name in names if "/" in name]
    shared = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*scopes, strict=False))
    return "".join(f"{level[0]}/" for level in shared)


def _short(name: str) -> str:
    """Leave the inner scopes of a name out on a terminal, so that the table fits; --json has the whole name."""
    scopes = name.split("/")
    return f"{scopes[0]}/…/{scopes[-1]}" if len(scopes) > 2 and sys.stdout.isatty() else name


def _shape(layer: "LayerRow") -> str | None:
    return "×".join("N" if extent is None else str(extent) for extent in layer.output_shape) or None


def _tensor(row: "TensorRow") -> str:
    extents = ", ".join("?" if extent is None else str(extent) for extent in row.shape)
    return f"{row.name}  {row.dtype} [{extents}]"


def _value(key: str, text: str) -> str:
    try:
        parsed = json_text.loads(text)
    except (ValueError, RecursionError):
        parsed = text
    if key == "verified" and isinstance(parsed, dict):
        return _certificate(parsed)
    if key == "quantization" and isinstance(parsed, dict):
        return _quantization(parsed)
    shown = ", ".join(map(str, parsed)) if isinstance(parsed, list) else text
    if len(shown) <= LONGEST_VALUE or not sys.stdout.isatty():  # what reads a pipe may look for any of it
        return shown
    return f"{shown[:LONGEST_VALUE]}… (--json shows all of it)"


def _quantization(found: dict[str, Any]) -> str:
    """Say what the ranges and weights of an int8 file are from, and what it leaves in float32."""
    kept = found.get("kept_float")
    float32 = (
        f"{count(len(kept), 'layer')} in float32"
        if isinstance(kept, list) and kept
        else "no layer in float32"
    )
    ranges, weights = found.get("ranges", ""), found.get("weights", "")
    return f"on {found.get('calibrated_on', '')}: ranges by {ranges}, weights {weights}, {float32}"


def _certificate(verified: dict[str, Any]) -> str:
    """Say what the export was verified on, and how far it agreed with its source."""
    from toolkit.report.agreement import agreement_rows

    found = "; ".join(f"{what} {value}" for what, value in agreement_rows(verified))
    pictures = verified.get("pictures")
    counted = count(pictures, "picture") if isinstance(pictures, int) else "pictures"
    return f"{counted}, {verified.get('on', '')}: {found}"
