"""Cleaning of layers: what is faulty is repaired or dropped, and counted in plain words; nothing is lost silently.

Each function takes a layer (`GeoDataFrame`) and a counter and returns the cleaned layer, its index and columns kept;
the layer given is left as it is. `dropped` grows by ``reason -> objects``; a reason starts with the layer's name and
says what became of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

__all__ = ["clean_shapes", "drop_endless", "drop_unprojectable", "id_order", "repair", "same_shapes", "tally"]

SMALLEST_AREA_M2 = 0.01
"""An area below this [m2] is a line drawn as an area: OSM coordinates are rounded to about 0.01 m."""

SHORTEST_LINE_M = 0.01
"""As `SMALLEST_AREA_M2`, for lines [m]."""

_POINT, _LINE, _POLYGON = 0, 1, 3
_PARTS = {0: 0, 4: 0, 1: 1, 2: 1, 5: 1, 3: 3, 6: 3}
_KIND = {
    "buildings": _POLYGON,
    "areas": _POLYGON,
    "parcels": _POLYGON,
    "parts": _POLYGON,
    "ways": _LINE,
    "barriers": _LINE,
    "tree_rows": _LINE,
}
_TYPE_ORDER = {"n": 0, "w": 1, "r": 2}


def tally(dropped: Counter[str], layer: str, reason: str, number: int) -> None:
    """Count `number` objects of a layer under a reason; none is no entry."""
    if number:
        dropped[f"{layer}: {reason}"] += int(number)


def clean_shapes(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Bring a layer to plain two-dimensional shapes of its own kind: polygons, lines or points.

    Missing and empty geometries and those of another kind are dropped; a third coordinate is ignored; a line or point
    of several parts becomes several rows (``ID.1``, ``ID.2``); points that repeat in a line are left out, with their
    node.
    """
    shapes = table.geometry.to_numpy()
    gone = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    tally(dropped, layer, "without a geometry, dropped", int(gone.sum()))
    kind = _KIND.get(layer, _POINT)
    types = shapely.get_type_id(shapes)
    wrong = ~gone & (pd.Series(types).map(_PARTS).to_numpy() != kind)
    tally(dropped, layer, f"not {_plain(kind)}, dropped", int(wrong.sum()))
    table = table[~(gone | wrong)] if (gone | wrong).any() else table.copy(deep=False)
    shapes = table.geometry.to_numpy()
    deep = shapely.has_z(shapes)
    if deep.any():
        tally(dropped, layer, "three-dimensional, the height of their points ignored", int(deep.sum()))
        table = table.set_geometry(gpd.GeoSeries(shapely.force_2d(shapes), index=table.index, crs=table.crs))
    if kind != _POLYGON:
        table = _single_parts(table)
    if kind == _LINE:
        table = _without_repeats(table, layer, dropped)
    return table


def _plain(kind: int) -> str:
    return {_POINT: "points", _LINE: "lines", _POLYGON: "polygons"}[kind]


