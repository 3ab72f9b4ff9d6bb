"""Where the property of each door ends, and what a privacy zone beyond that line leaves of its view.

A privacy zone blacks out what lies farther than a distance d beyond the property line. Two rules say where that is:

- With parcels: the line of the parcel that holds the door. What may be seen is the parcel buffered by d.
- Else: the edge of the street's ground. With L [m] from the door to the nearest public ground of a street, along the
  shortest way, what may be seen is the half-plane up to L + d in that direction. A corner plot has a second line: that
  of the nearest street which passes beside the door in another direction.

                    street                     |  s
      - - - - - - - - - - - - - - - -  L + d   |  t
      ================================ L       |  r
                 ^                             |  e
                 | L                           |  e
                 o-- door -------------------->|  t   (a corner plot)

Assumptions, none of them measured: the edge of the street's ground is the property line; lines to neighbours cut
nothing; the zone is a piece of ground. In an app it is a piece of the picture, which also hides whoever stands in front
of that ground nearer to the door, so that a real one hides more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.classes import STREET_CLASSES
from doorview.city.ground_areas import PARCEL_RANK
from doorview.errors import InputError

if TYPE_CHECKING:
    from doorview.city.ground import Ground

__all__ = ["NOTES", "parcel_of", "property_limits"]

CORNER_M = 30.0
"""A second street within this of a door makes it a corner plot [m]; assumed."""
OTHER_WAY_DEGREES = 45.0
"""A second street lies in a direction that differs at least by this from the first's [degrees]; assumed."""
LOT_LINE_M = 1.0
"""A door this near to a parcel that does not hold it stands on its line: doors are 0.10 m outside the facade [m]."""
END_M = 0.01
"""A shortest way that ends this near to a line's end goes around it: that street does not pass beside the door [m]."""
MARGIN_M = 2.0
"""Polygons reach this much farther than the views that they cut [m]."""
QUARTER_SEGMENTS = 16
"""Chords of a quarter circle at a parcel's corner: at most d (1 - cos(2.8 degrees)) inside it, 1 cm for d = 10 m."""

NOTES = {
    "parcel": "The property line is that of the parcel which holds the door.",
    "street": "The property line is taken as the edge of the street's ground nearest to the door, and that of a second "
    f"street within {CORNER_M:g} m that passes beside it (a corner plot); lines to neighbours cut nothing (assumed).",
    "none": "No street's ground lies in reach of the view: nothing is cut.",
}
"""By what a door's property line is known, in words."""


class _Ways(NamedTuple):
    """Shortest ways from doors to the ground of streets, nearest first by door; all (n,) but `way` (n, 2)."""

    door: NDArray[np.int64]
    length: NDArray[np.float64]
    way: NDArray[np.float64]
    beside: NDArray[np.bool_]


