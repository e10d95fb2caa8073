"""Buffers on a device, bound once: what a run costs without the allocations, or without the copies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.runtime.library import import_onnxruntime

Inputs = Sequence[NDArray[np.generic]]


@dataclass(frozen=True)
class Place:
    """Memory that buffers are made in.

    Args:
        kind: "cpu" or "cuda".
        index: which device.
    """

    kind: str = "cpu"
    index: int = 0


def bound_copies(session: Any, place: Place, batches: Inputs, fixed_output: bool) -> Callable[[Any], Any]:
    """Return run(batch) -> list of arrays with buffers bound once; it copies in, runs, and copies out.

    Args:
        session: ONNX Runtime's.
        place: where the buffers are.
        batches: [N, ...] each, all of one shape and type; the first makes the input's buffer.
        fixed_output: the output needs a fixed address, too, as a CUDA graph does.
    """
    buffer = _value(batches[0].copy(), place)  # on the CPU it is the array's own memory, which is written to
    binding = _binding(session, buffer, len(batches[0]), place, fixed_output)

    def run(batch: Any) -> Any:
        buffer.update_inplace(batch)
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return binding.copy_outputs_to_cpu()

    return run


def device_resident(
    session: Any, place: Place, batches: Inputs, fixed_output: bool
) -> tuple[Callable[[Any], Any], list[Any]]:
    """Return run(binding), and a binding per batch; the inputs lie on the device, the outputs stay there.

    Args:
        session: ONNX Runtime's.
        place: where the buffers are.
        batches: [N, ...] each, all of one shape and type.
        fixed_output: a CUDA graph is captured for one address, so there is one binding only.
    """
    used = batches[:1] if fixed_output else batches
    bindings = [_binding(session, _value(b, place), len(b), place, fixed_output) for b in used]

    def run(binding: Any) -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()  # CUDA works on while Python goes on; the clock must not stop before

    return run, bindings


def _value(batch: NDArray[np.generic], place: Place) -> Any:
    ort = import_onnxruntime()
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(batch), place.kind, place.index)


def _binding(session: Any, value: Any, batch_size: int, place: Place, fixed_output: bool) -> Any:
    binding = session.io_binding()
    binding.bind_ortvalue_input(session.get_inputs()[0].name, value)
    for output in session.get_outputs():
        if fixed_output:
            binding.bind_ortvalue_output(output.name, _room(output, batch_size, place))
        else:
            binding.bind_output(output.name, place.kind, place.index)
    return binding


def _room(output: Any, batch_size: int, place: Place) -> Any:
    ort = import_onnxruntime()
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    shape = [batch_size, *output.shape[1:]]
    if output.type not in types or not all(isinstance(extent, int) for extent in shape):
        raise ModelError(
            f"its output {output.type} {list(output.shape)} has no fixed size for a CUDA graph",
            where=output.name,
            remedy="leave --cuda-graph out",
        )
    return ort.OrtValue.ortvalue_from_shape_and_type(shape, types[output.type], place.kind, place.index)
