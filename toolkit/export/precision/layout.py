"""Changes of the graph that make it suit int8 kernels; what it computes stays the same."""

from collections.abc import Collection

import onnx

from toolkit.export.graph.block_columns import BLOCK_COLUMNS
from toolkit.export.graph.crop_unused import CROP_UNUSED
from toolkit.export.graph.dense import DENSE
from toolkit.export.graph.draft import Draft, copy_apart
from toolkit.export.graph.drop_reshapes import DROP_RESHAPES
from toolkit.export.graph.flatten_nhwc import FLATTEN_NHWC
from toolkit.export.graph.fold_pad import FOLD_PAD
from toolkit.export.precision.layers import first_layer
from toolkit.export.step import apply


def laid_out(model: onnx.ModelProto, keep_float: Collection[str] = ()) -> Draft:
    """Copy a finished float32 graph and lay it out for int8.

    Args:
        model: our finished graph; not changed.
        keep_float: names of layers that stay in float32. The first convolution is taken in blocks of columns
            only where it isn't one of them: in float32 that costs more than it brings.

    Returns:
        The copy.

    Raises:
        ExportError: a change left the graph broken.
    """
    draft = copy_apart(model)
    apply(draft, [DROP_RESHAPES, FOLD_PAD, DENSE, CROP_UNUSED])
    first = first_layer(draft)
    blocked = [] if first is None or first in keep_float else [BLOCK_COLUMNS]
    return apply(draft, [*blocked, FLATTEN_NHWC])
