"""The whole answer against a plain one: shapely for viewsheds, overlay for ground, enumeration and draws for ownership.

`benchmarks/plain.py` computes the chain without a line of the package's computing code. It is first held against scenes
whose answer is known, then the package is held against it on a real suburb: both get the same doors, obstacles and
ground, so what may differ is the grid alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from plain import PlainView, drawn_shares, expected_shares, height_factors, viewshed_table

import doorview as dv
from doorview.city.classes import STREET_CLASSES
from doorview.city.ground import ground_polygons
from doorview.city.model import City
from doorview.share.coverage import fold
from doorview.share.outputs import outputs_of
from doorview.share.scene import Kit, build_scene, door_keys
from doorview.share.summary import DoorTable, curve_table
from doorview.share.tiles import cover
from doorview.sight.api import wall_index

CRS = "EPSG:32618"
CAMERA = "ring-video-doorbell-wired"
LEVELS = ["observe", "detect"]
RATES = [0.05, 0.2]
CELL_M = 0.5
NEAR_HOME_M = 50.0
QUAD_SEGS = 64
"""Chords a quarter turn: they cut 1e-4 of a sector off (see `arc_error`), well under the grid's error."""
HEADLINE = "streets_near_homes"
CLIP = ("baltimore_county_md", "clip_randallstown_small_sorted.osm.pbf")


def doors_at(*rows: tuple[float, float, float]) -> gpd.GeoDataFrame:
    """Doors from x, y [m] and heading [degrees]."""
    x, y, heading = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"heading": heading}, geometry=gpd.points_from_xy(x, y), crs=CRS)


def ground_of(**polygons: object) -> gpd.GeoDataFrame:
    """Public ground, one class per argument."""
    return gpd.GeoDataFrame({"class": list(polygons), "public": True}, geometry=list(polygons.values()), crs=CRS)


NO_OBSTACLES = gpd.GeoDataFrame({"height_m": []}, geometry=[], crs=CRS)
SQUARE = shapely.box(-50.0, -50.0, 50.0, 50.0)


def test_plain_one_camera_in_the_open() -> None:
    """Sector over square: 30^2 / 2 * 155 degrees of 100 m by 100 m."""
    seen = viewshed_table(doors_at((0.0, 0.0, 77.0)), NO_OBSTACLES, PlainView(30.0, 155.0), 256)
    found = expected_shares(seen, ground_of(square=SQUARE), [0.1, 1.0])
    sector = 0.5 * 900.0 * math.radians(155.0) / 1e4
    assert found.loc["square", "public_amount"] == pytest.approx(1e4)
    assert found.loc["square", 1.0] == pytest.approx(sector, rel=1e-5)
    assert found.loc["square", 0.1] == pytest.approx(0.1 * sector, rel=1e-5)


def test_plain_two_cameras_that_overlap() -> None:
    """Two squares of view, half on each other: a quarter seen by one, a quarter by both, a quarter by the other."""
    seen = gpd.GeoDataFrame(geometry=[shapely.box(-50, -50, 0, 50), shapely.box(-25, -50, 25, 50)], crs=CRS)
    found = expected_shares(seen, ground_of(square=SQUARE), [0.5])
    assert found.loc["square", 0.5] == pytest.approx(0.25 * (0.5 + 0.75 + 0.5), abs=1e-9)


def test_plain_private_ground_does_not_count() -> None:
    ground = ground_of(square=SQUARE, yard=shapely.box(50, -50, 80, 50))
    ground["public"] = [True, False]
    seen = gpd.GeoDataFrame(geometry=[shapely.box(0, -50, 80, 50)], crs=CRS)
    assert expected_shares(seen, ground, [1.0])[1.0].to_dict() == {"square": pytest.approx(0.5)}


def test_plain_wall_and_low_wall() -> None:
    """A wall 10 m wide at 10 m hides a sector but its triangle; at 1.4 m high it counts as if at 15 m."""
    wall = gpd.GeoDataFrame(
        {"height_m": [np.nan, 1.4]}, geometry=[shapely.LineString([(-5, 10), (5, 10)])] * 2, crs=CRS
    )
    view = PlainView(30.0, 155.0)
    open_part = 450.0 * (math.radians(155.0) - 2 * math.atan(0.5))
    for row, triangle in ((0, 50.0), (1, 112.5)):
        area = viewshed_table(doors_at((0.0, 0.0, 0.0)), wall.iloc[[row]], view, 256).area.iloc[0]
        assert area == pytest.approx(open_part + triangle, rel=1e-5)


