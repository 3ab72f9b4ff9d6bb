"""Reading the user's own layers: footprints, streets, public space, parcels, addresses, entrances, and boundaries.

A layer is a file (GeoPackage, GeoParquet, GeoJSON, Shapefile) or a GeoDataFrame. Its columns are kept where they are
named like an OSM key; `SYNONYMS` maps the names that cities commonly use. Nothing is guessed about units: numbers are
read like OSM tags, lengths in metres unless the text says feet.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from doorview.city.crs import WGS84
from doorview.city.extract import (
    city_from_extract,
    read_extract,
    widened,
)
from doorview.city.layer_window import ROWS, from_overture, is_parquet_folder, read_parquet_window, read_vector_window
from doorview.city.model import HALO_M, Boundary, City, Source, city_from_tables
from doorview.city.osmfile import name_of, sha256_of
from doorview.city.tags import KEYS
from doorview.city.untrusted import UNREADABLE, layers_in, said_of_crs, usable_crs
from doorview.errors import InputError, MissingFileError, UnknownNameError

__all__ = [
    "OWN_LICENCE",
    "SYNONYMS",
    "city_from_layers",
    "digest_of_file",
    "read_boundary",
    "read_layer",
    "split_source",
]

OWN_LICENCE = "user's own"

_CITY_LAYER = {
    "buildings": "buildings",
    "streets": "ways",
    "public_space": "areas",
    "parcels": "parcels",
    "addresses": "addresses",
    "entrances": "entrances",
}
_SHAPES = {
    "buildings": ("polygons", frozenset({3, 6})),
    "streets": ("lines", frozenset({1, 2, 5})),
    "public_space": ("polygons", frozenset({3, 6})),
    "parcels": ("polygons", frozenset({3, 6})),
    "addresses": ("points", frozenset({0, 4})),
    "entrances": ("points", frozenset({0, 4})),
    "boundary": ("polygons", frozenset({3, 6})),
    "zones": ("polygons", frozenset({3, 6})),
    "people": ("points, lines or polygons", frozenset({0, 1, 2, 3, 4, 5, 6})),
}

_ADDRESS = {
    "addrhouse": "addr:housenumber", "housenumber": "addr:housenumber", "housenum": "addr:housenumber",
    "houseno": "addr:housenumber",
    "number": "addr:housenumber", "streetnumber": "addr:housenumber", "stnum": "addr:housenumber",
    "addrnum": "addr:housenumber",
    "addnumber": "addr:housenumber", "addressnumber": "addr:housenumber", "hausnummer": "addr:housenumber",
    "hsnum": "addr:housenumber",
    "addrhousenumber": "addr:housenumber",
    "addrstreet": "addr:street", "street": "addr:street", "streetname": "addr:street", "stname": "addr:street",
    "fullstreet": "addr:street", "roadname": "addr:street", "strasse": "addr:street", "fullname": "addr:street",
    "unit": "addr:unit", "addrunit": "addr:unit", "unitnumber": "addr:unit", "apt": "addr:unit", "suite": "addr:unit",
    "addrcity": "addr:city", "city": "addr:city", "addrpost": "addr:postcode", "addrpostcode": "addr:postcode",
    "postcode": "addr:postcode", "zip": "addr:postcode", "zipcode": "addr:postcode",
}  # fmt: skip
_HOMES = {
    "units": "building:flats", "numunits": "building:flats", "resunits": "building:flats",
    "dwellings": "building:flats",
    "flats": "building:flats", "buildingflats": "building:flats", "households": "building:flats",
}  # fmt: skip
SYNONYMS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "buildings": {
            **_ADDRESS, **_HOMES,
            "height": "height", "bldgheight": "height", "buildingheight": "height", "heightm": "height",
            "hgt": "height",
            "levels": "building:levels", "buildinglevels": "building:levels", "storeys": "building:levels",
            "stories": "building:levels",
            "floors": "building:levels", "numfloors": "building:levels", "buildingle": "building:levels",
            "numstories": "building:levels",
            "building": "building", "buildingtype": "building", "bldgtype": "building",
        },
        "ways": {
            "highway": "highway", "fclass": "highway", "roadclass": "highway", "class": "highway",
            "name": "name", "street": "name", "streetname": "name", "stname": "name", "fullname": "name",
            "roadname": "name",
            "width": "width", "roadwidth": "width", "pavementwidth": "width", "widthm": "width",
            "lanes": "lanes", "numlanes": "lanes", "oneway": "oneway", "sidewalk": "sidewalk",
        },
        "areas": {
            "name": "name", "parkname": "name", "fclass": "leisure", "access": "access", "class": "class",
            "groundclass": "class",
        },
        "addresses": {**_ADDRESS, **_HOMES},
        "entrances": {**_ADDRESS, **_HOMES, "entrance": "entrance"},
        "parcels": {**_ADDRESS, **_HOMES, "parcelid": "ref", "pin": "ref", "apn": "ref", "landuse": "landuse"},
    }
)  # fmt: skip
"""Column names of own layers (small letters, without punctuation) -> OSM key, by layer. A column named like the key
itself goes first;
among several synonyms of a key the first column of the file."""

_FILES = (".gpkg", ".parquet", ".geoparquet", ".geojson", ".json", ".shp")
_MEND_FILE = "Give a .gpkg, .parquet, .geojson or .shp file, or a GeoDataFrame."

_STREET_AREAS = ("highway", "area:highway")
_CLOSED_AREAS: Mapping[str, frozenset[str] | None] = MappingProxyType(
    {
        "water": None, "waterway": None, "railway": None, "military": None, "aeroway": None, "parking": None,
        "power": None,
        "natural": frozenset({"water", "bay", "strait", "wetland"}),
        "amenity": frozenset({"parking", "parking_space", "prison", "school", "kindergarten", "fuel"}),
        "landuse": frozenset({"railway", "military", "basin", "reservoir"}),
    }
)  # fmt: skip


_APART = 0.02
"""Layers farther apart than this are in different places [degrees]: about 2 km."""


def city_from_layers(
    given: Mapping[str, Source],
    *,
    extract: Path | str | None = None,
    boundary: Boundary | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    name: str | None = None,
    halo_m: float = HALO_M,
) -> City:
    """Read a city from own layers, the rest from an extract; see `City.from_layers`.

    Raises:
        InputError: a layer that cannot be used, or layers that do not overlap. Else as `City.from_extract`.
    """
    unknown = set(given) - set(_CITY_LAYER)
    if unknown:
        raise UnknownNameError("layer", min(unknown), _CITY_LAYER)
    if not given:
        if extract is None:
            raise InputError(
                "no layer and no extract is given, so there is no city. Give at least buildings and streets: "
                "City.from_layers(buildings='footprints.gpkg', streets='centrelines.gpkg')."
            )
        return city_from_extract(extract, boundary=boundary, crs=crs, country=country, name=name, halo_m=halo_m)
    if extract is None:
        for layer in ("buildings", "streets"):
            if layer not in given:
                raise InputError(
                    f"no {layer} are given and no extract that has them, so no share can be counted. Give {layer}= "
                    "too, or the rest "
                    "from OSM: City.from_layers(..., extract='place.osm.pbf')."
                )
    inside = None if boundary is None else read_boundary(boundary)
    dropped: Counter[str] = Counter()
    own: dict[str, gpd.GeoDataFrame] = {}
    files: list[dict[str, str]] = []
    near = None if inside is None else gpd.GeoSeries([widened(inside, halo_m)], crs=WGS84)
    for layer, source in given.items():
        table = read_layer(source, layer, near=near)
        files.append({"path": _label(source, layer), "sha256": _digest(source), "licence": OWN_LICENCE})
        own[_CITY_LAYER[layer]] = _as_tags(table, layer, dropped)
    layers: dict[str, gpd.GeoDataFrame] = {}
    reach, date, attribution = None, None, "the user's own layers"
    if extract is not None:
        got = read_extract(extract, None if inside is None else widened(inside, halo_m))
        layers, date = dict(got.layers), got.data_date
        replaced = {layer for layer in own if layer != "areas"}
        dropped.update({reason: n for reason, n in got.dropped.items() if reason.partition(":")[0] not in replaced})
        files.append({"path": str(extract), "sha256": got.sha256, "licence": got.licence})
        attribution = f"{got.attribution}; {attribution}"
        reach = (
            None if "buildings" in own else got.reach
        )  # own footprints end where they end, whatever the extract covers
        if "areas" in own:
            own["areas"] = _with_fixed_areas(own["areas"], layers["areas"])
    layers.update(own)
    _check_overlap(layers)
    first = given.get("buildings", next(iter(given.values())))
    title = name or (name_of(extract) if extract is not None and "buildings" not in given else _title(first))
    return city_from_tables(
        layers,
        source={
            "kind": "layers" if extract is None else "mixed",
            "files": files,
            "data_date": date,
            "attribution": attribution,
        },
        name=title,
        reach=reach,
        boundary=inside,
        crs=crs,
        country=country,
        dropped=dropped,
        halo_m=halo_m,
    )


# ---- one layer
# -------------------------------------------------------------------------------------------------------------


def read_layer(source: Source, layer: str, *, near: gpd.GeoSeries | None = None) -> gpd.GeoDataFrame:
    """Read one own layer with all its columns; check its CRS, that its coordinates fit it, and its kind of shapes.

    Args:
        source: a file, a folder of GeoParquet, ``file.gpkg:layer``, ``file.gpkg|layername=layer``, or a GeoDataFrame.
        near: where objects are wanted; of files with an index of their places (GeoPackage, GeoParquet with a column
            of bounding boxes) no more is read than what meets its bounds. The index keeps the rows of the file.
        layer: ``buildings``, ``streets``, ``public_space``, ``parcels``, ``addresses``, ``entrances`` or ``boundary``.

    Raises:
        MissingFileError: no such file.
        InputError: a file that is no layer, or a layer that cannot be used.
    """
    if isinstance(source, (gpd.GeoDataFrame, gpd.GeoSeries)):
        table = source if isinstance(source, gpd.GeoDataFrame) else gpd.GeoDataFrame(geometry=source)
        where = f"the {layer} table"
    elif isinstance(source, (str, Path)):
        table, where = _read_file(source, layer, near), f"{str(source)!r} ({layer})"
    else:
        raise InputError(f"{layer}= is a {type(source).__name__}, neither a file nor a GeoDataFrame. {_MEND_FILE}")
    _check_layer(table, layer, where)
    return table


def split_source(source: Path | str) -> tuple[Path, str | None]:
    """Return a source's file and the name of the layer in it, if one is given."""
    text = str(source)
    named = re.fullmatch(r"(?P<file>.+?)\|layername=(?P<layer>[^|]+)(\|.*)?", text)
    if named is None:
        named = re.fullmatch(r"(?P<file>.+\.gpkg):(?P<layer>[^/\\]+)", text, re.IGNORECASE)
    if named is None or Path(text).exists():
        return Path(text), None
    return Path(named["file"]), named["layer"]


