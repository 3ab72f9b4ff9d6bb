"""The room's door for tables: any obstacles, the caller's index, and what is refused."""

from __future__ import annotations

import dataclasses
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.sight.arrays import height_scale, index_walls, visible_areas
from doorview.sight.walls import walls_of

CRS = "EPSG:32618"
X, Y = 345_000.0, 4_359_000.0


def doors_at(*places: tuple[float, float, float], index=None) -> gpd.GeoDataFrame:
    """Return doors (x, y, heading) about a place in the zone."""
    points = [shapely.Point(X + x, Y + y) for x, y, _ in places]
    return gpd.GeoDataFrame({"heading": [h for *_, h in places]}, geometry=points, crs=CRS, index=index)


def things(*shapes, crs=CRS, **columns) -> gpd.GeoDataFrame:
    moved = [shapely.transform(shape, lambda xy: xy + np.array([X, Y])) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=crs)


def sector(degrees: float, metres: float) -> float:
    return math.radians(degrees) / 2 * metres**2


NOTHING = things()
# A wall 10 m north of the camera, from 45 degrees left to 45 right: what is left of a sector of 90 is a triangle.
WALL = shapely.LineString([(-10, 10), (10, 10)])


def test_an_open_view_is_the_sector():
    found = dv.visible_area(doors_at((0, 0, 0)), NOTHING, range_m=30.0, field_of_view=155.0)
    assert found.iloc[0] == pytest.approx(sector(155, 30), rel=1e-12)


@pytest.mark.parametrize(
    "shape",
    [
        WALL,
        shapely.MultiLineString([[(-10, 10), (0, 10)], [(0, 10), (10, 10)]]),
        shapely.box(-10, 10, 10, 12),
        shapely.MultiPolygon([shapely.box(-10, 10, 0, 12), shapely.box(0, 10, 10, 12)]),
        shapely.Polygon([(-10, 10), (10, 10), (10, 40), (-10, 40)], [[(-5, 15), (5, 15), (5, 30), (-5, 30)]]),
        shapely.LinearRing([(-10, 10), (10, 10), (10, 11), (-10, 11)]),
        # One box beside the sector, one in it: a wall made up between them would cut the view.
        shapely.GeometryCollection(
            [shapely.Point(1, 1), shapely.MultiPolygon([shapely.box(-12, 2, -11, 3), shapely.box(-10, 10, 10, 12)])]
        ),
        shapely.LineString([(-10, 10, 5.0), (10, 10, 5.0)]),
    ],
    ids=lambda shape: shape.geom_type,
)
def test_lines_and_polygons_of_any_kind_hide(shape):
    found = dv.visible_area(doors_at((0, 0, 0)), things(shape), range_m=30.0, field_of_view=90.0)
    assert found.iloc[0] == pytest.approx(100.0, rel=1e-9)  # the triangle (0,0), (-10,10), (10,10)


def test_a_series_of_obstacles_will_do():
    found = dv.visible_area(doors_at((0, 0, 0)), things(WALL).geometry, range_m=30.0, field_of_view=90.0)
    assert found.iloc[0] == pytest.approx(100.0, rel=1e-9)


@pytest.mark.parametrize("index", [["b", "a"], [7, 3], pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])])
def test_the_callers_index_is_kept(index):
    doors = doors_at((0, 0, 0), (0, 0, 180), index=index)
    areas = dv.visible_area(doors, things(WALL), field_of_view=90.0)
    assert areas.index.equals(doors.index)
    assert areas.iloc[0] == pytest.approx(100.0)
    assert areas.iloc[1] == pytest.approx(sector(90, 30))
    views = dv.viewsheds(doors, things(WALL), level="observe")
    assert views.index.equals(doors.index)
    assert views.crs == doors.crs


def test_polygons_and_areas_of_viewsheds_agree():
    doors = doors_at((0, 0, 0), (3, 0, 90), (0, 5, 250))
    views = dv.viewsheds(doors, things(WALL, shapely.box(12, -4, 20, 4)), level="detect")
    assert views.geometry.is_valid.all()
    # Chords stay within 1 cm of their arcs: at most 1 cm times the length of the arcs (two, near and far).
    slack = 0.01 * math.radians(155) * 29
    assert np.abs(views.geometry.area - views["area_m2"]).max() < slack
    # One of them sees past nothing at all: its sector, less what is too near to be in the picture.
    assert views["area_m2"].max() <= sector(155, 28.4) + 1


