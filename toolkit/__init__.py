"""Edge inference toolkit for image classifiers.

Train a CNN in Keras, export it to ONNX, run it anywhere with one command line. From Python,
``toolkit.load(MODEL)`` gives a classifier; the folders are:

    cli/          the only place that parses, prints and exits
    train/        recipes, the training loop                        (TensorFlow)
    tune/         search for better settings of a recipe
    export/       a model -> self-contained ONNX file               (TensorFlow)
    keras_model/  what a KERAS_MODEL argument means                 (TensorFlow)
    evaluate/ verify/ classify/ bench/ inspect/ doctor/ demo/       one folder per command
    report/       tables, charts, galleries and pages, drawn from results only
    models/       shipped models and what a MODEL argument means
    engines/      where shards of work run: threads, processes, a Ray cluster
    data/         DATA argument -> labelled arrays
    images/       picture files -> pixels
    preprocess/   pixels -> model input
    runtime/      ONNX Runtime sessions and execution providers
    machine/      facts about this computer
    stats/        pure mathematics on arrays
    errors.py ranges.py                     how it fails
    files.py durable.py leftovers.py spreadsheets.py endings.py observer.py wording.py    how it writes and reports
"""

TYPE_CHECKING = False  # type checkers take it for true; importing typing would cost more than this file
if TYPE_CHECKING:
    from toolkit import errors
    from toolkit.classify.classifier import load

__version__ = "0.1.0"
__all__ = ["__version__", "errors", "load"]


def __getattr__(name: str) -> object:
    # Importing toolkit must cost nothing, so what it offers is found at first use.
    if name == "load":
        from toolkit.classify.classifier import load

        return load
    if name == "errors":
        import importlib

        return importlib.import_module("toolkit.errors")
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    # What is found at first use is there already for whoever looks, as a shell that completes names.
    return sorted({*globals(), *__all__})
