"""Standard operators only, nothing random, and nothing about the machine that made the file."""

import onnx

from toolkit.export.graph.draft import Draft
from toolkit.export.step import Step
from toolkit.models.onnx_file import STANDARD_DOMAINS, opset_of


def foreign_operators(draft: Draft) -> list[str]:
    """Return the operators that ONNX Runtime can't be relied on to have, sorted."""
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    return sorted(
        {
            node.op_type
            for node in draft.graph.node
            if node.domain not in STANDARD_DOMAINS
            or node.op_type not in known
            or node.op_type.startswith("Random")
            or node.op_type == "Bernoulli"
        }
    )


def _no_foreign(draft: Draft) -> str | None:
    names = foreign_operators(draft)
    return f"it uses operators that have no ONNX form: {', '.join(names)}" if names else None


def _free_inputs(draft: Draft) -> str | None:
    return None if len(draft.inputs) == 1 else "constants were left as inputs"


def _change(draft: Draft) -> None:
    model = draft.model
    opset = opset_of(model)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", opset))
    model.producer_name, model.producer_version, model.doc_string = "toolkit", "", ""
    model.graph.name, model.graph.doc_string = "classifier", ""
    for node in model.graph.node:
        node.doc_string = ""
    del model.metadata_props[:]


PORTABLE = Step(name="keep to standard operators", before=_no_foreign, change=_change, after=_free_inputs)
