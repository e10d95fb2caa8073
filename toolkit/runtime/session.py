"""An open ONNX Runtime session: run(batch) -> scores, and what runs where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DeviceError, ModelError
from toolkit.machine.cores import THREADS_VARIABLE, default_threads, usable_cores
from toolkit.observer import SILENT, Observer
from toolkit.ranges import parallel
from toolkit.runtime.binding import Place, bound_copies, device_resident
from toolkit.runtime.devices import CUDA, device_name, parse_device
from toolkit.runtime.library import session_settings
from toolkit.runtime.messages import explain, plain
from toolkit.runtime.placement import placement_of
from toolkit.runtime.provider_options import parse_provider_options
from toolkit.runtime.signature import Signature, read_signature
from toolkit.runtime.start import GRAPH, start

Batch = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class Session:
    """An open model on one execution provider.

    Args:
        path: of the model file.
        signature: its input and output.
        metadata: the file's `metadata_props`.
        provider: the execution provider obtained.
        device: where it runs: "cpu", "cuda:N" or "provider:NAME".
        threads: intra-op threads.
    """

    path: Path
    signature: Signature
    metadata: dict[str, str]
    provider: str
    device: str
    threads: int
    _session: Any = field(repr=False)

    @property
    def active_provider(self) -> str:
        """The execution provider that the session uses now; `provider` is the one it began with."""
        return str(self._session.get_providers()[0])

    def refuse_changed_provider(self) -> None:
        """Refuse a session that has left its provider for another.

        Raises:
            DeviceError: it has.
        """
        if self.active_provider != self.provider:
            raise DeviceError(
                f"it began on {self.provider} and is on {self.active_provider} now",
                where=self.path,
                remedy="check the device with: toolkit doctor",
            )

    @property
    def provider_options(self) -> dict[str, str]:
        """The provider's options, defaults included, as far as ONNX Runtime tells them."""
        return {k: str(v) for k, v in self._session.get_provider_options().get(self.provider, {}).items()}

    @property
    def captures_graph(self) -> bool:
        """Whether it captures a CUDA graph, so that only `bound_run` may run it."""
        return self.provider_options.get(GRAPH) == "1"

    def placement(self) -> dict[str, int] | None:
        """Count the nodes on each execution provider; None where ONNX Runtime can't tell."""
        found = placement_of(self._session)
        return None if found is None else dict(found.nodes)

    def products(self) -> dict[str, int]:
        """Count the convolutions and matrix products on each execution provider; empty where untold."""
        found = placement_of(self._session)
        return {} if found is None else dict(found.products)

    def run(self, batch: Batch) -> Batch:
        """Run one batch.

        Args:
            batch: what the signature says: its dtype, layout and size, N pictures.

        Returns:
            [N, classes], of the model's own output type.

        Raises:
            DeviceError: the provider failed while running.
        """
        try:
            (scores,) = self._session.run([self.signature.output_name], {self.signature.input_name: batch})
        except Exception as error:
            raise self.failure(error) from error
        result: Batch = scores.reshape(scores.shape[0], -1)
        return result

    def host_run(self) -> Callable[[Batch], Any]:
        """Return run(batch) with as little around ONNX Runtime's own `run` as can be, for a stopwatch.

        It gives ONNX Runtime's list of outputs as it is, and lets its exceptions through: see `failure`.
        """
        run, outputs, name = self._session.run, [self.signature.output_name], self.signature.input_name

        def timed(batch: Batch) -> Any:
            return run(outputs, {name: batch})

        return timed

    def bound_run(self, batches: Sequence[Batch], *, copies: bool) -> tuple[Callable[[Any], Any], list[Any]]:
        """Return run(input) with buffers bound on the device, and the inputs that it takes.

        Args:
            batches: [N, ...] each, what the signature says, all of one shape.
            copies: whether each run copies its input to the device and its output back.
        """
        place = Place("cuda", int(self.device.rpartition(":")[2])) if self.provider == CUDA else Place()
        fixed = self.captures_graph
        if copies:
            return bound_copies(self._session, place, batches, fixed), list(batches)
        return device_resident(self._session, place, batches, fixed)

    def failure(self, error: Exception) -> DeviceError:
        """Translate what a run raised."""
        problem = explain(str(error)) if self.device != "cpu" else None
        where = f"{self.path} on {self.provider}"
        if problem is not None:
            return DeviceError(problem.finding, where=where, remedy=problem.remedy)
        return DeviceError(
            f"running the model failed: {plain(str(error))}",
            where=where,
            remedy="check the model with: toolkit inspect, and the device with: toolkit doctor",
        )


def open_session(
    path: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    provider_options: Sequence[str] = (),
    spinning: bool = False,
    optimize: bool = True,
    output: str | None = None,
    observer: Observer = SILENT,
) -> Session:
    """Open a model file.

    Args:
        path: an .onnx file.
        device: auto, cpu, cuda, cuda:N or provider:NAME; all but `auto` never fall back.
        threads: intra-op threads; None means the physical cores this process may use, and OMP_NUM_THREADS at most.
        provider_options: KEY=VALUE for the provider that is asked for.
        spinning: whether idle threads burn cycles for a quicker start of the next run.
        optimize: let ONNX Runtime rewrite the graph; off, it computes node by node as the file says.
        output: name of the output with the classes; None where there is one only.
        observer: told which provider `auto` took, of cores that OMP_NUM_THREADS leaves idle, and of convolutions
            that a GPU leaves to the CPU.

    Raises:
        UsageError: the device, an option or the number of threads makes no sense.
        ModelError: the file is missing, broken, or not an image classifier.
        DeviceError: the provider that was asked for was not obtained, or would compute nothing.
    """
    wanted = parse_device(device)
    options = parse_provider_options(provider_options)
    parallel(threads, "--threads")
    if not path.is_file():
        raise ModelError("no such model file", where=path, remedy="check the path, or see: toolkit models")
    settings = session_settings(threads or _default_threads(observer), spinning=spinning, optimize=optimize)
    # For `placement`; loading takes no longer with it (1.45 against 1.50 ms, medians of 40).
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = start(path, settings, wanted, options, observer)
    provider = session.get_providers()[0]
    session.disable_fallback()
    return Session(
        path=path,
        signature=read_signature(session.get_inputs(), session.get_outputs(), path, output),
        metadata=dict(session.get_modelmeta().custom_metadata_map),
        provider=provider,
        device=device_name(provider, wanted.index),
        threads=settings.intra_op_num_threads,
        _session=session,
    )


def _default_threads(observer: Observer) -> int:
    cores = usable_cores()
    threads = default_threads(cores)
    if threads < cores:
        # Often nobody knows that it is set: an image or a batch system did it.
        observer.notice(
            f"threads: {threads} of {cores} cores, as {THREADS_VARIABLE} says; --threads {cores} uses all of them"
        )
    return threads