def _read_file(source: Path | str, layer: str, near: gpd.GeoSeries | None) -> gpd.GeoDataFrame:
    path, inner = split_source(source)
    if not path.exists():
        raise MissingFileError(
            f"there is no file {str(path)!r} for {layer} (looked for {str(path.absolute())!r}), so it cannot be "
            "read. Check the path."
        )
    suffix = path.suffix.lower()
    if is_parquet_folder(path):
        suffix = ".parquet"
    elif not path.is_file() or suffix not in _FILES:
        what = "a folder" if path.is_dir() else f"a {suffix or 'nameless'} file"
        raise InputError(f"{layer}: {str(path)!r} is {what}, which is not read as a layer. {_MEND_FILE}")
    broken = f"{layer}: {str(path)!r} cannot be read as a layer"
    mend = f"The file is damaged or something else than its name says. {_MEND_FILE}"
    if suffix in {".parquet", ".geoparquet"}:
        try:
            return read_parquet_window(path, near)
        except (ValueError, OSError) as error:  # pyarrow's ArrowInvalid is a ValueError
            raise InputError(f"{broken}: {error} {mend}") from error
        except ProjError as error:
            raise InputError(f"{broken}: {said_of_crs(error)} {mend}") from error
    try:
        names = [name for name, kind in layers_in(path) if kind is not None]
        if inner is not None and inner not in names:
            raise UnknownNameError(
                f"layer of {str(path)!r}",
                inner,
                names,
                f"Name one, e.g. {layer}='{path}:{names[0] if names else 'layer'}'.",
            )
        if inner is None and len(names) > 1:
            raise InputError(
                f"{layer}: {str(path)!r} holds several layers ({', '.join(names)}), so it is not clear which is "
                "meant. Name one: "
                f"{layer}='{path}:{names[0]}'."
            )
        if not names:
            raise InputError(f"{layer}: {str(path)!r} holds no layer with geometry. {_MEND_FILE}")
        return read_vector_window(path, inner or names[0], near)
    except UNREADABLE as error:
        raise InputError(f"{broken}: {error} {mend}") from error


