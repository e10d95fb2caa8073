import csv
import json
from dataclasses import replace

import onnx
import pytest
from support import colour_model

from toolkit.demo.job import run, truth_of
from toolkit.demo.options import DemoOptions
from toolkit.demo.page import note_on, page
from toolkit.errors import OutputError, UsageError


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    # A model that calls what is mostly blue a ship: it is right about some pictures and wrong about others.
    onnx.save(colour_model(size=32, labels=("cat", "frog", "ship")), folder / "colours.onnx")
    return run(DemoOptions(output=folder / "out", model=str(folder / "colours.onnx"), duration_s=0.1))


def test_all_twenty_pictures_are_judged_in_order(result):
    assert [picture.file.name[:2] for picture in result.pictures] == [f"{i:02d}" for i in range(20)]
    assert [truth_of(picture.file) for picture in result.pictures] == [p.truth for p in result.pictures]
    assert 0 < result.right < 20
    assert result.right == sum(p.predictions[0].label == p.truth for p in result.pictures)


def test_the_page_has_a_card_for_each_and_the_latency(result):
    html = result.files[0].read_text(encoding="utf-8")
    assert html.count('<li class="card ') == 20
    assert html.count('<li class="card right') == result.right
    assert html.count("data:image/png;base64,") == 20
    assert f"20 pictures, {result.right} right" in html
    assert html.count("<svg") == 1
    assert str(result.benchmark["machine"]["python"]) in html


def test_options_that_warnings_name_are_called_those_of_bench(result):
    caution = {"code": "noise", "message": "too noisy", "remedy": "raise --runs above 3"}
    noisy = replace(result, benchmark={**result.benchmark, "warnings": [caution]})
    assert "those of toolkit bench" in page(noisy)
    assert note_on(["too noisy: stop what else runs"]) == ""


def test_the_predictions_and_the_benchmark_are_kept_whole(result):
    _, predictions, benchmark = result.files
    assert [path.name for path in result.files] == ["report.html", "predictions.csv", "bench.json"]
    assert len(list(csv.DictReader(predictions.read_text(encoding="utf-8").splitlines()))) == 20
    assert [r["batch_size"] for r in json.loads(benchmark.read_text())["results"]] == [1, 32]
    assert json.loads(json.dumps(result.to_document()))["right"] == result.right


def test_what_a_demo_wrote_is_written_anew_and_anything_else_only_when_forced(tmp_path):
    onnx.save(colour_model(size=32), tmp_path / "colours.onnx")
    out = tmp_path / "out"
    options = DemoOptions(output=out, model=str(tmp_path / "colours.onnx"), batch_sizes=(1,), duration_s=0.05)
    run(options)
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()  # as after an interruption
    run(options)
    run(options)
    for name in ("predictions.csv", "bench.json"):  # somebody's own, without a page of a demo
        (tmp_path / "own").mkdir(exist_ok=True)
        (tmp_path / "own" / name).write_text("mine")
        with pytest.raises(OutputError, match="isn't empty"):
            run(replace(options, output=tmp_path / "own"))
        assert (tmp_path / "own" / name).read_text() == "mine"
        (tmp_path / "own" / name).unlink()
    for name in ("report.html", "mine.txt"):
        (out / name).write_text("mine")
        with pytest.raises(OutputError, match="isn't empty"):
            run(options)
        assert (out / name).read_text() == "mine"
        (out / "report.html").write_bytes(page)
    run(replace(options, force=True))
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (out / "mine.txt").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError):
        run(DemoOptions(output=tmp_path / "out"))


@pytest.mark.parametrize("options", [{"duration_s": 0}, {"batch_sizes": ()}])
def test_options_that_make_no_sense_are_wrong_usage(options):
    with pytest.raises(UsageError):
        DemoOptions(**options)


def test_an_interrupted_benchmark_ends_the_demo_and_is_kept(tmp_path, monkeypatch):
    from toolkit.demo import job

    real = job.run_bench

    def interrupted(options, observer):
        return replace(real(options, observer), interrupted=True)

    monkeypatch.setattr(job, "run_bench", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(DemoOptions(output=tmp_path / "demo", model="paper-cnn", duration_s=0.1))
    assert {file.name for file in (tmp_path / "demo").iterdir()} == {"predictions.csv", "bench.json"}
