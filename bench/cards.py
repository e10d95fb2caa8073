"""The model cards in exported/README.md, made of the run's own record and of what the scripts here measured."""

import json
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evidence import ROOT, figures_of, read
from shipped_latency import WITH, WITHOUT

from toolkit.models.card import Card
from toolkit.models.catalog import catalog
from toolkit.models.mirror import MIRROR_KEY
from toolkit.train.options import TrainOptions
from toolkit.train.recipes import find_recipe
from toolkit.wording import count

EXPORTED = ROOT / "exported"


def card(name: str) -> str:
    """Return the card of a family: a run and the files that were exported from it.

    Args:
        name: of the run folder; the files are NAME.onnx and NAME-*.onnx.
    """
    run = _record(EXPORTED / name)
    files = {
        model.name: model.card
        for model in catalog()
        if model.name == name or model.name.removeprefix(name) in ("-int8", "-fp16")
    }
    row = over_seeds([run, *(_record(folder) for folder in sorted(EXPORTED.glob(f"{name}-seed*")))])
    parts = [
        commands(name, run, files),
        facts(run, row),
        figures(name, files),
        classes(files),
        damaged(files),
    ]
    return "\n\n".join([*parts, limits(run)])


def commands(name: str, run: dict[str, Any], files: dict[str, Card]) -> str:
    """Return the commands that made the files, as a block."""
    data, shown = run["data_argument"], ["--data-name", run["data"]]
    start = ["--from", run["start"]["model"]] if run.get("start") else []
    teacher = [part for model in teachers(run) for part in ("--teacher", model)]
    split = run["settings"]["validation_split"]
    held_out = [] if split == TrainOptions.validation_split else ["--validation-split", f"{split:g}"]
    seed = ["--seed", str(run["seed"])] if run["seed"] else []
    options = [*start, *teacher, *held_out, *given(run), *changed(run), *seed]
    lines = [["toolkit", "train", run["recipe"], "--data", data, "-o", name, *options]]
    for file, found in sorted(files.items(), key=lambda pair: len(pair[0])):
        precision = [] if found.precision == "fp32" else ["--precision", found.precision]
        calibration = ["--calibration", data] if found.precision == "int8" else []
        mirror = ["--mirror"] if MIRROR_KEY in found.extra else []
        options = [*mirror, *precision, *calibration, "--verify", data]
        lines.append(["toolkit", "export", name, "-o", f"{file}.onnx", *options])
    return "\n".join(["```sh", *(_folded([*line, *shown]) for line in lines), "```"])


def teachers(run: dict[str, Any]) -> list[str]:
    """Return the models that a run learnt from."""
    return (run.get("teacher") or {}).get("models", [])


def given(run: dict[str, Any]) -> list[str]:
    """Return the options about the pictures that were given; older records lack all but the limit."""
    asked, limit = run.get("given", {}), run["settings"].get("limit")
    size, weighs = asked.get("image_size"), asked.get("class_weights")
    parts = ["--image-size", str(size)] if size is not None else []
    parts += ["--limit", str(limit)] if limit is not None else []
    parts += ["--skip-broken"] if run.get("skip_broken") else []
    return parts + ([] if weighs is None else ["--class-weights" if weighs else "--no-class-weights"])


def changed(run: dict[str, Any]) -> list[str]:
    """Return the options by which a run differed from its recipe."""
    defaults = asdict(find_recipe(run["recipe"]).defaults)
    taught = () if run.get("teacher") else ("teacher_weight", "views")  # off without a teacher
    return [
        part
        for key, value in defaults.items()
        if key not in taught and run["settings"].get(key, value) != value
        for part in ("--set", f"{key}={run['settings'][key]}")
    ]


