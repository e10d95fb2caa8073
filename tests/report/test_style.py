import os
import re
import subprocess
import sys
import warnings

import matplotlib as mpl
import pytest

from toolkit.errors import OutputError
from toolkit.report.charts import counts_figure
from toolkit.report.style import PAGE_COLOURS, save_png, styled, to_svg


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were():
    before = dict(mpl.rcParams)
    with styled():
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before


def test_no_window_system_is_touched():
    code = (
        "import sys; from toolkit.report.charts import counts_figure; from toolkit.report.style import to_svg;"
        "to_svg(counts_figure(['a'], [1]), title='x'); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_svg_has_real_text_and_colours_that_follow_the_page():
    svg = to_svg(counts_figure(["ant"], [3]), title='a "quoted" <title>')
    assert ">ant</text>" in svg
    assert 'aria-label="a &quot;quoted&quot; &lt;title&gt;"' in svg
    assert "var(--series-1)" in svg
    assert not [colour for colour in PAGE_COLOURS if colour in svg]
    assert not re.search(r"<(style|script|metadata|!--)", svg)


def test_places_in_an_svg_are_short_and_names_with_many_decimals_stay_whole():
    svg = to_svg(counts_figure(['d="0.123456"'], [3]), title="x")
    assert 'd="0.123456"</text>' in svg
    assert not re.search(r"<(path|text|use) [^>]*\.\d{4}", svg)


def test_two_charts_on_one_page_share_no_names_of_groups():
    assert 'id="figure_1"' not in to_svg(counts_figure(["ant"], [3]), title="x")


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        save_png(counts_figure(["ant"], [3]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert to_svg(counts_figure(["ant"], [3]), title="x") == to_svg(counts_figure(["ant"], [3]), title="x")


def test_an_existing_picture_is_refused_without_force(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        save_png(counts_figure(["ant"], [3]), path)
    assert path.read_bytes() == b"mine"


def test_a_name_in_a_script_that_no_font_has_is_drawn_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_png(counts_figure(["𒀀𒀁"], [3]), tmp_path / "a.png")


def test_nothing_is_printed_where_matplotlib_may_keep_nothing(tmp_path):
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-c", "from toolkit.report.style import new_figure; new_figure(1, 1)"],
        env={**os.environ, "MPLCONFIGDIR": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
