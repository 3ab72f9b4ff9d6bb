"""The commands: exit codes, messages, and what reaches the pipeline."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import time
import types
from pathlib import Path

import pytest

import doorview
from doorview import cli
from doorview.errors import OutputError
from doorview.sight.camera import catalogue
from helpers.osmfile import OsmFile
from helpers.overpass import LocalOverpass
from helpers.tiny import tiny_town


class FakeResult:
    """What the command line needs of a result."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def headline(self) -> list[str]:
        return ["observe: 12 % of streets near homes in \x1b[31mview"]

    def notes(self) -> list[str]:
        return ["left out at the edge: 3 acres"]

    def essential(self) -> list[str]:
        return ["if 1 in 5: observe 12 %"]

    def files(self) -> list[str]:
        return [f"Maps and tables: {self.folder}"]


@pytest.fixture
def pipeline(monkeypatch):
    """Put a stand-in for the pipeline in place; returns the list of calls."""
    calls = []

    def run_study(study, out, *, fresh, progress, profile, workers=None, scheduler=None):
        progress("reading the city")
        progress("viewsheds", 1, 2)
        calls.append((study, out, fresh))
        return FakeResult(out)

    module = types.ModuleType("doorview.study.pipeline")
    module.run_study = run_study
    monkeypatch.setitem(sys.modules, "doorview.study.pipeline", module)
    return calls


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "a study.toml"
    path.write_text('[study]\nname = "Los/Ángeles: \\u001b"\n[place]\nplace = "Lakeland"\n', encoding="utf-8")
    return path


