"""The whole way on a tiny town: the run's folder, its tables, and what happens when something fails."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import doorview as dv
from doorview.errors import EmptyCityError, InputError, OutputError, StudyError, UnknownNameError
from doorview.show.tables import CURVE_COLUMNS, RANGE_CURVE_COLUMNS, SHARES_COLUMNS
from doorview.sight.camera import camera
from doorview.study import pipeline
from doorview.study.doors_section import DoorsSection
from doorview.study.hides import obstacle_words
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict
from doorview.study.sections import CoverageSection
from helpers.osmfile import OsmFile
from helpers.tiny import halves, tiny_town

LEVELS = ["trigger", "recognise", "observe", "detect"]
DOORS = 22
WEST = 12
"""Houses of the tiny town west of its middle; the other 10 stand east of it."""
QUICK = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with the tiny town and its zones: twice as many homes counted as there are."""
    place = tmp_path_factory.mktemp("Ville d'Été 1")
    tiny_town(place / "town.osm.pbf")
    halves(place / "halves.gpkg", 2 * WEST, 2 * (DOORS - WEST))
    return place


def study_of(folder: Path, **sections):
    zones = [{"file": "halves.gpkg", "id": "id", "name": "name", "dwellings": "homes"}]
    raw = {"study": {"name": "Tiny"}, "place": {"extract": "town.osm.pbf"}, "zones": zones, **sections}
    return study_from_dict(raw, folder=folder)


@pytest.fixture(scope="module")
def result(folder):
    """Return the result of a run with all outputs."""
    stages = []
    study = study_of(folder, output={"viewsheds": True})
    found = run_study(study, folder / "out" / "tiny", progress=lambda stage, *_: stages.append(stage))
    assert stages[0] == "reading the city"
    return found


def shares_of(result, **keys) -> pd.DataFrame:
    table = result.shares
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


# --- the folder ----------------------------------------------------------------------------------------------------


def test_the_folder_holds_what_the_contract_says(result):
    names = {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}
    assert names == {
        "run.json",
        "shares.csv",
        "curve.csv",
        "range_curve.csv",
        "counts.parquet",
        "densities.csv",
        "dwellings.csv",
        "city.gpkg",
        "map.qgz",
        *(f"seen_by_{name}.{ending}" for name in LEVELS for ending in ("tif", "qml")),
        "maps/curve.png",
        "maps/range_curve.png",
        "maps/in_view_detect_independent_20.png",
        "maps/in_view_detect_independent_20_detail.png",
        "working/doors.gpkg",
        "working/explorer.json",
        "working/explorer.npz",
        "working/coverage.parquet",
        "working/intervals.csv",
        "working/members.parquet",
        "working/viewsheds.parquet",
        "working/door_views.parquet",
    }
    assert [path.name for path in result.folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [("shares.csv", SHARES_COLUMNS), ("curve.csv", CURVE_COLUMNS), ("range_curve.csv", RANGE_CURVE_COLUMNS)],
)
def test_tables_have_the_columns_and_the_order_of_the_contract(result, name, columns):
    table = pd.read_csv(result.folder / name, keep_default_na=False, dtype={"zone": str})
    assert tuple(table.columns) == columns
    keys = list(columns[: columns.index("range_m" if name == "range_curve.csv" else "measure") + 1])
    ordered = table.sort_values(keys, kind="stable")
    assert (ordered.index == table.index).all()
    share = table["share_mean"].astype(float)
    assert share.between(0, 1).all()
    # Written as the shortest text that reads back: what stands in the file is what the table holds.
    held = {"shares.csv": result.shares, "curve.csv": result.curve, "range_curve.csv": result.range_curve}[name]
    assert sorted(share) == sorted(held["share_mean"])


def test_run_json_says_how_it_came_about(result):
    run = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert {
        "schema_version", "inputs", "settings", "camera", "levels", "versions", "seed", "timings", "counts", "licences",
    } <= set(run)  # fmt: skip
    assert list(run["levels"]) == LEVELS
    keys = {"range_m", "near_m", "field_of_view_degrees", "target_height_m", "edition", "marks"}
    assert all(keys <= set(level) for level in run["levels"].values())
    (file,) = run["inputs"]["files"]
    assert file["path"] == "town.osm.pbf"
    assert len(file["sha256"]) == 64
    assert "ODbL" in file["licence"]
    assert "ODbL" in run["licences"]["city.gpkg"]
    assert run["counted"]["doors"] == DOORS
    assert run["headline"] == result.headline()
    assert run["notes"] == result.notes()
    assert set(run["range_curve"]["exact"]) == {"independent_05", "independent_20", "independent_40"}
    # Fit to publish: no path of the machine, anywhere.
    assert str(result.folder.parent.parent) not in (result.folder / "run.json").read_text(encoding="utf-8")


