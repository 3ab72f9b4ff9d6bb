"""Reading OSM extracts with pyosmium: buildings, ways, areas, barriers, addresses, entrances and known cameras.

Four passes, each over one kind of object: relations, nodes (their places), tagged ways, and the untagged ways of
which multipolygons are made. So the order of objects in the file, sorted or not, changes nothing. Polygons of
relations are assembled in `doorview.city.rings` rather than by libosmium, which needs the file in order.

Faults: a way with missing nodes (an extract cut at its edge) keeps its longest run of known nodes if it is a line and
is dropped if it is an outline; an outline that is not closed is dropped; a building outline whose multipolygon is a
building too is dropped in favour of that. All are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import osmium
import pandas as pd
import shapely
from osmium.osm import NODE, NOTHING, RELATION, WAY
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from doorview.city.clean import tally
from doorview.city.crs import WGS84, local_utm
from doorview.city.extract_objects import Collector, Objects, Sink, close, geometries
from doorview.city.model import HALO_M, Boundary, City, city_from_tables
from doorview.city.osmfile import MEND, checked_format, name_of, reading, sha256_of
from doorview.city.rings import even_odd
from doorview.city.tags import (
    AREA_TAGS,
    KEYS,
    LAYERS,
    LINE_OR_AREA,
    NODE_KEYS,
    PLACE_TAGS,
    WAY_KEYS,
    is_area,
    is_building,
    is_building_part,
    is_place,
    is_surveillance,
    is_tree,
    is_tree_row,
    is_way,
)
from doorview.errors import InputError

__all__ = ["ATTRIBUTION", "EXTRACT_LAYERS", "LICENCE", "Extract", "city_from_extract", "read_extract", "read_into"]

ATTRIBUTION = "© OpenStreetMap contributors"
LICENCE = "ODbL-1.0"
FICTIONAL = "doorview demo"
"""How the header of a fictional extract, of doorview's own making, begins to name the program that wrote it."""
FICTIONAL_LICENCE = "BSD-3-Clause"

EXTRACT_LAYERS: tuple[str, ...] = tuple(layer for layer in LAYERS if layer != "parcels")
"""Layers that an extract has, if only without objects."""

_BATCH = 50_000  # objects that are held before they are handed on
_AREA_TYPES = frozenset({"multipolygon", "boundary"})


@dataclass
class Extract:
    """What was read from a file: raw layers (EPSG:4326), where its data reach, its date, and what was dropped."""

    layers: dict[str, gpd.GeoDataFrame]
    reach: BaseGeometry | None
    data_date: str | None
    sha256: str
    dropped: Counter[str]
    attribution: str = ATTRIBUTION
    licence: str = LICENCE


def city_from_extract(
    path: Path | str,
    *,
    boundary: Boundary | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    name: str | None = None,
    halo_m: float = HALO_M,
) -> City:
    """Read a city from an OSM extract; see `City.from_extract`."""
    from doorview.city.layers import read_boundary

    inside = None if boundary is None else read_boundary(boundary)
    got = read_extract(path, None if inside is None else widened(inside, halo_m))
    return city_from_tables(
        got.layers,
        source=source_of(path, got),
        name=name or name_of(path),
        reach=got.reach,
        boundary=inside,
        crs=crs,
        country=country,
        dropped=got.dropped,
        halo_m=halo_m,
    )


def source_of(path: Path | str, got: Extract) -> dict[str, Any]:
    """Return the `source` of a city that was read from one extract."""
    return {
        "kind": "extract",
        "files": [{"path": str(path), "sha256": got.sha256, "licence": got.licence}],
        "data_date": got.data_date,
        "attribution": got.attribution,
    }


def widened(boundary: gpd.GeoSeries, halo_m: float) -> BaseGeometry:
    """Return a boundary with all that lies within `halo_m` [m] of it (EPSG:4326), measured in the local UTM zone."""
    west, south, east, north = boundary.to_crs(WGS84).total_bounds
    utm = local_utm((west + east) / 2.0, (south + north) / 2.0)
    local = shapely.union_all(shapely.make_valid(boundary.to_crs(utm).to_numpy())).buffer(halo_m)
    return gpd.GeoSeries([local], crs=utm).to_crs(WGS84).iloc[0]


# ---- reading
# ---------------------------------------------------------------------------------------------------------------


@dataclass
class _Relation:
    """A multipolygon: its id, version, tags and the ways of which it is made."""

    number: int
    version: int
    tags: dict[str, str]
    members: list[int]


