"""Recipes, one file each, found by name. This is the one package that lists what is in it.

paper_cnn  the paper's network and training, exactly
edge_s     as quick as the paper's network
edge_m     at most four times its latency
edge_l     the most accurate that two cores train in one sitting
fine_tune  go on from a trained model with other classes
"""

import difflib
import importlib
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.train.recipe import Recipe

NAMES = ("paper-cnn", "edge-s", "edge-m", "edge-l", "fine-tune")


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