def test_the_counted_area_ends_one_largest_range_before_the_data(result):
    # The file says that its data fill 400 m by 200 m; detect reaches 28.38 m, and the range curve 40 m.
    reach = 40.0
    counted = result.ready.inside.area
    assert counted == pytest.approx((400 - 2 * reach) * (200 - 2 * reach), rel=0.01)
    assert result.ready.lost_m2 == pytest.approx(400 * 200 - counted, rel=0.02)
    (line,) = [line for line in result.notes() if "at the edge of the data" in line]
    assert f"{100 * (1 - 320 * 120 / (400 * 200)):.0f}%" in line
    assert line in repr(result)


def test_every_door_is_found_once_and_zones_add_up(result):
    rows = shares_of(result, scenario="independent_20", level="detect", space="all").set_index("zone")
    assert len(result.doors) == DOORS
    assert rows.loc["W", "public_amount"] + rows.loc["E", "public_amount"] == rows.loc["all", "public_amount"]
    assert (result.shares["rate_per_door"] <= 0.4 + 1e-12).all()
    found = shares_of(result, scenario="independent_20", zone="all")["rate_per_household"]
    assert found.to_numpy() == pytest.approx(0.2)


def test_shares_grow_with_the_rate_and_the_range(result):
    levels = [result.share("independent_20", name) for name in ("recognise", "observe", "detect")]
    assert levels == sorted(levels)
    rates = [result.share(name, "detect") for name in ("independent_05", "independent_20", "independent_40")]
    assert rates == sorted(rates)
    assert rates[0] > 0
    # The curve at the scenario's rate is the scenario.
    curve = result.curve.query("zoning == 'all' and space == 'streets_near_homes' and level == 'detect'")
    assert curve[curve["rate"] == 0.2]["share_mean"].iloc[0] == result.share("independent_20", "detect")


def test_shares_weighted_to_the_count_are_those_of_the_rate_that_the_count_means(result):
    # Twice as many homes are counted in each zone as were found, and every door lies in a zone: weighting 20 % of
    # households to the count must give each door 40 %, to the bit.
    table = result.tables.dwellings
    assert table is not None
    twenty = table[table["scenario"] == "independent_20"].set_index(["level", "zone"])["share_weighted_to_count"]
    forty = table[table["scenario"] == "independent_40"].set_index(["level", "zone"])["share_mean"]
    assert (twenty == forty).all()
    first = table[table["level"] == "detect"].set_index(["scenario", "zone"])
    assert first.loc[("independent_20", "W"), "dwellings_found"] == WEST
    assert first.loc[("independent_20", "all"), "dwellings_counted"] == 2 * DOORS
    assert set(table["ratio"]) == {0.5}
    assert table["outside_0.8_to_1.25"].all()


def test_layers_are_read_by_others(result):
    faces = gpd.read_file(result.folder / "city.gpkg", layer="block_faces")
    assert {"public_m2", "share_detect__independent_20"} <= set(faces.columns)
    zones = gpd.read_file(result.folder / "city.gpkg", layer="zones")
    wanted = shares_of(result, scenario="independent_20", level="detect", space="all", zoning="halves").set_index(
        "zone"
    )
    assert zones.set_index("zone")["share_detect"].to_dict() == wanted["share_mean"].to_dict()
    with closing(sqlite3.connect(result.folder / "city.gpkg")) as base, base:
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    views = gpd.read_parquet(result.folder / "working" / "viewsheds.parquet")
    assert len(views) == DOORS * len(LEVELS)


def test_maps_are_drawn_on_request(result, tmp_path):
    drawn = result.map(tmp_path / "map.png", scenario="independent_40", level="observe")
    assert drawn.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UnknownNameError, match="Did you mean 'independent_40'"):
        result.map(tmp_path / "map.png", scenario="independent_4")
    with pytest.raises(UnknownNameError, match="Did you mean 'observe'"):
        result.map(tmp_path / "map.png", level="obsreve")


