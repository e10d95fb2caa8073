import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from toolkit.export.pictures import generated_pictures


@given(st.integers(1, 50), st.integers(1, 50))
def test_generated_pictures_cover_the_whole_range_at_any_size(height: int, width: int) -> None:
    pictures = generated_pictures(height, width)
    assert (pictures.dtype, pictures.shape[1:]) == (np.uint8, (height, width, 3))
    assert (pictures.min(), pictures.max()) == (0, 255)
    assert np.array_equal(pictures, generated_pictures(height, width))
