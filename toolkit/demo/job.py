"""Classify the bundled pictures, benchmark the model, write the page."""

import os
from importlib import resources
from pathlib import Path

from toolkit.bench.job import run as run_bench
from toolkit.bench.options import BenchOptions
from toolkit.bench.record import to_document
from toolkit.classify.job import run as run_classify
from toolkit.classify.options import ClassifyOptions
from toolkit.classify.result import ClassifyResult
from toolkit.demo.options import DemoOptions
from toolkit.demo.page import page
from toolkit.demo.result import DemoPicture, DemoResult
from toolkit.files import refuse_existing_folder, write_text
from toolkit.models.catalog import DEFAULT_MODEL
from toolkit.observer import SILENT, EachNoticeOnce, Observer

REPORT, PREDICTIONS, BENCHMARK = "report.html", "predictions.csv", "bench.json"
PAGE_MARK = b"toolkit demo"  # in every page of a demo, and in no other
ROW_MARK = os.fsencode(Path("demo", "photos"))  # in every row of its predictions
TOP_K = 5
ROUNDS = 3  # enough to see whether the machine is steady
MIN_QUERIES = 11 * ROUNDS  # what a median needs, of each: a slow machine needn't make more to end soon
WARMUP_S = 0.2


def run(options: DemoOptions, observer: Observer = SILENT) -> DemoResult:
    """Run the demo.

    Args:
        options: where to, and with which model.
        observer: told what is being done.

    Raises:
        ModelError: the model can't be opened.
        OutputError: the folder can't be written to, or holds something that isn't a demo's.
    """
    refuse_existing_folder(options.output, force=options.force or _is_of_a_demo(options.output))
    observer = EachNoticeOnce(observer)  # both parts would tell of the same device
    model = options.model or DEFAULT_MODEL
    report, predictions, benchmark = (options.output / name for name in (REPORT, PREDICTIONS, BENCHMARK))
    with resources.as_file(resources.files("toolkit.demo") / "photos") as photos:
        paths = sorted(photos.glob("*.png"))
        observer.step(f"Classifying {len(paths)} bundled pictures with {model}")
        classified = run_classify(
            ClassifyOptions(
                paths=tuple(map(str, paths)), model=model, output=predictions, force=True, top_k=TOP_K
            ),
            observer,
        )
        observer.step(f"Benchmarking {model} for {options.duration_s:g} seconds")
        measured = run_bench(
            BenchOptions(
                models=(model,),
                batch_sizes=options.batch_sizes,
                duration_s=options.duration_s / len(options.batch_sizes),
                min_queries=MIN_QUERIES,
                warmup_s=WARMUP_S,
                runs=ROUNDS,
                output=benchmark,
                force=True,
            ),
            observer,
        )
        if measured.interrupted:
            raise KeyboardInterrupt  # what was done is in its files, and there is nothing to draw a page of
        result = DemoResult(
            classified=classified,
            pictures=_pictures(classified),
            benchmark=to_document(measured),
            files=(report, predictions, benchmark),
        )
        write_text(report, page(result, command_line=options.command_line), force=True)
    return result


def _is_of_a_demo(folder: Path) -> bool:
    """Tell whether a folder holds what an earlier demo wrote, finished or not, and nothing else."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    if names - {REPORT, PREDICTIONS, BENCHMARK}:
        return False
    if REPORT in names:
        return PAGE_MARK in (folder / REPORT).read_bytes()
    # Its predictions are written first, so what was interrupted has at least these.
    return not names or (PREDICTIONS in names and ROW_MARK in (folder / PREDICTIONS).read_bytes())


def _pictures(classified: ClassifyResult) -> tuple[DemoPicture, ...]:
    # So few inputs are all in the sample that the result keeps.
    return tuple(
        DemoPicture(
            file=Path(example.file), truth=truth_of(Path(example.file)), predictions=example.predictions
        )
        for example in classified.examples
    )


def truth_of(file: Path) -> str:
    """Return the class of a bundled picture, which its name ends in: `03-airplane.png`."""
    return file.stem.split("-", 1)[1]