def test_the_headline_names_three_levels_for_every_scenario(result):
    lines = result.headline()
    assert len(lines) == 5
    for line in lines[1:]:
        assert all(name in line for name in ("detect", "observe", "recognise"))
    assert "22 doors" in lines[0]
    # What the levels mean is said once, before the figures.
    assert "within 50" in lines[1]
    for plain in ("someone is there", "what they wear", "someone you already know"):
        assert plain in lines[1]
    assert lines[2].startswith("If 5% of households own one, independently: detect ")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "Obstacles: buildings only."),
        ({"obstacles": "all"}, "Obstacles: buildings, walls, closed fences and hedges."),
        ({"parked_cars": 0.6}, "Obstacles: buildings and parked cars at 60% of kerb places (simulated)."),
        ({"trees": True}, "Obstacles: buildings and trunks of mapped trees."),
        (
            {"openings": True},
            "Obstacles: buildings only. Passages, arcades and the ground under raised parts are open.",
        ),
    ],
)
def test_what_hides_is_named_in_words(asked, words):
    assert obstacle_words(CoverageSection(**asked)) == words


@pytest.mark.parametrize(
    ("doors", "words"),
    [
        ({}, "Obstacles: buildings only."),
        ({"porch_steps": 2}, "Obstacles: buildings only."),
        ({"what_if": "porches"}, "Obstacles: buildings and porches at doors (a what-if)."),
        (
            {"recess_depth_m": 1.0, "planting_height_m": 1.5},
            "Obstacles: buildings, porches at doors (a what-if) and planting before doors (a what-if).",
        ),
    ],
)
def test_what_hides_at_the_doors_is_named_too(doors, words):
    assert obstacle_words(CoverageSection(), DoorsSection(**doors)) == words


def test_headline_run_json_and_layers_name_what_hides(folder, tmp_path):
    asked = {"parked_cars": 0.6, "obstacles": "all", "range_curve": False}
    found = run_study(study_of(folder, output=QUICK["output"], coverage=asked), tmp_path / "out")
    words = "Obstacles: buildings, walls, closed fences, hedges and parked cars at 60% of kerb places (simulated)."
    assert words in found.headline()[0]
    run = json.loads((found.folder / "run.json").read_text(encoding="utf-8"))
    assert run["obstacles"] == words
    assert words in run["headline"][0]
    with closing(sqlite3.connect(found.folder / "city.gpkg")) as base, base:
        said = " ".join(str(row) for row in base.execute("SELECT description FROM gpkg_contents"))
    assert words in said


def test_a_disputed_field_of_view_is_told_of_with_its_other_reading(result):
    # 155 degrees along the diagonal of 1920 x 1080 pixels: 155 * 1920 / hypot(1920, 1080) = 135.1 across.
    words = (
        "The 155 degrees printed are read as horizontal, which is disputed: 155 across the picture, but 135 if "
        "diagonal."
    )
    assert words in result.notes()
    run = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    assert run["camera"]["reading_of_field_of_view"] == words
    assert camera("ring-battery-doorbell-plus").reading_words() == ""


def test_no_street_block_with_one_to_four_homes_is_published_alone(tmp_path):
    """A street with a house every 30 m, and a side street with two: their blocks carry one figure."""
    town = OsmFile()
    west, corner, east = (town.node(x, 0) for x in (-150, 20, 150))
    town.way([west, corner, east], {"highway": "residential", "name": "Elm Street"})
    town.way([corner, town.node(20, 120)], {"highway": "residential", "name": "Oak Street"})
    for x, y in [*((-140 + 30 * k, -24) for k in range(10)), (32, 60), (32, 90)]:
        town.box(x, y, 10, 10, {"building": "house", "addr:housenumber": str(x), "addr:street": "Elm Street"})
    town.write(tmp_path / "town.osm.pbf", box=(-250, -150, 250, 250))
    raw = {"place": {"extract": str(tmp_path / "town.osm.pbf")}, **QUICK}
    found = run_study(study_from_dict(raw), tmp_path / "out")
    layer = gpd.read_file(found.folder / "city.gpkg", layer="block_faces")
    doors, shapes = found.doors.geometry, layer.geometry
    counted = layer["public_m2"] > 0
    nearest = [int(shapes[counted].distance(door).idxmin()) for door in doors]
    homes = pd.Series(found.doors["dwellings"].to_numpy()).groupby(nearest).sum().reindex(layer.index, fill_value=0)
    by_group = homes.groupby(layer["group"]).sum()
    assert not by_group[by_group.index >= 0].between(1, 4).any()
    column = "share_detect__independent_20"
    for _, group in layer[counted & (layer["group"] >= 0)].groupby("group"):
        assert (group[column] == group[column].iloc[0]).all()
    oak = layer.index[layer["name"] == "Oak Street"]
    assert homes[oak].sum() == 2
    assert set(layer.loc[oak, "group"]) <= set(layer.loc[layer["name"] == "Elm Street", "group"])
    assert any("shown joined to neighbours" in line for line in found.notes())


