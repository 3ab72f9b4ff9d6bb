"""Ground by class: tag rules, cross-sections, strips, areas, parcels, and the polygons made of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.classes import CLASSES, RANK
from doorview.city.doors_streets import _NAME_KEYS
from doorview.city.ground import ground_polygons, public_space
from doorview.city.ground_page import rules_page
from doorview.city.ground_polygons import MAP_CLASSES, MAP_SEGMENTS, _turns, strip_polygons
from doorview.city.ground_rules import ground_rules, precedence, width_table
from doorview.city.model import City
from doorview.city.tags import KEYS
from doorview.errors import InputError, UnknownNameError

CRS = "EPSG:32618"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "public-space.md"


def layer(name, rows, extra=()):
    """Build a city layer from (id, geometry, tags)."""
    keys = [*KEYS[name], *extra]
    data = {key: pd.Series([row[2].get(key) for row in rows], dtype=object) for key in keys}
    table = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([row[1] for row in rows], crs=CRS))
    if name == "ways":
        table["nodes"] = pd.Series([None] * len(rows), dtype=object)
    return table.set_index(pd.Index([row[0] for row in rows], name="osm_id", dtype=object))


def city_of(ways=(), areas=(), buildings=(), parcels=None, country="us"):
    return SimpleNamespace(
        name="test",
        crs=CRS,
        country=country,
        ways=layer("ways", list(ways)),
        areas=layer("areas", list(areas), extra=("class",)),
        buildings=layer("buildings", list(buildings)),
        parcels=None if parcels is None else layer("parcels", list(parcels)),
    )


def street(length=100.0, number=1, y=0.0, **tags):
    tags = {key.replace("__", ":"): value for key, value in tags.items()}
    return (f"w{number}", shapely.LineString([(0, y), (length, y)]), {"highway": "residential", "name": "Elm"} | tags)


def classes_of_ways(country="us", **tags):
    ground = public_space(city_of([("w1", shapely.LineString([(0, 0), (50, 0)]), tags)], country=country))
    return set(ground.strips["class"])


def band(ground, name, side=None):
    """Return (inner, outer, side) of the strips of a class."""
    rows = ground.strips[ground.strips["class"] == name]
    found = {(round(a, 3), round(b, 3), int(s)) for a, b, s in zip(rows.inner_m, rows.outer_m, rows.side, strict=True)}
    return {item for item in found if side is None or item[2] == side}


def point_classes(ground, points):
    """Classify points by the definition of strips and polygons, one at a time: slow and plain."""
    result = []
    for x, y in points:
        point = shapely.Point(x, y)
        best = (99.0, "yard")
        strips = ground.strips[ground.strips.geometry.distance(point) < ground.strips["outer_m"]]
        for row in strips.itertuples(index=False):
            line, distance = row.geometry, row.geometry.distance(point)
            if distance < row.inner_m:
                continue
            if row.side:
                at = line.project(point)
                a, b = line.interpolate(max(at - 0.05, 0)), line.interpolate(min(at + 0.05, line.length))
                cross = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)
                if np.sign(cross) != row.side:
                    continue
            best = min(best, (row.rank, row[0]))
        for row in ground.polygons[ground.polygons.geometry.intersects(point)].itertuples(index=False):
            best = min(best, (row.rank, row[0]))
        result.append(best[1])
    return result


# --- the rule tables -------------------------------------------------------------------------------------------------


def test_every_rule_names_a_class_and_a_reason_and_reads_a_kept_key():
    rules = ground_rules()
    for rule in (*rules.ways, *rules.areas):
        assert rule.ground == "none" or rule.ground in RANK
        assert len(rule.reason) >= 8
    assert rules.keys("ways") <= set(KEYS["ways"])
    assert rules.keys("areas") <= set(KEYS["areas"])
    assert set(_NAME_KEYS) <= set(KEYS["ways"])
    assert "class" in KEYS["areas"]


def test_every_default_has_a_source_mark_and_reason_and_adds_up():
    widths = width_table()
    for country in ("us", "world"):
        kinds = [name for row in widths[country].values() for name in row["classes"]]
        assert len(kinds) == len(set(kinds))
        for row in widths[country].values():
            assert set(row["source"]) <= set(widths["sources"])
            assert row["mark"] in "CDA"
            assert row["space_m"] >= row["carriageway_m"] + 2 * row["sidewalk_m"] - 1e-9
            assert row["half_m"] <= row["oneway_m"] <= row["carriageway_m"]


def test_us_residential_street_lies_within_the_sampled_codes():
    row = width_table()["us"]["residential"]
    assert 26 * 0.3048 <= row["carriageway_m"] <= 36 * 0.3048
    assert 50 * 0.3048 <= row["space_m"] <= 60 * 0.3048


def test_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == rules_page(), "write docs/public-space.md again from rules_page()"


def test_precedence_is_the_rank():
    assert [RANK[name] for name in precedence()] == list(range(len(CLASSES)))


def test_closed_ground_stands_after_streets_and_paths_and_before_driveways():
    rows = [
        ("w1", shapely.LineString([(0, 50), (100, 50)]), {"highway": "footway"}),
        ("w2", shapely.LineString([(50, 0), (50, 100)]), {"highway": "service", "service": "driveway"}),
    ]
    ground = public_space(city_of(rows, areas=[("w3", shapely.box(0, 0, 100, 100), {"landuse": "railway"})]))
    assert point_classes(ground, [(20, 50), (50, 20), (20, 20)]) == ["path", "restricted", "restricted"]
    assert set(ground.strips["rank"]) == {RANK["path"], RANK["driveway"]}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "motorway"}, {"restricted"}),
        ({"highway": "construction"}, set()),
        ({"highway": "residential", "tunnel": "yes"}, set()),
        ({"highway": "residential", "layer": "-1"}, set()),
        ({"highway": "residential", "bridge": "yes", "layer": "1"}, {"carriageway", "sidewalk", "verge"}),
        ({"highway": "residential", "access": "private"}, {"restricted"}),
        ({"highway": "residential", "access": "no", "foot": "yes"}, {"carriageway", "sidewalk", "verge"}),
        ({"highway": "service", "service": "alley"}, {"alley"}),
        ({"highway": "service", "service": "driveway"}, {"driveway"}),
        ({"highway": "service", "service": "alley", "access": "private"}, {"driveway"}),
        ({"highway": "service"}, {"driveway"}),
        ({"highway": "service", "name": "Court"}, {"carriageway", "verge"}),
        ({"highway": "footway"}, {"path"}),
        ({"highway": "footway", "footway": "sidewalk"}, {"sidewalk"}),
        ({"highway": "footway", "footway": "crossing"}, set()),
        ({"highway": "footway", "access": "private"}, set()),
        ({"highway": "pedestrian"}, {"square"}),
        ({"highway": "track"}, set()),
        ({"highway": "nonsense<script>"}, set()),
    ],
)
def test_lines_by_class(tags, expected):
    assert classes_of_ways(**tags) == expected


def test_tracks_are_open_outside_the_united_states():
    assert classes_of_ways(country="world", highway="track") == {"path"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"leisure": "park"}, "park"),
        ({"leisure": "park", "access": "private"}, None),
        ({"leisure": "garden"}, None),
        ({"leisure": "garden", "access": "yes"}, "park"),
        ({"landuse": "cemetery"}, None),
        ({"amenity": "school"}, None),
        ({"amenity": "parking"}, "driveway"),
        ({"amenity": "parking", "parking": "underground"}, None),
        ({"natural": "water"}, "water"),
        ({"place": "square"}, "square"),
        ({"highway": "pedestrian", "area": "yes"}, "square"),
        ({"area:highway": "footway"}, "sidewalk"),
        ({"area:highway": "residential"}, "carriageway"),
        ({"landuse": "railway"}, "restricted"),
        ({"landuse": "residential"}, None),
    ],
)
def test_areas_by_class(tags, expected):
    ground = public_space(city_of(areas=[("w9", shapely.box(0, 0, 10, 10), tags)]))
    assert ground.polygons["class"].tolist() == ([] if expected is None else [expected])


def test_playground_in_a_school_is_not_public():
    rows = [
        ("w1", shapely.box(0, 0, 100, 100), {"amenity": "school"}),
        ("w2", shapely.box(10, 10, 20, 20), {"leisure": "playground"}),
        ("w3", shapely.box(200, 0, 220, 20), {"leisure": "playground"}),
    ]
    ground = public_space(city_of(areas=rows))
    assert ground.polygons["osm_id"].tolist() == ["w3"]
    assert ground.notes["counts"]["areas_inside_closed_ground"] == 1


def test_own_layer_gives_its_class_or_other():
    rows = [
        ("own:public_space:0", shapely.box(0, 0, 1, 1), {"class": "square"}),
        ("own:public_space:1", shapely.box(2, 0, 3, 1), {"class": "moon"}),
        ("own:public_space:2", shapely.box(4, 0, 5, 1), {}),
        ("own:public_space:3", shapely.box(6, 0, 7, 1), {"class": " Park "}),
        ("own:public_space:4", shapely.box(8, 0, 9, 1), {"class": "building"}),
        ("own:public_space:5", shapely.box(10, 0, 11, 1), {"class": "moon", "leisure": "park"}),
        ("w9", shapely.box(12, 0, 13, 1), {"class": "square", "leisure": "park"}),
    ]
    ground = public_space(city_of(areas=rows))
    # The class of OSM's own rows comes from their tags alone.
    assert ground.polygons["class"].tolist() == ["square", "other", "other", "park", "other", "park", "park"]
    assert ground.notes["counts"]["own_areas_of_unknown_class"] == 3


# --- cross-sections --------------------------------------------------------------------------------------------------


def test_default_us_street_is_laid_out_as_documented():
    ground = public_space(city_of([street()]))
    assert band(ground, "carriageway") == {(0, 4.55, 0)}
    assert band(ground, "sidewalk") == {(6.35, 7.85, 0)}
    assert band(ground, "verge") == {(4.55, 8.4, 0)}


@pytest.mark.parametrize(
    ("tags", "half"),
    [
        ({"width": "8"}, 4.0),
        ({"width": "30 ft"}, 4.572),
        ({"width:carriageway": "7", "width": "12"}, 3.5),
        ({"est_width": "6"}, 3.0),
        ({"lanes": "3"}, (3 * 3.0 + 3.1) / 2),
        ({"lanes": "2", "parking:both": "no"}, 3.0),
        ({"lanes": "1", "parking:lane:left": "parallel"}, (3.0 + 2.4) / 2),
    ],
)
def test_carriageway_from_tags(tags, half):
    ground = public_space(city_of([("w1", shapely.LineString([(0, 0), (100, 0)]), {"highway": "residential"} | tags)]))
    assert band(ground, "carriageway") == {(0, round(half, 3), 0)}


def test_width_beyond_the_street_space_is_taken_as_the_street_space():
    ground = public_space(city_of([street(width="20")]))
    assert band(ground, "carriageway") == {(0, 4.55, 0)}
    assert band(ground, "verge") == {(4.55, 10, 0)}


def given_widths(ways, country="us", **widths):
    return public_space(city_of(ways, country=country), **widths)


def test_lane_width_changes_the_carriageway_by_its_lanes_and_leaves_the_street_space():
    # 9.1 m hold two lanes of 3.0 m beside parking: with lanes of 3.5 m it is 10.1 m; 16.8 m stay the street space.
    ground = given_widths([street()], lane_width_m=3.5)
    assert band(ground, "carriageway") == {(0, 5.05, 0)}
    assert band(ground, "verge") == {(5.05, 8.4, 0)}
    assert band(given_widths([street(lanes="3")], lane_width_m=3.5), "carriageway") == {(0, (3 * 3.5 + 3.1) / 2, 0)}
    assert band(given_widths([street(width="8")], lane_width_m=3.5), "carriageway") == {(0, 4.0, 0)}
    # One lane and a row of parked cars: only the lane grows.
    one_way = given_widths([street(oneway="yes")], country="world", lane_width_m=3.25)
    assert band(one_way, "carriageway") == {(0, (5.4 + 0.25) / 2, 0)}
    assert ground.notes["widths_given"] == {"lane_width_m": 3.5, "sidewalk_width_m": None}


def test_sidewalk_width_stands_in_for_defaults_and_never_for_tags():
    assert band(given_widths([street()], sidewalk_width_m=2.0), "sidewalk") == {(6.35, 8.35, 0)}
    tagged = given_widths([street(sidewalk="both", sidewalk__width="1.2")], sidewalk_width_m=2.0)
    assert band(tagged, "sidewalk") == {(6.35, 7.55, 0)}
    drawn = ("w2", shapely.LineString([(5, 9), (95, 9)]), {"highway": "footway", "footway": "sidewalk"})
    assert (0, 1.0, 0) in band(given_widths([street(), drawn], sidewalk_width_m=2.0), "sidewalk")
    # Where the class of street has no sidewalk by default, there is none still.
    assert not band(given_widths([street(highway="living_street")], sidewalk_width_m=2.0), "sidewalk")


def test_implausible_widths_of_a_study_are_refused_together():
    with pytest.raises(InputError, match=r"lane_width_m is 40.*sidewalk_width_m is nan"):
        public_space(city_of([street()]), lane_width_m=40.0, sidewalk_width_m=float("nan"))


@pytest.mark.parametrize("text", ["0", "500", "-3", "wide", "8;9", "1e9", "nan", ""])
def test_implausible_width_is_ignored_and_counted(text):
    ground = public_space(city_of([street(width=text)]))
    assert band(ground, "carriageway") == {(0, 4.55, 0)}
    assert ground.notes["ignored_tag_values"] == {"width": 1}


@pytest.mark.parametrize(
    ("tags", "sides"),
    [
        ({"sidewalk": "left"}, {1}),
        ({"sidewalk": "right"}, {-1}),
        ({"sidewalk": "both"}, {0}),
        ({"sidewalk": "none"}, set()),
        ({"sidewalk": "no"}, set()),
        ({"sidewalk:left": "yes", "sidewalk:right": "no"}, {1}),
        ({"sidewalk:both": "no"}, set()),
        ({"sidewalk": "both", "sidewalk:right": "no"}, {1}),
        ({"footway": "right"}, {-1}),
        ({"sidewalk": "separate"}, {0}),
        ({"sidewalk": "purple"}, {0}),
    ],
)
def test_sidewalk_sides(tags, sides):
    row = ("w1", shapely.LineString([(0, 0), (100, 0)]), {"highway": "residential"} | tags)
    assert {item[2] for item in band(public_space(city_of([row])), "sidewalk")} == sides


def test_left_sidewalk_lies_north_of_an_eastward_way():
    row = street(sidewalk="left", sidewalk__left__width="2")
    ground = public_space(city_of([row]))
    assert point_classes(ground, [(50, 7), (50, -7), (50, 3)]) == ["sidewalk", "verge", "carriageway"]
    line = ground.lines[ground.lines["space"] == "sidewalk_line"]
    assert line["offset_m"].tolist() == pytest.approx([7.35])


def test_mapped_sidewalk_takes_the_place_of_the_default_on_its_side():
    rows = [street(), ("w2", shapely.LineString([(5, 9), (95, 9)]), {"highway": "footway", "footway": "sidewalk"})]
    ground = public_space(city_of(rows))
    assert band(ground, "sidewalk") == {(6.35, 7.85, -1), (0, 0.75, 0)}
    mapped = ground.strips[ground.strips["osm_id"] == "w2"]
    assert mapped["face"].tolist() == [0]
    assert ground.notes["sidewalk_sides"]["mapped_as_way"] == 1
    # What lies between the kerb and a mapped sidewalk is street space.
    assert point_classes(ground, [(50, 8.1)]) == ["verge"]


def test_mapped_sidewalk_too_far_or_across_replaces_nothing():
    far = ("w2", shapely.LineString([(0, 30), (100, 30)]), {"highway": "footway", "footway": "sidewalk"})
    across = ("w3", shapely.LineString([(50, 5), (50, 40)]), {"highway": "footway", "footway": "sidewalk"})
    ground = public_space(city_of([street(), far, across]))
    assert (6.35, 7.85, 0) in band(ground, "sidewalk")
    assert ground.notes["counts"]["sidewalk_ways_without_street"] == 2


def test_dual_carriageway_has_half_widths_one_length_and_a_verge_between():
    rows = [
        ("w1", shapely.LineString([(0, 0), (150, 0)]), {"highway": "secondary", "oneway": "yes", "name": "Broad"}),
        ("w2", shapely.LineString([(150, 20), (0, 20)]), {"highway": "secondary", "oneway": "yes", "name": "Broad"}),
    ]
    ground = public_space(city_of(rows))
    assert band(ground, "carriageway") == {(0, 3.8, 0)}
    assert {item[2] for item in band(ground, "sidewalk")} == {-1}
    assert point_classes(ground, [(75, 10), (75, 0), (75, 20)]) == ["verge", "carriageway", "carriageway"]
    centre = ground.lines[ground.lines["space"] == "centreline"]
    assert centre.length.sum() == pytest.approx(150)
    assert ground.notes["length_merged_m"] == pytest.approx(150)


def test_street_wins_over_the_motorway_it_crosses_and_over_a_private_mouth():
    rows = [
        street(),
        ("w2", shapely.LineString([(50, -50), (50, 50)]), {"highway": "motorway"}),
        ("w3", shapely.LineString([(80, 0), (80, 50)]), {"highway": "residential", "access": "private"}),
    ]
    ground = public_space(city_of(rows))
    assert point_classes(ground, [(50, 0), (50, 30), (80, 1), (80, 30)]) == [
        "carriageway", "restricted", "carriageway", "restricted",
    ]  # fmt: skip


# --- buildings, parcels, polygons ------------------------------------------------------------------------------------


def test_building_takes_ground_and_has_a_strip_around_it():
    house = ("w5", shapely.box(20, 12, 30, 22), {"building": "house"})
    roof = ("w6", shapely.box(50, 12, 60, 22), {"building": "roof"})
    ground = public_space(city_of([street()], buildings=[house, roof]))
    points = [(25, 15), (25, 11.5), (25, 10.5), (55, 15)]
    assert point_classes(ground, points) == ["building", "facade_strip", "yard", "yard"]


def test_parcels_turn_default_sidewalks_to_yard_and_the_rest_to_verge():
    parcels = [
        ("own:parcels:0", shapely.box(0, 6.6, 100, 40), {}),
        ("own:parcels:1", shapely.box(-20, -6.6, 120, 6.6), {}),
    ]
    ground = public_space(city_of([street()], parcels=parcels))
    assert ground.notes["counts"]["parcels_that_are_streets"] == 1
    points = [(50, 0), (50, 6.5), (50, 7.5), (50, -7), (50, -20), (50, -35)]
    assert point_classes(ground, points) == ["carriageway", "sidewalk", "yard", "sidewalk", "verge", "yard"]
    tagged = public_space(city_of([street(sidewalk="both")], parcels=parcels))
    assert point_classes(tagged, [(50, 7.5)]) == ["sidewalk"]


def test_park_stays_a_park_inside_a_parcel():
    park = ("w7", shapely.box(0, 20, 50, 60), {"leisure": "park"})
    parcels = [("own:parcels:0", shapely.box(0, 10, 100, 60), {})]
    ground = public_space(city_of([street()], areas=[park], parcels=parcels))
    assert point_classes(ground, [(25, 40), (75, 40)]) == ["park", "yard"]


def test_polygons_of_a_plain_street_have_the_closed_form_areas():
    ground = public_space(city_of([street(200)]))
    area = ground_polygons(ground, city_of()).dissolve("class").area
    circle = lambda radius: np.pi * radius**2  # noqa: E731
    assert area["carriageway"] == pytest.approx(200 * 9.1 + circle(4.55), rel=2e-3)
    assert area["sidewalk"] == pytest.approx(200 * 3.0 + circle(7.85) - circle(6.35), rel=5e-3)
    assert area.sum() == pytest.approx(200 * 16.8 + circle(8.4), rel=2e-3)


def test_one_sided_polygon_has_half_the_round_end():
    ground = public_space(city_of([street(200, sidewalk="left")]))
    area = ground_polygons(ground, city_of(), only={"sidewalk"}).area.sum()
    assert area == pytest.approx(200 * 1.5 + np.pi / 2 * (7.85**2 - 6.35**2), rel=5e-3)


def plain_polygons(ground):
    """Subtract the union of all earlier strips and polygons from each, one after the other: slow and plain."""
    table = pd.concat(
        [ground.strips.assign(geometry=strip_polygons(ground.strips)), ground.polygons], ignore_index=True
    )
    # What one face has of one class goes first where its first row stands.
    table["unit"] = np.where(table["face"] < 0, table["osm_id"], table["face"].astype(str))
    taken, result = shapely.Polygon(), {}
    for (_, name), rows in table.groupby(["rank", "class"]):
        for unit, same in rows.groupby("unit", sort=False):
            shape = same.geometry.union_all()
            result[name, unit] = shape.difference(taken).area
            taken = taken.union(shape)
    return result


def test_polygons_equal_plain_subtraction_around_junctions():
    rows = [
        street(120),
        street(120, 2, 40.0, name="Oak", sidewalk="left"),
        ("w3", shapely.LineString([(60, -60), (60, 0), (70, 20), (60, 40), (60, 90)]), {"highway": "tertiary"}),
        ("w4", shapely.LineString([(20, 0), (25, 15), (20, 30)]), {"highway": "service"}),
        ("w5", shapely.LineString([(0, 0), (-30, 20), (0, 40)]), {"highway": "service", "name": "Loop"}),
        ("w6", shapely.LineString([(90, -30), (90, 70)]), {"highway": "footway"}),
        ("w7", shapely.LineString([(65, 9), (115, 9)]), {"highway": "footway", "footway": "sidewalk"}),
        # A carriageway that leaves next to no verge.
        ("w8", shapely.LineString([(120, 0), (180, -20)]), {"highway": "residential", "width": "15.0", "name": "Ash"}),
        ("w9", shapely.LineString([(120, 40), (180, 40)]), {"highway": "service", "service": "alley"}),
    ]
    house = ("w20", shapely.box(30, 6, 45, 15), {"building": "house"})
    park = ("w21", shapely.box(60, -40, 140, 60), {"leisure": "park"})
    for country in ("us", "world"):
        ground = public_space(city_of(rows, areas=[park], buildings=[house], country=country))
        found = ground_polygons(ground, city_of())
        unit = found["osm_id"].where(found["face"] < 0, found["face"].astype(str))
        area = found.area.groupby([found["class"], unit]).sum()
        expected = {key: value for key, value in plain_polygons(ground).items() if value > 1e-6}
        assert area.to_dict() == pytest.approx(expected, abs=1e-6)
        assert len({name for name, _ in expected}) >= 6


def test_polygons_for_a_map_are_the_same_ground_with_coarser_corners():
    house = ("w5", shapely.box(20, 12, 30, 22), {"building": "house"})
    drive = ("w6", shapely.LineString([(50, 0), (50, 30)]), {"highway": "service", "service": "driveway"})
    ground = public_space(city_of([street(200), drive], buildings=[house]))
    shown = ground_polygons(ground, city_of(), only=MAP_CLASSES, quarter_segments=MAP_SEGMENTS)
    assert set(shown["class"]) == {"carriageway", "sidewalk", "verge", "driveway"}
    fine = ground_polygons(ground, city_of(), only=MAP_CLASSES, quarter_segments=64).dissolve("class")
    coarse = shown.dissolve("class")
    for name in ("carriageway", "sidewalk", "verge"):
        assert coarse.geometry[name].hausdorff_distance(fine.geometry[name]) < 0.2
    whole = [table.union_all().area for table in (coarse, fine)]
    # A circle in sixteen chords has sin(pi/8)/(pi/8) of its area.
    circle = np.pi * 8.4**2 * (1 - np.sin(np.pi / 8) / (np.pi / 8))
    assert whole[1] - whole[0] == pytest.approx(circle, rel=0.05)


def test_covers_of_one_turn_lie_apart():
    rng = np.random.default_rng(3)
    row = np.sort(rng.integers(0, 40, 900))
    at = rng.uniform(0, 30, (900, 2))
    cover = shapely.box(*at.T, *(at + rng.uniform(1, 12, (900, 2))).T)
    turn = _turns(row, cover)
    for r, t in {(int(a), int(b)) for a, b in zip(row, turn, strict=True)}:
        together = cover[(row == r) & (turn == t)]
        assert shapely.MultiPolygon(list(together)).is_valid
        assert shapely.union_all(together).area == pytest.approx(shapely.area(together).sum())
    apart = shapely.box([0, 5, 20], [0, 0, 0], [9, 9, 29], [9, 9, 9])
    assert _turns(np.zeros(3, dtype=np.intp), apart).tolist() == [0, 1, 0]


def test_polygons_refuse_an_unknown_class():
    with pytest.raises(UnknownNameError, match="sidewalk"):
        ground_polygons(public_space(city_of([street()])), city_of(), only={"sidewalks"})


def test_city_in_degrees_or_of_unknown_country_is_refused():
    city = city_of([street()])
    city.ways = city.ways.set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(InputError, match="degrees"):
        public_space(city)
    with pytest.raises(InputError, match="country"):
        public_space(city_of([street()], country="mars"))


def test_tables_keep_the_contract():
    house = ("w5", shapely.box(20, 12, 30, 22), {"building": "house"})
    ground = public_space(city_of([street()], buildings=[house]))
    assert list(ground.strips.columns) == ["class", "rank", "inner_m", "outer_m", "side", "face", "osm_id", "geometry"]
    assert list(ground.polygons.columns) == ["class", "rank", "face", "osm_id", "name", "geometry"]
    assert list(ground.lines.columns) == ["space", "offset_m", "face", "osm_id", "geometry"]
    assert ground.faces.index.name == "face"
    assert (ground.strips["side"].dtype, ground.strips["face"].dtype) == (np.int8, np.int32)
    assert ground.polygons["name"].tolist() == [None]


def test_real_suburb_by_definition_and_by_polygons(shared_data):
    city = City.from_extract(shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf")
    ground = public_space(city)
    polygons = ground_polygons(ground, city)
    # Disjoint: no ground is counted twice.
    assert polygons.area.sum() == pytest.approx(shapely.union_all(polygons.geometry.to_numpy()).area, rel=1e-6)
    rng = np.random.default_rng(20)
    x0, y0, x1, y1 = ground.faces.total_bounds
    points = np.column_stack([rng.uniform(x0, x1, 600), rng.uniform(y0, y1, 600)])
    defined = np.array(point_classes(ground, points))
    tree = shapely.STRtree(polygons.geometry.to_numpy())
    held = np.full(len(points), "yard", dtype=object)
    at, polygon = tree.query(shapely.points(points), predicate="intersects")
    held[at] = polygons["class"].to_numpy(dtype=object)[polygon]
    # They may differ within the chord error of round ends and in tight bends only.
    assert np.mean(defined == held) >= 0.995
    assert len(set(defined)) >= 5


def test_real_town_has_its_streets_once(shared_data):
    city = City.from_extract(shared_data / "nyc_greenwich_village" / "nyc_sorted.osm.pbf")
    ground = public_space(city)
    # Every stretch of street is in one face, and faces are at most 200 m.
    carriageway = ground.strips[ground.strips["class"].isin(["carriageway", "alley"])]
    assert carriageway.length.sum() == pytest.approx(ground.faces["length_m"].sum(), rel=1e-9)
    assert ground.faces["length_m"].max() <= 200 + 1e-6
    counted = ground.lines[ground.lines["space"] == "centreline"].length.sum()
    assert counted + ground.notes["length_merged_m"] == pytest.approx(ground.faces["length_m"].sum(), rel=1e-9)
