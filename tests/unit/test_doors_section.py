"""What a study puts at its doors: its faults, its draws, and the views through the whole pipeline, by sight lines."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from numpy.typing import NDArray

import doorview as dv
from doorview.city.doors import find_doors
from doorview.city.model import City
from doorview.errors import InputError, StudyError
from doorview.share.tiles import cover
from doorview.sight.levels import level_at
from doorview.sight.walls import walls_of
from doorview.study.compute import Prepared, Stages, prepare
from doorview.study.doors_section import DoorsSection
from doorview.study.schema import study_from_dict
from helpers import rays3d
from helpers.osmfile import OsmFile
from helpers.tiny import tiny_town

CRS = "EPSG:32618"
CAMERA = dv.camera("ring-video-doorbell-wired")
STEP_M = 0.17


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return dv.City.from_extract(tiny_town(tmp_path_factory.mktemp("town") / "town.osm.pbf"))


def lone_house(folder: Path, tags: dict[str, str] | None = None) -> City:
    """Return one house of 12 m by 12 m, 12 m north of a street."""
    file = OsmFile()
    file.street({"name": "Elm Street"})
    file.box(0.0, 12.0, 12.0, 12.0, {"building": "house", **(tags or {})})
    return dv.City.from_extract(file.write(folder / "house.osm.pbf", box=(-200, -100, 200, 100)))


def prepared(city: City, doors: dict[str, Any], *, seed: int = 0, **camera: Any) -> Prepared:
    raw = {
        "study": {"seed": seed},
        "camera": {"levels": ["detect"], **camera},
        "coverage": {"range_curve": False},
        "doors": doors,
    }
    return prepare(study_from_dict(raw, needs_place=False), city, Stages())


def faults_of(doors: dict[str, Any]) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study_from_dict({"doors": doors}, needs_place=False)
    return caught.value.faults


# --- what a study says ---------------------------------------------------------------------------------------------


def test_all_faults_of_the_section_at_once_with_the_nearest_names() -> None:
    found = faults_of(
        {
            "what_if": "porch",
            "porch_step": 2,
            "wedge_degrees": 7,
            "recess_depth_m": {"hous": 1.0, "all": {"low": 2.0, "high": 1.0}},
            "side": {"all": "midle"},
            "opening_width_m": {"house": {"value": [2.0]}},
            "porch_steps": {"all": {"values": [0, 1], "chances": [0.5, 0.6]}},
            "planting_height_m": [1.0],
            "along_facade": {"house": {"low": 0.2, "high": 1.2, "source": 5}},
        }
    )
    for part, near in (
        ("doors.what_if", "'porches'"),
        ("doors.porch_step:", "'porch_steps'"),
        ("doors.wedge_degrees, all", "7 is no multiple of 5"),
        ("doors.recess_depth_m: unknown building kind 'hous'", "'house'"),
        ("doors.recess_depth_m, all", "low lies above high"),
        ("doors.side, all", "'middle'"),
        ("doors.opening_width_m, house: unknown key 'value'", "'values'"),
        ("doors.porch_steps, all", "add up to 1"),
        ("doors.planting_height_m", "got [1.0]"),
        ("doors.along_facade, house", "source must be text"),
        ("doors.along_facade, house", "1.2 does not lie from 0 to 1"),
    ):
        assert any(part in fault and near in fault for fault in found), (part, near, found)


def test_a_rule_for_all_doors_needs_no_kind():
    section = DoorsSection.model_validate({"porch_steps": {"values": [0, 2], "chances": [0.4, 0.6]}})
    assert section.porch_steps == {"all": {"values": [0, 2], "chances": [0.4, 0.6]}}
    section = DoorsSection.model_validate({"recess_depth_m": {"low": 0.5, "high": 2.0, "source": "a survey"}})
    assert section.recess_depth_m == {"all": {"low": 0.5, "high": 2.0, "source": "a survey"}}


def test_own_figures_go_before_those_of_a_what_if_kind_by_kind() -> None:
    section = DoorsSection.model_validate({"what_if": "porches", "recess_depth_m": {"house": 2}, "porch_steps": 3})
    rules = section.details
    assert rules["recess_depth_m"]["house"]["values"] == [2]
    assert rules["recess_depth_m"]["terrace"]["values"] == [1.0]
    assert rules["porch_steps"] == {"all": {"values": [3], "chances": [1.0]}}
    # A figure for all doors holds for every kind, those of the what-if too.
    flat = DoorsSection.model_validate({"what_if": "porches", "recess_depth_m": 0.5}).details
    assert flat["recess_depth_m"] == {"all": {"values": [0.5], "chances": [1.0]}}


def test_nothing_is_asked_for_by_default(town: City) -> None:
    section = DoorsSection()
    assert (section.details, section.along) == ({}, 0.5)
    ready = prepared(town, {})
    pd.testing.assert_frame_equal(pd.DataFrame(ready.doors), pd.DataFrame(find_doors(town)))
    assert len(ready.scene.kits) == 1
    assert "at the doors" not in ready.counts


# --- the place along the facade ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("along", "x"), [("right", 2.4), ("middle", 6.0), ("left", 9.6), (0.0, 0.5), (1.0, 11.5), (0.25, 3.0)]
)
def test_the_place_along_the_facade(tmp_path: Path, along: str | float, x: float) -> None:
    """Looking south out of a house of 12 m, the right end is the west one; a door keeps 0.5 m from both ends."""
    city = lone_house(tmp_path)
    plain, moved = find_doors(city), prepared(city, {"along_facade": along}).doors
    assert moved.index.equals(plain.index)
    west = shapely.bounds(city.buildings.geometry.iloc[0])[0]
    assert moved.geometry.x.iloc[0] - west == pytest.approx(x, abs=0.02)
    assert moved["heading"].iloc[0] == pytest.approx(plain["heading"].iloc[0], abs=1e-9)


def test_places_are_drawn_by_the_door_whatever_the_order_and_entrances_stay(tmp_path: Path) -> None:
    rule = {"house": {"low": 0.3, "high": 0.7}}
    file = OsmFile()
    file.street({"name": "Elm Street"})
    for number in range(11):
        file.box(-165.0 + 30.0 * number, 12.0, 12.0, 12.0, {"building": "house"})
    city = dv.City.from_extract(file.write(tmp_path / "a.osm.pbf", box=(-200, -100, 200, 100)))
    doors = find_doors(city, along=rule, seed=5)
    west = city.buildings.geometry.bounds["minx"].reindex(doors["building"]).to_numpy()
    share = (doors.geometry.x.to_numpy() - west) / 12.0
    assert share.min() >= 0.29
    assert share.max() <= 0.71
    assert np.ptp(share) > 0.15
    order = np.random.default_rng(1).permutation(len(city.buildings))
    shuffled = dataclasses.replace(city, buildings=city.buildings.iloc[order])
    pd.testing.assert_frame_equal(pd.DataFrame(find_doors(shuffled, along=rule, seed=5)), pd.DataFrame(doors))
    few = find_doors(dataclasses.replace(city, buildings=city.buildings.iloc[:4]), along=rule, seed=5)
    assert few.geometry.geom_equals(doors.geometry.loc[few.index]).all()
    assert not find_doors(city, along=rule, seed=6).geometry.geom_equals(doors.geometry).any()
    # What a tagged entrance places stays there.
    south = shapely.Point(city.buildings.geometry.iloc[3].centroid.x + 4.0, city.buildings.geometry.iloc[3].bounds[1])
    tagged = city.entrances.iloc[:0].reindex(["n9999999"])
    tagged["entrance"] = "main"
    tagged = gpd.GeoDataFrame(tagged, geometry=[south], crs=city.crs)
    tagged.index.name = "osm_id"
    with_entrance = dataclasses.replace(city, entrances=tagged)
    plain, drawn = find_doors(with_entrance), find_doors(with_entrance, along=rule)
    assert (drawn["found"] == "entrance").sum() == 1
    same = drawn.geometry.geom_equals(plain.geometry)
    assert same.tolist() == (drawn["found"] == "entrance").tolist()


def test_a_drawn_place_that_is_built_over_moves_to_the_middle(tmp_path: Path) -> None:
    file = OsmFile()
    file.street({"name": "Elm Street"})
    file.box(0.0, 12.0, 12.0, 12.0, {"building": "house"})
    file.box(0.0, 6.0, 4.0, 6.0, {"building": "school"})
    city = dv.City.from_extract(file.write(tmp_path / "a.osm.pbf", box=(-200, -100, 200, 100)))
    door = find_doors(city, along={"all": "right"}).iloc[0]
    west = shapely.bounds(city.buildings.geometry.loc[door["building"]])[0]
    assert door.geometry.x - west == pytest.approx(6.0, abs=0.02)


@pytest.mark.parametrize("along", [1.5, -0.1, math.nan, "left"])
def test_places_off_the_wall_are_refused(town: City, along: Any) -> None:
    with pytest.raises(InputError, match="along="):
        find_doors(town, along=along)


def test_faulty_places_are_all_told_of(town: City) -> None:
    with pytest.raises(StudyError) as caught:
        find_doors(town, along={"home": 0.5, "house": 2.0, "all": "centre"})
    assert len(caught.value.faults) == 3


# --- a height for each lens ----------------------------------------------------------------------------------------


def open_doors(heights: list[float]) -> gpd.GeoDataFrame:
    """Return doors 200 m apart, looking north."""
    places = shapely.points(200.0 * np.arange(len(heights)), 0.0)
    return gpd.GeoDataFrame({"heading": [0.0] * len(heights), "lens_height_m": heights}, geometry=places, crs=CRS)


def hedges(count: int, height_m: float, away_m: float, half_m: float = 3.0) -> gpd.GeoDataFrame:
    lines = [shapely.LineString([(200.0 * n - half_m, away_m), (200.0 * n + half_m, away_m)]) for n in range(count)]
    return gpd.GeoDataFrame({"height_m": [height_m] * count}, geometry=lines, crs=CRS)


def test_two_heights_in_one_call_are_each_alone() -> None:
    heights = [1.54, 1.2, 1.54, 0.9, 1.2]
    doors, walls = open_doors(heights), hedges(5, 1.4, 4.0)
    views, areas = dv.viewsheds(doors, walls, level="detect"), dv.visible_area(doors, walls, 20.0)
    spots = gpd.GeoSeries(
        shapely.points(np.repeat(200.0 * np.arange(5), 12), np.tile(np.arange(1.0, 13.0), 5)), crs=CRS
    )
    seen = dv.sees(doors, spots, walls, level="detect")
    parts = []
    for height in sorted(set(heights)):
        rows = [n for n, each in enumerate(heights) if each == height]
        alone = doors.iloc[rows].drop(columns="lens_height_m")
        own = dv.viewsheds(alone, walls, level="detect", lens_height_m=height)
        pd.testing.assert_series_equal(views["area_m2"].iloc[rows], own["area_m2"])
        assert views.geometry.iloc[rows].geom_equals(own.geometry).all()
        pd.testing.assert_series_equal(areas.iloc[rows], dv.visible_area(alone, walls, 20.0, lens_height_m=[height]))
        parts.append(dv.sees(alone, spots, walls, level="detect", lens_height_m=[height] * len(rows)))
    expected = pd.concat(parts).sort_values(["point", "door"], ignore_index=True)
    pd.testing.assert_frame_equal(seen, expected)
    assert views["area_m2"].nunique() == 3


def test_a_lens_above_the_face_looks_over_what_is_lower_than_the_face() -> None:
    """From 1.54 m a hedge of 1.4 m hides no face at 1.5 m; from 1.2 m it does: all beyond 1.5 times its distance."""
    doors, walls = open_doors([1.54, 1.2]), hedges(2, 1.4, 4.0, 100.0)
    seen, bare = (dv.visible_area(doors, item, 20.0, 60.0) for item in (walls, walls.iloc[:0]))
    assert seen.iloc[0] == bare.iloc[0] == pytest.approx(20.0**2 * math.pi / 6)
    # Beyond the line y = 6 m nothing is left: a triangle of 60 degrees.
    assert seen.iloc[1] == pytest.approx(6.0**2 * math.tan(math.radians(30.0)))


def test_the_picture_begins_where_the_face_comes_into_it() -> None:
    item = dv.level(CAMERA, "detect")
    half = math.tan(math.radians(CAMERA.vertical_field_of_view_degrees) / 2)
    assert level_at(item, CAMERA, 1.2) is item
    assert level_at(item, CAMERA, 2.05).near_m == pytest.approx(0.55 / half)
    assert level_at(item, CAMERA, 2.05).range_m == item.range_m
    trigger = dv.level(CAMERA, "trigger")
    assert level_at(trigger, CAMERA, 2.05) is trigger
    # So high that nothing of the level is left: an empty view, no error.
    close = dataclasses.replace(item, range_m=0.5)
    assert level_at(close, CAMERA, 6.0).range_m == 0.0
    views = dv.viewsheds(open_doors([6.0, 1.2]), hedges(2, 1.0, 4.0), CAMERA, close)
    assert views["area_m2"].iloc[0] == 0.0
    assert views.geometry.is_empty.tolist() == [True, False]
    assert (
        len(
            dv.sees(
                open_doors([6.0]), gpd.GeoSeries([shapely.Point(0, 0.4)], crs=CRS), hedges(1, 1.0, 4.0), CAMERA, close
            )
        )
        == 0
    )


@pytest.mark.parametrize("heights", [[0.0, 1.2], [math.nan, 1.2], [99.0, 1.2], ["high", 1.2], [1.2, 1.2, 1.2]])
def test_heights_that_cannot_be_are_refused(heights: list[Any]) -> None:
    with pytest.raises(InputError, match="lens_height_m"):
        dv.visible_area(open_doors([1.2, 1.2]), hedges(2, 1.0, 4.0), lens_height_m=heights)


# --- the whole way -------------------------------------------------------------------------------------------------


def seen_by(ready: Prepared) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the centres (n, 2) [m] of all cells of all tiles, and how many doors see each."""
    cell, size = ready.scene.grid.cell_m, ready.scene.grid.tile
    places, counts = [], []
    for result in cover(ready.scene, threads=1):
        seen = result.seen_by["detect"]
        row, column = np.mgrid[:size, :size] + np.array([result.row0, result.col0])[:, None, None]
        places.append(np.column_stack([(column.ravel() + 0.5) * cell, (row.ravel() + 0.5) * cell]))
        counts.append(np.zeros(size * size, np.int64) if seen is None else seen.ravel().astype(np.int64))
    return np.concatenate(places), np.concatenate(counts)


