"""Claim: latency and throughput of paper-cnn over batch sizes and threads, all cases interleaved in one run."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from evidence import ROOT, write

KEPT = (
    "model",
    "precision",
    "batch_size",
    "threads",
    "scenario",
    "queries",
    "latency_ms",
    "throughput",
    "load_ms",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "bench.json"
        options = ["--batch-size", "1,8,32,128", "--threads", "1,2", "--device", "cpu", "--duration", "4"]
        subprocess.run(
            [sys.executable, "-m", "toolkit", "bench", "paper-cnn", *options, "-o", str(output)],
            check=True,
            cwd=ROOT,
        )
        results = json.loads(output.read_text(encoding="utf-8"))["results"]
    write("paper_latency", "latency of paper-cnn", [{key: row[key] for key in KEPT} for row in results])


if __name__ == "__main__":
    main()
