"""A reader finds every feature from the folder names: the rules of the layout."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import toolkit
from toolkit.cli.app import COMMANDS

ROOT = Path(toolkit.__file__).parent
MODULES = sorted(p for p in ROOT.rglob("*.py"))
LONGEST = 250  # lines of a module; above it is split

NAMES_THAT_SAY_NOTHING = {
    "utils.py",
    "util.py",
    "helpers.py",
    "helper.py",
    "common.py",
    "misc.py",
    "manager.py",
}


def test_every_command_has_a_file_in_cli_and_a_folder_of_its_own() -> None:
    for command in COMMANDS:
        assert (ROOT / "cli" / f"{command}.py").is_file()
        assert (ROOT / command).is_dir()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_short_and_its_name_says_what_is_inside(path: Path) -> None:
    assert path.name not in NAMES_THAT_SAY_NOTHING
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name == "__init__.py"], ids=lambda p: str(p.parent.relative_to(ROOT))
)
def test_a_folder_lists_its_modules_and_imports_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    names = {p.stem for p in path.parent.glob("*.py")} - {"__init__", "__main__"}
    names |= {p.parent.name for p in path.parent.glob("*/__init__.py")}
    # A line begins with a name; where one description does for several names, two spaces stand before it.
    entries = [line.strip().split("  ") for line in text.splitlines()]
    words = [word for first, *rest in entries for word in (first.split() if rest else first.split()[:1])]
    listed = {re.sub(r"\.py$|[/,]", "", word) for word in words}
    assert sorted(names - listed) == []
    if path.parent.name != "recipes":
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert [ast.unparse(node) for node in top if "typing" not in ast.unparse(node)] == []


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if p.name in ("options.py", "result.py") and p.parent.name != "cli"],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_options_and_results_load_no_engine(path: Path) -> None:
    allowed = {"toolkit", "numpy"} if path.name == "result.py" else {"toolkit"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.split(".")[0]
            assert top in allowed or top in __import__("sys").stdlib_module_names, name


@pytest.mark.parametrize("path", sorted((ROOT / "stats").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_every_formula_names_its_source(path: Path) -> None:
    module = importlib.import_module(f"toolkit.stats.{path.stem}")
    functions = [
        f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__
    ]
    public = [f for f in functions if not f.__name__.startswith("_")]
    assert public
    assert [f.__name__ for f in public if "Source:" not in (f.__doc__ or "")] == []


def test_array_arguments_have_a_dtype_and_a_shape_in_the_docstring() -> None:
    missing = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            takes_arrays = any(
                a.annotation is not None
                and any(w in ast.unparse(a.annotation) for w in ("NDArray", "Pixels"))
                for a in (*node.args.args, *node.args.kwonlyargs)
            )
            text = ast.get_docstring(node) or ""
            if takes_arrays and "[" not in text:
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert missing == []