@pytest.mark.parametrize("target_m", [1.5, 1.1])
def test_tiles_agree_with_sight_lines_in_space(town: City, target_m: float) -> None:
    """Steps, wedges, porches and hedges drawn per door; every cell by the ray caster, door by door."""
    asked = {
        "porch_steps": {"all": {"values": [0, 2, 4], "chances": [0.4, 0.3, 0.3]}},
        "planting_height_m": {"all": {"values": [0.0, 1.3, 1.4, 1.7], "chances": [0.1, 0.3, 0.3, 0.3]}},
        "planting_distance_m": {"all": {"low": 2.0, "high": 6.0}},
        "wedge_degrees": {"all": {"values": [-15, 0, 15], "chances": [0.3, 0.4, 0.3]}},
        "recess_depth_m": {"all": {"values": [0.0, 0.7], "chances": [0.6, 0.4]}},
        "side": {"all": {"values": ["left", "right"], "chances": [0.5, 0.5]}},
        "along_facade": {"all": {"low": 0.2, "high": 0.8}},
    }
    ready = prepared(town, asked, seed=3, target_height_m=target_m)
    assert len(ready.scene.kits) == 3
    places, counted = seen_by(ready)
    # Where walls and hedges stand is another test's; here, what they hide from each lens.
    walls = walls_of(ready.obstacles)
    item, half = ready.levels[0], math.tan(math.radians(ready.camera.vertical_field_of_view_degrees) / 2)
    expected = np.zeros(len(places), np.int64)
    doubtful = np.zeros(len(places), bool)
    for _, door in ready.doors.iterrows():
        x, y, lens = door.geometry.x, door.geometry.y, door["lens_height_m"]
        steps = round((lens - 1.2) / STEP_M)
        assert lens == pytest.approx(1.2 + STEP_M * steps)
        near = np.flatnonzero(np.hypot(places[:, 0] - x, places[:, 1] - y) < item.range_m + 1.0)
        spots = np.column_stack([places[near], np.full(len(near), target_m)])
        sector = {
            "range_m": item.range_m,
            "near_m": abs(target_m - lens) / half,
            "field_of_view_degrees": item.field_of_view_degrees,
        }
        found = rays3d.seen((x, y, lens), door["heading"], spots, walls.xy, walls.height, **sector)
        expected[near] += found
        # A hair to each side: cells whose centre lies on an edge of a shadow are nobody's to decide.
        for dx, dy in ((1e-6, 0.0), (-1e-6, 0.0), (0.0, 1e-6), (0.0, -1e-6)):
            moved = spots + np.array([dx, dy, 0.0])
            other = rays3d.seen((x, y, lens), door["heading"], moved, walls.xy, walls.height, **sector)
            doubtful[near[other != found]] = True
    inside = shapely.intersects_xy(shapely.buffer(ready.inside, -1.0), places[:, 0], places[:, 1])
    sure = inside & ~doubtful
    np.testing.assert_array_equal(counted[sure], expected[sure])
    assert (expected[sure] > 0).sum() > 5000
    assert doubtful.mean() < 1e-3


