"""Option types that several commands share, so that a flag means the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer


def _without_graph(options: list[str] | None) -> list[str] | None:
    from toolkit.runtime.provider_options import refuse_graph

    refuse_graph(options or ())
    return options


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Silence everything but errors and the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists already.")]
AnyModel = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="An .onnx file, a shipped model, a .keras or .h5 file, a SavedModel folder, or a run folder.",
        show_default=False,
    ),
]
DATA_HELP = "cifar10, an official archive, a .npz file, or a folder of class folders."
Data = Annotated[str, typer.Option("--data", metavar="DATA", help=DATA_HELP, show_default=False)]
Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N. cuda never falls back.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="Intra-op threads. [default: physical cores it may use, OMP_NUM_THREADS at most]",
    ),
]
ProviderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--provider-option",
        metavar="KEY=VALUE",
        help="Goes to the execution provider as it is; repeatable.",
        callback=_without_graph,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="FILE", help="Class names, one a line, for a model that carries none."),
]
Normalize = Annotated[
    str | None,
    typer.Option(
        "--normalize",
        metavar="HOW",
        help="What a model from elsewhere expects: imagenet, unit, minus1to1, caffe, none, or"
        " mean=R,G,B,std=R,G,B (of pixels from 0 to 1; one number for all channels will do).",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        "--resize", metavar="HOW", help="How a picture is brought to the model's size: stretch, crop or pad."
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="N", help="Pictures a batch.")]
BatchSizeBySize = Annotated[
    int | None, typer.Option("--batch-size", metavar="N", help="Pictures a batch. [default: by their size]")
]
SkipBroken = Annotated[
    bool,
    typer.Option("--skip-broken", help="Leave broken pictures of a data folder out instead of stopping."),
]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data-name", metavar="NAME", help="What to call the data in records. [default: from DATA]"
    ),
]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Run Python code that a Keras file carries. Only for files you trust."),
]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        "--custom-objects", metavar="MODULE", help="Module or .py file with a Keras model's own classes."
    ),
]
