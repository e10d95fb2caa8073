import doctest
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from support import colour_model, encoded, picture

import toolkit
from toolkit.classify.classifier import Classifier, load
from toolkit.classify.result import Prediction, Record
from toolkit.errors import InputError, ModelError, UsageError

BROKEN = {3: "empty", 7: "truncated", 8: "HTML"}


def check(record: Record, name: str, folder: Path) -> None:
    """The row of a picture holds its own colour, that of a broken file its own reason."""
    assert record.path == str(folder / name)
    number = int(name[:2]) if name[:2].isdigit() else -1
    if number < 0:
        assert (record.status, record.error) == ("error", "no such file")
    elif number in BROKEN:
        assert record.status == "error"
        assert BROKEN[number] in (record.error or "")
        assert record.predictions == ()
    else:
        assert (record.status, record.error) == ("ok", None)
        red = next(p.probability for p in record.predictions if p.label == "red")
        assert red == pytest.approx(10 * number / 255, abs=1e-4)


@given(
    names=st.lists(
        st.one_of(st.integers(0, 19).map(lambda n: f"{n:02d}.png"), st.just("missing.png")),
        min_size=1,
        max_size=30,
    ),
    batch_size=st.sampled_from([1, 2, 3, 8, 29, 64]),
)
@settings(max_examples=40)
def test_rows_out_are_inputs_in_and_in_order_whatever_the_mixture_and_batch_size(
    names: list[str], batch_size: int, classifier: Classifier, mixed: Path
) -> None:
    one = Classifier(classifier.model, batch_size=batch_size)
    records = list(one.classify([mixed / name for name in names], top_k=3))
    assert len(records) == len(names)
    for record, name in zip(records, names, strict=True):
        check(record, name, mixed)


def test_a_folder_a_list_and_a_file_alone_give_the_same_row(
    classifier: Classifier, mixed: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text(f"{mixed / '12.png'}\n")
    alone = list(classifier.classify(mixed / "12.png"))
    assert list(classifier.classify([tmp_path / "list.txt"])) == alone
    assert list(classifier.classify(str(mixed)))[12] == alone[0]


def test_top_k_is_sorted_and_the_first_is_that_of_top_1(classifier: Classifier, mixed: Path) -> None:
    ones = [r.predictions for r in classifier.classify(mixed)]
    threes = [r.predictions for r in classifier.classify(mixed, top_k=3)]
    many = [r.predictions for r in classifier.classify(mixed, top_k=99)]
    assert [p[:1] for p in threes] == ones
    assert many == threes
    for predictions in filter(None, threes):
        values = [p.probability for p in predictions]
        assert values == sorted(values, reverse=True)
        assert sum(values) == pytest.approx(1, abs=1e-5)
        assert sorted(p.label for p in predictions) == ["blue", "green", "red"]
    odd: Any
    for odd in (0, 10**10, 1.5, "2", None, []):
        with pytest.raises(UsageError, match="top_k"):
            classifier.classify(mixed, top_k=odd)
        with pytest.raises(UsageError, match="batch_size"):
            Classifier(classifier.model, batch_size=odd)


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        *(("model", value) for value in (None, 5, [])),
        *(("device", value) for value in (None, 0, True, "gpu", b"cpu", ["cpu"])),
        *(("threads", value) for value in ("2", 0, 1.5, [])),
        *(("batch_size", value) for value in (None, "8", 0)),
        *(("max_pixels", value) for value in ("many", 0, [])),
        *(("normalize", value) for value in (5, "", ("unit",), False)),
        *(("resize", value) for value in (5, False, "squeeze", [])),
        *(("labels", value) for value in (5, ["a", "b"], False)),
        *(("provider_options", value) for value in (None, 5, "a=b", [None], {"a": "b"})),
    ],
)
def test_a_python_caller_is_told_of_a_value_that_makes_no_sense(
    name: str, odd: Any, tiny_model: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        load(**{"model": tiny_model, "device": "cpu", name: odd})
    assert caught.value.where.removeprefix("--").replace("-", "_") in (name, "provider_option")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_python_caller_is_not_given_a_graph_that_nothing_is_bound_to(tiny_model: Path, device: str) -> None:
    with pytest.raises(UsageError, match=r"fixed addresses \(--provider-option enable_cuda_graph\)"):
        load(tiny_model, device, provider_options=["use_tf32=0", "enable_cuda_graph=1"])


@pytest.mark.parametrize("odd", [None, 5, [None], [b"a.png"], b"a.png"])
def test_what_is_no_path_is_refused_before_any_is_looked_for(odd: Any, classifier: Classifier) -> None:
    with pytest.raises(UsageError, match="is not a path"):
        classifier.classify(odd)


def test_names_out_of_an_array_are_paths_and_pixels_are_not(classifier: Classifier, mixed: Path) -> None:
    (record,) = classifier.classify(np.array([str(mixed / "00.png")]))
    assert record.predictions
    with pytest.raises(UsageError, match="pictures that are decoded go to `probabilities`"):
        classifier.classify(np.zeros((2, 8, 8, 3), np.uint8))


def test_a_model_of_a_fixed_batch_size_gives_no_row_from_its_padding(mixed: Path, tmp_path: Path) -> None:
    onnx.save(colour_model(batch=8), tmp_path / "fixed.onnx")
    fixed = load(tmp_path / "fixed.onnx", device="cpu", threads=1, batch_size=8)
    records = list(fixed.classify(mixed, top_k=3))
    assert len(records) == 20
    for number, record in enumerate(records):
        check(record, f"{number:02d}.png", mixed)


def test_an_output_that_is_not_a_number_is_an_error_row(tmp_path: Path) -> None:
    model = colour_model()
    # Taking the square root of (mean - 100) makes a dark picture's output not a number.
    nodes = model.graph.node
    nodes.insert(2, helper.make_node("Sub", ["mean", "limit"], ["shifted"]))
    nodes.insert(3, helper.make_node("Sqrt", ["shifted"], ["rooted"]))
    nodes[4].input[0] = "rooted"
    model.graph.initializer.append(helper.make_tensor("limit", TensorProto.FLOAT, [], [100.0]))
    onnx.save(model, tmp_path / "nan.onnx")
    for index, grey in enumerate((200, 20, 220)):
        (tmp_path / f"{index}.png").write_bytes(encoded(picture((grey,) * 3)))
    records = list(load(tmp_path / "nan.onnx", device="cpu").classify([str(tmp_path / "?.png")]))
    assert [r.status for r in records] == ["ok", "error", "ok"]
    assert records[1].error == "the model's output is not a number"


def test_a_picture_is_turned_and_resized_as_the_model_wants(classifier: Classifier, tmp_path: Path) -> None:
    half = picture((255, 0, 0), (30, 50))
    half[:, 25:] = (0, 0, 255)
    (tmp_path / "half.png").write_bytes(encoded(half))
    (record,) = classifier.classify(tmp_path / "half.png", top_k=2)
    assert [p.label for p in record.predictions] == ["red", "blue"]
    assert [p.probability for p in record.predictions] == pytest.approx([0.5, 0.5], abs=0.02)


def test_what_the_classifier_tells_of_itself(classifier: Classifier, tiny_model: Path) -> None:
    assert classifier.labels == ("red", "green", "blue")
    assert classifier.input_size == (8, 8)
    assert classifier.provider == "CPUExecutionProvider"
    batch = np.stack([picture((255, 0, 0)), picture((0, 255, 0))])
    probabilities = classifier.probabilities(batch)
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(axis=1).tolist() == [0, 1]
    with pytest.raises(ModelError):
        classifier.probabilities(batch.astype(np.float32))  # type: ignore[arg-type]


def test_toolkit_load_is_the_same_thing(tiny_model: Path, mixed: Path) -> None:
    assert toolkit.load is load
    (record,) = toolkit.load(tiny_model, device="cpu").classify([mixed / "19.png"])
    assert record.predictions == (Prediction("red", pytest.approx(190 / 255, abs=1e-4)),)


def test_an_array_of_many_pictures_is_run_a_batch_at_a_time(tiny_model: Path) -> None:
    classifier = load(tiny_model, device="cpu", batch_size=4)
    pictures = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), np.uint8)
    found = classifier.probabilities(pictures)
    np.testing.assert_allclose(found, classifier.model.probabilities(pictures), atol=1e-6)
    with pytest.raises(ModelError, match="float32"):
        classifier.probabilities(pictures.astype(np.float32))  # type: ignore[arg-type]


