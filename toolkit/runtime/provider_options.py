"""KEY=VALUE for an execution provider, checked against the names that it knows.

ONNX Runtime accepts a misspelt option without a word where the provider can't be made, and so can't help.
"""

import difflib
from collections.abc import Mapping, Sequence

from toolkit.errors import UsageError
from toolkit.runtime.devices import CPU, CUDA, TENSORRT

FLAG = "--provider-option"
# Of CUDA, TensorRT and DirectML.
GRAPHS = frozenset({"enable_cuda_graph", "trt_cuda_graph_enable", "enable_graph_capture"})

KNOWN: Mapping[str, frozenset[str]] = {
    CPU: frozenset(),
    CUDA: frozenset({
        "arena_extend_strategy", "cudnn_conv1d_pad_to_nc1d", "cudnn_conv_algo_search",
        "cudnn_conv_use_max_workspace", "do_copy_in_default_stream", "enable_cuda_graph",
        "enable_skip_layer_norm_strict_mode", "fuse_conv_bias", "gpu_external_alloc",
        "gpu_external_empty_cache", "gpu_external_free", "gpu_mem_limit", "has_user_compute_stream",
        "prefer_nhwc", "sdpa_kernel", "tunable_op_enable", "tunable_op_max_tuning_duration_ms",
        "tunable_op_tuning_enable", "use_ep_level_unified_stream", "use_tf32", "user_compute_stream",
    }),
    TENSORRT: frozenset({
        "device_id", "has_user_compute_stream", "user_compute_stream", "trt_auxiliary_streams",
        "trt_build_heuristics_enable", "trt_builder_optimization_level", "trt_bf16_enable",
        "trt_context_memory_sharing_enable", "trt_cuda_graph_enable", "trt_detailed_build_log",
        "trt_dla_core", "trt_dla_enable", "trt_dump_ep_context_model", "trt_dump_subgraphs",
        "trt_engine_cache_enable", "trt_engine_cache_path", "trt_engine_cache_prefix",
        "trt_engine_decryption_enable", "trt_engine_decryption_lib_path", "trt_engine_hw_compatible",
        "trt_ep_context_embed_mode", "trt_ep_context_file_path", "trt_extra_plugin_lib_paths",
        "trt_force_sequential_engine_build", "trt_force_timing_cache", "trt_fp16_enable",
        "trt_int8_calibration_table_name", "trt_int8_enable", "trt_int8_use_native_calibration_table",
        "trt_layer_norm_fp32_fallback", "trt_load_user_initializer", "trt_max_partition_iterations",
        "trt_max_workspace_size", "trt_min_subgraph_size", "trt_onnx_model_folder_path",
        "trt_op_types_to_exclude", "trt_preview_features",
        "trt_profile_max_shapes", "trt_profile_min_shapes", "trt_profile_opt_shapes",
        "trt_sparsity_enable", "trt_tactic_sources", "trt_timing_cache_enable", "trt_timing_cache_path",
        "trt_weight_stripped_engine_enable",
    }),
    "OpenVINOExecutionProvider": frozenset({
        "cache_dir", "context", "device_id", "device_type", "disable_dynamic_shapes", "enable_causallm",
        "enable_opencl_throttling", "enable_qdq_optimizer", "layout", "load_config", "model_priority",
        "num_of_threads", "num_streams", "precision", "reshape_input",
    }),
    "CoreMLExecutionProvider": frozenset({
        "AllowLowPrecisionAccumulationOnGPU", "EnableOnSubgraphs", "MLComputeUnits", "ModelCacheDirectory",
        "ModelFormat", "ProfileComputePlan", "RequireStaticInputShapes", "SpecializationStrategy",
    }),
    "DmlExecutionProvider": frozenset({
        "device_filter", "device_id", "disable_metacommands", "enable_graph_capture", "performance_preference",
    }),
}  # fmt: skip
"""Source: the provider pages of ONNX Runtime's documentation; for CUDA and TensorRT also the names in the libraries of
onnxruntime-gpu 1.31.1, but for the bytes of a model in memory, which no file is."""


def parse_provider_options(options: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE pairs.

    Raises:
        UsageError: one has no key or no equals sign, or a key is given twice.
    """
    pairs: dict[str, str] = {}
    for option in options:
        key, equals, value = (part.strip() for part in option.partition("="))
        if not key or not equals:
            raise UsageError(f"'{option}' is not KEY=VALUE", where=FLAG, remedy="write it as in use_tf32=0")
        if key in pairs:
            raise UsageError(f"{key} is given twice", where=FLAG, remedy="name each option once")
        pairs[key] = value
    return pairs


def refuse_graph(options: Sequence[str]) -> None:
    """Refuse a captured graph where arrays come from anywhere: from the second run on it would give no answer at all.

    Args:
        options: KEY=VALUE pairs, as a user gave them.

    Raises:
        UsageError: one of them asks for a graph.

    Source: ONNX Runtime's page on CUDA, "Using CUDA Graphs"; InferenceSession::Run, which replays a graph without
        looking at inputs and outputs.
    """
    for option in options:
        key, _, value = (part.strip() for part in option.partition("="))
        if key in GRAPHS and value.lower() not in ("0", "false"):
            raise UsageError(
                "a captured graph reads and writes fixed addresses",
                where=f"{FLAG} {key}",
                remedy="leave it out: only toolkit bench binds buffers, with --cuda-graph",
            )


def check_provider_options(options: Mapping[str, str], providers: Sequence[str]) -> None:
    """Refuse an option that none of the providers knows; a provider whose names aren't listed takes any.

    Args:
        options: KEY=VALUE pairs.
        providers: those that may come to use them.

    Raises:
        UsageError: with the nearest name that there is; or it chooses a CUDA device, which is for `--device` to do:
            by that buffers are bound, the device is watched and the record is written.
    """
    if CUDA in providers and "device_id" in options:
        raise UsageError(
            "--device says which CUDA device it is",
            where=f"{FLAG} device_id",
            remedy=f"use --device cuda:{options['device_id'] or 'N'}",
        )
    if any(provider not in KNOWN for provider in providers):
        return
    known = frozenset().union(*(KNOWN[provider] for provider in providers))
    for key in options:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}?" if near else "leave it out"
        verb = "has" if len(providers) == 1 else "have"
        raise UsageError(f"{' and '.join(providers)} {verb} no option {key}", where=FLAG, remedy=remedy)
