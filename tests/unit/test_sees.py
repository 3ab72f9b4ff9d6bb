"""Who sees a spot: by hand, against viewsheds, and against sight lines in space."""

from __future__ import annotations

import dataclasses
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.share.grid import Grid
from doorview.share.scene import Kit, build_scene
from doorview.share.tiles import cover
from doorview.sight.api import wall_index
from doorview.sight.arrays import forward_of, height_scale, index_walls, visible_areas
from doorview.sight.points import seen_pairs
from helpers.rays3d import lit_area, seen
from helpers.town import LEVELS, NEAR_M, town

CRS = "EPSG:32618"
X, Y = 345_000.0, 4_359_000.0
CAMERA = dataclasses.replace(dv.camera("ring-video-doorbell-wired"), mount_height_m=1.2)
"""The mount height of the tables below, whatever the catalogue comes to say."""


def level_of(target_m: float, range_m: float = 30.0, near_m: float = 0.0, field: float = 155.0):
    return dataclasses.replace(
        dv.level(CAMERA, "observe"),
        range_m=range_m,
        near_m=near_m,
        field_of_view_degrees=field,
        target_height_m=target_m,
    )


def doors_at(*places: tuple[float, float, float], index=None) -> gpd.GeoDataFrame:
    points = [shapely.Point(X + x, Y + y) for x, y, _ in places]
    return gpd.GeoDataFrame({"heading": [float(h) for *_, h in places]}, geometry=points, crs=CRS, index=index)


def spots_at(*places: tuple[float, float], index=None) -> gpd.GeoSeries:
    return gpd.GeoSeries([shapely.Point(X + x, Y + y) for x, y in places], crs=CRS, index=index)


def things(*shapes, **columns) -> gpd.GeoDataFrame:
    moved = [shapely.transform(shape, lambda xy: xy + np.array([X, Y])) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=CRS)


NOTHING = things()
WALL = shapely.LineString([(-5, 10), (5, 10)])
DOORS = doors_at((0, 0, 0), (0, 20, 180), (100, 0, 90), index=["south", "north", "away"])
SPOTS = spots_at((0, 5), (0, 15), (12, 10), (101, 0.0), (0, -1), index=[50, 40, 30, 20, 10])


def pairs_of(found: pd.DataFrame) -> list[tuple[object, object]]:
    return list(zip(found["door"], found["point"], strict=True))


def test_who_sees_which_spot_past_a_wall():
    found = dv.sees(DOORS, SPOTS, things(WALL), CAMERA, level_of(1.2))
    assert list(found.columns) == ["door", "point", "distance_m", "bearing_degrees"]
    # In order of the points, then of the doors; the last spot lies behind the one and beyond the wall for the other.
    assert pairs_of(found) == [("south", 50), ("north", 40), ("south", 30), ("north", 30), ("away", 20)]
    assert found["distance_m"].tolist() == pytest.approx([5, 5, math.hypot(12, 10), math.hypot(12, 10), 1])
    slant = math.degrees(math.atan2(12, 10))
    assert found["bearing_degrees"].tolist() == pytest.approx([0, 180, slant, 180 - slant, 90])


def test_a_wall_lower_than_the_lens_hides_as_far_as_its_shadow_goes():
    # The lens at 1.2 m, the wall at 10 m 0.6 m high: on the ground it hides from 10 m to 20 m.
    spots = spots_at((0, 9.9), (0, 10.1), (0, 19.9), (0, 20.1), (9.9, 19.9), (10.1, 19.9))
    ask = DOORS.iloc[:1], spots, things(WALL, height_m=[0.6]), CAMERA
    assert dv.sees(*ask, level_of(0.0))["point"].tolist() == [0, 3, 5]
    # A target at 0.4 m is hidden to 10 * 0.8 / 0.6 m only; one at the wall's own height not at all; one higher never.
    assert dv.sees(*ask, level_of(0.4))["point"].tolist() == [0, 2, 3, 4, 5]
    assert dv.sees(*ask, level_of(0.6))["point"].tolist() == list(range(6))
    assert dv.sees(*ask, level_of(1.5))["point"].tolist() == list(range(6))


def test_a_wall_between_lens_and_target_hides_from_its_scaled_place_on():
    # From 1.2 m over 1.35 m to 1.5 m: hidden from twice the wall's distance on.
    spots = spots_at((0, 19.9), (0, 20.1))
    found = dv.sees(DOORS.iloc[:1], spots, things(WALL, height_m=[1.35]), CAMERA, level_of(1.5))
    assert found["point"].tolist() == [0]


