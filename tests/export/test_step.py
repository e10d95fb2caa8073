import onnx
import pytest
from onnx import TensorProto, helper

from toolkit.errors import ExportError
from toolkit.export.graph.draft import Draft
from toolkit.export.graph.interface import INPUT, OUTPUT, interface
from toolkit.export.graph.portable import PORTABLE
from toolkit.export.step import Step, apply


def graph(
    operator: str = "Identity", *, domain: str = "", extra_input: bool = False, dtype: int = TensorProto.UINT8
) -> onnx.ModelProto:
    """image -> Cast -> <operator> -> ReduceMean -> scores."""
    nodes = [
        helper.make_node("Cast", ["pictures:0"], ["f"], to=TensorProto.FLOAT),
        helper.make_node(operator, ["f"], ["g"], domain=domain),
        helper.make_node("ReduceMean", ["g"], ["Identity:0"], axes=[1, 2], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("pictures:0", dtype, ["unk__1", 4, 4, 3])]
    if extra_input:
        inputs.append(helper.make_tensor_value_info("constant", TensorProto.FLOAT, [1]))
    outputs = [helper.make_tensor_value_info("Identity:0", TensorProto.FLOAT, ["unk__2", 3])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs),
        opset_imports=opsets,
        ir_version=8,
        doc_string="/home/me",
    )


def test_the_border_gets_its_names_and_a_named_batch() -> None:
    model = apply(Draft(graph()), [PORTABLE, interface(4, 4, 3, None)]).model
    image, probabilities = model.graph.input[0], model.graph.output[0]
    assert (image.name, probabilities.name) == (INPUT, OUTPUT)
    assert image.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [d.dim_value for d in image.type.tensor_type.shape.dim][1:] == [4, 4, 3]


def test_a_fixed_batch_is_written_as_a_number() -> None:
    model = apply(Draft(graph()), [PORTABLE, interface(4, 4, 3, 8)]).model
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 8


def test_nothing_of_the_machine_stays_in_the_file() -> None:
    model = apply(Draft(graph()), [PORTABLE]).model
    assert model.doc_string == ""
    assert b"/home/me" not in model.SerializeToString()
    assert [entry.domain for entry in model.opset_import] == [""]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (graph("Odd", domain="com.example"), "operators that have no ONNX form: Odd"),
        (graph("RandomNormalLike"), "RandomNormalLike"),
        (graph(extra_input=True), "constants were left as inputs"),
    ],
)
def test_a_graph_that_is_not_portable_is_refused_by_name(model: onnx.ModelProto, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        apply(Draft(model), [PORTABLE])


def test_an_input_that_is_not_uint8_is_refused() -> None:
    with pytest.raises(ExportError, match="not uint8"):
        apply(Draft(graph(dtype=TensorProto.FLOAT)), [PORTABLE, interface(4, 4, 3, None)])


def test_a_step_that_breaks_the_graph_is_named_with_the_steps_before_it() -> None:
    def wreck(draft: Draft) -> None:
        del draft.graph.node[0]

    bad = Step(name="wreck", change=wreck)
    with pytest.raises(ExportError, match=r"after 'wreck'.*done before: keep to standard operators"):
        apply(Draft(graph()), [PORTABLE, bad])
