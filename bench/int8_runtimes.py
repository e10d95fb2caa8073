"""The runtimes that bench/int8_latency.py compares: a model file -> run(batch) on one thread of the CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from evidence import ROOT
from numpy.typing import NDArray

KERAS = ROOT / "exported" / "paper-cnn" / "model.keras"

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def ort_session(model: Path | bytes, *, level: Any = None, optimized: Path | None = None) -> Any:
    ort.set_default_logger_severity(4)
    settings = ort.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if level is not None:
        settings.graph_optimization_level = level
    if optimized is not None:
        settings.optimized_model_filepath = str(optimized)
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, settings, providers=["CPUExecutionProvider"])


def ort_run(session: Any) -> Run:
    entrance, outputs = session.get_inputs()[0].name, [session.get_outputs()[0].name]
    return lambda batch: session.run(outputs, {entrance: batch})[0]


def lite_models(pictures: NDArray[np.uint8], folder: Path) -> dict[str, Path]:
    import keras
    import tensorflow as tf

    model = keras.models.load_model(KERAS)
    paths = {}
    for precision in ("fp32", "int8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([p[None].astype(np.float32)] for p in pictures)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
        paths[precision] = folder / f"{precision}.tflite"
        paths[precision].write_bytes(converter.convert())
    return paths


def lite_run(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    entrance, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    place, kind = entrance["index"], entrance["dtype"]

    def run(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        interpreter.set_tensor(place, batch if kind == np.uint8 else batch.astype(np.float32))
        interpreter.invoke()
        return interpreter.get_tensor(output)  # type: ignore[no-any-return]

    return run


def openvino_run(path: Path) -> Run:
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(path))
    model.reshape([1, 32, 32, 3])  # with a free batch it takes twice the time
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    entrance, output = request.get_input_tensor().data, request.get_output_tensor().data

    def run(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        entrance[:] = batch
        request.infer()
        return output.copy()  # type: ignore[no-any-return]

    return run