def _check_layer(table: gpd.GeoDataFrame, layer: str, where: str) -> None:
    """Raise `InputError` unless a layer has shapes of the right kind and coordinates that fit its CRS."""
    if not isinstance(table, gpd.GeoDataFrame) or table.active_geometry_name is None:
        raise InputError(
            f"{where} has no geometry, so it is nowhere. Give a layer with shapes, e.g. table.set_geometry(...)."
        )
    if table.crs is None:
        raise InputError(
            f"{where} has no CRS, so it is not known where on Earth it lies or in what unit. Say which it is: "
            f"table = geopandas.read_file(...).set_crs('EPSG:...') and {layer}=table, or save the file with its CRS."
        )
    usable_crs(table.crs, where)
    plain, allowed = _SHAPES[layer]
    shapes = table.geometry.to_numpy()
    types = shapely.get_type_id(shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)])
    if not len(types):
        raise InputError(
            f"{where} holds no shapes, so there is nothing to use. Give a layer that has {plain}, or leave {layer} out."
        )
    flat = np.isin(types, [*allowed, 7])
    if not flat.any():
        found = ", ".join(sorted({str(shape.geom_type) for shape in shapes[:1000] if shape is not None}))
        raise InputError(
            f"{where} holds {found}, but {layer} must be {plain}: they are used as such. Give the layer with "
            f"{plain}, or pass this one as "
            "what it is."
        )
    bounds = np.asarray(table.total_bounds, dtype=np.float64)
    if not np.isfinite(bounds).all():
        return  # infinite coordinates are dropped row by row, and counted
    largest = np.abs(bounds).reshape(2, 2).max(axis=0)
    degrees = bool(largest[0] <= 180.0 and largest[1] <= 90.0)
    shown = f"from {bounds[0]:.6g}, {bounds[1]:.6g} to {bounds[2]:.6g}, {bounds[3]:.6g}"
    if table.crs.is_geographic and not degrees:
        raise InputError(
            f"{where} says its CRS is {table.crs.name} in degrees, but its coordinates run {shown}: they are metres "
            "or feet under a wrong "
            "label, and would be somewhere else. Say what they are, in the file (in QGIS: Set Layer "
            "CRS, and save the layer anew) or here: table.set_crs('EPSG:...', allow_override=True)."
        )
    if table.crs.is_projected and degrees:
        raise InputError(
            f"{where} says its CRS is {table.crs.name}, but its coordinates run {shown}: they look like degrees "
            "under a wrong label, and the "
            "city would be a few metres wide. Say what they are, in the file (in QGIS: Set "
            "Layer CRS, and save the layer anew) or here: table.set_crs('EPSG:4326', allow_override=True)."
        )


