"""A city taken part by part has the tables of the whole city, to the last bit; other scenarios read kept counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.cli import main
from doorview.demo.town import make_town
from doorview.demo.writer import write_extract
from doorview.errors import EmptyCityError, InputError, StudyError
from doorview.share.grid import Grid
from doorview.study import memory, part_store
from doorview.study.compute import measure, prepare
from doorview.study.part_plan import plan_parts
from doorview.study.part_run import counted_key, run_tables_only
from doorview.study.read import key_of_city, read_city
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from doorview.study.stages import Stages, silent
from doorview.study.tables_only import tables_only_faults

SCENARIOS: dict[str, Any] = {
    "independent_20": {"rate": 0.2},
    "any": {"rate": 0.2, "shared_doors": "any"},
    "clustered": {"process": "clustered", "rate": 0.2, "strength": 2.0},
    "lots": {"process": "exactly", "number": 40},
    "given": {"rate": 0.1, "programme": {"number": 30, "to": "all", "strings": 0.5}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town of 400 homes, and two sets of zones: its districts, and squares that overlap nothing of sense."""
    folder = tmp_path_factory.mktemp("parts")
    town = make_town(homes=400)
    write_extract(town, folder / "town.osm.pbf")
    town.districts.to_file(folder / "districts.gpkg")
    west, south, east, north = town.districts.total_bounds
    squares = [
        shapely.box(x, y, x + 150, y + 150) for x in np.arange(west, east, 100) for y in np.arange(south, north, 100)
    ]
    gpd.GeoDataFrame(geometry=squares, crs=town.districts.crs).to_file(folder / "squares.gpkg")
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def study_of(folder: Path, **sections: Any):
    data: dict[str, Any] = {
        "study": {"name": "town"},
        "place": {"extract": str(folder / "town.osm.pbf")},
        "zones": [{"file": str(folder / "districts.gpkg"), "id": "id"}, {"file": str(folder / "squares.gpkg")}],
        "camera": {"levels": ["recognise", "detect"]},
        "scenarios": SCENARIOS,
        "stages": {},
        "output": {"tables_only": True},
    }
    for name, values in sections.items():
        data[name] = {**data[name], **values} if isinstance(data.get(name), dict) and name != "scenarios" else values
    return study_from_dict(data, where="test")


def whole_of(study) -> Result:
    plain = study.model_copy(update={"drivers": study.drivers.model_copy(update={"ranges": 0})})
    ready = prepare(plain, read_city(plain), Stages())
    return Result(ready, measure(ready, Stages()), Stages())


def assert_same_tables(parts: Result, whole: Result) -> None:
    for name in ("shares", "curve", "range_curve", "counts"):
        one, two = getattr(parts, name), getattr(whole, name)
        assert (one is None) == (two is None), name
        if one is not None:
            pd.testing.assert_frame_equal(one, two, check_exact=True, obj=name)
    for name in ("intervals", "change", "stages", "densities"):
        one, two = getattr(parts.tables.counted, name), getattr(whole.tables.counted, name)
        assert (one is None) == (two is None), name
        if one is not None:
            pd.testing.assert_frame_equal(one, two, check_exact=True, obj=name)
    assert parts.doors.index.tolist() == whole.doors.index.tolist()
    assert (parts.doors.geometry.to_numpy() == whole.doors.geometry.to_numpy()).all()
    found, expected = parts.doors.attrs["counts"], whole.doors.attrs["counts"]
    assert found == {key: expected[key] for key in found}
    assert {"dwellings", "dwellings assumed", "homes", "doors by facade"} <= set(found)


ASKED = {
    "plain": {},
    "all that hides": {
        "coverage": {"obstacles": "all", "parked_cars": 0.5, "trees": True, "openings": True},
        "doors": {"what_if": "porches"},
    },
    "a mix, coarse": {
        "camera": {"levels": ["detect"], "mix": {"ring-video-doorbell-wired": 0.5, "ring-battery-doorbell-plus": 0.5}},
        "coverage": {"cell_m": 1.0, "range_curve": False},
        "ownership": {"shared_doors": "any", "rates": [0.0, 0.3, 1.0]},
    },
}


@pytest.mark.parametrize("asked", ASKED)
def test_parts_make_the_tables_of_the_whole_to_the_last_bit(folder, home, tmp_path, asked):
    study = study_of(folder, **ASKED[asked])
    made = run_tables_only(study, tmp_path / "out", progress=silent, buildings_per_part=40)
    assert len(list(home.rglob("part-*"))) > 4
    assert_same_tables(made, whole_of(study))