def test_the_walls_and_hedges_are_where_the_figures_say(tmp_path: Path) -> None:
    """One house, looking south: a porch about the bell, square to the facade, and a hedge; the lens is turned."""
    city = lone_house(tmp_path)
    asked = {"what_if": "porches", "wedge_degrees": 10, "planting_height_m": 1.7, "planting_distance_m": 4.1}
    ready = prepared(city, asked)
    door = ready.doors.iloc[0]
    plain = find_doors(city).iloc[0]
    assert (door["heading"] - plain["heading"]) % 360 == pytest.approx(10.0)
    normal = math.radians(plain["heading"])
    ahead, left = (math.sin(normal), math.cos(normal)), (-math.cos(normal), math.sin(normal))

    def seen_from_the_facade(kind: str) -> list[list[float]]:
        """Return the ends of the walls of a kind as metres to the left of the bell and before it."""
        walls = ready.obstacles.geometry[ready.obstacles["kind"] == kind].to_numpy()
        relative = shapely.get_coordinates(walls) - [door.geometry.x, door.geometry.y]
        return sorted(np.round(relative @ np.column_stack([left, ahead]), 6).tolist())

    assert seen_from_the_facade("recess") == [[-0.75, -0.1], [-0.75, 1.0], [0.75, -0.1], [0.75, 1.0]]
    assert seen_from_the_facade("planting") == [[-1.5, 4.0], [1.5, 4.0]]
    counts = ready.counts["at the doors"]
    assert counts == {
        "doors in a recess or porch": 1,
        "lenses turned by a wedge": 1,
        "doors with planting before them": 1,
        "lenses raised by steps": 0,
        "buildings lower than a lens at their door, taken as higher": 0,
    }


