"""What a benchmark says in sentences: warnings, comparison, bottleneck, placement."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.bench.result import BLIND_PCT, TOO_FEW
from toolkit.report.axes import significant
from toolkit.report.bench_names import Document, case_label, model_label
from toolkit.wording import count

WORTH_SAYING = 0.03  # change of the baseline's own model: below, machines just drift
MOST_GATES = 3  # that were missed, at the top of the page; the table has all
MORE_MEMORY = 1.25  # times; what a loaded library or a thread more takes is less

HELP = {
    "read": "a faster disk or fewer, larger files would help",
    "decode": "smaller pictures, or one process a core (toolkit classify --workers) would help",
    "resize": "pictures stored at the model's size would help",
    "run": "a smaller model or int8 (toolkit export --precision int8) would help",
    "top-k": "a larger --batch-size would help",
}
SMALLER = "a smaller model would help"


def warning_lines(document: Document) -> list[str]:
    """Return the warnings of a record: one line a kind, with the first case it concerns of several."""
    lines = [_warning(w) for w in document["warnings"]]
    results = document["results"]
    found: dict[str, list[tuple[Document, Document]]] = {}
    for result in results:
        for warning in result["warnings"]:
            found.setdefault(warning["code"], []).append((result, warning))
    for same in found.values():
        result, warning = same[0]
        others = f" (and {count(len(same) - 1, 'other case')})" if len(same) > 1 else ""
        prefix = f"{case_label(result, results)}{others}: " if len(results) > 1 else ""
        lines.append(prefix + _warning(warning))
    return lines


def run_warnings(document: Document) -> list[str]:
    """Return the gates that were missed, and the warnings that concern the whole run.

    Args:
        document: the benchmark JSON, schema 1.
    """
    missed = [f"gate not met: {g['subject']}: {g['message']}" for g in document["gates"] if not g["met"]]
    if len(missed) > MOST_GATES:
        missed = [*missed[:MOST_GATES], f"{count(len(missed) - MOST_GATES, 'other gate')} not met, see Gates"]
    return [*missed, *map(_warning, document["warnings"])]


def comparison_lines(results: Sequence[Document]) -> list[str]:
    """Say of each case that has a counterpart in the baseline whether it became faster or slower."""
    lines = []
    for result in results:
        found = result["comparison"]
        if found is None:
            continue
        low, high = ((bound - 1) * 100 for bound in found["ratio_ci99"])
        text = f"{(found['ratio'] - 1) * 100:+.1f} % in time"
        text += "" if is_blind(found) else f" (99 % interval {low:+.1f} to {high:+.1f})"
        text += ", in turns with the baseline's model" if found.get("in_turns") else ""
        if is_blind(found):
            text += f", but {TOO_FEW}"
        elif found["verdict"] == "no difference seen":
            text += f"; one of {found['smallest_visible_pct']:.1f} % would have shown"
        lines.append(f"{case_label(result, results)} against the baseline: {found['verdict']}, {text}")
        moved = found.get("machine_ratio")
        if moved is not None and abs(moved - 1) >= WORTH_SAYING:
            lines.append(
                f"{case_label(result, results)}: the baseline's own model now takes {(moved - 1) * 100:+.1f} % "
                "in time against its record: the machine changed, not the model"
            )
        grown = found.get("memory_ratio")
        if grown is not None and not 1 / MORE_MEMORY < grown < MORE_MEMORY:
            lines.append(
                f"{case_label(result, results)}: peak memory is {grown:.2f} times that of the baseline's record"
            )
    return lines


def is_blind(comparison: Mapping[str, Any]) -> bool:
    """Return whether the rounds of a comparison were too few to tell anything: its interval isn't worth showing."""
    return bool(
        comparison["verdict"] == "no difference seen" and comparison["smallest_visible_pct"] > BLIND_PCT
    )


def not_told_apart(quick: Document, results: Sequence[Document]) -> list[str]:
    """Return the models that may be as quick as the quickest: no comparison with the first one tells them apart.

    Args:
        quick: the case with the lowest median.
        results: all of them; those of other models than the first are compared with it.
    """
    same = ("device", "batch_size", "threads")
    rivals = [
        r for r in results if r["model"] != quick["model"] and all(r[key] == quick[key] for key in same)
    ]
    own = quick.get("first_comparison")
    found = []
    for rival in rivals:
        theirs = rival.get("first_comparison")
        if own and theirs:  # neither is the first: both are ratios to it
            is_open = own["ratio_ci99"][1] >= theirs["ratio_ci99"][0]
        else:
            judged = own or theirs or {}
            is_open = judged.get("verdict") == "no difference seen"
        if is_open:
            found.append(rival["model"])
    return list(dict.fromkeys(found))


def first_lines(results: Sequence[Document]) -> list[str]:
    """Say of each case of another model than the first how it compares with that, in times of its time."""
    lines = []
    for result in results:
        found = result.get("first_comparison")
        if found is None:
            continue
        low, ratio, high = (significant(found["ratio_ci99"][0]), significant(found["ratio"]),
                            significant(found["ratio_ci99"][1]))  # fmt: skip
        seen = f"{ratio} times its time (99 % interval {low} to {high})"
        if is_blind(found):
            seen = f"{ratio} times its time, but {TOO_FEW}"
        elif found["verdict"] == "no difference seen":
            seen += f"; one of {found['smallest_visible_pct']:.1f} % would have shown"
        first = model_label(results[0]["model"], results)
        lines.append(f"{case_label(result, results)} against {first}: {found['verdict']}, {seen}")
    return lines


def bottleneck(result: Document, results: Sequence[Document]) -> str:
    """Say in one sentence where a pipeline's time goes and what would help, with the share of each stage.

    Args:
        result: with stages.
        results: all of them, which decide how the case is named.
    """
    stages = result["stages"]
    most = max(stages, key=lambda stage: float(stage["share"]))
    shares = ", ".join(f"{stage['stage']} {100 * stage['share']:.0f} %" for stage in stages)
    name = f"{case_label(result, results)}: " if len(results) > 1 else ""
    helps = HELP[most["stage"]]
    # It is int8 already, or on CUDA, which has no kernels for int8.
    has_no_use = result["precision"] == "int8" or result["device"].startswith("cuda")
    if most["stage"] == "run" and has_no_use:
        helps = SMALLER
    return f"{name}{shares}: {most['stage']} takes the most; {helps}"


def placement_text(result: Document) -> str:
    """Name the provider; where nodes lie on others too, with the share of each."""
    placement = result.get("placement") or {}
    if len(placement) < 2:
        return str(result["provider"])
    return ", ".join(f"{name} {100 * part['share']:.0f} % of the nodes" for name, part in placement.items())


def _warning(warning: Mapping[str, str]) -> str:
    return f"{warning['message']}: {warning['remedy']}"
