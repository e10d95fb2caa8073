"""An .onnx file as the onnx library reads it, and the opset that it is written in."""

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ModelError, first_line
from toolkit.runtime.messages import not_onnx

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

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
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ModelError(
            f"can't be read: {error.strerror or error}", where=path, remedy="check its permissions"
        ) from error
    except Exception as error:  # protobuf's DecodeError, which has moved between its versions
        raise not_onnx(path, remedy) from error
    if external_data:
        try:
            for tensor in model.graph.initializer:
                read_external(tensor, path.parent)
            onnx.load_external_data_for_model(model, str(path.parent))  # what stands elsewhere than there
        except Exception as error:  # a file that is missing or cut off
            raise ModelError(
                f"a file with weights of it can't be read: {first_line(error)}",
                where=path,
                remedy="copy the model again with all its files",
            ) from error
    return model


def read_external(tensor: "TensorProto", folder: Path) -> None:
    """Read a constant's values where they stand in a file beside its model.

    A link is followed, as ONNX Runtime does: Hugging Face's cache consists of links, which the onnx library refuses.

    Args:
        tensor: is given its values.
        folder: of the model.
    """
    from onnx import external_data_helper

    if not external_data_helper.uses_external_data(tensor):
        return
    for entry in tensor.external_data:
        file = folder / entry.value
        if entry.key == "location" and file.is_symlink():
            folder, entry.value = file.resolve().parent, file.resolve().name
    external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    tensor.data_location = tensor.DEFAULT  # older releases of onnx leave that to the caller
    del tensor.external_data[:]


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
