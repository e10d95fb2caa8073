"""What a measuring process is asked, and what it answers: plain values that cross a process border as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toolkit.bench import samples
from toolkit.bench.figures import ColdStart, Nanoseconds
from toolkit.bench.options import Arrivals, Scenario, Transfer
from toolkit.bench.scenarios import Traffic
from toolkit.machine.gpu import GpuState
from toolkit.machine.state import MachineState
from toolkit.preprocess import normalization
from toolkit.preprocess.plan import Plan
from toolkit.preprocess.transforms import Resize


@dataclass(frozen=True, kw_only=True)
class Request:
    """One round of one case, for a fresh process.

    Args:
        model: path of the file.
        device: as obtained by the parent: cpu, cuda:N or provider:NAME.
        threads: intra-op threads.
        provider_options: KEY=VALUE for the execution provider.
        plan: what the model wants at its input.
        head: what its output is, see `OpenModel.head`.
        traffic: how queries are sent.
        transfer: what the clock covers on the way to a device and back.
        pictures: files; pipeline only.
        duration_ns: how long to measure at least.
        min_queries: how many queries to measure at least.
        warmup_ns: how long to warm up.
        seed: of the pictures.
        arrivals_seed: of the arrivals, another one in each round.
    """

    model: str
    device: str
    threads: int
    provider_options: tuple[str, ...]
    plan: Plan
    head: str
    traffic: Traffic
    transfer: Transfer
    pictures: tuple[str, ...]
    duration_ns: int
    min_queries: int
    warmup_ns: int
    seed: int
    arrivals_seed: int

    def to_json(self) -> str:
        """Write the request as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        plan, traffic = fields.pop("plan"), fields.pop("traffic")
        plan["normalization"] = normalization.parse(plan["normalization"]["name"])
        plan["resize"] = Resize(plan["resize"])
        traffic["scenario"], traffic["arrivals"] = (
            Scenario(traffic["scenario"]),
            Arrivals(traffic["arrivals"]),
        )
        fields["transfer"] = Transfer(fields["transfer"])
        fields["provider_options"] = tuple(fields["provider_options"])
        fields["pictures"] = tuple(fields["pictures"])
        return cls(plan=Plan(**plan), traffic=Traffic(**traffic), **fields)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One round of one case, as a process measured it.

    Args:
        start: load and first inference of this process.
        warmup_runs: runs before the clock started.
        due_ns: when each query should have started, int64 [queries], nanoseconds.
        finished_ns: when each was done, int64 [queries], nanoseconds.
        overloaded: the queue only grew.
        interrupted: Ctrl-C came under way.
        stages_ns: time of each stage, int64 [queries, stages]; pipeline only, else None.
        before: the machine when the clock started.
        after: the machine when it stopped.
        gpu: what befell the device meanwhile, the warm-up included; None on other devices.
        process: its number, to tell it from foreign processes on the device.
        reference_ns: time of the reference arithmetic, just before and after the clock ran.
    """

    start: ColdStart
    warmup_runs: int
    due_ns: Nanoseconds
    finished_ns: Nanoseconds
    overloaded: bool
    interrupted: bool
    stages_ns: Nanoseconds | None
    before: MachineState
    after: MachineState
    gpu: GpuState | None
    process: int
    reference_ns: float

    def to_json(self) -> str:
        """Write the answer as one line; nothing is rounded."""
        return json.dumps({
            "start": asdict(self.start),
            "warmup_runs": self.warmup_runs,
            "due_ns": samples.encode(self.due_ns),
            "finished_ns": samples.encode(self.finished_ns),
            "overloaded": self.overloaded,
            "interrupted": self.interrupted,
            "stages_ns": None if self.stages_ns is None else samples.encode(self.stages_ns.T.ravel()),
            "before": self.before.to_document(),
            "after": self.after.to_document(),
            "gpu": None if self.gpu is None else asdict(self.gpu),
            "process": self.process,
            "reference_ns": self.reference_ns,
        })  # fmt: skip

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Measured":
        """Read what `to_json` wrote, parsed already."""
        fields = dict(document)
        due = samples.decode(fields.pop("due_ns"))
        stages, gpu = fields.pop("stages_ns"), fields.pop("gpu")
        return cls(
            start=ColdStart(**fields.pop("start")),
            due_ns=due,
            finished_ns=samples.decode(fields.pop("finished_ns")),
            stages_ns=None if stages is None else _by_query(samples.decode(stages), len(due)),
            before=MachineState.from_document(fields.pop("before")),
            after=MachineState.from_document(fields.pop("after")),
            gpu=None if gpu is None else GpuState(tuple(gpu["slowdowns"]), tuple(gpu["processes"])),
            **fields,
        )


def _by_query(values: Nanoseconds, queries: int) -> Nanoseconds:
    return np.ascontiguousarray(values.reshape(-1, queries).T) if queries else values.reshape(0, 0)
