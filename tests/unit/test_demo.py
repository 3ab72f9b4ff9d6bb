"""The demo town: fictional, deterministic, plausible, and known to the last door."""

from __future__ import annotations

import json
import re
import tomllib

import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from doorview.city.doors import find_doors
from doorview.city.model import City
from doorview.cli import main
from doorview.demo.dice import Dice
from doorview.demo.folder import FILES
from doorview.demo.network import join_lines, shared_nodes
from doorview.demo.sheet import Building, Door, Line, Sheet
from doorview.demo.town import CRS, make_town, write_demo
from doorview.errors import OutputError
from doorview.study.schema import load_study

CENTIMETRE_DEGREES = 2e-7
"""OpenStreetMap keeps 1e-7 degrees; releases of PROJ may round the last of them differently."""


@pytest.fixture(scope="module")
def town():
    return make_town()


@pytest.fixture(scope="module")
def shapes(town):
    """Return the way geometries [m] of the town in its own CRS."""
    east, north = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(*town.lonlat.T)
    xy = np.column_stack([east, north])
    ends = zip(town.way_starts[:-1], town.way_starts[1:], strict=True)
    return [xy[town.way_nodes[low:high]] for low, high in ends]


@pytest.fixture(scope="module")
def outlines(town, shapes):
    """Return the building polygons by OSM id, courtyards cut out."""
    ways = zip(town.way_tags, shapes, strict=True)
    found = {f"w{k + 1}": shapely.Polygon(xy) for k, (tags, xy) in enumerate(ways) if "building" in tags}
    for k, relation in enumerate(town.relations):
        if "building" in relation.tags:
            outer = [shapes[way] for way, role in relation.members if role == "outer"]
            found[f"r{k + 1}"] = shapely.Polygon(
                outer[0], [shapes[w] for w, role in relation.members if role == "inner"]
            )
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("Döörview town") / "démo folder"
    assert [path.name for path in write_demo(folder)] == list(FILES)
    return folder


def read_back(path):
    """Return all objects of an OSM file: (type, id) -> (tags, place or members)."""
    objects = {}
    for item in osmium.FileProcessor(str(path)):
        tags = dict(item.tags)
        if item.is_node():
            objects["n", item.id] = (tags, (item.location.lon, item.location.lat))
        elif item.is_way():
            objects["w", item.id] = (tags, [node.ref for node in item.nodes])
        else:
            objects["r", item.id] = (tags, [(member.type, member.ref, member.role) for member in item.members])
    return objects


def assert_same_objects(left, right):
    assert list(left) == list(right)
    for key, (tags, body) in left.items():
        assert tags == right[key][0], key
        if key[0] == "n":
            assert body == pytest.approx(right[key][1], abs=CENTIMETRE_DEGREES), key
        else:
            assert body == right[key][1], key


# ------------------------------------------------------------------------------------------------ the draws


def test_draws_are_those_of_pcg64_for_ever():
    # The first output of PCG64 from this seed sequence, kept stable by numpy's promise on bit generators.
    raw = np.random.PCG64(np.random.SeedSequence((1, 2, 3))).random_raw(3)
    dice = Dice(1, 2, 3)
    assert [dice.random() for _ in range(3)] == [(int(word) >> 11) / 2**53 for word in raw]


def test_draws_stay_in_their_bounds_and_use_both_ends():
    dice = Dice(5)
    numbers = [dice.whole(2, 4) for _ in range(300)]
    assert set(numbers) == {2, 3, 4}
    assert all(-1.0 <= dice.uniform(-1.0, 1.0) < 1.0 for _ in range(300))
    assert {dice.pick("ab") for _ in range(50)} == {"a", "b"}
    assert dice.many(7).shape == (7,)


# ------------------------------------------------------------------------------------------------ the network