def _as_tags(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Return an own layer with ids ``own:LAYER:ROW`` and its columns as OSM tags in text.

    A footprint without a kind is ``building=yes``, a street without a class ``highway=residential``, an entrance
    ``entrance=yes``; the streets so taken are counted.
    """
    city_layer = _CITY_LAYER[layer]
    table, no_streets = from_overture(table, layer)
    if no_streets:
        dropped["ways: own segments that are no roads, left out"] += no_streets
    # Of a file of which a window was read, the rows are those of the whole.
    rows = table.index if ROWS in table.attrs else range(len(table))
    index = pd.Index([f"own:{layer}:{row}" for row in rows], dtype=object, name="osm_id")
    data: dict[str, pd.Series] = {}
    columns = {str(column): column for column in table.columns if column != table.active_geometry_name}
    for key in KEYS[city_layer]:
        if key in columns:
            data[key] = _text(table[columns[key]], index)
    for column, original in columns.items():
        key = SYNONYMS[city_layer].get(re.sub(r"[^0-9a-z]", "", column.lower()), "")
        if key and key not in data:
            data[key] = _text(table[original], index)
    usual = {"buildings": ("building", "yes"), "streets": ("highway", "residential"), "entrances": ("entrance", "yes")}
    if layer in usual:
        key, value = usual[layer]
        known = data.get(key, pd.Series(None, index=index, dtype=object))
        missing = known.isna()
        if layer == "streets" and missing.any():
            dropped["ways: own streets without a class, taken as highway=residential"] += int(missing.sum())
        data[key] = known.where(~missing, value)
    shapes = table.geometry.to_numpy()
    return gpd.GeoDataFrame(
        data, index=index, geometry=gpd.GeoSeries(shapes, index=index, crs=table.crs), crs=table.crs
    )


def _text(values: pd.Series, index: pd.Index) -> pd.Series:
    """Return a column as tag text: whole numbers without a point, nothing and blank as None."""

    def one(value: Any) -> str | None:
        if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
            return None
        if isinstance(value, (float, np.floating)) and value == int(value):
            return str(int(value))
        return str(value).strip() or None

    return pd.Series([one(value) for value in values.to_numpy(dtype=object)], index=index, dtype=object)


def _with_fixed_areas(own: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return own public space with the extract's street areas, water and closed ground, which it does not replace."""
    stay = areas[list(_STREET_AREAS)].notna().any(axis=1)
    for key, values in _CLOSED_AREAS.items():
        stay |= areas[key].notna() if values is None else areas[key].isin(list(values))
    if own.crs != areas.crs:
        own = own.to_crs(areas.crs)
    joined = pd.concat([areas[stay].astype(object), own.astype(object)])
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=areas.crs)