def test_parts_of_a_real_suburb_make_the_tables_of_the_whole(shared_data, home, tmp_path):
    data = {
        "place": {"extract": str(shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf")},
        "camera": {"levels": ["recognise", "detect"]},
        "coverage": {"obstacles": "all", "parked_cars": 0.3},
        "scenarios": {"independent_20": {"rate": 0.2}},
        "output": {"tables_only": True},
    }
    study = study_from_dict(data, where="test")
    made = run_tables_only(study, tmp_path / "out", progress=silent, buildings_per_part=150)
    assert_same_tables(made, whole_of(study))


def test_the_size_of_parts_changes_no_byte(folder, home, tmp_path):
    study = study_of(folder)
    for most in (30, 100_000):
        shutil.rmtree(home, ignore_errors=True)
        run_tables_only(study, tmp_path / f"out{most}", progress=silent, buildings_per_part=most)
    one, two = ([p for p in sorted((tmp_path / f"out{n}").rglob("*")) if p.is_file()] for n in (30, 100_000))
    assert [path.name for path in one] == [path.name for path in two]
    for a, b in zip(one, two, strict=True):
        if a.name != "run.json":
            assert a.read_bytes() == b.read_bytes(), a.name


def test_another_scenario_reads_the_kept_counts_and_nothing_is_seen_again(folder, home, tmp_path, monkeypatch):
    first = run_tables_only(study_of(folder), tmp_path / "one", progress=silent, buildings_per_part=40)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("seen again")

    monkeypatch.setattr(part_store, "cover_part", never)
    monkeypatch.setattr("doorview.city.extract.read_extract", never)
    again = run_tables_only(study_of(folder), tmp_path / "two", progress=silent)
    assert_same_tables(again, first)
    other = study_of(folder, scenarios={"few": {"rate": 0.07}}, study={"name": "town", "seed": 3})
    found = run_tables_only(other, tmp_path / "three", progress=silent)
    monkeypatch.undo()
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    assert_same_tables(found, whole_of(other))


HITS: dict[str, dict[str, Any]] = {
    "another rate": {"scenarios": {"x": {"rate": 0.5}}},
    "other rates of the curve": {"ownership": {"rates": [0.0, 0.5]}},
    "replicates": {"ownership": {"replicates": 512}},
    "another name": {"study": {"name": "other"}},
    "another seed, where nothing is drawn by it": {"study": {"seed": 9}},
    "units": {"output": {"units": "us"}},
    "threads": {"coverage": {"threads": 1}},
    "stages": {"stages": {"active": 0.5}},
}
MISSES: dict[str, dict[str, Any]] = {
    "levels": {"camera": {"levels": ["detect"]}},
    "camera": {"camera": {"model": "ring-battery-doorbell-plus"}},
    "target height": {"camera": {"target_height_m": 1.1}},
    "near home": {"public_space": {"near_home_m": 40.0}},
    "lane width": {"public_space": {"lane_width_m": 3.0}},
    "sidewalk width": {"public_space": {"sidewalk_width_m": 2.0}},
    "cell": {"coverage": {"cell_m": 1.0}},
    "obstacles": {"coverage": {"obstacles": "all"}},
    "trees": {"coverage": {"trees": True}},
    "openings": {"coverage": {"openings": True}},
    "parked cars": {"coverage": {"parked_cars": 0.1}},
    "range curve": {"coverage": {"range_curve": False}},
    "what stands at doors": {"doors": {"what_if": "porches"}},
    "where doors are on walls": {"doors": {"along_facade": 0.3}},
    "zones": {"zones": []},
    "country": {"place": {"country": "world"}},
    "CRS": {"place": {"crs": "EPSG:32613"}},
    "a mix": {"camera": {"mix": {"ring-video-doorbell-wired": 0.5, "ring-battery-doorbell-plus": 0.5}}},
}


@pytest.mark.parametrize(("changed", "hit"), [*((n, True) for n in HITS), *((n, False) for n in MISSES)])
def test_a_changed_setting_makes_anew_exactly_what_depends_on_it(folder, changed, hit):
    def key(study):
        return counted_key(study, key_of_city(study) or "")

    assert (key(study_of(folder)) == key(study_of(folder, **(HITS | MISSES)[changed]))) == hit


def test_the_seed_counts_where_places_are_drawn_by_it(folder):
    def key(**sections: Any):
        return counted_key(study_of(folder, **sections), "city")

    for drawn in (
        {"coverage": {"parked_cars": 0.2}},
        {"doors": {"what_if": "porches"}},
        {"camera": MISSES["a mix"]["camera"]},
    ):
        assert key(**drawn) == key(**drawn)
        assert key(**drawn) != key(study={"seed": 4}, **drawn)


def test_content_counts_and_place_does_not(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)

    def key(at):
        study = study_of(at)
        return counted_key(study, key_of_city(study) or "")

    assert key(folder) == key(moved)
    zones = gpd.read_file(moved / "squares.gpkg").iloc[1:]
    (moved / "squares.gpkg").unlink()
    zones.to_file(moved / "squares.gpkg")
    assert key(folder) != key(moved)


def test_without_a_cache_nothing_is_left_and_the_files_are_these(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    run_tables_only(study_of(folder), tmp_path / "out", progress=silent, buildings_per_part=100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    files = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert files == [
        "change.csv", "counts.parquet", "curve.csv", "densities.csv", "range_curve.csv", "run.json", "shares.csv",
        "stages.csv", "working/intervals.csv",
    ]  # fmt: skip


def test_run_json_says_what_was_done_and_the_lines_are_fit_to_read(folder, home, tmp_path):
    made = run_tables_only(study_of(folder), tmp_path / "out", progress=silent, buildings_per_part=100)
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["settings"]["output"]["tables_only"] is True
    assert facts["counted"]["doors"] == len(made.doors)
    assert facts["inputs"]["files"][0]["path"] == "town.osm.pbf"
    assert "seeing and covering" in facts["timings"]
    assert made.notes()
    assert len(made.headline()) > 3
    assert made.essential()


def test_what_needs_the_whole_city_is_refused_with_every_fault_at_once(folder):
    with pytest.raises(StudyError) as caught:
        study_of(
            folder,
            alerts={"radius_miles": 1.0, "app_share": 0.1},
            known={"osm": True},
            drivers={"table": True},
            output={"explorer": True, "briefing": True},
            scenarios={
                "best": {"process": "most_possible", "number": 5},
                "cut": {"rate": 0.2, "rules": {"privacy_zone_m": 1.0}},
            },
        )
    told = "\n".join(caught.value.faults)
    for key in ("alerts", "known", "drivers", "output.explorer", "output.briefing", "scenarios.best", "scenarios.cut"):
        assert f"{key}" in told
    assert len(caught.value.faults) == 7


def test_a_city_without_homes_is_told_of_as_one(folder, home, tmp_path):
    shapes = [shapely.box(5e5 + x, y, 5e5 + x + 10, y + 10) for x in range(0, 200, 20) for y in (8, -18)]
    sheds = gpd.GeoDataFrame({"building": ["shed"] * 20}, geometry=shapes, crs="EPSG:32618")
    line = shapely.LineString([(499900, 0), (500500, 0)])
    sheds.to_file(tmp_path / "sheds.gpkg")
    gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618").to_file(tmp_path / "streets.gpkg")
    layers = {"buildings": str(tmp_path / "sheds.gpkg"), "streets": str(tmp_path / "streets.gpkg")}
    data = {"place": {"layers": layers}, "camera": {"levels": ["recognise"]}, "coverage": {"range_curve": False},
            "output": {"tables_only": True}}  # fmt: skip
    with pytest.raises(EmptyCityError, match="no homes"):
        run_tables_only(study_from_dict(data, where="test"), tmp_path / "out", progress=silent)
    assert not (tmp_path / "out").exists()


def test_a_city_too_large_for_the_machine_is_refused_before_any_work_and_parts_are_not(
    folder, home, tmp_path, monkeypatch
):
    monkeypatch.setattr("doorview.study.memory.machine_memory", lambda: 405_000_000)
    study = study_of(folder)
    with pytest.raises(InputError, match=r"needs? about 0\.4 GB .* has 0\.4 GB.* --tables-only"):
        prepare(study, read_city(study), Stages())
    run_tables_only(study, tmp_path / "out", progress=silent)


def test_the_memory_of_a_container_counts(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_LIMITS", (tmp_path / "none", limit))
    limit.write_text("max\n")
    whole = memory.machine_memory()
    assert whole is None or whole > 10**8
    limit.write_text("123456789\n")
    assert whole is None or memory.machine_memory() == 123_456_789


def test_the_command_line_asks_for_tables_only(folder, home, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["estimate", str(folder / "town.osm.pbf"), "--levels", "recognise", "--rates", "0.2", "--cell", "2"]
    assert main([*words, "--tables-only", "--out", str(out)]) == 0
    assert "in view" in capsys.readouterr().out
    assert (out / "shares.csv").is_file()
    assert not list(out.rglob("*.tif"))


@pytest.mark.parametrize("most", [1, 7, 50, 1000])
def test_a_plan_holds_every_tile_and_every_place_once(most):
    rng = np.random.default_rng(5)
    corner = rng.uniform(-3000, 5000, (400, 2)) * [1.0, 0.3]
    boxes = np.column_stack([corner, corner + rng.uniform(1, 400, (400, 2))])
    counted = [(row, column) for row in range(-3, 4) for column in range(-6, 9) if (row + column) % 3]
    grid = Grid()
    parts = plan_parts([boxes[:150], boxes[150:]], counted, grid, most)
    assert sorted(tile for part in parts for tile in part.counted) == sorted(counted)
    doors = np.concatenate([boxes[:, :2] - 0.1, boxes[:, 2:] + 0.1, boxes[:, [0, 3]]])
    held = sum(part.holds(doors, grid).astype(int) for part in parts)
    assert (held == 1).all()
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    for part in parts:
        single = part.row1 - part.row0 == part.col1 - part.col0 == 1
        assert single or part.holds(middle, grid).sum() <= most


def test_every_section_is_either_counted_in_parts_or_refused():
    """A section that is new must say which: in parts it would be left out without a word."""
    counted = {
        "study", "place", "zones", "camera", "cameras", "public_space", "coverage", "doors", "ownership", "scenarios",
        "stages", "terrain", "output", "drivers",
    }  # fmt: skip
    refused = {
        name for name in Study.model_fields if tables_only_faults({"output": {"tables_only": True}, name: {"x": 1}})
    }
    assert counted | refused == set(Study.model_fields)
    assert counted & refused == set()
