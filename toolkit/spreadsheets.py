"""The predictions CSV's columns, and cells that a spreadsheet doesn't run as a formula."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell. Source: OWASP, "CSV Injection"."""


def prediction_columns(top_k: int) -> list[str]:
    """Return the names of the columns that every predictions CSV begins with, in order."""
    others = [f"{name}_{rank}" for rank in range(2, top_k + 1) for name in ("label", "probability")]
    return ["path", "status", "label", "probability", *others, "error"]


def safe_cell(text: str) -> str:
    """Return a text cell that no spreadsheet runs as a formula: a dangerous start gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
