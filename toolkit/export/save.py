"""The finished file: the graph, and what it says of itself."""

import json
from pathlib import Path

import onnx

from toolkit import __version__
from toolkit.export.graph.draft import Draft, assemble_beside
from toolkit.export.graph.write import LARGEST_FILE, write_file
from toolkit.export.source import Source
from toolkit.export.verify import Verification
from toolkit.models.card import Card, to_metadata
from toolkit.models.files import model_files
from toolkit.models.matching import NAMES_KEY, Unnamed
from toolkit.preprocess.transforms import RESIZE_ANTIALIAS, RESIZE_FILTER

TOLD_LAST = frozenset({"accuracy", "data"})


def save(draft: Draft, path: Path, card: Card) -> None:
    """Write the file, without what only its verification can tell.

    The draft is empty afterwards, so that a large model isn't held through its verification.
    """
    known = {key: value for key, value in to_metadata(card).items() if key not in TOLD_LAST}
    onnx.helper.set_model_props(draft.model, known)
    if draft.weight_bytes > LARGEST_FILE:
        onnx.save(assemble_beside(draft, _weights_beside(path)), path)
    else:
        write_file(draft, path)
    draft.model = onnx.ModelProto()


def written_files(path: Path) -> list[Path]:
    """Return the files of a model: itself, and the one with its weights where that is apart."""
    return [file for file in (path, _weights_beside(path)) if file.is_file()]


def _weights_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.data")


def earlier_files(path: Path) -> list[Path]:
    """Return what an earlier export left under a name: the model, and its weights where they are in a file of our name.

    A file of that name that the model doesn't refer to is somebody else's.
    """
    if not path.is_file():
        return []
    return [file for file in model_files(str(path)).values() if file in written_files(path)]


def append_metadata(path: Path, metadata: dict[str, str]) -> None:
    """Add metadata to a finished file, without reading it.

    Source: Protocol Buffers, encoding: a message that is appended to another is merged into it, and entries of
    repeated fields add up.
    """
    extra = onnx.ModelProto()
    onnx.helper.set_model_props(extra, metadata)
    with path.open("ab") as file:
        file.write(extra.SerializeToString())


def card_of(source: Source, precision: str) -> Card:
    """Return what is known of a file before it is verified."""
    labels = source.predictor.labels
    named = Unnamed.looks_like(labels) and not isinstance(labels, Unnamed)
    return Card(
        labels=labels,
        input_size=source.predictor.input_size,
        recipe=source.recipe,
        accuracy=source.accuracy,
        data=source.data,
        precision=precision,
        resize=source.resize,
        source_sha256=source.sha256,
        toolkit_version=__version__,
        extra={
            "normalization": source.input_range,
            "head": source.head.exported.value,
            "resize_filter": RESIZE_FILTER,
            "resize_antialias": json.dumps(RESIZE_ANTIALIAS),
            **({} if source.parameters is None else {"parameters": str(source.parameters)}),
            **({NAMES_KEY: "true"} if named else {}),
            **source.kept,
        },
    )


def verified_metadata(
    source: Source,
    verified: Verification,
    measured: float | None,
    verified_on: str,
    count: int,
    *,
    is_same: bool,
) -> dict[str, str]:
    """Return the metadata that the verification tells.

    A file in its source's precision has its accuracy, proven the same. Otherwise, or where the source's isn't known,
    it is the one that was measured, or none where the classes of the pictures weren't known.
    """
    accuracy, data = source.accuracy, source.data
    if accuracy is None or not is_same:
        accuracy = measured
        data = f"{verified_on}, {count:,} pictures" if measured is not None else ""
    return {
        "accuracy": "" if accuracy is None else f"{accuracy:.6g}",
        "data": data,
        "verified": json.dumps(
            {
                "on": verified_on,
                "batch_sizes": list(verified.batch_sizes),
                **verified.agreement.to_document(),
            }
        ),
    }
