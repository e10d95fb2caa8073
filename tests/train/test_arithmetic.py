from dataclasses import replace
from pathlib import Path

import pytest
from training import PLAIN, Lines

from toolkit.train.arithmetic import obtained
from toolkit.train.recipe import Arithmetic

FAST = replace(PLAIN, arithmetic=Arithmetic.BFLOAT16)


@pytest.mark.parametrize("features", ["avx2 avx512f avx512_bf16", "avx2 amx_bf16 amx_tile"])
def test_bfloat16_is_used_where_the_processor_has_it(tmp_path: Path, features: str) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : fpu {features}\n")
    seen = Lines()
    assert obtained(FAST, seen, tmp_path / "cpuinfo") == FAST
    assert seen.lines == []


@pytest.mark.parametrize("text", ["flags : fpu avx2 avx512f\n", None])
def test_elsewhere_it_is_float32_and_said_so(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    seen = Lines()
    assert obtained(FAST, seen, tmp_path / "cpuinfo") == PLAIN
    assert len(seen.lines) == 1
    assert obtained(PLAIN, seen, tmp_path / "cpuinfo") == PLAIN
    assert len(seen.lines) == 1
