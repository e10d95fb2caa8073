"""The generated parts of README.md, exported/README.md and this folder's README: called by cog (`make fix`)."""

import ast
import subprocess
import sys
from typing import Any

from evidence import RESULTS, ROOT, read

LEVELS = {
    "avx512_vnni": "AVX-512 with VNNI",
    "avx_vnni": "AVX2 with VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}


def command(*arguments: str) -> str:
    """Return what a command prints, as a block."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments], capture_output=True, text=True, check=True
    )
    return f"```text\n{done.stdout.rstrip()}\n```"


def accuracy() -> str:
    """Return the sentence on accuracy and agreement."""
    verify = read("paper_accuracy")["figures"]["verify"]
    return (
        f"paper-cnn on CIFAR-10 (JPEG), test split, {verify['pictures']:,} pictures: accuracy"
        f" {verify['accuracy']:.4f}; largest difference from Keras {verify['max_difference']:.1e}."
    )


def latency() -> str:
    """Return the table of latencies."""
    record = read("paper_latency")
    machine = record["machine"]
    lines = [
        f"Latency, {machine['cpu']}, {machine['cores_usable']} cores, {machine['onnxruntime']},"
        " CPU execution provider:",
        "",
        "| batch | threads | p50 ms | p99 ms | pictures/s |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in sorted(record["figures"], key=lambda r: (r["threads"], r["batch_size"])):
        p50, p99 = (shown(row["latency_ms"][key]) for key in ("p50", "p99"))
        lines.append(
            f"| {row['batch_size']} | {row['threads']} | {p50} | {p99} | {shown(row['throughput'])} |"
        )
    return "\n".join(lines)


def start_up() -> str:
    """Return the sentence on start-up."""
    figures = read("start_up")["figures"]
    show_help, one = figures["toolkit --help"], figures["classify one picture, table"]
    return (
        f"Start-up, fresh process, median of {show_help['runs']}: `toolkit --help` {show_help['median']:.2f} s,"
        f" classifying one picture {one['median']:.2f} s."
    )


def int8() -> str:
    """Return the table of fp32 and int8 latencies beside other runtimes."""
    records = [read(path.stem) for path in sorted(RESULTS.glob("int8_latency*.json"))]
    machines = "".join(f" {r['machine']['cpu']}, µs | of the first | accuracy |" for r in records)
    lines = [
        "Batch 1, one thread, all interleaved in one run of each machine, accuracy on the 10,000 test pictures of"
        " CIFAR-10 (JPEG):",
        "",
        f"| paper-cnn |{machines}",
        "| --- |" + " ---: |" * 3 * len(records),
    ]
    runtimes = [record["figures"]["runtimes"] for record in records]
    for name in runtimes[0]:
        line = f"| {name} |"
        for rows in runtimes:
            time_us, first = (rows[key]["median_us"] for key in (name, next(iter(rows))))
            line += f" {time_us:.1f} | {time_us / first:.2f} | {rows[name]['accuracy']:.4f} |"
        lines.append(line)
    return "\n".join(lines)


def applications() -> str:
    """Return the table of keras.applications architectures and how their exports agree."""
    lines = [
        "| architecture | operators | export s | peak MB | allowed MB | probability | logit | 1 % changes refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in read("applications")["figures"]:
        if "error" in row:
            lines.append(f"| {row['name']} | {row['error']} | | | | | | |")
            continue
        refused = ", ".join(row["refused_at_1_percent"]) or "none"
        lines.append(
            f"| {row['name']} | {row['nodes']:,} | {row['seconds']:.0f} | {row['peak_mb']:,} | {row['allowed_mb']:,}"
            f" | {row['max_difference']:.1e} | {row['max_logit_difference']:.1e} | {refused} |"
        )
    return "\n".join(lines)


def applications_summary() -> str:
    """Return the sentence on keras.applications."""
    rows = [row for row in read("applications")["figures"] if "error" not in row]
    count = len(read("applications")["figures"])
    agreeing = sum(row["top1_agreement"] == 1 for row in rows)
    within = sum(row["peak_mb"] <= row["allowed_mb"] for row in rows)
    middle = sorted(row["max_logit_difference"] for row in rows)[len(rows) // 2]
    slowest = max(rows, key=lambda row: row["seconds"])
    return (
        f"{agreeing} of {count} measured architectures of keras.applications, at default size, export and agree"
        f" with Keras on every picture; the median of the largest differences of a logit is {middle:.0e}."
        f" {within} of them need at most four times their weights and 1.5 GB of memory."
        f" The slowest, {slowest['name']}, takes {slowest['seconds']:.0f} s."
    )


def fine_tuning() -> str:
    """Return the sentence on fine-tuning against training from scratch."""
    tuned, scratch = (
        read("fine_tune")["figures"][name] for name in ("fine-tuned edge-l", "edge-l from scratch")
    )
    return (
        f"Five classes with 100 training pictures each: `--from edge-l` reaches {tuned['test_accuracy']:.4f} in"
        f" {tuned['seconds']:.0f} s, the same network from scratch {scratch['test_accuracy']:.4f} in"
        f" {scratch['seconds']:.0f} s ({tuned['test_pictures']:,} test pictures of CIFAR-10 (JPEG), a busy machine)."
        " These classes and pictures were part of edge-l's own training, so this is the most that fine-tuning brings."
    )


def claims() -> str:
    """Return the table of scripts, claims and when they were measured."""
    lines = ["| script | claim | measured | commit |", "| --- | --- | --- | --- |"]
    for path in sorted((ROOT / "bench").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if not text.startswith("Claim: "):
            continue
        claim = text.splitlines()[0].removeprefix("Claim: ")
        if not (RESULTS / f"{path.stem}.json").is_file():
            lines.append(f"| `{path.name}` | {claim} | not yet | |")
            continue
        record = read(path.stem)
        cores = f"{record['machine']['cores_usable']} cores"
        machine = ", ".join(filter(None, [record["machine"]["cpu"], _level(record["machine"]), cores]))
        lines.append(f"| `{path.name}` | {claim} | {record['date']}, {machine} | {record['commit']} |")
    return "\n".join(lines)


def _level(machine: dict[str, Any]) -> str:
    """Return the highest level of the processor's vector features by name; empty where the record is without them."""
    features = machine.get("cpu_features") or ()
    return next((name for feature, name in LEVELS.items() if feature in features), "")


def shown(value: float | None) -> str:
    """Return a number with three significant digits, a dash where there is none."""
    if value is None:
        return "–"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{value:.3g}"
