import errno
import io
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ToolkitError
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


def test_a_full_disk_for_temporary_files_is_no_error_of_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    monkeypatch.setattr(ordering, "NAMES_IN_MEMORY", 2)
    with pytest.raises(
        ToolkitError, match="a temporary file can't be written: No space left on device"
    ) as caught:
        list(in_order(["a", "b", "c"]))
    assert caught.value.where == tempfile.gettempdir()
    assert "TMPDIR" in str(caught.value.remedy)
