"""A city by place, downloaded from a local endpoint that is fed from a file, faults included.

Nothing here leaves 127.0.0.1. The synthetic town is written by hand below, so what must come is known without the
package; the real suburb is compared with what the reader of extracts makes of the same file.
"""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import osmium
import osmnx
import pandas as pd
import pytest
import shapely
from osmium.osm import mutable

from doorview.city import place as place_module
from doorview.city.model import City
from doorview.city.overpass import Endpoint
from doorview.city.place import Place, city_from_place, download, find_place
from doorview.errors import EmptyCityError, InputError, NetworkError, OutputError, UnknownNameError
from helpers.overpass import DATE, LocalOverpass, area_result

WEST, SOUTH = -81.9600, 28.0300
STEP = 0.0005  # about 50 m
BBOX = (WEST, SOUTH, WEST + 10 * STEP, SOUTH + 10 * STEP)
FAR = 60  # steps: 3 km away
SMALL_BBOX = (-76.790, 39.368, -76.778, 39.377)


class Town:
    """A town as lists of what was written, so that a test can say what must come."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.wanted: set[str] = set()
        self._next = 0

    def node(self, column: float, row: float, tags: dict[str, str] | None = None, *, wanted: bool = True) -> int:
        self._next += 1
        at = (round(WEST + column * STEP, 7), round(SOUTH + row * STEP, 7))
        self.things.append(mutable.Node(id=self._next, location=at, tags=tags or {}))
        if wanted:
            self.wanted.add(f"n{self._next}")
        return self._next

    def way(self, nodes: list[int], tags: dict[str, str], *, wanted: bool = True) -> int:
        self._next += 1
        self.things.append(mutable.Way(id=self._next, nodes=nodes, tags=tags))
        if wanted:
            self.wanted.add(f"w{self._next}")
        return self._next

    def box(self, column: float, row: float, size: float, tags: dict[str, str], *, wanted: bool = True) -> int:
        corners = [(column, row), (column + size, row), (column + size, row + size), (column, row + size)]
        ring = [self.node(*corner, wanted=wanted) for corner in corners]
        return self.way([*ring, ring[0]], tags, wanted=wanted)

    def relation(self, members: list[tuple[str, int, str]], tags: dict[str, str]) -> None:
        self._next += 1
        self.things.append(mutable.Relation(id=self._next, members=members, tags=tags))
        self.wanted.add(f"r{self._next}")

    def write(self, path: Path) -> Path:
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for kind in (mutable.Node, mutable.Way, mutable.Relation):
                for thing in self.things:
                    if isinstance(thing, kind):
                        writer.add(thing)
        return path


def small_town() -> Town:
    """Two streets, houses, a courtyard building, a park, a wall, an address, an entrance; and what must not come."""
    town = Town()
    # the streets run out of the box, and come whole
    for row in (3.0, 7.0):
        street = [town.node(column, row) for column in (-20.0, 2.0, 5.0, 12.0)]
        town.way(street, {"highway": "residential", "name": f"Main Street {row:g}"})
    for column in range(1, 10):
        for row in (3.5, 7.5):
            town.box(
                column, row, 0.3, {"building": "house", "addr:housenumber": str(column), "addr:street": "Main Street"}
            )
    outer = town.box(4.0, 4.5, 1.0, {})
    inner = town.box(4.3, 4.8, 0.3, {})
    town.relation([("w", outer, "outer"), ("w", inner, "inner")], {"type": "multipolygon", "building": "apartments"})
    town.box(6.0, 5.0, 1.0, {"leisure": "park", "name": "The Green"})
    town.way([town.node(1, 5), town.node(2, 5)], {"barrier": "wall"})
    town.node(8.0, 5.0, {"addr:housenumber": "12a", "addr:street": "Main Street"})
    door = town.node(3.15, 4.0, {"entrance": "main"})
    ring = [door, *(town.node(*corner) for corner in ((3.3, 4.0), (3.3, 4.2), (3.0, 4.2), (3.0, 4.0)))]
    town.way([*ring, door], {"building": "yes"})
    # 30 m beyond the box, within the halo of 60 m
    town.box(10.6, 3.5, 0.2, {"building": "house", "name": "just outside"})
    town.node(8.5, 5.5, {"man_made": "surveillance", "surveillance:type": "camera"})
    # not asked for
    town.node(5.0, 5.0, {"natural": "tree"}, wanted=False)
    town.node(5.5, 5.0, {"shop": "bakery"}, wanted=False)
    town.box(FAR, 3.5, 0.3, {"building": "house"}, wanted=False)
    return town


@pytest.fixture
def town(tmp_path: Path) -> tuple[Town, Path]:
    made = small_town()
    return made, made.write(tmp_path / "town.osm.pbf")


@pytest.fixture
def server(town: tuple[Town, Path]) -> Iterator[LocalOverpass]:
    with LocalOverpass(town[1]) as running:
        yield running


def patient(server: LocalOverpass, *, timeout_s: int = 20) -> Endpoint:
    """An endpoint that retries three times without waiting."""
    return Endpoint(f"{server.url}/api", server.url, timeout_s=timeout_s, waits_s=(0.0, 0.0, 0.0))


def ids(path: Path) -> list[str]:
    return [f"{thing.type_str()}{thing.id}" for thing in osmium.FileProcessor(str(path))]


def contents(path: Path) -> list[str]:
    """Everything that the file says, in its order."""
    return [
        f"{thing.type_str()}{thing.id} {dict(thing.tags)} "
        + (f"{thing.lon} {thing.lat}" if thing.is_node() else "")
        + (str([node.ref for node in thing.nodes]) if thing.is_way() else "")
        + (str([(m.type, m.ref, m.role) for m in thing.members]) if thing.is_relation() else "")
        for thing in osmium.FileProcessor(str(path))
    ]


def test_download_holds_the_place_whole_and_nothing_else(town, server, tmp_path):
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    found = ids(got.extract)
    assert set(found) == town[0].wanted
    assert len(found) == len(set(found))
    order = ["nwr".index(name[0]) for name in found]
    assert order == sorted(order)
    for kind in "nwr":
        numbers = [int(name[1:]) for name in found if name[0] == kind]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("also", [(), ("trees",), ("parts",), ("trees", "parts")])
def test_trees_and_parts_come_only_where_they_are_asked_for(town, tmp_path, also):
    made = town[0]
    trees = {"n_tree": made.node(5.2, 5.2, {"natural": "tree"}, wanted=False)}
    ends = [made.node(1, 6, wanted=False), made.node(2, 6, wanted=False)]
    rows = {made.way(ends, {"natural": "tree_row"}, wanted=False)}
    part = made.box(4.1, 4.6, 0.1, {"building:part": "yes", "min_height": "3"}, wanted=False)
    # A tree that is a corner of a house comes with it and must not pass for all the trees there are.
    made.things.append(mutable.Node(id=9_001, location=(WEST + STEP, SOUTH + STEP), tags={"natural": "tree"}))
    others = [made.node(1.2, 1.0), made.node(1.2, 1.2)]
    made.way([9_001, *others, 9_001], {"building": "house"})
    with LocalOverpass(made.write(tmp_path / "more.osm.pbf")) as running:
        city = city_from_place(bbox=BBOX, keep=tmp_path / "kept", also=also, endpoint=patient(running))
        assert ("'tree'" in running.queries[0]) == ("trees" in also)
        assert ("building:part" in running.queries[0]) == ("parts" in also)
    assert city.surveillance is not None
    assert len(city.surveillance) == 1
    info = json.loads((tmp_path / "kept" / "place.json").read_text(encoding="utf-8"))
    assert info["also"] == sorted(also)
    if "trees" in also:
        assert {f"n{trees['n_tree']}", "n9001"} <= set(city.trees.index)
        assert list(city.tree_rows.index) == [f"w{number}" for number in rows]
    else:
        assert city.trees is None
        assert city.tree_rows is None
    if "parts" in also:
        assert list(city.parts.index) == [f"w{part}"]
    else:
        assert city.parts is None


def test_an_unknown_layer_to_download_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'trees'"):
        city_from_place(bbox=BBOX, also=["tree"])


def test_downloaded_objects_are_those_of_the_server(town, server, tmp_path):
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert set(contents(got.extract)) <= set(contents(town[1]))


def test_halo_decides_what_lies_beyond_the_place(town, server, tmp_path):
    # the house begins 0.6 steps east of the box: 0.0003 degrees, 29.5 m at this latitude
    near = tmp_path / "near"
    near.mkdir()
    got = download(find_place(bbox=BBOX), near, halo_m=0.0, endpoint=patient(server))
    missing = town[0].wanted - set(ids(got.extract))
    names = [name for name in contents(town[1]) if name.split()[0] in missing and "just outside" in name]
    assert len(names) == 1
    assert len(missing) == 5


def test_a_divided_download_is_the_same_extract(server, tmp_path, monkeypatch):
    whole = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert len(server.queries) == 1
    before = contents(whole.extract)
    monkeypatch.setattr(place_module, "MAX_QUERY_KM2", 0.03)
    pieces = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert len(server.queries) > 10
    assert contents(pieces.extract) == before


def test_what_is_kept_says_where_it_came_from(server, tmp_path):
    got = download(Place("A Town", find_place(bbox=BBOX).polygon), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("place")) == [
        "place.json",
        "place.osm.pbf",
        "place_boundary.geojson",
    ]
    info = json.loads((tmp_path / "place.json").read_text(encoding="utf-8"))
    assert info == got.info
    assert info["data_date"] == DATE[:10]
    assert info["overpass_url"] == f"{server.url}/api"
    assert info["licence"] == "ODbL-1.0"
    assert info["query"].replace("{polygon}", info["polygons"][0]) == server.queries[0]
    with osmium.io.Reader(str(got.extract)) as reader:
        assert reader.header().get("osmosis_replication_timestamp") == DATE
    boundary = json.loads((tmp_path / "place_boundary.geojson").read_text(encoding="utf-8"))
    assert shapely.geometry.shape(boundary["features"][0]["geometry"]).equals(shapely.box(*BBOX))


# name of the fault, part of the message, how often the server may be asked
LASTING = [
    ("429", "answered 429", 4),
    ("504", "answered 504", 4),
    ("json_500", "answered 500", 4),
    ("cut", "broke off", 4),
    ("dispatcher", "answered only in part", 4),
    ("timed_out", "gave only part", 200),
    ("no_memory", "gave only part", 200),
    ("400", "answered 400", 1),
    ("html", "not JSON", 1),
    ("nothing", "not JSON", 1),
    ("list", "JSON of another kind", 1),
    ("no_elements", "JSON without elements", 1),
    ("bad_element", "no OSM object", 1),
    ("drop", "could not be asked", 1),
    ("hang", "did not answer within 1 s", 1),
]


@pytest.mark.parametrize(("fault", "message", "most"), LASTING, ids=[fault for fault, _, _ in LASTING])
def test_a_lasting_fault_is_one_clear_error_and_leaves_nothing(server, tmp_path, fault, message, most):
    server.always = fault
    keep = tmp_path / "kept"
    with pytest.raises(NetworkError) as caught:
        city_from_place(bbox=BBOX, keep=keep, endpoint=patient(server, timeout_s=1 if fault == "hang" else 20))
    text = str(caught.value)
    assert message in text
    assert server.url.removeprefix("http://") in text
    assert "extract" in text
    assert text.isprintable()
    assert 1 <= len(server.queries) <= most
    assert list(keep.iterdir()) == []


def test_an_empty_answer_is_an_empty_city(server, tmp_path):
    server.always = "empty"
    with pytest.raises(EmptyCityError, match="has nothing for"):
        city_from_place(bbox=BBOX, keep=tmp_path / "kept", endpoint=patient(server))


def test_ground_without_anything_is_an_empty_city(server):
    with pytest.raises(EmptyCityError, match="has nothing for"):
        city_from_place(bbox=(10.0, 50.0, 10.01, 50.01), endpoint=patient(server))


@pytest.mark.parametrize("faults", [["429"], ["504", "json_500", "cut"], ["dispatcher"]])
def test_a_passing_fault_is_waited_for(town, server, tmp_path, faults):
    server.faults = list(faults)
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert set(ids(got.extract)) == town[0].wanted
    assert len(server.queries) == len(faults) + 1


def test_the_waits_are_those_of_the_endpoint(server, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("doorview.city.overpass.time.sleep", slept.append)
    server.always = "429"
    endpoint = Endpoint(f"{server.url}/api", server.url, timeout_s=5, waits_s=(3.0, 70.0))
    with pytest.raises(NetworkError, match=r"3 times with waits of 3, 70 s between"):
        download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=endpoint)
    assert [seconds for seconds in slept if seconds] == [3.0, 70.0]


@pytest.mark.parametrize("remark", ["timed_out", "no_memory"])
def test_a_truncated_answer_is_divided_and_never_used(town, server, tmp_path, remark):
    server.faults = [remark]
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert set(ids(got.extract)) == town[0].wanted
    assert len(server.queries) > 4


def test_a_server_that_manages_only_small_areas_gives_the_same_extract(server, tmp_path):
    whole = contents(download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server)).extract)
    server.too_large_above_degrees2 = (3 * STEP) ** 2
    pieces = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert contents(pieces.extract) == whole


def test_a_retry_asks_only_what_is_missing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(place_module, "MAX_QUERY_KM2", 0.1)
    download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    needed = len(server.queries)
    server.queries.clear()
    server.faults = [None, None, "429"]
    download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert len(server.queries) == needed + 1


def test_a_failed_download_leaves_the_former_one(server, tmp_path):
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    server.always = "504"
    with pytest.raises(NetworkError):
        download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert got.extract.name in before


def test_no_free_slot_is_said(server, tmp_path):
    server.status = "slot"
    with pytest.raises(NetworkError, match=r"no free slot .* in 3600 s"):
        download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert server.queries == []


@pytest.mark.parametrize("status", ["running", "garbage", "hang"])
def test_an_unreadable_status_does_not_hold_the_download_up(town, server, tmp_path, status):
    server.status = status
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server, timeout_s=1))
    assert set(ids(got.extract)) == town[0].wanted
    assert server.asked.count("/api/status") == 1


@pytest.mark.parametrize("fault", [None, "504"])
def test_nothing_in_the_process_stays_changed(server, tmp_path, fault):
    names = [name for name in dir(osmnx.settings) if not name.startswith("_")]
    before = {name: getattr(osmnx.settings, name) for name in names}
    resolve = socket.getaddrinfo
    server.always = fault
    if fault:
        with pytest.raises(NetworkError):
            download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    else:
        download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert {name: getattr(osmnx.settings, name) for name in names} == before
    assert socket.getaddrinfo is resolve


def test_no_service_at_the_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NetworkError, match=r"refused the connection.*work offline"):
            city_from_place(bbox=BBOX, endpoint=Endpoint(f"{url}/api", url, timeout_s=2, waits_s=()))
        with pytest.raises(NetworkError, match="refused the connection"):
            city_from_place("Anywhere", endpoint=Endpoint(f"{url}/api", url, timeout_s=2, waits_s=()))


def test_no_name_service_and_nobody_else_is_asked(monkeypatch):
    hosts: list[str] = []

    def fails(name: str, *_: Any, **__: Any) -> Any:
        hosts.append(name)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    monkeypatch.setattr(socket, "gethostbyname", fails)
    endpoint = Endpoint("http://overpass.invalid/api", "http://nominatim.invalid", timeout_s=2, waits_s=(0.0,))
    with pytest.raises(NetworkError, match="name does not resolve"):
        city_from_place(bbox=BBOX, endpoint=endpoint)
    with pytest.raises(NetworkError, match="name does not resolve"):
        city_from_place("Anywhere", endpoint=endpoint)
    assert set(hosts) <= {"overpass.invalid", "nominatim.invalid"}


def test_behind_a_proxy_without_names_nobody_else_is_asked(town, server, tmp_path, monkeypatch):
    # OSMnx would resolve the name through a public service in this case
    hosts: list[str] = []
    really = socket.getaddrinfo

    def fails(name: str) -> str:
        raise socket.gaierror(-2, "Name or service not known")

    def local_only(name: str, *args: Any, **kwargs: Any) -> Any:
        hosts.append(name)
        if name != "127.0.0.1":
            raise socket.gaierror(-2, "Name or service not known")
        return really(name, *args, **kwargs)

    monkeypatch.setattr(socket, "gethostbyname", fails)
    monkeypatch.setattr(socket, "getaddrinfo", local_only)
    got = download(find_place(bbox=BBOX), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert set(ids(got.extract)) == town[0].wanted
    assert set(hosts) == {"127.0.0.1"}


def test_a_place_name_gives_its_area(server):
    area = shapely.Polygon([(WEST, SOUTH), (WEST + 0.004, SOUTH), (WEST, SOUTH + 0.004)])
    point = {
        **area_result("a point of that name", area, importance=0.9),
        "geojson": {"type": "Point", "coordinates": [0, 0]},
    }
    server.places["A Town, Somewhere"] = [point, area_result("A Town", area, importance=0.3)]
    found = find_place("A Town, Somewhere", endpoint=patient(server))
    assert found.name == "A Town, Somewhere"
    assert found.polygon.equals(area)


def test_an_address_with_a_distance_is_a_disc(server):
    server.places["1 Main Street"] = [area_result("1 Main Street", shapely.Point(WEST, SOUTH).buffer(1e-5))]
    found = find_place("1 Main Street", distance_m=500.0, endpoint=patient(server))
    # one degree of latitude is 110.83 km at 28 degrees north, of longitude 98.3 km (WGS 84)
    west, south, east, north = found.polygon.bounds
    assert (north - south) / 2 * 110_830 == pytest.approx(500, rel=2e-3)
    assert (east - west) / 2 * 98_330 == pytest.approx(500, rel=2e-3)


def test_an_unknown_place_is_named(server):
    with pytest.raises(InputError, match=r"'Nowhere At All' is not known at 127\.0\.0\.1.*bbox="):
        find_place("Nowhere At All", endpoint=patient(server))
    with pytest.raises(InputError, match="is not known"):
        find_place("Nowhere At All", distance_m=100.0, endpoint=patient(server))


def test_a_place_without_an_area_asks_for_a_distance(server):
    point = area_result("A Hamlet", shapely.Point(WEST, SOUTH).buffer(0.01))
    server.places["A Hamlet"] = [{**point, "geojson": {"type": "Point", "coordinates": [WEST, SOUTH]}}]
    with pytest.raises(InputError, match=r"only a point or a line.*distance_m="):
        find_place("A Hamlet", endpoint=patient(server))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("429", "answered 429"),
        ("json_500", "answered 500"),
        ("html", "not JSON"),
        ("nothing", "not JSON"),
        ("no_elements", "JSON of another kind"),
        ("list", "JSON of another kind"),
        ("hang", "did not answer within 1 s"),
        ("drop", "could not be asked"),
    ],
)
@pytest.mark.parametrize("distance_m", [None, 300.0])
def test_faults_of_the_geocoder(server, monkeypatch, fault, message, distance_m):
    monkeypatch.setattr(
        "osmnx._nominatim.time.sleep", lambda _: None
    )  # its second of politeness, kept for real servers
    server.geocoder_fault = fault
    with pytest.raises(NetworkError, match=message):
        find_place("A Town", distance_m=distance_m, endpoint=patient(server, timeout_s=1))
    assert len(server.asked) <= 4


@pytest.mark.parametrize(
    "call",
    [
        find_place,
        lambda: find_place("  "),
        lambda: find_place("A Town", distance_m=0),
        lambda: find_place("A Town", distance_m=float("nan")),
        lambda: find_place(bbox=(1, 2, 3)),
        lambda: find_place(bbox=("a", 2, 3, 4)),
        lambda: find_place(bbox=(2, 0, 1, 3)),
        lambda: find_place(bbox=(0, 50, 1, 95)),
        lambda: find_place(bbox=(0, 0, float("nan"), 1)),
        lambda: find_place(bbox=BBOX, distance_m=10),
        lambda: city_from_place(bbox=BBOX, halo_m=-1),
        lambda: Endpoint(overpass_url="overpass.example.org"),
    ],
)
def test_arguments_that_fit_no_place(call: Callable[[], object]):
    with pytest.raises(InputError):
        call()


def test_too_large_a_place_is_refused_before_anything_is_asked(server, tmp_path):
    with pytest.raises(InputError, match=r"covers [\d,]+ km2.*extract"):
        city_from_place(bbox=(8.0, 47.0, 10.0, 49.0), keep=tmp_path / "kept", endpoint=patient(server))
    assert server.asked == []


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_asked(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        city_from_place(bbox=BBOX, keep=tmp_path / "file", endpoint=patient(server))
    assert server.asked == []


def test_addresses_of_the_services_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("DOORVIEW_OVERPASS_URL", f"{server.url}/api")
    monkeypatch.setenv("DOORVIEW_NOMINATIM_URL", server.url)
    assert Endpoint.from_environment() == Endpoint(f"{server.url}/api", server.url)
    monkeypatch.delenv("DOORVIEW_OVERPASS_URL")
    assert Endpoint.from_environment() == Endpoint(Endpoint.overpass_url, server.url)


def test_a_long_coastline_is_asked_for_with_few_vertices_and_nothing_is_left_out():
    # 3,000 headlands of 200 m on a circle of 5 km
    turns = [2 * math.pi * index / 6_000 for index in range(6_000)]
    radii = [5_000 + 100 * (-1) ** index for index in range(6_000)]
    shape = shapely.Polygon([(r * math.cos(t), r * math.sin(t)) for r, t in zip(radii, turns, strict=True)])
    asked = place_module._few_vertices(shape, 60.0)
    assert shapely.get_num_coordinates(asked) <= place_module._MAX_VERTICES
    assert asked.covers(shape.buffer(60.0))
    assert asked.area < 1.2 * shape.area


def test_islands_are_asked_for_one_by_one(server, tmp_path):
    west, east = shapely.box(*BBOX), shapely.box(WEST + 1.0, SOUTH, WEST + 1.005, SOUTH + 0.005)
    download(Place("Two islands", shapely.union_all([west, east])), tmp_path, halo_m=60.0, endpoint=patient(server))
    assert len(server.queries) == 2


def assert_same_city(left: City, right: City) -> None:
    """The same layers, cell by cell, and the same boundary."""
    assert left.crs == right.crs
    assert left.country == right.country
    assert left.dropped == right.dropped
    assert left.boundary is not None
    assert left.boundary.equals_exact(right.boundary, 1e-6)
    for layer in ("buildings", "ways", "areas", "barriers", "addresses", "entrances"):
        ours, theirs = getattr(left, layer), getattr(right, layer)
        assert list(ours.index) == list(theirs.index), layer
        assert ours.geometry.geom_equals_exact(theirs.geometry, 1e-6).all(), layer
        tags = [column for column in ours.columns if column not in {"geometry", "nodes"}]
        pd.testing.assert_frame_equal(pd.DataFrame(ours[tags]), pd.DataFrame(theirs[tags]))
    assert [list(nodes) for nodes in left.ways["nodes"]] == [list(nodes) for nodes in right.ways["nodes"]]


def test_a_city_by_box_is_the_city_of_the_extract(town, server, tmp_path):
    city = city_from_place(bbox=BBOX, name="A Town", keep=tmp_path / "kept", endpoint=patient(server))
    polygon = find_place(bbox=BBOX).polygon
    assert_same_city(city, City.from_extract(town[1], boundary=polygon, name="A Town"))
    assert city.name == "A Town"
    assert len(city.buildings) == 18 + 3  # houses, the courtyard, the one with an entrance, the one just outside
    assert len(city.ways) == 2
    assert len(city.entrances) == len(city.areas) == len(city.barriers) == 1
    assert city.source["kind"] == "place"
    assert city.source["data_date"] == DATE[:10]
    assert city.source["attribution"] == "© OpenStreetMap contributors"


def test_the_data_reach_as_far_as_the_halo(server):
    city = city_from_place(bbox=BBOX, halo_m=100.0, endpoint=patient(server))
    assert city.boundary is not None
    assert city.extent.symmetric_difference(city.boundary.buffer(100.0)).area < 0.01 * city.extent.area


def test_what_was_kept_is_read_again_without_a_network(server, tmp_path):
    server.places["A Town"] = [area_result("A Town", shapely.Point(WEST + 0.0025, SOUTH + 0.0025).buffer(0.0025))]
    keep = tmp_path / "kept é files"
    city = city_from_place("A Town", keep=keep, endpoint=patient(server))
    again = City.from_extract(keep / "place.osm.pbf", boundary=keep / "place_boundary.geojson", name="A Town")
    assert_same_city(city, again)
    assert city.extent.symmetric_difference(again.extent).area < 1.0
    assert again.source["data_date"] == city.source["data_date"] == DATE[:10]
    assert again.source["files"][0]["sha256"] == city.source["files"][0]["sha256"]


def test_nothing_is_kept_unless_asked_for(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    city = city_from_place(bbox=BBOX, endpoint=patient(server))
    assert sorted(tmp_path.iterdir()) == before
    assert city.source["files"][0]["path"] == f"{server.url}/api"


def test_the_public_name_reads_the_services_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("DOORVIEW_OVERPASS_URL", f"{server.url}/api")
    monkeypatch.setenv("DOORVIEW_NOMINATIM_URL", server.url)
    assert len(City.from_place(bbox=BBOX).buildings) == 21
    assert len(server.queries) == 1


def test_a_real_suburb_by_box_is_the_suburb_of_the_extract(shared_data, tmp_path):
    extract = shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf"
    with LocalOverpass(extract) as server:
        city = city_from_place(bbox=SMALL_BBOX, name="Randallstown", keep=tmp_path / "kept", endpoint=patient(server))
        server.faults = ["timed_out"]
        divided = city_from_place(bbox=SMALL_BBOX, name="Randallstown", endpoint=patient(server))
    assert len(city.buildings) > 300
    assert_same_city(city, City.from_extract(extract, boundary=find_place(bbox=SMALL_BBOX).polygon))
    assert_same_city(city, divided)
    kept = City.from_extract(tmp_path / "kept" / "place.osm.pbf", boundary=tmp_path / "kept" / "place_boundary.geojson")
    assert_same_city(city, kept)
    assert city.extent.symmetric_difference(kept.extent).area < 1.0
