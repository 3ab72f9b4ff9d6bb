"""Obstacles and their heights."""

from __future__ import annotations

import math
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.doors import find_doors
from doorview.city.model import City
from doorview.city.obstacles import enclosed_doors, find_obstacles, joined, obstacle_rules
from doorview.city.trees import row_trunks, tree_trunks
from doorview.errors import InputError, UnknownNameError
from doorview.sight.api import visible_area
from helpers.osmfile import OsmFile


def layer(rows):
    keys = sorted({key for _, tags in rows.values() for key in tags})
    index = pd.Index(list(rows), dtype=object, name="osm_id")
    columns = {key: pd.Series([tags.get(key) for _, tags in rows.values()], index=index, dtype=object) for key in keys}
    return gpd.GeoDataFrame(columns, index=index, geometry=[shape for shape, _ in rows.values()], crs=32618)


def city(buildings, barriers=None):
    tagged = {name: (shapely.box(0, 0, 5, 5), tags) for name, tags in buildings.items()}
    lines = {name: (shapely.LineString([(0, 0), (9, 9)]), tags) for name, tags in (barriers or {}).items()}
    street = layer({"w98": (shapely.LineString([(0, -60), (9, -60)]), {"highway": "residential"})})
    return SimpleNamespace(buildings=layer(tagged), barriers=layer(lines), ways=street, areas=layer({}), crs=32618)


def test_heights_of_buildings():
    found = find_obstacles(
        city(
            {
                "w10": {"building": "yes"},
                "w9": {"building": "yes", "height": "12.5 m"},
                "w8": {"building": "yes", "building:levels": "2"},
                "w7": {"building": "yes", "height": "30 ft", "building:levels": "9"},
                "w6": {"building": "yes", "height": "high"},
            }
        )
    )
    assert list(found.index) == ["w6", "w7", "w8", "w9", "w10"]
    np.testing.assert_allclose(found["height_m"], [np.nan, 9.144, 6.0, 12.5, np.nan])
    assert found["kind"].unique().tolist() == ["building"]
    assert found["height_m"].dtype == np.float64
    assert found.attrs["counts"]["buildings taken as taller than any sight line"] == 2
    assert "assumption" in found.attrs["notes"][0]


@pytest.mark.parametrize(
    "tags",
    [
        {"building": "roof"},
        {"building": "carport"},
        {"building": "yes", "layer": "-1"},
        {"building": "yes", "location": "underground"},
        {"building": "yes", "min_height": "5.5"},
        {"building": "yes", "building:min_level": "1"},
        {"building": "yes", "location": "rooftop"},
    ],
)
def test_what_one_sees_past_is_left_out_and_counted(tags):
    found = find_obstacles(city({"w1": tags, "w2": {"building": "yes", "layer": "1", "min_height": "0.5"}}))
    assert list(found.index) == ["w2"]
    counts = found.attrs["counts"]
    left_out = [number for words, number in counts.items() if words.endswith("left out")]
    assert sum(left_out) == 1


def test_barriers_only_on_request():
    barriers = {
        "w21": {"barrier": "wall"},
        "w22": {"barrier": "wall", "height": "2.2"},
        "w23": {"barrier": "hedge"},
        "w24": {"barrier": "fence", "fence_type": "chain_link"},
        "w25": {"barrier": "wood_fence", "height": "6'"},
        "w26": {"barrier": "wire_fence"},
        "w27": {"barrier": "guard_rail"},
        "w28": {"barrier": "kerb"},
        "w29": {"barrier": "wall", "layer": "-1"},
        "w30": {"barrier": "something new"},
    }
    place = city({"w1": {"building": "yes"}}, barriers)
    assert list(find_obstacles(place).index) == ["w1"]
    found = find_obstacles(place, "all")
    assert found["kind"].to_dict() == {
        "w1": "building",
        "w21": "wall",
        "w22": "wall",
        "w23": "hedge",
        "w25": "wood_fence",
    }
    np.testing.assert_allclose(found["height_m"], [np.nan, 1.0, 2.2, 1.0, 1.8288])
    counts = found.attrs["counts"]
    assert counts["fences that one sees through, left out"] == 1
    assert counts["barriers of kinds that hide nothing, left out"] == 4
    assert counts["barriers below ground, left out"] == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'buildings'"):
        find_obstacles(place, "building")


def test_every_default_height_names_its_source():
    for group in obstacle_rules()["barrier"]:
        assert group["reason"]
        assert group["source"]
        if group["obstacle"]:
            assert set(group["height_m"]) == set(group["values"])