def refused(arguments: list[str], capsys) -> str:
    """Return what is printed where a call is refused as a usage error."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_help_and_version(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("new", "run", "estimate", "check", "demo", "cameras"))
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == f"doorview {doorview.__version__}"


@pytest.mark.parametrize("command", ["new", "run", "estimate", "check", "demo", "cameras"])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert f"doorview {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "required"),
        (["estimte", "x"], "Did you mean 'estimate'?"),
        (["estimate", "x", "--obstacles", "bildings"], "Did you mean 'buildings'?"),
        (["estimate", "x", "--levles", "detect"], "did you mean --levels?"),
        (["estimate", "x", "--rates", "5%"], "no list of numbers"),
        (["estimate", "x", "--threads", "two"], "invalid int"),
        (["run"], "STUDY"),
    ],
)
def test_usage_errors_exit_2_with_a_hint(arguments, hint, capsys):
    assert hint in refused(arguments, capsys)


def test_run_calls_the_pipeline_and_says_where_the_files_are(pipeline, study_file, tmp_path, capsys):
    assert cli.main(["run", str(study_file), "--out", str(tmp_path / "o ut"), "--fresh", "--threads", "2"]) == 0
    ((study, out, fresh),) = pipeline
    assert (study.place.place, study.coverage.threads, out, fresh) == ("Lakeland", 2, tmp_path / "o ut", True)
    shown = capsys.readouterr()
    assert "observe: 12 %" in shown.out
    assert "left out at the edge: 3 acres" in shown.out
    assert str(tmp_path / "o ut") in shown.out
    order = [
        "left out at the edge",
        "near homes in",
        "if 1 in 5: observe 12 %",
        "Maps and tables",
        "Simulated. In view",
    ]
    places = [shown.out.index(words) for words in order]
    assert places == sorted(places), "the essential stands last"
    assert "\x1b" not in shown.out  # text from data does not steer the terminal
    assert shown.err == "reading the city ...\nviewsheds ...\n"


def test_the_default_folder_is_named_after_the_study(pipeline, study_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", str(study_file)]) == 0
    ((_, out, fresh),) = pipeline
    assert out == Path("out") / "Los-Ángeles"
    assert fresh is False


def test_profile_prints_the_timings_of_the_run(pipeline, study_file, tmp_path, capsys):
    stage = {
        "seconds": 1.25,
        "cpu_seconds": 2.5,
        "bytes_read": 3_000_000,
        "bytes_written": None,
        "peak_memory_bytes": 5,
    }
    costs = {"seconds": 2.5, "cpu_seconds": 4.0, "peak_memory_bytes": 10**9, "stages": {"viewsheds": stage}}
    (tmp_path / "run.json").write_text(json.dumps({"costs": costs}), encoding="utf-8")
    assert cli.main(["run", str(study_file), "--out", str(tmp_path), "--profile"]) == 0
    told = capsys.readouterr().out
    assert "2.5 s, 4.0 s of processor time, 1 GB of memory at most" in told
    row = next(line.split() for line in told.splitlines() if line.endswith("  viewsheds"))
    assert row == ["1.25", "50.0%", "2.0", "3", "MB", "unknown", "5", "B", "viewsheds"]


def test_estimate_hands_its_options_on(pipeline, tmp_path, capsys):
    extract = tmp_path / "my city.osm.pbf"
    extract.write_bytes(b"")
    options = ["--levels", "detect observe", "--rates", "0.05, 0.2", "--near", "30", "--cell", "1", "--units", "us"]
    more = ["--camera", "ring-video-doorbell-4", "--obstacles", "all", "--country", "us", "--zones", str(extract)]
    assert cli.main(["estimate", str(extract), *options, *more]) == 0
    ((study, out, _),) = pipeline
    assert study.place.extract == extract
    assert study.camera.levels == ("detect", "observe")
    assert [item.rate for item in study.scenarios.values()] == [0.05, 0.2]
    assert (study.public_space.near_home_m, study.coverage.cell_m, study.output.units) == (30.0, 1.0, "us")
    assert (study.camera.model, study.coverage.obstacles, study.place.country) == ("ring-video-doorbell-4", "all", "us")
    assert [zoning.file for zoning in study.zones] == [extract]
    assert out == Path("out") / "my-city"


def test_a_box_in_the_west_is_no_option(pipeline, capsys):
    assert cli.main(["estimate", "-77.1,39,-76.5,40"]) == 0
    ((study, _, _),) = pipeline
    assert study.place.bbox == (-77.1, 39.0, -76.5, 40.0)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", "nope.toml"], "no study file 'nope.toml'"),
        (["check", "nope.toml"], "doorview new"),
        (["estimate", "nope.osm.pbf"], "no such file"),
        (["estimate", "Lakeland", "--camera", "ring-video-dorbell-4"], "Did you mean 'ring-video-doorbell-4'?"),
        (["estimate", "Lakeland", "--levels", "detct"], "Did you mean 'detect'?"),
        (["estimate", "Lakeland", "--rates", "20"], "outside [0, 1]"),
        (["estimate", "Lakeland", "--near", "nan"], "finite"),
        (["estimate", "Lakeland", "--threads", "0"], "threads"),
        (["estimate", "Lakeland", "--boundary", "nope.geojson"], "no such file"),
    ],
)
def test_bad_input_exits_1_with_one_message(pipeline, arguments, what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("doorview: ")
    assert what in shown.err
    assert "Traceback" not in shown.err
    assert not pipeline
    assert not list(tmp_path.iterdir())


def test_an_error_of_a_run_exits_1(pipeline, study_file, monkeypatch, capsys):
    def full(*_arguments, **_options):
        raise OutputError("no space left in 'out'; free some, or give another folder with --out")

    monkeypatch.setattr(sys.modules["doorview.study.pipeline"], "run_study", full)
    assert cli.main(["run", str(study_file)]) == 1
    assert capsys.readouterr().err == "doorview: no space left in 'out'; free some, or give another folder with --out\n"


def test_an_interrupt_exits_130_with_one_line(pipeline, study_file, monkeypatch, capsys):
    def stopped(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["doorview.study.pipeline"], "run_study", stopped)
    assert cli.main(["run", str(study_file)]) == 130
    assert capsys.readouterr().err == "doorview: interrupted\n"


@pytest.mark.parametrize(("signal_", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "SIGTERM")])
def test_what_is_finished_is_kept_and_how_to_go_on_is_said(
    pipeline, study_file, tmp_path, monkeypatch, capsys, signal_, code, word
):
    def stopped(_study, out, **_options):
        tiles = Path(f"{out}.partial") / "unfinished" / "tiles"
        tiles.mkdir(parents=True)
        (tiles / "a").write_bytes(b"")
        os.kill(os.getpid(), getattr(signal, signal_))
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys.modules["doorview.study.pipeline"], "run_study", stopped)
    assert cli.main(["run", str(study_file), "--out", str(tmp_path / "out")]) == code
    said = capsys.readouterr().err.strip().splitlines()
    assert word in said[0]
    assert "1 finished part of the work is kept in" in said[1]
    assert "the same command goes on from there, --fresh begins anew" in said[1]
    assert signal.getsignal(signal.SIGTERM) == before


def test_memory_that_runs_out_exits_1_with_one_message(pipeline, study_file, monkeypatch, capsys):
    def full(*_arguments, **_options):
        raise MemoryError

    monkeypatch.setattr(sys.modules["doorview.study.pipeline"], "run_study", full)
    assert cli.main(["run", str(study_file)]) == 1
    assert "out of memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--workers", "0"], "0 workers"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "give one of them"),
        (["--threads", "2", "--workers", "2"], "give one of them"),
    ],
)
def test_engines_exclude_each_other(pipeline, study_file, capsys, options, what):
    assert cli.main(["run", str(study_file), *options]) == 1
    assert what in capsys.readouterr().err
    assert not pipeline


def test_check_says_what_a_study_would_do(study_file, capsys):
    assert cli.main(["check", str(study_file)]) == 0
    shown = capsys.readouterr().out
    assert "no faults" in shown
    assert "place Lakeland" in shown
    assert "independent_20: 20% of households own one, independently" in shown
    assert f'doorview run "{study_file}"' in shown


def test_check_lists_every_fault(tmp_path, capsys):
    path = tmp_path / "study.toml"
    path.write_text('[place]\nplce = "Lakeland"\n[ownership]\nrates = [2.0]\n', encoding="utf-8")
    assert cli.main(["check", str(path)]) == 1
    shown = capsys.readouterr().err
    assert "Did you mean 'place'?" in shown
    assert "2.0 lies outside [0, 1]" in shown


def test_cameras_lists_the_catalogue(capsys):
    assert cli.main(["cameras"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in catalogue())
    assert "155 degrees" in shown
    # No source gives the lens of any model: every one must be said to rest on something unconfirmed.
    assert shown.count("projection (unconfirmed)") == len(catalogue())


def test_demo_writes_a_study_that_checks(tmp_path, capsys):
    folder = tmp_path / "dé mo"
    assert cli.main(["demo", str(folder)]) == 0
    assert f'doorview run "{folder / "study.toml"}"' in capsys.readouterr().out
    assert cli.main(["check", str(folder / "study.toml")]) == 0
    assert "fictional" in capsys.readouterr().out


def test_demo_refuses_a_file(tmp_path, capsys):
    (tmp_path / "town").write_text("mine")
    assert cli.main(["demo", str(tmp_path / "town")]) == 1
    assert capsys.readouterr().err.startswith("doorview: ")
    assert (tmp_path / "town").read_text() == "mine"


def test_new_writes_a_study_with_what_is_there(tmp_path, capsys):
    assert cli.main(["demo", str(tmp_path / "town")]) == 0
    out = tmp_path / "mine.toml"
    extract, zones = tmp_path / "town" / "demo.osm.pbf", tmp_path / "town" / "districts.geojson"
    assert cli.main(["new", str(extract), "--zones", str(zones), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert 'extract = "town/demo.osm.pbf"' in text
    assert 'dwellings = "dwellings"' in text
    capsys.readouterr()
    assert cli.main(["check", str(out)]) == 0
    # A second call must not write over what the user may have changed.
    assert cli.main(["new", str(extract), "--out", str(out)]) == 1
    assert "not written over" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_draws_a_bar_on_a_terminal():
    stream = Terminal()
    progress = cli.Progress(stream)
    progress("viewsheds", 5, 10)
    progress("viewsheds", 10, 10)
    progress.end()
    assert "[###############...............] 5/10" in stream.getvalue()
    assert "[##############################] 10/10" in stream.getvalue()
    assert stream.getvalue().endswith(" s\n")


def test_progress_is_plain_lines_in_a_pipe():
    stream = io.StringIO()
    progress = cli.Progress(stream)
    for done in range(5):
        progress("viewsheds", done, 4)
    progress("shares")
    progress.end()
    assert stream.getvalue() == "viewsheds ...\nshares ...\n"


def test_a_note_stands_on_a_line_of_its_own():
    pipe = io.StringIO()
    progress = cli.Progress(pipe)
    progress("reading the city")
    progress.note("busy\x1b[31m: asking again")
    progress("shares")
    progress.end()
    assert pipe.getvalue() == "reading the city ...\nbusy?[31m: asking again\nshares ...\n"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    progress = cli.Progress(screen)
    progress("reading the city")
    progress.note("busy: asking again")
    assert screen.getvalue().split("\r\x1b[K") == [
        "",
        "reading the city ...",
        "busy: asking again\n",
        "reading the city ...",
    ]


def test_every_retry_of_a_download_is_told_of_on_standard_error(tmp_path, monkeypatch, capsys):
    town = OsmFile()
    tiny_town(tmp_path / "town.osm.pbf")
    west, south, east, north = (*town.lonlat(-150, -60), *town.lonlat(150, 60))
    slept: list[float] = []
    monkeypatch.setattr("doorview.city.overpass.time.sleep", slept.append)
    with LocalOverpass(tmp_path / "town.osm.pbf") as server:
        server.faults = ["429", "cut", "json_500"]
        monkeypatch.setenv("DOORVIEW_OVERPASS_URL", f"{server.url}/api")
        monkeypatch.setenv("DOORVIEW_NOMINATIM_URL", server.url)
        study = tmp_path / "study.toml"
        study.write_text(
            f"[place]\nbbox = [{west}, {south}, {east}, {north}]\n[coverage]\nrange_curve = false\n"
            "[output]\nmaps = false\nrasters = false\n",
            encoding="utf-8",
        )
        assert cli.main(["run", str(study), "--out", str(tmp_path / "out")]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "asking again" in line]
    assert [[seconds for seconds in slept if seconds], len(lines)] == [[15.0, 45.0, 90.0], 3]
    for line, words in zip(lines, ("429", "broke off", "500"), strict=True):
        assert words in line
    assert ["in 15 s (try 2 of 4)" in lines[0], "in 90 s (try 4 of 4)" in lines[2]] == [True, True]
    package = logging.getLogger("doorview")
    assert package.handlers == []
    assert package.propagate
