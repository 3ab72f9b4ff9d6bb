"""Known cameras beside simulated ones: against plain counting, spot by spot, and that nothing simulated changes."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.classes import CLASSES
from doorview.errors import InputError
from doorview.ownership.scenario import Scenario
from doorview.share.coverage import fold
from doorview.share.known import with_known
from doorview.share.outputs import outputs_of
from doorview.share.scene import SPACES, Kit, Scene
from doorview.share.summary import DoorTable, curve_table, known_table, shares_table
from doorview.share.tiles import _painted, cover
from doorview.sight.api import wall_index
from helpers.town import CRS, LEVELS, Town, on_grain, sample_points, scene_of, table_of, town

PLACES = [(-20.2, 12.3, 0.0), (9.1, -14.4, 75.0), (33.7, 22.2, 200.0), (-41.3, -9.9, 310.0), (12.2, 2.1, 20.0)]
LAYERS = {"osm": np.array([True, True, True, False, False]), "all": np.ones(5, bool)}
TILES = (64, 256)


def cameras() -> gpd.GeoDataFrame:
    xy = on_grain([place[:2] for place in PLACES])
    index = pd.Index([f"k:n{n}" for n in range(len(PLACES))], name="door")
    return gpd.GeoDataFrame({"heading": [p[2] for p in PLACES]}, geometry=shapely.points(xy), index=index, crs=CRS)


def kits_of(place: Town) -> tuple[tuple[Kit, ...], Any]:
    """A dome seeing all around from 3.5 m, another with a near hole, and one that sees nothing at a level."""
    round_about = tuple(dataclasses.replace(item, field_of_view_degrees=360.0, near_m=0.0) for item in LEVELS)
    narrow = tuple(
        dataclasses.replace(item, field_of_view_degrees=60.0, range_m=22.1, near_m=2.3, target_height_m=1.5)
        for item in LEVELS
    )
    blind = (dataclasses.replace(narrow[0], range_m=0.0), *narrow[1:])
    walls = {height: wall_index(place.obstacles, CRS, height, 1.5) for height in (1.2, 3.5)}
    kits = (
        Kit(round_about, walls[3.5], 2.0 * math.pi),
        Kit(narrow, walls[1.2], math.radians(60.0)),
        Kit(blind, walls[3.5], math.radians(60.0)),
    )
    return kits, np.array([0, 1, 2, 0, 1])


def low_town() -> Town:
    """The town with some houses of 2.5 m: lower than the cameras at 3.5 m, taller than the target."""
    place = town()
    low = place.obstacles.assign(height_m=np.where(np.arange(len(place.obstacles)) % 3 == 0, 2.5, np.nan))
    return place._replace(obstacles=low)


def with_cameras(place: Town, tile: int = 256) -> Scene:
    kits, kit = kits_of(place)
    return with_known(scene_of(place, tile=tile, curve=True), cameras(), kits, kit, LAYERS)


def camera_table(place: Town, member: Any) -> DoorTable:
    points = cameras().geometry.array[member]
    return DoorTable(
        np.arange(member.sum(), dtype=np.uint64),
        np.ones(member.sum(), np.int64),
        np.asarray(shapely.intersects(place.inside, points)),
        np.stack([shapely.intersects(zone, points) for zone in place.zones.geometry], axis=1),
    )


def test_nothing_simulated_changes_by_one_bit() -> None:
    place = low_town()
    plain, beside = scene_of(place, tile=64, curve=True), with_cameras(place, tile=64)
    assert beside.tiles() == plain.tiles()
    assert beside.reach_m == plain.reach_m
    for one, two in itertools.zip_longest(cover(plain, threads=1), cover(beside, threads=2)):
        for name, before, after in (
            (f.name, getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one)
        ):
            if name == "seen_by":
                for level, array in before.items():
                    assert (array is None) == (after[level] is None)
                    assert array is None or np.array_equal(array, after[level])
            elif name != "known":
                assert np.array_equal(before, after) if isinstance(before, np.ndarray) else before == after, name
    before, after = (fold(scene, cover(scene, threads=1)) for scene in (plain, beside))
    pd.testing.assert_frame_equal(before.rows, after.rows)
    pd.testing.assert_frame_equal(before.totals, after.totals)
    assert np.array_equal(before.members.doors, after.members.doors)
    assert np.array_equal(before.members.start, after.members.start)
    assert np.array_equal(before.door_ids, after.door_ids)
    assert before.rings is not None
    assert after.rings is not None
    assert np.array_equal(before.rings, after.rings)
    zones, doors = pd.DataFrame(place.zones[["zoning", "zone"]]), table_of(place, plain)
    scenarios = [Scenario("a", rate=0.3), Scenario("b", process="exactly", number=3)]
    tables = [
        (
            shares_table(c, outputs_of(c, zones), doors, scenarios, zones=zones),
            curve_table(c, outputs_of(c, zones), doors, [0.2]),
        )
        for c in (before, after)
    ]
    for one, two in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


def seen_alone(place: Town, scene: Scene, doors: gpd.GeoDataFrame, kits: Any) -> list[list[set[tuple[int, int]]]]:
    """Return, per level and camera, the cells that it sees as the only door of the town (doors of `kits`)."""
    found: list[list[set[tuple[int, int]]]] = [[set() for _ in doors.index] for _ in LEVELS]
    for number in range(len(doors)):
        one = dataclasses.replace(
            scene_of(place._replace(doors=doors.iloc[[number]].assign(dwellings=1))), kits=(kits[number],)
        )
        for result in cover(one, threads=1):
            for level, item in enumerate(LEVELS):
                array = result.seen_by[item.name]
                cells = [] if array is None else np.argwhere(array).tolist()
                found[level][number] |= {(result.row0 + r, result.col0 + c) for r, c in cells}
    return found


def spots_of(place: Town, scene: Scene) -> list[tuple[tuple[int, int], str]]:
    """Return all public cells and samples that are counted, by shapely: (cell, space)."""
    cell, public = scene.grid.cell_m, {item.name for item in CLASSES if item.public}
    units: dict[tuple[int, int], str] = {}
    for tile in scene.tiles():
        window = scene.grid.window(tile)
        unit = _painted(scene, tile, window)
        for r, c in np.ndindex(unit.shape):
            units[int(window[0]) + r, int(window[2]) + c] = SPACES[scene.unit_space[unit[r, c]]]
    rows = [(key, name) for key, name in units.items() if name in public]
    lines = place.ground.lines
    for line, offset, space in zip(lines.geometry, lines["offset_m"], lines["space"], strict=True):
        for x, y in sample_points(line, offset, cell):
            key = int(np.floor(y / cell)), int(np.floor(x / cell))
            if key in units and (space == "centreline" or units[key] == "sidewalk"):
                rows.append((key, space))
    keys = np.array([key for key, _ in rows])
    inside = shapely.contains_xy(place.inside, (keys[:, 1] + 0.5) * cell, (keys[:, 0] + 0.5) * cell)
    return [row for row, counted in zip(rows, inside, strict=True) if counted]


@pytest.fixture(scope="module")
def counted() -> tuple[Town, Scene, list[tuple[tuple[int, int], str]], Any, Any]:
    place = low_town()
    scene = scene_of(place)
    kits, kit = kits_of(place)
    doors = seen_alone(place, scene, place.doors, [scene.kits[0]] * len(place.doors))
    known = seen_alone(place, scene, cameras(), [kits[n] for n in kit])
    return place, scene, spots_of(place, scene), doors, known


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("layer", list(LAYERS))
def test_shares_are_those_of_counting_spot_by_spot(counted: Any, tile: int, layer: str) -> None:
    place, _, spots, doors, known = counted
    scene = with_cameras(place, tile)
    coverage = fold(scene, cover(scene, rasters=False, threads=2))
    zones = pd.DataFrame(place.zones[["zoning", "zone"]])
    outputs, table = outputs_of(coverage, zones), table_of(place, scene)
    scenarios = [Scenario("five", rate=0.05), Scenario("many", rate=0.6), Scenario("none", rate=0.0)]
    member = LAYERS[layer]
    found = known_table(coverage, outputs, table, scenarios, layer, camera_table(place, member), zones=zones)
    found = found[found["zoning"] == "all"].set_index(["level", "space", "scenario"])
    for level, item in enumerate(LEVELS):
        certain = set().union(*(known[level][n] for n in np.flatnonzero(member)))
        k = {key: sum(key in view for view in doors[level]) for key, _ in spots}
        for space, names in (
            ("all", {c.name for c in CLASSES if c.public}), ("carriageway", {"carriageway"}), ("park", {"park"}),
            ("centreline", {"centreline"}), ("sidewalk_line", {"sidewalk_line"}),
        ):  # fmt: skip
            here = [key for key, name in spots if name in names]
            for scenario in scenarios:
                row = found.loc[(item.name, space, scenario.name)]
                rate = scenario.rate or 0.0
                alone = np.array([1.0 - (1.0 - rate) ** k[key] for key in here])
                sure = np.array([key in certain for key in here])
                assert row["share_known"] == pytest.approx(sure.mean(), abs=1e-15)
                assert row["share_mean"] == pytest.approx(alone.mean(), abs=1e-11)
                assert row["share_either"] == pytest.approx(np.where(sure, 1.0, alone).mean(), abs=1e-11)
                unit = 0.5 if "line" in space else 0.25
                assert row["public_amount"] == len(here) * unit
                if scenario.name == "none":
                    assert row["share_either"] == row["share_known"]
        if item.name == "detect":
            assert any(key in certain and k[key] for key, _ in spots)  # both kinds see some
            assert any(key in certain and not k[key] for key, _ in spots)


def test_simulated_shares_stand_beside_to_the_bit(counted: Any) -> None:
    place = counted[0]
    scene = with_cameras(place)
    coverage = fold(scene, cover(scene, rasters=False, threads=1))
    zones = pd.DataFrame(place.zones[["zoning", "zone"]])
    outputs, table = outputs_of(coverage, zones), table_of(place, scene)
    scenarios = [Scenario("a", rate=0.17, shared_doors="any"), Scenario("b", process="exactly", number=4)]
    cameras_in = camera_table(place, LAYERS["osm"])
    found = known_table(coverage, outputs, table, scenarios, "osm", cameras_in, zones=zones)
    keys = ["scenario", "level", "zoning", "zone", "space", "measure"]
    shares = shares_table(coverage, outputs, table, scenarios, zones=zones).set_index(keys)["share_mean"]
    theirs = found.set_index(keys)["share_mean"]
    pd.testing.assert_series_equal(theirs.sort_index(), shares.sort_index(), check_exact=True)
    assert (found["share_either"] >= found[["share_known", "share_mean"]].max(axis=1) - 1e-15).all()
    assert (found["share_either"] <= found["share_known"] + found["share_mean"] + 1e-15).all()
    zone = found.drop_duplicates(["zoning", "zone"]).set_index(["zoning", "zone"])["known_cameras"]
    for (zoning, name), shape in zip(
        zip(zones["zoning"], zones["zone"], strict=True), place.zones.geometry, strict=True
    ):
        both = shapely.intersection(shape, place.inside)
        wanted = sum(both.contains(point) for point in cameras().geometry[LAYERS["osm"]])
        assert zone.get((zoning, name), wanted) == wanted


def test_rasters_hold_the_number_of_known_cameras(counted: Any) -> None:
    place, _, _, _, known = counted
    scene = with_cameras(place, 64)
    whole: dict[Any, int] = {}
    for result in cover(scene, threads=1):
        for layer, tile in result.known.items():
            for level, item in enumerate(LEVELS):
                array = tile.seen_by[item.name]
                cells = [] if array is None else np.argwhere(array).tolist()
                for r, c in cells:
                    assert array is not None
                    whole[layer, level, result.row0 + r, result.col0 + c] = int(array[r, c])
            assert all(value is None for value in tile.without_rasters().seen_by.values())
    shared, tiles = 0, set(scene.tiles())
    for layer, member in LAYERS.items():
        for level in range(len(LEVELS)):
            wanted: dict[Any, int] = {}
            for number in np.flatnonzero(member):
                for key in known[level][number]:
                    if (key[0] // 64, key[1] // 64) not in tiles:
                        continue  # tiles of another size reach farther beyond the counted area
                    wanted[(layer, level, *key)] = wanted.get((layer, level, *key), 0) + 1
            here = {key: value for key, value in whole.items() if key[:2] == (layer, level)}
            assert here == wanted
            shared += max(wanted.values(), default=0) > 1
    assert shared


def test_a_city_without_known_cameras_and_kits_of_other_levels() -> None:
    place = town(doors=3)
    scene = scene_of(place)
    empty = with_known(scene, cameras().iloc[:0], (), np.zeros(0, np.int64), {"osm": np.zeros(0, bool)})
    coverage = fold(empty, cover(empty, rasters=False, threads=1))
    outputs = outputs_of(coverage)
    nobody = DoorTable(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, bool))
    table = known_table(coverage, outputs, table_of(place, scene), [Scenario("a", rate=0.5)], "osm", nobody)
    assert (table["share_known"] == 0).all()
    assert (table["share_either"] == table["share_mean"]).all()
    assert (table["known_cameras"] == 0).all()
    kits, kit = kits_of(place)
    fewer = tuple(dataclasses.replace(item, levels=item.levels[:2]) for item in kits)
    with pytest.raises(InputError, match="levels of the doors"):
        with_known(scene, cameras(), fewer, kit, LAYERS)
