"""What `--normalize` says, named or by mean and deviation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.preprocess.normalization import IMAGENET, MINUS1TO1, NAMED, NONE, UNIT, Normalization, parse
from toolkit.preprocess.transforms import normalize

CIFAR = "mean=0.4914,0.4822,0.4465,std=0.2470,0.2435,0.2616"


@pytest.mark.parametrize(
    ("how", "black", "white"),
    [
        (NONE, (0, 0, 0), (255, 255, 255)),
        (UNIT, (0, 0, 0), (1, 1, 1)),
        (MINUS1TO1, (-1, -1, -1), (1, 1, 1)),
        (IMAGENET, (-2.117904, -2.035714, -1.804444), (2.248908, 2.428571, 2.640000)),
        (parse(CIFAR), (-1.989474, -1.980287, -1.706804), (2.059109, 2.126489, 2.115826)),
        (parse("mean=0.5,std=0.25"), (-2, -2, -2), (2, 2, 2)),
        (parse("mean=0.2, 0.3, 0.4, std=0.5"), (-0.4, -0.6, -0.8), (1.6, 1.4, 1.2)),
    ],
)
def test_black_and_white_become_the_ends_of_the_range(
    how: Normalization, black: tuple[float, ...], white: tuple[float, ...]
) -> None:
    ends = np.array([[[[0] * 3, [255] * 3]]], np.uint8)
    normalized = normalize(ends, how)
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized[0, 0], [black, white], atol=1e-5)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_name_means_its_range_and_is_said_back(name: str) -> None:
    assert parse(name) is NAMED[name]
    assert parse(name).name == name


def test_imagenet_said_in_numbers_is_imagenet() -> None:
    said = parse("mean=0.485,0.456,0.406,std=0.229,0.224,0.225")
    np.testing.assert_allclose([said.scale, said.shift], [IMAGENET.scale, IMAGENET.shift])


UNITS = st.floats(0, 1).map(lambda value: round(value, 6))


@given(mean=st.tuples(UNITS, UNITS, UNITS), std=st.tuples(*[st.floats(0.001, 1)] * 3))
def test_any_mean_and_deviation_are_taken_and_said_back_whole(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    text = f"mean={','.join(map(repr, mean))},std={','.join(map(repr, std))}"
    said = parse(text)
    assert parse(said.name) == said
    batch = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 1, 256, 3)
    expected = (batch / 255 - mean) / std
    np.testing.assert_allclose(normalize(batch, said), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fancy", "'fancy' is not a choice"),
        ("", "'' is not a choice"),
        ("mean=0.5", "'mean=0.5' is not a choice"),
        ("std=0.5,mean=0.5", "is not a choice"),
        ("mean=0.5,0.5,std=0.5", "mean has 2 numbers"),
        ("mean=0.5,0.5,0.5,0.5,std=0.5", "mean has 4 numbers"),
        ("mean=0.5,std=0.5,0.5", "std has 2 numbers"),
        ("mean=0.5,std=0.5,", "'' is not a number"),
        ("mean=0.5,std=half", "'half' is not a number"),
        ("mean=0.5,std=", "'' is not a number"),
        ("mean=125.3,123,113.9,std=63,62.1,66.7", "mean 125.3 is out of range"),
        ("mean=0.5,std=63", "std 63 is out of range"),
        ("mean=0.5,std=0", "std 0 is out of range"),
        ("mean=-0.1,std=0.5", "mean -0.1 is out of range"),
        ("mean=nan,std=0.5", "mean nan is out of range"),
        ("mean=0.5,std=inf", "std inf is out of range"),
    ],
)
def test_anything_else_is_one_clear_refusal(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert reason in caught.value.what
    assert caught.value.where == "--normalize"
    assert "mean=R,G,B,std=R,G,B" in caught.value.remedy
    assert "0 to 1" in caught.value.remedy
