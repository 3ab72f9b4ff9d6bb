"""The grid, which boxes meet a tile, samples of street length, and what a scene refuses."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from doorview.city.classes import RANK
from doorview.city.ground import Ground
from doorview.errors import InputError
from doorview.share.coverage import fold
from doorview.share.discretisation import grid_errors
from doorview.share.grid import Grid, TileIndex
from doorview.share.outputs import outputs_of
from doorview.share.scene import SPACES, Kit, RangeCurve, Scene, _within, build_scene, door_keys, polygon_edges
from doorview.share.summary import curve_table
from doorview.share.tiles import cover, cover_tile
from doorview.sight.api import wall_index
from helpers.town import CRS, LEVELS, NEAR_M, Town, covered, sample_points, scene_of, town


@pytest.mark.parametrize("cell_m", [0.0, -0.5, math.nan, math.inf, 0.01, 11.0])
def test_cells_of_bad_size_are_refused(cell_m: float) -> None:
    with pytest.raises(InputError, match="cell_m"):
        Grid(cell_m)


@pytest.mark.parametrize("tile", [0, -64, 32, 100])
def test_tiles_of_bad_size_are_refused(tile: int) -> None:
    with pytest.raises(InputError, match="tile"):
        Grid(0.5, tile)


def test_windows_of_tiles_touch() -> None:
    grid = Grid(0.5, 128)
    assert grid.tile_m == 64.0
    assert grid.window((-1, 0)).tolist() == [-128, 128, 0, 128]
    assert grid.window((0, 2)).tolist() == [0, 128, 256, 128]


@pytest.mark.parametrize("curve", [{"shortest": 0}, {"bins": 0}, {"bins": 65}])
def test_range_curves_that_cannot_be_counted_are_refused(curve: dict[str, int]) -> None:
    with pytest.raises(InputError, match="range curve"):
        RangeCurve(**curve)


def test_tile_index_finds_what_meets_a_tile() -> None:
    """Against every box and tile by itself; a row of NaN (empty geometry) meets none."""
    rng = np.random.default_rng(1)
    low = rng.uniform(-300.0, 300.0, (60, 2))
    bounds = np.hstack([low, low + rng.uniform(0.0, 120.0, (60, 2))])
    bounds[7] = np.nan
    grid, reach = Grid(0.5, 128), 3.0
    index = TileIndex(bounds, grid, reach)
    met = set()
    for row in range(-10, 12):
        for column in range(-10, 12):
            x, y = column * 64.0, row * 64.0
            wanted = np.flatnonzero(
                (bounds[:, 0] - reach < x + 64.0)
                & (bounds[:, 2] + reach >= x)
                & (bounds[:, 1] - reach < y + 64.0)
                & (bounds[:, 3] + reach >= y)
            )
            assert index[row, column].tolist() == wanted.tolist()
            if len(wanted):
                met.add((row, column))
    assert index.tiles() == met
    assert len(index[999, 999]) == 0


def test_an_index_of_nothing() -> None:
    index = TileIndex(np.zeros((0, 4)), Grid())
    assert index.tiles() == set()
    assert len(index[0, 0]) == 0


def test_tiles_are_those_that_the_counted_area_meets() -> None:
    place = town()
    scene = scene_of(place, tile=64)
    side = scene.grid.tile_m
    wanted = [
        (row, column)
        for row in range(-5, 5)
        for column in range(-5, 5)
        if shapely.box(side * column, side * row, side * (column + 1), side * (row + 1)).intersects(place.inside)
    ]
    assert scene.tiles() == wanted
    assert cover_tile(scene, (40, 40)) is None


def lines_of(*rows: tuple[list[tuple[float, float]], float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"space": "centreline", "offset_m": [offset for _, offset in rows], "face": range(len(rows)), "osm_id": ""},
        geometry=[shapely.LineString(line) for line, _ in rows],
        crs=CRS,
    )


def with_lines(lines: gpd.GeoDataFrame) -> Town:
    place = town(doors=1)
    ground = place.ground
    return place._replace(ground=Ground(ground.faces, ground.strips, ground.polygons, lines, {}))


def samples_of(scene: Scene) -> dict[int, list[tuple[int, int]]]:
    """Row and column of the samples of each face, sorted."""
    found: dict[int, list[tuple[int, int]]] = {}
    for row, column, unit in zip(scene.samples.row, scene.samples.column, scene.samples.unit, strict=True):
        assert SPACES[scene.unit_space[unit]] == "centreline"
        found.setdefault(int(scene.unit_face[unit]), []).append((int(row), int(column)))
    return {face: sorted(cells) for face, cells in found.items()}


@pytest.mark.parametrize("cell_m", [0.25, 0.5, 1.0])
def test_samples_lie_where_shapely_says(cell_m: float) -> None:
    """One for every cell's width of line, in the middle of its part, moved to its left by the offset."""
    rng = np.random.default_rng(3)
    lines = lines_of(
        *(
            ([tuple(p) for p in rng.uniform(-60.0, 60.0, (n + 2, 2))], offset)
            for n, offset in enumerate([0, 4.1, -4.1])
        ),
        ([(3.0, 3.0), (3.0, 3.0), (9.0, 3.0)], 1.0),
        ([(1.0, 1.0), (1.0, 1.0 + cell_m * 0.4)], 0.0),
    )
    found = samples_of(scene_of(with_lines(lines), cell_m=cell_m))
    assert 4 not in found  # shorter than half a cell
    for face, (line, offset) in enumerate(zip(lines.geometry, lines["offset_m"], strict=True)):
        points = np.floor(sample_points(line, offset, cell_m) / cell_m).astype(int) if face < 4 else np.zeros((0, 2))
        assert found.get(face, []) == sorted((int(y), int(x)) for x, y in points)