def test_plain_height_factors() -> None:
    factors = height_factors(np.array([np.nan, np.inf, 1.5, 1.35, 1.2, 0.4]), PlainView(30.0, 155.0))
    assert factors == pytest.approx([1.0, 1.0, 1.0, 2.0, np.inf, np.inf])


def test_plain_draws_agree_with_enumeration() -> None:
    rows = np.random.default_rng(3).uniform([-45, -45, 0], [45, 45, 360], (40, 3))
    walls = gpd.GeoDataFrame(geometry=[shapely.box(x, y, x + 6, y + 4) for x, y in rows[:10, :2] + 1.0], crs=CRS)
    ground = ground_of(west=shapely.box(-50, -50, 0, 50), east=shapely.box(0, -50, 50, 50))
    seen = viewshed_table(doors_at(*rows.tolist()), walls, PlainView(20.0, 155.0, 1.0))
    expected, drawn = expected_shares(seen, ground, [0.2]), drawn_shares(seen, ground, 0.2, 150, seed=5)
    assert drawn["public_amount"].to_dict() == pytest.approx({"east": 5000.0, "west": 5000.0})
    assert ((drawn["share_mean"] - expected[0.2]).abs() <= 4.0 * drawn["share_error"]).all()


class Suburb(NamedTuple):
    """The real clip, its tables, its public ground inside the boundary, and the package's curve of it."""

    city: City
    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    ground: gpd.GeoDataFrame
    curve: pd.DataFrame

    def seen(self, level: str) -> gpd.GeoDataFrame:
        """Viewsheds by shapely."""
        camera = dv.camera(CAMERA)
        at = dv.level(camera, level)
        view = PlainView(at.range_m, at.field_of_view_degrees, at.near_m, camera.mount_height_m, at.target_height_m)
        return viewshed_table(self.doors, self.obstacles, view, QUAD_SEGS)

    def exact(self, seen: gpd.GeoDataFrame) -> pd.DataFrame:
        """Shares by enumeration; the headline lies over the classes, so it is enumerated apart."""
        headline = self.ground["class"] == HEADLINE
        return pd.concat([expected_shares(seen, part, RATES) for _, part in self.ground.groupby(headline)])


def of_city(table: pd.DataFrame, level: str, rate: float, column: str = "rate") -> pd.DataFrame:
    """Rows of a printed table for areas of the whole city at one level and rate, on the space."""
    rows = (table["level"] == level) & (table["zone"] == "all") & (table["measure"] == "area_m2")
    return table[rows & np.isclose(table[column], rate)].set_index("space")


@pytest.fixture(scope="module")
def suburb(shared_data: Path) -> Suburb:
    """Shares are counted in a box 150 m inside the data, so that its edge is the same for both sides."""
    path = shared_data.joinpath(*CLIP)
    whole = City.from_extract(path)
    west, south, east, north = whole.buildings.total_bounds
    box = gpd.GeoSeries([shapely.box(west + 150, south + 150, east - 150, north - 150)], crs=whole.crs)
    city = City.from_extract(path, boundary=box, crs=whole.crs)
    doors, obstacles = dv.find_doors(city), dv.find_obstacles(city)
    space = dv.public_space(city, doors)
    ground = ground_polygons(space, city)
    public = gpd.clip(ground.loc[ground["public"].astype(bool), ["class", "public", "geometry"]], box.iloc[0])
    homes = shapely.union_all(shapely.buffer(doors.geometry.to_numpy(), NEAR_HOME_M, quad_segs=QUAD_SEGS))
    near = gpd.clip(public[public["class"].isin(STREET_CLASSES)], homes).assign(**{"class": HEADLINE})
    table = gpd.GeoDataFrame(pd.concat([public, near], ignore_index=True), crs=city.crs)

    camera = dv.camera(CAMERA)
    levels = [dv.level(camera, name) for name in LEVELS]
    walls = wall_index(obstacles, doors.crs, camera.mount_height_m, levels[0].target_height_m)
    scene = build_scene(
        doors, Kit(tuple(levels), walls, math.radians(155.0)), space, inside=box.iloc[0], near_m=NEAR_HOME_M
    )
    coverage = fold(scene, cover(scene, rasters=False))
    who = DoorTable(
        door_keys(list(doors.index)),
        doors["dwellings"].to_numpy(dtype=np.int64),
        shapely.contains_xy(box.iloc[0], doors.geometry.x, doors.geometry.y),
    )
    return Suburb(city, doors, obstacles, table, curve_table(coverage, outputs_of(coverage), who, RATES))


