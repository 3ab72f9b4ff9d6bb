"""Reading a city by place: a place name, an address with a distance, or a bounding box.

OSMnx does what it does best: it geocodes (Nominatim), subdivides the polygon and words the Overpass query. It is
stopped before it builds geometries: its answers are written as one ``.osm.pbf``, which the reader of extracts then
reads. So there is one reader and one set of rules for geometry, whatever the data came from, and what was downloaded
can be kept with the run and read again without a network. OSMnx's public `features_from_polygon` with
`cache_only_mode` is what does that.

How a server is asked, and what of it is believed, is `overpass.py`.

One limit of Overpass's ``poly`` filter: an area that surrounds the whole region without an edge or node in it is not
returned.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import logging
import math
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import osmium
import osmnx
import shapely
from osmium.osm import mutable
from shapely.geometry.base import BaseGeometry

from doorview.city.model import HALO_M, City
from doorview.city.overpass import Endpoint, NothingFoundError, TooLargeError, ask_patiently, host, plain, strange
from doorview.city.tags import AREA_TAGS, NODE_KEYS
from doorview.errors import EmptyCityError, InputError, NetworkError, OutputError, UnknownNameError

if TYPE_CHECKING:
    from pyproj import CRS

__all__ = [
    "ALSO",
    "ATTRIBUTION",
    "DOWNLOAD_TAGS",
    "LICENCE",
    "Download",
    "Endpoint",
    "Place",
    "city_from_place",
    "download",
    "find_place",
]

_LOG = logging.getLogger(__name__)

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL-1.0"


def _download_tags() -> dict[str, bool | list[str]]:
    """Return what any layer of a city is made of, as OSMnx takes it.

    A key is asked for as a whole, unless few of its values matter (``place=square``) or another is mapped by the ten
    thousand (``natural=tree``, ``power=pole``).
    """
    wanted: dict[str, bool | list[str]] = {}
    for key, (values, _why) in AREA_TAGS.items():
        wanted[key] = sorted(values) if values and (len(values) <= 2 or key in {"natural", "power"}) else True
    return {**wanted, **dict.fromkeys(("building", "highway", "barrier", *NODE_KEYS), True)}


DOWNLOAD_TAGS: Mapping[str, bool | list[str]] = MappingProxyType(_download_tags())
"""What is asked for; known cameras (``man_made=surveillance``) are among it."""

ALSO: Mapping[str, Mapping[str, bool | list[str]]] = MappingProxyType(
    {
        "trees": MappingProxyType({"natural": ["tree", "tree_row"]}),
        "parts": MappingProxyType({"building:part": True}),
    }
)
"""What is asked for only where it is wanted: in a city of trees they are most of the download."""


def _tags(also: Sequence[str]) -> dict[str, bool | str | list[str]]:
    """Return what is asked for, as OSMnx takes it."""
    wanted: dict[str, bool | str | list[str]] = dict(DOWNLOAD_TAGS)
    for name in also:
        for key, values in ALSO[name].items():
            before = wanted.get(key, [])
            wanted[key] = sorted({*before, *values}) if isinstance(before, list) and isinstance(values, list) else True
    return wanted


MAX_QUERY_KM2 = 100.0
"""Largest area of one query [km2]: a dense city's buildings stay within Overpass's default 512 MiB and 180 s."""

MAX_PLACE_KM2 = 5_000.0
"""Largest place that is downloaded [km2]; beyond it an extract is the polite and the faster way."""

_SPLITS = 3  # how often a query that was too large for the server is divided, into about a quarter each time
_MAX_VERTICES = 150  # Overpass takes 1 MiB of query, and OSMnx repeats the polygon for each of some 130 filters
_SEGMENT_DEGREES = 0.01  # a parallel is not straight in a projection: at 70 km it is 80 m off, at 1 km 2 cm


@dataclasses.dataclass(frozen=True)
class Place:
    """A place: its `name` for titles and its `polygon` (EPSG:4326, x is the longitude)."""

    name: str
    polygon: BaseGeometry


@dataclasses.dataclass(frozen=True)
class Download:
    """What was downloaded: an extract on disk, and how it came about.

    `region` (EPSG:4326) is where the data reach: the place with its halo. `info` is what stands in the ``.json``
    beside the extract.
    """

    extract: Path
    region: BaseGeometry
    info: dict[str, Any]


# ---- the one function of users
# -----------------------------------------------------------------------------------------


def city_from_place(
    query: str | None = None,
    *,
    distance_m: float | None = None,
    bbox: Sequence[float] | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    keep: Path | str | None = None,
    name: str | None = None,
    halo_m: float = HALO_M,
    also: Iterable[str] = (),
    endpoint: Endpoint | None = None,
) -> City:
    """Download a city from OpenStreetMap by place and return it, its boundary being the place.

    Parameters
    ----------
    query
        A place name with a boundary in OSM ("Lakeland, Florida, USA"), or an address if `distance_m` is given.
    distance_m
        The city is what lies within this distance [m] of the address.
    bbox
        West, south, east, north [degrees, EPSG:4326], instead of a query.
    crs
        Projected CRS in metres, by default the local UTM zone.
    country
        Key of the street-width defaults.
    keep
        Folder that keeps the download (`place.osm.pbf`, `place_boundary.geojson`, `place.json`). The same city is
        read offline by `City.from_extract(keep / "place.osm.pbf", boundary=keep / "place_boundary.geojson")`.
    name
        For titles, by default the query.
    halo_m
        How far beyond the place data are downloaded [m]; no less than the largest range of any level.
    also
        What else is downloaded, of ``trees`` (with tree rows) and ``parts`` (of buildings); without it those layers of
        the city are None.
    endpoint
        Servers, timeout and waits, by default `Endpoint.from_environment()`.

    Raises
    ------
    InputError
        A place that is not found, has no boundary or is too large, or arguments that do not fit.
    UnknownNameError
        Something in `also` that is none of the above.
    EmptyCityError
        Nothing is mapped there.
    NetworkError
        A server that cannot be reached, stays busy, or answers something else than it should.
    OutputError
        `keep` cannot be written.
    """
    endpoint = endpoint or Endpoint.from_environment()
    also = checked_also(also)
    if not (math.isfinite(halo_m) and halo_m >= 0):
        raise InputError(
            f"halo_m is {halo_m!r}; data cannot reach that far beyond the place. Give metres, e.g. halo_m=150."
        )
    folder = None if keep is None else _writable(Path(keep))
    place = find_place(query, distance_m=distance_m, bbox=bbox, endpoint=endpoint)
    if name is not None:
        place = dataclasses.replace(place, name=name)
    with tempfile.TemporaryDirectory(prefix="doorview-") as scratch:
        got = download(place, folder or Path(scratch), halo_m=halo_m, also=also, endpoint=endpoint)
        return without_unasked(_read(got, place, crs, country, halo_m, kept=folder is not None), also)


def checked_also(also: Iterable[str]) -> tuple[str, ...]:
    """Return what else is wanted, each once and in order; `UnknownNameError` for what is no name of `ALSO`."""
    names = sorted({also} if isinstance(also, str) else set(also))
    for name in names:
        if name not in ALSO:
            raise UnknownNameError("layer to download", name, ALSO)
    return tuple(names)


def without_unasked(city: City, also: Sequence[str]) -> City:
    """Return the city without layers that were not asked for: what came with others would pass for the whole."""
    trees, parts = "trees" in also, "parts" in also
    return dataclasses.replace(
        city,
        trees=city.trees if trees else None,
        tree_rows=city.tree_rows if trees else None,
        parts=city.parts if parts else None,
    )


def _read(
    got: Download, place: Place, crs: CRS | str | int | None, country: str | None, halo_m: float, *, kept: bool
) -> City:
    """Read the downloaded extract with the reader of all extracts, and say where it came from."""
    city = City.from_extract(
        got.extract, boundary=place.polygon, crs=crs, country=country, name=place.name, halo_m=halo_m
    )
    source = {
        **city.source,
        "kind": "place",
        "files": [
            {
                "path": str(got.extract) if kept else got.info["overpass_url"],
                "sha256": got.info["sha256"],
                "licence": LICENCE,
            }
        ],
        "data_date": got.info["data_date"],
        "attribution": ATTRIBUTION,
    }
    return dataclasses.replace(city, source=source)


# ---- the place
# ---------------------------------------------------------------------------------------------------------


def find_place(
    query: str | None = None,
    *,
    distance_m: float | None = None,
    bbox: Sequence[float] | None = None,
    endpoint: Endpoint | None = None,
) -> Place:
    """Return the polygon of a place name, of an address with a distance [m], or of a bounding box.

    Arguments and errors are those of `city_from_place`.
    """
    endpoint = endpoint or Endpoint.from_environment()
    if bbox is not None:
        if distance_m is not None:
            raise InputError("both bbox and distance_m are given, and they say different places. Give one of them.")
        box = _checked_box(bbox)
        return Place(
            query or "{:g}, {:g}, {:g}, {:g}".format(*box), shapely.segmentize(shapely.box(*box), _SEGMENT_DEGREES)
        )
    if query is None or not query.strip():
        raise InputError(
            "no place is named, so there is nothing to download. Name one ('Lakeland, Florida, USA'), "
            "or give bbox=(west, south, east, north)."
        )
    if distance_m is None:
        return Place(query, _geocoded_area(query, endpoint))
    if not (math.isfinite(distance_m) and distance_m > 0):
        raise InputError(f"distance_m is {distance_m!r}; it must be a number of metres above 0, e.g. distance_m=800.")
    lat, lon = _geocoded_point(query, endpoint)
    return Place(query, _widened(shapely.Point(lon, lat), distance_m))


def _checked_box(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """Return a bounding box as four floats, or raise `InputError` with the order that is meant."""
    mend = "Give bbox=(west, south, east, north) in degrees, e.g. (-81.97, 28.02, -81.94, 28.05)."
    try:
        west, south, east, north = (float(value) for value in bbox)
    except (TypeError, ValueError) as error:
        raise InputError(f"bbox is {bbox!r}, not four numbers, so it says no place. {mend}") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(f"bbox is {(west, south, east, north)}, whose sides are not in order or not degrees. {mend}")
    return west, south, east, north


def _geocoded_area(query: str, endpoint: Endpoint) -> BaseGeometry:
    """Geocode a place name to its (multi)polygon."""
    try:
        frame = ask_patiently(lambda: osmnx.geocoder.geocode_to_gdf(query), endpoint, endpoint.nominatim_url, list)
    except NothingFoundError as error:
        raise _not_found(query, endpoint) from error
    except TypeError as error:  # what OSMnx raises where no result is a polygon
        raise InputError(
            f"the place {query!r} was found, but OpenStreetMap has only a point or a line for it, not an area, so "
            "its limits are not known. Give a distance around it, e.g. distance_m=800, or a bbox."
        ) from error
    except (KeyError, ValueError) as error:
        raise strange(endpoint.nominatim_url, f"a place without what a place should have ({error!r})") from error
    shape = shapely.make_valid(frame.geometry.iloc[0])
    return shapely.union_all([part for part in shapely.get_parts(shape) if shapely.get_dimensions(part) == 2])


def _geocoded_point(query: str, endpoint: Endpoint) -> tuple[float, float]:
    """Geocode an address to (latitude, longitude) [degrees]."""
    try:
        return ask_patiently(lambda: osmnx.geocoder.geocode(query), endpoint, endpoint.nominatim_url, list)
    except NothingFoundError as error:
        raise _not_found(query, endpoint) from error
    except (KeyError, TypeError, ValueError) as error:
        raise strange(endpoint.nominatim_url, f"a place without coordinates ({error!r})") from error


def _not_found(query: str, endpoint: Endpoint) -> InputError:
    return InputError(
        f"the place {query!r} is not known at {host(endpoint.nominatim_url)}, so there is nothing to download. Check "
        "the spelling and add state and country ('Lakeland, Florida, USA'), or give bbox=(west, south, east, north)."
    )


def _widened(geometry: BaseGeometry, distance_m: float) -> BaseGeometry:
    """Return a geometry (EPSG:4326) with all that lies within `distance_m` [m] of it, by the local UTM zone."""
    local, local_crs = osmnx.projection.project_geometry(geometry)
    return osmnx.projection.project_geometry(local.buffer(distance_m), crs=local_crs, to_latlong=True)[0]


# ---- the download
# ------------------------------------------------------------------------------------------------------


def download(
    place: Place, folder: Path, *, halo_m: float, also: Sequence[str] = (), endpoint: Endpoint | None = None
) -> Download:
    """Download what a city is made of, as far as `halo_m` [m] beyond the place, and write it into `folder`.

    Writes `place.osm.pbf` (sorted; every object once), `place_boundary.geojson` and, last, `place.json` (the place,
    the queries, the servers, the date of the data, the checksum); each appears whole or not at all. Raises as
    `city_from_place`.
    """
    endpoint = endpoint or Endpoint.from_environment()
    local, local_crs = osmnx.projection.project_geometry(place.polygon)
    area_km2 = local.area / 1e6
    if area_km2 > MAX_PLACE_KM2:
        raise InputError(
            f"{place.name!r} covers {area_km2:,.0f} km2, more than the {MAX_PLACE_KM2:,.0f} km2 that should be asked "
            "of a public server. Download an extract of the region and give that file with a boundary, or name a "
            "smaller place."
        )
    if not area_km2 > 0:
        raise InputError(
            f"the area of {place.name!r} is empty, so nothing can be counted in it. Give a distance_m or a bbox."
        )
    asked = _few_vertices(local, halo_m)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        answers = Path(scratch) / "answers"
        queries = _ask_overpass(asked, local_crs, answers, place.name, endpoint, _tags(also))
        merged = Path(scratch) / "place.osm.pbf"
        region, _ = osmnx.projection.project_geometry(local.buffer(halo_m), crs=local_crs, to_latlong=True)
        dates = _merge(sorted(answers.glob("*.json")), merged, region, place, endpoint)
        info = {
            "place": place.name,
            "halo_m": halo_m,
            "also": list(also),
            "overpass_url": endpoint.overpass_url,
            "nominatim_url": endpoint.nominatim_url,
            "query": re.sub(r"poly:'[^']*'", "poly:'{polygon}'", queries[0]),
            "polygons": [found[1] for found in (re.search(r"poly:'([^']*)'", query) for query in queries) if found],
            "data_date": min(dates)[:10] if dates else None,
            "timestamps_osm_base": sorted(set(dates)),
            "downloaded": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "sha256": hashlib.sha256(merged.read_bytes()).hexdigest(),
            "licence": LICENCE,
            "attribution": ATTRIBUTION,
        }
        boundary = {
            "type": "Feature",
            "properties": {"name": place.name},
            "geometry": shapely.geometry.mapping(place.polygon),
        }
        _put(Path(scratch), "place_boundary.geojson", {"type": "FeatureCollection", "features": [boundary]}, folder)
        merged.replace(folder / "place.osm.pbf")
        _put(Path(scratch), "place.json", info, folder)
    return Download(folder / "place.osm.pbf", region, info)


def _put(scratch: Path, name: str, content: dict[str, Any], folder: Path) -> None:
    """Write a JSON file so that it appears whole."""
    (scratch / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (scratch / name).replace(folder / name)


def _writable(folder: Path) -> Path:
    """Make the folder, and find out before the download whether it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"the folder {str(folder)!r} cannot be written ({error.strerror}), so the download could not be kept. "
            "Give another keep=."
        ) from error
    return folder