def test_lines_that_meet_share_their_vertices():
    across = np.array([[0.0, 0.0], [10.0, 0.0]])
    up = np.array([[5.0, -5.0], [5.0, 5.0]])
    stub = np.array([[8.0, 3.0], [8.0, 0.01]])  # ends a centimetre short of the line, as rounding may leave it
    joined = join_lines([across, up, stub])
    assert joined[0].tolist() == [[0.0, 0.0], [5.0, 0.0], [8.0, 0.01], [10.0, 0.0]]
    assert joined[1].tolist() == [[5.0, -5.0], [5.0, 0.0], [5.0, 5.0]]
    assert joined[2].tolist() == stub.tolist()
    assert join_lines([]) == []


def test_nodes_are_shared_within_a_fabric_only():
    points = np.array([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0], [1.0, 1.0]])
    first, node = shared_nodes(points, np.array([0, 0, 0, 1]))
    assert first.tolist() == [0, 1, 3]
    assert node.tolist() == [0, 1, 0, 2]


def box(x, y, side=4.0):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def test_what_overlaps_goes_with_its_lot_and_houses_stay_before_sheds():
    sheet = Sheet()
    sheet.buildings = [
        Building(box(0, 0), {"building": "shed"}),
        Building(box(2, 2), {"building": "house"}, [Door(2, 2, 0)]),
        Building(box(3, 3), {"building": "house"}, [Door(3, 3, 0)], lot=7),
        Building(box(30, 30), {"building": "garage"}, lot=7),
        Building(box(50, 50), {"building": "house"}, [Door(50, 50, 0)], group=1),
        Building(box(54, 50), {"building": "house"}, [Door(54, 50, 0)], group=1),
        Building(box(80, 1), {"building": "house"}, [Door(80, 1, 0)]),
    ]
    sheet.ways = [Line([(70.0, 0.0), (90.0, 0.0)], {"highway": "residential"}, clear_m=7.5)]
    sheet.tidy()
    assert [item.ring[0] for item in sheet.buildings] == [(2, 2), (50, 50), (54, 50)]


# ------------------------------------------------------------------------------------------------ the town


def test_the_same_seed_gives_the_same_town_and_another_seed_another(town):
    again, other = make_town(), make_town(seed=7)
    assert np.array_equal(town.lonlat, again.lonlat)
    assert np.array_equal(town.way_nodes, again.way_nodes)
    assert town.way_tags == again.way_tags
    pd.testing.assert_frame_equal(town.doors, again.doors)
    pd.testing.assert_frame_equal(town.thefts, again.thefts)
    assert not np.array_equal(town.doors["x"].to_numpy()[:50], other.doors["x"].to_numpy()[:50])


@pytest.mark.parametrize(("homes", "districts"), [(1500, 6), (4000, 16)])
def test_homes_are_met_exactly_at_some_25_a_hectare(homes, districts):
    town = make_town(homes)
    assert town.doors["dwellings"].sum() == homes
    assert len(town.districts) == districts
    assert town.districts["dwellings_planted"].sum() == homes
    assert 20 < homes / (town.districts.area.sum() / 1e4) < 30
    assert town.districts["name"].is_unique
    inside = town.districts.set_index("name").geometry.reindex(town.doors["district"])
    assert shapely.contains_xy(inside.to_numpy(), town.doors["x"], town.doors["y"]).all()


def test_small_towns_come_near_and_nonsense_is_refused():
    assert 60 <= make_town(100).doors["dwellings"].sum() <= 250
    with pytest.raises(ValueError, match="homes >= 1"):
        make_town(0)


def test_no_building_overlaps_another(outlines):
    shapes = np.array(list(outlines.values()), dtype=object)
    assert shapely.is_valid(shapes).all()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = left < right
    shared = shapely.area(shapely.intersection(shapes[left[pairs]], shapes[right[pairs]]))
    # Coordinates are whole units of 1e-7 degrees, about 1 cm: a shared wall of 17 m may slip by as much.
    assert shared.max() < 0.2


