"""Reading extracts: what becomes which layer, faults, damaged files, and independence from the file's order."""

from __future__ import annotations

import bz2
import gzip
import hashlib

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from pandas.testing import assert_frame_equal

from doorview.city.extract import read_extract
from doorview.city.model import City
from doorview.city.rings import even_odd
from doorview.city.tags import AREA_TAGS, KEYS, is_area, is_building, is_way
from doorview.demo.writer import GENERATOR
from doorview.errors import EmptyCityError, InputError, MissingFileError
from helpers.osmfile import ORIGIN, OsmFile

LAYERS = ("buildings", "ways", "areas", "barriers", "addresses", "entrances")


def small_town() -> OsmFile:
    """A street, two houses (one with a courtyard), a park, a wall, an address and an entrance."""
    town = OsmFile()
    town.street()
    town.box(10, 10, 10, 8, {"building": "house", "addr:housenumber": "1", "addr:street": "Elm Street"}, number=900)
    outer = town.box(40, 10, 30, 30, {})
    inner = town.box(50, 20, 10, 10, {})
    town.relation([(outer, "outer"), (inner, "inner")], {"building": "apartments", "height": "12"}, number=800)
    town.box(100, 10, 40, 40, {"leisure": "park", "name": "The Green"}, number=901)
    town.line([(0, -5), (30, -5)], {"barrier": "wall", "height": "1.2 m"}, number=902)
    town.node(15, 9, {"addr:housenumber": "1A"}, number=903)
    town.node(15, 10, {"entrance": "main"}, number=904)
    return town


def assert_same_city(one: City, other: City) -> None:
    for layer in LAYERS:
        a, b = getattr(one, layer), getattr(other, layer)
        assert_frame_equal(pd.DataFrame(a.drop(columns="geometry")), pd.DataFrame(b.drop(columns="geometry")))
        assert a.geometry.to_wkb().tolist() == b.geometry.to_wkb().tolist(), layer
    assert one.dropped == other.dropped
    assert one.extent.equals_exact(other.extent, 0.0)


# ---- what becomes what -----------------------------------------------------------------------------------------------


def test_layers_ids_columns_and_sizes(tmp_path):
    city = City.from_extract(small_town().write(tmp_path / "town.osm.pbf"))
    assert city.name == "town"
    assert city.crs.to_epsg() == 32618
    assert city.country == "us"
    assert list(city.buildings.index) == ["w900", "r800"]
    assert list(city.areas.index) == ["w901"]
    assert list(city.barriers.index) == ["w902"]
    assert list(city.addresses.index) == ["n903"]
    assert list(city.entrances.index) == ["n904"]
    assert city.parcels is None
    assert city.boundary is None
    assert city.dropped == {}
    for layer in LAYERS:
        table = getattr(city, layer)
        assert table.index.name == "osm_id"
        assert set(table.columns) == {*KEYS[layer], "geometry"} | ({"nodes"} if layer == "ways" else set())
        assert all(table[key].dtype == object for key in KEYS[layer])
        assert table.crs == city.crs
        assert table.notna().sum().sum() > len(table)  # the tags arrived
    # 10 x 8 and 30 x 30 less 10 x 10, as drawn; metres of the helper are good to about 0.5 %
    assert city.buildings.area.to_numpy() == pytest.approx([80.0, 800.0], rel=0.01)
    assert city.buildings.loc["r800", "height"] == "12"
    assert city.buildings.loc["r800", "addr:street"] is None
    way = city.ways.iloc[0]
    assert way["nodes"].dtype == np.int64
    assert len(way["nodes"]) == len(way.geometry.coords) == 3


def test_source_says_where_it_comes_from(tmp_path):
    path = small_town().write(tmp_path / "town.osm.pbf")
    source = City.from_extract(path).source
    assert source["kind"] == "extract"
    assert source["files"] == [
        {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "licence": "ODbL-1.0"}
    ]
    assert source["attribution"] == "© OpenStreetMap contributors"
    assert source["data_date"] is None  # no timestamps in the file: 1970 is not a date