def outlines(seen: gpd.GeoDataFrame, ground: gpd.GeoDataFrame) -> pd.DataFrame:
    """Length [m] of the outlines of each class, and of those of all viewsheds within it."""
    lines = gpd.GeoDataFrame(geometry=seen.boundary, crs=seen.crs)
    within = gpd.overlay(lines, ground[["class", "geometry"]], keep_geom_type=True)
    lengths = {
        "ground": ground.length.groupby(ground["class"]).sum(),
        "views": within.length.groupby(within["class"]).sum(),
    }
    return pd.DataFrame(lengths).fillna(0.0)


def counting_error(outline_m: pd.Series | float) -> pd.Series | float:
    """Four standard errors of an area counted by cell centres [m2], by the length of its outline [m].

    Where an outline crosses a row of centres it is misplaced by up to half a cell. With a uniform place in the cell the
    variance is cell^4 / 12, and a length P of outline crosses at most P / cell rows.
    """
    return 4.0 * CELL_M**2 * np.sqrt(outline_m / CELL_M / 12.0)


def share_error(lengths: pd.DataFrame, exact: pd.DataFrame, rate: float) -> pd.Series:
    """Four standard errors of a share counted by cells, and what the chords of arcs leave out.

    A cell misplaced across an outline of the ground moves the share by its own chance less the share, whose mean square
    is at most share (1 - share); one misplaced across an outline of a viewshed moves its chance by at most the rate.
    """
    share = exact[rate]
    weighted = share * (1.0 - share) * lengths["ground"] + rate**2 * lengths["views"]
    return counting_error(weighted.reindex(exact.index)) / exact["public_amount"] + 2e-4 * share


@pytest.mark.parametrize("level", LEVELS)
def test_expected_shares_are_those_of_enumeration(suburb: Suburb, level: str) -> None:
    """Headline and classes of more than 1,000 m2, at both rates, within the error of the grid."""
    seen = suburb.seen(level)
    exact = suburb.exact(seen)
    lengths = outlines(seen, suburb.ground)
    large = exact.index[exact["public_amount"] > 1000.0]
    assert {"carriageway", "sidewalk", HEADLINE} <= set(large)
    for rate in RATES:
        found = of_city(suburb.curve, level, rate)["share_mean"]
        allowed = share_error(lengths, exact, rate)
        for space in large:
            assert found[space] == pytest.approx(exact.loc[space, rate], abs=allowed[space]), space


def test_expected_shares_are_the_mean_of_draws(suburb: Suburb) -> None:
    """60 draws at 20 %: within four standard errors and the error of the grid."""
    seen = suburb.seen("detect")
    streets = suburb.ground[suburb.ground["class"].isin(["carriageway", "sidewalk"])]
    drawn = drawn_shares(seen, streets, 0.2, 60, seed=11)
    found = of_city(suburb.curve, "detect", 0.2)["share_mean"]
    exact = drawn.rename(columns={"share_mean": 0.2})
    allowed = 4.0 * drawn["share_error"] + share_error(outlines(seen, streets), exact, 0.2)
    for space in drawn.index:
        assert found[space] == pytest.approx(drawn.loc[space, "share_mean"], abs=allowed[space])


def test_estimate_says_the_same(suburb: Suburb) -> None:
    """What a user gets: public amounts are those of the overlay, shares and curve those of enumeration."""
    result = dv.estimate(suburb.city, camera=CAMERA, levels=LEVELS, rates=RATES)
    for level in LEVELS:
        seen = suburb.seen(level)
        exact = suburb.exact(seen)
        lengths = outlines(seen, suburb.ground)
        for rate in RATES:
            shares = of_city(result.shares, level, rate, "rate_per_door")
            curve = of_city(result.curve, level, rate)
            allowed = share_error(lengths, exact, rate)
            for space in exact.index[exact["public_amount"] > 1000.0]:
                found, amount = shares.loc[space], exact.loc[space, "public_amount"]
                assert found["public_amount"] == pytest.approx(
                    amount, abs=counting_error(lengths.loc[space, "ground"])
                ), space
                assert found["share_mean"] == pytest.approx(exact.loc[space, rate], abs=allowed[space]), space
                assert curve.loc[space, "share_mean"] == pytest.approx(found["share_mean"], abs=1e-9), space