def test_the_full_circle_and_no_doors():
    assert dv.visible_area(doors_at((0, 0, 0)), NOTHING, 10.0, 360.0).iloc[0] == pytest.approx(math.pi * 100)
    none = doors_at()
    none["heading"] = none["heading"].astype(float)
    assert dv.visible_area(none, things(WALL)).empty
    views = dv.viewsheds(none, things(WALL))
    assert views.empty
    assert list(views.columns) == ["area_m2", "level", "geometry"]


def test_low_walls_hide_what_their_height_hides():
    # The camera hangs at 1.2 m and looks for 1.5 m. 1.0 m hides nothing; 1.35 m hides from twice its distance on.
    def seen(height: float) -> float:
        return dv.visible_area(doors_at((0, 0, 0)), things(WALL, height_m=[height]), 30.0, 90.0).iloc[0]

    assert seen(1.0) == pytest.approx(sector(90, 30))
    assert seen(1.35) == pytest.approx(400.0)  # as a wall of double size at 20 m
    assert seen(9.0) == pytest.approx(100.0)
    assert seen(float("nan")) == pytest.approx(100.0)


def test_an_unknown_height_is_the_same_for_tables_and_arrays():
    assert np.isinf(walls_of(things(WALL, height_m=[np.nan])).height).all()
    assert height_scale([np.nan], 1.2, 1.5).tolist() == [[1.0, 0.0]]
    wall = [[-10.0, 10.0, 10.0, 10.0]]
    found = visible_areas([[0.0, 0.0]], [0.0], wall, [np.nan], 30.0, 90.0)
    assert found[0] == pytest.approx(100.0)


def test_a_target_below_the_lens_is_hidden_for_a_while_or_for_good():
    # To 1.1 m from 1.2 m: up to the target nothing, between them to (1.2 - 1.1) / (1.2 - h) of the wall's distance,
    # from the lens on all; a height within rounding of the lens shades farther than any range.
    heights = [0.5, 1.1, 1.15, 1.1875, 1.2 - 1e-12, 1.2, 3.0, np.nan]
    scale = height_scale(heights, 1.2, 1.1)
    assert scale[:, 0].tolist() == pytest.approx([np.nan, np.nan, 1, 1, 1, 1, 1, 1], nan_ok=True)
    assert scale[2:, 1].tolist() == pytest.approx([2, 8, 0, 0, 0, 0])
    # Above the lens no shadow ends.
    assert not height_scale(heights, 1.2, 1.5)[:, 1].any()


def test_viewsheds_leave_out_shadows_that_end():
    # The lens at 1.2 m, the target on the ground, the wall 0.6 m high at 10 m: dark from 10 m to 20 m behind it.
    low = things(shapely.LineString([(-5, 10), (5, 10)]), height_m=[0.6])
    camera = dataclasses.replace(dv.camera("ring-video-doorbell-wired"), mount_height_m=1.2)
    level = dataclasses.replace(
        dv.level(camera, "observe"), range_m=30.0, near_m=0.0, field_of_view_degrees=90.0, target_height_m=0.0
    )
    view = dv.viewsheds(doors_at((0, 0, 0)), low, camera, level).iloc[0]
    assert view["area_m2"] == pytest.approx(sector(90, 30) - 150.0)
    shadow = shapely.Polygon([(X - 5, Y + 10), (X + 5, Y + 10), (X + 10, Y + 20), (X - 10, Y + 20)])
    assert view.geometry.intersection(shadow).area == pytest.approx(0.0, abs=1e-6)
    assert view.geometry.area == pytest.approx(view["area_m2"], abs=0.01 * math.radians(90) * 30)
    assert len(view.geometry.interiors) == 1


def test_heights_beside_an_index_are_refused():
    wall = np.array([[-10.0, 10.0, 10.0, 10.0]])
    with pytest.raises(InputError, match="which holds its walls' heights already"):
        visible_areas([[0.0, 0.0]], [0.0], index_walls(wall), [1.0])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"heights": [1.0, 2.0]}, "one height for each wall"),
        ({"heights": [-1.0]}, "negative height"),
        ({"near_m": -1.0}, "near_m"),
        ({"near_m": math.nan}, "near_m"),
        ({"range_m": 0.0}, "range_m"),
        ({"range_m": math.inf}, "range_m"),
        ({"field_of_view_degrees": 361.0}, "field_of_view"),
        ({"xy": [[math.nan, 0.0]]}, "NaN or infinite"),
        ({"heading_degrees": [0.0, 1.0]}, r"expected \(m, 2\) and \(m,\)"),
        ({"walls": [[0.0, 1.0, 2.0]]}, r"expected \(n, 4\)"),
        ({"walls": [[0.0, 1.0, 2.0, math.inf]]}, "wall 0"),
    ],
)
def test_arrays_that_cannot_be_are_refused(change, what):
    given = {"xy": [[0.0, 0.0]], "heading_degrees": [0.0], "walls": [[-10.0, 10.0, 10.0, 10.0]], **change}
    with pytest.raises(InputError, match=what):
        visible_areas(**given)