@pytest.mark.parametrize(
    ("generator", "attribution", "licence"),
    [
        (GENERATOR, GENERATOR, "BSD-3-Clause"),
        ("osmium/1.16.0", "© OpenStreetMap contributors", "ODbL-1.0"),
        ("made with doorview demo", "© OpenStreetMap contributors", "ODbL-1.0"),
    ],
)
def test_a_fictional_extract_credits_nobody_else(tmp_path, generator, attribution, licence):
    plain = small_town().write(tmp_path / "plain.osm.pbf")
    header = osmium.io.Header()
    header.set("generator", generator)
    path = tmp_path / "town.osm.pbf"
    with osmium.SimpleWriter(str(path), header=header) as writer:
        for item in osmium.FileProcessor(str(plain)):
            writer.add(item)
    source = City.from_extract(path).source
    assert source["kind"] == "extract"
    assert source["attribution"] == attribution
    assert source["files"][0]["licence"] == licence


def test_data_date_is_the_newest_timestamp(tmp_path):
    town = small_town()
    town.node(1, 1, {"addr:housenumber": "7"}, timestamp="2021-05-06T07:08:09Z")
    town.node(2, 2, {"addr:housenumber": "9"}, timestamp="2019-05-06T07:08:09Z")
    assert City.from_extract(town.write(tmp_path / "town.osm.pbf")).source["data_date"] == "2021-05-06"


@pytest.mark.parametrize(
    ("tags", "closed", "layers"),
    [
        ({"highway": "residential"}, False, {"ways"}),
        ({"highway": "residential", "junction": "roundabout"}, True, {"ways"}),
        ({"highway": "pedestrian"}, True, {"ways"}),
        ({"highway": "pedestrian", "area": "yes"}, True, {"areas"}),
        ({"highway": "pedestrian", "place": "square"}, True, {"ways", "areas"}),
        ({"highway": "footway", "leisure": "track"}, True, {"ways"}),
        ({"area:highway": "residential"}, True, {"areas"}),
        ({"leisure": "park"}, True, {"areas"}),
        ({"leisure": "park", "area": "no"}, True, set()),
        ({"leisure": "track"}, False, set()),
        ({"man_made": "pier"}, False, set()),
        ({"natural": "coastline"}, True, set()),
        ({"place": "island"}, True, set()),
        ({"building": "no", "leisure": "park"}, True, {"areas"}),
        ({"building": "yes", "leisure": "sports_centre"}, True, {"buildings"}),
        ({"building:part": "yes"}, True, set()),
        ({"barrier": "fence"}, True, {"barriers"}),
        ({"barrier": "hedge", "area": "yes"}, True, {"areas", "barriers"}),
        ({"barrier": "wall", "leisure": "playground"}, True, {"areas", "barriers"}),
        ({"building": "yes"}, False, set()),
    ],
)
def test_what_a_way_becomes(tmp_path, tags, closed, layers):
    town = OsmFile()
    town.street()
    town.box(0, 50, 10, 10, {"building": "house"})
    (town.ring if closed else town.line)([(10, 10), (20, 10), (20, 20), (10, 21)], tags, number=500)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert {layer for layer in LAYERS if "w500" in getattr(city, layer).index} == layers


def test_every_key_that_makes_an_area_is_kept():
    assert set(AREA_TAGS) <= set(KEYS["areas"])
    assert all(len(set(keys)) == len(keys) for keys in KEYS.values())
    assert not is_way({"highway": "footway", "area": "yes"})
    assert is_area({"highway": "pedestrian"}, multipolygon=True)
    assert not is_building({"building": "no"})


# ---- order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["nwr", "rwn", "wnr", "wrn"])
@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2"])
def test_the_order_of_the_file_changes_nothing(tmp_path, order, suffix):
    first = City.from_extract(small_town().write(tmp_path / "sorted.osm.pbf"))
    other = City.from_extract(small_town().write(tmp_path / f"other{suffix}", order, backwards=order != "nwr"))
    assert_same_city(first, other)


def test_nothing_is_lost_from_an_unsorted_extract(shared_data):
    folder = shared_data / "nyc_greenwich_village"
    unsorted, tidy = City.from_extract(folder / "nyc.osm.pbf"), City.from_extract(folder / "nyc_sorted.osm.pbf")
    assert_same_city(unsorted, tidy)
    assert len(unsorted.buildings) == 1525  # counted in shared/data/README.md
    ways = unsorted.buildings[unsorted.buildings.index.str.startswith("w")]
    assert int(ways["height"].notna().sum()) == 1509  # counted there on ways; the five multipolygons have heights too