def read_extract(path: Path | str, clip: BaseGeometry | None = None) -> Extract:
    """Read the layers of an OSM extract, each object once, in longitude and latitude.

    Args:
        path: the file; `.osm.pbf`, `.osm`, `.osm.gz` or `.osm.bz2`, whatever it is called.
        clip: polygon (EPSG:4326); objects that do not touch it are let go while reading.

    Raises:
        MissingFileError, InputError: see `doorview.city.osmfile.checked_format`; also a truncated or damaged file.
    """
    kept = _Kept()
    got = read_into(kept, path, clip)
    return replace(got, layers={layer: kept.table(layer) for layer in EXTRACT_LAYERS})


def read_into(sink: Sink, path: Path | str, clip: BaseGeometry | None = None, *, batch: int | None = None) -> Extract:
    """Read an OSM extract as `read_extract`, its objects into a sink; the `layers` of what is returned are none.

    Args:
        sink: takes the objects. When this returns, each of them is there once.
        path: the file.
        clip: polygon (EPSG:4326); objects that do not touch it are let go while reading.
        batch: objects that are held before they are handed on.

    Raises:
        MissingFileError, InputError: as `read_extract`.
    """
    path = Path(path)
    file = osmium.io.File(str(path), checked_format(path))
    dropped: Counter[str] = Counter()
    newest = _Newest()
    objects = Collector(sink, clip, dropped, _BATCH if batch is None else batch)
    with reading(path):
        with osmium.io.Reader(file, NOTHING) as reader:
            header = reader.header()
            box = header.box()
            reach = None
            if box.valid() and box.size() > 0:
                low, high = box.bottom_left, box.top_right
                reach = shapely.box(low.lon, low.lat, high.lon, high.lat)
            if header.has_multiple_object_versions:
                raise InputError(
                    f"{str(path)!r} is a history file, with every version of its objects, so it says no one city. "
                    f"{MEND}"
                )
            stamp = str(header.get("osmosis_replication_timestamp", ""))
            generator = str(header.get("generator", ""))
        newest.asked = not re.match(r"(19[89]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}", stamp)
        relations = _read_relations(file, dropped, newest)
        places = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
        places.ignore_errors()
        _read_nodes(file, places, objects, newest)
        replaced = {way for relation in relations if is_building(relation.tags) for way in relation.members}
        doubtful = _read_ways(file, places, objects, replaced, dropped, newest)
        rings = _member_lines(file, places, {way for relation in relations for way in relation.members})
    del places
    _add_relations(objects, doubtful, relations, rings, dropped)
    objects.finish()
    date = newest.date() if newest.asked else stamp[:10]
    got = Extract({}, reach, date, sha256_of(path), dropped)
    return replace(got, attribution=generator, licence=FICTIONAL_LICENCE) if generator.startswith(FICTIONAL) else got


def _objects(reader: osmium.io.Reader, *handlers: Any) -> Iterator[Any]:
    """Return the objects of a file that pass `handlers`, which the caller must hold: pyosmium keeps no reference."""
    return iter(osmium.OsmFileIterator(reader, *handlers))


class _Newest:
    """The newest timestamp among objects that were kept, where the file's header says none."""

    def __init__(self) -> None:
        self.asked = True
        self.stamp: Any = None

    def see(self, item: Any) -> None:
        stamp = item.timestamp
        if self.stamp is None or stamp > self.stamp:
            self.stamp = stamp

    def date(self) -> str | None:
        """Return the date (ISO); files without timestamps say 1970, which is none."""
        return None if self.stamp is None or self.stamp.year <= 1970 else self.stamp.date().isoformat()


def _read_relations(file: osmium.io.File, dropped: Counter[str], newest: _Newest) -> list[_Relation]:
    """Read the multipolygons that are buildings or areas."""
    found = []
    wanted = osmium.filter.KeyFilter(*WAY_KEYS, "building:part")
    with osmium.io.Reader(file, RELATION) as reader:
        for item in _objects(reader, wanted):
            tags = dict(item.tags)
            if tags.get("type") not in _AREA_TYPES or not (
                is_building(tags) or is_building_part(tags) or is_area(tags, multipolygon=True)
            ):
                continue
            members = sorted({member.ref for member in item.members if member.type == "w"})
            found.append(_Relation(item.id, item.version, tags, members))
            if newest.asked and not tags.keys().isdisjoint(WAY_KEYS):
                newest.see(item)
    latest: dict[int, _Relation] = {}
    for relation in found:
        other = latest.get(relation.number)
        if other is None or other.version < relation.version:
            latest[relation.number] = relation
    if len(found) > len(latest):
        dropped["relations: repeated in the file, dropped"] += len(found) - len(latest)
    return [latest[number] for number in sorted(latest)]