def test_no_building_stands_in_a_carriageway(town, shapes, outlines):
    half = {
        "secondary": 6.0,
        "tertiary": 5.0,
        "residential": 4.5,
        "living_street": 3.75,
        "service": 1.5,
        "footway": 0.3,
    }
    tree = shapely.STRtree(list(outlines.values()))
    checked = 0
    for tags, xy in zip(town.way_tags, shapes, strict=True):
        if "highway" not in tags or tags.get("area") == "yes" or tags["highway"] == "footway":
            continue
        reach = 0.05 if tags.get("service") == "driveway" else half[tags["highway"]]
        assert len(tree.query(shapely.LineString(xy), predicate="dwithin", distance=reach)) == 0, tags
        checked += 1
    assert checked > 200


def test_front_setbacks_are_those_of_suburbs_and_of_terraces(town, shapes):
    streets = {
        name: shapely.MultiLineString(
            [xy for tags, xy in zip(town.way_tags, shapes, strict=True) if tags.get("name") == name]
        )
        for name in town.doors["street"].unique()
    }
    points = shapely.points(town.doors[["x", "y"]].to_numpy())
    away = shapely.distance(points, town.doors["street"].map(streets).to_numpy())
    doors = town.doors.assign(away=away)
    grid = doors[(doors["district"] == "Orchard Grid") & ~doors["street"].str.contains("acre|Parkway")]
    rows = doors[(doors["district"] == "Weaver Rows") & ~doors["street"].str.contains("acre|Parkway")]
    # 7.5 m to the property line and 6 to 9 m behind it; 7 m and 0 to 3 m.
    assert grid["away"].between(13.3, 16.6).all()
    assert rows["away"].between(6.8, 10.1).all()
    assert grid["away"].std() > 0.4


def test_the_streets_are_one_network(town):
    parent = np.arange(len(town.lonlat))

    def root(node):
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    streets = [
        town.way_nodes[low:high]
        for tags, low, high in zip(town.way_tags, town.way_starts[:-1], town.way_starts[1:], strict=True)
        if "highway" in tags and tags.get("area") != "yes"
    ]
    for nodes in streets:
        for node in nodes[1:]:
            parent[root(node)] = root(nodes[0])
    assert len({root(nodes[0]) for nodes in streets}) == 1


def test_planted_doors_lie_just_outside_their_facade_and_face_away_from_it(town, outlines):
    points = shapely.points(town.doors[["x", "y"]].to_numpy())
    houses = town.doors["building"].map(outlines).to_numpy()
    away = shapely.distance(points, houses)
    assert (away > 0.05).all()
    assert (away < 0.5).all()
    heading = np.radians(town.doors["heading"].to_numpy())
    ahead = town.doors[["x", "y"]].to_numpy() + 0.5 * np.column_stack([np.sin(heading), np.cos(heading)])
    assert np.allclose(shapely.distance(shapely.points(ahead), houses), away + 0.5, atol=0.01)


def test_the_town_holds_what_a_study_asks_for(town):
    def some(key, value):
        return any(tags.get(key) == value for tags in [*town.way_tags, *(r.tags for r in town.relations)])

    wanted = {
        "building": (
            "house",
            "detached",
            "terrace",
            "apartments",
            "retail",
            "garage",
            "shed",
            "school",
            "civic",
            "yes",
        ),
        "highway": ("secondary", "tertiary", "residential", "living_street", "pedestrian", "footway", "service"),
        "service": ("alley", "driveway", "parking_aisle"),
        "barrier": ("wall", "fence", "hedge", "retaining_wall"),
        "leisure": ("park", "playground", "pitch"),
        "sidewalk": ("both", "left", "right", "no", "separate"),
        "footway": ("sidewalk", "crossing"),
    }
    missing = [(key, value) for key, values in wanted.items() for value in values if not some(key, value)]
    assert missing == []
    assert some("bridge", "yes")
    assert some("dual_carriageway", "yes")
    assert some("waterway", "stream")
    assert some("access", "private")
    names = {tags["name"] for tags in town.way_tags if "name" in tags}
    assert "O'Hara & <Sons> Lane" in names
    assert any(not name.isascii() for name in names)
    assert {tags.get("highway") for tags in town.node_tags.values()} >= {"turning_circle"}