@pytest.mark.parametrize(
    "file",
    [
        "baltimore_city_md/baltimore_sorted.osm.pbf",
        "monaco/monaco_20250206.osm.pbf",
        "las_palmas/las_palmas_20230221.osm.pbf",
    ],
)
def test_polygons_are_those_of_libosmium(shared_data, file):
    """libosmium assembles areas by an algorithm of its own; where both have one, their areas agree."""
    factory, reference = osmium.geom.WKBFactory(), {}
    for item in (
        osmium.FileProcessor(str(shared_data / file))
        .with_areas()
        .with_filter(osmium.filter.KeyFilter("building", *AREA_TAGS, "highway"))
    ):
        if item.is_area():
            try:
                reference[f"{'w' if item.from_way() else 'r'}{item.orig_id()}"] = factory.create_multipolygon(item)
            except RuntimeError:  # outlines that cross themselves: libosmium has no area for them
                continue
    layers = read_extract(shared_data / file).layers
    for layer in ("buildings", "areas"):
        common = [name for name in layers[layer].index if name in reference]
        assert len(common) >= len(layers[layer]) - 5
        theirs = shapely.area(shapely.from_wkb([reference[name] for name in common]))
        assert shapely.area(layers[layer].geometry.loc[common].to_numpy()) == pytest.approx(theirs, rel=1e-9)


# ---- multipolygons
# -----------------------------------------------------------------------------------------------------


def lines(*rings):
    """Rings of (id, x, y) as arrays."""
    return [np.array(ring, dtype=float) for ring in rings]


def square(first, x, y, size):
    ring = [(first, x, y), (first + 1, x + size, y), (first + 2, x + size, y + size), (first + 3, x, y + size)]
    return [*ring, ring[0]]


def test_island_in_a_lake_in_an_island():
    shape = even_odd(lines(square(0, 0, 0, 10), square(10, 2, 2, 6), square(20, 4, 4, 2)))
    assert shape.area == pytest.approx(100 - 36 + 4)


def test_inner_rings_that_share_an_edge_are_both_holes():
    left = [(10, 2, 2), (11, 4, 2), (12, 4, 6), (13, 2, 6), (10, 2, 2)]
    right = [(11, 4, 2), (14, 7, 2), (15, 7, 6), (12, 4, 6), (11, 4, 2)]
    shape = even_odd(lines(square(0, 0, 0, 10), left, right))
    assert shape.area == pytest.approx(100 - 8 - 12)
    assert shape.is_valid


def test_a_gap_between_rings_that_touch_at_corners_is_no_area():
    """Four squares around a middle one that is nobody's: even-odd says the middle is outside."""
    ring = [
        [(1, 0, 0), (2, 2, 0), (3, 3, 1), (4, 1, 3), (5, 0, 2), (1, 0, 0)],
        [(6, 5, 0), (7, 6, 0), (8, 6, 6), (9, 0, 6), (10, 0, 5), (4, 1, 3), (11, 4, 4), (3, 3, 1), (6, 5, 0)],
    ]
    expected = sum(shapely.Polygon([point[1:] for point in one]).area for one in ring)
    assert even_odd(lines(*ring)).area == pytest.approx(expected)


def test_an_outline_in_pieces_closes_whatever_their_direction():
    pieces = lines([(0, 0, 0), (1, 9, 0)], [(2, 9, 9), (1, 9, 0)], [(2, 9, 9), (3, 0, 9), (0, 0, 0)])
    assert even_odd(pieces).area == pytest.approx(81)
    assert even_odd(pieces[:2]) is None  # and an open one bounds nothing


def test_edges_that_cross_without_a_node_still_follow_even_odd():
    shape = even_odd(lines(square(0, 0, 0, 4), square(10, 2, 2, 4)))
    assert shape.is_valid
    assert shape.area == pytest.approx(16 + 16 - 2 * 4)  # the common 2 x 2 is inside both, so in neither


def test_an_outline_tagged_twice_is_one_building(tmp_path):
    town = OsmFile()
    town.street()
    outer = town.box(40, 10, 30, 30, {"building": "yes"}, number=700)
    inner = town.box(50, 20, 10, 10, {})
    town.relation([(outer, "outer"), (inner, "inner")], {"building": "yes"}, number=800)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert list(city.buildings.index) == ["r800"]
    assert city.dropped == {"buildings: outline of a multipolygon that is a building itself, dropped": 1}


