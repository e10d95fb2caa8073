from pathlib import Path
from typing import Any

import pytest

from toolkit.classify.options import ClassifyOptions
from toolkit.errors import UsageError


def options(**changes: Any) -> ClassifyOptions:
    return ClassifyOptions(**{"paths": ("a.png",), "model": "m.onnx", **changes})


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"paths": ()}, "PATH"),
        ({"paths": ("-", "-")}, "PATH"),
        ({"top_k": 0}, "--top-k"),
        ({"batch_size": 0}, "--batch-size"),
        ({"batch_size": "8"}, "--batch-size"),
        ({"top_k": 1.5}, "--top-k"),
        ({"threads": 0}, "--threads"),
        ({"max_pixels": 0}, "--max-pixels"),
        ({"workers": 0}, "--workers"),
        ({"min_confidence": 1.5}, "--min-confidence"),
        ({"min_confidence": float("nan")}, "--min-confidence"),
        ({"output": Path("out.xlsx")}, "--output out.xlsx"),
        ({"output": Path("out")}, "--output out"),
        ({"output": Path("a.csv"), "report": Path("a.csv")}, "--report"),
        ({"engine": "spark"}, "--engine"),
        ({"engine": "ray", "device": "cuda"}, "--device cuda"),
        ({"ray_address": "host:1"}, "--ray-address"),
        ({"engine": "ray", "ray_address": "host"}, "--ray-address host"),
        ({"engine": "ray", "ray_address": "host:65536"}, "--ray-address host:65536"),
        ({"engine": "ray", "ray_address": "http://host:1"}, "--ray-address http://host:1"),
        ({"resume": True}, "--resume"),
        ({"keep_columns": True}, "--keep-columns"),
        ({"link": True}, "--link"),
        ({"resume": True, "force": True, "output": Path("a.csv")}, "--force"),
    ],
)
def test_a_value_that_makes_no_sense_or_is_not_there_yet_is_refused(
    changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(UsageError) as caught:
        options(**changes)
    assert caught.value.where == where


def test_what_the_contract_names_and_is_there_is_accepted() -> None:
    options(workers=4, engine="local", min_confidence=0.0, threads=1)
    for address in ("auto", "host.example:6379", "[::1]:6379", "ray://10.0.0.1:10001", None):
        options(engine="ray", ray_address=address)
    options(output=Path("a.csv"), resume=True, keep_columns=True, sort_into=Path("sorted"), link=True)


@pytest.mark.parametrize(
    ("output", "suffix"),
    [("a.csv", ".csv"), ("A.CSV", ".csv"), ("a.b.jsonl", ".jsonl"), ("/dev/stdout", ".csv")],
)
def test_the_ending_decides_the_format(output: str, suffix: str) -> None:
    assert options(output=Path(output)).output_format == suffix
    assert options().output_format is None


def test_an_empty_name_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="an empty name is no picture"):
        ClassifyOptions(paths=("a.jpg", ""), model="paper-cnn")
