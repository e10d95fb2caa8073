"""What the pages and texts say, whole, from results of real runs."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support import encoded, picture

from toolkit.classify.job import run as classify
from toolkit.classify.options import ClassifyOptions
from toolkit.cli.rows import accuracy_text
from toolkit.report import bench_page, evaluate, evaluate_page
from toolkit.report import classify as classify_page
from toolkit.report.bench_tables import percentile_table
from toolkit.report.classify_lines import limit_line
from toolkit.report.facts import file_size, machine_pairs


def headings(html):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", html)


def cards(html):
    return re.findall(r'<li class="card (\w+)( failed)?"', html)


@pytest.fixture
def pictures(colour_folder):
    """Twelve pictures by class, one of them in the wrong folder, and a broken one."""
    (colour_folder / "red" / "04.png").write_bytes(encoded(picture((0, 0, 255))))
    (colour_folder / "red" / "broken.png").write_bytes(b"not a picture")
    return colour_folder


def classified(folder, model, tmp_path, **options):
    return classify(
        ClassifyOptions(
            paths=(str(folder),),
            model=str(model),
            device="cpu",
            output=tmp_path / "p.csv",
            force=True,
            **options,
        )
    )


def test_a_classification_page_shows_every_picture_and_the_broken_one(pictures, tiny_model, tmp_path):
    result = classified(pictures, tiny_model, tmp_path, labels_from_folders=True)
    html = classify_page.page(result, command_line="toolkit classify x")
    assert sorted(cards(html)) == sorted([("right", "")] * 12 + [("wrong", "")] * 2 + [("other", " failed")])
    assert headings(html) == [
        "What was seen", "Pictures", "Surest mistakes", "What could not be classified", "How it was run",
        "Machine and versions"]  # fmt: skip
    assert "14 pictures, 1 could not be classified, 0.9231 right, " in html
    assert "toolkit classify x" in html
    assert html.count("data:image/png;base64,") == 14
    assert "All 14 pictures: 13 classified and 1 that could not be classified." in html


def test_a_card_shows_folder_and_file_name_in_two_parts_and_the_path_as_its_title(
    pictures, tiny_model, tmp_path
):
    name = f"{'long ' * 20}0001.png"
    (pictures / "red" / "00.png").rename(pictures / "red" / name)
    html = classify_page.page(classified(pictures, tiny_model, tmp_path))
    start, end = f"red/{name}"[:-12], "ong 0001.png"
    assert f'title="{pictures}/red/{name}"><span class="start">{start}</span>' in html
    assert f'<span class="end">{end}</span>' in html
    assert '<span class="start"></span><span class="end">red/01.png</span>' in html


def test_the_page_closes_with_the_machine_where_it_is_known(pictures, tiny_model, tmp_path):
    result = classified(pictures, tiny_model, tmp_path)
    html = classify_page.page(result, machine={"cpu": "a processor"}, command_line="toolkit classify x")
    closing = html[html.index("Machine and versions") :]
    assert "a processor" in closing
    assert "toolkit classify x" in closing


def test_without_labels_nothing_is_called_right_or_wrong(pictures, tiny_model, tmp_path):
    html = classify_page.page(classified(pictures, tiny_model, tmp_path))
    assert {kind for kind, _ in cards(html)} == {"other"}
    assert " right" not in re.findall(r"<h1>(.*?)</h1>", html)[0]


def test_only_broken_pictures_still_make_a_page(tiny_model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    html = classify_page.page(classified(tmp_path / "in", tiny_model, tmp_path))
    assert headings(html) == [
        "Pictures",
        "What could not be classified",
        "How it was run",
        "Machine and versions",
    ]
    assert "1 picture, 1 could not be classified" in html


def test_a_picture_that_is_gone_by_now_leaves_a_card_without_a_picture(pictures, tiny_model, tmp_path):
    result = classified(pictures, tiny_model, tmp_path)
    (pictures / "red" / "00.png").unlink()
    html = classify_page.page(result)
    assert len(cards(html)) == 14
    assert html.count("data:image/png;base64,") == 12
    assert "00.png; it can&#39;t be shown any more" in html


def test_an_evaluation_page_holds_figures_examples_and_the_missed_gate(evaluation):
    html = evaluate_page.page(evaluation)
    assert len(cards(html)) == 8
    assert sorted({kind for kind, _ in cards(html)}) == ["right", "wrong"]
    assert f"{evaluation.metrics.accuracy:.4f}" in html
    assert "gate not met: accuracy" in html
    assert "1 broken picture was left out of the figures" in html
    assert "bee &lt;b&gt;" in html
    assert "<b>" not in html
    assert html.count("<svg") == 2
    assert html.count("<figcaption>") == html.count("<details>") == 2


def test_the_text_of_an_evaluation_fits_80_columns_and_leads_with_the_answer(evaluation):
    text = evaluate.text(evaluation)
    lines = text.splitlines()
    low, high = evaluation.metrics.accuracy_ci95
    assert lines[0] == f"accuracy {evaluation.metrics.accuracy:.4f} (made in code, test split, 60 pictures)"
    assert f"95 % interval {low:.3f}–{high:.3f}" in lines[1]
    assert max(map(len, lines)) <= 80
    assert "most frequent confusions" in text
    assert "test/ant/broken.png: not a picture" in text
    assert "1 broken picture was left out:" in lines
    assert evaluate.next_command(evaluation, again=lambda plus: "never") == "toolkit bench model.onnx"


def test_a_long_class_name_is_whole_in_the_text_of_an_evaluation(evaluation):
    long = "a_class_name_without_any_space_" * 4
    text = evaluate.text(replace(evaluation, labels=(long, *evaluation.labels[1:])))
    assert text.count(long) >= 2  # its own row, and one of the confusions


def test_what_limits_a_run_is_told_with_the_threads_of_one_process_or_the_processes(
    pictures, tiny_model, tmp_path
):
    result = classified(pictures, tiny_model, tmp_path)
    assert "in 2 threads); " in limit_line(replace(result, threads_a_worker=2))
    assert "in 3 workers); " in limit_line(replace(result, workers=3, threads_a_worker=1))
    assert "in 1 worker); " in limit_line(replace(result, threads_a_worker=1))


def test_the_page_of_one_picture_speaks_of_one(tiny_model, colour_folder, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "a.png").write_bytes((colour_folder / "red" / "00.png").read_bytes())
    (alone / ".hidden").touch()
    result = classify(
        ClassifyOptions(
            paths=(str(alone),), model=str(tiny_model), device="cpu", output=tmp_path / "p.csv",
            labels_from_folders=True,
        )
    )  # fmt: skip
    html = classify_page.page(replace(result, labelled=0, links_skipped=1))
    assert "picture classified" in html
    assert "The only picture: 1 classified." in html
    assert "1 picture lies in a folder that no class is named like; the accuracy is without it" in html
    assert "1 hidden file or folder left out" in html
    assert "1 link to a folder not followed" in html


def test_where_no_picture_was_classified_the_accuracy_is_unknown_for_that_reason(tiny_model, tmp_path):
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "a.png").write_bytes(b"not a picture")
    result = classify(
        ClassifyOptions(
            paths=(str(tmp_path / "red"),), model=str(tiny_model), device="cpu", output=tmp_path / "p.csv",
            labels_from_folders=True,
        )
    )  # fmt: skip
    assert accuracy_text(result) == "accuracy unknown: no picture was classified"


def test_a_class_that_was_never_seen_has_dashes(evaluation):
    row = next(line for line in evaluate.text(evaluation).splitlines() if line.startswith("dodo & co"))
    assert row.split()[4:] == ["–", "0.000", "0"] or row.split()[3:] == ["0.000", "–", "0.000", "0"]


def test_the_gate_says_by_how_much_it_was_missed(evaluation):
    accuracy = evaluation.metrics.accuracy
    expected = f"accuracy {accuracy:.4f} is {0.99 - accuracy:.4f} below --min-accuracy 0.99"
    assert evaluate.missed_gate(evaluation) == expected


def test_the_pictures_of_an_evaluation_are_named_as_the_contract_says(evaluation, tmp_path):
    import dataclasses

    files = evaluate.write_report(
        dataclasses.replace(evaluation, output=tmp_path), tmp_path / "r.html", command_line="toolkit evaluate"
    )
    assert [path.name for path in files] == ["confusion.png", "gallery.png", "r.html"]
    assert all(path.stat().st_size > 1000 for path in files)


def test_a_benchmark_page_has_a_row_per_case_and_names_the_machine(benchmark_document):
    html = bench_page.page(benchmark_document, command_line="toolkit bench x")
    assert headings(html)[0] == "Latency and throughput"
    assert headings(html)[-1] == "Machine and versions"
    assert html.count("<svg") == html.count("<figcaption>") == 5
    for row in benchmark_document["results"]:
        assert f"{row['queries']:,}" in html
    assert benchmark_document["machine"]["os"] in html
    assert "toolkit bench x" in html


def test_a_benchmark_that_was_interrupted_at_once_still_makes_a_page(benchmark_document):
    html = bench_page.page({**benchmark_document, "results": []})
    assert "Nothing was measured" in html
    assert "<svg" not in html


def test_percentiles_have_their_intervals_beside_them(benchmark_document):
    (row, *_) = benchmark_document["results"]
    latency = {
        **row["latency_ms"],
        "p90": 0.06,
        "p90_ci95": [0.0595, 0.0605],
        "p99.9": 0.2,
        "p99_9_ci95": None,
    }
    ((_, *cells),) = percentile_table([{**row, "latency_ms": latency}]).rows
    by_name = dict(zip(("min", "p50", "p90", "p95", "p99", "p99.9", "max"), cells, strict=True))
    assert (by_name["p90"].text, by_name["p90"].sort) == ("0.0600 (0.0595–0.0605)", 0.06)
    assert by_name["p99.9"].text == "0.200"


def test_a_percentile_without_support_is_a_dash(benchmark_document):
    row = benchmark_document["results"][0]
    scarce = {**row, "latency_ms": {**row["latency_ms"], "p99": None, "p50": None, "p50_ci95": None}}
    html = bench_page.page({**benchmark_document, "results": [scarce]})
    assert '<td class="number">–</td>' in html


def test_what_is_unknown_about_a_machine_is_left_out():
    pairs = machine_pairs(
        {"cpu": "A", "gpu": None, "memory_bytes": 25_300_000_000, "new_key": [{"a": 1}]}, "cmd"
    )
    assert pairs == [("processor", "A"), ("memory", "25.3 GB"), ("new key", "a 1"), ("command line", "cmd")]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (495_239, "495 kB"),
        (999_700, "1 MB"),
        (3_900_000_000, "3.9 GB"),
    ],
)
def test_sizes_are_read_in_decimal_units(size, text):
    assert file_size(size) == text


def test_more_classes_than_a_terminal_shows_are_cut_to_the_weakest(evaluation):
    import dataclasses

    from toolkit.evaluate.metrics import measure

    probabilities = np.eye(40, dtype=np.float32)[np.r_[0:40, 5]]
    truth = np.r_[0:40, 7]
    result = dataclasses.replace(
        evaluation,
        labels=tuple(f"class {i}" for i in range(40)),
        metrics=measure(probabilities, truth, top_k=5),
        pictures=41,
    )
    text = evaluate.text(result)
    assert "the 30 classes with the lowest F1, of 40" in text
    assert text.index("class 5 ") < text.index("class 0 ")


def test_classes_that_are_neither_there_nor_predicted_are_counted_and_have_no_row(evaluation):
    import dataclasses

    from toolkit.evaluate.metrics import measure

    result = dataclasses.replace(
        evaluation,
        labels=("ant", "bee", "crab", "dodo", "eel"),
        metrics=measure(np.eye(5, dtype=np.float32)[[0, 1, 4]], np.array([0, 1, 0]), top_k=1),
        pictures=3,
    )
    text = evaluate.text(result)
    rows = [line.split()[0] for line in text.split("\n\n")[1].splitlines()[2:]]
    assert rows == ["ant", "bee", "eel"]
    assert "2 classes have no pictures and were never predicted: no row" in text
