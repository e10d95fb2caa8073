"""Claim: int8 of paper-cnn takes at most 1.5 times LiteRT's int8, and fp32 is no slower than LiteRT's fp32.

Batch 1, one thread, all in one process and interleaved: each round calls every runtime a hundred times and takes
the median; ratios are taken within a round. Then, of the int8 graph that ONNX Runtime really runs, the time of
each node: of the graph up to it, less the graph before it, so that no profiler stands in the way.

Needs `pip install ai-edge-litert openvino` beside the extra `train`; what isn't installed is left out and said.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnx
import onnxruntime as ort
from evidence import DATA_NAME, ROOT, data_parser, write
from int8_runtimes import Run, lite_models, lite_run, openvino_run, ort_run, ort_session
from numpy.typing import NDArray

from toolkit.data.resolve import load_data
from toolkit.export.convert import convert
from toolkit.export.graph.crop_unused import CROP_UNUSED
from toolkit.export.graph.draft import assemble, take_apart
from toolkit.export.graph.interface import interface
from toolkit.export.graph.portable import PORTABLE
from toolkit.export.opset import DEFAULT
from toolkit.export.precision.int8 import calibrated
from toolkit.export.step import apply
from toolkit.keras_model.predictor import keras_predictor

CALIBRATION = 500  # pictures of the train split
CALLS = 100  # a round and runtime


def raw_tf2onnx(folder: Path) -> Path:
    source = keras_predictor(str(ROOT / "exported" / "paper-cnn"), where="bench")
    steps = [PORTABLE, interface(32, 32, len(source.labels), None)]
    path = folder / "tf2onnx.onnx"
    onnx.save(assemble(apply(convert(source, opset=DEFAULT, batch=None), steps)), path)
    return path


def documented_quantize_static(raw: Path, pictures: NDArray[np.uint8], folder: Path) -> Path:
    """Follow ONNX Runtime's own page: pre-process, then static QDQ, u8 activations, s8 weights per channel."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(pictures)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            picture = next(self._left, None)
            return None if picture is None else {"image": picture[None]}

    prepared, path = folder / "prepared.onnx", folder / "quantize_static.onnx"
    quant_pre_process(raw, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return path


def interleave(runs: dict[str, Run], picture: NDArray[np.uint8], rounds: int) -> dict[str, list[float]]:
    """Return each runtime's median of every round, microseconds."""
    for run in runs.values():
        for _ in range(CALLS):
            run(picture)
    medians: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            samples = []
            for _ in range(CALLS):
                start = time.perf_counter_ns()
                run(picture)
                samples.append(time.perf_counter_ns() - start)
            medians[name].append(statistics.median(samples) / 1e3)
    return medians


def accuracy(run: Run, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Run pictures one by one: LiteRT's files have a batch of one."""
    return float(np.mean([run(images[i : i + 1]).argmax() == labels[i] for i in range(len(images))]))


def nodes(path: Path, picture: NDArray[np.uint8], folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Time each node of the graph that ONNX Runtime makes of a file, microseconds."""
    optimized = folder / "optimized.onnx"
    ort_session(path, optimized=optimized)
    whole = onnx.load(optimized)
    runs: dict[str, Run] = {"call": ort_run(ort_session(_empty(whole).SerializeToString()))}
    for place in range(len(whole.graph.node)):
        runs[f"{place}"] = ort_run(_prefix(whole, place))
    medians = {name: statistics.median(v) for name, v in interleave(runs, picture, rounds).items()}
    rows, before = [{"node": "the call itself", "us": medians["call"]}], medians["call"]
    for place, node in enumerate(whole.graph.node):
        rows.append({"node": f"{node.op_type} {node.name}", "us": medians[f"{place}"] - before})
        before = medians[f"{place}"]
    return rows


def _empty(whole: onnx.ModelProto) -> onnx.ModelProto:
    """Make a graph with the same input that does nothing but tell its shape."""
    output = onnx.helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, None)
    node = onnx.helper.make_node("Shape", [whole.graph.input[0].name], ["shape"])
    graph = onnx.helper.make_graph([node], "empty", list(whole.graph.input), [output])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def _prefix(whole: onnx.ModelProto, place: int) -> Any:
    part = onnx.ModelProto()
    part.CopyFrom(whole)
    del part.graph.node[place + 1 :], part.graph.output[:]
    used = {name for node in part.graph.node for name in node.input}
    kept = [tensor for tensor in part.graph.initializer if tensor.name in used]
    del part.graph.initializer[:]
    part.graph.initializer.extend(kept)
    name = whole.graph.node[place].output[0]
    for kind in (onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT):  # the file doesn't say which it is
        del part.graph.output[:]
        part.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
        try:
            return ort_session(part.SerializeToString(), level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's classes are its own
            failure = error
    raise failure


def main() -> None:
    parser = data_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    train = load_data(options.data, image_size=(32, 32), splits=("train",), limit=CALIBRATION).split("train")
    calibration = train.images
    test = load_data(options.data, image_size=(32, 32), splits=("test",)).split("test")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs, left_out = collect(folder, calibration)
        medians = interleave(runs, test.images[:1], options.rounds)
        profile = nodes(folder / "ours_int8.onnx", test.images[:1], folder, options.rounds)
    figures = {
        name: {
            "median_us": statistics.median(samples),
            "fastest_round_us": min(samples),
            "accuracy": accuracy(runs[name], test.images, test.labels),
        }
        for name, samples in medians.items()
    }
    for name, row in figures.items():
        print(f"{name:28s} {row['median_us']:7.1f} µs   accuracy {row['accuracy']:.4f} on {DATA_NAME}")
    ratios = {}
    for precision in ("fp32", "int8"):
        ours, theirs = medians[f"ours {precision}"], medians.get(f"LiteRT {precision}")
        if theirs is not None:
            within = [a / b for a, b in zip(ours, theirs, strict=True)]
            ratios[precision] = {
                "median": statistics.median(within),
                "quartiles": [float(q) for q in np.percentile(within, [25, 75])],
            }
            print(f"{precision}: {ratios[precision]['median']:.2f} of LiteRT's time")
    for row in profile:
        print(f"{row['us']:7.2f} µs  {row['node']}")
    write(
        "int8_latency",
        f"paper-cnn, batch 1, one thread, int8 and fp32 side by side; {DATA_NAME}, 10,000 test pictures",
        {
            "runtimes": figures,
            "of_litert": ratios,
            "int8_nodes_us": profile,
            "left_out": left_out,
        },
    )


def collect(folder: Path, calibration: NDArray[np.uint8]) -> tuple[dict[str, Run], dict[str, str]]:
    """Make every file and open it; return the runtimes, and why others are missing."""
    raw = raw_tf2onnx(folder)
    static = documented_quantize_static(raw, calibration, folder)
    draft = take_apart(onnx.load(ROOT / "exported" / "paper-cnn.onnx"))
    fp32 = assemble(apply(draft, [CROP_UNUSED]))
    onnx.save(fp32, folder / "ours_fp32.onnx")
    onnx.save(calibrated(fp32, calibration).int8(), folder / "ours_int8.onnx")
    runs: dict[str, Run] = {
        "tf2onnx fp32": ort_run(ort_session(raw)),
        "ours fp32": ort_run(ort_session(folder / "ours_fp32.onnx")),
        "quantize_static int8": ort_run(ort_session(static)),
        "ours int8": ort_run(ort_session(folder / "ours_int8.onnx")),
    }
    left_out: dict[str, str] = {}
    try:
        for precision, path in lite_models(calibration, folder).items():
            runs[f"LiteRT {precision}"] = lite_run(path)
    except ImportError as error:
        left_out["LiteRT"] = str(error)
    for label, path in (
        ("OpenVINO fp32", folder / "ours_fp32.onnx"),
        ("OpenVINO int8 (static)", static),
        ("OpenVINO int8 (ours)", folder / "ours_int8.onnx"),
    ):
        try:
            runs[label] = openvino_run(path)
        except ImportError as error:
            left_out["OpenVINO"] = str(error)
    for label, reason in left_out.items():
        print(f"left out: {label}: {reason}")
    return runs, left_out


if __name__ == "__main__":
    main()