# --- what changes nothing ------------------------------------------------------------------------------------------


def test_the_number_of_threads_changes_no_byte(folder, tmp_path):
    text = []
    for threads in (1, 2):
        study = study_of(folder, output=QUICK["output"], coverage={"threads": threads})
        out = run_study(study, tmp_path / str(threads)).folder
        text.append(
            [(out / name).read_bytes() for name in ("shares.csv", "curve.csv", "range_curve.csv", "dwellings.csv")]
        )
    assert text[0] == text[1]


def test_estimate_in_memory_is_the_run(folder, result, tmp_path):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    found = dv.estimate(city, levels=LEVELS)
    assert found.folder is None
    for scenario in ("independent_05", "independent_40"):
        assert found.share(scenario, "detect") == result.share(scenario, "detect")
    written = found.write(tmp_path / "mine")
    run = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert run["settings"]["place"]["bbox"] is None  # no place is made up
    theirs = pd.read_csv(result.folder / "shares.csv").query("zoning == 'all'").reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(written / "shares.csv"), theirs)


# --- choices -------------------------------------------------------------------------------------------------------


def test_a_boundary_says_where_shares_count(folder, tmp_path):
    west = gpd.read_file(folder / "halves.gpkg").query("id == 'W'")
    west.to_file(tmp_path / "west.gpkg")
    place = {"extract": str(folder / "town.osm.pbf"), "boundary": str(tmp_path / "west.gpkg")}
    found = run_study(study_from_dict({"place": place, **QUICK}), tmp_path / "out")
    assert found.ready.inside.area < 190 * 180
    assert len(found.doors) == DOORS  # what lies around still owns and blocks
    whole = shares_of(found, scenario="independent_20", level="detect", space="streets")
    assert whole["doors_inside"].tolist() == [WEST]


def test_layers_may_be_written_in_another_crs_and_pages_in_feet(folder, tmp_path):
    output = {**QUICK["output"], "crs": "EPSG:2248", "units": "us"}
    found = run_study(study_of(folder, output=output, coverage=QUICK["coverage"]), tmp_path / "out")
    streets = gpd.read_file(found.folder / "city.gpkg", layer="streets")
    assert streets.crs.to_epsg() == 2248
    assert "\N{NO-BREAK SPACE}ft)" in found.headline()[1]
    assert "acres" in found.notes()[0]
    assert found.ready.city.crs.axis_info[0].unit_name == "metre"  # computing stays metric


def test_own_layers_make_a_study(folder, tmp_path):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    city.buildings[["building", "addr:housenumber", "addr:street", "geometry"]].to_file(
        tmp_path / "own.gpkg", layer="a"
    )
    city.ways[["highway", "name", "geometry"]].to_file(tmp_path / "own.gpkg", layer="b")
    layers = {"buildings": "own.gpkg:a", "streets": "own.gpkg:b"}
    raw = {"place": {"layers": layers}, "camera": {"levels": ["observe"]}, **QUICK}
    found = run_study(study_from_dict(raw, folder=tmp_path), tmp_path / "out")
    assert len(found.doors) == DOORS
    assert (found.folder / "own.gpkg").is_file()
    run = json.loads((found.folder / "run.json").read_text(encoding="utf-8"))
    assert not any("ODbL" in file["licence"] for file in run["inputs"]["files"])


def test_a_fictional_run_claims_no_licence_of_openstreetmap(folder, tmp_path):
    study = study_of(folder, study={"name": "Tiny", "fictional": True}, **QUICK)
    found = run_study(study, tmp_path / "out")
    run = json.loads((found.folder / "run.json").read_text(encoding="utf-8"))
    assert run["fictional"] is True
    for licence in (*run["licences"].values(), *(file["licence"] for file in run["inputs"]["files"])):
        assert "ODbL" not in licence
        assert "fictional" in licence


