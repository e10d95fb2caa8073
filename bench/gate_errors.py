"""Claim: how often the regression gate of `toolkit bench` fails an unchanged model, and misses 5 % and 10 % more work.

Runs the real command again and again, each time with `--baseline` (the record of an earlier run of the shipped
paper-cnn) and `--max-regression`, and counts exit codes:
  same       the very file of the baseline, against the record: what changes is the machine. A 4 is a false alarm.
  copy       another file of the same model, so that the baseline's is measured again in turns. A 4 is a false alarm.
  slower-5   a copy with nodes added that change no result and take about 5 % longer. A 0 is a miss.
  slower-10  the same with about 10 %.
How much longer they really take is measured by turns in one process. Every record is kept, so that each can be
compared with every other one, across minutes and hours, as `--no-remeasure` would.

    python bench/gate_errors.py --records FOLDER --minutes 7     adds runs to those that are in FOLDER already
    python bench/gate_errors.py --records FOLDER --minutes 0     only counts
"""

import argparse
import json
import math
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from evidence import ROOT, write
from onnx import helper

from toolkit.bench.compare import verdict
from toolkit.bench.record import read_record
from toolkit.bench.stored_rounds import rounds_of
from toolkit.bench.summary import medians_of
from toolkit.models.catalog import shipped_models
from toolkit.runtime.race import race

MODEL = "paper-cnn"
LIMIT_PCT = 2.0  # of the gate that the command is given
LIMITS_PCT = (0.0, 2.0, 5.0)  # counted again from the records
TARGETS = {"slower-5": 1.05, "slower-10": 1.10}
CYCLE = ("same", "copy", "copy", "slower-5", "same", "copy", "copy", "slower-10")
OPTIONS = shlex.split("--device cpu --threads 1 --duration 0.8 --warmup 0.1 --runs 8 --quiet")
RACE_ROUNDS = 120
TRIAL_NODES = 40
GATE_MISSED = 4


def with_nodes(source: Path, nodes: int, target: Path) -> None:
    """Copy a model with nodes added at its end that take time and change nothing."""
    model = onnx.load(source)
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["slowed_0" if name == output else name for name in node.output]
    for number in range(nodes):
        # Probabilities are never negative, and ONNX Runtime doesn't fold an Abs of an Abs.
        last = output if number == nodes - 1 else f"slowed_{number + 1}"
        model.graph.node.append(helper.make_node("Abs", [f"slowed_{number}"], [last]))
    onnx.save(model, target)


def slowed_models(folder: Path) -> dict[str, dict[str, Any]]:
    """Make the slower copies once, with as many nodes as it takes; say how much longer they take."""
    noted = folder / "models.json"
    if noted.exists():
        found: dict[str, dict[str, Any]] = json.loads(noted.read_text())
        return found
    source = shipped_models()[MODEL]
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    trial = folder / "trial.onnx"
    with_nodes(source, TRIAL_NODES, trial)
    plain, slowed = race([source, trial], picture, rounds=RACE_ROUNDS)
    trial.unlink()
    per_node = (slowed / plain - 1) / TRIAL_NODES
    nodes = {name: round((wanted - 1) / per_node) for name, wanted in TARGETS.items()}
    copy = onnx.load(source)
    copy.doc_string = "the same model, another file"
    onnx.save(copy, folder / "copy.onnx")
    for name, count in nodes.items():
        with_nodes(source, count, folder / f"{name}.onnx")
    plain, *seconds = race(
        [source, *(folder / f"{name}.onnx" for name in nodes)], picture, rounds=RACE_ROUNDS
    )
    found = {
        name: {"nodes": nodes[name], "ratio": each / plain} for name, each in zip(nodes, seconds, strict=True)
    }
    noted.write_text(json.dumps(found, indent=2))
    return found


def run_once(folder: Path, number: int, kind: str) -> None:
    """Measure once, against the last unchanged run before it, and keep the record with its exit code."""
    earlier = sorted(folder.glob("*-same.json"))
    model = MODEL if kind == "same" else str(folder / f"{kind}.onnx")
    output = folder / f"{number:04d}-{kind}.json"
    gate = ["--baseline", str(earlier[-1]), "--max-regression", f"{LIMIT_PCT:g}"] if earlier else []
    command = [sys.executable, "-m", "toolkit", "bench", model, *OPTIONS, *gate, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in (0, GATE_MISSED):
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr}")
    if gate:
        note = {"exit_code": done.returncode, "baseline": earlier[-1].name, "started": time.time()}
        output.with_suffix(".exit").write_text(json.dumps(note))


def add_runs(folder: Path, minutes: float) -> None:
    """Go on with the cycle until the time is over."""
    end = time.monotonic() + 60 * minutes
    number = 1 + max((int(path.name[:4]) for path in folder.glob("[0-9]*.json")), default=-1)
    while time.monotonic() < end:
        run_once(folder, number, CYCLE[number % len(CYCLE)])
        number += 1