def test_a_sample_lies_to_the_left() -> None:
    """A line to the east with an offset of 2.2 m: the samples lie 2.2 m north of it."""
    found = samples_of(scene_of(with_lines(lines_of(([(0.0, 0.0), (5.0, 0.0)], 2.2)))))
    assert found == {0: [(4, column) for column in range(10)]}


def test_samples_of_a_sidewalk_count_on_sidewalks_alone() -> None:
    """Of the samples 4.25 m beside the streets, those on the other street's carriageway, say, are not counted."""
    run = covered(town())
    place = town()
    lengths = place.ground.lines.length
    table = run.coverage.totals.groupby("space")["amount"].sum() * 0.5
    sidewalk = place.ground.lines["space"] == "sidewalk_line"
    assert 0.5 * lengths[sidewalk].sum() < table[SPACES.index("sidewalk_line")] < lengths[sidewalk].sum()


def test_edges_of_rings_holes_and_parts() -> None:
    """Edges close every ring; what is no polygon has none."""
    holed = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    two = shapely.MultiPolygon([shapely.box(20, 0, 21, 1), shapely.box(30, 0, 31, 1)])
    edges = polygon_edges(np.array([holed, shapely.Point(0, 0), two, shapely.Polygon()], dtype=object))
    assert np.diff(edges.start).tolist() == [8, 0, 8, 0]
    for n, shape in ((0, holed), (2, two)):
        here = edges.edges[edges.start[n] : edges.start[n + 1]]
        assert np.hypot(here[:, 2] - here[:, 0], here[:, 3] - here[:, 1]).sum() == pytest.approx(shape.length)


def test_keys_of_doors_depend_on_their_ids_alone() -> None:
    ids = ["w1@1", "w2@1", "w10@n5"]
    keys = door_keys(ids)
    assert door_keys(ids[::-1]).tolist() == keys[::-1].tolist()
    assert len(set(keys.tolist())) == 3
    with pytest.raises(InputError, match="same id"):
        door_keys(["w1", "w2", "w1"])


def test_too_many_ranks_are_refused() -> None:
    place = town()
    polygons = gpd.GeoDataFrame(
        {"class": "park", "rank": np.linspace(10.0, 11.0, 300), "face": -1, "osm_id": "", "name": ""},
        geometry=[shapely.box(0, 0, 1, 1)] * 300,
        crs=CRS,
    )
    ground = place.ground
    crowded = place._replace(ground=Ground(ground.faces, ground.strips, polygons, ground.lines, {}))
    with pytest.raises(InputError, match="ranks"):
        scene_of(crowded)


