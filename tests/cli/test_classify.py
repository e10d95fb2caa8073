import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import CommandLine, encoded, error_line, picture

from toolkit.machine.cores import affinity
from toolkit.models.catalog import DEFAULT_MODEL


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two good pictures, an empty one, one cut short, and a text file that is called like a picture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "1_red.png").write_bytes(encoded(picture((255, 0, 0))))
    (folder / "2_empty.jpg").write_bytes(b"")
    (folder / "3_green.JPG").write_bytes(encoded(picture((0, 255, 0)), "JPEG"))
    (folder / "4_cut.png").write_bytes(encoded(picture((0, 0, 255), (64, 64)))[:-40])
    (folder / "5_text.jpg").write_text("only words\n")
    return folder


EXPECTED = [
    ("photos/1_red.png", "ok", "red", None),
    ("photos/2_empty.jpg", "error", None, "the file is empty (0 bytes)"),
    ("photos/3_green.JPG", "ok", "green", None),
    ("photos/4_cut.png", "error", None, "truncated PNG picture: a part of its data is missing"),
    ("photos/5_text.jpg", "error", None, "a text file, not an image"),
]


def rows_of(document: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [
        (r["path"], r["status"], r["predictions"][0]["label"] if r["predictions"] else None, r["error"])  # type: ignore[index]
        for r in document
    ]


def test_every_format_holds_the_same_rows_and_broken_pictures_mean_exit_3(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    for suffix in ("csv", "jsonl", "parquet"):
        done = toolkit("classify", "photos", "-m", tiny_model, "-o", f"out.{suffix}", check=3)
        assert done.stdout == ""
        assert f"out.{suffix}" in done.stderr
        assert "5 pictures, 3 errors" in done.stderr.splitlines()[-1]
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["path", "status", "label", "probability", "error"]
    assert [(r["path"], r["status"], r["label"] or None, r["error"] or None) for r in table] == EXPECTED
    probabilities = [r["probability"] for r in table if r["status"] == "ok"]
    assert all(len(p) == len("0.999999") and float(p) > 0.99 for p in probabilities)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows_of(lines) == EXPECTED
    assert rows_of(pq.read_table(tmp_path / "out.parquet").to_pylist()) == EXPECTED


def test_without_an_output_there_is_a_table_on_standard_output_and_the_rest_beside_it(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    done = toolkit("classify", "photos", "-m", tiny_model, check=3)
    header, _, *rows = done.stdout.splitlines()
    assert header.split() == ["path", "label", "probability", "error"]
    assert [row.split()[0] for row in rows] == [path for path, *_ in EXPECTED]
    assert "truncated" in rows[3]
    assert "device: cpu" in done.stderr
    quiet = toolkit("classify", "photos", "-m", tiny_model, "-q", check=3)
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")


def test_json_is_one_document_of_rows_and_summary(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    document = json.loads(toolkit("classify", "photos", "-m", tiny_model, "--json", check=3).stdout)
    assert rows_of(document["predictions"]) == EXPECTED
    summary = document["summary"]
    assert (summary["inputs"], summary["ok"], summary["errors"]) == (5, 2, 3)
    assert summary["classes"] == {"red": 1, "green": 1, "blue": 0}
    done = toolkit("classify", "photos", "-m", tiny_model, "--json", "-o", "out.csv", check=3)
    assert json.loads(done.stdout)["summary"]["output"] == "out.csv"


def test_a_long_table_comes_in_pieces_with_one_header(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    (tmp_path / "list.txt").write_text("a.png\n" * 2500 + "gone.png\n")
    lines = toolkit("classify", "list.txt", "-m", tiny_model, check=3).stdout.splitlines()
    assert len(lines) == 2 + 2501
    assert sum(line.startswith("path") for line in lines) == 1
    assert lines[-1].split() == ["gone.png", "–", "–", "no", "such", "file"]


def test_the_same_picture_has_the_same_row_from_every_way_in(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    import PIL.Image

    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "turned.jpg").write_bytes(
        encoded(picture((9, 200, 40), (30, 20)), "JPEG", exif=exif.tobytes())
    )
    (tmp_path / "list.txt").write_text("f/turned.jpg\n")
    (tmp_path / "list.csv").write_text("path\nf/turned.jpg\n")
    rows = []
    for arguments, stdin in ((["f/turned.jpg"], None), (["f"], None), (["f/*.jpg"], None), (["list.txt"], None),
                             (["list.csv"], None), (["-"], "f/turned.jpg\n"), (["-"], "f/turned.jpg\0")):  # fmt: skip
        done = toolkit("classify", *arguments, "-m", tiny_model, "--json", stdin=stdin)
        rows.append(json.loads(done.stdout)["predictions"])
    assert rows[0][0]["path"] == "f/turned.jpg"
    assert all(row == rows[0] for row in rows)


def test_labels_from_folders_print_accuracy_and_confusion(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    (colour_folder / "blue" / "wrong.png").write_bytes((colour_folder / "red" / "00.png").read_bytes())
    done = toolkit("classify", "colours", "-m", tiny_model, "--labels-from-folders", "-o", "out.csv")
    assert done.stdout.splitlines()[0] == "accuracy 0.9231 (12 of 13 pictures)"
    assert done.stdout.splitlines()[-1].split() == ["blue", "1", "0", "4"]
    assert "no pictures" not in done.stdout
    document = json.loads(
        toolkit("classify", "colours", "-m", tiny_model, "--labels-from-folders", "--json").stdout
    )
    assert document["summary"]["confusion"] == [[4, 0, 0], [0, 4, 0], [1, 0, 4]]
    lost = toolkit("classify", "colours/red/00.png", "-m", tiny_model, "--labels-from-folders", cwd=None)
    assert "accuracy 1.0000 (1 of 1 picture)" in lost.stdout
    assert [line.split() for line in lost.stdout.splitlines()[-5:]] == [
        ["true", "\\", "predicted", "red"],
        ["─" * 22],
        ["red", "1"],
        [],
        ["2", "classes", "have", "no", "pictures,", "and", "no", "row"],
    ]


def test_a_matrix_too_wide_for_80_columns_numbers_its_columns(
    toolkit: CommandLine, tmp_path: Path, colour_folder: Path
) -> None:
    import onnx
    from support import colour_model

    labels = [f"a long name of the colour {name}" for name in ("red", "green", "blue")]
    onnx.save(colour_model(labels=labels), tmp_path / "long.onnx")
    for name, label in zip(("red", "green"), labels, strict=False):
        (colour_folder / name).rename(colour_folder / label)
    (colour_folder / labels[0] / "wrong.png").write_bytes(encoded(picture((0, 0, 255))))
    done = toolkit(
        "classify", "colours", "-m", "long.onnx", "--labels-from-folders", "-o", "out.csv", "--device", "cpu"
    )
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["true", "\\", "predicted", "1", "2", "3"]
    assert lines[4].split() == ["1", *labels[0].split(), "4", "0", "1"]
    assert f"the other columns: 3 {labels[2]}" in lines


def test_a_run_that_fails_leaves_no_folder_behind(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    toolkit("classify", "photos", "-m", "gone.onnx", "-o", "a/b.csv", "--report", "c/d.html", check=1)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    toolkit("classify", "photos", "-m", tiny_model, "-o", "a/b.csv", "--report", "c/d.html", check=3)
    assert (tmp_path / "a" / "b.csv").is_file()
    assert (tmp_path / "c" / "d.html").is_file()


def test_files_are_named_with_their_sizes_on_standard_error_and_not_at_all_when_quiet(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    arguments = ("classify", "photos", "-m", tiny_model, "-o", "o.csv", "--report", "p.html", "--force")
    done = toolkit(*arguments, check=3)
    assert done.stdout == ""
    assert done.stderr.splitlines()[1].startswith("wrote o.csv (")
    assert done.stderr.splitlines()[2].startswith("wrote p.html (")
    assert done.stderr.splitlines()[2].endswith(" kB)")
    quiet = toolkit(*arguments, "-q", check=3)
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_a_resumed_report_has_equally_many_bars_on_every_card(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path, tmp_path: Path
) -> None:
    from toolkit.classify.job import run
    from toolkit.classify.options import ClassifyOptions

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    folders = tuple(str(colour_folder / name) for name in ("red", "green", "blue"))
    output = tmp_path / "o.csv"
    with pytest.raises(KeyboardInterrupt):
        run(
            ClassifyOptions(
                paths=folders, model=str(tiny_model), device="cpu", threads=1, batch_size=4, output=output
            ),
            sink=stop,
        )
    toolkit("classify", *folders, "-m", tiny_model, "-o", output, "--batch-size", 4, "--resume",
            "--report", "r.html", "--device", "cpu")  # fmt: skip
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    cards = page.split('<ol class="bars">')[1:]
    assert [card.split("</ol>")[0].count("<li") for card in cards] == [1] * 12
    assert "The resumed file has 1 class a row, so each picture has as many bars." in page


def test_the_time_of_sorting_is_a_stage_of_its_own(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    done = toolkit("classify", "photos", "-m", tiny_model, "--json", "--sort-into", "s", check=3)
    assert json.loads(done.stdout)["summary"]["stages"]["sorting"] >= 0
    plain = toolkit("classify", "photos", "-m", tiny_model, "--json", check=3)
    assert "sorting" not in json.loads(plain.stdout)["summary"]["stages"]


def test_uncertain_rows_are_marked_in_a_last_column(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "sure.png").write_bytes(encoded(picture((255, 0, 0))))
    (tmp_path / "grey.png").write_bytes(encoded(picture((90, 100, 90))))
    done = toolkit(
        "classify", "sure.png", "grey.png", "-m", tiny_model, "--min-confidence", "0.5", "-o", "o.csv"
    )
    assert [line.rsplit(",", 1)[1] for line in (tmp_path / "o.csv").read_text().splitlines()] == [
        "uncertain", "false", "true",
    ]  # fmt: skip
    assert "1 uncertain (below 0.5)" in done.stderr


def test_top_k_adds_columns(toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path) -> None:
    toolkit("classify", "photos/1_red.png", "-m", tiny_model, "--top-k", 2, "-o", "out.csv")
    header, row = csv.reader(io.StringIO((tmp_path / "out.csv").read_text()))
    assert header == ["path", "status", "label", "probability", "label_2", "probability_2", "error"]
    assert (row[2], row[4]) == ("red", "green")


def test_nasty_names_come_back_from_every_format(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    names = ["comma,inside.png", "line\nbreak.png", "return\r.png", '"quoted".png', "[a].png", "--help.png", "é.png",
             "e\u0301.png", "u\u2028v.png", " blank.png", "set[1]/a.png", "=1+1.png"]  # fmt: skip
    folder = tmp_path / "names"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(picture((255, 0, 0))))
    raw = os.fsencode(folder) + b"/latin1_\xe9\xff.png"
    Path(os.fsdecode(raw)).write_bytes(encoded(picture((255, 0, 0))))
    expected = sorted([*names, os.fsdecode(b"latin1_\xe9\xff.png")])
    expected = ["latin1_\\xe9\\xff.png" if "latin1" in name else name for name in expected]
    for suffix in ("csv", "jsonl", "parquet"):
        toolkit("classify", ".", "-m", tiny_model, "-o", f"../out.{suffix}", cwd=folder)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [f"./{name}" for name in expected]
    records = [
        json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]
    assert [record["path"] for record in records] == [f"./{name}" for name in expected]
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["path"] for row in table] == [f"./{name}" for name in expected]
    import base64

    for row in (
        records[expected.index("latin1_\\xe9\\xff.png")],
        table[expected.index("latin1_\\xe9\\xff.png")],
    ):
        assert base64.b64decode(row["path_bytes"]) == b"./latin1_\xe9\xff.png"
    toolkit("classify", "-m", tiny_model, "-q", "--", "--help.png", cwd=folder)
    formula = toolkit("classify", "=1+1.png", "-m", tiny_model, "-o", "/dev/stdout", cwd=folder)
    assert formula.stdout.splitlines()[1].startswith("'=1+1.png,ok,red,")


def test_pipes_sockets_and_devices_are_rows_and_nothing_hangs(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    os.mkfifo(folder / "pipe.jpg")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    (folder / "stream.jpg").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(".")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "IMG_0001").write_bytes(b"")
    done = toolkit("classify", "odd", "odd/pipe.jpg", "-m", tiny_model, "--json", check=3)
    errors = [row["error"] for row in json.loads(done.stdout)["predictions"]]
    assert ["pipe" in errors[0], "socket" in errors[1], "device" in errors[2], "pipe" in errors[3]] == [
        True
    ] * 4
    skipped = "1 hidden skipped; 1 other file skipped; 1 link to a folder not followed"
    assert f"{skipped} (--follow-links follows it)" in done.stderr


def test_links_to_folders_are_followed_when_asked_and_a_resumed_run_follows_them_too(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    (folder / "linked").symlink_to("../photos")
    (folder / "loop").symlink_to(".")
    arguments = ("classify", "f", "-m", tiny_model, "-o", "o.csv")
    plain = toolkit(*arguments)
    assert "2 links to folders not followed (--follow-links follows them)" in plain.stderr
    assert rows_in(tmp_path / "o.csv") == ["f/a.png"]
    done = toolkit(*arguments, "--follow-links", "--force", check=3)
    assert "link" not in done.stderr
    assert rows_in(tmp_path / "o.csv") == ["f/a.png", *(f"f/linked/{path[7:]}" for path, *_ in EXPECTED)]
    assert "nothing to do" in toolkit(*arguments, "--follow-links", "--resume", check=3).stderr


def test_each_mention_of_a_path_is_a_row_and_a_missing_one_an_error_row(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    done = toolkit("classify", "gone.png", "photos/1_red.png", "./photos/1_red.png", "photos/1_red.png", "-m",
                   tiny_model, "--json", check=3)  # fmt: skip
    rows = json.loads(done.stdout)["predictions"]
    assert [(row["path"], row["error"]) for row in rows] == [
        ("gone.png", "no such file"),
        ("photos/1_red.png", None),
        ("./photos/1_red.png", None),
        ("photos/1_red.png", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["empty"], 1, "no images"),
        (["empty.txt"], 1, "no images"),
        (["*.gif"], 1, "no images"),
        (["photos", "-m", "nothing.onnx"], 1, "no such model file"),
        (["photos", "-o", "there.csv"], 1, "exists already"),
        (["photos", "-o", "no.xlsx"], 2, ".csv, .jsonl or .parquet"),
        (["photos", "-o", "pics"], 2, ".csv, .jsonl or .parquet"),
        (["photos", "--report", "page.txt"], 2, ".html or .htm"),
        (["photos", "--report", "page"], 2, ".html or .htm"),
        (["photos", "--top-k", "0"], 2, "--top-k"),
        (["photos", "--resume"], 2, "--resume"),
        (["photos", "--link"], 2, "--link"),
        (["photos", "-o", "x.csv", "--sort-into", "x.csv"], 2, "--sort-into"),
        (["photos", "-o", "x.csv", "--sort-into", "./y/../x.csv/sorted"], 2, "--sort-into"),
        (["photos", "--keep-columns", "-o", "o.csv"], 1, "--keep-columns"),
        (["photos", "--ray-address", "auto"], 2, "--engine ray"),
        (["photos", "--workers", "0"], 2, "--workers"),
        (["photos", "-o", "there.csv", "--resume"], 1, "isn't a file of predictions"),
        (["empty.zip"], 1, "archive"),
        (["photos", "--device", "tpu"], 2, "tpu"),
        (["photos", "--frobnicate"], 2, "--frobnicate"),
        (["photos", "--normalize", "unit"], 2, "--normalize"),
    ],
)
def test_what_is_wrong_ends_in_one_line_and_the_right_code(
    arguments: list[str], code: int, words: str, toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "there.csv").write_text("precious")
    model = [] if "-m" in arguments else ["-m", tiny_model]
    assert words in error_line(toolkit("classify", *arguments, *model, check=code))
    assert (tmp_path / "there.csv").read_text() == "precious"


def test_an_empty_folder_leaves_no_parquet_behind(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    toolkit("classify", "empty", "-m", tiny_model, "-o", "out.parquet", check=1)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_full_disk_is_one_line_and_exit_1(
    suffix: str, toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / f"full.{suffix}").symlink_to("/dev/full")
    done = toolkit("classify", "photos/1_red.png", "-m", tiny_model, "-o", f"full.{suffix}", check=1)
    assert "no space left" in error_line(done)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_table_that_nobody_can_take_is_one_line_and_exit_1(
    option: list[str], tiny_model: Path, photos: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", "classify", photos, "-m", tiny_model, *option],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "no space left" in error_line(done)


def test_a_reader_that_goes_away_is_no_traceback(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    (tmp_path / "list.txt").write_text("a.png\n" * 20_000)
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", "classify", "list.txt", "-m", tiny_model],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.wait()
    assert not any(word in errors for word in ("Traceback", "error:"))
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("suffix", "ending", "workers"),
    [
        ("csv", signal.SIGINT, 1),
        ("csv", signal.SIGKILL, 1),
        ("jsonl", signal.SIGKILL, 2),
        ("parquet", signal.SIGINT, 1),
        ("parquet", signal.SIGKILL, 2),
    ],
)
def test_an_interrupted_run_resumed_gives_the_file_of_one_run(
    suffix: str, ending: signal.Signals, workers: int, toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    # Standard input that stays open: the run waits for more paths when the signal comes.
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    (tmp_path / "gone.png").write_bytes(b"")
    names = ["a.png", "gone.png"] * 640
    (tmp_path / "list.txt").write_text("\n".join([*names, *names]))
    output, part = tmp_path / f"out.{suffix}", tmp_path / f"out.{suffix}.part"
    common = ["-m", tiny_model, "-o", output.name, "--workers", str(workers)]
    toolkit("classify", "list.txt", *common, check=3)
    expected = output.read_bytes()
    output.unlink()
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", "classify", "-", *common],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("\n".join(names).encode() + b"\n")
        process.stdin.flush()
        wait_for_rows(part)
        process.send_signal(ending)
        errors = process.stderr.read().decode()
        process.wait(20)
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert "error: interrupted (Ctrl-C): what was finished is kept" in errors
        assert "--resume goes on from there" in errors
        assert "Traceback" not in errors
    assert not output.exists()
    assert part.exists()
    done = toolkit("classify", "list.txt", *common, "--resume", check=3)
    resumed = int(done.stderr.split("resuming: ")[1].split(" rows")[0].replace(",", ""))
    assert 0 < resumed <= 1280
    assert f"{resumed:,} rows were there already" in done.stderr
    assert output.read_bytes() == expected
    assert sorted(path.name for path in tmp_path.glob("out*")) == [output.name]


def wait_for_rows(part: Path) -> None:
    """Wait until something of the output is on the disk, and a moment more."""
    journal = part.with_name(part.name + ".journal")
    for _ in range(400):
        if journal.exists() and len(journal.read_bytes().splitlines()) > 2:
            time.sleep(0.2)
            return
        time.sleep(0.05)
    raise AssertionError("no output was begun")


def test_workers_that_go_down_with_their_parent_leave_no_process_behind(
    tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    mark = f"orphan-{os.getpid()}.csv"
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", "classify", "-", "-m", tiny_model, "-o", mark, "--workers", "2"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"a.png\n" * 8000)
        process.stdin.flush()
        wait_for_rows(tmp_path / f"{mark}.part")
        import psutil

        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.kill()
        process.wait(20)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert alive == []


def rows_in(path: Path) -> list[str]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [row["path"] for row in csv.DictReader(file)]
    if path.suffix == ".jsonl":
        return [json.loads(line)["path"] for line in path.read_text().splitlines()]
    return [str(name) for name in pq.read_table(path).column("path").to_pylist()]


def test_a_report_is_written_beside_the_rows(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    done = toolkit("classify", "photos", "-m", tiny_model, "-o", "o.csv", "--report", "page.html", check=3)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "1_red.png" in page
    assert "a text file, not an image" in page
    assert "page.html" in done.stderr
    assert "exists already" in error_line(
        toolkit("classify", "photos", "-m", tiny_model, "--report", "page.html", check=1)
    )


def test_a_report_shows_pictures_out_of_archives_and_the_command_line(
    toolkit: CommandLine, tiny_model: Path, tmp_path: Path
) -> None:
    import tarfile
    import zipfile

    content = encoded(picture((255, 0, 0)))
    (tmp_path / "a.png").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as file, tarfile.open(tmp_path / "p.tgz", "w:gz") as tar:
        file.write(tmp_path / "a.png", "in/zip.png")
        tar.add(tmp_path / "a.png", "in/tar.png")
    toolkit("classify", "p.zip", "p.tgz", "a.png", "-m", tiny_model, "--report", "page.html", "-q")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/") >= 3
    assert "can't be shown any more" not in page
    assert "toolkit classify p.zip p.tgz a.png" in page


def test_one_picture_loads_nothing_that_it_does_not_need(tiny_model: Path, photos: Path) -> None:
    code = (
        "import sys; from toolkit.cli.app import run; run(sys.argv[1:]); "
        "print(sorted({'onnx', 'pyarrow', 'matplotlib', 'jinja2', 'tensorflow', 'PIL.ImageCms'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "classify", photos / "1_red.png", "-m", tiny_model, "--device", "cpu"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_archives_lists_folders_and_addresses_give_the_same_rows(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    import http.server
    import tarfile
    import threading
    import zipfile

    with zipfile.ZipFile(tmp_path / "p.zip", "w") as file, tarfile.open(tmp_path / "p.tar.gz", "w:gz") as tar:
        for path in sorted(photos.iterdir()):
            file.write(path, f"photos/{path.name}")
            tar.add(path, f"photos/{path.name}")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        web = f"http://127.0.0.1:{server.server_port}/"
        for path, prefix in (("p.zip", "p.zip!"), ("p.tar.gz", "p.tar.gz!"), (f"{web}photos/", web)):
            for workers in (1, 2):
                done = toolkit("classify", path, "-m", tiny_model, "--json", "--workers", workers, check=3)
                rows = rows_of(json.loads(done.stdout)["predictions"])
                assert rows == [(f"{prefix}{name}", *rest) for name, *rest in EXPECTED]
        server.shutdown()


def test_pictures_are_sorted_into_folders_by_class(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    done = toolkit("classify", "photos", "-m", tiny_model, "--sort-into", "sorted", "-q", check=3)
    assert "1_red.png" in done.stdout
    found = sorted(str(p.relative_to(tmp_path / "sorted")) for p in (tmp_path / "sorted").rglob("*.*"))
    assert found == ["green/photos/3_green.JPG", "red/photos/1_red.png"]
    assert (tmp_path / "sorted" / found[1]).read_bytes() == (photos / "1_red.png").read_bytes()


def test_columns_of_a_list_are_kept_when_asked_for(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("id,path,note\n7,photos/1_red.png,=1+1\n8,gone.png,\n")
    toolkit("classify", "list.csv", "-m", tiny_model, "-o", "o.csv", "--keep-columns", check=3)
    header, first, second = csv.reader(io.StringIO((tmp_path / "o.csv").read_text()))
    assert header == ["path", "status", "label", "probability", "error", "id", "note"]
    assert (first[0], first[2], first[5:]) == ("photos/1_red.png", "red", ["7", "'=1+1"])
    assert second[4:] == ["no such file", "8", ""]
    toolkit("classify", "list.csv", "-m", tiny_model, "-o", "p.csv", check=3)
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "path,status,label,probability,error"


def test_the_summary_tells_the_speed_and_what_set_it(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    done = toolkit("classify", "photos", "-m", tiny_model, "--json", "--workers", 2, check=3)
    summary = json.loads(done.stdout)["summary"]
    assert (summary["workers"], summary["threads_a_worker"]) == (2, 1)
    assert set(summary["stages"]) == {"reading", "decoding", "running", "writing"}
    assert summary["limit"] in summary["stages"]
    assert summary["remedy"]
    done = toolkit("classify", "photos", "-m", tiny_model, "--json", "--threads", 3, check=3)
    alone = json.loads(done.stdout)["summary"]
    assert (alone["workers"], alone["threads_a_worker"]) == (1, 3)  # one process, whose threads decode


def test_rows_go_to_a_pipe_as_they_are_made(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((255, 0, 0))))
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", "classify", "-", "-m", tiny_model, "-o", "/dev/stdout", "-q"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("a.png\n" * 1000)
        process.stdin.flush()
        assert process.stdout.readline() == "path,status,label,probability,error\n"
        assert process.stdout.readline().startswith("a.png,ok,red,")  # while standard input is still open
        process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_resuming_a_finished_output_ends_as_it_ended(
    suffix: str, toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / f"r.{suffix}"
    arguments = ("classify", "photos", "-m", tiny_model, "-o", output.name)
    toolkit(*arguments, check=3)
    before = output.read_bytes()
    done = toolkit(*arguments, "--resume", check=3)
    assert f"{output.name} is finished already: nothing to do" in done.stderr.splitlines()
    assert "wrote" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("5 pictures, 3 errors")
    again = toolkit(*arguments, "--resume", "--json", check=3)
    summary = json.loads(again.stdout)["summary"]
    counts = [summary[key] for key in ("inputs", "ok", "errors", "resumed", "added", "removed")]
    assert counts == [5, 2, 3, 5, 0, 0]
    assert summary["classes"] == {"red": 1, "green": 1, "blue": 0}
    line = error_line(toolkit("classify", "photos/1_red.png", *arguments[2:], "--resume", check=1))
    assert line.startswith("error: it is finished already, with other inputs than these")
    assert output.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", output.name]


def test_an_empty_folder_in_a_list_is_a_row_and_a_list_of_nothing_else_an_error(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "only.txt").write_text("empty\nempty\n")
    (tmp_path / "list.txt").write_text("empty\nphotos/1_red.png\n")
    failed = toolkit("classify", "only.txt", "-m", tiny_model, "-o", "o.csv", check=1)
    assert "the list holds not a single picture (only.txt)" in error_line(failed)
    assert not list(tmp_path.glob("*o.csv*"))
    toolkit("classify", "-", "-m", tiny_model, stdin="empty\n", check=1)
    done = toolkit("classify", "list.txt", "-m", tiny_model, "--json", check=3)
    assert rows_of(json.loads(done.stdout)["predictions"]) == [
        ("empty", "error", None, "folder: no picture in it"),
        ("photos/1_red.png", "ok", "red", None),
    ]


def test_an_address_that_nobody_may_read_is_a_row_and_one_that_cannot_be_listed_an_error(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("s3fs")
    nobody = {
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_ACCESS_KEY_ID": "",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    done = toolkit(
        "classify", "s3://bucket/x.jpg", "photos/1_red.png", "-m", tiny_model, "--json", check=3, env=nobody
    )
    first, second = rows_of(json.loads(done.stdout)["predictions"])
    assert first[:3] == ("s3://bucket/x.jpg", "error", None)
    assert "can't be read: Unable to locate credentials" in str(first[3])
    assert second[1] == "ok"
    failed = toolkit("classify", "s3://bucket/folder", "-m", tiny_model, check=1, env=nobody)
    assert "can't be listed" in error_line(failed)


def test_a_pattern_that_matches_folders_gives_the_pictures_that_the_shells_would(
    toolkit: CommandLine, tiny_model: Path, colour_folder: Path
) -> None:
    names = sorted(path.name for path in colour_folder.iterdir())
    quoted = toolkit("classify", "colours/*", "-m", tiny_model, "--json")
    expanded = toolkit("classify", *(f"colours/{name}" for name in names), "-m", tiny_model, "--json")
    rows = json.loads(quoted.stdout)["predictions"]
    assert len(rows) == 12
    assert rows == json.loads(expanded.stdout)["predictions"]


def test_without_a_model_the_default_one_classifies_and_is_named(
    toolkit: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture((90, 120, 200), (32, 32))))
    done = toolkit("classify", "a.png", "--device", "cpu", "--json")
    named = toolkit("classify", "a.png", "--device", "cpu", "--json", "-m", DEFAULT_MODEL)
    assert done.stderr.splitlines()[0] == (
        f"no model was named (-m): this is {DEFAULT_MODEL}, one of those that toolkit models lists"
    )
    assert json.loads(done.stdout)["predictions"] == json.loads(named.stdout)["predictions"]
    assert "no model was named" not in named.stderr
    assert toolkit("classify", "a.png", "--device", "cpu", "--quiet").stderr == ""


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_on_one_core_of_several_there_is_one_thread_and_no_word_of_affinity(
    tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    command = ["taskset", "-c", str(min(affinity())), sys.executable, "-m", "toolkit", "classify", "photos"]
    done = subprocess.run(
        [*command, "-m", str(tiny_model), "--json"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 3
    assert "affinity" not in done.stderr
    assert json.loads(done.stdout)["summary"]["threads"] == 1


@pytest.mark.parametrize("source", [["."], ["photos"], ["ph*"], ["list.txt"], ["photos/1_red.png"]])
def test_what_was_sorted_is_not_sorted_again(
    source: list[str], toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("photos\n")
    target = tmp_path / "photos" / "sorted"
    found, code = [], 0 if source == ["photos/1_red.png"] else 3
    for _ in range(3):
        toolkit("classify", *source, "-m", tiny_model, "--sort-into", target, "-q", check=code)
        found.append(sorted(path for path in target.rglob("*") if path.is_file()))
    assert found[0]
    assert found[0] == found[1] == found[2]


def test_pictures_that_cannot_be_linked_are_said_to_be_copied(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.add(photos / "1_red.png", "x.png")
    said = "1 picture of them copied: what is in an archive or at an address can't be linked"
    paths = ["photos/1_red.png", "a.tar"]
    for _ in range(2):  # the second time they are there already
        done = toolkit("classify", *paths, "-m", tiny_model, "--sort-into", "sorted", "--link")
        assert "linked 2 pictures into sorted, a folder for each class" in done.stderr.splitlines()
        assert said in done.stderr.splitlines()
    assert said not in toolkit("classify", *paths, "-m", tiny_model, "--sort-into", "sorted").stderr


def cut_tar(path: Path, photos: Path) -> Path:
    with tarfile.open(path, "w") as file:
        for number in range(6):
            file.add(photos / "1_red.png", f"{number}.png")
    path.write_bytes(path.read_bytes()[: 4 * 1024])  # between two members
    return path


def test_what_was_finished_is_shown_when_the_run_cannot_go_on(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    cut = cut_tar(tmp_path / "cut.tar", photos)
    done = toolkit(
        "classify", "photos/1_red.png", cut, "-m", tiny_model, "--batch-size", "1", "--json", check=1
    )
    document = json.loads(done.stdout)
    assert [row["status"] for row in document["predictions"]] == ["ok"] * len(document["predictions"])
    assert document["predictions"]
    assert document["summary"] is None
    assert "a part is missing" in error_line(done)
    table = toolkit(
        "classify", "photos/1_red.png", cut, "-m", tiny_model, "--batch-size", "1", check=1
    ).stdout
    assert "photos/1_red.png" in table


def test_a_blank_line_of_a_list_is_a_row(toolkit: CommandLine, tiny_model: Path, photos: Path) -> None:
    done = toolkit(
        "classify",
        "-",
        "-m",
        tiny_model,
        "--json",
        stdin="photos/1_red.png\n \nphotos/3_green.JPG\n",
        check=3,
    )
    found = rows_of(json.loads(done.stdout)["predictions"])
    assert found[1] == (" ", "error", None, "no such file")
    assert [row[1] for row in found] == ["ok", "error", "ok"]


def test_a_folder_is_not_sorted_into_itself(toolkit: CommandLine, tiny_model: Path, photos: Path) -> None:
    for folder in ("photos", "photos/../photos/"):
        done = toolkit("classify", "photos", "-m", tiny_model, "--sort-into", folder, check=2)
        assert "--sort-into" in error_line(done)
    toolkit("classify", "photos", "-m", tiny_model, "--sort-into", ".", check=3)


def test_error_rows_of_a_finished_file_are_not_tried_again_and_that_is_said(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    toolkit("classify", "photos", "-m", tiny_model, "-o", "out.csv", check=3)
    done = toolkit("classify", "photos", "-m", tiny_model, "-o", "out.csv", "--resume", check=3)
    assert "its error rows are not tried again: --force makes the file anew" in done.stderr


def test_an_address_that_cannot_be_reached_is_a_row_whatever_its_kind(
    toolkit: CommandLine, tiny_model: Path, photos: Path
) -> None:
    pytest.importorskip("fsspec")
    done = toolkit(
        "classify", "photos/1_red.png", "ftp://127.0.0.1:1/x.jpg", "-m", tiny_model, "--json", check=3
    )
    found = json.loads(done.stdout)["predictions"]
    assert [row["status"] for row in found] == ["ok", "error"]
    assert "can't be reached" in found[1]["error"]


def test_a_picture_that_could_not_be_sorted_means_exit_3(
    toolkit: CommandLine, tiny_model: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "s" / "red" / "photos").mkdir(parents=True)
    (photos / "2_empty.jpg").unlink()
    (photos / "4_cut.png").unlink()
    (photos / "5_text.jpg").unlink()
    code = (
        "import os, sys; from toolkit.classify import sort_into; from toolkit.errors import ImageError\n"
        "def gone(*_): raise ImageError('gone', where='x', remedy='y')\n"
        "sort_into.SortInto._sort = gone\n"
        "from toolkit.cli.app import run; sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "classify", "photos", "-m", str(tiny_model), "--sort-into", "s"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "2 pictures could not be copied (first: photos/1_red.png: gone)" in done.stderr
