from engines.workers import Items
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engines.isolate import culprit


@given(bad=st.lists(st.booleans(), min_size=1, max_size=40), suspect=st.integers(-1, 45))
def test_the_item_found_is_one_that_kills_and_none_is_found_only_where_none_does(
    bad: list[bool], suspect: int
) -> None:
    shard = Items(tuple(bad))
    found = culprit(shard, suspect, lambda part: any(part.items), search=True)
    assert found is None if not any(bad) else bad[found or 0]
    if 0 <= suspect < len(bad) and bad[suspect]:
        assert found == suspect


def test_without_a_search_only_the_suspect_is_tried() -> None:
    tried = []

    def dies(part: Items) -> bool:
        tried.append(part.items)
        return False

    assert culprit(Items((0, 1, 2, 3)), 2, dies, search=False) is None
    assert tried == [(2,)]


def test_a_thousand_items_take_ten_trials_and_a_few() -> None:
    tried = []
    shard = Items(tuple(range(1024)))
    assert culprit(shard, -1, lambda part: tried.append(part) or 700 in part.items, search=True) == 700
    assert len(tried) <= 11