def test_without_a_column_rank_the_class_decides() -> None:
    place = town()
    ground = place.ground
    plain = Ground(
        ground.faces, ground.strips.drop(columns="rank"), ground.polygons.drop(columns="rank"), ground.lines, {}
    )
    one, two = covered(place).coverage, covered(place._replace(ground=plain)).coverage
    assert one.totals.equals(two.totals)


@pytest.mark.parametrize("cell_m", [0.25, 0.5, 1.0])
def test_one_door_in_the_open(cell_m: float) -> None:
    """No walls, no zones, one park: what is in view is the sector, within four standard errors of counting by cells.

    An outline of length P crosses P / cell rows; where it does it is misplaced by a uniform part of a cell.
    """
    place = town(doors=1)
    park = gpd.GeoDataFrame(
        {"class": ["park"], "face": -1, "osm_id": "", "name": ""}, geometry=[shapely.box(-60, -50, 70, 60)], crs=CRS
    )
    door = place.doors.set_geometry([shapely.Point(3.17, -4.31)])
    open_air = place._replace(
        doors=door,
        obstacles=place.obstacles.iloc[:0],
        ground=Ground(place.ground.faces, place.ground.strips.iloc[:0], park, place.ground.lines.iloc[:0], {}),
    )
    scene = scene_of(open_air, cell_m=cell_m, zones=None)
    coverage = fold(scene, cover(scene))
    assert coverage.zones == [()]
    assert coverage.members.size.tolist() == [1]
    rows = coverage.rows.groupby("level")["amount"].sum() * cell_m**2
    for number, item in enumerate(scene.levels):
        angle = math.radians(item.field_of_view_degrees)
        outline = angle * (item.range_m + item.near_m) + 2.0 * item.range_m
        allowed = 4.0 * cell_m**2 * math.sqrt(outline / cell_m / 12.0)
        assert rows[number] == pytest.approx(0.5 * angle * (item.range_m**2 - item.near_m**2), abs=allowed)
    outputs = outputs_of(coverage)
    assert set(outputs.table["space"]) == {"all", "park"}
    assert set(outputs.table["zoning"]) == {"all"}


def test_no_ground_at_all_is_yard_alone() -> None:
    """All that nothing holds is yard, and private: no row is printed, nothing is entered."""
    place = town()
    ground = Ground(
        place.ground.faces,
        place.ground.strips.iloc[:0],
        place.ground.polygons.iloc[:0],
        place.ground.lines.iloc[:0],
        {},
    )
    run = covered(place._replace(ground=ground))
    assert run.coverage.totals["space"].unique().tolist() == [RANK["yard"]]
    assert len(run.coverage.rows) == 0
    assert len(run.outputs.table) == 0


def test_a_zone_without_ground_has_no_row() -> None:
    place = town()
    far = place.zones.set_geometry([*place.zones.geometry.iloc[:3], shapely.box(900, 900, 950, 950)])
    run = covered(place._replace(zones=far))
    assert set(run.outputs.table["zone"]) == {"all", "east", "west", "1"}
    curve = curve_table(run.coverage, run.outputs, run.doors, [0.5])
    assert set(curve["zone"]) == {"all", "east", "west", "1"}


def test_no_doors_in_reach() -> None:
    """A door 5 km away: amounts are there, shares are 0, k is 0 everywhere."""
    place = town(doors=1)
    run = covered(place._replace(doors=place.doors.set_geometry(place.doors.translate(5000, 0))), curve=True)
    assert len(run.coverage.rows) == 0
    assert len(run.coverage.members.size) == 0
    curve = curve_table(run.coverage, run.outputs, run.doors, [0.0, 0.4, 1.0])
    assert len(curve) == 9 * len(run.outputs.table)
    assert (curve["share_mean"] == 0.0).all()