def _few_vertices(local: BaseGeometry, halo_m: float) -> BaseGeometry:
    """Return a polygon with few vertices that holds everything within `halo_m` [m] of `local` (projected).

    Simplifying moves no point further than its tolerance, so widening by the tolerance first keeps all inside; it is
    done twice, as an edge that is straight here is so in degrees only within the same tolerance.
    """
    tolerance_m = 5.0
    asked = local.simplify(tolerance_m).buffer(halo_m + 3 * tolerance_m, quad_segs=4).simplify(tolerance_m)
    while shapely.get_num_coordinates(asked) > _MAX_VERTICES:
        tolerance_m *= 2
        asked = asked.buffer(2 * tolerance_m, quad_segs=2).simplify(tolerance_m)
    return asked


def _ask_overpass(
    asked: BaseGeometry,
    local_crs: Any,
    answers: Path,
    name: str,
    endpoint: Endpoint,
    tags: dict[str, bool | str | list[str]],
) -> list[str]:
    """Fill the folder `answers` with whole answers (JSON, one file per query) and return the queries.

    A query that is too large for the server is divided and asked again: what timed out is never used.
    """
    parts = shapely.get_parts(asked)  # of several OSMnx would take the convex hull, with all the sea between islands
    polygons = [osmnx.projection.project_geometry(part, crs=local_crs, to_latlong=True)[0] for part in parts]
    queries: list[str] = []

    def ask() -> None:
        for polygon in polygons:
            try:
                osmnx.features.features_from_polygon(polygon, tags)
            except InterruptedError:  # what OSMnx raises in cache_only_mode once all queries are answered
                continue

    size_m2 = min(MAX_QUERY_KM2 * 1e6, float(shapely.area(parts).max()))
    remark = ""
    for _ in range(1 + _SPLITS):
        try:
            ask_patiently(
                ask, endpoint, endpoint.overpass_url, dict, answers=answers, max_query_area_m2=size_m2, queries=queries
            )
        except TooLargeError as trouble:
            remark = str(trouble)
            _LOG.warning(
                "%s could not answer in one piece (%s): dividing the query", host(endpoint.overpass_url), remark
            )
            size_m2 /= 4
        else:
            return queries
    raise NetworkError(
        f"{host(endpoint.overpass_url)} gave only part of {name!r} (it remarks: {remark}), also after the area was "
        f"divided {_SPLITS} times, so nothing of it was used: shares of a part would be wrong. Try later, name a "
        "smaller place, or download an extract and give that file."
    )


