"""KEY=VALUE for a provider: a misspelt one is refused with the nearest name that there is."""

import pytest

from toolkit.errors import UsageError
from toolkit.runtime.provider_options import KNOWN, check_provider_options, parse_provider_options

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def test_options_are_pairs_and_a_value_may_hold_an_equals_sign() -> None:
    pairs = parse_provider_options(["use_tf32=0", "path=a=b", "empty="])
    assert pairs == {"use_tf32": "0", "path": "a=b", "empty": ""}


@pytest.mark.parametrize("option", ["use_tf32", "=0", ""])
def test_an_option_without_key_or_equals_sign_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="not KEY=VALUE"):
        parse_provider_options([option])


def test_an_option_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="use_tf32 is given twice"):
        parse_provider_options(["use_tf32=0", "use_tf32 = 1"])


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("usetf32", "use_tf32"),
        ("cudnn_conv_algo", "cudnn_conv_algo_search"),
        ("cuda_mem_limit", "gpu_mem_limit"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_one_that_was_meant(misspelt: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"{CUDA} has no option {misspelt} .*did you mean {meant}\?"):
        check_provider_options({misspelt: "0"}, [CUDA])


def test_an_option_that_resembles_none_is_refused() -> None:
    with pytest.raises(UsageError, match="leave it out"):
        check_provider_options({"zzz": "0"}, [CUDA])
    with pytest.raises(UsageError, match=f"{CPU} has no option use_tf32"):
        check_provider_options({"use_tf32": "0"}, [CPU])
    with pytest.raises(UsageError, match=f"{CUDA} and {CPU} have no option zzz"):
        check_provider_options({"zzz": "0"}, [CUDA, CPU])


def test_auto_takes_an_option_of_any_provider_that_it_may_choose() -> None:
    check_provider_options({"use_tf32": "0"}, [CUDA, CPU])


@pytest.mark.parametrize("provider", sorted(KNOWN))
def test_every_known_option_is_accepted(provider: str) -> None:
    check_provider_options(dict.fromkeys(KNOWN[provider], "0"), [provider])


@pytest.mark.parametrize("option", ["trt_load_user_initializer", "trt_preview_features"])
def test_options_that_the_library_has_and_its_page_leaves_out_are_accepted(option: str) -> None:
    check_provider_options({option: "1"}, ["TensorrtExecutionProvider"])


def test_a_provider_whose_options_are_not_listed_takes_any() -> None:
    check_provider_options({"anything": "1"}, ["NewExecutionProvider"])
