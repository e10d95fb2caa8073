"""What `toolkit classify` is asked to do."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.endings import DEVICES, check_ending, check_page
from toolkit.errors import UsageError
from toolkit.ranges import (
    MOST_CLASSES,
    MOST_PICTURES,
    at_least,
    beside,
    held_at_once,
    parallel,
    resume_or_force,
    share,
)

EXAMPLE_TOP_K = 5  # classes of each picture that a report shows
ENGINES = ("local", "ray")
LARGEST_PORT = 0xFFFF
OUTPUT_SUFFIXES = (".csv", ".jsonl", ".parquet")
RAY_ADDRESS = re.compile(r"auto|(ray://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}")


@dataclass(frozen=True, kw_only=True)
class ClassifyOptions:
    """Options of a classification.

    Args:
        paths: images, folders, patterns, lists, archives, addresses, or "-" for a list on standard input.
        follow_links: go into links to folders as well, into each folder once.
        model: path of an .onnx file, or the name of a shipped model.
        output: file of predictions, .csv, .jsonl or .parquet; None leaves the rows to whoever runs the job.
        report: page that will be drawn from the result; here only so that it is refused early.
        force: replace outputs that exist already.
        top_k: classes a row, best first.
        min_confidence: rows whose best probability, 0 to 1, is lower are marked uncertain; None marks none.
        batch_size: pictures a batch.
        device: auto, cpu, cuda or cuda:N.
        threads: intra-op threads of each process; None means one where there are several processes, else
            the physical cores that may be used, and OMP_NUM_THREADS at most.
        provider_options: KEY=VALUE for the execution provider.
        labels: file of class names for a model that carries none.
        normalize: range that a model from elsewhere expects, as `--normalize` says it; None means as the file says.
        resize: stretch, crop or pad; None means as the model's file says.
        labels_from_folders: take the name of a picture's folder for its true class.
        max_pixels: larger pictures (width times height) become error rows; None means 200 million.
        exact: decode every pixel of a JPEG picture, however small the model's input.
        workers: processes; None means one a core where the inputs are many, else this process alone.
        keep_columns: keep the other columns of .csv lists.
        resume: go on where an interrupted run stopped.
        sort_into: folder to sort the pictures into, by class.
        link: link the sorted pictures instead of copying them.
        engine: where the work runs: "local" (this machine) or "ray" (a Ray cluster, on its CPUs).
        ray_address: of a cluster to join, HOST:PORT, ray://HOST:PORT or "auto"; None starts one here.
    """

    paths: tuple[str, ...]
    model: str
    follow_links: bool = False
    output: Path | None = None
    report: Path | None = None
    force: bool = False
    top_k: int = 1
    min_confidence: float | None = None
    batch_size: int = 64  # a GPU runs it at once, a CPU as `at_once` says
    device: str = "auto"
    threads: int | None = None
    provider_options: tuple[str, ...] = ()
    labels: Path | None = None
    normalize: str | None = None
    resize: str | None = None
    labels_from_folders: bool = False
    max_pixels: int | None = None
    exact: bool = False
    workers: int | None = None
    keep_columns: bool = False
    resume: bool = False
    sort_into: Path | None = None
    link: bool = False
    engine: str = "local"
    ray_address: str | None = None

    def __post_init__(self) -> None:
        """Check ranges and combinations.

        Raises:
            UsageError: a value is out of range, or contradicts another.
        """
        if not self.paths:
            raise UsageError("nothing to classify", where="PATH", remedy="give pictures or folders")
        if "" in self.paths:
            raise UsageError(
                "an empty name is no picture",
                where="PATH",
                remedy="leave it out, or look at the variable it is from",
            )
        held_at_once(self.top_k, MOST_CLASSES, "--top-k")
        held_at_once(self.batch_size, MOST_PICTURES, "--batch-size")
        parallel(self.threads, "--threads")
        at_least(self.max_pixels, 1, "--max-pixels")
        parallel(self.workers, "--workers")
        share(self.min_confidence, "--min-confidence")
        if self.paths.count("-") > 1:
            raise UsageError(
                "standard input is named twice",
                where="PATH",
                remedy="give '-' once: it can be read only once",
            )
        self._check_output()
        self._check_combinations()
        self._check_engine()

    @property
    def output_format(self) -> str | None:
        """The ending that decides how the output is written; None without an output."""
        if self.output is None:
            return None
        suffix = self.output.suffix.lower()
        return ".csv" if not suffix and str(self.output).startswith(DEVICES) else suffix

    def _check_output(self) -> None:
        if self.output is not None and self.output == self.report:
            raise UsageError(
                "the output and the report are one file", where="--report", remedy="give two different names"
            )
        if self.output is not None and self.sort_into is not None:
            output, folder = (os.path.abspath(path) for path in (self.output, self.sort_into))  # noqa: PTH100 - ".."
            if Path(folder).is_relative_to(output):
                raise UsageError(
                    "the output would be a folder of sorted pictures",
                    where="--sort-into",
                    remedy="give two different names",
                )
        check_ending(self.output, OUTPUT_SUFFIXES, flag="--output", what="a file of predictions")
        check_page(self.report)

    def _check_combinations(self) -> None:
        written, joined = self.output is not None, self.ray_address is not None
        beside("--resume", "-o FILE", given=self.resume, there=written)
        beside("--keep-columns", "-o FILE", given=self.keep_columns, there=written)
        beside("--link", "--sort-into DIR", given=self.link, there=self.sort_into is not None)
        beside("--ray-address", "--engine ray", given=joined, there=self.engine == "ray")
        resume_or_force(self.resume, self.force)

    def _check_engine(self) -> None:
        if self.engine not in ENGINES:
            raise UsageError(
                f"'{self.engine}' is no engine", where="--engine", remedy=f"use {' or '.join(ENGINES)}"
            )
        if self.engine == "ray" and self.device not in ("auto", "cpu"):
            raise UsageError(
                "the workers of --engine ray run on CPUs",
                where=f"--device {self.device}",
                remedy="use --device cpu, or --engine local on the machine with the GPU",
            )
        address = self.ray_address
        if address is not None and (
            not RAY_ADDRESS.fullmatch(address)
            or (address != "auto" and not 0 < int(address.rpartition(":")[2]) <= LARGEST_PORT)
        ):
            raise UsageError(
                "no address of a cluster",
                where=f"--ray-address {address}",
                remedy="use HOST:PORT, ray://HOST:PORT or auto",
            )
