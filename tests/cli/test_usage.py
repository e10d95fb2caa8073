"""What the parser says becomes our words, whichever generation of it is installed."""

from types import SimpleNamespace

import pytest

from toolkit.cli.usage import usage_error

COMMANDS = ("bench", "classify")


def raised(arguments: list[str]) -> Exception:
    """What click raises, which typer was built on for years, and whose messages are not those of today's."""
    click = pytest.importorskip("click")

    @click.command()
    @click.option("--queries", "-n", type=int)
    @click.option("--rate", type=float)
    @click.option("--kind", type=click.Choice(["one", "two", "three"]))
    def command(queries: int, rate: float, kind: str) -> None:
        pass

    with pytest.raises(click.exceptions.UsageError) as caught:
        command(args=arguments, prog_name="toolkit", standalone_mode=False)
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-n", "x"], "'x' is not a whole number (--queries): use digits only; see toolkit bench --help"),
        (["--queries", "it's"], "'it's' is not a whole number (--queries)"),
        (["--rate", ""], "'' is not a number (--rate): use digits and a decimal point, as in 2.5"),
        (["--kind", "tow"], "'tow' is not a choice (--kind): did you mean 'two'? use one, two or three"),
        (["--kind", "it's"], "'it's' is not a choice (--kind): use one, two or three"),
        (["--rate"], "'--rate' requires an argument (toolkit bench): see toolkit bench --help"),
    ],
)
def test_an_older_parser_is_understood_too(arguments: list[str], told: str) -> None:
    assert told in str(usage_error(raised(arguments), ["bench", *arguments], COMMANDS))


def test_what_is_not_understood_is_passed_on_as_it_is() -> None:
    error = SimpleNamespace(format_message=lambda: "Something\nelse.", message="", param=None)
    assert str(usage_error(error, ["x"], COMMANDS)) == "Something else (toolkit): see toolkit --help"
