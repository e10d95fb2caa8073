"""Cells that a spreadsheet doesn't run as a formula."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell. Source: OWASP, "CSV Injection"."""


def safe_cell(text: str) -> str:
    """Return a text cell that no spreadsheet runs as a formula: a dangerous start gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