@pytest.mark.parametrize(
    ("scale", "what"),
    [
        ([[1.0, 0.5]], r"wall 0 has the factors 1.0, 0.5.*height_scale"),
        ([[2.0, 3.0]], "a finite shadow goes from 1"),
        ([[1.0, math.inf]], "a finite shadow goes from 1"),
        ([[1.0], [1.0]], "one height for each wall"),
        ([[1.0, 0.0, 0.0]], "one height for each wall"),
    ],
)
def test_factors_that_cannot_be_are_refused(scale, what):
    with pytest.raises(InputError, match=what):
        index_walls([[-10.0, 10.0, 10.0, 10.0]], scale)


def test_the_near_hole_is_taken_off():
    found = visible_areas([[0.0, 0.0]], [0.0], np.zeros((0, 4)), None, 10.0, 90.0, near_m=2.0)
    assert found[0] == pytest.approx(sector(90, 10) - sector(90, 2))


@pytest.mark.parametrize(
    ("doors", "what"),
    [
        (doors_at((0, 0, 0)).drop(columns="heading"), "no column 'heading'"),
        (doors_at((0, 0, 0)).assign(heading="north"), r"pd.to_numeric"),
        (doors_at((0, 0, math.nan)), r"1 doors, the first 0"),
        (doors_at((math.nan, 0, 0)), "dropna"),
        (doors_at((0, 0, 0)).set_geometry(doors_at((0, 0, 0)).buffer(1)), "door 0 is a Polygon"),
        (doors_at((0, 0, 0)).set_crs(None, allow_override=True), "no CRS"),
        (doors_at((0, 0, 0)).to_crs("EPSG:4326"), r"estimate_utm_crs"),
        (doors_at((0, 0, 0)).to_crs("EPSG:2248"), "foot"),
    ],
)
def test_doors_that_cannot_be_used_are_refused(doors, what):
    for call in (dv.visible_area, dv.viewsheds):
        with pytest.raises(InputError, match=what):
            call(doors, NOTHING)


@pytest.mark.parametrize(
    ("obstacles", "what"),
    [
        (
            things(WALL).to_crs("EPSG:32617"),
            r"obstacles are in EPSG:32617 and doors in EPSG:32618.*to_crs\(doors.crs\)",
        ),
        (things(WALL, crs=None), "obstacles are in no CRS.*set_crs"),
        (things(shapely.Point(0, 5)), "obstacle 0 is a point"),
        (things(WALL, height_m=[-2.0]), "negative height_m"),
        (things(WALL, height_m=["tall"]), "pd.to_numeric"),
    ],
)
def test_obstacles_that_cannot_be_used_are_refused(obstacles, what):
    for call in (dv.visible_area, dv.viewsheds):
        with pytest.raises(InputError, match=what):
            call(doors_at((0, 0, 0)), obstacles)


def test_names_and_numbers_that_cannot_be_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'observe'"):
        dv.viewsheds(doors_at((0, 0, 0)), NOTHING, level="obsreve")
    with pytest.raises(UnknownNameError, match="unknown camera"):
        dv.viewsheds(doors_at((0, 0, 0)), NOTHING, camera="kodak")
    with pytest.raises(InputError, match="range_m"):
        dv.visible_area(doors_at((0, 0, 0)), NOTHING, range_m=-3.0)
    with pytest.raises(InputError, match="field_of_view"):
        dv.visible_area(doors_at((0, 0, 0)), NOTHING, field_of_view=0.0)


def test_few_walls_far_apart_have_an_index_of_bounded_size_and_the_same_views():
    near = np.array([[10.0, -5.0, 10.0, 5.0], [-20.0, 30.0, 20.0, 30.0]])
    far = np.vstack([near, near + 4.0e6, near + np.array([-3.0e6, 5.0e6, -3.0e6, 5.0e6])])
    index = index_walls(far)
    assert len(index.tall.start) <= (1 << 24) + 1
    places, headings = np.array([[0.0, 0.0], [4.0e6, 4.0e6]]), np.array([45.0, 45.0])
    found = visible_areas(places, headings, index, range_m=60.0)
    alone = visible_areas(places[:1], headings[:1], near, range_m=60.0)
    assert found[0] == alone[0]
    assert found[1] == pytest.approx(alone[0], rel=1e-6)  # the same walls, 5,657 km away