def _merge(answers: Sequence[Path], target: Path, region: BaseGeometry, place: Place, endpoint: Endpoint) -> list[str]:
    """Write Overpass answers as one sorted extract, every object once; return their `osm3s.timestamp_osm_base`."""
    dates: list[str] = []
    merger = osmium.MergeInputReader()
    count = 0
    for path in answers:
        document = json.loads(path.read_text(encoding="utf-8"))
        date = document.get("osm3s", {}).get("timestamp_osm_base")
        if isinstance(date, str) and re.match(r"\d{4}-\d{2}-\d{2}T", date):
            dates.append(date)
        piece = path.with_suffix(".osm.pbf")
        _write_elements(document["elements"], piece, endpoint)
        count += len(document["elements"])
        merger.add_file(str(piece))
    if not count:
        raise EmptyCityError(
            f"OpenStreetMap has nothing for {place.name!r} ({_bounds(place)}), so there is neither street nor home "
            "to look at. Check the place, or the order bbox=(west, south, east, north)."
        )
    header = osmium.io.Header()
    header.set("generator", "doorview")
    header.set("sorting", "Type_then_ID")
    header.add_box(osmium.osm.Box(*region.bounds))
    if dates:
        header.set("osmosis_replication_timestamp", min(dates))
    with osmium.SimpleWriter(str(target), header=header, overwrite=True) as writer:
        merger.apply(writer, simplify=True)
    return dates