def test_scenarios_of_a_number_and_of_shared_doors(tmp_path):
    tiny_town(tmp_path / "town.osm.pbf", flats="3")
    scenarios = {
        "ten": {"process": "exactly", "number": 10},
        "any": {"rate": 0.2, "shared_doors": "any"},
        "none": {"rate": 0.2, "shared_doors": "none"},
        "one": {"rate": 0.2},
    }
    raw = {"place": {"extract": "town.osm.pbf"}, "scenarios": scenarios, "camera": {"levels": ["detect"]}}
    found = run_study(study_from_dict({**raw, "output": QUICK["output"]}, folder=tmp_path), tmp_path / "out")
    share = {name: found.share(name, "detect") for name in scenarios}
    assert share["none"] < share["one"] < share["any"]
    rows = shares_of(found, level="detect", space="all", zone="all").set_index("scenario")
    inside = found.ready.door_table.inside.sum()
    assert rows.loc["ten", "rate_per_door"] == pytest.approx(10 / inside)
    run = json.loads((found.folder / "run.json").read_text(encoding="utf-8"))
    assert run["range_curve"]["exact"] == ["one"]  # doors of the others differ, or hang together


def test_counts_of_one_to_four_homes_are_not_published(folder, tmp_path):
    town = gpd.read_file(folder / "halves.gpkg")
    # A zone around the two westernmost houses alone, some 2 m beyond their walls.
    lon, lat = OsmFile().lonlat(-150, -40)
    few = town.clip_by_rect(town.total_bounds[0], lat, lon, lat + 0.0009).iloc[:1]
    gpd.GeoDataFrame({"id": ["few"], "homes": [3]}, geometry=list(few), crs=town.crs).to_file(tmp_path / "few.gpkg")
    zones = [{"file": str(tmp_path / "few.gpkg"), "id": "id", "dwellings": "homes"}]
    found = run_study(study_of(folder, zones=zones, **QUICK), tmp_path / "out")
    assert found.tables.dwellings is not None
    assert set(found.tables.dwellings["doors_found"]) == {2}
    table = pd.read_csv(found.folder / "dwellings.csv")
    for name in ("doors_found", "dwellings_found", "dwellings_counted"):
        assert set(table[name]) == {"fewer than 5"}
    assert table["ratio"].isna().all()


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a fault of ours")])
def test_nothing_but_finished_tiles_is_left_of_a_run_that_fails(folder, tmp_path, monkeypatch, error):
    def fails(*_given, **_named):
        raise error

    monkeypatch.setattr(pipeline, "write_into", fails)
    with pytest.raises(OutputError if isinstance(error, OSError) else RuntimeError) as caught:
        run_study(study_of(folder, **QUICK), tmp_path / "deep" / "out")
    if isinstance(error, OSError):
        assert "no space left on device" in str(caught.value)
        assert "--out DIR" in str(caught.value)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    # Finished tiles alone: the same command goes on from there.
    assert {path.parent.relative_to(tmp_path).as_posix() for path in left} == {"deep/out.partial/unfinished/tiles"}


def test_a_failed_run_leaves_the_finished_one_and_a_new_one_replaces_it(folder, tmp_path, monkeypatch):
    first = run_study(study_of(folder, **QUICK), tmp_path / "out").folder
    (first / "mine.txt").write_text("kept until the folder is replaced")
    before = (first / "run.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "write_into", lambda *_: (_ for _ in ()).throw(OSError(5, "broken disk")))
        with pytest.raises(OutputError):
            run_study(study_of(folder, **QUICK), tmp_path / "out")
    assert (first / "run.json").read_bytes() == before
    again = run_study(study_of(folder, **QUICK), tmp_path / "out", fresh=True).folder
    assert not (again / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_bad_zones_are_told_of_before_anything_slow(folder, tmp_path):
    zones = [{"file": "halves.gpkg", "id": "nope"}]
    stages = []
    with pytest.raises(StudyError, match=r"zones\[1\].id: unknown column 'nope' .* Known: id, name, homes"):
        run_study(study_of(folder, zones=zones), tmp_path / "out", progress=lambda stage, *_: stages.append(stage))
    assert set(stages) == {"reading the city"}
    assert list(tmp_path.iterdir()) == []


def test_homes_are_needed(tmp_path):
    tiny_town(tmp_path / "town.osm.pbf", houses=False)
    with pytest.raises(EmptyCityError, match="home"):
        dv.run(study_from_dict({"place": {"extract": "town.osm.pbf"}}, folder=tmp_path), tmp_path / "out")


# --- dv.run and dv.estimate ----------------------------------------------------------------------------------------


def test_run_takes_a_file_and_names_the_folder_safely(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = f'[study]\nname = "../a/b: ö"\n[place]\nextract = {json.dumps(str(folder / "town.osm.pbf"))}\n'
    text += '[output]\nmaps = false\nrasters = false\n[coverage]\nrange_curve = false\n[camera]\nlevels = ["observe"]\n'
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    found = dv.run("study.toml")
    assert found.folder == tmp_path / "out" / "a-b-ö"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "study.toml"]


@pytest.mark.parametrize(("name", "folder_name"), [("CON", "CON-study"), ("nul.x", "nul.x-study"), ("..", "study")])
def test_names_that_no_system_takes_are_changed(name, folder_name):
    assert study_from_dict({"study": {"name": name}}, needs_place=False).folder_name == folder_name


def test_estimate_takes_one_level_one_rate_and_a_camera_of_the_users_own(folder):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    mine = camera("ring-video-doorbell-wired").with_values(pixels=960)
    found = dv.estimate(city, camera=mine, levels="observe", rates=0.3, range_curve=False)
    # Half the pixels reach half as far: 11.35 m / 2.
    assert found.levels["observe"].range_m == pytest.approx(5.675, abs=0.01)
    assert [item.rate for item in found.tables.scenarios] == [0.3]
    assert found.range_curve is None


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"camera": "ring-video-doorbell-wird"}, "Did you mean 'ring-video-doorbell-wired'"),
        ({"levels": ["observe", "detct"]}, "Did you mean 'detect'"),
        ({"rates": [0.2, 20]}, r"outside \[0, 1\]"),
        ({"rates": ["x"]}, "no number"),
        ({"obstacles": "trees"}, "buildings"),
        ({"cell_m": 0.0}, "0.1"),
        ({"threads": 0}, "threads"),
    ],
)
def test_estimate_refuses_what_cannot_be(folder, given, what):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    with pytest.raises(InputError, match=what):
        dv.estimate(city, **given)


