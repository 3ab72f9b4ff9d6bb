"""What is laid out of a window of a city is what the whole city has there, to the last bit, however far it hangs on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.city_store import CityStore, read_stored, write_city
from doorview.city.doors import door_finds
from doorview.city.ground import GroundFrame, ground_frame
from doorview.city.model import City
from doorview.city.street_links import is_street, street_links
from doorview.city.streets import LONGEST_FACE_M
from doorview.share.grid import Grid
from doorview.study.door_faces import door_faces
from doorview.study.part_plan import plan_parts
from doorview.study.part_streets import LAYOUT_M, bounds_of, meets, read_around, street_parcels, wider

CRS = "EPSG:32618"
X, Y = 500_000.0, 4_300_000.0


def layer(rows: list[tuple[Any, dict[str, str]]], prefix: str, nodes: bool = False) -> gpd.GeoDataFrame:
    """Return a layer of (shape, tags); `nodes` numbers vertices by their place, as OSM does."""
    keys = sorted({key for _, tags in rows for key in tags})
    data: dict[str, Any] = {key: pd.Series([tags.get(key) for _, tags in rows], dtype=object) for key in keys}
    shapes = [shape for shape, _ in rows]
    if nodes:
        held = np.empty(len(rows), dtype=object)
        for at, shape in enumerate(shapes):
            xy = np.round(shapely.get_coordinates(shape) * 100).astype(np.int64) % 10**7
            held[at] = 1 + xy[:, 0] * 10**7 + xy[:, 1]
        data["nodes"] = held
    index = pd.Index([f"{prefix}{number}" for number in range(1, len(rows) + 1)], dtype=object, name="osm_id")
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=CRS)).set_index(index)


def line(*xy: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in xy])


def square(x: float, y: float, side: float, high: float | None = None) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + side, Y + y + (high or side))


def city_of(
    ways: list[tuple[Any, dict[str, str]]],
    areas: list[tuple[Any, dict[str, str]]] = (),  # type: ignore[assignment]
    homes: list[Any] = (),  # type: ignore[assignment]
    *,
    nodes: bool = True,
) -> City:
    """Return a city of ways, areas and homes."""
    houses = layer([(shape, {"building": "house"}) for shape in homes or [square(0, 30, 9)]], "w9")
    streets = layer(ways, "w", nodes=False)
    city = City.from_layers(buildings=houses, streets=streets, country="us", name="made")
    made = replace(city, ways=_like(city.ways, layer(ways, "w", nodes=nodes)))
    return replace(made, areas=_like(city.areas, layer(list(areas), "a"))) if areas else made


def _like(empty: gpd.GeoDataFrame, table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with the columns that a city's layer has."""
    full = {name: table[name] if name in table else pd.Series(None, index=table.index, dtype=object)
            for name in empty.columns if name != "geometry"}  # fmt: skip
    return gpd.GeoDataFrame(full, geometry=table.geometry, crs=empty.crs)


@pytest.fixture
def stored(tmp_path):
    def store(city: City) -> CityStore:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        write_city(city, folder)
        return read_stored(folder)

    return store


def part_frame(store: CityStore, box: Any, wide: Any = None, mine: Any = None) -> tuple[GroundFrame, City]:
    """Return the ground frame of a box, and the city that was read about it."""
    links = street_links(store)
    wide = wide or box
    buildings = store.layer("buildings", wide)
    around = read_around(store, links, wide, buildings, box)
    city = replace(store.frame, ways=around.ways, areas=around.areas, buildings=buildings)
    frame = ground_frame(
        replace(city, ways=city.ways[around.of_ground]),
        with_parcels=store.sizes.get("parcels", 0) > 0,
        junctions=links.junctions,
        mine=mine,
    )
    return frame, city


