"""Good small files, and what is done to them: bytes, tokens and lines, by a seed; and bombs made on purpose."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely

from helpers.osmfile import OsmFile
from helpers.tiny import halves, tiny_town

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"

NUMBERS = (
    *(b"0", b"-0", b"-1", b"1", b"1e308", b"-1e308", b"1e400", b"1e-320", b"nan", b"NaN", b"inf", b"-Infinity"),
    *(b"99999999999999999999", b"-9223372036854775808", b"2147483648", b"4294967296", b"0x10", b"1_000", b"1,5"),
    *(b"180.0000001", b"-180", b"90", b"-90.5", b"0.000000000000000000000001", "\u0661\u0662".encode(), b""),
)
TEXTS = (
    *(b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"=cmd|' /C calc'!A0", b"../../../../tmp/evil", b"/etc/passwd"),
    *("\u202e\u2066abc".encode(), b"<script>alert(1)</script>", b"%s%n%x", b"a\nb", "\U0001f3e0".encode(), b"con"),
    *(b"'; DROP TABLE x; --", b"{0}", b"[]", b"{}", b"true", b"null", b"A" * 70_000, b"\x1b[31m", b"&lol9;", b"\\"),
    *(b"1e9", b"1000000000 m", b"N", b"10'2\"", b"yes", b"no", b"2024-02-30", b"house", b"apartments", b"-5 ft"),
)


# ---- good files -----------------------------------------------------------------------------------------------------


def rich_town(path: Path) -> Path:
    """Write a street with homes of every kind that is read: entrances, a courtyard, cameras, barriers, trees, parts."""
    town = OsmFile()
    town.node(-90.0, 3.0, {"man_made": "surveillance", "camera:direction": "90", "camera:type": "fixed", "height": "4"})
    town.node(-80.0, 3.0, {"natural": "tree", "height": "9 m", "circumference": "1.2"})
    town.street({"name": "Elm Street", "width": "9", "lanes": "2", "sidewalk": "both"})
    town.line([(-150, -60), (150, -60)], {"highway": "footway"})
    town.line([(-100, 8), (-40, 8)], {"barrier": "fence", "height": "1.8"})
    town.line([(40, 8), (100, 8)], {"natural": "tree_row", "height": "6"})
    for number in range(4):
        tags = {"building": "house", "addr:housenumber": f"{number}", "addr:street": "Elm Street", "height": "6 m"}
        town.box(-165.0 + 30.0 * number, 12.0, 12.0, 12.0, tags)
    outer = [(0.0, 12.0), (40.0, 12.0), (40.0, 44.0), (0.0, 44.0)]
    inner = [(10.0, 22.0), (30.0, 22.0), (30.0, 34.0), (10.0, 34.0)]
    ways = [(town.ring(outer, {}), "outer"), (town.ring(inner, {}), "inner")]
    town.relation(ways, {"building": "apartments", "building:flats": "12", "building:levels": "3"})
    at = [town.node(*place, tags) for place, tags in (
        ((60.0, 12.0), {}), ((66.0, 12.0), {"entrance": "main", "addr:flats": "1-4"}), ((72.0, 12.0), {}),
        ((72.0, 24.0), {}), ((60.0, 24.0), {}),
    )]  # fmt: skip
    town.way([*at, at[0]], {"building": "terrace", "addr:housenumber": "9", "addr:street": "Elm Street"})
    town.box(90.0, -40.0, 30.0, 20.0, {"leisure": "park", "name": "Elm Park"})
    town.box(62.0, 26.0, 8.0, 8.0, {"building:part": "yes", "min_height": "3", "height": "9"})
    return town.write(path, box=(-200, -100, 200, 100))


def good_files(folder: Path) -> dict[str, list[Path]]:
    """Write good files of every kind into a folder; by kind of case."""
    town = rich_town(folder / "town.osm.pbf")
    xml = rich_town(folder / "town.osm")
    packed = [rich_town(folder / f"town.osm.{ending}") for ending in ("gz", "bz2")]
    tiny_town(folder / "tiny.osm.pbf")
    halves(folder / "zones.geojson", 11, 11)
    zones = gpd.read_file(folder / "zones.geojson")
    zones.to_file(folder / "zones.gpkg")
    homes = gpd.GeoDataFrame(
        {"building": ["house", "yes", None], "height": ["6", "20 ft", None], "units": [1, 2, 3]},
        geometry=[shapely.box(350_000 + x, 4_359_510, 350_012 + x, 4_359_520) for x in (0, 30, 60)],
        crs="EPSG:32618",
    )
    homes.to_file(folder / "homes.gpkg")
    homes.to_crs(4326).to_file(folder / "homes.geojson")
    homes.to_parquet(folder / "homes.parquet")
    street = shapely.LineString([(349_900, 4_359_500), (350_200, 4_359_500)])
    streets = gpd.GeoDataFrame({"name": ["Elm"]}, geometry=[street], crs="EPSG:32618")
    streets.to_crs(4326).to_file(folder / "streets.geojson")
    rows = (
        f'{-76.79 + 0.0001 * n},{39.37 + 0.0001 * n},2024-0{1 + n % 9}-1{n % 9},THEFT,"{n} Elm Street"'
        for n in range(12)
    )
    thefts = "\n".join(["lon,lat,date,category,address", *rows]) + "\n"
    (folder / "thefts.csv").write_text(thefts, encoding="utf-8")
    points = gpd.points_from_xy([-76.79, -76.791], [39.37, 39.371])
    table = {"date": ["2024-01-02", "2024-02-03"], "category": ["A", "B"]}
    gpd.GeoDataFrame(table, geometry=points, crs=4326).to_file(folder / "thefts.gpkg")
    gpd.GeoDataFrame(table, geometry=points, crs=4326).to_file(folder / "thefts.geojson")
    (folder / "cameras.csv").write_text("lon,lat,direction,height_m\n-76.79,39.37,90,3.5\n-76.791,39.37,N,4\n")
    table = ("name,extract,zones,label", "Elm,town.osm.pbf,zones.geojson,x", '"A, B",town.osm,,')
    (folder / "cities.csv").write_text("\n".join(table) + "\n")
    place = rasterio.Affine(25, 0, 339_900, 0, -25, 4_361_000)
    look = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "float32", "crs": "EPSG:32618"}
    with rasterio.open(folder / "ground.tif", "w", transform=place, **look) as to:
        to.write(np.arange(4096, dtype=np.float32).reshape(1, 64, 64) / 100)
    _walks(folder)
    (folder / "study.toml").write_bytes((DEMO / "study.toml").read_bytes())
    for name in ("demo.osm.pbf", "districts.geojson", "thefts.csv"):
        if not (folder / name).exists():
            (folder / name).write_bytes((DEMO / name).read_bytes())
    return {
        "study": [folder / "study.toml"],
        "extract": [town, xml, xml, xml, *packed],
        "whole": [xml],
        "layer": [folder / "homes.gpkg", folder / "homes.geojson", folder / "homes.parquet"],
        "zones": [folder / "zones.gpkg", folder / "zones.geojson"],
        "incidents": [folder / "thefts.csv", folder / "thefts.gpkg", folder / "thefts.geojson"],
        "cameras": [folder / "cameras.csv"],
        "cities": [folder / "cities.csv"],
        "terrain": [folder / "ground.tif"],
        "pairs": [folder / "pairs.csv"],
        "weights": [folder / f"people.{ending}" for ending in ("csv", "geojson", "gpkg")],
        "attributes": [folder / f"tracts.{ending}" for ending in ("geojson", "gpkg")],
        "track": [folder / "walk.gpx", folder / "walk.gpx"],
    }


def _walks(folder: Path) -> None:
    """Write what walks, people and attributes of zones are read from, in the tiny town."""
    at = OsmFile().lonlat
    west, east = at(-120.0, 3.0), at(120.0, -3.0)
    ends = f"{west[1]},{west[0]},{east[1]},{east[0]}"
    head = "name,origin_lat,origin_lon,destination_lat,destination_lon"
    (folder / "pairs.csv").write_text("\n".join([head, f"To work,{ends}", f'"A, B",{ends}', f",{ends}"]) + "\n")
    people = [(*at(40.0 * n - 100.0, 4.0), 10 * n) for n in range(6)]
    rows = [f"{lon},{lat},{number},Elm" for lon, lat, number in people]
    (folder / "people.csv").write_text("\n".join(["lon,lat,people,name", *rows]) + "\n")
    point = shapely.Point(people[0][:2])
    shapes = [point, shapely.LineString([west, east]), point.buffer(5e-4)]
    layer = gpd.GeoDataFrame({"people": [5, 20.5, 3], "name": ["a", "b", None]}, geometry=shapes, crs=4326)
    layer.to_file(folder / "people.geojson")
    layer.iloc[:1].to_file(folder / "people.gpkg")
    zones = gpd.read_file(folder / "zones.geojson")
    tracts = zones.assign(income=["41000", "1,200"], kind=["rent", "own"])
    for ending in ("geojson", "gpkg"):
        tracts.to_file(folder / f"tracts.{ending}")
    steps = "".join(
        f'<trkpt lat="{lat:.6f}" lon="{lon:.6f}"><time>2024-05-01T10:{n:02d}:00Z</time></trkpt>'
        for n, (lon, lat) in enumerate(at(-120.0 + 10.0 * n, 3.0) for n in range(25))
    )
    walk = f"<trk><name>Walk</name><trkseg>{steps}</trkseg></trk><wpt lat='1' lon='1'/>"
    (folder / "walk.gpx").write_text(f'<?xml version="1.0"?><gpx version="1.1" creator="x">{walk}</gpx>')


# ---- mutations ------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(rb"\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'")
_CELL = re.compile(rb"(?<=,)[^,\n]{0,200}(?=[,\n])")
_WORD = re.compile(rb"[A-Za-z_:]{2,40}")


def _span(data: bytes, rng: random.Random, most: int = 64) -> tuple[int, int]:
    begin = rng.randrange(len(data) + 1)
    return begin, min(len(data), begin + rng.randrange(1, most))


def _flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 12))):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _cut(data: bytes, rng: random.Random) -> bytes:
    begin, end = _span(data, rng, max(2, len(data) // rng.choice((2, 8, 64)) + 2))
    return data[:begin] + data[end:]


def _end(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _again(data: bytes, rng: random.Random) -> bytes:
    begin, end = _span(data, rng, 400)
    return data[:begin] + data[begin:end] * rng.choice((2, 2, 50)) + data[end:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    what = rng.choice((rng.randbytes(rng.randrange(1, 40)), rng.choice(TEXTS), b"\0" * 8, b"\xff" * 8))
    return data[:at] + what + data[at:]


def _replace(pattern: re.Pattern[bytes], by: tuple[bytes, ...], keep: int) -> Callable[[bytes, random.Random], bytes]:
    """Return what puts one of `by` in the place of a match, but for `keep` bytes at both ends of it."""

    def mutate(data: bytes, rng: random.Random) -> bytes:
        found = list(pattern.finditer(data))
        if not found:
            return _flip(data, rng)
        for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 1, 2, 5)))), key=lambda m: -m.start()):
            low, high = match.start() + keep, match.end() - keep
            data = data[:low] + rng.choice(by) + data[high:]
        return data

    return mutate


def _words(data: bytes, rng: random.Random) -> bytes:
    """Put one word of the file in the place of another: keys and values change places."""
    found = list(_WORD.finditer(data))
    if len(found) < 2:
        return _flip(data, rng)
    one, other = rng.sample(found, 2)
    return data[: one.start()] + other[0] + data[one.end() :]


def _lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(3):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines[one:one] = [lines[other]] * rng.choice((1, 3, 300))
        case _:
            del lines[one]
    return b"\n".join(lines)


_BINARY = (_flip, _flip, _cut, _end, _again, _insert)
_TEXT = (
    *(_flip, _cut, _end, _again, _insert, _lines, _words, _words),
    *(_replace(_NUMBER, NUMBERS, 0),) * 3,
    *(_replace(_QUOTED, TEXTS, 1), _replace(_QUOTED, NUMBERS, 1), _replace(_QUOTED, NUMBERS, 0)),
    _replace(_CELL, TEXTS, 0),
)
_TOKENS = _TEXT[6:]
"""What leaves XML well-formed more often than not, so that a whole run meets it."""
_TEXT_FILES = (".osm", ".geojson", ".csv", ".toml", ".json", ".gpx")


def mutated(path: Path, rng: random.Random, kind: str = "") -> bytes:
    """Return the bytes of a file after one to three mutations; packed files are half the time mutated inside."""
    data = path.read_bytes()
    if kind == "whole":
        return _mutate(data, rng, _TOKENS)
    unpack = {".gz": gzip, ".bz2": bz2}.get(path.suffix)
    if unpack is not None and rng.random() < 0.5:
        return unpack.compress(_mutate(unpack.decompress(data), rng, _TEXT))
    if path.suffix == ".gpkg" and rng.random() < 0.5:
        return _sql(path, rng)
    return _mutate(data, rng, _TEXT if path.suffix in _TEXT_FILES else _BINARY)


def _mutate(data: bytes, rng: random.Random, ways: tuple[Callable[[bytes, random.Random], bytes], ...]) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(ways)(data, rng)
    return data[:5_000_000]


def _sql(path: Path, rng: random.Random) -> bytes:
    """Return a GeoPackage that is a sound database with unsound content."""
    with closing(sqlite3.connect(":memory:")) as base, base:
        base.deserialize(path.read_bytes())
        base.create_function("ST_IsEmpty", 1, lambda _: 0)
        for name in ("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            base.create_function(name, 1, lambda _: 0.0)
        table = base.execute("select table_name from gpkg_contents").fetchone()[0]
        shape = bytes(base.execute(f'select geom from "{table}"').fetchone()[0])
        text = rng.choice(TEXTS).decode("utf-8", "replace").replace("\0", "")
        orders = (
            (f'update "{table}" set geom = ?', (_mutate(shape, rng, _BINARY),)),
            (f'update "{table}" set geom = ?', (rng.choice((None, b"", b"GP", "text", 5, 1e308)),)),
            ("update gpkg_contents set table_name = ?", (text,)),
            ("update gpkg_geometry_columns set geometry_type_name = ?", (text,)),
            ("update gpkg_geometry_columns set srs_id = ?", (rng.choice((-1, 0, 4326, 3857, 99999, 2**62)),)),
            ("update gpkg_spatial_ref_sys set definition = ?", (text,)),
            ("update gpkg_contents set data_type = ?", (rng.choice(("attributes", "tiles", text)),)),
            ("update gpkg_contents set min_x = ?, max_x = ?", (1e308, -1e308)),
            ("delete from gpkg_geometry_columns", ()),
            ("delete from gpkg_contents", ()),
            (f'alter table "{table}" add column "{text[:200].replace(chr(34), "")}x" text', ()),
            (f'create view v as select * from "{table}"', ()),
        )
        for order, values in rng.sample(orders, 2):
            try:
                base.execute(order, values)
            except sqlite3.Error:
                continue
        base.commit()
        return base.serialize()


# ---- bombs ----------------------------------------------------------------------------------------------------------

_OSM = b"<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">%s</osm>"


def bombs() -> Iterator[tuple[str, str, bytes | Callable[[], bytes]]]:
    """Yield kind, name and bytes (or what makes them, where that takes long) of what swells, nests or is too much."""
    lol = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    yield "extract", "laughs.osm", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + lol + b"]><osm>&l9;</osm>"
    hidden = b'<?xml version="1.0"?><!--' + b" " * 100_000 + b'--><!DOCTYPE x [<!ENTITY l0 "lol">' + lol
    yield "extract", "hidden.osm", hidden + b']><osm version="0.6"><node id="1" lat="1" lon="&l9;"/></osm>'
    outside = b'<?xml version="1.0"?><!--' + b" " * 100_000 + b'--><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">'
    yield (
        "extract",
        "outside.osm",
        outside + b']><osm version="0.6"><node id="1" lat="1" lon="1"><tag k="a" v="&f;"/></node></osm>',
    )
    node = b'<node id="1" version="1" lat="39.37" lon="-76.79">%s</node>'
    yield "extract", "nested.osm", _OSM % (node % (b"<tag>" * 200_000))
    yield "extract", "long.osm", _OSM % (node % (b'<tag k="name" v="%s"/>' % (b"x" * 8_000_000)))
    yield "extract", "tags.osm", _OSM % (node % (b'<tag k="a" v="b"/>' * 200_000))
    yield (
        "extract",
        "refs.osm",
        _OSM
        % (node % b"" + b'<way id="1" version="1">%s<tag k="building" v="house"/></way>' % (b'<nd ref="1"/>' * 50_000)),
    )
    for ending, pack in (("gz", gzip.compress), ("bz2", bz2.compress)):
        yield "extract", f"spaces.osm.{ending}", partial(_swollen, pack)
    yield "extract", "blob.osm.pbf", partial(_pbf, 40_000_000)
    yield "extract", "lying.osm.pbf", partial(_pbf, 100)
    yield "study", "arrays.toml", b"x = " + b"[" * 100_000
    yield "study", "closed.toml", b"x = " + b"[" * 5_000 + b"]" * 5_000
    yield "study", "tables.toml", b"x = " + b"{a=" * 3_000 + b"1" + b"}" * 3_000
    yield "study", "dots.toml", b".".join([b"a"] * 50_000) + b" = 1"
    yield "study", "deep.toml", b"[" + b".".join([b"camera"] * 5_000) + b"]\nx = 1"
    yield "study", "digits.toml", b"[study]\nseed = " + b"9" * 100_000
    yield "study", "many.toml", b"".join(b"[scenarios.s%d]\nrate = 2.0\n" % n for n in range(20_000))
    yield "study", "keys.toml", b"[study]\n" + b"".join(b"k%d = 1\n" % n for n in range(50_000))
    for kind in ("layer", "zones", "incidents", "weights", "attributes"):
        yield kind, "nested.geojson", b'{"type":"FeatureCollection","features":' + b"[" * 100_000
        deep = b"[" * 3_000 + b"]" * 3_000
        feature = b'{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":%s}}'
        yield kind, "rings.geojson", b'{"type":"FeatureCollection","features":[%s]}' % (feature % deep)
        far = b"[[[1e308,1e308],[-1e308,1e308],[1e308,-1e308],[1e308,1e308]]]"
        yield kind, "far.geojson", b'{"type":"FeatureCollection","features":[%s]}' % (feature % far)
        nested = json.dumps({"type": "Feature", "properties": {"a": {"b": [1] * 1000}}, "geometry": None}).encode()
        yield kind, "properties.geojson", b'{"type":"FeatureCollection","features":[%s]}' % nested
        yield kind, "endless.gpkg", _endless_gpkg()
    for kind in ("incidents", "cameras", "cities", "pairs", "weights"):
        yield kind, "columns.csv", b",".join([b"lon"] * 200_000) + b"\n1"
        yield kind, "field.csv", b'lon,lat,date,category\n-76.79,39.37,2024-01-01,"' + b"x" * 8_000_000 + b'"\n'
        yield kind, "quote.csv", b'lon,lat,date,category\n"' + b"1,\n" * 500_000
        yield kind, "nul.csv", b"lon,lat,date,category\n" + b"\0" * 1_000_000
        yield kind, "far.csv", b"lon,lat,date,category\n1e308,-1e308,9999-12-31,x\n-76.79,39.37,0001-01-01,y\n"
        yield kind, "wide.csv", "lon,lat,date,category\n-76.79,39.37,2024-01-01,x\n".encode("utf-16")
        yield kind, "latin.csv", "lon,lat,date,category\n-76.79,39.37,2024-01-01,caf\xe9\n".encode("latin-1")
    yield "track", "laughs.gpx", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + lol + b"]><gpx>&l9;</gpx>"
    yield "track", "nested.gpx", b"<gpx>" + b"<trk>" * 200_000
    point = b'<trkpt lat="39.37" lon="-76.79"><time>%s</time></trkpt>'
    yield "track", "long.gpx", b"<gpx><trk><name>%s</name><trkseg>%s</trkseg></trk></gpx>" % (b"x" * 8_000_000, point)
    yield (
        "track",
        "times.gpx",
        b"<gpx><trk><trkseg>%s</trkseg></trk></gpx>"
        % b"".join(
            point % when
            for when in (b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z", b"1e308", b"2024-05-01T10:00:00+99:99")
        ),
    )
    ends = (b"-76.7945", b"39.37", b"-76.7855", b"39.37")
    far = b'<trkpt lon="%s" lat="%s"/><trkpt lon="%s" lat="%s"/>' % ends
    yield "track", "many.gpx", b"<gpx><trk><trkseg>%s</trkseg></trk></gpx>" % (far * 20_000)
    yield "track", "tracks.gpx", b"<gpx>%s</gpx>" % (b"<trk><trkseg>%s</trkseg></trk>" % far * 3_000)
    world = b'{"type":"Feature","properties":{"people":1},"geometry":{"type":"LineString","coordinates":%s}}'
    lines = b",".join([world % b"[[-179,-80],[179,80],[-179,80],[179,-80]]"] * 40)
    yield "weights", "world.geojson", b'{"type":"FeatureCollection","features":[%s]}' % lines
    huge = b'<VRTDataset rasterXSize="100000000" rasterYSize="100000000"><VRTRasterBand dataType="Float64" band="1"/>%s'
    yield "terrain", "vrt.tif", huge % b"</VRTDataset>"
    yield "whole", "world.osm", _two_homes((-76.79, 39.37), (10.0, 50.0))
    yield "whole", "county.osm", _two_homes((-76.79, 39.37), (-76.2, 39.8))
    yield "whole", "pole.osm", _two_homes((-179.99, 89.9), (179.99, 89.9))
    yield "whole", "flats.osm", _two_homes((-76.79, 39.37), (-76.789, 39.37), flats=b"1000000000")
    yield "whole", "tall.osm", _two_homes((-76.79, 39.37), (-76.789, 39.37), more=b'<tag k="height" v="1e308"/>')
    yield "whole", "street.osm", _two_homes((-76.79, 39.37), (-76.789, 39.37), street=b'<tag k="width" v="1000000"/>')


def _swollen(pack: Callable[[bytes], bytes]) -> bytes:
    """Return a packed file that unpacks to 3 GB of blanks inside the root of an OSM file."""
    piece = pack(b" " * 100_000_000)
    return pack(b'<?xml version="1.0"?><osm version="0.6">') + piece * 30 + pack(b"</osm>")


def _pbf(says: int) -> bytes:
    """Return a PBF file whose first blob unpacks to something else than it says."""

    def number(value: int) -> bytes:
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])

    packed = zlib.compress(b"\0" * 40_000_000)
    blob = b"\x10" + number(says) + b"\x1a" + number(len(packed)) + packed
    head = b"\x0a\x09OSMHeader\x18" + number(len(blob))
    return len(head).to_bytes(4, "big") + head + blob


def _endless_gpkg() -> bytes:
    """Return a database whose layer is a view that never ends."""
    with closing(sqlite3.connect(":memory:")) as base, base:
        base.executescript(
            "pragma application_id = 1196444487; pragma user_version = 10300;"
            "create table gpkg_contents (table_name text primary key, data_type text, identifier text,"
            " description text, last_change text, min_x real, min_y real, max_x real, max_y real, srs_id integer);"
            "create table gpkg_geometry_columns (table_name text, column_name text, geometry_type_name text,"
            " srs_id integer, z integer, m integer);"
            "create table gpkg_spatial_ref_sys (srs_name text, srs_id integer primary key, organization text,"
            " organization_coordsys_id integer, definition text, description text);"
            "create view v as with recursive n(i) as (select 1 union all select i + 1 from n)"
            " select i as fid, x'47500000e6100000' as geom from n;"
            "insert into gpkg_contents values ('v', 'features', 'v', '', '', 0, 0, 1, 1, 4326);"
            "insert into gpkg_geometry_columns values ('v', 'geom', 'POLYGON', 4326, 0, 0);"
            "insert into gpkg_spatial_ref_sys values ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS[\"WGS 84\"]', '');"
        )
        return base.serialize()


def _two_homes(
    one: tuple[float, float], other: tuple[float, float], *, flats: bytes = b"1", more: bytes = b"", street: bytes = b""
) -> bytes:
    """Return two homes, a street before each, as far apart as asked."""
    out = io.BytesIO()
    number = 1
    ways = []
    for lon, lat in (one, other):
        corners = [(0, 0), (1e-4, 0), (1e-4, 1e-4), (0, 1e-4), (-5e-4, -1e-4), (5e-4, -1e-4)]
        for dx, dy in corners:
            out.write(b'<node id="%d" version="1" lat="%.7f" lon="%.7f"/>' % (number, lat + dy, lon + dx))
            number += 1
        first = number - 6
        refs = b"".join(b'<nd ref="%d"/>' % (first + n) for n in (0, 1, 2, 3, 0))
        line = b"".join(b'<nd ref="%d"/>' % (first + n) for n in (4, 5))
        tags = b'<tag k="building" v="house"/><tag k="building:flats" v="%s"/>' % flats + more
        ways.append(b'<way id="%d" version="1">%s%s</way>' % (first, refs, tags))
        ways.append(
            b'<way id="%d" version="1">%s<tag k="highway" v="residential"/>%s</way>' % (first + 1, line, street)
        )
    (west, south), (east, north) = (
        (min(one[0], other[0]), min(one[1], other[1])),
        (max(one[0], other[0]), max(one[1], other[1])),
    )
    edges = (south - 0.002, west - 0.002, north + 0.002, east + 0.002)
    bounds = b'<bounds minlat="%.7f" minlon="%.7f" maxlat="%.7f" maxlon="%.7f"/>' % edges
    return _OSM % (bounds + out.getvalue() + b"".join(ways))
