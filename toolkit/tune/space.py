"""What a recipe lets a search try."""

from collections.abc import Callable
from typing import Any

from toolkit.errors import UsageError
from toolkit.train.recipe import Recipe, Search, Span

TEACHERS = ("teacher_weight", "temperature", "views")  # settings that mean nothing without one


def space_of(recipe: Recipe, fixed: tuple[str, ...], *, has_teacher: bool) -> Search:
    """Return where to search.

    Args:
        recipe: what declares it.
        fixed: NAME=VALUE of settings that are not searched.
        has_teacher: whether there is a model to learn from.

    Raises:
        UsageError: nothing is left to search.
    """
    names = {text.partition("=")[0].strip().replace("-", "_") for text in fixed}
    names |= set() if has_teacher else set(TEACHERS)
    space = {name: values for name, values in recipe.search.items() if name not in names}
    if not space:
        raise UsageError(
            f"the recipe {recipe.name} declares nothing to search"
            if not recipe.search
            else "every setting is fixed",
            where="toolkit tune",
            remedy="choose a recipe with a search space" if not recipe.search else "leave a --set out",
        )
    return space


def described(space: Search) -> str:
    """Say in words what is searched."""
    parts = []
    for name, values in space.items():
        if isinstance(values, Span):
            parts.append(f"{name} {values.low:g} to {values.high:g}{', logarithmic' if values.log else ''}")
        else:
            parts.append(f"{name} {' or '.join(f'{value}' for value in values)}")
    return "; ".join(parts)


def suggested(space: Search, ask: Any) -> dict[str, Any]:
    """Ask a trial of Optuna for a value of each setting.

    Args:
        space: where to search.
        ask: an `optuna.Trial`.
    """
    suggest: dict[bool, Callable[..., Any]] = {True: ask.suggest_float, False: ask.suggest_categorical}
    return {
        name: suggest[True](name, values.low, values.high, log=values.log)
        if isinstance(values, Span)
        else suggest[False](name, list(values))
        for name, values in space.items()
    }