def test_real_barriers(shared_data):
    place = City.from_extract(shared_data / "monaco" / "monaco_20250206.osm.pbf")
    few, many = find_obstacles(place), find_obstacles(place, "all")
    assert set(few["kind"]) == {"building"}
    assert {"wall", "retaining_wall", "hedge"} <= set(many["kind"])
    assert many.index.is_unique
    assert (many["height_m"].dropna() > 0).all()


# --- passages, arcades, raised parts ---------------------------------------------------------------------------------


def shaped(buildings, ways=None, parts=None, trees=None, areas=None, rows=None):
    """Build a city of (geometry, tags) by id; a layer that is None was not read."""
    return SimpleNamespace(
        buildings=layer(buildings),
        barriers=layer({"w99": (shapely.LineString([(0, -50), (9, -50)]), {"barrier": "hedge"})}),
        ways=layer(ways or {"w98": (shapely.LineString([(0, -60), (9, -60)]), {"highway": "residential"})}),
        areas=layer(areas or {}),
        parts=None if parts is None else layer(parts),
        trees=None if trees is None else layer(trees),
        tree_rows=None if rows is None else layer(rows),
        crs="EPSG:32618",
    )


HOUSE = {"w1": (shapely.box(-50, 0, 50, 10), {"building": "yes"})}
THROUGH = shapely.LineString([(0, 0), (0, 10)])


def opened(tags, line=THROUGH):
    return find_obstacles(shaped(HOUSE, {"w2": (line, tags)}), openings=True)


def test_one_sees_through_a_passage():
    """Camera 1 m before a passage 3 m wide and 10 m deep: a wedge and two triangles, less the front wall's triangle."""
    found = opened({"highway": "service", "tunnel": "building_passage"})
    assert list(found.index) == ["w1"]
    assert found.area.iloc[0] == pytest.approx(1000 - 30)
    assert found.geometry.iloc[0].geom_type == "MultiPolygon"
    door = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(0, -1)], crs="EPSG:32618")
    closed = visible_area(door, find_obstacles(shaped(HOUSE)), 30.0, 155.0).iloc[0]
    gain = 30.0**2 * math.atan(1.5 / 11) + 2 * (1.5 * 10 / 2) - 3 * 1 / 2
    assert visible_area(door, found, 30.0, 155.0).iloc[0] - closed == pytest.approx(gain, rel=1e-9)


def test_a_slanting_passage_is_open_from_wall_to_wall():
    """At 45 degrees 3 m across are 3 sqrt(2) m along the wall; the corners at both walls belong to it."""
    found = opened({"highway": "service", "tunnel": "building_passage"}, shapely.LineString([(-5, 0), (5, 10)]))
    assert found.area.iloc[0] == pytest.approx(1000 - 10 * 3 * math.sqrt(2))


@pytest.mark.parametrize(
    ("tags", "width_m"),
    [
        ({"highway": "footway", "tunnel": "building_passage"}, 2.0),
        ({"highway": "service", "tunnel": "building_passage", "width": "4.5"}, 4.5),
        ({"highway": "service", "tunnel": "building_passage", "width": "13 ft"}, 13 * 0.3048),
        ({"highway": "service", "tunnel": "building_passage", "width": "400"}, 3.0),
        ({"highway": "footway", "covered": "arcade"}, 2.0 + 2 * 1.0),
        ({"highway": "footway", "covered": "yes"}, 2.0),
        ({"highway": "footway", "covered": "yes", "layer": "0"}, 2.0),
        ({"highway": "footway", "arcade": "left"}, 2.0 + 2 * 1.0),
        ({"highway": "footway", "arcade": "no"}, 0.0),
        ({"highway": "service", "tunnel": "passage"}, 3.0),
        ({"highway": "footway", "covered": "yes", "layer": "1"}, 0.0),
        ({"highway": "footway", "covered": "yes", "layer": "-1"}, 0.0),
        ({"highway": "footway", "covered": "yes", "bridge": "yes"}, 0.0),
        ({"highway": "footway", "tunnel": "building_passage", "indoor": "yes"}, 0.0),
        ({"highway": "corridor", "covered": "yes"}, 0.0),
        ({"highway": "footway"}, 0.0),
        ({"highway": "service", "tunnel": "yes"}, 0.0),
    ],
)
def test_what_is_a_passage_and_how_wide(tags, width_m):
    assert opened(tags).area.iloc[0] == pytest.approx(1000 - 10 * width_m)


