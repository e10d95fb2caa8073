"""Mend what the converter wrote and ONNX's check refuses; in one step, since the check wants all of it mended."""

from toolkit.export.graph.draft import Draft
from toolkit.export.graph.missing_operators import write_with_others
from toolkit.export.graph.transposed import pad_as_onnx_wants
from toolkit.export.step import Step


def _change(draft: Draft) -> None:
    write_with_others(draft)
    pad_as_onnx_wants(draft)


MEND = Step(name="mend the converter's graph", change=_change)