def test_a_multipolygon_with_a_missing_member_is_dropped_and_its_outline_kept(tmp_path):
    town = OsmFile()
    town.street()
    outer = town.box(40, 10, 30, 30, {"building": "yes"}, number=700)
    town.relation([(outer, "outer"), (123456, "inner")], {"building": "yes"}, number=800)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert list(city.buildings.index) == ["w700"]
    assert sum(city.dropped.values()) == 1


# ---- faults
# ------------------------------------------------------------------------------------------------------------


def test_faulty_shapes_are_repaired_or_dropped_and_counted(tmp_path):
    town = OsmFile()
    town.street()
    town.box(0, 20, 10, 10, {"building": "house"}, number=500)
    town.box(0, 20, 10, 10, {"building": "yes"}, number=501)  # the same again, with other nodes
    town.ring([(30, 20), (40, 30), (40, 20), (30, 30)], {"building": "yes"}, number=502)  # a bow tie
    town.line([(50, 20), (60, 20), (60, 30)], {"building": "yes"}, number=503)  # not closed
    town.ring([(70, 20), (80, 20)], {"building": "yes"}, number=504)  # out and back
    town.ring([(70, 20), (80, 20), (75, 20)], {"building": "yes"}, number=505)  # of no area
    town.line([(0, 5), (10, 5), (10, 5), (20, 5)], {"highway": "footway"}, number=506)  # a point twice
    lonely = town.node(5, 7)
    town.way([lonely, lonely], {"highway": "footway"}, number=507)
    town.way([lonely], {"highway": "footway"}, number=508)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert list(city.buildings.index) == ["w500", "w502"]
    assert city.buildings.loc["w502"].geometry.is_valid
    # a bow tie of 10 x 10 m is two triangles of 25 m2
    assert city.buildings.geometry.loc["w502"].area == pytest.approx(50.0, rel=0.01)
    assert len(city.ways.loc["w506"].geometry.coords) == len(city.ways.loc["w506", "nodes"]) == 3
    assert city.dropped == {
        "buildings: of no area, dropped": 1,
        "buildings: outline crosses or touches itself, repaired": 1,
        "buildings: outline not closed, dropped": 2,
        "buildings: the same geometry as another, dropped": 1,
        "ways: of no length, dropped": 1,
        "ways: with a point on the point before it, left out": 1,
        "ways: without a geometry, dropped": 1,
    }


def test_ways_with_missing_nodes_keep_their_longest_known_run(tmp_path):
    town = OsmFile()
    town.street()
    town.box(0, 20, 10, 10, {"building": "house"})
    known = [town.node(x, -20) for x in range(0, 60, 10)]
    town.way([known[0], known[1], 99991, *known[2:], 99992], {"highway": "service"}, number=500)
    town.way([*known[:3], 99993, known[0]], {"building": "yes"}, number=501)
    town.way([99994, 99995], {"highway": "service"}, number=502)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert city.ways.loc["w500", "nodes"].tolist() == known[2:]
    assert city.ways.geometry.loc["w500"].length == pytest.approx(30.0, rel=0.01)
    assert "w501" not in city.buildings.index
    assert "w502" not in city.ways.index
    assert city.dropped["ways: nodes missing from the file, longest known run kept"] == 1
    assert city.dropped["ways: nodes missing from the file, dropped"] == 1
    assert city.dropped["buildings: nodes missing from the file, dropped"] == 1


def test_an_object_that_stands_twice_in_a_file_is_read_once_in_its_newest_version(tmp_path):
    town = small_town()
    nodes = [town.node(x, -40) for x in (0, 10, 20)]
    town.way(nodes, {"highway": "path"}, number=600, version=1)
    town.way(nodes, {"highway": "footway"}, number=600, version=2)
    city = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    assert city.ways.loc["w600", "highway"] == "footway"
    assert city.dropped == {"ways: repeated in the file, dropped": 1}