def test_a_passage_that_only_touches_cuts_nothing_and_all_are_counted():
    beside = shapely.LineString([(0, -20), (0, 0.3)])
    found = opened({"highway": "service", "tunnel": "building_passage"}, beside)
    assert found.area.iloc[0] == pytest.approx(1000)
    assert found.attrs["counts"]["buildings with a passage or arcade, cut open"] == 0
    counts = opened({"highway": "footway", "covered": "yes", "layer": "2", "width": "900"}).attrs["counts"]
    assert counts["covered ways off the ground or indoors, no passages"] == 1
    counts = opened({"highway": "footway", "covered": "yes", "width": "900"}).attrs["counts"]
    assert counts["passages with a width out of bounds, taken by default"] == 1
    assert counts["buildings with a passage or arcade, cut open"] == 1


def test_a_covered_square_is_open_over_all_its_ground():
    square = shapely.box(-20, 4, 20, 30)  # 40 m by 6 m of it lie in the house
    tags = {"highway": "pedestrian", "area": "yes", "covered": "arcade"}
    found = find_obstacles(shaped(HOUSE, areas={"w5": (square, tags)}), openings=True)
    assert found.area.iloc[0] == pytest.approx(1000 - 240)
    for other in ({"layer": "1"}, {"indoor": "yes"}, {"covered": "no"}, {"highway": None, "leisure": "park"}):
        kept = find_obstacles(shaped(HOUSE, areas={"w5": (square, tags | other)}), openings=True)
        assert kept.area.iloc[0] == 1000


def test_what_stays_closed_is_counted():
    ways = {
        "w2": (THROUGH, {"highway": "service", "tunnel": "building_passage"}),
        "w3": (shapely.LineString([(5, 0), (5, 10)]), {"highway": "footway"}),
        "w4": (shapely.LineString([(9, -5), (9, 1)]), {"highway": "footway"}),
        "w5": (shapely.LineString([(12, 0), (12, 10)]), {"highway": "footway", "layer": "1"}),
        "w6": (shapely.LineString([(15, 0), (15, 10)]), {"highway": "service", "tunnel": "yes"}),
    }
    light = {"w7": (shapely.box(200, 0, 205, 5), {"building": "yes", "wall": "no"})}
    closed = find_obstacles(shaped(HOUSE | light, ways))
    assert closed.area.tolist() == [1000, 25]
    words = "buildings with a passage or arcade, left closed because openings were not asked for"
    assert closed.attrs["counts"][words] == 1
    assert closed.attrs["counts"]["buildings with wall=no, open to some side or light, taken as closed"] == 1
    cut = find_obstacles(shaped(HOUSE | light, ways), openings=True)
    assert words not in cut.attrs["counts"]
    assert cut.attrs["counts"]["ways through buildings that no tag explains, the buildings left closed"] == 1


def test_a_house_no_wider_than_its_passage_is_gone_and_counted():
    place = shaped(
        HOUSE | {"w3": (shapely.box(60, 0, 62, 9), {"building": "yes"})},
        {"w2": (shapely.LineString([(61, -1), (61, 10)]), {"highway": "service", "tunnel": "building_passage"})},
    )
    found = find_obstacles(place, openings=True)
    assert list(found.index) == ["w1"]
    assert found.attrs["counts"]["buildings of which no wall is left at eye level, left out"] == 1


def test_one_sees_under_raised_parts_of_a_building_drawn_whole():
    base = (shapely.box(-50, 0, 20, 10), {"building:part": "yes"})
    raised = (shapely.box(20, 0, 50, 10), {"building:part": "yes", "min_height": "4"})
    under = (shapely.box(40, 0, 50, 10), {"building:part": "yes", "height": "4"})
    whole = find_obstacles(shaped(HOUSE, parts={"w5": base, "w6": raised}), openings=True)
    assert whole.area.iloc[0] == pytest.approx(1000 - 300)
    assert whole.attrs["counts"]["buildings seen under raised parts, cut open"] == 1
    stood = find_obstacles(shaped(HOUSE, parts={"w5": base, "w6": raised, "w7": under}), openings=True)
    assert stood.area.iloc[0] == pytest.approx(1000 - 200)
    by_level = (raised[0], {"building:part": "yes", "building:min_level": "1"})
    assert find_obstacles(shaped(HOUSE, parts={"w5": base, "w6": by_level}), openings=True).area.iloc[
        0
    ] == pytest.approx(700)
    columns = (raised[0], {"building:part": "arcade"})
    assert find_obstacles(shaped(HOUSE, parts={"w5": base, "w6": columns}), openings=True).area.iloc[0] == 700
    # A tower drawn alone, the house below it not; parts that all hang in the air; a step of half a metre.
    for parts in ({"w6": raised}, {"w6": raised, "w8": (shapely.box(-50, 0, 20, 10), {"building:part": "roof"})}):
        left = find_obstacles(shaped(HOUSE, parts=parts), openings=True)
        assert left.area.iloc[0] == pytest.approx(1000)
        assert left.attrs["counts"]["buildings with raised parts but not drawn whole, left closed"] == 1
    low = (raised[0], {"building:part": "yes", "min_height": "0.5"})
    assert find_obstacles(shaped(HOUSE, parts={"w5": base, "w6": low}), openings=True).area.iloc[0] == 1000