def test_range_field_and_near_hole_bound_the_view():
    spots = spots_at((0, 2), (0, 3), (0, 8), (0, 8.01), (3, 3), (3.1, 3), (-3.1, 3), (0, 0))
    at = doors_at((0, 0, 0))
    assert dv.sees(at, spots, NOTHING, CAMERA, level_of(1.5, 8.0, 2.5, 90.0))["point"].tolist() == [1, 2, 4]
    # All around, and the camera's own place if nothing is too near for it.
    assert dv.sees(at, spots, NOTHING, CAMERA, level_of(1.5, 8.0, 0.0, 360.0))["point"].tolist() == [
        0,
        1,
        2,
        4,
        5,
        6,
        7,
    ]
    assert (
        dv.sees(at, spots.iloc[7:], NOTHING, CAMERA, level_of(1.5))[["distance_m", "bearing_degrees"]]
        .eq(0)
        .all(axis=None)
    )


def test_any_index_and_none_at_all():
    doors = doors_at((0, 0, 0), (1, 0, 0), index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]))
    found = dv.sees(doors, gpd.GeoDataFrame(geometry=spots_at((0, 5), index=["spot"])), NOTHING)
    assert pairs_of(found) == [(("x", 1), "spot"), (("y", 2), "spot")]
    for empty in (
        dv.sees(doors, spots_at(), NOTHING),
        dv.sees(doors.iloc[:0], SPOTS, NOTHING),
        dv.sees(doors, spots_at((0, -5)), NOTHING),
    ):
        assert empty.empty
        assert list(empty.columns) == ["door", "point", "distance_m", "bearing_degrees"]


@pytest.mark.parametrize(
    ("spots", "what"),
    [
        (SPOTS.to_crs("EPSG:32617"), r"points are in EPSG:32617 and doors in EPSG:32618.*to_crs\(doors.crs\)"),
        (SPOTS.set_crs(None, allow_override=True), r"points are in no CRS.*set_crs"),
        (SPOTS.buffer(1.0), "5 points cannot be used; the first, 50, is a Polygon.*centroid"),
        (gpd.GeoSeries([SPOTS.iloc[0], None], crs=CRS), "1 points cannot be used; the first, 1, has no place"),
        (gpd.GeoSeries([shapely.Point()], crs=CRS), "1 points cannot be used; the first, 0, has no place"),
        (gpd.GeoSeries([shapely.Point(math.inf, 0.0)], crs=CRS), "NaN or infinite"),
    ],
)
def test_spots_that_cannot_be_used_are_refused(spots, what):
    with pytest.raises(InputError, match=what):
        dv.sees(DOORS, spots, NOTHING)


def test_what_viewsheds_refuse_is_refused_here_too():
    with pytest.raises(InputError, match="no column 'heading'"):
        dv.sees(DOORS.drop(columns="heading"), SPOTS, NOTHING)
    with pytest.raises(InputError, match="obstacles are in EPSG:32617"):
        dv.sees(DOORS, SPOTS, things(WALL).to_crs("EPSG:32617"))
    with pytest.raises(UnknownNameError, match="Did you mean 'observe'"):
        dv.sees(DOORS, SPOTS, NOTHING, level="obsreve")
    for given_range, field in ((0.0, 90.0), (10.0, 361.0)):
        with pytest.raises(InputError):
            seen_pairs(np.zeros((1, 2)), forward_of([0.0]), [[1.0, 1.0]], index_walls([]), given_range, field)


