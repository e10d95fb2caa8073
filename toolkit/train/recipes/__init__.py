"""Recipes, one file each, found by name. This is the one package that lists what is in it.

paper_cnn  the paper's network and training, exactly
"""

import difflib
import importlib
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.train.recipe import Recipe

NAMES = ("paper-cnn",)


def find_recipe(name: str) -> "Recipe":
    """Return a recipe by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(f"no recipe '{name}'", where="RECIPE", remedy=f"{hint}see: toolkit train --list")
    module = importlib.import_module(f"toolkit.train.recipes.{name.replace('-', '_')}")
    recipe: Recipe = module.RECIPE
    return recipe
