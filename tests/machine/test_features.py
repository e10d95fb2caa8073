"""Which processors need 7-bit weights."""

from pathlib import Path

import pytest

from toolkit.machine.features import cpu_features, int8_sums_saturate, vector_features


def described(tmp_path: Path, line: str) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: Some CPU\n{line}\n\nprocessor\t: 1\n")
    return path


@pytest.mark.parametrize(
    ("machine", "line", "saturates"),
    [
        ("x86_64", "flags\t\t: fpu avx2 avx512f avx512_vnni", False),
        ("x86_64", "flags\t\t: fpu avx2 avx_vnni", False),
        ("AMD64", "flags\t\t: fpu avx2 avx512f", True),
        ("x86_64", "flags\t\t: sse2", True),
        ("aarch64", "Features\t: fp asimd", False),
        ("arm64", "Features\t: fp asimd asimddp", False),
    ],
)
def test_x86_without_a_dot_product_saturates(
    machine: str, line: str, saturates: bool, tmp_path: Path
) -> None:
    assert int8_sums_saturate(machine, described(tmp_path, line)) is saturates


def test_an_x86_processor_that_tells_nothing_is_taken_for_an_old_one(tmp_path: Path) -> None:
    assert int8_sums_saturate("x86_64", tmp_path / "missing")
    assert cpu_features(tmp_path / "missing") is None


def test_features_are_those_of_the_first_processor(tmp_path: Path) -> None:
    assert cpu_features(described(tmp_path, "flags\t\t: a b c")) == {"a", "b", "c"}


def test_vector_features_keep_their_own_order_and_leave_the_rest_out(tmp_path: Path) -> None:
    line = "flags\t\t: fpu avx512_vnni sse2 avx2 avx512f"
    assert vector_features(described(tmp_path, line)) == ["avx2", "avx512f", "avx512_vnni"]
    assert vector_features(tmp_path / "missing") is None
