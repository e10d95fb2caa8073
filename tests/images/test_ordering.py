import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.images import ordering
from toolkit.images.ordering import in_order

NAMES = st.lists(st.text(st.characters(codec="utf-8"), max_size=6) | st.just("\udc80\udcff.png"), max_size=60)


@given(names=NAMES, limit=st.integers(1, 70), block=st.integers(1, 9))
def test_names_come_sorted_however_many_fit_in_memory(names: list[str], limit: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "NAMES_IN_MEMORY", limit)
        patch.setattr(ordering, "NAMES_PER_BLOCK", block)
        blocks = list(in_order(iter(names)))
    assert [name for each in blocks for name in each] == sorted(names)
    assert all(0 < len(each) <= block for each in blocks)
