"""The distributions of ONNX Runtime: all are imported from one folder, so that two of them overwrite each other."""

RUNTIMES = (
    "onnxruntime-gpu",
    "onnxruntime",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
    "onnxruntime-cann",
    "onnxruntime-webgpu",
)
"""The first two are what this package asks for; the others bring the provider of their name. Source: PyPI."""