def test_the_grid_error_of_an_open_field() -> None:
    """Views without walls: counted cells have no bias beyond chance, and the mean exact area is the sector's."""
    place = town(doors=60)
    scene = scene_of(place._replace(obstacles=place.obstacles.iloc[:0]))
    for error, item in zip(grid_errors(scene), scene.levels, strict=True):
        exact = 0.5 * math.radians(item.field_of_view_degrees) * (item.range_m**2 - item.near_m**2)
        assert error.views == 60
        assert error.mean_m2 == pytest.approx(exact, rel=1e-9)
        outline = math.radians(item.field_of_view_degrees) * item.range_m + 2.0 * item.range_m
        expected = 0.25 * math.sqrt(outline / 0.5 / 12.0)
        assert 0.3 * expected < error.rms_m2 < 2.0 * expected
        assert abs(error.bias) * exact < 4.0 * error.rms_m2 / math.sqrt(60)
        assert error.of_share(100, 5000.0) == pytest.approx(error.rms_m2 * 10.0 / 5000.0)
        assert math.isnan(error.of_share(100, 0.0))


def test_two_kits_in_one_scene_are_the_views_of_each_alone() -> None:
    """Doors with two cameras (other range, field, near edge, height), one of them blind at a level: door by door."""
    place = town()
    short = tuple(
        dataclasses.replace(item, range_m=0.6 * item.range_m, near_m=1.0, field_of_view_degrees=90.0) for item in LEVELS
    )
    blind = (dataclasses.replace(short[0], range_m=0.0), *short[1:])
    kits = (
        Kit(LEVELS, wall_index(place.obstacles, CRS), math.radians(155.0)),
        Kit(blind, wall_index(place.obstacles, CRS, 0.9, 1.5), math.radians(90.0)),
    )
    door_kit = np.arange(len(place.doors)) % 2
    settings: dict[str, Any] = {"inside": place.inside, "grid": Grid(0.5, 64), "near_m": NEAR_M}
    both = build_scene(place.doors, kits, place.ground, door_kit=door_kit, **settings)
    together = {(r.tile, item.name): r.seen_by[item.name] for r in cover(both, threads=1) for item in LEVELS}
    alone: dict[Any, Any] = dict.fromkeys(together, 0)
    for number, kit in enumerate(kits):
        scene = build_scene(place.doors[door_kit == number], kit, place.ground, **settings)
        for result in cover(scene, threads=1):
            for name, seen in result.seen_by.items():
                alone[result.tile, name] = alone[result.tile, name] + (0 if seen is None else seen.astype(int))
    assert sum(value is not None for value in together.values()) > 3
    for key, seen in together.items():
        np.testing.assert_array_equal(0 if seen is None else seen, alone[key])
    assert all(error.views > 0 for error in grid_errors(both))
    # Whose views they are, too: counts alone would not tell one door from another.
    parts = [
        _amount_by_door(build_scene(place.doors[door_kit == number], kit, place.ground, **settings))
        for number, kit in enumerate(kits)
    ]
    assert _amount_by_door(both) == {**parts[0], **parts[1]}


def _amount_by_door(scene: Scene) -> dict[str, list[int]]:
    """Return what each door sees, by level."""
    found = fold(scene, cover(scene, rasters=False, threads=1))
    seen = {str(door): [0] * len(found.levels) for door in found.door_ids}
    for level, number, amount in found.rows[["level", "set", "amount"]].itertuples(index=False):
        for door in found.members.doors[found.members.start[number] : found.members.start[number + 1]]:
            seen[str(found.door_ids[door])][level] += int(amount)
    return seen


def test_kits_of_other_levels_are_refused() -> None:
    place = town()
    walls = wall_index(place.obstacles, CRS)
    with pytest.raises(InputError, match="same names in the same order"):
        build_scene(
            place.doors, (Kit(LEVELS, walls, 1.0), Kit(LEVELS[:1], walls, 1.0)), place.ground, inside=place.inside
        )


def test_ground_across_a_country_has_tiles_near_the_counted_area_alone():
    grid = Grid(0.5)
    inside = shapely.box(0.0, 0.0, 300.0, 200.0)
    bounds = np.array([[-4e6, -4e6, 4e6, 4e6], [10.0, 10.0, 20.0, 20.0], [9e5, 9e5, 1e6, 1e6]])
    kept = TileIndex(_within(bounds, inside, grid), grid)
    tile = grid.tile_m
    columns, rows = (range(int(-tile // tile), int((size + tile) // tile) + 1) for size in (300.0, 200.0))
    assert kept.tiles() == {(row, column) for row in rows for column in columns}
    full = TileIndex(bounds[1:2], grid)
    for at in full.tiles():
        assert kept[at].tolist() == [0, 1]