def test_estimate_wants_a_city():
    with pytest.raises(InputError, match=r"City\.from_extract"):
        dv.estimate("town.osm.pbf")  # type: ignore[arg-type]


def test_results_show_themselves_as_text_and_escaped_html(folder):
    study = study_of(folder, study={"name": "<script>x</script>"}, camera={"levels": ["observe"]})
    from doorview.study.compute import Stages, measure, prepare
    from doorview.study.read import read_city
    from doorview.study.result import Result

    ready = prepare(study, read_city(study), Stages())
    found = Result(ready, measure(ready, Stages()), Stages())
    assert "<script>" not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()
    assert np.isnan(found.share("independent_20", "observe", "park"))


@pytest.mark.parametrize("asked", [{"coverage": {"parked_cars": 0.9}}, {"doors": {"what_if": "porches"}}])
def test_more_that_hides_is_asked_for_and_never_shows_more(folder, tmp_path, asked):
    plain = run_study(study_of(folder, **QUICK), tmp_path / "plain")
    sections = {**QUICK, **asked, "coverage": {**QUICK["coverage"], **asked.get("coverage", {})}}
    altered = run_study(study_of(folder, **sections), tmp_path / "altered")
    kinds = set(altered.ready.obstacles["kind"]) - set(plain.ready.obstacles["kind"])
    assert kinds, "nothing was added"
    keys = ["scenario", "level", "zoning", "zone", "space", "measure"]
    both = plain.shares.merge(altered.shares, on=keys, suffixes=("", "_altered"))
    assert len(both) == len(plain.shares)
    assert (both["share_mean_altered"] <= both["share_mean"] + 1e-12).all()
    assert (both["share_mean_altered"] < both["share_mean"]).any()


def test_trees_and_openings_that_are_not_mapped_change_nothing(folder, tmp_path):
    plain = run_study(study_of(folder, **QUICK), tmp_path / "plain")
    coverage = {**QUICK["coverage"], "trees": True, "openings": True}
    altered = run_study(study_of(folder, **{**QUICK, "coverage": coverage}), tmp_path / "altered")
    pd.testing.assert_frame_equal(plain.shares, altered.shares)


def test_estimate_takes_more_that_hides_and_refuses_what_there_is_not(folder):
    city = dv.City.from_extract(folder / "town.osm.pbf")
    found = dv.estimate(city, rates=0.3, levels="observe", coverage={"parked_cars": 1.0}, range_curve=False)
    plain = dv.estimate(city, rates=0.3, levels="observe", range_curve=False)
    assert len(found.ready.obstacles) > len(plain.ready.obstacles)
    assert "parked cars at 100%" in found.headline()[0]
    with pytest.raises(StudyError, match="Did you mean 'parked_cars'"):
        dv.estimate(city, coverage={"parked_car": 1.0})