def _read_nodes(file: osmium.io.File, places: osmium.NodeLocationsForWays, objects: Collector, newest: _Newest) -> None:
    """Read where all nodes lie into `places`, and the addresses, entrances, cameras, trees and goals among them."""
    wanted = osmium.filter.KeyFilter(*NODE_KEYS, "man_made", "natural", *PLACE_TAGS)
    with osmium.io.Reader(file, NODE) as reader:
        for item in _objects(reader, places, wanted):
            if not item.location.valid():
                continue
            tags = dict(item.tags)
            point, name = shapely.Point(item.lon, item.lat), f"n{item.id}"
            if "addr:housenumber" in tags:
                objects.add("addresses", name, item.version, point, tags)
            if tags.get("entrance", "no") != "no":
                objects.add("entrances", name, item.version, point, tags)
            if is_surveillance(tags):
                objects.add("surveillance", name, item.version, point, tags)
            if is_tree(tags):
                objects.add("trees", name, item.version, point, tags)
            if is_place(tags):
                objects.add("places", name, item.version, point, tags)
            if newest.asked and (is_surveillance(tags) or not tags.keys().isdisjoint(NODE_KEYS)):
                newest.see(item)


def _read_ways(
    file: osmium.io.File,
    places: osmium.NodeLocationsForWays,
    objects: Collector,
    replaced: set[int],
    dropped: Counter[str],
    newest: _Newest,
) -> Objects:
    """Read tagged ways: outlines of buildings and areas (their shapes still lines), and what is a line.

    `replaced` are members of building multipolygons: those that are buildings of their own are returned.
    """
    doubtful = Objects()
    factory = osmium.geom.WKBFactory()
    wanted = osmium.filter.KeyFilter(*WAY_KEYS, "building:part")
    with osmium.io.Reader(file, WAY) as reader:
        for item in _objects(reader, places, wanted):
            tags = dict(item.tags)
            building = is_building(tags)
            way = not building and is_way(tags)
            area = not building and is_area(tags)
            barrier = tags.get("barrier", "no") != "no"
            part, row = is_building_part(tags), is_tree_row(tags)
            if not (building or way or area or barrier or part or row):
                continue
            name, version = f"w{item.id}", item.version
            nodes = np.array([node.ref for node in item.nodes], dtype=np.int64) if way else None
            whole = True
            try:
                shape: Any = factory.create_linestring(item, osmium.geom.ALL) if len(item.nodes) > 1 else None
            except osmium.InvalidLocationError:
                whole = False
                shape, nodes = _longest_run(item.nodes)
            along = {"ways": way, "barriers": barrier, "tree_rows": row}
            if whole or shape is not None:
                for layer in [layer for layer, hit in along.items() if hit]:
                    objects.add(layer, name, version, shape, tags, nodes if layer == "ways" else None)
            if not whole:
                kept = along if shape is not None else {}
                hits = {**along, "buildings": building, "areas": area, "parts": part}
                for layer, hit in hits.items():
                    what = "longest known run kept" if kept.get(layer) else "dropped"
                    tally(dropped, layer, f"nodes missing from the file, {what}", int(hit))
            elif building:
                if item.id in replaced:
                    doubtful.add(name, version, shape, tags)
                else:
                    objects.add("buildings", name, version, shape, tags)
            elif part:
                objects.add("parts", name, version, shape, tags)
            maybe = way or LINE_OR_AREA.issuperset(AREA_TAGS.keys() & tags.keys())  # a line is no fault here
            if whole and area and (item.is_closed() or not maybe):
                objects.add("areas", name, version, shape, tags)
            if newest.asked and (building or way or area or barrier):
                newest.see(item)
    return doubtful


def _longest_run(nodes: Iterable[Any]) -> tuple[BaseGeometry | None, npt.NDArray[np.int64]]:
    """Return the longest run of nodes whose place is known (the first of equals), as line and ids; None below two."""
    runs: list[list[tuple[int, float, float]]] = [[]]
    for node in nodes:
        if node.location.valid():
            runs[-1].append((node.ref, node.lon, node.lat))
        elif runs[-1]:
            runs.append([])
    best = max(runs, key=len)
    ids = np.array([ref for ref, _, _ in best], dtype=np.int64)
    return (shapely.LineString([(lon, lat) for _, lon, lat in best]) if len(best) > 1 else None), ids