def test_stray_objects_do_not_blow_up_the_extent(tmp_path):
    town = OsmFile()
    town.street()
    for row in range(10):
        for column in range(20):
            town.box(column * 20, 20 + row * 20, 8, 8, {"building": "house"})
    near = City.from_extract(town.write(tmp_path / "near.osm.pbf"))
    town.box(50_000, 60_000, 8, 8, {"building": "yes"}, number=90_001)
    town.line([(-80_000, 0), (-80_000, 50)], {"highway": "path"}, number=90_002)
    town.ring([(9e6, 1e6), (9.1e6, 1e6), (9e6, 1.1e6)], {"leisure": "park"}, number=90_003)
    far = City.from_extract(town.write(tmp_path / "far.osm.pbf"))
    assert far.extent.equals_exact(near.extent, 0.0)
    assert len(far.buildings) == 200
    assert sum(count for reason, count in far.dropped.items() if "far from the rest" in reason) == 3


def test_extent_is_the_files_own_box_where_the_buildings_are(tmp_path):
    town = small_town()
    boxed = City.from_extract(town.write(tmp_path / "boxed.osm.pbf", box=(-100, -100, 300, 200)))
    assert boxed.extent.area == pytest.approx(400 * 300, rel=0.01)
    world = City.from_extract(town.write(tmp_path / "world.osm.pbf", box=(-2e6, -1e6, 2e6, 1e6)))
    assert world.extent.area <= (3 * 2000.0) ** 2  # one occupied square of 2 km, and one around it
    unboxed = City.from_extract(town.write(tmp_path / "unboxed.osm.pbf"))
    assert unboxed.extent.area == pytest.approx(unboxed.buildings.union_all().convex_hull.area)


def test_monaco_is_as_large_as_monaco(shared_data):
    city = City.from_extract(shared_data / "monaco" / "monaco_20250206.osm.pbf")
    assert len(city.entrances) == 119
    # Monaco is 2.1 km2 and Beausoleil 2.8 km2; the file's header has no box and its strays lie far outside
    assert 2e6 < city.extent.area < 8e6


# ---- boundary
# ----------------------------------------------------------------------------------------------------------


def town_in_rows() -> OsmFile:
    """Houses every 100 m along 2 km."""
    town = OsmFile()
    town.line([(x, 0) for x in range(0, 2001, 100)], {"highway": "residential"}, number=5000)
    for i in range(20):
        town.box(i * 100, 10, 10, 10, {"building": "house"}, number=1000 + i)
        town.node(i * 100 + 5, 10, {"entrance": "yes"}, number=2000 + i)
    return town


@pytest.mark.parametrize("kind", ["geometry", "series", "frame", "projected", "file"])
def test_a_boundary_keeps_whole_objects_and_those_nearby(tmp_path, kind):
    town = town_in_rows()
    path = town.write(tmp_path / "rows.osm.pbf")
    west, south = town.lonlat(455, -50)
    east, north = town.lonlat(955, 50)
    shape = shapely.box(west, south, east, north)
    series = gpd.GeoSeries([shape], crs="EPSG:4326")
    if kind == "file":
        series.to_file(tmp_path / "district.gpkg", layer="district")
        gpd.GeoSeries([shape.buffer(1)], crs="EPSG:4326").to_file(tmp_path / "district.gpkg", layer="county")
    given = {
        "geometry": shape,
        "series": series,
        "frame": gpd.GeoDataFrame(geometry=series),
        "projected": series.to_crs(32618),
        "file": f"{tmp_path / 'district.gpkg'}:district",
    }[kind]
    city = City.from_extract(path, boundary=given, halo_m=120.0)
    # from 335 to 1075 m: houses at 400 to 1000, and the one at 300 to 310 is out
    assert list(city.buildings.index) == [f"w{1000 + i}" for i in range(4, 11)]
    assert list(city.entrances.index) == [f"n{2000 + i}" for i in range(4, 11)]
    assert len(city.ways.geometry.iloc[0].coords) == 21
    assert city.boundary.area == pytest.approx(500 * 100, rel=0.01)
    assert city.extent.within(city.boundary.buffer(121))


def test_clipping_in_batches_keeps_the_same(tmp_path, monkeypatch):
    town = town_in_rows()
    path = town.write(tmp_path / "rows.osm.pbf")
    inside = shapely.box(*town.lonlat(455, -50), *town.lonlat(955, 50))
    whole = City.from_extract(path, boundary=inside)
    monkeypatch.setattr("doorview.city.extract._BATCH", 3)
    assert_same_city(City.from_extract(path, boundary=inside), whole)


