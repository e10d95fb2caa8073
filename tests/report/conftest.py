"""A browser, and results of real runs to draw."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from toolkit.evaluate.metrics import measure
from toolkit.evaluate.result import EvaluateResult, Example

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A real headless Chromium: TOOLKIT_CHROMIUM, else what the system has."""
    path = os.environ.get("TOOLKIT_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium: install it, or set TOOLKIT_CHROMIUM to its path")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright isn't installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a page; at the end nothing was requested and nothing complained."""
    contexts, seen = [], []

    def open_page(path, *, width=1280, scheme="light", scripts=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        address = path.as_uri()
        page.on(
            "request", lambda r: seen.append(r.url) if r.url != address and r.url[:5] != "data:" else None
        )
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen == []


@pytest.fixture
def evaluation() -> EvaluateResult:
    """An evaluation of 60 pictures in four classes, one of them with a name that HTML must escape."""
    generator = np.random.default_rng(0)
    labels = ("ant", "bee <b>", "crab", "dodo & co")
    truth = np.arange(60) % 3  # the last class has no pictures
    scores = generator.random((60, 4)) + np.eye(4)[truth] * 0.6
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    predicted = probabilities.argmax(axis=1)
    right, wrong = np.flatnonzero(predicted == truth), np.flatnonzero(predicted != truth)
    return EvaluateResult(
        model="model.onnx",
        provider="CPUExecutionProvider",
        labels=labels,
        data="made in code",
        data_argument="some folder",
        data_sha256="0" * 64,
        split="test",
        pictures=60,
        skipped=(("test/ant/broken.png", "not a picture"),),
        metrics=measure(probabilities, truth, top_k=2),
        examples=tuple(
            Example(
                path=f"test/{labels[truth[i]]}/{i}.png",
                image_hwc=generator.integers(0, 256, (8, 8, 3), np.uint8),
                truth=int(truth[i]),
                predicted=int(predicted[i]),
                probabilities=probabilities[i],
            )
            for i in [*right[:4], *wrong[:4]]
        ),
        min_accuracy=0.99,
        output=Path("out"),
    )


@pytest.fixture(scope="session")
def benchmark_document(tiny_model: Path) -> dict[str, object]:
    """The record of a short real benchmark of two batch sizes."""
    from toolkit.bench.job import run
    from toolkit.bench.options import BenchOptions
    from toolkit.bench.record import to_document

    options = BenchOptions(
        models=(str(tiny_model),),
        devices=("cpu",),
        batch_sizes=(1, 4),
        duration_s=0.05,
        warmup_s=0.01,
        runs=2,
    )
    return to_document(run(options))