def sides(folder: Path) -> dict[str, tuple[str, np.ndarray, np.ndarray]]:
    """Read every record: name -> kind, medians of its rounds, times of the reference arithmetic beside them."""
    found = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        rounds = rounds_of(read_record(path)["results"][0], path)
        reference = np.array([r.reference_ns for r in rounds], np.float64)
        found[path.name] = (path.stem.partition("-")[2], medians_of(rounds), reference)
    return found


def failed(now: Sequence[np.ndarray], then: Sequence[np.ndarray]) -> dict[float, bool]:
    """Judge one run against another as the gate does, at every limit."""
    found = verdict(now[0], then[0], references=(now[1], then[1]))
    assert found is not None
    return {limit: found.verdict == "slower" and (found.ratio - 1) * 100 > limit for limit in LIMITS_PCT}


def share(failures: int, trials: int) -> dict[str, Any]:
    """Count with an exact 95 % interval."""
    low, high = exact_interval(failures, trials)
    return {"failed": failures, "of": trials, "share": failures / max(1, trials), "share_ci95": [low, high]}


def exact_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper & Pearson (1934), by bisection of the binomial distribution."""

    def at_most(count: int, chance: float) -> float:
        return sum(math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(count + 1))

    def crossing(count: int, wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(count, middle) > wanted else (low, middle)
        return low

    tail = (1 - level) / 2
    lower = 0.0 if successes == 0 else crossing(successes - 1, 1 - tail)
    return lower, 1.0 if successes == trials else crossing(successes, tail)


def by_exit_code(folder: Path) -> dict[str, Any]:
    """Count what the command itself said."""
    codes: dict[str, list[int]] = {}
    for path in sorted(folder.glob("*.exit")):
        codes.setdefault(path.stem.partition("-")[2], []).append(json.loads(path.read_text())["exit_code"])
    return {kind: share(sum(c == GATE_MISSED for c in found), len(found)) for kind, found in codes.items()}


def by_record(found: Mapping[str, tuple[str, np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Judge every pair again: unchanged runs among each other in both directions, slowed ones against all."""
    same = [each[1:] for each in found.values() if each[0] == "same"]
    figures: dict[str, Any] = {}
    # Disjoint pairs of neighbours are independent trials; the interval holds for them.
    apart = [failed(now, then) for then, now in zip(same[::2], same[1::2], strict=False)]
    every = [failed(*pair) for a, b in combinations(same, 2) for pair in ((a, b), (b, a))]
    figures["same, neighbours"] = {
        f"{k:g} %": share(sum(f[k] for f in apart), len(apart)) for k in LIMITS_PCT
    }
    figures["same, every pair"] = {
        f"{k:g} %": {"failed": sum(f[k] for f in every), "of": len(every)} for k in LIMITS_PCT
    }
    for kind in TARGETS:
        slow = [each[1:] for each in found.values() if each[0] == kind]
        judged = [failed(now, then) for now in slow for then in same]
        figures[f"{kind}, every pair"] = {
            f"{k:g} %": {"failed": sum(f[k] for f in judged), "of": len(judged)} for k in LIMITS_PCT
        }
    divided = [(each[0] / each[1],) for each in same]
    figures["spread of unchanged runs, %"] = {
        "between runs": spread([each[:1] for each in same])[0],
        "explained by their processes": spread([each[:1] for each in same])[1],
        "between runs, divided by the reference": spread(divided)[0],
        "of which explained": spread(divided)[1],
    }
    return figures


def spread(runs: Sequence[tuple[np.ndarray, ...]]) -> tuple[float, float]:
    """How far runs lie apart, and how far they would if only their processes differed, per cent."""
    logs = [np.log(each[0]) for each in runs]
    between = np.std([each.mean() for each in logs], ddof=1)
    explained = np.sqrt(np.mean([each.var(ddof=1) / len(each) for each in logs]))
    return float(between) * 100, float(explained) * 100


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--minutes", type=float, default=7.0, help="how long to add runs")
    arguments = parser.parse_args()
    folder: Path = arguments.records
    folder.mkdir(parents=True, exist_ok=True)
    models = slowed_models(folder)
    add_runs(folder, arguments.minutes)
    found = sides(folder)
    kinds = [each[0] for each in found.values()]
    figures = {
        "options": OPTIONS,
        "gate_pct": LIMIT_PCT,
        "runs": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "slowed": models,
        "by_exit_code": by_exit_code(folder),
        "by_record": by_record(found),
    }
    print(json.dumps(figures, indent=2))
    write(
        "gate_errors", "how often the regression gate fails an unchanged model, and misses more work", figures
    )


if __name__ == "__main__":
    main()