def _member_lines(
    file: osmium.io.File, places: osmium.NodeLocationsForWays, members: set[int]
) -> dict[int, npt.NDArray[np.float64] | None]:
    """Read the member ways of multipolygons: way id -> (nodes, 3) of id, longitude, latitude.

    A way with missing nodes is None. Node ids as float64 are exact up to 2^53, far beyond OSM's.
    """
    found: dict[int, npt.NDArray[np.float64] | None] = {}
    if not members:
        return found
    wanted = osmium.filter.IdFilter(members)
    with osmium.io.Reader(file, WAY) as reader:
        for item in _objects(reader, places, wanted):
            nodes = item.nodes
            if all(node.location.valid() for node in nodes):
                found[item.id] = np.array([(node.ref, node.lon, node.lat) for node in nodes], dtype=np.float64).reshape(
                    -1, 3
                )
            else:
                found[item.id] = None
    return found


# ---- polygons
# --------------------------------------------------------------------------------------------------------------


def _add_relations(
    objects: Collector,
    doubtful: Objects,
    relations: list[_Relation],
    rings: Mapping[int, npt.NDArray[np.float64] | None],
    dropped: Counter[str],
) -> None:
    """Add the polygons of relations; sort out outlines that are tagged twice (`doubtful`)."""
    close(doubtful, "buildings", dropped)
    inside: set[str] = set()
    for relation in relations:
        part = is_building_part(relation.tags)
        area = not part or is_area(relation.tags, multipolygon=True)
        layer = "buildings" if is_building(relation.tags) else "areas" if area else "parts"
        members = [rings.get(way) for way in relation.members]
        known = [ring for ring in members if ring is not None]
        if len(known) < len(members) or not known:
            dropped[f"{layer}: parts of the multipolygon missing from the file, dropped"] += 1
            continue
        shape = even_odd(known)
        if shape is None:
            dropped[f"{layer}: multipolygon whose outline does not close, dropped"] += 1
            continue
        for made in (layer, "parts") if part and area else (layer,):
            objects.add(made, f"r{relation.number}", relation.version, shape, relation.tags)
        if layer == "buildings":
            inside.update(f"w{way}" for way in relation.members)
    own = zip(doubtful.ids, doubtful.versions, doubtful.shapes, doubtful.tags, strict=True)
    for name, version, shape, tags in own:
        if name in inside:
            dropped["buildings: outline of a multipolygon that is a building itself, dropped"] += 1
        else:
            objects.add("buildings", name, version, shape, tags)


class _Kept:
    """The sink that keeps all, for a city in memory."""

    def __init__(self) -> None:
        self._layers = {layer: Objects() for layer in EXTRACT_LAYERS}

    def put(self, layer: str, objects: Objects) -> None:
        self._layers[layer].extend(objects)

    def drop(self, layer: str, rows: npt.NDArray[np.int64]) -> None:
        objects = self._layers[layer]
        stay = np.ones(len(objects.ids), dtype=bool)
        stay[rows] = False
        objects.keep(stay, geometries(objects.shapes))

    def wkb_of(self, layer: str, rows: npt.NDArray[np.int64]) -> list[bytes | None]:
        shapes = self._layers[layer].shapes
        return list(shapely.to_wkb(geometries([shapes[row] for row in rows.tolist()])))

    def table(self, layer: str) -> gpd.GeoDataFrame:
        """Return a layer as a table with the columns of the contract, and let go of its objects."""
        objects = self._layers.pop(layer)
        index = pd.Index(objects.ids, dtype=object, name="osm_id")
        data = {
            key: pd.Series([tags.get(key) for tags in objects.tags], index=index, dtype=object)
            for key in KEYS[layer]
        }  # fmt: skip
        if layer == "ways":
            nodes: npt.NDArray[np.object_] = np.empty(len(objects.nodes), dtype=object)
            nodes[:] = objects.nodes
            data["nodes"] = pd.Series(nodes, index=index, dtype=object)
        shapes = gpd.GeoSeries(geometries(objects.shapes), index=index, crs=WGS84)
        return gpd.GeoDataFrame(data, geometry=shapes, crs=WGS84)
