import pytest

from toolkit.errors import ExitCode, UsageError
from toolkit.evaluate.options import EvaluateOptions


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"split": "tset"}, "--split"),
        ({"top_k": 0}, "--top-k"),
        ({"batch_size": 0}, "--batch-size"),
        ({"limit": 0}, "--limit"),
        ({"min_accuracy": 70}, "--min-accuracy"),
        ({"min_accuracy": -0.1}, "--min-accuracy"),
        ({"min_accuracy": float("nan")}, "--min-accuracy"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_a_value_out_of_range_is_wrong_usage_and_names_its_flag(options, flag):
    with pytest.raises(UsageError, match=flag) as caught:
        EvaluateOptions(data="data", **options)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_misspelt_split_gets_the_nearest_one_proposed():
    with pytest.raises(UsageError, match="did you mean 'test'"):
        EvaluateOptions(data="data", split="tset")


@pytest.mark.parametrize("gate", [0, 1, 0.5])
def test_the_ends_of_the_range_are_allowed_gates(gate):
    assert EvaluateOptions(data="data", min_accuracy=gate).min_accuracy == gate
