"""Block faces, cutting and dual carriageways, on drawings whose answers can be read off."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import cKDTree

from doorview.city.crosssection import GivenWidths
from doorview.city.ground_streets import street_ground
from doorview.city.streets import Pieces, block_faces, cut_lines, find_twins, first_nearest, sample_lines

CRS = "EPSG:32618"


def streets(*rows):
    """Build a table of streets from (coordinates, node ids or None, tags)."""
    nodes = np.empty(len(rows), dtype=object)
    nodes[:] = [None if row[1] is None else np.array(row[1], dtype=np.int64) for row in rows]
    data = {
        "name": pd.Series([row[2].get("name") for row in rows], dtype=object),
        "highway": pd.Series([row[2].get("highway", "residential") for row in rows], dtype=object),
        "nodes": nodes,
    }
    index = pd.Index([f"w{number}" for number in range(1, len(rows) + 1)], name="osm_id", dtype=object)
    lines = gpd.GeoSeries([shapely.LineString(row[0]) for row in rows], crs=CRS)
    return gpd.GeoDataFrame(data, geometry=lines).set_index(index)


def faces_of(table):
    return block_faces(table, np.full(len(table), "carriageway", dtype=object))


def test_crossing_makes_four_faces_and_a_bend_makes_none():
    table = streets(
        ([(-100, 0), (0, 0), (80, 0), (80, 60)], [1, 2, 3, 4], {"name": "East"}),
        ([(0, -50), (0, 0), (0, 70)], [5, 2, 6], {"name": "North"}),
    )
    faces, pieces = faces_of(table)
    assert faces["length_m"].tolist() == pytest.approx([100, 140, 50, 70])
    assert faces["osm_id"].tolist() == ["w1", "w1", "w2", "w2"]
    assert pieces.face.tolist() == [0, 1, 2, 3]
    assert pieces.start_m.tolist() == pytest.approx([0, 100, 0, 50])


def test_ways_that_continue_each_other_are_one_face_whatever_their_direction():
    table = streets(
        ([(0, 0), (50, 0)], [1, 2], {"name": "Elm"}),
        ([(90, 0), (50, 0)], [3, 2], {"name": "Elm"}),
        ([(90, 0), (120, 0)], [3, 4], {"name": "Elm"}),
    )
    faces, pieces = faces_of(table)
    assert len(faces) == 1
    assert faces["length_m"].iloc[0] == pytest.approx(120)
    # Pieces keep the direction of their way, for left and right depend on it.
    assert shapely.get_coordinates(pieces.lines[1]).tolist() == [[90, 0], [50, 0]]


def test_change_of_name_or_class_cuts():
    table = streets(
        ([(0, 0), (50, 0)], [1, 2], {"name": "Elm"}),
        ([(50, 0), (90, 0)], [2, 3], {"name": "Oak"}),
        ([(90, 0), (120, 0)], [3, 4], {"name": "Oak"}),
    )
    assert len(faces_of(table)[0]) == 2
    faces, _ = block_faces(table, np.array(["carriageway", "carriageway", "alley"], dtype=object))
    assert faces["ground_class"].tolist() == ["carriageway", "carriageway", "alley"]


def test_long_street_is_cut_into_equal_parts_also_across_ways():
    table = streets(
        ([(0, 0), (130, 0)], [1, 2], {"name": "Long"}),
        ([(130, 0), (450, 0)], [2, 3], {"name": "Long"}),
    )
    faces, pieces = faces_of(table)
    assert faces["length_m"].tolist() == pytest.approx([150, 150, 150])
    assert pieces.way.tolist() == [0, 1, 1, 1]
    assert shapely.length(pieces.lines).sum() == pytest.approx(450)


def test_ring_of_one_way_and_of_two_ways():
    square = [(0, 0), (40, 0), (40, 40), (0, 40), (0, 0)]
    faces, _ = faces_of(streets((square, [1, 2, 3, 4, 1], {})))
    assert faces["length_m"].tolist() == pytest.approx([160])
    faces, pieces = faces_of(
        streets((square[:3], [1, 2, 3], {"name": "Ring"}), (square[2:], [3, 4, 1], {"name": "Ring"}))
    )
    assert faces["length_m"].tolist() == pytest.approx([160])
    assert len(pieces.lines) == 2


def test_own_layers_meet_by_coordinates():
    table = streets(
        ([(0, 0), (50, 0)], None, {"name": "A"}),
        ([(50.001, 0), (90, 0)], None, {"name": "A"}),
        ([(50, 0), (50, 30)], None, {"name": "B"}),
    )
    assert len(faces_of(table)[0]) == 3
    assert len(faces_of(table.iloc[:2])[0]) == 1


def test_no_streets_give_no_faces():
    faces, pieces = faces_of(streets(([(0, 0), (1, 0)], [1, 2], {})).iloc[:0])
    assert len(faces) == 0
    assert len(pieces.lines) == 0


def test_faces_do_not_depend_on_the_order_of_coordinates_of_other_ways():
    rows = [
        ([(0, 0), (50, 0), (100, 0)], [1, 2, 3], {"name": "A"}),
        ([(50, 0), (50, 80)], [2, 4], {"name": "B"}),
        ([(100, 0), (100, 80)], [3, 5], {"name": "C"}),
        ([(50, 80), (100, 80)], [4, 5], {"name": "B"}),
    ]
    faces, _ = faces_of(streets(*rows))
    # A's dead end, A between B and C turning into C is cut by name, B in one piece round the corner, C.
    assert faces["length_m"].tolist() == pytest.approx([50, 50, 130, 80])


def test_cut_lines_keeps_all_length_and_vertices():
    lines = np.array(
        [shapely.LineString([(0, 0), (10, 0), (10, 10)]), shapely.LineString([(0, 5), (9, 5)])], dtype=object
    )
    parts, line, at = cut_lines(lines, np.array([1, 0, 0]), np.array([3.0, 15.0, 4.0]))
    assert line.tolist() == [0, 0, 0, 1, 1]
    assert at.tolist() == pytest.approx([0, 4, 15, 0, 3])
    assert shapely.get_coordinates(parts[1]).tolist() == [[4, 0], [10, 0], [10, 5]]
    assert shapely.length(parts).tolist() == pytest.approx([4, 11, 5, 3, 6])


def test_samples_lie_in_the_middle_of_equal_steps():
    samples = sample_lines(np.array([shapely.LineString([(0, 0), (25, 0)])], dtype=object), 10.0)
    assert samples.at_m.tolist() == pytest.approx([25 / 6, 12.5, 125 / 6])
    assert samples.direction.tolist() == pytest.approx(np.tile([1.0, 0.0], (3, 1)))


def twins_of(lines, names, direction, ring=None):
    count = len(lines)
    pieces = Pieces(
        np.array([shapely.LineString(line) for line in lines], dtype=object),
        np.arange(count),
        np.arange(count),
        np.zeros(count),
    )
    return find_twins(
        pieces,
        np.array(names, dtype=object),
        np.array(direction, dtype=np.int8),
        np.zeros(count, dtype=bool) if ring is None else np.array(ring),
        reach_m=40.0,
        share=0.5,
    )


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 200, 270, 333])
def test_dual_carriageway_counts_once_in_any_direction(degrees):
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    lines = [np.array(line, dtype=float) @ matrix for line in ([(0, 0), (200, 0)], [(200, 15), (0, 15)])]
    twins = twins_of(lines, ["Broad", "Broad"], [1, 1])
    assert twins.paired.tolist() == [True, True]
    assert twins.counted.sum() == 1
    assert twins.merged_m == pytest.approx(200)
    assert twins.side.tolist() == [1, 1]
    assert twins.gap_m == pytest.approx([15, 15], abs=0.5)


def test_no_twins_where_name_direction_or_distance_differ():
    pair = [[(0, 0), (200, 0)], [(200, 15), (0, 15)]]
    assert not twins_of(pair, ["Broad", "Narrow"], [1, 1]).paired.any()
    assert not twins_of(pair, [None, None], [1, 1]).paired.any()
    assert not twins_of(pair, ["Broad", "Broad"], [1, -1]).paired.any()
    assert not twins_of(pair, ["Broad", "Broad"], [0, 0]).paired.any()
    far = [pair[0], [(200, 45), (0, 45)]]
    assert not twins_of(far, ["Broad", "Broad"], [1, 1]).paired.any()
    after = [pair[0], [(400, 0), (210, 0)]]
    assert not twins_of(after, ["Broad", "Broad"], [1, 1]).paired.any()


def test_half_of_a_roundabout_counts():
    angle = np.linspace(0, 2 * np.pi, 33)
    ring = np.column_stack([15 * np.cos(angle), 15 * np.sin(angle)])
    quarters = [ring[a : a + 9] for a in (0, 8, 16, 24)]
    twins = twins_of(quarters, [None] * 4, [1] * 4, [True] * 4)
    assert twins.counted.sum() == 2
    assert not twins.paired.any()


@pytest.mark.parametrize("inbound", [False, True])
def test_sidewalks_of_an_arm_end_before_the_island_of_a_roundabout(inbound):
    angle = np.linspace(0, 2 * np.pi, 65)
    circle = np.column_stack([20 * np.cos(angle), 20 * np.sin(angle)])
    arm = [(20, 0), (100, 0)]
    table = streets(
        (circle, [*range(64), 0], {}),
        (arm[::-1] if inbound else arm, [99, 0] if inbound else [0, 99], {"name": "Arm"}),
    )
    table["junction"] = pd.Series(["roundabout", None], index=table.index, dtype=object)
    ground = street_ground(
        table,
        np.full(2, "carriageway", dtype=object),
        np.full(2, "residential", dtype=object),
        table.iloc[:0],
        "us",
        parcels=False,
        given=GivenWidths(),
    )
    strips = ground.strips[ground.strips["osm_id"] == "w2"].set_index("class")
    ring = ground.strips[ground.strips["osm_id"] == "w1"].set_index("class")
    kerb = ring.loc["carriageway", "outer_m"]
    island = shapely.Point(0, 0).buffer(20 - kerb - 0.05)
    assert set(strips.index) == {"carriageway", "sidewalk", "verge"}
    for name in ("sidewalk", "verge"):
        line, reach = strips.loc[name, "geometry"], strips.loc[name, "outer_m"]
        assert not line.buffer(reach).intersects(island), name
        assert line.buffer(reach).intersects(island.buffer(0.5)), name  # no farther back than that
        assert line.bounds[2] == 100  # the other end is where it was
    assert strips.loc["carriageway", "geometry"].length == pytest.approx(80)
    lengths = ground.lines[ground.lines["osm_id"] == "w2"]
    assert lengths.length.tolist() == pytest.approx([80] * 3)  # the centreline and both sidewalks


def test_a_street_is_cut_alike_to_the_last_bit_whatever_other_streets_there_are():
    rng = np.random.default_rng(3)
    steps = rng.uniform(-40, 40, (60, 30, 2)).cumsum(axis=1) + rng.uniform(0, 1e5, (60, 1, 2))
    table = streets(*((xy, None, {}) for xy in steps))
    faces, pieces = faces_of(table)
    for k in (0, 31, 59):
        alone, of_alone = faces_of(table.iloc[[k]])
        assert len(alone) >= 3
        mine = pieces.way == k
        assert shapely.to_wkb(pieces.lines[mine]).tolist() == shapely.to_wkb(of_alone.lines).tolist()
        assert pieces.start_m[mine].tolist() == of_alone.start_m.tolist()
        own = faces.loc[np.unique(pieces.face[mine])]
        assert shapely.to_wkb(own.geometry).tolist() == shapely.to_wkb(alone.geometry).tolist()


def test_of_points_as_near_the_first_is_found_whatever_else_there_is():
    rng = np.random.default_rng(4)
    ring = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    for many in (0, 3, 300):
        far = rng.uniform(5, 50, (many, 2))
        assert first_nearest(cKDTree(np.vstack([far, ring])), np.zeros((1, 2)), 2.0).tolist() == [many]
        assert first_nearest(cKDTree(np.vstack([far, ring])), np.full((1, 2), -90.0), 2.0).tolist() == [many + 4]
