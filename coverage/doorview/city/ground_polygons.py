"""The same ground as disjoint polygons: for layers on a map, and as a check of the grid that knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from doorview.city.classes import PUBLIC, RANK
from doorview.errors import UnknownNameError

if TYPE_CHECKING:
    from doorview.city.ground import Ground
    from doorview.city.model import City

__all__ = ["ground_polygons", "strip_polygons"]

QUARTER_SEGMENTS = 8
"""Segments of a quarter circle in round ends: a chord of radius 8.4 m then runs at most 0.04 m inside its arc."""

SNAP_M = 0.001
"""Where the overlay of floating-point shapes that nearly touch fails, their coordinates are rounded to this [m]."""

_WORKERS = 4
_CHUNK = 500
Objects = npt.NDArray[np.object_]


def _quarters(lines: Objects, radius: npt.NDArray[np.float64], side: npt.NDArray[np.int8]) -> tuple[Objects, Objects]:
    """Return, for each line, the quarter discs beyond its start and its end, on the given side."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    first = np.searchsorted(owner, np.arange(len(lines)))
    last = np.r_[first[1:], len(xy)] - 1
    result = []
    turn = np.linspace(0.0, np.pi / 2, QUARTER_SEGMENTS + 1)
    for at, nearby, sign in ((first, first + 1, -1.0), (last, last - 1, 1.0)):
        ahead = (xy[at] - xy[nearby]) * 1.0
        length = np.hypot(*ahead.T)[:, None]
        ahead = np.divide(ahead, length, out=np.zeros_like(ahead), where=length > 0)
        # Away from the line, and towards the side asked for in the line's own direction.
        along = ahead * sign
        across = np.column_stack([-along[:, 1], along[:, 0]]) * side[:, None]
        arc = np.cos(turn)[None, :, None] * ahead[:, None, :] + np.sin(turn)[None, :, None] * across[:, None, :]
        ring = np.concatenate([xy[at][:, None, :], xy[at][:, None, :] + radius[:, None, None] * arc], axis=1)
        result.append(shapely.polygons(ring))
    return result[0], result[1]


def strip_polygons(strips: gpd.GeoDataFrame) -> Objects:
    """Return the ground of each strip as a polygon, before precedence.

    One-sided strips come from one-sided buffers and quarter discs at the ends. In bends tighter than the strip is
    wide such a buffer may differ from the definition of a strip (by the side of the *nearest* point) by slivers.
    """
    lines = strips.geometry.to_numpy()
    inner, outer = strips["inner_m"].to_numpy(), strips["outer_m"].to_numpy()
    side = strips["side"].to_numpy()
    shape = np.empty(len(lines), dtype=object)
    both = side == 0
    shape[both] = shapely.buffer(lines[both], outer[both], quad_segs=QUARTER_SEGMENTS)
    one = np.flatnonzero(~both)
    if len(one):
        flat = shapely.make_valid(
            shapely.buffer(lines[one], outer[one] * side[one], quad_segs=QUARTER_SEGMENTS, single_sided=True)
        )
        start, end = _quarters(lines[one], outer[one], side[one])
        shape[one] = shapely.union(shapely.union(flat, start), end)
    hollow = np.flatnonzero(inner > 0)
    shape[hollow] = shapely.difference(
        shape[hollow], shapely.buffer(lines[hollow], inner[hollow], quad_segs=QUARTER_SEGMENTS)
    )
    return shape


def _areal(shapes: Objects) -> Objects:
    """Keep the polygons of whatever came out of an overlay; empty stays empty."""
    kind = shapely.get_type_id(shapes)
    odd = np.flatnonzero(~np.isin(kind, [3, 6]))
    shapes = shapes.copy()
    for at in odd:
        parts = [part for part in shapely.get_parts(shapes[at]) if part.geom_type in ("Polygon", "MultiPolygon")]
        shapes[at] = shapely.union_all(parts) if parts else shapely.Polygon()
    return shapes


def _union_rows(block: Objects) -> Objects:
    """Unite each row; where floating-point overlay fails, once more on rounded coordinates."""
    try:
        return np.asarray(shapely.union_all(block, axis=1), dtype=object)
    except shapely.errors.GEOSException:
        return np.asarray(shapely.union_all(shapely.make_valid(block), grid_size=SNAP_M, axis=1), dtype=object)


def _difference(shapes: Objects, cover: Objects) -> Objects:
    """Subtract row by row; where floating-point overlay fails, once more on rounded coordinates."""
    try:
        return np.asarray(shapely.difference(shapes, cover), dtype=object)
    except shapely.errors.GEOSException:
        return np.asarray(
            shapely.difference(shapely.make_valid(shapes), shapely.make_valid(cover), grid_size=SNAP_M), dtype=object
        )


def _in_threads(function: Callable[..., Objects], *arrays: Objects) -> Objects:
    """Apply a vectorised shapely function in chunks on threads; shapely lets go of the interpreter lock meanwhile."""
    count = len(arrays[0])
    chunks = [slice(a, a + _CHUNK) for a in range(0, count, _CHUNK)]
    if len(chunks) < 2:
        return function(*arrays)
    with ThreadPoolExecutor(_WORKERS) as pool:
        parts = list(pool.map(lambda chunk: function(*(array[chunk] for array in arrays)), chunks))
    return np.concatenate(parts)