def property_limits(doors: gpd.GeoDataFrame, ground: Ground, beyond_m: float, *, reach_m: float) -> gpd.GeoDataFrame:
    """Return the ground that each door may see with a privacy zone, as polygons on the doors' index.

    Parameters
    ----------
    doors
        As from `find_doors`: points with `heading` [degrees clockwise from north], in the ground's CRS.
    ground
        As from `public_space`; where the city has parcels they are among its polygons.
    beyond_m
        How far beyond the property line may be seen [m], 0 or more.
    reach_m
        How far the doors' cameras see at most [m]: polygons are right within this distance of their door.

    Returns
    -------
    GeoDataFrame
        `geometry` (Polygon or MultiPolygon; None where nothing is cut), `line` (``parcel``, ``street``, ``none``: what
        the property line is known by, see `NOTES`), `property_m` (from the door to the nearest street's ground [m], NaN
        with a parcel), `corner` (a second street cuts too). ``attrs["counts"]`` holds doors by line, and of corners.

    Raises
    ------
    InputError
        If a distance is no number of metres, or doors and ground lie in different CRS.

    """
    beyond, reach = _metres("beyond_m", beyond_m), _metres("reach_m", reach_m)
    if len(doors) and doors.crs != ground.polygons.crs:
        raise InputError(
            "doors and ground lie in different CRS, so their places cannot be compared: use doors.to_crs(...)."
        )
    points = doors.geometry.to_numpy()
    shape: NDArray[Any] = np.full(len(points), None, dtype=object)
    line: NDArray[Any] = np.full(len(points), "none", dtype=object)
    property_m, corner = np.full(len(points), math.nan), np.zeros(len(points), dtype=bool)
    is_parcel = _is_parcel(ground.polygons)
    parcels = ground.polygons.geometry.to_numpy()[is_parcel]
    parcel = parcel_of(points, parcels)
    held = np.flatnonzero(parcel >= 0)
    if len(held):
        wanted, number = np.unique(parcel[held], return_inverse=True)
        wide = shapely.buffer(parcels[wanted], beyond, quad_segs=QUARTER_SEGMENTS)
        near = shapely.buffer(points[held], reach + MARGIN_M, cap_style="square")
        shape[held] = _areal(shapely.intersection(wide[number], near))
        line[held] = "parcel"
    rest = np.flatnonzero(parcel < 0)
    if len(rest):
        heading = np.asarray(doors["heading"], dtype=np.float64)[rest]
        # With parcels, all ground outside of them is verge as far as 30 m from a street: no line of anybody's.
        classes = [name for name in STREET_CLASSES if name != "verge" or not len(parcels)]
        found = _ways_to_streets(points[rest], heading, ground, classes, reach)
        first, second = _two_streets(found)
        at = rest[found.door[first]]
        shape[at] = _half_planes(points[at], found.way[first], found.length[first] + beyond, reach + MARGIN_M)
        line[at], property_m[at] = "street", found.length[first]
        at = rest[found.door[second]]
        more = _half_planes(points[at], found.way[second], found.length[second] + beyond, reach + MARGIN_M)
        shape[at] = shapely.intersection(shape[at], more)
        corner[at] = True
    out = gpd.GeoDataFrame(
        {"line": line, "property_m": property_m, "corner": corner}, geometry=shape, index=doors.index, crs=doors.crs
    )
    counts = {f"doors whose property line is known by: {name}": int((line == name).sum()) for name in NOTES}
    out.attrs["counts"] = {**counts, "doors on corner plots": int(corner.sum())}
    return out


def _metres(name: str, value: float) -> float:
    """Return a distance [m]; refuse what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= float(value) < math.inf:
        raise InputError(f"{name} is {value!r}: it must be a number of metres, 0 or more, e.g. {name}=2.0.")
    return float(value)


def _is_parcel(polygons: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which polygons of the ground are the user's parcels, those that are streets left out already."""
    rank = np.asarray(polygons["rank"], dtype=np.float64)
    return np.asarray((polygons["class"].to_numpy(dtype=object) == "yard") & (rank == PARCEL_RANK), dtype=bool)