def test_thefts_lie_at_doors_and_thicken_where_planted(town):
    thefts, clusters = town.thefts, town.clusters
    assert len(thefts) == 300
    assert len(clusters) == 3
    assert thefts["date"].between("2024-01-01", "2025-12-31").all()
    assert set(thefts["category"]) == {"package"}
    at = set(zip(town.doors["lon"], town.doors["lat"], strict=True))
    assert set(zip(thefts["lon"], thefts["lat"], strict=True)) <= at
    # Metres per degree at 39.5 degrees north, good to a percent.
    east, north = 85_900.0, 111_000.0
    for cluster in clusters.itertuples():
        away = np.hypot((thefts["lon"] - cluster.lon) * east, (thefts["lat"] - cluster.lat) * north)
        assert (away < 140.0).sum() >= cluster.thefts


# ------------------------------------------------------------------------------------------------ the folder


def test_the_file_reads_back_sorted_dated_and_whole(town, folder):
    path = folder / "demo.osm.pbf"
    objects = read_back(path)
    order = [("nwr".index(kind), number) for kind, number in objects]
    assert order == sorted(order)
    counts = [sum(kind == letter for kind, _ in objects) for letter in "nwr"]
    assert counts == [len(town.lonlat), len(town.way_tags), len(town.relations)]
    for (kind, _), (_, body) in objects.items():
        if kind == "w":
            assert all(("n", ref) in objects for ref in body)
        elif kind == "r":
            assert all(member[:2] in objects for member in body)
    assert {str(item.timestamp)[:10] for item in osmium.FileProcessor(str(path))} == {"2026-01-01"}
    header = osmium.io.Reader(str(path)).header()
    assert re.search("Fictional.*no real place", header.get("generator"))
    box = header.box()
    assert box.valid()
    assert (box.bottom_left.lon, box.top_right.lat) == pytest.approx((town.lonlat[:, 0].min(), town.lonlat[:, 1].max()))
    assert any(tags.get("fictional") == "yes" for tags, _ in objects.values())


def test_the_committed_demo_is_what_the_generator_writes(project_root, folder):
    kept = project_root / "data" / "demo"
    assert sorted(item.name for item in kept.iterdir()) == sorted(FILES)
    assert sum(item.stat().st_size for item in kept.iterdir()) < 1_500_000
    assert_same_objects(read_back(kept / "demo.osm.pbf"), read_back(folder / "demo.osm.pbf"))
    for name in ("thefts.csv", "truth_doors.csv"):
        pd.testing.assert_frame_equal(pd.read_csv(kept / name), pd.read_csv(folder / name), rtol=0, atol=1.5e-3)
    for name in ("study.toml", "README.md"):
        assert (kept / name).read_text(encoding="utf-8") == (folder / name).read_text(encoding="utf-8")
    left, right = (json.loads((at / "districts.geojson").read_text(encoding="utf-8")) for at in (kept, folder))
    assert [f["properties"] for f in left["features"]] == [f["properties"] for f in right["features"]]
    rings = [np.array([f["geometry"]["coordinates"] for f in one["features"]]) for one in (left, right)]
    assert np.allclose(*rings, rtol=0, atol=CENTIMETRE_DEGREES)