def test_layer_says_nothing_of_height_and_is_counted():
    aloft = {
        "w1": (shapely.box(0, 0, 9, 9), {"building": "yes", "layer": "1"}),
        "w2": (shapely.box(20, 0, 29, 9), {"building": "yes", "layer": "1", "min_height": "0.5"}),
    }
    found = find_obstacles(shaped(aloft), openings=True)
    assert list(found.index) == ["w1", "w2"]
    words = "buildings with a layer above 0 and nothing that says how high, taken from the ground"
    assert found.attrs["counts"][words] == 1


# --- trees -----------------------------------------------------------------------------------------------------------


def test_trunks_have_the_width_that_is_tagged():
    tags = {
        "n1": {"natural": "tree", "circumference": "1.57"},
        "n2": {"natural": "tree", "diameter": "0.8"},
        "n10": {"natural": "tree"},
        "n11": {"natural": "tree", "circumference": "120"},
        "n12": {"natural": "tree", "circumference": "120 cm"},
        "n13": {"natural": "tree", "layer": "-2"},
        "n14": {"natural": "tree", "height": "4"},
        "n15": {"natural": "tree", "diameter": "450"},  # millimetres, where no unit stands with it
        "n16": {"natural": "tree", "diameter": "450 mm"},
        "n17": {"natural": "tree", "diameter": "30"},  # neither a trunk in metres nor in millimetres
    }
    trees = {name: (shapely.Point(10 * k, 5), more) for k, (name, more) in enumerate(tags.items())}
    found = tree_trunks(shaped(HOUSE, trees=trees))
    assert list(found.index) == ["n1", "n2", "n10", "n11", "n12", "n14", "n15", "n16", "n17"]
    # Cauchy: the mean width of a convex shape is its perimeter over pi, for the round trunk its diameter.
    wide = [1.57 / math.pi, 0.8, 0.3, 0.3, 1.2 / math.pi, 0.3, 0.45, 0.45, 0.3]
    assert (found.length / math.pi).to_numpy() == pytest.approx(wide)
    # The same, looked at: shadows on 720 lines.
    angle = np.radians(np.arange(0, 360, 0.5))
    xy = shapely.get_coordinates(found.geometry.loc["n2"]) - [10, 5]
    shadow = xy @ np.vstack([np.cos(angle), np.sin(angle)])
    assert (shadow.max(axis=0) - shadow.min(axis=0)).mean() == pytest.approx(0.8, rel=1e-4)
    assert found.centroid.x.to_numpy() == pytest.approx([0, 10, 20, 30, 40, 60, 70, 80, 90])
    np.testing.assert_array_equal(found["height_m"], [np.nan] * 5 + [4.0] + [np.nan] * 3)
    counts = found.attrs["counts"]
    assert counts["trees with a tagged trunk"] == 5
    assert counts["trees whose tagged trunk is out of bounds, taken by default"] == 2
    assert counts["trees below ground or indoors, left out"] == 1


def test_trees_only_on_request_and_a_source_without_them_says_so():
    place = shaped(HOUSE, trees={"n5": (shapely.Point(0, -5), {"natural": "tree"})})
    assert list(find_obstacles(place).index) == ["w1"]
    found = find_obstacles(place, "all", trees=True)
    assert list(found.index) == ["n5", "w1", "w99"]
    assert found["kind"].tolist() == ["tree", "building", "hedge"]
    assert any("assumption" in note for note in found.attrs["notes"])
    bare = find_obstacles(shaped(HOUSE), trees=True)
    assert list(bare.index) == ["w1"]
    assert any("no layer of trees" in note for note in bare.attrs["notes"])