def _check_overlap(layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Raise `InputError` where buildings and streets are in different places."""
    pair = [layers[layer] for layer in ("buildings", "ways") if layer in layers and len(layers[layer])]
    if len(pair) < 2:
        return  # said later, with its own message
    boxes = []
    for table in pair:
        bounds = np.asarray(table.total_bounds, dtype=np.float64)
        if not np.isfinite(bounds).all():
            return
        box = gpd.GeoSeries([shapely.box(*bounds)], crs=table.crs).segmentize(max(np.ptp(bounds[0::2]), 1e-9) / 8)
        boxes.append(box.to_crs(WGS84).iloc[0])
    if np.isfinite([box.bounds for box in boxes]).all() and boxes[0].distance(boxes[1]) > _APART:
        where = ["{:.4f}, {:.4f} to {:.4f}, {:.4f}".format(*box.bounds) for box in boxes]
        raise InputError(
            f"the buildings lie at longitude and latitude {where[0]}, the streets at {where[1]}: they do not "
            "overlap, so no door faces a "
            "street. Check that both are of the same place and that each has the right CRS (table.set_crs(..., "
            "allow_override=True))."
        )


# ---- boundaries and sources
# ------------------------------------------------------------------------------------------------


def read_boundary(boundary: Boundary) -> gpd.GeoSeries:
    """Read the polygons in which shares are to be counted.

    Args:
        boundary: a file or ``file.gpkg:layer``, a GeoDataFrame, a GeoSeries, or a geometry in longitude and latitude.

    Raises:
        MissingFileError, InputError: as `read_layer`.
    """
    if isinstance(boundary, BaseGeometry):
        boundary = gpd.GeoDataFrame(geometry=[boundary], crs=WGS84)
    table = read_layer(boundary, "boundary")  # a GeoSeries is taken as well
    shapes = table.geometry
    flat = shapes.geom_type.isin(["Polygon", "MultiPolygon"]) & ~shapes.is_empty
    return gpd.GeoSeries(shapely.force_2d(shapes[flat].to_numpy()), crs=table.crs)


def _label(source: Source, layer: str) -> str:
    return str(source) if isinstance(source, (str, Path)) else f"({layer}, a table in memory)"


def _title(source: Source) -> str:
    return split_source(source)[0].stem if isinstance(source, (str, Path)) else "own layers"


def _digest(source: Source) -> str:
    """Return the SHA-256 of a layer's file (of all files of a Shapefile), or of a table's shapes and columns."""
    if isinstance(source, (str, Path)):
        return digest_of_file(split_source(source)[0])
    digest = hashlib.sha256(json.dumps([str(column) for column in source.columns]).encode())
    for wkb in source.geometry.to_wkb():
        digest.update(wkb or b"-")
    digest.update(source.drop(columns=source.active_geometry_name).to_csv(index=False).encode())
    return digest.hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, of all files of a Shapefile, or of all files in a folder."""
    if path.suffix.lower() == ".shp":
        parts = sorted(part for part in path.parent.iterdir() if part.stem == path.stem)
    elif path.is_dir():
        parts = sorted(part for part in path.rglob("*") if part.is_file())
    else:
        return sha256_of(path)
    return hashlib.sha256("".join(sha256_of(part) for part in parts).encode()).hexdigest()
