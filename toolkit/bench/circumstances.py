"""What is written beside the figures: the state of the machine, the settings, doubts about the whole run."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.bench.disturbances import others_busy, too_many_threads
from toolkit.bench.measure import SystemClock, clock_resolution_ns, harness_cost_ns
from toolkit.bench.options import BenchOptions
from toolkit.bench.result import Caution
from toolkit.bench.rounds import min_queries_of
from toolkit.bench.subjects import Subject
from toolkit.machine.cores import affinity, cpu_quota, physical_cores
from toolkit.machine.facts import busy_cores, load_average


def conditions() -> dict[str, Any]:
    """Describe the machine just before the first process starts, and what measuring costs; see also `spinning`."""
    clock = SystemClock()
    return {
        "busy_cores_at_start": round(busy_cores(), 2),
        "load_average_at_start": load_average(),
        "clock_resolution_ns": clock_resolution_ns(clock),
        "harness_ns": harness_cost_ns(clock),
        "garbage_collection": "off while the clock runs",
    }


def settings(options: BenchOptions) -> dict[str, Any]:
    """List the options and methods that decide about the figures."""
    return {
        "scenario": options.scenario,
        "runs": options.runs,
        "duration_s": options.duration_s,
        "min_queries": min_queries_of(options),
        "warmup_s": options.warmup_s,
        "seed": options.seed,
        "target_latency_ms": options.target_latency_ms,
        "percentile": options.percentile,
        "remeasure": options.remeasure,
        "max_regression_pct": options.max_regression_pct,
        "baseline": None if options.baseline is None else str(options.baseline),
        "provider_options": list(options.provider_options),
        "transfer": options.transfer,
        "cuda_graph": options.cuda_graph,
        "find_rate": options.find_rate,
        "precision_pct": options.precision_pct,
        "pictures": list(options.pictures),
        "reference": "a small matrix product with an exponential in numpy, timed before and after each round",
        "processes": "a fresh one for each case in each round",
        "inputs": "random uint8 pictures, several distinct batches in turn",
        "percentile_method": "nearest rank; null below 11, 64, 130, 662 and 6,636 queries (MLPerf LoadGen)",
        "p50_ci95_method": "order statistics (binomial); queries taken as independent; the same for p90 to p99.9",
        "p50_processes_ci95_method": "Student's t on the logarithms of the medians of the rounds' processes",
        "throughput_ci95_method": "percentile bootstrap over blocks of consecutive queries, or Student's t on the "
        "logarithms of the rounds' rates where that reaches further",
    }


def cautions(
    options: BenchOptions, state: Mapping[str, Any], subjects: Sequence[Subject]
) -> tuple[Caution, ...]:
    """Look for doubts that concern the whole run.

    Args:
        options: what was asked for.
        state: what `conditions` found.
        subjects: models, with the threads that each has.
    """
    busy = others_busy(state["busy_cores_at_start"], state["load_average_at_start"])
    threads = [each.threads for each in subjects if each.device == "cpu"]
    crowded = too_many_threads(threads, physical_cores(affinity()), cpu_quota(), options)
    return (*(() if busy is None else (busy,)), *crowded, *_without_numbers(subjects))


def _without_numbers(subjects: Sequence[Subject]) -> tuple[Caution, ...]:
    """Tell which models answered with NaN or infinity: an overflow in 16 bits, or a broken export."""
    names = dict.fromkeys(each.name for each in subjects if not each.answers_numbers)
    return tuple(
        Caution(
            code="no-numbers",
            message=f"{name} answered a picture of noise with NaN or infinity",
            remedy="find out why with toolkit verify: a model that is mended may take another time",
        )
        for name in names
    )
