"""`toolkit bench`: parse, run, print."""

from pathlib import Path
from typing import Annotated

import typer

from toolkit.bench.options import Arrivals, BenchOptions, Scenario, Transfer
from toolkit.cli.console import Console
from toolkit.cli.gates import report_missed
from toolkit.cli.options import Force, Json, Normalize, ProviderOption, Quiet
from toolkit.cli.retyped import as_typed, retyped
from toolkit.endings import check_ending, check_page
from toolkit.errors import ExitCode, UsageError


def bench_command(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help=".onnx files or names of shipped models; several are measured in turns.",
            show_default=False,
        ),
    ],
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="auto, cpu, cuda, cuda:N or provider:NAME; repeatable. [default: auto]",
        ),
    ] = None,
    batch_size: Annotated[
        str | None,
        typer.Option("--batch-size", metavar="N,N...", help="Pictures a run. [default: 1; offline 32]"),
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option(
            "--threads",
            metavar="N,N...",
            help="Intra-op threads. [default: physical cores it may use, OMP_NUM_THREADS at most]",
        ),
    ] = None,
    scenario: Annotated[
        Scenario, typer.Option("--scenario", help="Who sends the next query, and when.")
    ] = BenchOptions.scenario,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="QPS", help="server: queries a second on average.")
    ] = None,
    arrivals: Annotated[
        Arrivals | None,
        typer.Option("--arrivals", help="server: how the queries are spaced. [default: poisson]"),
    ] = None,
    find_rate: Annotated[
        bool,
        typer.Option("--find-rate", help="server: look for the highest rate that keeps --target-latency."),
    ] = False,
    streams: Annotated[
        int, typer.Option("--streams", metavar="N", help="multi-stream: pictures a query.")
    ] = BenchOptions.streams,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--pictures",
            metavar="PATH",
            help="pipeline: pictures or folders, the first 100. [default: bundled]",
        ),
    ] = None,
    duration: Annotated[
        float, typer.Option("--duration", metavar="S", help="Seconds each case is measured, over all rounds.")
    ] = BenchOptions.duration_s,
    min_queries: Annotated[
        int, typer.Option("--min-queries", metavar="N", help="Go on until a case has that many queries, too.")
    ] = BenchOptions.min_queries,
    precision_pct: Annotated[
        float | None,
        typer.Option(
            "--precision-pct", metavar="PCT", help="Go on until the median is known to within that."
        ),
    ] = None,
    warmup: Annotated[
        float, typer.Option("--warmup", metavar="S", help="Seconds each process of a case warms up.")
    ] = BenchOptions.warmup_s,
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", help="Rounds over all cases, a fresh process each.")
    ] = BenchOptions.runs,
    target_latency: Annotated[
        float | None,
        typer.Option("--target-latency", metavar="MS", help="Gate: exit 4 when the percentile is above it."),
    ] = None,
    percentile: Annotated[
        float,
        typer.Option("--percentile", metavar="P", help="Which percentile the table and the gate look at."),
    ] = BenchOptions.percentile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.json", help="Write the record, with every query."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a page with charts.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE.json", help="Compare with an earlier record.")
    ] = None,
    max_regression: Annotated[
        float | None,
        typer.Option(
            "--max-regression", metavar="PCT", help="Gate: exit 4 when slower than the baseline by more."
        ),
    ] = None,
    remeasure: Annotated[
        bool,
        typer.Option(
            "--remeasure/--no-remeasure",
            help="Measure the baseline's model again, in turns, where its file is still there.",
        ),
    ] = BenchOptions.remeasure,
    across_machines: Annotated[
        bool,
        typer.Option("--across-machines", help="Compare with a baseline of another machine all the same."),
    ] = False,
    normalize: Normalize = None,
    provider_option: ProviderOption = None,
    transfer: Annotated[
        Transfer, typer.Option("--transfer", help="What the clock covers on the way to a GPU and back.")
    ] = BenchOptions.transfer,
    cuda_graph: Annotated[
        bool, typer.Option("--cuda-graph", help="Capture the model as a CUDA graph; needs bound buffers.")
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the pictures and the arrivals.")
    ] = BenchOptions.seed,
    json: Json = False,
    quiet: Quiet = False,
    force: Force = False,
) -> None:
    """Measure latency and throughput, honestly.

    Several models are interleaved; percentiles come with intervals, doubts with a warning.

    Example: toolkit bench paper-cnn mine.onnx --threads 1 --batch-size 1,8
    """
    check_ending(output, (".json",), flag="--output", what="a record")
    check_page(report)
    options = BenchOptions(
        models=tuple(models),
        devices=tuple(device or BenchOptions.devices),
        batch_sizes=whole_numbers(batch_size, "--batch-size"),
        threads=whole_numbers(threads, "--threads"),
        scenario=scenario,
        rate_qps=rate,
        arrivals=arrivals,
        find_rate=find_rate,
        streams=streams,
        pictures=tuple(pictures or ()),
        duration_s=duration,
        min_queries=min_queries,
        precision_pct=precision_pct,
        warmup_s=warmup,
        runs=runs,
        target_latency_ms=target_latency,
        percentile=percentile,
        output=output,
        baseline=baseline,
        max_regression_pct=max_regression,
        remeasure=remeasure,
        across_machines=across_machines,
        normalize=normalize,
        provider_options=tuple(provider_option or ()),
        transfer=transfer,
        cuda_graph=cuda_graph,
        seed=seed,
        force=force,
    )
    from toolkit.bench.job import run
    from toolkit.bench.record import to_document
    from toolkit.files import refuse_existing, write_text
    from toolkit.report.bench import next_command, render_result
    from toolkit.report.bench_lines import warning_lines

    if report is not None:
        refuse_existing(report, force=force)
    console = Console(quiet=quiet, json=json)
    result = run(options, observer=console)
    document = to_document(result)
    if report is not None and result.results:
        from toolkit.report.bench_page import page

        command_line = as_typed()
        write_text(report, page(document, command_line=command_line), force=force)
    for text in warning_lines(document):
        console.warning(text)
    console.result(lambda: document, lambda: render_result(document))
    if result.results:
        console.wrote(output, report)
    command = next_command(document, output=output, again=retyped)
    console.next(*([command] if command else []))
    if result.interrupted:
        raise typer.Exit(int(ExitCode.INTERRUPTED))
    report_missed([f"{gate.subject}: {gate.message}" for gate in result.gates if not gate.met])


def whole_numbers(text: str | None, flag: str) -> tuple[int, ...]:
    """Read a list such as "1,8,32".

    Raises:
        UsageError: a part of it isn't a whole number.
    """
    if text is None:
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is not a list of whole numbers", where=flag, remedy="write it as in 1,8,32"
        ) from None
