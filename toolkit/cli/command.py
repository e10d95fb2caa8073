"""A command of the parser's, stricter about values and less about files than it is by itself."""

from typing import Any

from typer.core import TyperCommand

from toolkit.errors import UsageError


class Command(TyperCommand):
    """Refuses empty values, and leaves it to the jobs to say which file can't be read.

    An empty value is mostly a variable that isn't set (`--sort-into "$FOLDER"`), and as a path it would mean the
    working folder.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line of this command.

        Raises:
            UsageError: the value of an option is empty.
        """
        for param in self.params:
            if hasattr(param.type, "readable"):
                param.type.readable = False
        if not ctx.resilient_parsing:  # the shell asks what could come next: nothing is wrong yet
            self._refuse_empty(self.make_parser(ctx).parse_args(args=list(args))[0])
        return super().parse_args(ctx, args)

    def _refuse_empty(self, given: dict[str, Any]) -> None:
        if given.get("help"):
            return
        for param in self.params:
            value = given.get(param.name or "")
            if param.param_type_name == "option" and (
                "" in value if isinstance(value, list) else value == ""
            ):
                raise UsageError(
                    "an empty value",
                    where=max(param.opts, key=len),
                    remedy="leave the option out, or look at the variable it is from",
                )