def _subtract_earlier(shapes: Objects, order: npt.NDArray[np.intp], wanted: npt.NDArray[np.intp]) -> Objects:
    """Return the wanted shapes less all shapes of a lower order that meet them.

    One neighbour after the other is subtracted, all shapes at a time: cheaper than first uniting the neighbours of
    each.
    """
    tree = shapely.STRtree(shapes)
    shapely.prepare(shapes)
    mine, theirs = tree.query(shapes[wanted], predicate="intersects")
    earlier = order[theirs] < order[wanted[mine]]
    mine, theirs = mine[earlier], theirs[earlier]
    sort = np.lexsort((order[theirs], mine))
    mine, theirs = mine[sort], theirs[sort]
    result = shapes[wanted].copy()
    which, first, count = np.unique(mine, return_index=True, return_counts=True)
    for nth in range(int(count.max(initial=0))):
        more = count > nth
        rows, cover = which[more], theirs[first[more] + nth]
        left = ~shapely.is_empty(result[rows])
        result[rows[left]] = _in_threads(_difference, result[rows[left]], shapes[cover[left]])
    return result


def ground_polygons(ground: Ground, city: City, *, only: Collection[str] | None = None) -> gpd.GeoDataFrame:
    """Return the ground as polygons, disjoint by the order of precedence.

    Within a class, neighbouring strips of different faces are told apart by their order of rows, while a grid tells
    them apart by the nearest line: areas by class agree, areas by face differ a little around junctions. What no
    polygon holds is yard.

    Args:
        ground: The ground.
        city: Its city, for the CRS.
        only: Classes to return, None for all. Leaving out `facade_strip` saves about half of the time.

    Returns:
        Polygons; columns `class`, `public`, `face` (-1 none), `osm_id`, sorted by precedence.

    Raises:
        UnknownNameError: `only` names no class.
    """
    strips, polygons = ground.strips, ground.polygons
    if only is not None:
        if unknown := sorted(set(only) - set(RANK)):
            raise UnknownNameError("class of ground", unknown[0], RANK)
        # The lowest class takes from no other, so it can be left out before any geometry is made.
        if "facade_strip" not in only:
            strips = strips[strips["class"] != "facade_strip"]
    shape = np.concatenate([strip_polygons(strips), polygons.geometry.to_numpy()])
    invalid = ~shapely.is_valid(shape)
    shape[invalid] = shapely.make_valid(shape[invalid])
    table = pd.DataFrame(
        {
            "class": np.concatenate([strips["class"].to_numpy(dtype=object), polygons["class"].to_numpy(dtype=object)]),
            "rank": np.concatenate([strips["rank"].to_numpy(), polygons["rank"].to_numpy()]),
            "face": np.concatenate([strips["face"].to_numpy(), polygons["face"].to_numpy()]),
            "osm_id": np.concatenate(
                [strips["osm_id"].to_numpy(dtype=object), polygons["osm_id"].to_numpy(dtype=object)]
            ),
        }
    )
    table["row"] = np.arange(len(table))
    # Strips of one face and class become one shape first: fewer and whole polygons, and no seams inside a face.
    key = np.where(table["face"] >= 0, table["face"], -2 - table["row"])
    group = pd.DataFrame({"key": key, "rank": table["rank"], "class": table["class"]}).groupby(
        ["rank", "class", "key"], sort=False
    ).ngroup().to_numpy()  # fmt: skip
    lead = np.unique(group, return_index=True)[1]
    order_in = np.argsort(group, kind="stable")
    several = np.bincount(group)[group[order_in]] > 1
    merged = shape[lead].copy()
    many = order_in[several]
    if len(many):
        code, position = np.unique(group[many], return_inverse=True)
        size = np.bincount(position)
        block = np.full((len(code), size.max()), None, dtype=object)
        nth = np.arange(len(many)) - np.repeat(np.cumsum(size) - size, size)
        block[position, nth] = shape[many]
        merged[code] = _in_threads(_union_rows, block)
    table = table.iloc[lead].reset_index(drop=True)
    order = np.empty(len(table), dtype=np.intp)
    order[np.lexsort((table["row"], table["rank"]))] = np.arange(len(table))
    wanted = np.argsort(order)
    if only is not None:
        wanted = wanted[np.isin(table["class"].to_numpy(dtype=object)[wanted], list(only))]
    cut = _areal(_subtract_earlier(_areal(merged), order, wanted))
    some = shapely.area(cut) > 1e-6
    cut, keep = cut[some], wanted[some]
    names = table["class"].to_numpy(dtype=object)[keep]
    return gpd.GeoDataFrame(
        {
            "class": pd.Series(names, dtype=object),
            "public": np.isin(names, list(PUBLIC)),
            "face": table["face"].to_numpy()[keep].astype(np.int32),
            "osm_id": pd.Series(table["osm_id"].to_numpy(dtype=object)[keep], dtype=object),
        },
        geometry=gpd.GeoSeries(cut, crs=city.crs),
    )