def _single_parts(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Split rows of several parts into one row each; a row of one part keeps its id."""
    shapes = table.geometry.to_numpy()
    if (shapely.get_type_id(shapes) < 4).all():
        return table
    parts, row = shapely.get_parts(shapes, return_index=True)
    several = np.bincount(row, minlength=len(table)) > 1
    place = np.arange(len(row)) - np.searchsorted(row, row) + 1
    names = table.index.astype(str).to_numpy(dtype=object)[row]
    index = [f"{name}.{k}" if many else name for name, k, many in zip(names, place, several[row], strict=True)]
    split = table.iloc[row].copy()
    split.index = pd.Index(index, dtype=object, name=table.index.name)
    return split.set_geometry(gpd.GeoSeries(parts, index=split.index, crs=table.crs))


def _without_repeats(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Leave out points that lie on the point before them, and lines of which less than two points are left."""
    shapes = table.geometry.to_numpy()
    xy, row = shapely.get_coordinates(shapes, return_index=True)
    repeat = np.zeros(len(xy), dtype=bool)
    repeat[1:] = (row[1:] == row[:-1]) & (xy[1:] == xy[:-1]).all(axis=1)
    if not repeat.any():
        return table
    left = np.bincount(row[~repeat], minlength=len(table))
    hit = np.unique(row[repeat])
    short = left < 2
    tally(dropped, layer, "of no length, dropped", int(short.sum()))
    tally(dropped, layer, "with a point on the point before it, left out", int((~short[hit]).sum()))
    mended = shapes.copy()
    start = np.searchsorted(row, np.arange(len(table) + 1))
    nodes = table["nodes"].to_numpy(copy=True) if "nodes" in table.columns else None
    for i in hit[~short[hit]]:
        keep = ~repeat[start[i] : start[i + 1]]
        mended[i] = shapely.LineString(xy[start[i] : start[i + 1]][keep])
        if nodes is not None and nodes[i] is not None:
            nodes[i] = nodes[i][keep]
    table = table.set_geometry(gpd.GeoSeries(mended, index=table.index, crs=table.crs))
    if nodes is not None:
        table["nodes"] = pd.Series(nodes, index=table.index, dtype=object)
    return table[~short]


def same_shapes(tables: Callable[[], Iterable[gpd.GeoDataFrame]], also: str | None = None) -> npt.NDArray[np.int64]:
    """Return the rows of a layer whose geometry and, if given, value in `also` another row of a lower id has.

    Where an outline starts and in which direction a line runs makes no difference.

    Args:
        tables: gives the layer anew at each call, in batches of any size; rows are counted through all of them.
        also: a column that must be the same too; in a layer without it nothing counts as the same.
    """
    found = []
    for table in tables():
        keys = pd.DataFrame(shapely.bounds(table.geometry.to_numpy()))
        if also is not None:
            if also not in table.columns:
                return np.zeros(0, np.int64)
            keys["also"] = table[also].to_numpy()
        found.append(pd.util.hash_pandas_object(keys, index=False).to_numpy())
    if not found:
        return np.zeros(0, np.int64)
    several = np.sort(np.concatenate(found))
    several = np.unique(several[1:][several[1:] == several[:-1]])
    if not len(several):
        return np.zeros(0, np.int64)
    suspects, first = [], 0
    for table, mark in zip(tables(), found, strict=True):
        where = np.flatnonzero(np.isin(mark, several))
        shapes = table.geometry.to_numpy()[where]
        keys = pd.DataFrame({"row": first + where, "id": table.index[where].astype(str)})
        keys["also"] = None if also is None else table[also].to_numpy()[where]
        # A digest stands for a shape, so that a file of nothing but repeats is no heavier than another.
        wkb = shapely.to_wkb(shapely.normalize(shapes))
        keys["shape"] = [hashlib.blake2b(text, digest_size=16).digest() for text in wkb]
        suspects.append(keys)
        first += len(table)
    all_of_them = pd.concat(suspects, ignore_index=True)
    ordered = all_of_them.iloc[id_order(pd.Index(all_of_them["id"]))]
    again = ordered["row"].to_numpy()[ordered[["also", "shape"]].duplicated().to_numpy()]
    return np.sort(again).astype(np.int64)


def drop_unprojectable(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Drop rows with coordinates that are not finite: no numbers in the file, or without a place in the projection."""
    bounds = shapely.bounds(table.geometry.to_numpy())
    xy, row = shapely.get_coordinates(table.geometry.to_numpy(), return_index=True)
    bad = ~np.isfinite(bounds).all(axis=1)
    bad[row[~np.isfinite(xy).all(axis=1)]] = True
    tally(dropped, layer, "coordinates that cannot be projected, dropped", int(bad.sum()))
    return drop_endless(table[~bad] if bad.any() else table, layer, dropped)


def drop_endless(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Drop buildings, walls and streets with a corner far away: one misplaced node makes a wall across a country.

    No building has a side of 10 km, and no street or wall runs 100 km without a bend. Areas may be of any size.
    """
    longest_m = {"buildings": 1e4, "parts": 1e4, "ways": 1e5, "barriers": 1e5, "tree_rows": 1e5}.get(layer)
    if longest_m is None or not len(table):
        return table
    shapes = table.geometry.to_numpy()
    bounds = shapely.bounds(shapes)
    far = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) > longest_m
    if longest_m == 1e5:
        for row in np.flatnonzero(far):  # a long one with many bends is sound
            far[row] = np.hypot(*np.diff(shapely.get_coordinates(shapes[row]), axis=0).T).max() > longest_m
    if not far.any():
        return table
    tally(dropped, layer, "with a corner too far away to be true, dropped", int(far.sum()))
    return table[~far]


def repair(table: gpd.GeoDataFrame, layer: str, dropped: Counter[str]) -> gpd.GeoDataFrame:
    """Repair outlines that cross or touch themselves (both lobes of a figure of eight stay) and drop what has no size.

    The table is in a CRS in metres with finite coordinates.
    """
    shapes = table.geometry.to_numpy()
    kind = _KIND.get(layer, _POINT)
    if kind == _POINT:
        return table
    if kind == _LINE:
        tiny = shapely.length(shapes) < SHORTEST_LINE_M
        tally(dropped, layer, "of no length, dropped", int(tiny.sum()))
        return table[~tiny] if tiny.any() else table
    bad = ~shapely.is_valid(shapes)
    if bad.any():
        shapes = shapes.copy()
        shapes[bad] = _polygonal(shapely.make_valid(shapes[bad]))
        table = table.set_geometry(gpd.GeoSeries(shapes, index=table.index, crs=table.crs))
    tiny = ~(shapely.area(shapes) >= SMALLEST_AREA_M2)
    tally(dropped, layer, "outline crosses or touches itself, repaired", int((bad & ~tiny).sum()))
    tally(dropped, layer, "of no area, dropped", int(tiny.sum()))
    return table[~tiny] if tiny.any() else table


def _polygonal(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return the polygons of each shape: `make_valid` also gives the lines into which an outline collapses."""
    parts, row = shapely.get_parts(shapes, return_index=True)
    polygons, inner = shapely.get_parts(parts, return_index=True)  # a collection may hold a multipolygon
    row = row[inner]
    flat = shapely.get_type_id(polygons) == _POLYGON
    whole: npt.NDArray[np.object_] = np.full(len(shapes), shapely.Polygon(), dtype=object)
    for i in np.unique(row[flat]):
        own = polygons[flat & (row == i)]
        whole[i] = own[0] if len(own) == 1 else shapely.MultiPolygon(list(own))
    return whole


def id_order(index: pd.Index) -> npt.NDArray[np.intp]:
    """Return the order of ids: nodes, ways, relations by number, then own rows by layer, row and part."""
    keys = []
    for name in index.astype(str):
        kind, digits = name[:1], name[1:]
        if kind in _TYPE_ORDER and digits.removeprefix("-").isdigit():
            keys.append((_TYPE_ORDER[kind], "", int(digits), 0))
            continue
        head, _, tail = name.rpartition(":")
        row, _, part = tail.partition(".")
        keys.append(
            (3, head, int(row), int(part or 0)) if row.isdigit() and (part or "0").isdigit() else (4, name, 0, 0)
        )
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
