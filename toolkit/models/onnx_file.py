"""An .onnx file as the onnx library reads it, and the opset that it is written in."""

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ModelError
from toolkit.runtime.messages import not_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

STANDARD_DOMAINS = ("", "ai.onnx")


def load_onnx(
    path: Path, *, external_data: bool = False, remedy: str = "copy or export it again"
) -> "ModelProto":
    """Parse an .onnx file; nothing of it is run.

    Args:
        path: the file.
        external_data: read the weights that stand in files beside it, too.
        remedy: what to do where it is damaged.

    Raises:
        ModelError: it can't be read, or is no ONNX file.
    """
    import onnx

    try:
        return onnx.load(path, load_external_data=external_data)
    except OSError as error:
        raise ModelError(
            f"can't be read: {error.strerror or error}", where=path, remedy="check its permissions"
        ) from error
    except Exception as error:  # protobuf's DecodeError, which has moved between its versions
        raise not_onnx(path, remedy) from error


def opset_of(model: "ModelProto") -> int:
    """Return the version of the standard operators that a model is written in; 0 where it uses none."""
    return next((entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS), 0)


def external_names(model: "ModelProto") -> set[str]:
    """Return the names of the files beside a model's own that hold weights of it."""
    return {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