def test_the_study_is_valid_and_says_that_the_town_is_fictional(folder):
    study = load_study(folder / "study.toml")
    assert study.study.fictional
    assert study.place.country == "us"
    assert sorted(study.scenarios) == [
        *("clustered_20", "giveaway", "independent_05", "independent_20", "independent_40", "privacy_zones"),
    ]
    assert study.scenarios["independent_40"].rate == 0.4
    assert study.partnership is not None
    assert study.partnership.preset == "lakeland_2018"
    assert study.alerts is not None
    assert study.private_ground is not None
    assert "fictional" in tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))["study"]["label"]
    assert "does not exist" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, folder):
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"thesis\.txt.*doorview demo DIR"):
        write_demo(own)
    assert [item.name for item in own.iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputError, match="is a file"):
        write_demo(own / "thesis.txt")
    with pytest.raises(OutputError, match="cannot write"):
        write_demo(own / "thesis.txt" / "below")
    (folder / "README.md").write_text("worn", encoding="utf-8")
    write_demo(folder)
    assert "does not exist" in (folder / "README.md").read_text(encoding="utf-8")
    assert sorted(item.name for item in folder.iterdir()) == sorted(FILES)


def test_found_doors_are_the_planted_ones(town, folder):
    doors = find_doors(City.from_extract(folder / "demo.osm.pbf"))
    planted = town.doors.groupby("building")["dwellings"].agg(["sum", "count"])
    found = doors.groupby("building")["dwellings"].agg(["sum", "count"])
    assert planted.index.symmetric_difference(found.index).empty
    assert (planted == found.reindex(planted.index)).all(axis=None)
    # Each planted door against the nearest one found at its building.
    pairs = town.doors.merge(
        doors.assign(fx=doors.geometry.x, fy=doors.geometry.y)[["building", "fx", "fy", "heading", "found"]],
        on="building",
        suffixes=("", "_found"),
    )
    pairs["away"] = np.hypot(pairs["x"] - pairs["fx"], pairs["y"] - pairs["fy"])
    pairs = pairs.sort_values("away").drop_duplicates(["building", "x", "y"])
    turned = ((pairs["heading"] - pairs["heading_found"] + 180.0) % 360.0 - 180.0).abs()
    tagged = pairs["shown"] == "entrance"
    assert (pairs["found"] == pairs["shown"]).all()
    assert pairs.loc[tagged, "away"].max() < 0.1
    assert turned[pairs["shown"] != "facade"].max() < 1.0
    # A corner house without a number may be taken to face the other street.
    assert (turned[pairs["shown"] == "facade"] < 1.0).mean() > 0.8


def test_the_study_runs_from_another_folder_with_blanks_and_accents(folder, tmp_path, monkeypatch, capsys):
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    # The same files on a coarser grid and without pictures: whether paths hold is asked here.
    for old, new in (
        ("cell_m = 0.5", "cell_m = 2.0"),
        ("range_curve = true", "range_curve = false"),
        ("maps = true", "maps = false"),
        ("viewsheds = true", "viewsheds = false"),
        ("rasters = true", "rasters = false"),
    ):
        assert old in text
        text = text.replace(old, new)
    own = folder / "étude gröber.toml"
    own.write_text(text, encoding="utf-8")
    elsewhere = tmp_path / "ailleurs été"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    try:
        code = main(["run", str(own), "--out", "sortie é x"])
    finally:
        own.unlink()
    assert code == 0, capsys.readouterr().err
    record = json.loads((elsewhere / "sortie é x" / "run.json").read_text(encoding="utf-8"))
    assert record["fictional"] is True
    counts = record["counts"]["doors"]
    assert counts["dwellings"] == 1500
    kinds = ("dwellings tagged or counted", "dwellings in buildings tagged as a house", "dwellings assumed")
    assert sum(counts[kind] for kind in kinds) == counts["dwellings"]
    shares = pd.read_csv(elsewhere / "sortie é x" / "shares.csv")
    assert set(shares["scenario"]) == {
        *("clustered_20", "giveaway", "independent_05", "independent_20", "independent_40", "privacy_zones"),
    }
    assert sorted(item.name for item in elsewhere.iterdir()) == ["sortie é x"]