def parcel_of(points: NDArray[Any], parcels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each door's parcel (n,), -1 for none: the smallest that holds it, else the nearest."""
    found = np.full(len(points), -1, dtype=np.int64)
    if not len(parcels) or not len(points):
        return found
    door, parcel = shapely.STRtree(parcels).query(points, predicate="dwithin", distance=LOT_LINE_M)
    away, size = shapely.distance(points[door], parcels[parcel]), shapely.area(parcels[parcel])
    order = np.lexsort((parcel, size, away, door))
    door, parcel = door[order], parcel[order]
    doors, first = np.unique(door, return_index=True)
    found[doors] = parcel[first]
    return found


def _ways_to_streets(
    points: NDArray[Any], heading: NDArray[np.float64], ground: Ground, classes: list[str], reach_m: float
) -> _Ways:
    """Return the shortest ways from doors to the ground of streets within `reach_m`."""
    parts = [_ways_to_strips(points, ground.strips, classes, reach_m)]
    areas = ground.polygons.geometry.to_numpy()[np.isin(ground.polygons["class"].to_numpy(dtype=object), classes)]
    if len(areas):
        door, area = shapely.STRtree(areas).query(points, predicate="dwithin", distance=reach_m)
        way = _vectors(shapely.shortest_line(points[door], areas[area]))
        # The nearest point of an area may be a mere corner of it: it says no second direction.
        parts.append(_Ways(door, np.hypot(*way.T), way, np.zeros(len(door), dtype=bool)))
    door, length, way, beside = (np.concatenate(values) for values in zip(*parts, strict=True))
    size = np.hypot(*way.T)
    ahead = np.column_stack([np.sin(np.radians(heading)), np.cos(np.radians(heading))])[door]
    unit = np.where((size > 0)[:, None], way / np.maximum(size, 1e-12)[:, None], ahead)
    order = np.lexsort((np.arctan2(unit[:, 1], unit[:, 0]), ~beside, length, door))
    return _Ways(door[order], length[order], unit[order], beside[order])


def _ways_to_strips(points: NDArray[Any], strips: gpd.GeoDataFrame, classes: list[str], reach_m: float) -> _Ways:
    """Return the shortest ways from doors to strips along lines; a line's widest strip on either side counts."""
    used = strips[np.isin(strips["class"].to_numpy(dtype=object), classes)]
    table = pd.DataFrame(
        {"wkb": shapely.to_wkb(used.geometry.to_numpy()), "side": used["side"].to_numpy(), "outer": used["outer_m"]}
    )
    wide = table.groupby(["wkb", "side"], sort=True)["outer"].max().reset_index()
    lines, outer = shapely.from_wkb(wide["wkb"].to_numpy()), wide["outer"].to_numpy(dtype=np.float64)
    side = wide["side"].to_numpy(dtype=np.int64)
    if not len(lines):
        none = np.zeros(0)
        return _Ways(none.astype(np.int64), none, np.zeros((0, 2)), none.astype(bool))
    door, line = shapely.STRtree(lines).query(points, predicate="dwithin", distance=reach_m + float(outer.max()))
    way = _vectors(shapely.shortest_line(points[door], lines[line]))
    length = np.maximum(np.hypot(*way.T) - outer[line], 0.0)
    along = shapely.line_locate_point(lines[line], points[door])
    whole = shapely.length(lines[line])
    inner = (along > END_M) & (along < whole - END_M)
    before, after = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines[line], at))
        for at in (np.maximum(along - END_M, 0.0), np.minimum(along + END_M, whole))
    )
    ahead, back = after - before, -way
    left = ahead[:, 0] * back[:, 1] - ahead[:, 1] * back[:, 0] > 0
    keep = (length <= reach_m) & ((side[line] == 0) | ((side[line] > 0) == left))
    beside = inner | shapely.is_closed(lines[line])
    return _Ways(door[keep], length[keep], way[keep], beside[keep])


def _areal(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return the shapes without lines and points, which an intersection holds where outlines touch."""
    mixed = shapely.get_type_id(shapes) == 7
    if mixed.any():
        shapes[mixed] = shapely.buffer(shapes[mixed], 0.0)
    return shapes


def _vectors(lines: NDArray[Any]) -> NDArray[np.float64]:
    """Return the vectors (n, 2) from the first to the last point of lines of two points."""
    xy = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    return np.asarray(xy[:, 1] - xy[:, 0], dtype=np.float64)


def _two_streets(ways: _Ways) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of each door's nearest street, and those of the second street of corner plots."""
    doors, first = np.unique(ways.door, return_index=True)
    own = first[np.searchsorted(doors, ways.door)]
    turned = (ways.way * ways.way[own]).sum(axis=1) <= math.cos(math.radians(OTHER_WAY_DEGREES))
    others = np.flatnonzero(turned & ways.beside & (ways.length <= CORNER_M))
    second = others[np.unique(ways.door[others], return_index=True)[1]]
    return first.astype(np.int64), second.astype(np.int64)


def _half_planes(
    points: NDArray[Any], way: NDArray[np.float64], limit: NDArray[np.float64], size_m: float
) -> NDArray[Any]:
    """Return the half-planes up to `limit` [m] from each point along its `way`, as far as `size_m` to all sides."""
    xy = shapely.get_coordinates(points)
    across = np.column_stack([-way[:, 1], way[:, 0]])
    front = np.minimum(limit, size_m)
    corners = [
        (np.full(len(xy), -size_m), -size_m),
        (front, -size_m),
        (front, size_m),
        (np.full(len(xy), -size_m), size_m),
    ]
    rings = np.stack([xy + u[:, None] * way + v * across for u, v in corners], axis=1)
    made: NDArray[Any] = shapely.polygons(rings) if len(xy) else np.zeros(0, dtype=object)
    return made
