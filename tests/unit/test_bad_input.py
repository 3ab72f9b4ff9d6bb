"""Bad input through the real command: one clear message, exit 1, no traceback, nothing left at the place of the run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from doorview import cli
from helpers.osmfile import OsmFile
from helpers.overpass import LocalOverpass, area_result
from helpers.tiny import halves, tiny_town

EVIL = "<script>alert(1)</script> \"'&$x^2$ \x1b[31mred\u202egnp.exe"
QUICK = "[output]\nmaps = false\nrasters = false\n[coverage]\nrange_curve = false\n[camera]\nlevels = ['observe']\n"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """Work in an empty folder with a space and letters beyond ASCII in its name."""
    folder = tmp_path / "Straße 1 東京"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def refused(capsys, *arguments: str) -> str:
    """Return the message of a command that must fail, and leave nothing new behind."""
    before = sorted(Path().rglob("*"))
    code = cli.main(list(arguments))
    shown = capsys.readouterr()
    assert code == 1, shown
    assert shown.out == ""
    # Beside the message: the stages, and what was tried again on the way.
    lines = [
        line for line in shown.err.splitlines() if not re.search(r" \.\.\.$|asking again in|dividing the query$", line)
    ]
    assert lines[0].startswith("doorview: ")
    # One message; where it lists faults, they stand below it as a list.
    assert all(line.startswith("  - ") for line in lines[1:]), lines
    assert "Traceback" not in shown.err
    assert sorted(Path().rglob("*")) == before
    return "\n".join(lines)


def estimate(capsys, source: str, *more: str) -> str:
    return refused(capsys, "estimate", source, "--out", "out/mine", *more)


# --- files ---------------------------------------------------------------------------------------------------------


def test_no_such_file(here, capsys):
    message = estimate(capsys, "nope.osm.pbf")
    assert "no such file 'nope.osm.pbf'" in message


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.osm.pbf", b"this is a letter to my aunt", "is not an OSM file"),
        ("a.osm.pbf", b"", "is empty"),
        ("a.osm", b"<html><body>please log in</body></html>", "web page"),
        ("a.osm.gz", b"no gzip at all", "is not an OSM file"),
        ("a.png", b"\x89PNG", "is no OSM file"),
    ],
)
def test_files_that_are_no_osm_files(here, capsys, name, content, what):
    (here / name).write_bytes(content)
    message = estimate(capsys, name)
    assert what in message
    assert ".osm.pbf" in message  # says what would do


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_truncated_and_corrupt_files(here, capsys, damage):
    data = bytearray(tiny_town(here / "whole.osm.pbf").read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    else:
        middle = len(data) // 2
        data[middle : middle + 100] = bytes(100)
    (here / "bad.osm.pbf").write_bytes(data)
    assert "truncated or damaged" in estimate(capsys, "bad.osm.pbf")


def test_extracts_without_buildings_streets_or_homes(here, capsys):
    town = OsmFile()
    town.street()
    town.write(here / "roads.osm.pbf")
    assert "holds no buildings" in estimate(capsys, "roads.osm.pbf")
    town = OsmFile()
    town.box(0, 0, 10, 10, {"building": "house"})
    town.write(here / "houses.osm.pbf")
    assert "holds no streets" in estimate(capsys, "houses.osm.pbf")
    tiny_town(here / "garages.osm.pbf", houses=False)
    message = estimate(capsys, "garages.osm.pbf")
    assert "none of the 22 buildings is a home" in message
    assert "'garage' (22)" in message


def test_a_place_too_small_to_count_in(here, capsys):
    town = OsmFile()
    town.street()
    town.box(0, 10, 10, 10, {"building": "house"})
    town.write(here / "one.osm.pbf")
    message = estimate(capsys, "one.osm.pbf")
    assert "nothing is left to count in" in message
    assert "larger extract" in message


# --- layers --------------------------------------------------------------------------------------------------------


def bad_layer(kind: str, path: Path) -> None:
    """Write a layer of polygons that is faulty in one way."""
    table = gpd.read_file(halves(path.with_name("right.gpkg"), 12, 10))
    path.with_name("right.gpkg").unlink()
    if kind == "no CRS":
        with pytest.warns(UserWarning, match="crs"):
            table.set_crs(None, allow_override=True).to_file(path)
        return
    if kind == "degrees as metres":
        table = table.set_crs("EPSG:32618", allow_override=True)
    elif kind == "metres as degrees":
        table = table.to_crs("EPSG:32618").set_crs("EPSG:4326", allow_override=True)
    elif kind == "lines":
        table = table.set_geometry(table.boundary)
    elif kind == "elsewhere":
        table = table.set_geometry(table.translate(5, 5))
    table.to_file(path)


@pytest.mark.parametrize("option", ["--zones", "--boundary"])
@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("no CRS", "has no CRS"),
        ("degrees as metres", "look like degrees under a wrong label"),
        ("metres as degrees", "under a wrong label"),
        ("lines", "must be polygons"),
        ("elsewhere", "same place|another place"),
    ],
)
def test_layers_that_cannot_be_used(here, capsys, option, kind, what):
    tiny_town(here / "town.osm.pbf")
    path = here / "layer.gpkg"
    bad_layer(kind, path)
    message = estimate(capsys, "town.osm.pbf", option, "layer.gpkg")
    assert any(part in message for part in what.split("|"))


@pytest.mark.parametrize(
    ("name", "content"), [("bad.gpkg", b"no"), ("bad.geojson", b'{"type":'), ("t.csv", b"a,b\n1,2\n")]
)
def test_files_that_are_no_layers(here, capsys, name, content):
    tiny_town(here / "town.osm.pbf")
    (here / name).write_bytes(content)
    message = estimate(capsys, "town.osm.pbf", "--zones", name)
    assert "zones: " in message
    assert ".gpkg" in message


def test_a_wrong_column_is_told_with_the_nearest(here, capsys):
    tiny_town(here / "town.osm.pbf")
    halves(here / "halves.gpkg", 12, 10)
    (here / "study.toml").write_text("[place]\nextract='town.osm.pbf'\n[[zones]]\nfile='halves.gpkg'\nid='ID'\n")
    assert "Did you mean 'id'?" in refused(capsys, "run", "study.toml", "--out", "out")


# --- words and numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--rates", "20"], "20.0 lies outside [0, 1]"),
        (["--rates=-0.1"], "-0.1 lies outside [0, 1]"),
        (["--rates", "nan"], "finite"),
        (["--camera", "ring-video-doorbel-4"], "Did you mean 'ring-video-doorbell-4'?"),
        (["--levels", "detect,obsrve"], "Did you mean 'observe'?"),
        (["--cell", "0"], "0.1"),
        (["--near=-1"], "near_home_m"),
        (["--crs", "EPSG:2248"], "not projected in metres"),
        (["--crs", "EPSG:32633"], "does not fit this place"),
        (["--crs", "feet"], "unknown CRS 'feet'"),
    ],
)
def test_values_that_cannot_be(here, capsys, more, what):
    tiny_town(here / "town.osm.pbf")
    assert what in estimate(capsys, "town.osm.pbf", *more)


@pytest.mark.parametrize("option", ["--rates", "--levels"])
def test_an_empty_list_is_a_usage_error(here, capsys, option):
    with pytest.raises(SystemExit) as left:
        cli.main(["estimate", "town", option, " , "])
    assert left.value.code == 2
    assert "the list is empty" in capsys.readouterr().err


def test_a_study_with_unknown_keys_lists_all_of_them(here, capsys):
    tiny_town(here / "town.osm.pbf")
    (here / "study.toml").write_text("[place]\nextrct='town.osm.pbf'\n[camera]\nlevles=['detect']\n[outptu]\n")
    for command in (["run", "study.toml", "--out", "out"], ["check", "study.toml"]):
        message = refused(capsys, *command)
        for near in ("'extract'", "'levels'", "'output'"):
            assert f"Did you mean {near}?" in message


def test_the_wrong_command_for_a_file_names_the_right_one(here, capsys):
    tiny_town(here / "town.osm.pbf")
    (here / "study.toml").write_text("[place]\nextract='town.osm.pbf'\n")
    assert "doorview estimate 'town.osm.pbf'" in refused(capsys, "run", "town.osm.pbf")
    assert "doorview run 'study.toml'" in refused(capsys, "estimate", "study.toml")
    assert "study.toml'" in refused(capsys, "run", ".")


def test_more_cameras_than_doors(here, capsys):
    tiny_town(here / "town.osm.pbf")
    text = f"[place]\nextract='town.osm.pbf'\n[scenarios.many]\nprocess='exactly'\nnumber=5000\n{QUICK}"
    (here / "study.toml").write_text(text)
    message = refused(capsys, "run", "study.toml", "--out", "out")
    assert "5,000 cameras, but only 22 doors" in message
    assert "22 or less" in message


# --- where the run goes --------------------------------------------------------------------------------------------


def test_folders_that_are_not_ours_or_cannot_be_written(here, capsys):
    tiny_town(here / "town.osm.pbf")
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("five years of work")
    (here / "file").write_text("x")
    for out, what in (
        ("mine", "holds no doorview run.json"),
        ("file", "is a file"),
        ("file/below", "cannot be written"),
    ):
        message = refused(capsys, "estimate", "town.osm.pbf", "--out", out)
        assert what in message
        assert "--out DIR" in message
    assert (here / "mine" / "thesis.txt").read_text() == "five years of work"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_without_permission(here, capsys):
    tiny_town(here / "town.osm.pbf")
    (here / "locked").mkdir(mode=0o500)
    assert "permission denied" in refused(capsys, "estimate", "town.osm.pbf", "--out", "locked/out")


@pytest.mark.skipif(os.name != "posix", reason="no such name elsewhere")
def test_a_folder_that_a_library_cannot_write(here, capsys):
    # GDAL drops the tab from the path and then finds no such folder: told before anything is computed.
    tiny_town(here / "town.osm.pbf")
    (here / "study.toml").write_text(f"[place]\nextract='town.osm.pbf'\n{QUICK}")
    message = refused(capsys, "run", "study.toml", "--out", "a\tb")
    assert "a tab" in message
    assert "--out DIR" in message


# --- network -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(here, monkeypatch):
    """Serve the tiny town as the place `Tinytown`."""
    town = OsmFile()
    (west, south), (east, north) = town.lonlat(-190, -90), town.lonlat(190, 90)
    place = area_result("Tinytown, Maryland", shapely.box(west, south, east, north))
    with LocalOverpass(tiny_town(here / "served.osm.pbf"), {"Tinytown": [place]}) as endpoint:
        monkeypatch.setenv("DOORVIEW_OVERPASS_URL", f"{endpoint.url}/api")
        monkeypatch.setenv("DOORVIEW_NOMINATIM_URL", endpoint.url)
        yield endpoint


def test_a_place_is_downloaded_run_and_kept(server, here, capsys):
    (here / "study.toml").write_text(f"[study]\nname='T'\n[place]\nplace='Tinytown'\n{QUICK}")
    assert cli.main(["run", "study.toml", "--out", "out"]) == 0, capsys.readouterr().err
    run = json.loads((here / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["counted"]["doors"] == 22
    assert (here / "out" / "source" / "place.osm.pbf").is_file()


def test_a_place_that_is_not_found(server, here, capsys):
    message = estimate(capsys, "Atlantis, Ocean")
    assert "Atlantis" in message
    assert "spelling" in message or "not found" in message or "no place" in message


@pytest.mark.parametrize("fault", ["html", "timed_out", "empty"])
def test_a_server_that_answers_something_else(server, here, capsys, fault):
    server.always = fault
    message = estimate(capsys, "Tinytown")
    assert "\x1b" not in message
    assert len(message) < 1200


def test_no_network(here, capsys, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("DOORVIEW_OVERPASS_URL", f"{address}/api")
    monkeypatch.setenv("DOORVIEW_NOMINATIM_URL", address)
    message = estimate(capsys, "Lakeland, Florida, USA")
    assert "cannot be reached" in message or "network" in message


# --- text from data ------------------------------------------------------------------------------------------------


def test_names_from_data_are_text_everywhere(here, capsys):
    tiny_town(here / "town.osm.pbf", street=EVIL)
    halves(here / "halves.gpkg", 12, 10, west_name=EVIL)
    text = "[study]\nname='T'\nlabel='''" + EVIL.replace("\x1b", "\\u001b") + "'''\n[place]\nextract='town.osm.pbf'\n"
    text += "[[zones]]\nfile='halves.gpkg'\nid='id'\nname='name'\ndwellings='homes'\n[camera]\nlevels=['observe']\n"
    (here / "study.toml").write_text(text, encoding="utf-8")
    assert cli.main(["run", "study.toml", "--out", "out"]) == 0
    shown = capsys.readouterr()
    for steering in ("\x1b", "\u202e"):
        assert steering not in shown.out + shown.err
    table = pd.read_csv(here / "out" / "dwellings.csv")
    west = table[table["zone"] == "W"]["name"].iloc[0]
    assert west.startswith("<script>alert(1)</script> \"'&$x^2$")
    assert "\x1b" not in west
    assert "\u202e" not in west
    streets = gpd.read_file(here / "out" / "city.gpkg", layer="streets")
    (name,) = streets["name"].unique()
    assert name.startswith("<script>alert(1)</script> \"'&$x^2$")
    assert (here / "out" / "maps" / "curve.png").is_file()


# --- as a program --------------------------------------------------------------------------------------------------


def command(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-P", "-m", "doorview.cli", *arguments]
    return subprocess.run(call, capture_output=True, text=True, encoding="utf-8", check=False, **more)


def test_the_program_itself_exits_1_with_one_line(here):
    done = command("estimate", "nope.osm.pbf")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert list(here.iterdir()) == []


def test_a_terminal_without_the_letters_shows_escapes(here):
    tiny_town(here / "東.osm.pbf")
    done = command(
        "estimate", "東.osm.pbf", "--out", "a b", env={**os.environ, "PYTHONIOENCODING": "ascii"}, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "\\u6771" in done.stdout
    assert (here / "a b" / "run.json").is_file()


@pytest.mark.skipif(os.name != "posix", reason="a shell's pipe")
def test_a_reader_that_goes_away_gets_no_traceback(here):
    read, write = os.pipe()
    os.close(read)
    call = [sys.executable, "-P", "-m", "doorview.cli", "cameras"]
    done = subprocess.run(call, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1
