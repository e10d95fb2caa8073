import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.inspect.extent import border_note, dropped, output_extent

small = st.integers(1, 30)


def positions(size: int, start: int, end: int, window: int, stride: int, dilation: int) -> list[list[int]]:
    """Which pixels each position of a sliding window sees, by walking it."""
    span = (window - 1) * dilation + 1
    return [[at + i * dilation for i in range(window)] for at in range(-start, size + end - span + 1, stride)]


@given(small, st.integers(0, 4), st.integers(0, 4), st.integers(1, 7), st.integers(1, 5), st.integers(1, 3))
def test_the_formula_counts_the_positions_of_a_walking_window(
    size: int, start: int, end: int, window: int, stride: int, dilation: int
) -> None:
    walked = positions(size, start, end, window, stride, dilation)
    assert output_extent(size, start + end, window, stride, dilation) == len(walked)


@given(small, st.integers(0, 4), st.integers(0, 4), st.integers(1, 7), st.integers(1, 5))
def test_what_is_dropped_is_what_lies_behind_the_last_window(
    size: int, start: int, end: int, window: int, stride: int
) -> None:
    walked = positions(size, start, end, window, stride, 1)
    last = max((max(seen) for seen in walked), default=-1)
    expected = size if not walked else max(0, size - 1 - last)
    assert dropped(size, start + end, window, stride, padding_end=end) == expected


@given(small, small, st.integers(1, 5))
def test_a_stride_of_one_and_a_pooling_that_divides_its_input_drop_nothing(
    size: int, window: int, factor: int
) -> None:
    if window <= size:
        assert dropped(size, 0, window, 1) == 0
    assert dropped(window * factor, 0, window, window) == 0


def test_the_papers_network() -> None:
    sizes = [32]
    for window, stride in ((3, 1), (2, 2), (3, 1), (2, 2), (3, 1)):
        sizes.append(output_extent(sizes[-1], 0, window, stride))
    assert sizes == [32, 30, 15, 13, 6, 4]
    assert dropped(30, 0, 2, 2) == 0
    assert dropped(13, 0, 2, 2) == 1


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        ((0, 0), ""),
        ((1, 1), "drops 1 row and 1 column at the border"),
        ((2, 0), "drops 2 rows at the border"),
        ((0, 3), "drops 3 columns at the border"),
        ((5,), "drops 5 positions at the border"),
        ((), ""),
    ],
)
def test_what_is_dropped_is_put_into_words(counts: tuple[int, ...], note: str) -> None:
    assert border_note(*counts) == note


def test_numpy_integers_are_fine() -> None:
    assert output_extent(np.int64(32), 0, 3, 1) == 30
