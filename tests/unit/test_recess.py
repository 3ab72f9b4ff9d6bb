"""What stands at the door: recesses, wedges, steps, planting; closed forms, draws by id, and the page of rules."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.chances import keys_of, uniform
from doorview.city.obstacles import joined
from doorview.errors import InputError, StudyError, UnknownNameError
from doorview.ownership.kernels.draws import uniforms
from doorview.sight.api import viewsheds, visible_area
from doorview.sight.arrays import visible_areas
from doorview.sight.camera import camera
from doorview.sight.levels import level
from doorview.sight.obstacles_page import obstacles_page
from doorview.sight.recess import door_details, front_planting, recess_rules, recess_walls, turned
from doorview.sight.walls import walls_of

CRS = "EPSG:32618"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "obstacles.md"
RANGE_M, FIELD = 30.0, 155.0


def doors_of(headings, kinds=None, names=None, apart=200.0):
    """Build doors on a line along x, far apart."""
    count = len(headings)
    points = shapely.points(np.column_stack([apart * np.arange(count), np.zeros(count)]))
    names = [f"w{k}@1" for k in range(count)] if names is None else names
    data = {"heading": np.array(headings, dtype=float), "kind": pd.Series(kinds or ["house"] * count, dtype=object)}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(points, crs=CRS)).set_index(pd.Index(names, name="door"))


def one(value, kind="all"):
    return {kind: {"values": [value], "chances": [1.0]}}


def behind_walls(left_m, right_m, depth_m):
    """Area [m2] seen from between two walls that end `depth_m` ahead: wedges to the range, triangles to the walls."""
    half = math.radians(FIELD / 2)
    area = 0.0
    for away in (left_m, right_m):
        free = math.atan2(away, depth_m)
        area += RANGE_M**2 * free / 2 + away * (depth_m - away / math.tan(half)) / 2
    return area


@pytest.mark.parametrize("heading", [0.0, 37.0, 180.0, 359.5])
def test_a_bell_at_the_back_of_a_porch_sees_74_degrees(heading):
    doors = doors_of([heading])
    details = door_details(doors, rules="porches")
    assert details[["recess_depth_m", "opening_width_m"]].to_numpy().tolist() == [[1.0, 1.5]]
    walls = recess_walls(doors, details)
    seen = visible_area(doors, walls, RANGE_M, FIELD)
    assert seen.iloc[0] == pytest.approx(behind_walls(0.75, 0.75, 1.0), rel=1e-9)
    # Beyond the walls nothing is left but the angle: 2 atan(0.75) = 73.74 degrees.
    beyond = seen.iloc[0] - visible_area(doors, walls, 2.0, FIELD).iloc[0]
    angle = math.degrees(2 * beyond / (RANGE_M**2 - 2.0**2))
    assert angle == pytest.approx(73.7398, abs=1e-4)


def test_the_porch_limits_polygons_too():
    doors = doors_of([90.0])
    walls = recess_walls(doors, door_details(doors, "porches"))
    open_air = viewsheds(doors, walls.iloc[:0])
    seen = viewsheds(doors, walls)
    model = camera("ring-video-doorbell-wired")
    far = level(model, "observe").range_m
    reach = shapely.get_coordinates(seen.geometry.iloc[0])
    bearing = np.degrees(np.arctan2(reach[:, 1], reach[:, 0]))[np.hypot(*reach.T) > 0.9 * far]
    assert bearing.max() == pytest.approx(36.87, abs=0.01)
    assert bearing.min() == pytest.approx(-36.87, abs=0.01)
    assert seen["area_m2"].iloc[0] < 0.5 * open_air["area_m2"].iloc[0]


@pytest.mark.parametrize(("side", "left_m", "right_m"), [("left", 0.15, 1.35), ("right", 1.35, 0.15)])
def test_a_bell_at_the_side_sees_past_the_far_wall(side, left_m, right_m):
    doors = doors_of([120.0])
    details = door_details(doors, {"recess_depth_m": one(1.0), "side": one(side)})
    assert details["side"].tolist() == [side]
    walls = recess_walls(doors, details)
    # The wall at 0.15 m lies in view from 0.15 / tan(77.5) m on.
    seen = visible_area(doors, walls, RANGE_M, FIELD).iloc[0]
    assert seen == pytest.approx(behind_walls(left_m, right_m, 1.0), rel=1e-9)
    # Looking out at 120 degrees, left is toward the north-east: the near wall is on that hand.
    at = shapely.get_coordinates(walls.loc["w0@1#left"].geometry)[-1]
    ahead, left = np.array([math.sin(2 * math.pi / 3), -0.5]), np.array([0.5, math.sin(2 * math.pi / 3)])
    assert at == pytest.approx(ahead + left_m * left, abs=1e-9)


def test_the_house_behind_changes_nothing_and_walls_join_other_obstacles():
    doors = doors_of([0.0])
    walls = recess_walls(doors, door_details(doors, "porches"))
    house = gpd.GeoDataFrame(
        {"kind": ["building"], "height_m": [np.nan]},
        geometry=[shapely.box(-6, -10.1, 6, -0.1)],
        index=pd.Index(["w1"], dtype=object),
        crs=CRS,
    )
    both = joined(house, walls)
    assert both["kind"].tolist() == ["building", "recess", "recess"]
    assert both.index.is_unique
    alone = visible_area(doors, walls, RANGE_M, FIELD)
    assert visible_area(doors, both, RANGE_M, FIELD).iloc[0] == pytest.approx(alone.iloc[0], rel=1e-12)
    # Without the house the walls still begin at its facade.
    assert min(shapely.get_coordinates(walls.geometry.to_numpy())[:, 1]) == pytest.approx(-0.1)


def test_as_they_stand_the_rules_change_nothing():
    doors = doors_of([0.0, 90.0, 271.0], ["house", "apartments", "unknown"])
    details = door_details(doors, seed=7)
    assert details.index.equals(doors.index)
    assert (details["recess_depth_m"] == 0).all()
    assert (details["lens_height_m"] == 1.2).all()
    assert not len(recess_walls(doors, details))
    assert not len(front_planting(doors, details))
    pd.testing.assert_series_equal(turned(doors, details)["heading"], doors["heading"])
    assert all("(mark U)" in note for note in details.attrs["notes"])


def test_every_rule_has_a_mark_and_a_source():
    rules = recess_rules()
    for table in rules["parameters"].values():
        assert table["meaning"]
        entries = [entry for entry in table.values() if isinstance(entry, dict)]
        assert entries
        assert all(entry["mark"] in {"C", "C2", "D", "A", "U"} and entry["source"] for entry in entries)
    assert all(fixed["mark"] and fixed["reason"] for fixed in rules["fixed"].values())


def test_what_is_drawn_depends_on_the_door_and_seed_alone():
    rules = {
        "recess_depth_m": {"house": {"low": 0.5, "high": 2.0}},
        "wedge_degrees": {"all": {"values": [-5, 0, 15], "chances": [0.25, 0.5, 0.25]}},
    }
    kinds = ["house", "apartments"] * 1000
    doors = doors_of(np.zeros(2000), kinds)
    details = door_details(doors, rules, seed=3)
    again = door_details(doors.iloc[::-1].iloc[:500], rules, seed=3)
    pd.testing.assert_frame_equal(details.loc[again.index], again)
    assert not details["wedge_degrees"].equals(door_details(doors, rules, seed=4)["wedge_degrees"])
    depth = details["recess_depth_m"].to_numpy()
    house = np.array(kinds) == "house"
    assert (depth[~house] == 0).all()
    assert depth[house].min() >= 0.5
    assert depth[house].max() <= 2.0
    # Mean of a uniform figure: 1.25 m, its error 1.5 / sqrt(12 n); shares: sqrt(p q / n); four of them.
    assert depth[house].mean() == pytest.approx(1.25, abs=4 * 1.5 / math.sqrt(12 * 1000))
    for value, chance in ((-5, 0.25), (0, 0.5), (15, 0.25)):
        share = (details["wedge_degrees"] == value).mean()
        assert share == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / 2000))
    # Two parameters of one door are drawn apart.
    assert abs(np.corrcoef(depth[house], details["wedge_degrees"][house])[0, 1]) < 4 / math.sqrt(1000)


def test_the_draw_is_that_of_the_ownership_kernel():
    keys = keys_of(f"w{k}" for k in range(50))
    for seed, counter in ((0, 0), (5, 3), (2**62, 1)):
        expected = uniforms(keys, np.uint64(seed), counter)
        np.testing.assert_array_equal(uniform(keys, seed, counter), expected)
    assert uniform(keys, 0).min() >= 0
    assert uniform(keys, 0).max() < 1


def test_steps_raise_the_lens_and_a_wedge_turns_it():
    doors = doors_of([350.0, 10.0])
    details = door_details(doors, {"porch_steps": one(3), "wedge_degrees": one(15)}, mount_height_m=1.3)
    assert details["lens_height_m"].to_numpy() == pytest.approx([1.3 + 3 * 0.17] * 2)
    out = turned(doors, details)
    assert out["heading"].tolist() == [5.0, 25.0]
    assert doors["heading"].tolist() == [350.0, 10.0]


def test_a_turned_lens_does_not_see_through_its_own_house():
    """At 155 degrees a wedge of 15 turns the edge of the view 2.5 degrees behind the facade."""
    doors = doors_of([0.0])
    details = door_details(doors, {"wedge_degrees": one(15)})
    house = shapely.box(-6, -10.1, 6, -0.1)
    walls = gpd.GeoSeries([house], crs=CRS)
    seen = viewsheds(turned(doors, details), walls, level="detect").geometry.iloc[0]
    bare = viewsheds(turned(doors, details), walls.iloc[:0], level="detect").geometry.iloc[0]
    assert bare.intersection(house).area > 0.1  # it would
    assert seen.intersection(house).area < 1e-6


def test_planting_hides_as_similar_triangles_say():
    """1.8 m at 5 m hides everything under 2.4 m at 10 m from a lens at 1.2 m: facts of geometry."""
    doors = doors_of([0.0])
    rules = {"planting_height_m": one(1.8), "planting_distance_m": one(5.1)}
    hedge = front_planting(doors, door_details(doors, rules))
    assert hedge["kind"].tolist() == ["planting"]
    assert hedge["height_m"].tolist() == [1.8]
    assert shapely.get_coordinates(hedge.geometry.iloc[0]).tolist() == pytest.approx(np.array([[-1.5, 5], [1.5, 5]]))
    walls = walls_of(hedge)

    def area(target_m, range_m):
        found = visible_areas([[0, 0]], [0.0], walls.xy, walls.height, range_m, 10.0, target_height_m=target_m)
        return found[0] / (range_m**2 * math.radians(10.0) / 2)

    assert area(2.4, 10.0) == pytest.approx(1.0, abs=1e-9)  # hidden from 10 m on
    assert area(2.39, 10.0) < 0.9999
    assert area(2.4, 12.0) < 0.75
    # A rail below the lens hides no face.
    low = front_planting(doors, door_details(doors, rules | {"planting_height_m": one(1.0)}))
    assert visible_area(doors, low, RANGE_M, FIELD).iloc[0] == pytest.approx(RANGE_M**2 * math.radians(FIELD) / 2)
    assert visible_area(doors, hedge, RANGE_M, FIELD).iloc[0] < RANGE_M**2 * math.radians(FIELD) / 2 - 1.0


def test_all_faults_of_a_study_s_rules_at_once():
    doors = doors_of([0.0])
    rules = {
        "recess_width": one(1),
        "recess_depth_m": {"house": {"values": [0, 9], "chances": [0.5, 0.5]}, "all": {"low": 2, "high": 1}},
        "side": one("centre"),
        "wedge_degrees": one(7),
        "porch_steps": {"all": {"values": [0, 1], "chances": [0.5, 0.6]}},
        "opening_width_m": {"house": {"value": 2}},
    }
    with pytest.raises(StudyError) as caught:
        door_details(doors, rules)
    text = str(caught.value)
    for words in (
        "recess_width",
        "9 does not lie from 0 to 5",
        "low lies above high",
        "'centre' is none of left, middle, right",
        "7 is no multiple of 5",
        "add up to 1",
        "unknown key 'value'",
    ):
        assert words in text
    with pytest.raises(UnknownNameError, match="Did you mean 'porches'"):
        door_details(doors, "porch")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda d: door_details(d, seed=-1), "seed is -1"),
        (lambda d: door_details(d, seed=0.5), "whole number"),
        (lambda d: door_details(d, mount_height_m=math.nan), "mount_height_m"),
        (lambda d: door_details(pd.concat([d, d])), "stands twice"),
        (lambda d: recess_walls(d, door_details(doors_of([0.0], names=["w9@1"]))), "different indexes"),
        (lambda d: recess_walls(d, door_details(d).drop(columns="side")), "no column 'side'"),
        (
            lambda d: recess_walls(d, door_details(d, "porches").assign(opening_width_m=0.2)),
            "leaves no room",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, match):
    with pytest.raises(InputError, match=match):
        call(doors_of([0.0]))


def test_no_doors_give_empty_tables():
    doors = doors_of([0.0]).iloc[:0]
    details = door_details(doors, "porches")
    assert len(details) == len(recess_walls(doors, details)) == len(turned(doors, details)) == 0


def test_the_page_of_rules_is_current():
    assert PAGE.read_text(encoding="utf-8") == obstacles_page(), "write docs/obstacles.md again from obstacles_page()"