def rows_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without numbers of faces, shapes as bytes, in its order."""
    plain = pd.DataFrame(table.drop(columns=["geometry", "face"], errors="ignore")).reset_index(drop=True)
    plain = plain.astype(object).where(plain.notna(), None)
    return plain.assign(shape=shapely.to_wkb(table.geometry.to_numpy()))


def assert_as_in_the_whole(whole: GroundFrame, store: CityStore, box: Any) -> None:
    part, city = part_frame(store, box)
    mine, theirs = part.meeting(box), whole.meeting(box)
    for name in ("strips", "lines"):
        one, two = getattr(mine.streets, name), getattr(theirs.streets, name)
        pd.testing.assert_frame_equal(rows_of(one), rows_of(two), check_exact=True, obj=name)
        of = [f.streets.faces.loc[t["face"][t["face"] >= 0]] for f, t in ((part, one), (whole, two))]
        pd.testing.assert_frame_equal(rows_of(of[0]), rows_of(of[1]), check_exact=True, obj=f"faces of {name}")
        order = [np.unique(table["face"], return_inverse=True)[1].tolist() for table in (one, two)]
        assert order[0] == order[1]
    pd.testing.assert_frame_equal(rows_of(mine.paths), rows_of(theirs.paths), check_exact=True, obj="paths")
    pd.testing.assert_frame_equal(rows_of(mine.areas), rows_of(theirs.areas), check_exact=True, obj="areas")
    rng = np.random.default_rng(1)
    xy = rng.uniform(box[:2], box[2:], (40, 2))
    assert door_faces(part.streets.faces, xy).tolist() == door_faces(whole.streets.faces, xy).tolist()
    assert len(city.ways) >= int(meets(bounds_of(city.ways), box).sum())


def boxes_over(bounds: Any, side: float, step: float | None = None) -> list[Any]:
    west, south, east, north = bounds
    step = step or side
    return [
        (x, y, x + side, y + side) for x in np.arange(west - 50, east, step) for y in np.arange(south - 50, north, step)
    ]


@pytest.mark.parametrize("nodes", [True, False])
def test_a_street_of_many_ways_is_cut_alike_in_every_window(stored, nodes):
    """30 km without a junction, in ways of 400 m of one name: 153 equal faces, of which no window sees an end."""
    bends = np.random.default_rng(2).uniform(-20, 20, 301)
    points = [(100.0 * k, float(y)) for k, y in enumerate(bends)]
    road = {"highway": "residential", "name": "Long"}
    ways = [(line(*points[k : k + 5]), road) for k in range(0, 300, 4)]
    ways[7] = (shapely.reverse(ways[7][0]), road)
    ways[40] = (ways[40][0], {**road, "name": "Other"})
    ways.append((line((12_345.0, 900.0), (12_345.0, 1_200.0)), road))
    city = city_of(ways, nodes=nodes)
    store, whole = stored(city), ground_frame(city)
    assert (np.diff(np.sort(whole.streets.faces["length_m"])) > 1e-9).any()
    for x in (0.0, 3_333.0, 15_950.0, 16_150.0, 29_900.0):
        assert_as_in_the_whole(whole, store, (X + x, Y - 60, X + x + 150, Y + 60))
    assert len(street_links(store).way) >= 73


def test_a_crossing_beyond_the_window_ends_a_street_inside_it(stored):
    """The crossing street meets no window that is asked: that there is a node of it is known all the same."""
    road = {"highway": "residential", "name": "Main"}
    far = LAYOUT_M + LONGEST_FACE_M + 130.0
    ways = [
        (line((0, 0), (far, 0), (2_000, 0)), road),
        (line((2_000, 0), (4_000, 0), (5_000, 10)), road),
        (line((far, 0), (far, 400)), {"highway": "residential", "name": "Cross"}),
        (line((4_000, 0), (4_000, 900)), {"highway": "service", "service": "driveway"}),
        (line((4_000, 0), (4_000, -900)), {"highway": "residential"}),
    ]
    city = city_of(ways)
    store, whole = stored(city), ground_frame(city)
    assert whole.streets.faces["length_m"].nunique() > 2
    for box in boxes_over((X, Y - 40, X + 5_000, Y + 40), 90.0, 450.0):
        assert_as_in_the_whole(whole, store, box)


def test_two_carriageways_and_a_ring_are_found_in_every_window(stored):
    """Ways of 180 m, with others of 60 m beside two thirds of each, and sidewalks of 60 m along other two thirds."""
    name = {"highway": "primary", "name": "Boulevard", "oneway": "yes"}

    def curve(x: float, aside: float) -> tuple[float, float]:
        return x, aside + 12.0 * float(np.sin(x / 300))

    ways = []
    for at, x in enumerate(range(0, 3_000, 60)):
        if not at % 3:
            ways.append((line(*(curve(x + step, 0) for step in range(0, 181, 30))), name))
        else:
            ways.append((line(curve(x + 60, 25), curve(x + 30, 25), curve(x, 25)), name))
        if at % 3 != 1:
            ways.append((line(curve(x, -11), curve(x + 60, -11)), {"highway": "footway", "footway": "sidewalk"}))
    ring = [(1_000 + 25 * np.cos(a), 300 + 25 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 13)]
    ring[-1] = ring[0]
    ways.append((line(*ring), {"highway": "primary", "junction": "roundabout"}))
    arm = {"highway": "residential", "name": "Arm"}
    for k, a in ((0, 0.0), (3, 1.57), (6, 3.14)):
        ways.append((line(ring[k], (1_000 + 400 * np.cos(a), 300 + 400 * np.sin(a))), arm))
    city = city_of(ways)
    store, whole = stored(city), ground_frame(city)
    assert whole.counts[0]["pieces_of_dual_carriageways"] > 10
    for box in boxes_over(bounds_hull(city.ways), 130.0, 390.0):
        assert_as_in_the_whole(whole, store, box)


def bounds_hull(table: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    return tuple(table.total_bounds.tolist())


def test_a_sidewalk_without_a_street_ends_where_one_begins_far_away(stored):
    """Four km of sidewalk through a park: its part is counted off from where a street begins beside it, far off."""
    road = {"highway": "residential", "name": "Side"}
    walk = {"highway": "footway", "footway": "sidewalk"}
    ways = [
        (line((0, 0), (1_000, 0), (3_000, 600), (4_000, 600)), walk),
        (line((-100, 8), (210, 8)), road),
        (line((3_700, 608), (4_200, 608)), {**road, "lanes": "8"}),
        (line((100, 8), (100, 300)), road),
    ]
    city = city_of(ways)
    store, whole = stored(city), ground_frame(city)
    lines = whole.streets.lines
    assert shapely.length(lines.geometry[lines["face"] == -1].to_numpy()).max() > 3_000
    for box in boxes_over((X, Y, X + 4_000, Y + 600), 120.0, 600.0):
        assert_as_in_the_whole(whole, store, box)


def test_a_park_far_larger_than_a_window_is_open_or_closed_by_a_point_far_away(stored):
    """By the point of the park, which lies in the golf course in its middle, it is closed ground in every window."""
    park = square(-4_000, -4_000, 8_000)
    golf = square(-1_500, -1_500, 3_000)
    small = square(3_000, 3_000, 40)
    areas = [(park, {"leisure": "park"}), (golf, {"leisure": "golf_course"}), (small, {"leisure": "park"})]
    city = city_of([(line((3_000, 3_060), (3_100, 3_060)), {"highway": "residential"})], areas)
    store, whole = stored(city), ground_frame(city)
    point = shapely.point_on_surface(park)
    assert shapely.intersects(golf, point)
    assert "a1" not in set(whole.areas["osm_id"])
    box = (X + 2_990.0, Y + 2_990.0, X + 3_100.0, Y + 3_100.0)
    assert not shapely.intersects(shapely.box(*wider(box, LAYOUT_M)), golf)
    assert_as_in_the_whole(whole, store, box)


@pytest.mark.parametrize("away", [190.0, 950.0, 5_000.0])
@pytest.mark.parametrize("plain", [True, False])
def test_a_home_far_from_any_street_faces_the_nearest_in_the_whole_city(stored, away, plain):
    """Nearer as the crow flies is a street to the east that the first window does not reach."""
    kind = {"highway": "residential" if plain else "service", "name": "Lane"}
    ways = [(line((away, -50), (away, 50)), kind), (line((-away - 7, -3_000), (-away - 7, 3_000)), kind)]
    ways.append((line((0, 6_000), (9_000, 6_000)), kind))
    homes = [square(0, 0, 9, 12), square(-away + 20, 0, 9, 12), square(300, 5_970, 9, 12)]
    city = city_of(ways, homes=homes)
    store = stored(city)
    expected = door_finds(city)
    for at, shape in enumerate(homes):
        box = tuple(shapely.bounds(shape).tolist())
        _, part = part_frame(store, box, wider(box, 30.0))
        found = door_finds(replace(city, buildings=part.buildings, ways=part.ways), near=box)
        assert len(found.doors) == 1
        own = expected.doors.loc[found.doors.index]
        pd.testing.assert_frame_equal(pd.DataFrame(found.doors), pd.DataFrame(own), check_exact=True, obj=str(at))


def test_a_parcel_that_reaches_out_of_the_window_is_a_street_by_all_streets_in_it(stored):
    lots = layer([(square(-500, -12, 6_000, 24), {}), (square(-500, -4_000, 6_000, 3_900), {})], "p")
    city = city_of([(line((k * 500.0, 0), (k * 500.0 + 500, 0)), {"highway": "residential"}) for k in range(10)])
    store = stored(replace(city, parcels=_like(lots, lots)))
    known: dict[str, bool] = {}
    box = (X - 50, Y - 150, X + 50, Y + 50)
    assert street_parcels(store, lots, box, known).tolist() == [True, False]
    assert known == {"p1": True, "p2": False}
    assert street_parcels(store, lots.iloc[:1], (X - 9e4, Y - 9e4, X + 9e4, Y + 9e4), {}).tolist() == [False]


def _sums_of_parts(store: CityStore, most: int) -> Any:
    grid = Grid()
    boxes, ways = store.boxes("buildings"), store.boxes("ways")
    sums = None
    for part in plan_parts(boxes, [], grid, most, ways):

        def mine(lines: Any, part: Any = part) -> Any:
            bounds = shapely.bounds(lines).reshape(-1, 4)
            return part.holds((bounds[:, :2] + bounds[:, 2:]) / 2.0, grid)

        frame, _ = part_frame(store, part.box(grid), mine=mine)
        sums = frame.streets.sums if sums is None else sums.plus(frame.streets.sums)
    return sums


@pytest.mark.parametrize(
    ("place", "side"),
    [("baltimore_county_md/clip_randallstown_small_sorted.osm.pbf", 170.0), ("monaco/monaco_20250206.osm.pbf", 250.0)],
)
def test_windows_of_real_cities_have_the_ground_of_the_whole(shared_data, stored, place, side):
    city = City.from_extract(shared_data / place)
    store, whole = stored(city), ground_frame(city)
    boxes = boxes_over(bounds_hull(city.ways), side, 2.0 * side)
    for at in np.random.default_rng(0).permutation(len(boxes))[:12].tolist():
        assert_as_in_the_whole(whole, store, boxes[at])
    assert _sums_of_parts(store, len(city.buildings) // 9) == whole.streets.sums


def test_what_hangs_together_is_told_as_a_look_at_every_node_tells_it(shared_data, stored):
    """Junctions and runs of a real suburb, against a count of stretches at every node and a walk from way to way."""
    city = City.from_extract(shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf")
    links = street_links(stored(city))
    street = np.flatnonzero(is_street(city.ways, "us"))
    stretches: dict[int, int] = {}
    ways_at: dict[int, set[int]] = {}
    for row in street.tolist():
        nodes = city.ways["nodes"].iloc[row].tolist()
        for one, two in itertools.pairwise(nodes):
            for node in (one, two) if one != two else ():
                stretches[node] = stretches.get(node, 0) + 1
                ways_at.setdefault(node, set()).add(row)
    assert links.junctions.tolist() == sorted(node for node, count in stretches.items() if count > 2)
    name = city.ways["name"].to_numpy(dtype=object)
    joined = {
        frozenset(rows)
        for node, rows in ways_at.items()
        if stretches[node] == 2 and len(rows) == 2 and len({str(name[row]) for row in rows}) == 1
    }
    assert joined
    for row in street.tolist():
        rest, groups = links.rest_of(np.array([row]))
        assert {other for pair in joined if row in pair for other in pair} - {row} <= set(rest.tolist())
        assert not len(rest) or any(row in pair for pair in joined)
        assert (groups == 0).all()


def test_objects_are_read_by_boxes_and_by_rows_each_once(stored):
    city = city_of([(line((100.0 * k, 0), (100.0 * k + 90, 0)), {"highway": "residential"}) for k in range(50)])
    store = stored(city)
    table = store.meeting("ways", [(X - 5, Y - 1, X + 150, Y + 1), (X + 120, Y - 1, X + 220, Y + 1)])
    assert store.layer_of("ways", table).index.tolist() == ["w1", "w2", "w3"]
    some = store.picked("ways", np.array([7, 30]), np.array([0]))
    assert store.layer_of("ways", some).index.tolist() == ["w8", "w31"]
    assert not len(store.picked("ways", np.array([7]), np.array([5])))
    (group,) = store.groups("ways", {"highway"}, (X + 390, Y - 1, X + 391, Y + 1))
    assert group["row"].to_pylist() == [3]
    assert set(group.column_names) == {"row", "nodes", "geometry", "highway"}
    assert store.boxes_meeting("ways", (X + 390, Y - 1, X + 391, Y + 1)).tolist() == [[X + 300, Y, X + 390, Y]]