def row(*points, **tags):
    return shapely.LineString(points), {"natural": "tree_row", **tags}


def test_trees_of_a_row_stand_at_its_ends_and_between_them():
    # 50 m at 8 m: 6.25, so 6 steps of 8.33 m; 3 m: one step; a closed row of 40 m: 5 trees and no second at its start.
    rows = {
        "w10": row((0, 0), (30, 0), (30, 20), diameter="0.5 m"),
        "w9": row((100, 0), (103, 0)),
        "w11": row((200, 0), (210, 0), (210, 10), (200, 10), (200, 0)),
        "w12": row((300, 0), (340, 0), layer="-1"),
    }
    found = row_trunks(shaped(HOUSE, rows=rows))
    assert list(found.index) == [f"w9.{k}" for k in range(2)] + [f"w10.{k}" for k in range(7)] + [
        f"w11.{k}" for k in range(5)
    ]
    step = 50 / 6
    along = [(step * k, 0) if step * k <= 30 else (30, step * k - 30) for k in range(7)]
    middle = np.column_stack([found.centroid.x, found.centroid.y])
    np.testing.assert_allclose(middle[:2], [(100, 0), (103, 0)], atol=1e-9)
    np.testing.assert_allclose(middle[2:9], along, atol=1e-9)
    np.testing.assert_allclose(middle[9:], [(200, 0), (208, 0), (210, 6), (206, 10), (200, 8)], atol=1e-9)
    assert (found.length / math.pi).to_numpy() == pytest.approx([0.3] * 2 + [0.5] * 7 + [0.3] * 5)
    assert found.attrs["counts"]["tree rows"] == 3
    assert found.attrs["counts"]["tree rows below ground or indoors, left out"] == 1
    assert "one every 8 m (assumption)" in found.attrs["notes"][0]
    assert len(row_trunks(shaped(HOUSE, rows=rows), 25.0).loc[lambda t: t.index.str.startswith("w10")]) == 3
    with pytest.raises(InputError, match=r"row_spacing_m=8\.0"):
        row_trunks(shaped(HOUSE, rows=rows), 0.5)


def test_a_row_drawn_over_its_trees_adds_none_near_them():
    trees = {"n1": (shapely.Point(0, 1), {"natural": "tree"}), "n2": (shapely.Point(16, 0), {"natural": "tree"})}
    place = shaped(HOUSE, trees=trees, rows={"w9": row((0, 0), (40, 0))})
    found = find_obstacles(place, trees=True)
    # At 0, 8, 16, 24, 32 and 40 m; those at most 8 m from (0, 1) or (16, 0) go, 8 m from (16, 0) included.
    assert [name for name in found.index if name.startswith("w9")] == ["w9.4", "w9.5"]
    assert found.attrs["counts"]["places of tree rows near a mapped tree, left out"] == 4
    assert set(found.loc[["n1", "w9.4"], "kind"]) == {"tree"}


def test_trees_and_parts_are_read_from_an_extract(tmp_path):
    town = OsmFile()
    town.street()
    town.box(10, 10, 10, 8, {"building": "house"}, number=900)
    town.box(12, 10, 4, 8, {"building:part": "yes", "min_height": "3"}, number=901)
    town.node(5, 5, {"natural": "tree", "circumference": "1"}, number=902)
    town.node(6, 5, {"natural": "peak"}, number=903)
    town.line([(0, 8), (30, 8)], {"natural": "tree_row", "height": "9"}, number=905)
    town.line([(0, 9), (30, 9)], {"natural": "tree_row", "barrier": "hedge"}, number=906)
    town.line([(0, 9), (30, 9)], {"natural": "cliff"}, number=907)
    outer, inner = town.box(40, 10, 30, 30, {}), town.box(50, 20, 10, 10, {})
    town.relation([(outer, "outer"), (inner, "inner")], {"building:part": "yes", "leisure": "park"}, number=800)
    town.relation([(outer, "outer"), (inner, "inner")], {"building:part": "roof"}, number=801)
    town.box(80, 10, 5, 5, {"building": "yes", "building:part": "yes"}, number=904)
    place = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert list(place.trees.index) == ["n902"]
    assert place.trees["circumference"].tolist() == ["1"]
    assert list(place.parts.index) == ["w901", "r800", "r801"]
    assert list(place.tree_rows.index) == ["w905", "w906"]
    assert place.tree_rows["height"].tolist() == ["9", None]
    assert place.tree_rows.length.to_numpy() == pytest.approx([30, 30], rel=0.01)
    assert list(place.barriers.index) == ["w906"]
    assert list(place.areas.index) == ["r800"]
    assert list(place.buildings.index) == ["w900", "w904"]
    assert place.parts.area.to_numpy() == pytest.approx([32.0, 800.0, 800.0], rel=0.01)
    assert place.trees.crs == place.parts.crs == place.crs
    assert place.dropped == {}
    assert "1 trees" in repr(place)


