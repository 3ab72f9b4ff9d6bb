"""Progress: time left, plain lines in logs, a bar in notebooks; and the essential lines and tables of a result."""

import io
import re
import subprocess
import sys

import pytest

import doorview as dv
from doorview.study import progress as shown
from doorview.study.essential import result_html
from helpers.tiny import tiny_town


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    return now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("elapsed", "done", "total", "words"),
    [
        (10.0, 0, 10, ""),  # nothing to judge by
        (10.0, 10, 10, ""),
        (0.5, 5, 10, ""),  # too early
        (2.0, 9, 10, "a few seconds left"),
        (30.0, 10, 30, "about 60 s left"),
        (60.0, 10, 60, "about 5 min left"),
        (3600.0, 1, 3, "about 2.0 h left"),
    ],
)
def test_time_left_goes_on_at_the_pace_so_far(elapsed, done, total, words):
    assert shown.time_left(elapsed, done, total) == words


def test_a_terminal_shows_the_time_left(clock):
    screen = Terminal()
    told = shown.Progress(screen)
    told("seeing", 0, 40)
    clock[0] += 10.0
    told("seeing", 10, 40)
    assert "10/40, about 30 s left" in screen.getvalue()


def test_a_log_has_a_line_every_half_minute_of_a_long_stage(clock):
    log = io.StringIO()
    told = shown.Progress(log)
    for done in range(100):
        told("seeing", done, 100)
        clock[0] += 1.0
    told.end()
    lines = log.getvalue().splitlines()
    assert lines[0] == "seeing ..."
    assert len(lines) == 4
    assert lines[1] == "seeing: 31 of 100, about 70 s left"
    assert "\r" not in log.getvalue()


def test_a_notebook_redraws_one_bar_and_escapes_names(clock):
    seen = []

    class Handle:
        def update(self, drawn):
            seen.append(drawn._repr_html_())

    def show(drawn):
        seen.append(drawn._repr_html_())
        return Handle()

    bar = shown.NotebookProgress(show)
    bar("<script>")
    clock[0] += 10.0
    bar("seeing", 1, 4)
    clock[0] += 10.0
    bar("seeing", 2, 4)
    bar.end()
    assert seen[0] == "<progress></progress> &lt;script&gt;"
    assert seen[2] == '<progress value="2" max="4"></progress> seeing 2/4, about 10 s left'
    assert "done in 20.0 s" in seen[-1]
    assert repr(shown._Html("x")) == "doorview progress"


def test_who_is_told(monkeypatch, capsys):
    calls = []
    with shown.telling(lambda *words: calls.append(words)) as told:
        told("a", 1, 2)
    assert calls == [("a", 1, 2)]
    for quiet in (None, False):
        with shown.telling(quiet) as told:
            told("b")
    assert capsys.readouterr().err == ""
    with shown.telling(progress=True) as told:
        told("c")
    assert capsys.readouterr().err == "c ...\n"


def test_notebooks_are_told_unless_the_environment_says_no(monkeypatch):
    drawn = []
    module = type(sys)("IPython.display")
    module.display = lambda item, display_id: drawn.append(item) or type("H", (), {"update": drawn.append})
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(shown, "in_notebook", lambda: True)
    with shown.telling(None) as told:
        told("a")
    assert len(drawn) == 2
    monkeypatch.setenv("DOORVIEW_PROGRESS", "off")
    with shown.telling(None) as told:
        told("a")
    assert len(drawn) == 2


def test_it_loads_nothing_slow():
    code = "import sys, doorview.study.progress; print({'numpy', 'pandas', 'rich', 'IPython'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    where = tmp_path_factory.mktemp("progress")
    city = dv.City.from_extract(tiny_town(where / "tiny.osm.pbf"))
    calls = []
    found = dv.estimate(city, levels=["recognise", "detect"], range_curve=False, progress=lambda *a: calls.append(a))
    assert any(len(call) == 3 and call[1] == call[2] > 0 for call in calls), "told of the last tile"
    return found


def test_the_essential_has_a_line_per_level_with_the_figures_of_the_table(result):
    first, *lines = result.essential()
    assert "20%" in first
    assert "streets within 50 m of a home" in first.replace("\xa0", " ")
    assert [line.split()[0] for line in lines] == ["detect", "recognise"]
    rows = result.shares.query(
        "scenario == 'independent_20' and space == 'streets_near_homes' and zoning == 'all' and measure == 'area_m2'"
    ).set_index("level")
    for line in lines:
        said = float(re.search(r"  ([\d.]+)%", line)[1])
        assert said == pytest.approx(100 * rows.loc[line.split()[0], "share_mean"], abs=0.5)
    assert result.files() == []


def test_tables_in_notebooks_are_small_and_escaped(result):
    table = result_html(result)
    assert table.count("<tr>") == 1 + 3, "a row per scenario under the head"
    assert "detect" in table
    assert "© OpenStreetMap contributors" in table
    camera = dv.camera("ring-video-doorbell-wired").with_values(label="<script>x", trigger_range_m=8.0)
    assert "<script>" not in camera._repr_html_()
    assert "&lt;script&gt;x" in camera._repr_html_()
    assert "given by the user" in camera._repr_html_()
    level = dv.level(dv.camera("ring-video-doorbell-wired"), "detect")
    assert f"{level.range_m:.1f} m" in level._repr_html_()