def a_town(seed: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return 25 doors and 120 obstacles of all heights, lines and boxes that cross, in 60 m by 60 m."""
    rng = np.random.default_rng(seed)
    shapes = []
    for x, y, turn, length, box in zip(*rng.uniform(0.0, 1.0, (5, 120)), strict=True):
        dx, dy = 4.0 * length * math.cos(7.0 * turn), 4.0 * length * math.sin(7.0 * turn)
        a, b = np.array([60.0 * x, 60.0 * y]), np.array([60.0 * x + dx, 60.0 * y + dy])
        side = np.array([-dy, dx]) / 2
        shapes.append(shapely.LineString([a, b]) if box < 0.6 else shapely.Polygon([a, b, b + side, a + side]))
    heights = rng.choice([np.nan, 3.0, 1.35, 1.0, 0.8, 0.5, 0.1], len(shapes))
    doors = doors_at(*np.column_stack([rng.uniform(0.0, 60.0, (25, 2)), rng.uniform(0.0, 360.0, 25)]).tolist())
    return doors, things(*shapes, height_m=heights)


@pytest.mark.parametrize("target", [0.0, 0.6, 1.1, 1.2, 1.5])
@pytest.mark.parametrize(("field", "near"), [(155.0, 2.0), (360.0, 0.0)])
def test_it_agrees_with_viewsheds(target: float, field: float, near: float):
    doors, obstacles = a_town(int(10 * target) + int(field))
    level = level_of(target, 14.0, near, field)
    views = dv.viewsheds(doors, obstacles, CAMERA, level)
    assert views.geometry.is_valid.all()
    # The polygons' chords lie within 1 cm of their arcs, of which each view has at most two whole circles.
    assert np.abs(views.geometry.area - views["area_m2"]).max() < 0.01 * math.tau * (14.0 + near)
    rng = np.random.default_rng(1)
    spots = spots_at(*rng.uniform(-10.0, 70.0, (1500, 2)).tolist())
    distance = shapely.distance(doors.geometry.to_numpy()[:, None], spots.to_numpy()[None, :])
    clear_of_arcs = (np.abs(distance - 14.0) > 0.011) & (np.abs(distance - near) > 0.011)
    # The distance from an empty view is NaN.
    on_edges = shapely.distance(views.boundary.to_numpy()[:, None], spots.to_numpy()[None, :]) <= 1e-7
    inside = shapely.contains_xy(
        views.geometry.to_numpy()[:, None], spots.x.to_numpy()[None, :], spots.y.to_numpy()[None, :]
    )
    found = np.zeros_like(inside)
    pairs = dv.sees(doors, spots, obstacles, CAMERA, level)
    found[pairs["door"], pairs["point"]] = True
    sure = clear_of_arcs & ~on_edges
    assert np.array_equal(found[sure], inside[sure])
    assert found.sum() > 300
    assert sure.mean() > 0.99


def finite(low: float, high: float):
    """Multiples of 1/64: few ties with the edges of a scene, and short counter-examples."""
    return st.integers(math.ceil(64 * low), math.floor(64 * high)).map(lambda n: n / 64)


@settings(max_examples=150, deadline=None)
@given(
    walls=st.lists(st.tuples(*[finite(-15, 15)] * 4, st.one_of(finite(0, 3), st.just(math.inf))), max_size=12),
    camera_m=finite(0.5, 2.5),
    target_m=finite(0, 2.5),
    heading=finite(0, 360),
    field=st.sampled_from([60.0, 155.0, 180.0, 270.0, 360.0]),
    seed=st.integers(0, 2**20),
)
def test_heights_agree_with_sight_lines_in_space(walls, camera_m, target_m, heading, field, seed):
    """Points of general position against rectangles in space; areas against rays, within what jumps can misplace."""
    rows = np.array([wall[:4] for wall in walls]).reshape(-1, 4)
    heights = np.array([wall[4] for wall in walls])
    place = np.array([[math.pi / 10, -math.e / 10]])
    # A wall of the lens's own height, or the target's, is a tie that rounding decides.
    heights = np.where((heights == camera_m) | (heights == target_m), heights + 0.005, heights)
    index = index_walls(rows, height_scale(heights, camera_m, target_m), cell=5.0)
    points = np.random.default_rng(seed).uniform(-14.0, 14.0, (300, 2))
    pairs = seen_pairs(place, forward_of([heading]), points, index, 13.0, field, 1.0)
    found = np.zeros(300, bool)
    found[pairs.point] = True
    scene = (*place[0], camera_m), heading
    sector = {"range_m": 13.0, "field_of_view_degrees": field, "near_m": 1.0}
    targets = np.column_stack([points, np.full(300, target_m)])
    assert np.array_equal(found, seen(*scene, targets, rows, heights, **sector))

    area = visible_areas(
        place, [heading], rows, heights, 13.0, field, 1.0, camera_height_m=camera_m, target_height_m=target_m
    )[0]
    rays = 5001
    # Each wall makes at most two jumps, each crossing of edges none; a jump is misplaced by half a step at most, and
    # where r changes steeply (a wall seen nearly edge on) the midpoint rule errs by a step's whole sector.
    slack = (4 * len(walls) + 2) * 0.5 * 13.0**2 * math.radians(field) / rays
    wanted = lit_area(*scene, target_m, rows, heights, rays=rays, **sector)
    assert area == pytest.approx(wanted, abs=slack)


def test_tiles_count_the_doors_whose_sight_lines_are_free():
    """The rasters of the whole way through tiles: each cell of a corner of the town, three levels, low targets."""
    place = town()
    heights = np.resize([0.5, np.nan, 0.8, 0.3, 1.0], len(place.obstacles))
    obstacles = place.obstacles.assign(height_m=heights)
    levels = tuple(dataclasses.replace(item, target_height_m=0.1) for item in LEVELS)
    walls = wall_index(obstacles, CRS, 1.2, 0.1)
    assert walls.lows.ni > 0
    scene = build_scene(
        place.doors,
        Kit(levels, walls, math.radians(155.0)),
        place.ground,
        inside=place.inside,
        zones=place.zones,
        grid=Grid(0.5, 64),
        near_m=NEAR_M,
    )
    result = next(item for item in cover(scene, threads=1) if (item.row0, item.col0) == (0, 0))
    row, column = (part.ravel() for part in np.mgrid[0:64, 0:64])
    spots = gpd.GeoSeries(shapely.points((column + 0.5) * 0.5, (row + 0.5) * 0.5), crs=CRS)
    for item in levels:
        pairs = dv.sees(place.doors, spots, obstacles, CAMERA, item)
        wanted = np.bincount(pairs["point"], minlength=64 * 64).reshape(64, 64)
        counted = result.seen_by[item.name]
        assert wanted.any()
        assert np.array_equal(counted, wanted)