def test_a_boundary_somewhere_else_is_said(tmp_path):
    path = town_in_rows().write(tmp_path / "rows.osm.pbf")
    with pytest.raises((InputError, EmptyCityError), match=r"boundary|buildings"):
        City.from_extract(path, boundary=shapely.box(7.0, 43.0, 7.1, 43.1))
    with pytest.raises(InputError, match="metres or feet under a wrong label"):
        City.from_extract(path, boundary=shapely.box(340_000, 4_350_000, 341_000, 4_351_000))


# ---- files that are not what they should be --------------------------------------------------------------------------


def test_no_such_file():
    with pytest.raises(MissingFileError, match=r"no file 'nowhere\.osm\.pbf'"):
        City.from_extract("nowhere.osm.pbf")
    with pytest.raises(FileNotFoundError):
        City.from_extract("nowhere.osm.pbf")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.osm.pbf", b"<!DOCTYPE html><html><body>Too many requests</body></html>", "a web page"),
        ("page.osm", b"\n<html><head></head></html>", "a web page"),
        ("noise.osm.pbf", bytes(range(256)) * 20, "not an OSM file"),
        ("noise.osm", b"\x00\xff\x13" * 500, "not an OSM file"),
        ("empty.osm.pbf", b"", "is empty"),
        ("gpx.osm", b"<?xml version='1.0'?><gpx version='1.1'></gpx>", "XML of another kind"),
        ("table.osm", b"id,lat,lon\n1,2,3\n", "not an OSM file"),
        ("change.osm", b"<osmChange version='0.6'></osmChange>", "file of changes"),
        ("noise.osm.gz", b"\x1f\x8b" + bytes(range(200)), "cannot be unpacked"),
        ("noise.osm.bz2", b"BZh9" + bytes(range(200)), "cannot be unpacked"),
        ("half.osm", b"<osm version='0.6'><node id='1' lat='1' lon='1'/>", "truncated or damaged"),
        ("letters.osm", b"<osm version='0.6'><node id='x' lat='1' lon='1'/></osm>", "truncated or damaged"),
        ("far.osm", b"<osm version='0.6'><node id='1' lat='1' lon='500'/></osm>", "truncated or damaged"),
    ],
)
def test_not_an_osm_file(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        City.from_extract(path)
    assert name in str(caught.value)
    assert "whole .osm.pbf" in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        City.from_extract(tmp_path)


def test_entities_that_swell_are_refused(tmp_path):
    lines = "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    bomb = (
        f"<?xml version='1.0'?><!DOCTYPE osm [<!ENTITY a 'aaaaaaaaaa'>{lines}]>"
        "<osm version='0.6'><node id='1' lat='1' lon='1'><tag k='name' v='&i;'/></node></osm>"
    )
    path = tmp_path / "bomb.osm"
    path.write_text(bomb)
    with pytest.raises(InputError, match="document type or entities"):
        City.from_extract(path)
    packed = tmp_path / "bomb.osm.gz"
    packed.write_bytes(gzip.compress(bomb.encode()))
    with pytest.raises(InputError, match="document type or entities"):
        City.from_extract(packed)


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2"])
def test_a_file_that_was_cut_off_is_never_taken_for_a_whole_one(tmp_path, suffix):
    town = small_town()
    for i in range(300):
        town.box(i * 12, 60, 8, 8, {"building": "house", "name": f"House {i}"})
    whole = town.write(tmp_path / f"whole{suffix}").read_bytes().rstrip(b"\n")
    cut = tmp_path / f"cut{suffix}"
    for size in sorted({1, 5, 17, 60, *range(100, len(whole), len(whole) // 25), len(whole) - 1}):
        cut.write_bytes(whole[:size])
        with pytest.raises(InputError):
            City.from_extract(cut)


def test_a_real_file_that_was_cut_off(tmp_path, shared_data):
    whole = (shared_data / "baltimore_county_md" / "clip_randallstown_2km_sorted.osm.pbf").read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    for part in (0.1, 0.5, 0.9, 0.999):
        cut.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(InputError, match="truncated or damaged"):
            City.from_extract(cut)


def test_a_file_with_wrong_bytes(tmp_path):
    town = small_town()
    for i in range(300):
        town.box(i * 12, 60, 8, 8, {"building": "house", "name": f"House {i}"})
    data = bytearray(town.write(tmp_path / "whole.osm.pbf").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(byte ^ 0x5A for byte in data[middle : middle + 20])
    (tmp_path / "wrong.osm.pbf").write_bytes(data)
    with pytest.raises(InputError, match="truncated or damaged"):
        City.from_extract(tmp_path / "wrong.osm.pbf")


def test_content_counts_not_the_name(tmp_path):
    town = small_town()
    expected = City.from_extract(town.write(tmp_path / "town.osm.pbf"))
    (tmp_path / "town.data").write_bytes((tmp_path / "town.osm.pbf").read_bytes())
    plain = town.write(tmp_path / "town.osm").read_bytes()
    (tmp_path / "packed.osm").write_bytes(bz2.compress(plain))
    assert_same_city(City.from_extract(tmp_path / "town.data"), expected)
    assert_same_city(City.from_extract(tmp_path / "packed.osm"), expected)


def test_paths_with_spaces_and_other_letters(tmp_path):
    folder = tmp_path / "Straßen & Plätze von Łódź 東京"
    folder.mkdir()
    city = City.from_extract(str(small_town().write(folder / "ma ville é.osm.pbf")))
    assert city.name == "ma ville é"


def test_no_buildings_or_no_streets(tmp_path):
    bare = OsmFile()
    bare.street()
    with pytest.raises(EmptyCityError, match="no buildings"):
        City.from_extract(bare.write(tmp_path / "bare.osm.pbf"))
    wild = OsmFile()
    wild.box(0, 0, 10, 10, {"building": "hut"})
    with pytest.raises(EmptyCityError, match="no streets"):
        City.from_extract(wild.write(tmp_path / "wild.osm.pbf"))
    with pytest.raises(EmptyCityError, match="no buildings"):
        City.from_extract(OsmFile().write(tmp_path / "nothing.osm.pbf"))


def test_the_summary_escapes_names(tmp_path):
    city = City.from_extract(small_town().write(tmp_path / "town.osm.pbf"), name="<script>alert(1)</script>")
    assert "<script>" not in city._repr_html_()
    assert "2 buildings" in repr(city)


def test_helper_metres_are_metres():
    """The builder's metres against pyproj's: the tests above lean on them."""
    town = OsmFile()
    corners = gpd.GeoSeries([shapely.Point(ORIGIN), shapely.Point(town.lonlat(1000, 1000))], crs="EPSG:4326")
    x, y = np.diff(shapely.get_coordinates(corners.to_crs(32618).to_numpy()), axis=0)[0]
    assert np.hypot(x, y) == pytest.approx(1000 * np.sqrt(2), rel=0.004)


def test_a_building_with_a_misplaced_corner_is_dropped_and_counted(tmp_path):
    town = OsmFile()
    town.street()
    town.box(0, 12, 12, 12, {"building": "house"})
    town.ring([(40, 12), (52, 12), (52, 24), (40, -4_000_000)], {"building": "house"})
    town.line([(0, 40), (0, 3_000_000)], {"barrier": "wall"})
    city = City.from_extract(town.write(tmp_path / "x.osm.pbf", box=(-200, -100, 200, 100)))
    assert len(city.buildings) == 1
    assert not len(city.barriers)
    reason = "with a corner too far away to be true, dropped"
    assert (city.dropped[f"buildings: {reason}"], city.dropped[f"barriers: {reason}"]) == (1, 1)


def test_a_long_street_with_bends_stays(tmp_path):
    town = OsmFile()
    town.box(0, 12, 12, 12, {"building": "house"})
    town.line([(x * 30_000.0, (x % 2) * 100.0) for x in range(5)], {"highway": "residential"})
    city = City.from_extract(town.write(tmp_path / "x.osm.pbf"))
    assert len(city.ways) == 1


def test_a_packed_file_that_swells_is_not_read(tmp_path):
    path = tmp_path / "bomb.osm.gz"
    piece = gzip.compress(b" " * 20_000_000)
    path.write_bytes(gzip.compress(b'<osm version="0.6">') + piece * 20 + gzip.compress(b"</osm>"))
    with pytest.raises(InputError, match="unpacks to more than 256 MB"):
        City.from_extract(path)
