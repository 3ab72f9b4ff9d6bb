"""An extract that is laid out on disk without being held gives the store of the city that was read whole."""

from __future__ import annotations

import errno
import json
import random
from pathlib import Path

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import doorview.city.extract_store as laying
from doorview.city import city_store
from doorview.city.city_store import read_stored, write_city
from doorview.city.extract import read_into
from doorview.city.model import City
from doorview.city.spool import Spool
from doorview.demo.town import make_town
from doorview.demo.writer import write_extract
from doorview.errors import DoorviewError, EmptyCityError, InputError, OutputError
from doorview.study.part_run import run_tables_only
from doorview.study.schema import study_from_dict
from doorview.study.stages import silent
from helpers.effort import examples
from helpers.osmfile import OsmFile

CITIES = {
    "randallstown": ("baltimore_county_md/clip_randallstown_small_sorted.osm.pbf", None, 60),
    "randallstown, clipped": (
        "baltimore_county_md/clip_randallstown_2km_sorted.osm.pbf",
        shapely.box(-76.80, 39.365, -76.79, 39.372),
        300,
    ),
    "monaco": ("monaco/monaco_20250206.osm.pbf", None, 1999),
    "las palmas": ("las_palmas/las_palmas_20230221.osm.pbf", None, 7000),
    "an unsorted file": ("nyc_greenwich_village/nyc.osm.pbf", None, 100),
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whole(path: Path, folder: Path, **asked) -> dict[str, bytes] | tuple[type, str]:
    """The files of the city that was held, or its fault."""
    folder.mkdir()
    try:
        write_city(City.from_extract(path, **asked), folder)
    except DoorviewError as fault:
        return type(fault), str(fault)
    return files_of(folder)


def laid(path: Path, folder: Path, batch: int, **asked) -> dict[str, bytes] | tuple[type, str]:
    """The files of the city that was never held, or its fault; nothing else is left."""
    folder.mkdir()
    scratch = folder.with_name(folder.name + "-scratch")
    try:
        laying.store_extract(path, folder, scratch=scratch, batch=batch, **asked)
    except DoorviewError as fault:
        return type(fault), str(fault)
    finally:
        assert not scratch.exists()
    return files_of(folder)


def assert_same(path: Path, tmp_path: Path, batches=(1, 7, 100_000), **asked) -> dict[str, bytes] | tuple[type, str]:
    expected = whole(path, tmp_path / "whole", **asked)
    for batch in batches:
        assert laid(path, tmp_path / f"laid{batch}", batch, **asked) == expected, batch
    return expected


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    path = tmp_path_factory.mktemp("town") / "town.osm.pbf"
    write_extract(make_town(homes=200), path)
    return path


@pytest.mark.parametrize("rows", [city_store.ROWS_PER_FILE, 64])
def test_the_demo_town_has_the_same_files(town, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(city_store, "ROWS_PER_FILE", rows)
    files = assert_same(town, tmp_path, (7, 100, 100_000), country="us")
    assert len([name for name in files if name.startswith("buildings")]) == -(-json.loads(
        files["city.json"])["layers"]["buildings"] // rows)  # fmt: skip


@pytest.mark.parametrize("place", CITIES)
def test_real_cities_have_the_same_files(shared_data, tmp_path, place, monkeypatch):
    file, boundary, batch = CITIES[place]
    monkeypatch.setattr(city_store, "ROWS_PER_FILE", 1000)
    assert isinstance(assert_same(shared_data / file, tmp_path, (batch,), boundary=boundary), dict)


# ---- files that are not what they should be --------------------------------------------------------------------------


def faulty() -> OsmFile:
    """Of each fault one, or more."""
    town = OsmFile()
    town.street()
    town.box(0, 20, 10, 10, {"building": "house"}, number=500)
    town.box(0, 20, 10, 10, {"building": "yes"}, number=501)  # the same again
    town.box(0, 20, 10, 10, {"building": "yes", "name": "Ünïcode 🏠"}, number=499)  # and with a lower number
    town.ring([(30, 20), (40, 30), (40, 20), (30, 30)], {"building": "yes"}, number=502)  # a bow tie
    town.line([(50, 20), (60, 20), (60, 30)], {"building": "yes"}, number=503)  # not closed
    town.ring([(70, 20), (80, 20)], {"building": "yes"}, number=504)  # out and back
    town.line([(0, 5), (10, 5), (10, 5), (20, 5)], {"highway": "footway"}, number=506)  # a point twice
    lonely = town.node(5, 7)
    town.way([lonely, lonely], {"highway": "footway"}, number=507)
    town.way([lonely], {"highway": "footway"}, number=508)
    known = [town.node(x, -20) for x in range(0, 60, 10)]
    town.way([known[0], known[1], 99991, *known[2:], 99992], {"highway": "service"}, number=510)
    town.way([*known[:3], 99993, known[0]], {"building": "yes"}, number=511)
    town.way([99994, 99995], {"barrier": "fence"}, number=512)
    town.way(known, {"highway": "path", "barrier": "hedge"}, number=513)
    town.way(known[::-1], {"highway": "path"}, number=514)  # drawn twice, the other way round
    outer = town.box(100, 10, 30, 30, {"building": "yes"}, number=520)
    inner = town.box(110, 20, 10, 10, {})
    town.relation([(outer, "outer"), (inner, "inner")], {"building": "yes"}, number=80)
    town.relation([(outer, "outer"), (123456, "inner")], {"leisure": "park"}, number=81)
    town.relation([(outer, "outer"), (inner, "inner")], {"landuse": "grass", "building:part": "yes"}, number=82)
    town.box(50_000, 60_000, 8, 8, {"building": "yes"}, number=530)  # far away
    town.ring([(9e6, 1e6), (9.1e6, 1e6), (9e6, 1.1e6)], {"leisure": "park"}, number=531)
    for number, (x, tags) in enumerate(
        [(1, {"addr:housenumber": "1", "entrance": "main"}), (2, {"natural": "tree"}), (3, {"amenity": "school"}),
         (4, {"man_made": "surveillance"}), (4, {"addr:housenumber": "2"})]
    ):  # fmt: skip
        town.node(x, 20, tags, number=600 + number)
    return town


@pytest.mark.parametrize("order", ["nwr", "rwn", "wnr"])
@pytest.mark.parametrize("box", [None, (-100, -100, 300, 200)])
def test_a_file_of_faults_has_the_same_files_in_any_order(tmp_path, order, box):
    path = faulty().write(tmp_path / "faulty.osm.pbf", order, backwards=order == "rwn", box=box)
    head = json.loads(assert_same(path, tmp_path)["city.json"])
    assert len(head["dropped"]) >= 9
    assert set(head["layers"]) == set(laying.EXTRACT_LAYERS)


def repeated() -> OsmFile:
    """Objects that stand in the file several times, in old and new versions, here and elsewhere."""
    town = OsmFile()
    town.street()
    for i in range(12):
        town.box(i * 20, 10, 10, 10, {"building": "house"}, number=100 + i)
    corners = [town.node(x, y) for x, y in ((0, 40), (10, 40), (10, 50), (0, 50))]
    aside = [town.node(x, y) for x, y in ((2000, 40), (2010, 40), (2010, 50), (2000, 50))]
    for version, nodes, kind in ((3, corners, "new"), (1, corners, "old"), (2, aside, "older"), (3, aside, "tied")):
        town.way([*nodes, nodes[0]], {"building": kind}, number=300, version=version)
    away = [town.node(x, y) for x, y in ((2020, 40), (2030, 40), (2030, 50), (2020, 50))]
    for version, nodes in ((1, corners), (2, away)):
        town.way([*nodes, nodes[0]], {"building": "moved"}, number=301, version=version)
    for version, kind in ((2, "path"), (1, "steps"), (2, "track")):
        town.way(corners, {"highway": kind}, number=302, version=version)
    return town


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_repeated_objects_are_the_same_whichever_batch_they_fall_into(tmp_path, clipped, backwards):
    town = repeated()
    path = town.write(tmp_path / "repeated.osm.pbf", backwards=backwards)
    inside = shapely.box(*town.lonlat(-50, -50), *town.lonlat(250, 100)) if clipped else None
    files = assert_same(path, tmp_path, (1, 2, 3, 5, 100), boundary=inside)
    head = json.loads(files["city.json"])
    assert head["dropped"]["buildings: repeated in the file, dropped"] == 4
    assert head["dropped"]["ways: repeated in the file, dropped"] == 2
    buildings = read_stored(tmp_path / "laid1").layer("buildings")
    # Its newest version lies elsewhere: an old one is no building here.
    assert ("w301" in buildings.index) is not clipped
    assert buildings.index.is_unique
    assert buildings.loc["w300", "building"] == "new" or not clipped
    assert buildings.loc["w300", "building"] in {"new", "tied"}
    assert read_stored(tmp_path / "laid1").layer("ways").loc["w302", "highway"] in {"path", "track"}


def asked_wrongly(town: OsmFile) -> dict[str, dict]:
    return {
        "degrees": {"crs": "EPSG:4326"},
        "feet": {"crs": "EPSG:2248"},
        "another place": {"crs": "EPSG:26935"},
        "another boundary": {"boundary": shapely.box(7.0, 43.0, 7.1, 43.1)},
        "a boundary without streets": {"boundary": shapely.box(*town.lonlat(600, 600), *town.lonlat(700, 700))},
        "a country without a table": {"country": "atlantis"},
    }


@pytest.mark.parametrize("what", asked_wrongly(OsmFile()))
def test_what_cannot_be_read_is_said_in_the_same_words(tmp_path, what):
    town = repeated()
    town.box(650, 650, 10, 10, {"building": "yes"})
    asked = asked_wrongly(town)[what]
    fault = assert_same(town.write(tmp_path / "town.osm.pbf"), tmp_path, **asked)
    assert isinstance(fault, tuple)
    assert issubclass(fault[0], InputError)


@pytest.mark.parametrize("what", ["no file", "cut off", "no buildings", "no streets", "nothing", "wrong bytes"])
def test_files_that_are_no_city_are_refused_in_the_same_words(tmp_path, what):
    town = OsmFile()
    if what not in {"no streets", "nothing"}:
        town.street()
    if what not in ("no buildings", "nothing"):
        for i in range(300):
            town.box(20 * i, 20, 10, 10, {"building": "yes"})
    if what == "nothing":
        town.node(0, 0)
    path = tmp_path / "town.osm.pbf"
    if what != "no file":
        town.write(path)
    if what == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    if what == "wrong bytes":
        path.write_bytes(bytes(reversed(path.read_bytes())))
    assert isinstance(assert_same(path, tmp_path), tuple)


# ---- small files of any kind -----------------------------------------------------------------------------------------

TAGS = [
    {"building": "house"}, {"building": "yes", "height": "9"}, {"highway": "residential", "name": "Elm"},
    {"highway": "path"}, {"leisure": "park"}, {"barrier": "wall"}, {"building:part": "yes"}, {"natural": "tree_row"},
    {"highway": "pedestrian", "area": "yes"}, {"railway": "rail"},
]  # fmt: skip
places = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
ways = st.tuples(
    st.lists(places, min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from(TAGS),
    st.integers(1, 12),  # numbers repeat
    st.integers(1, 2),
)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=st.lists(ways, max_size=14),
    missing=st.sets(places, max_size=3),
    batch=st.integers(1, 9),
    members=st.lists(st.sets(st.integers(1, 12), min_size=1, max_size=3), max_size=2),
    seed=st.integers(0, 99),
)
def test_any_small_file_has_the_same_files_or_the_same_fault(tmp_path_factory, drawn, missing, batch, members, seed):
    town = OsmFile()
    town.street()
    town.box(100, 20, 10, 10, {"building": "yes"})
    number = {(x, y): 1000 + 10 * x + y for x in range(-3, 4) for y in range(-3, 4)}
    for (x, y), node in number.items():
        if (x, y) not in missing:
            town.node(20 * x, 20 * y, {"addr:housenumber": "1"} if (x + y) % 3 == 0 else {}, number=node)
    for points, closed, tags, way, version in drawn:
        nodes = [number[point] for point in points]
        town.way([*nodes, nodes[0]] if closed else nodes, tags, number=way, version=version)
    for relation, own in enumerate(members, 1):
        town.relation([(way, "outer") for way in sorted(own)], TAGS[seed % len(TAGS)], number=relation)
    random.Random(seed).shuffle(town.ways)
    folder = tmp_path_factory.mktemp("any")
    assert_same(town.write(folder / "town.osm.pbf", "nwr" if seed % 2 else "rwn"), folder, (batch,))


# ---- what is held, and where it lies ---------------------------------------------------------------------------------


def test_no_more_is_held_than_a_batch(town, tmp_path, monkeypatch):
    sizes: list[int] = []
    put, change = Spool.put, Spool.change
    monkeypatch.setattr(Spool, "put", lambda self, layer, got: (sizes.append(len(got.ids)), put(self, layer, got))[1])

    def watched(self, layer, how):
        change(self, layer, lambda table: (sizes.append(len(table)), how(table))[1])

    monkeypatch.setattr(Spool, "change", watched)
    monkeypatch.setattr(city_store, "ROWS_PER_FILE", 50)
    parts = city_store.write_part
    monkeypatch.setattr(city_store, "write_part", lambda rows, *at: (sizes.append(len(rows)), parts(rows, *at))[1])
    laid(town, tmp_path / "laid", 50)
    assert len(sizes) > 50
    assert max(sizes) == 50


def study_of(path: Path, **place):
    data = {
        "study": {"name": "town"},
        "place": {"extract": str(path), **place},
        "camera": {"levels": ["recognise"]},
        "coverage": {"range_curve": False},
        "scenarios": {"some": {"rate": 0.2}},
        "output": {"tables_only": True},
    }
    return study_from_dict(data, where="test")


@pytest.fixture
def once(monkeypatch):
    """Lists the extracts that are read; a city that is held is a fault."""
    read: list[Path] = []

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the extract was read whole")

    monkeypatch.setattr("doorview.city.extract.read_extract", never)
    monkeypatch.setattr(laying, "read_into", lambda *a, **k: (read.append(a[1]), read_into(*a, **k))[1])
    return read


@pytest.mark.parametrize("cache", ["cache", "off"])
def test_tables_only_never_holds_the_city_and_leaves_nothing_behind(town, tmp_path, monkeypatch, once, cache):
    monkeypatch.setenv("DOORVIEW_CACHE", cache if cache == "off" else str(tmp_path / cache))
    study = study_of(town)
    made = run_tables_only(study, tmp_path / "out", progress=silent)
    assert len(made.doors) > 50
    assert len(once) == 1
    assert not any(path.name in {"city", "reading", "unfinished"} for path in (tmp_path / "out").rglob("*"))
    run_tables_only(study, tmp_path / "out", progress=silent)
    assert len(once) == (1 if cache == "cache" else 2)


def test_a_city_that_was_laid_out_serves_a_run_that_holds_it(town, tmp_path, monkeypatch, once):
    from doorview.study.read import read_city

    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    run_tables_only(study_of(town), tmp_path / "out", progress=silent)
    assert len(read_city(study_of(town)).buildings) > 100  # read whole, it would be a fault


def test_a_cache_that_cannot_be_written_does_not_make_it_be_read_again(town, tmp_path, monkeypatch, once, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "file"))
    run_tables_only(study_of(town), tmp_path / "out", progress=silent)
    assert len(once) == 1
    assert "nothing could be kept in the cache" in caplog.text


@pytest.mark.parametrize("where", ["put", "change"])
def test_a_full_disk_is_one_message_and_nothing_is_left(town, tmp_path, monkeypatch, where):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    monkeypatch.setattr(Spool, where, full)
    with pytest.raises(OutputError, match=r"could not be laid out in .*no space left on device.*make room"):
        run_tables_only(study_of(town), tmp_path / "out", progress=silent)
    assert list(tmp_path.iterdir()) == []


def test_a_city_without_streets_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    town = OsmFile()
    town.box(0, 0, 10, 10, {"building": "yes"})
    path = town.write(tmp_path / "town.osm.pbf")
    with pytest.raises(EmptyCityError, match="no streets"):
        run_tables_only(study_of(path), tmp_path / "out", progress=silent)
    assert [item.name for item in tmp_path.iterdir()] == ["town.osm.pbf"]


def test_what_an_ended_run_left_is_taken_away(town, tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    for name in ("city", "scratch"):
        left = tmp_path / "out.partial" / "reading" / name / "buildings"
        left.mkdir(parents=True)
        (left / "part-0000.parquet").write_bytes(b"half")
    run_tables_only(study_of(town), tmp_path / "out", progress=silent)
    assert not (tmp_path / "out.partial").exists()


def test_a_tag_of_a_later_file_alone_is_read(tmp_path, monkeypatch):
    """The first file of a layer, without any value of a tag, must not say that the tag has none."""
    town = OsmFile()
    town.street()
    for i in range(8):
        town.box(20 * i, 20, 10, 10, {"building": "yes", **({"height": "7 m"} if i == 7 else {})}, number=100 + i)
    monkeypatch.setattr(city_store, "ROWS_PER_FILE", 2)
    path = town.write(tmp_path / "town.osm.pbf")
    assert_same(path, tmp_path, (3,))
    heights = read_stored(tmp_path / "whole").layer("buildings")["height"]
    assert heights.dropna().to_dict() == {"w107": "7 m"}
    assert {value for value in heights if value != "7 m"} == {None}