def over_seeds(runs: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """Return the row on what the seed makes of a run's accuracy; None where there is one run only.

    Args:
        runs: records of finished runs that differ in nothing but the seed.
    """
    if len(runs) < 2:
        return None
    same = ("recipe", "settings", "data_digest", "teacher", "finished")
    if odd := [key for key in same if any(run.get(key) != runs[0].get(key) for run in runs)]:
        raise SystemExit(f"error: the runs of other seeds differ in {odd[0]} (exported/): train them alike")
    found = [100 * run["test_accuracy"] for run in runs]
    seeds = ", ".join(str(run["seed"]) for run in runs)
    text = (
        f"{statistics.mean(found):.2f} ± {statistics.stdev(found):.2f} (mean and sample standard deviation)"
    )
    return f"test accuracy % over seeds {seeds}", text


def facts(run: dict[str, Any], seeds: tuple[str, str] | None = None) -> str:
    """Return the table of facts about the training run, with a row on other seeds where there is one."""
    settings, versions = run["settings"], run["versions"]
    held_out = f", {run['validation_pictures']:,} held out" if run["validation_pictures"] else ""
    rows = [
        ("recipe", f"`{run['recipe']}`: {settings['epochs']} epochs, {settings['optimizer']}, learning rate"
                   f" {settings['learning_rate']:g}, batch {settings['batch_size']}, seed {run['seed']}"),
        ("trained on", f"{run['train_pictures']:,} pictures of the train split of {run['data']}{held_out};"
                       f" digest `{run['data_digest'][:16]}…`"),
        ("parameters", f"{run['parameters']:,}"),
        ("duration", duration(run["duration_s"], run.get("cores"))),
        ("made with", f"TensorFlow {versions['tensorflow']}, Keras {versions['keras']}, Python {versions['python']}"),
    ]  # fmt: skip
    if taught := teachers(run):
        rows.insert(1, ("teacher", ", ".join(f"`{Path(model).stem}`" for model in taught)))
    if run.get("calibration_temperature"):
        text = f"temperature {run['calibration_temperature']:.3f}, fitted on the held-out pictures, in the last layer"
        rows.append(("probabilities", text))
    if seeds:
        rows.append(seeds)
    return _table(["", ""], rows, "--")


def duration(seconds: float, cores: int | None) -> str:
    """Return how long a training took, in words, and on how many cores where that is known."""
    text = f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} minutes"
    return text if cores is None else f"{text} on {count(cores, 'core')}"


def figures(name: str, files: dict[str, Card]) -> str:
    """Return the table of what each file is worth and how long it takes."""
    accuracy = read("shipped_accuracy")["figures"]
    latencies = [figures_of(record) for record in (WITH, WITHOUT)]
    rows = []
    for file, found in sorted(files.items(), key=lambda pair: len(pair[0])):
        row = accuracy[file]
        low, high = (100 * end for end in row["accuracy_ci95"])
        rows.append(
            [f"`{file}.onnx`", found.precision, f"{100 * row['accuracy']:.2f} ({low:.2f} to {high:.2f})",
             f"{row['loss']:.3f}", f"{100 * row['calibration_error']:.2f}",
             *(f"{times[file]['relative']:.2f}×" if file in times else "–" for times in latencies),
             f"{(EXPORTED / f'{file}.onnx').stat().st_size / 1e6:.1f}"]
        )  # fmt: skip
    head = ["file", "precision", "accuracy %", "loss", "calibration error %", "latency", "without VNNI", "MB"]
    text = _table(head, rows, "--rrrrrr")
    first = accuracy[name]
    return (
        f"On {first['data']}, {first['split']} split, {first['pictures']:,} pictures, with 95 % intervals; latency of"
        f" one picture on one thread against paper-cnn, on processors with VNNI and without:\n\n{text}"
    )


def classes(files: dict[str, Card]) -> str:
    """Return the table of accuracy by class."""
    accuracy = read("shipped_accuracy")["figures"]
    names = sorted(files, key=len)
    columns = [[100 * row["recall"] for row in accuracy[name]["classes"]] for name in names]
    labels = [row["label"] for row in accuracy[names[0]]["classes"]]
    rows = [[label, *(f"{values[i]:.1f}" for values in columns)] for i, label in enumerate(labels)]
    return _table(["accuracy % by class", *names], rows, "-" + "r" * len(names))


def damaged(files: dict[str, Card]) -> str:
    """Return the table of accuracy on damaged pictures, of the fastest file."""
    name = max(files, key=len)
    kinds: dict[str, list[str]] = {}
    for row in read("shipped_accuracy")["figures"][name]["robustness"]:
        level = f"{row['level']:g} {row['unit']}".rstrip()
        kinds.setdefault(row["kind"], []).append(f"{100 * row['accuracy']:.1f} ({level})")
    width = max(len(cells) for cells in kinds.values())
    rows = [[kind, *cells, *[""] * (width - len(cells))] for kind, cells in kinds.items()]
    head = [f"`{name}` on damaged pictures", "mildest", *[""] * (width - 2), "worst"]
    return _table(head, rows, "-" + "r" * width)


def limits(run: dict[str, Any]) -> str:
    """Return the sentence on what the model doesn't know."""
    height, width = run["settings"]["image_size"]
    return (
        f"Known limits: these {len(run['classes'])} classes and no others (a picture of something else gets one of"
        f" them too); pictures are brought to {width}×{height} pixels; trained on {run['data']}, so pictures of"
        " another kind are recognised less often."
    )


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> str:
    rule = [{"-": "---", "r": "---:"}[side] for side in sides]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _folded(words: list[str]) -> str:
    """Quote a command, and break it before 100 columns."""
    lines, line = [], ""
    for word in map(shlex.quote, words):
        if line and len(line) + len(word) > 98:
            lines.append(f"{line} \\")
            line = "   "
        line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])
