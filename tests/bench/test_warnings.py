"""Each warning appears when its cause is injected, and only then."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.bench import warnings
from toolkit.bench.figures import Round
from toolkit.bench.options import BenchOptions

MS = 1_000_000
Options = Callable[..., BenchOptions]


def steady(count: int = 200, latency_ns: int = 10 * MS, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(1, 0.01, count)
    return (latency_ns * noise).astype(np.int64)


def codes(
    rounds: list[Round], options: BenchOptions, resolution_ns: int = 30, harness_ns: int = 100
) -> list[str]:
    found = warnings.check_case(rounds, options, resolution_ns=resolution_ns, harness_ns=harness_ns)
    return [c.code for c in found]


def test_a_quiet_run_has_no_warning(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(steady(seed=k), number=k) for k in range(5)]
    assert codes(rounds, options_of()) == []


def test_a_run_that_gets_slower_drifts(made: Any, options_of: Options) -> None:
    slower = steady() * np.linspace(1, 1.2, 200)
    assert codes([made.round_of(slower)], options_of()) == ["drift"]
    caution = warnings.drift(slower.astype(np.int64), options_of(duration_s=7))
    assert caution is not None
    assert "9 % slower" in caution.message
    assert "--duration 7" in caution.remedy


def test_a_run_that_gets_faster_drifts_too(options_of: Options) -> None:
    caution = warnings.drift((steady() * np.linspace(1.2, 1, 200)).astype(np.int64), options_of())
    assert caution is not None
    assert "faster" in caution.message


def test_one_slow_round_in_the_middle_sets_rounds_apart(made: Any, options_of: Options) -> None:
    scales = [1, 1, 1.3, 1, 1]
    rounds = [made.round_of(steady(seed=k) * scale, number=k) for k, scale in enumerate(scales)]
    assert codes(rounds, options_of()) == ["rounds-apart"]


def test_rare_long_queries_spread_the_times(made: Any, options_of: Options) -> None:
    latencies = steady()
    latencies[::40] *= 20
    assert codes([made.round_of(latencies)], options_of()) == ["spread"]
    caution = warnings.spread(latencies)
    assert caution is not None
    assert "2.50 % of the queries" in caution.message


def test_a_slow_start_is_an_unfinished_warm_up(made: Any, options_of: Options) -> None:
    latencies = steady()
    latencies[:15] = (latencies[:15] * 1.4).astype(np.int64)
    assert codes([made.round_of(latencies)], options_of()) == ["warmup-unfinished"]


def test_the_remedy_of_a_slow_start_depends_on_the_warm_up_given(made: Any, options_of: Options) -> None:
    latencies = steady()
    latencies[:15] *= 2
    without = warnings.warmup_unfinished([made.round_of(latencies)], options_of(warmup_s=0))
    with_it = warnings.warmup_unfinished([made.round_of(latencies)], options_of(warmup_s=3))
    assert without is not None
    assert with_it is not None
    assert without.remedy == "warm up first: leave --warmup 0 out"
    assert with_it.remedy == "warm up longer than --warmup 3"


def test_a_coarse_clock_is_named(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(steady(latency_ns=50_000))]
    assert codes(rounds, options_of(), resolution_ns=1000) == ["coarse-clock"]


def test_a_harness_that_takes_a_share_of_the_time_is_named(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(steady(latency_ns=3_000))]
    assert codes(rounds, options_of(), resolution_ns=1, harness_ns=100) == ["harness"]


def test_too_few_queries_for_a_gate_or_a_percentile_that_was_asked_for(
    made: Any, options_of: Options
) -> None:
    rounds = [made.round_of(steady(100))]
    assert codes(rounds, options_of(target_latency_ms=50)) == ["too-few-queries"]
    assert codes(rounds, options_of(percentile=99.9)) == ["too-few-queries"]
    assert codes(rounds, options_of(percentile=90)) == []
    caution = warnings.too_few_queries(100, options_of(percentile=99.9))
    assert caution is not None
    assert caution.remedy == "use --min-queries 6636"


def test_a_server_round_that_gave_up_is_overloaded(made: Any, server_options: BenchOptions) -> None:
    cut = Round(
        number=0, warmup_runs=0, due_ns=np.arange(5) * MS, finished_ns=np.arange(5) * MS + MS, overloaded=True
    )
    assert codes([cut], server_options) == ["overloaded"]


def test_a_server_that_answers_long_after_the_last_arrival_is_overloaded(
    server_options: BenchOptions,
) -> None:
    due = np.arange(100) * 10 * MS
    keeps_up = Round(number=0, warmup_runs=0, due_ns=due, finished_ns=due + 9 * MS)
    behind = Round(number=0, warmup_runs=0, due_ns=due, finished_ns=(np.arange(100) + 1) * 12 * MS)
    assert warnings.overloaded([keeps_up], server_options) is None
    caution = warnings.overloaded([keeps_up, behind], server_options)
    assert caution is not None
    assert "1 of 2 rounds" in caution.message
    assert "--rate 100" in caution.remedy


def disturbed(interval_ns: int, seed: int, excess: float = 1.3, count: int = 20_000) -> np.ndarray:
    """Latencies of 50 us, longer by `excess` in a tenth of each interval."""
    latencies = steady(count, 50_000, seed).astype(np.float64)
    moments = np.cumsum(latencies)
    latencies[moments % interval_ns < interval_ns / 10] *= excess
    return latencies.astype(np.int64)


def test_a_disturbance_in_equal_intervals_is_found_with_its_interval(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(disturbed(37 * MS, seed=k), number=k) for k in range(3)]
    assert codes(rounds, options_of()) == ["periodic"]
    caution = warnings.periodic(rounds, options_of())
    assert caution is not None
    interval = float(caution.message.split("every ")[1].split(" ms")[0])
    assert abs(interval - 38) < 2  # the disturbance makes its own interval a little longer


def test_a_disturbance_that_hardly_matters_is_left_out(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(disturbed(37 * MS, seed=k, excess=1.01), number=k) for k in range(3)]
    assert codes(rounds, options_of()) == []


def test_a_disturbance_in_one_round_of_three_is_none_of_the_machine(made: Any, options_of: Options) -> None:
    rounds = [made.round_of(steady(20_000, 50_000, seed=k), number=k) for k in range(2)]
    rounds.append(made.round_of(disturbed(37 * MS, seed=9), number=2))
    assert warnings.periodic(rounds, options_of()) is None


def test_a_precision_that_was_not_reached_is_said(options_of: Options) -> None:
    (caution,) = warnings.imprecise(3.21, options_of(precision_pct=2))
    assert caution.message == "the interval of p50 reaches 3.2 % to either side, and 2 % were asked for"
    (caution,) = warnings.imprecise(None, options_of(precision_pct=2))
    assert "can't be told" in caution.message
    assert warnings.imprecise(1.9, options_of(precision_pct=2)) == ()
    assert warnings.imprecise(None, options_of()) == ()


def test_nothing_measured_means_nothing_to_warn_of(options_of: Options) -> None:
    assert codes([], options_of()) == []


def test_convolutions_that_a_gpu_leaves_to_the_cpu_are_a_warning() -> None:
    (caution,) = warnings.partly_on_cpu(
        {"CUDAExecutionProvider": 6, "CPUExecutionProvider": 2}, "CUDAExecutionProvider"
    )
    assert caution.code == "partly-on-cpu"
    assert caution.message == "2 of 8 convolutions and matrix products (25 %) run on the CPU, not on CUDA"
    assert "fp32 or fp16" in caution.remedy
    assert warnings.partly_on_cpu({"CUDAExecutionProvider": 8}, "CUDAExecutionProvider") == ()
    assert warnings.partly_on_cpu({"CPUExecutionProvider": 8}, "CPUExecutionProvider") == ()
    assert warnings.partly_on_cpu({}, "CUDAExecutionProvider") == ()
