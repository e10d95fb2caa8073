"""Names of the columns of an output, and which of a list's columns can stand beside them."""

from collections.abc import Sequence

from toolkit.classify.options import ClassifyOptions
from toolkit.errors import InputError
from toolkit.spreadsheets import prediction_columns

UNCERTAIN = "uncertain"
PARQUET_COLUMNS = ("path", "status", "predictions", "error", "path_bytes")


def refuse_columns(options: ClassifyOptions, columns: Sequence[str]) -> None:
    """Refuse to keep a list's column under a name that the output has already.

    JSONL keeps the columns of a list apart from its own keys.

    Raises:
        InputError: there is such a column.
    """
    own = {".csv": prediction_columns(options.top_k), ".parquet": PARQUET_COLUMNS}.get(
        options.output_format or "", ()
    )
    if own and options.min_confidence is not None:
        own = (*own, UNCERTAIN)
    for name in columns:
        if name in own:
            raise InputError(
                f"the list's column '{name}' is called like one of the output's own columns",
                where="--keep-columns",
                remedy="rename it in the list, or write a .jsonl file, which keeps them apart",
            )