def test_a_pickled_classifier_opens_the_same_model_with_the_same_options(
    tiny_model: Path, mixed: Path, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("rot\ngrün\nblau\n", encoding="utf-8")
    given = load(tiny_model, "cpu", 1, labels=names, resize="crop", batch_size=3, max_pixels=100)
    sent = pickle.loads(pickle.dumps(given))
    assert (sent.labels, sent.batch_size, sent.max_pixels) == (("rot", "grün", "blau"), 3, 100)
    assert sent.model.plan == given.model.plan
    assert list(sent.classify(mixed)) == list(given.classify(mixed))
    with pytest.raises(TypeError, match=r"toolkit\.load's can"):
        pickle.dumps(Classifier(given.model))


def test_a_folder_without_pictures_is_an_error(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        list(classifier.classify(tmp_path))


def test_leaving_in_the_middle_leaves_no_thread_behind(classifier: Classifier, mixed: Path) -> None:
    import threading

    records = classifier.classify([mixed] * 5)
    next(records)
    records.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_a_picture_above_the_pixel_limit_is_an_error_record(tiny_model: Path, mixed: Path) -> None:
    (record,) = load(tiny_model, device="cpu", max_pixels=44).classify(mixed / "00.png")
    assert "limit of 44" in (record.error or "")


@pytest.mark.parametrize("documented", [load, Classifier.classify], ids=lambda each: each.__name__)
def test_the_examples_of_the_documentation_run_over_a_broken_picture_too(
    documented: Any, tiny_model: Path, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").symlink_to(tiny_model)
    (tmp_path / "photos").symlink_to(mixed)
    (tmp_path / "a.jpg").symlink_to(mixed / "12.png")  # and b.png is missing
    examples = doctest.DocTestParser().get_examples(documented.__doc__ or "")
    assert examples
    names: dict[str, Any] = {"toolkit": toolkit}
    for example in examples:
        exec(compile(example.source, documented.__name__, "exec"), names)