# --- doors that do not stand free, and tables put together -----------------------------------------------------------


def doors_at(**rows):
    """Build doors from (x, y, heading, building)."""
    data = {"heading": [row[2] for row in rows.values()], "building": [row[3] for row in rows.values()]}
    points = gpd.points_from_xy([row[0] for row in rows.values()], [row[1] for row in rows.values()])
    return gpd.GeoDataFrame(data, geometry=points, crs="EPSG:32618", index=pd.Index(list(rows), name="door"))


def test_doors_that_do_not_stand_free_are_found():
    block = {
        "w1": (shapely.box(0, 0, 40, 10), {"building": "yes"}),
        "w2": (shapely.box(0, 30, 40, 40), {"building": "yes"}),
        "w3": (shapely.box(0, 10, 10, 30), {"building": "yes"}),
        "w4": (shapely.box(30, 10, 40, 30), {"building": "yes"}),
        "w5": (shapely.box(100, 0, 110, 10), {"building": "yes"}),
        "w6": (shapely.box(110.3, 0, 120, 10), {"building": "yes"}),
        "w7": (shapely.box(200, 0, 210, 10), {"building": "roof"}),
    }
    doors = doors_at(
        free=(20, -0.1, 180.0, "w1"),
        court=(20, 10.1, 0.0, "w1"),
        wall=(110.1, 5, 90.0, "w5"),
        over=(105, 5, 90.0, "w6"),
        own=(5, 5, 0.0, "w1"),
        posts=(205, -0.1, 180.0, "w7"),
    )
    found = enclosed_doors(doors, find_obstacles(shaped(block)))
    assert found.index.equals(doors.index)
    assert found.index[found["courtyard"]].tolist() == ["court"]
    assert found.index[found["inside_own"]].tolist() == ["own"]
    assert found["inside_other"].dropna().to_dict() == {"over": "w5"}
    assert found["shared_wall"].dropna().to_dict() == {"wall": "w6", "over": "w5", "own": "w1"}
    assert found.index[~found["own_wall"]].tolist() == ["posts"]
    assert list(found.attrs["counts"].values()) == [1, 1, 3, 1, 1]
    with pytest.raises(InputError, match="no column 'building'"):
        enclosed_doors(doors.drop(columns="building"), find_obstacles(shaped(block)))
    with pytest.raises(InputError, match="EPSG:32619"):
        enclosed_doors(doors.to_crs(32619), find_obstacles(shaped(block)))


@pytest.mark.parametrize("file", ["monaco/monaco_20250206.osm.pbf", "nyc_greenwich_village/nyc_sorted.osm.pbf"])
def test_real_doors_stand_free(shared_data, file):
    place = City.from_extract(shared_data / file)
    doors, obstacles = find_doors(place), find_obstacles(place)
    found = enclosed_doors(doors, obstacles)
    assert not found["inside_own"].any()
    assert found["inside_other"].notna().mean() < 0.01
    assert found["shared_wall"].notna().mean() < 0.02
    # Cut open, a building hides no more than before.
    cut = find_obstacles(place, openings=True)
    same = cut.index.intersection(obstacles.index)
    assert (cut.area[same] <= obstacles.area[same] + 1e-6).all()
    assert len(obstacles) - len(cut) == cut.attrs["counts"]["buildings of which no wall is left at eye level, left out"]


def test_tables_of_obstacles_are_put_together():
    place = shaped(HOUSE, trees={"n5": (shapely.Point(0, -5), {"natural": "tree"})})
    houses, trunks = find_obstacles(place), tree_trunks(place)
    both = joined(houses, trunks)
    assert both["kind"].tolist() == ["building", "tree"]
    assert both.attrs["counts"]["trees"] == 1
    assert both.attrs["counts"]["buildings"] == 1
    with pytest.raises(InputError, match="'n5' stands in two tables"):
        joined(both, trunks)
    with pytest.raises(InputError, match="EPSG:32619"):
        joined(houses, trunks.to_crs(32619))
