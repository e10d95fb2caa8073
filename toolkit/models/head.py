"""What the output of an ONNX classifier from elsewhere is: probabilities or logits, of classes or of labels."""

from pathlib import Path

from toolkit.errors import ModelError

MULTI_LABEL = "multi-label"
"""Several sigmoid units: each is the probability of one label by itself, and they don't add up to 1."""

ONE_UNIT = ("sigmoid", "logit")
"""Heads of one unit that says how likely the second of two classes is."""

PASSES_VALUES_ON = frozenset(
    [
        "Identity",
        "Cast",
        "Reshape",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Transpose",
        "QuantizeLinear",
        "DequantizeLinear",
    ]
)


def head_of(path: Path, output_name: str, classes: int | None) -> str:
    """Tell what an output holds from the operator that makes it.

    Args:
        path: an .onnx file.
        output_name: the output with the classes.
        classes: how many; None where unknown.

    Returns:
        "probabilities" after a softmax, "sigmoid" after a sigmoid of one unit and "multi-label" after one of
        several, "logit" where one unit has no sigmoid, else "logits".

    Raises:
        ModelError: the file can't be parsed.
    """
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:
        raise ModelError(f"can't be parsed: {error}", where=path, remedy="export it again") from error
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output_name)
    while node is not None and node.op_type in PASSES_VALUES_ON:
        node = makers.get(node.input[0])
    operator = node.op_type if node is not None else ""
    if operator == "Sigmoid":
        return "sigmoid" if classes == 1 else MULTI_LABEL
    if operator == "Softmax":
        return "probabilities"
    return "logit" if classes == 1 else "logits"
