"""Mend what the converter wrote and ONNX's check refuses; in one step, since the check wants all of it mended."""

from toolkit.export.graph.draft import Draft
from toolkit.export.graph.erfc import ERFC
from toolkit.export.graph.expm1 import EXPM1
from toolkit.export.graph.transposed import TRANSPOSED
from toolkit.export.step import Step

MENDED_OPERATORS = frozenset({"Erfc", "Expm1"})
"""Operators that ONNX doesn't have and that the step writes with others."""


def _change(draft: Draft) -> None:
    for step in (ERFC, EXPM1, TRANSPOSED):
        step.change(draft)


MEND = Step(name="mend the converter's graph", change=_change)
