"""The README is a test target: its commands run, its flags exist, its generated text is fresh."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit.cli.app import COMMANDS

ROOT = Path(toolkit.__file__).parents[1]
README = ROOT / "README.md"
PAGES = ("README.md", "exported/README.md", "bench/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
BLOCK = re.compile(r"<!-- run: (\S+) -->\n```(sh|python)\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(not README.is_file(), reason="not a checkout: the README is not installed")


def blocks() -> list[tuple[str, str, str]]:
    return BLOCK.findall(README.read_text(encoding="utf-8")) if README.is_file() else []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder in which only the pictures that the README names can be found."""
    (tmp_path / "toolkit" / "demo").mkdir(parents=True)
    (tmp_path / "toolkit" / "demo" / "photos").symlink_to(ROOT / "toolkit" / "demo" / "photos")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "language", "text"), blocks(), ids=lambda x: x if len(str(x)) < 20 else "text"
)
def test_a_marked_block_runs_word_for_word(name: str, language: str, text: str, folder: Path) -> None:
    if language == "python":
        (folder / "example.py").write_text(text, encoding="utf-8")
        # The folder itself is not on the path, or its `toolkit` would hide the package.
        command = [sys.executable, "-P", "example.py"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 20
        return
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    script = bin_folder / "toolkit"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m toolkit "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", text], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_that_has_json_has_its_keys_in_the_readme_and_they_are_those_of_the_program() -> None:
    text = README.read_text(encoding="utf-8").split("### What `--json` holds")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (\w+) \| (.*`.*) \|$", text, re.MULTILINE))
    assert list(rows) == list(COMMANDS)
    for command, cell in rows.items():
        folders = [ROOT / "toolkit" / folder for folder in (command, "cli", "stats", "models")]
        code = "".join(path.read_text(encoding="utf-8") for each in folders for path in each.rglob("*.py"))
        keys = set(re.findall(r"`(\w+)`", cell))
        unknown = {key for key in keys if f'"{key}"' not in code and f"    {key}: " not in code}
        assert unknown == set(), command


def test_the_names_in_the_section_on_files_are_those_of_the_program() -> None:
    text = README.read_text(encoding="utf-8").split("### What is in the files")[1].split("\n### ")[0]
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "toolkit").rglob("*.py"))
    names = set(re.findall(r"`([a-z_]+(?:\.[a-z0-9]+)?)`", text))
    assert "robustness.png" in names
    assert {each for each in names if f'"{each}"' not in code and f"    {each}: " not in code} == set()


def test_every_variable_of_our_own_is_in_the_readme() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "toolkit").rglob("*.py"))
    variables = set(re.findall(r'"(TOOLKIT_[A-Z0-9_]+)"', code))
    assert len(variables) == 3
    assert {each for each in variables if each not in README.read_text(encoding="utf-8")} == set()


def test_the_readme_has_blocks_that_are_run() -> None:
    assert {"classify", "bench", "inspect", "python"} <= {name for name, _, _ in blocks()}


def test_every_flag_that_the_readme_names_exists() -> None:
    # The last is git's.
    known = {"--version", "--traceback", "--install-completion", "--show-completion", "--depth"}
    for command in COMMANDS:
        text = subprocess.run(
            [sys.executable, "-m", "toolkit", command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        known |= set(re.findall(r"--[a-z][a-z-]+", text))
    named = set(
        re.findall(r"(?<![\w-])--[a-z][a-z-]+", README.read_text(encoding="utf-8").split("## Limits")[0])
    )
    assert named - known == set()


def test_every_command_is_in_the_readme_and_every_link_leads_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    assert [command for command in COMMANDS if command not in text] == []
    for page in PAGES:
        source = ROOT / page
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", source.read_text(encoding="utf-8")):
            assert (source.parent / target).exists(), (page, target)


def test_generated_text_is_fresh() -> None:
    pages = [page for page in PAGES if "[[[cog" in (ROOT / page).read_text(encoding="utf-8")]
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "-I", "bench", "--check", "-r", *pages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_digests_of_the_shipped_files_hold() -> None:
    from toolkit.files import sha256_of

    lines = (ROOT / "exported" / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    for name, digest in listed.items():
        assert sha256_of(ROOT / "exported" / name) == digest, name
    assert {path.name for path in (ROOT / "exported").glob("*.onnx")} <= set(listed)


def test_nothing_names_an_index_host_or_a_path_of_one_machine() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    parent = str(ROOT.parent)
    for name in tracked:
        path = ROOT / name
        if path.suffix not in {".py", ".md", ".toml", ".txt", ".json", ".csv", ""} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if name != "tests/docs/test_readme.py":
            assert "index-url" not in text, name
            assert "find-links" not in text, name
        if len(parent) > 1:
            assert f"{parent}/" not in text, name