def test_a_bell_in_a_porch_sees_74_degrees_through_the_whole_pipeline(tmp_path: Path) -> None:
    """Between 3 m and the range nothing is left but 2 atan(0.75 / 1) = 73.74 degrees: by cells and exactly."""
    ready = prepared(lone_house(tmp_path), {"what_if": "porches"})
    item, door = ready.levels[0], ready.doors.geometry.iloc[0]
    whole = dv.viewsheds(ready.doors, ready.obstacles, ready.camera, item).geometry.iloc[0]
    expected = math.atan(0.75) * (item.range_m**2 - 3.0**2)
    assert whole.difference(door.buffer(3.0, quad_segs=512)).area == pytest.approx(expected, rel=1e-3)
    places, counted = seen_by(ready)
    beyond = np.hypot(places[:, 0] - door.x, places[:, 1] - door.y) >= 3.0
    cells = counted[beyond].sum() * ready.scene.grid.cell_m**2
    assert cells == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    "asked", [{"wedge_degrees": 15}, {"wedge_degrees": -15, "porch_steps": 20}, {"porch_steps": 15}]
)
def test_no_door_sees_through_its_own_building(tmp_path: Path, asked: dict[str, Any]) -> None:
    """A house 3 m high; 15 steps put the lens at 3.75 m, but nobody looks over the house from its door."""
    city = lone_house(tmp_path, {"height": "3"})
    ready = prepared(city, {**asked, "along_facade": "left"})
    view = dv.viewsheds(ready.doors, ready.obstacles, ready.camera, ready.levels[0]).geometry.iloc[0]
    house = city.buildings.geometry.iloc[0]
    assert view.area > 100.0
    assert view.intersection(house).area < 1e-6
    lens = ready.doors["lens_height_m"].iloc[0]
    lower = ready.counts["at the doors"]["buildings lower than a lens at their door, taken as higher"]
    assert lower == (lens >= 3.0)
    assert view.intersection(shapely.affinity.translate(house, 0.0, 12.5)).area < 1e-6
    _, counted = seen_by(ready)
    assert counted.sum() * 0.25 == pytest.approx(view.area, rel=0.02)


def test_the_same_figures_on_shuffled_rows(town: City) -> None:
    asked = {
        "porch_steps": {"all": {"values": [0, 3], "chances": [0.5, 0.5]}},
        "planting_height_m": {"all": {"low": 0.3, "high": 2.0, "source": "our walk"}},
        "along_facade": {"all": {"low": 0.2, "high": 0.8}},
    }
    order = np.random.default_rng(4).permutation(len(town.buildings))
    shuffled = dataclasses.replace(town, buildings=town.buildings.iloc[order], ways=town.ways.iloc[::-1])
    settings: dict[str, Any] = {"levels": ["observe", "detect"], "doors": asked, "seed": 8}
    one, other = dv.estimate(town, **settings), dv.estimate(shuffled, threads=1, **settings)
    pd.testing.assert_frame_equal(one.shares, other.shares, check_exact=True)
    pd.testing.assert_frame_equal(one.curve, other.curve, check_exact=True)
    assert not one.shares.equals(dv.estimate(town, **{**settings, "seed": 9}).shares)
    (note,) = [note for note in one.notes() if "porch_steps, all" in note]
    assert "planting_height_m, all: from 0.3 to 2.0 (mark given: our walk)." in note
    assert "recess_depth_m" not in note