def _write_elements(elements: list[dict[str, Any]], target: Path, endpoint: Endpoint) -> None:
    """Write the elements of one Overpass answer as an OSM file; raise `NetworkError` for what is no OSM object."""
    member_types = {"node": "n", "way": "w", "relation": "r"}
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for element in elements:
            try:
                kind, osm_id, tags = element["type"], int(element["id"]), element.get("tags", {})
                if kind == "node":
                    location = (float(element["lon"]), float(element["lat"]))
                    writer.add_node(mutable.Node(id=osm_id, location=location, tags=tags))
                elif kind == "way":
                    writer.add_way(mutable.Way(id=osm_id, nodes=element.get("nodes", []), tags=tags))
                elif kind == "relation":
                    members = [(member_types[m["type"]], int(m["ref"]), m["role"]) for m in element.get("members", [])]
                    writer.add_relation(mutable.Relation(id=osm_id, members=members, tags=tags))
            except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
                # RuntimeError is what pyosmium raises for a value of a wrong type
                raise strange(
                    endpoint.overpass_url, f"an element that is no OSM object ({plain(str(element))})"
                ) from error


def _bounds(place: Place) -> str:
    return "west {:.5f}, south {:.5f}, east {:.5f}, north {:.5f}".format(*place.polygon.bounds)
