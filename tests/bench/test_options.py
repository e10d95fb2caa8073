"""Options check themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.bench.options import Arrivals, BenchOptions, Scenario, Transfer
from toolkit.errors import UsageError

BASE = Path("base.json")
FIND = {"find_rate": True, "scenario": Scenario.SERVER, "target_latency_ms": 5}


def test_defaults_are_read_from_the_class() -> None:
    assert BenchOptions(models=("a",)).runs == BenchOptions.runs == 8


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"models": ()}, "MODEL"),
        ({"batch_sizes": (0,)}, "--batch-size"),
        ({"batch_sizes": (8, 8)}, "--batch-size"),
        ({"threads": (-1,)}, "--threads"),
        ({"threads": (1025,)}, "--threads"),
        ({"seed": -1}, "--seed"),
        ({"threads": (2, 2)}, "--threads"),
        ({"devices": ("cpu", "cpu")}, "--device"),
        ({"duration_s": 0}, "--duration"),
        ({"duration_s": float("nan")}, "--duration"),
        ({"duration_s": float("inf")}, "--duration"),
        ({"warmup_s": -1}, "--warmup"),
        ({"min_queries": 0}, "--min-queries"),
        ({"runs": 0}, "--runs"),
        ({"streams": 0}, "--streams"),
        ({"streams": 4}, "--streams"),
        ({"remeasure": False}, "--no-remeasure"),
        ({"across_machines": True}, "--across-machines"),
        ({"percentile": 0}, "--percentile"),
        ({"percentile": 100}, "--percentile"),
        ({"percentile": float("nan")}, "--percentile"),
        ({"rate_qps": 10}, "--rate"),
        ({"arrivals": Arrivals.POISSON}, "--arrivals"),
        ({"scenario": Scenario.SERVER}, "--scenario server"),
        ({"scenario": Scenario.SERVER, "rate_qps": 0}, "--rate"),
        ({"scenario": Scenario.SERVER, "rate_qps": float("inf")}, "--rate"),
        ({"target_latency_ms": 0}, "--target-latency"),
        ({"target_latency_ms": 1, "scenario": Scenario.OFFLINE}, "--target-latency"),
        ({"max_regression_pct": 5}, "--max-regression"),
        ({"max_regression_pct": -5, "baseline": BASE}, "--max-regression"),
        ({"baseline": BASE, "runs": 1}, "--runs"),
        ({"precision_pct": 0}, "--precision-pct"),
        ({"precision_pct": float("nan")}, "--precision-pct"),
        ({"precision_pct": 1, "runs": 1}, "--runs"),
        ({"pictures": ("a.png",)}, "--pictures"),
        ({"scenario": Scenario.PIPELINE, "transfer": Transfer.BOUND_COPIES}, "--transfer"),
        ({"cuda_graph": True}, "--cuda-graph"),
        ({"find_rate": True}, "--find-rate"),
        ({"find_rate": True, "scenario": Scenario.SERVER}, "--find-rate"),
        ({**FIND, "rate_qps": 10}, "--find-rate"),
        ({**FIND, "baseline": BASE}, "--find-rate"),
    ],
)
def test_what_makes_no_sense_is_refused_and_names_its_flag(
    options_of: Callable[..., BenchOptions], fields: dict[str, object], flag: str
) -> None:
    with pytest.raises(UsageError) as caught:
        options_of(**fields)
    assert caught.value.where == flag


def test_what_has_its_partner_is_taken(options_of: Callable[..., BenchOptions]) -> None:
    assert options_of(streams=4, scenario=Scenario.MULTI_STREAM).streams == 4
    assert not options_of(remeasure=False, baseline=BASE).remeasure
    assert options_of(across_machines=True, baseline=BASE).across_machines


def test_a_rate_to_be_found_needs_no_rate(options_of: Callable[..., BenchOptions]) -> None:
    assert options_of(**FIND).rate_qps is None
