"""Streets and areas about one part of a city, read as far as they can matter, and its ground laid out from them.

What is laid out is what the whole city has, to the last bit. A way that meets the window is read whole, so how long
it is does not matter. What a strip of ground depends on, and how far from the box that is asked it may lie:

- where its block face begins and ends, and where that is cut: over any distance. Nodes where streets meet, and the
  ways that go on as others, are known of the whole city in a few bytes (`doorview.city.street_links`), and ways that
  share a run with one in the window are read too;
- a strip reaches at most 80 m from its line (sixteen lanes of the widest kind with the widest sidewalk), and its piece
  of street is at most `LONGEST_FACE_M` = 200 m long: 280 m;
- whether it is one of two carriageways, by pieces within 80 m of it in place and heading: 360 m;
- whether a sidewalk that is drawn runs along it, by sidewalks within 67 m (half of the widest carriageway, 8 m, and
  the sampling), and whether another street is nearer to these: as far again, 414 m. `LAYOUT_M` is a little more;
- the parts of a sidewalk that is drawn end where the street beside it changes; where no street is beside it they may be
  as long as the way. So about every sidewalk that meets the box, streets are read as far as about the box;
- whether a park lies in closed ground, by one point of it, wherever that is: areas there are read as well;
- whether a parcel is a street, by all streets in it: for one that reaches out of the window they are gone through,
  a row group at a time.

A home depends on streets that its address names (150 m), the nearest one, and what else of that name is no more than 5
m farther. The nearest is certain where it is nearer than what was not read; else more is read, as far as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from doorview.city.city_store import Box, CityStore
from doorview.city.doors_streets import plain_streets, streets_of
from doorview.city.ground_areas import STREET_PARCEL_WIDTH_M
from doorview.city.ground_rules import classify, ground_rules
from doorview.city.home_rules import home_rules
from doorview.city.street_links import StreetLinks, is_street, tags_of

__all__ = ["LAYOUT_M", "Around", "bounds_of", "meets", "read_around", "street_parcels", "wider"]

LAYOUT_M = 450.0
NEAR_M = 200.0
"""So far about homes streets are read in any case [m]: more than an address may name, and in most places enough."""
SIDEWALK_M = 20.0
"""No sidewalk that is drawn is wider to one side [m]."""


class Around(NamedTuple):
    """What was read about a part: ways and areas, and which ways (ways,) its ground is laid out from."""

    ways: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    of_ground: NDArray[np.bool_]


def bounds_of(table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the bounds (n, 4) [m]."""
    bounds: NDArray[np.float64] = shapely.bounds(table.geometry.to_numpy()).reshape(-1, 4)
    return bounds


def meets(bounds: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """Return which bounds (n, 4) meet a box."""
    west, south, east, north = box
    found: NDArray[np.bool_] = (bounds[:, 0] <= east) & (bounds[:, 2] >= west)
    return found & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)


def wider(box: Box, by_m: float) -> Box:
    """Return a box that much larger on every side."""
    return box[0] - by_m, box[1] - by_m, box[2] + by_m, box[3] + by_m


def _hull(box: Box, bounds: NDArray[np.float64]) -> Box:
    """Return the least box that holds a box and bounds (n, 4)."""
    if not len(bounds):
        return box
    low, high = np.nanmin(bounds[:, :2], axis=0), np.nanmax(bounds[:, 2:], axis=0)
    west, south, east, north = box
    return (
        min(west, float(low[0])), min(south, float(low[1])), max(east, float(high[0])), max(north, float(high[1]))
    )  # fmt: skip


def _within(bounds: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box
    found: NDArray[np.bool_] = (bounds[:, 0] >= west) & (bounds[:, 1] >= south)
    return found & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)


def read_around(store: CityStore, links: StreetLinks, wide: Box, buildings: gpd.GeoDataFrame, ground: Box) -> Around:
    """Read the streets and areas that a part of a city depends on; see the module.

    Parameters
    ----------
    store, links
        The city, and what of its streets hangs together (`street_links`).
    wide
        Where the buildings were read.
    buildings
        All that meet `wide`.
    ground
        Where ground is asked: every strip of it that meets this box, and every piece of street whose middle it holds,
        will be as in the whole city.
    """
    table, ways, box = _near_homes(store, links, wide, buildings, wider(ground, LAYOUT_M))
    boxes = _layout_boxes(ways, store.frame.country, ground)
    beyond = [item for item in boxes if not _within(np.array([item]), box).all()]
    if beyond:
        table = _joined(table, store.meeting("ways", beyond))
        ways = store.layer_of("ways", table)
    rows = _rows(table)
    asked = rows[_meets_any(bounds_of(ways), boxes)]
    rest, groups = links.rest_of(asked)
    new = ~np.isin(rest, rows)
    if new.any():
        table = _joined(table, store.picked("ways", rest[new], groups[new]))
        ways = store.layer_of("ways", table)
    of_ground = np.isin(_rows(table), np.concatenate([asked, rest]))
    return Around(ways, _areas(store, wide, ground), of_ground)


def _rows(table: pa.Table) -> NDArray[np.int64]:
    """Return the rows of objects in the order of `CityStore.layer_of`."""
    return np.sort(table["row"].to_numpy().astype(np.int64))


def _joined(table: pa.Table, more: pa.Table) -> pa.Table:
    """Return a table with what another has besides."""
    new = ~np.isin(more["row"].to_numpy(), table["row"].to_numpy())
    return pa.concat_tables([table, more.filter(pa.array(new))]) if new.any() else table


def _near_homes(
    store: CityStore, links: StreetLinks, wide: Box, buildings: gpd.GeoDataFrame, least: Box
) -> tuple[pa.Table, gpd.GeoDataFrame, Box]:
    """Return ways about buildings, so far that no street that was not read is as near to one as the nearest that was.

    As read, as a layer, and of which box; `least` is read in any case.
    """
    own = bounds_of(buildings)
    box = _hull(wider(_hull(wide, own), NEAR_M), np.array([least]))
    centres = shapely.centroid(buildings.geometry.to_numpy())
    # From anywhere on a footprint the nearest street is no farther than from its centre, and the way there.
    across = np.hypot(own[:, 2] - own[:, 0], own[:, 3] - own[:, 1]) + 1.0
    while True:
        table = store.meeting("ways", [box])
        everything = bool(_within(np.array([links.bounds]), box).all()) or not np.isfinite(links.bounds).all()
        ways = store.layer_of("ways", table)
        if everything or not len(own):
            return table, ways, box
        lines = _facing(ways, plain=links.plain)
        if len(lines):
            needed = _as_far(box, own, centres, across, lines)
            if needed == box:
                return table, ways, box
            box = needed
        else:
            box = wider(box, max(box[2] - box[0], box[3] - box[1]) / 2.0)


def _as_far(
    box: Box, own: NDArray[np.float64], centres: NDArray[np.object_], across: NDArray[np.float64],
    lines: NDArray[np.object_],
) -> Box:  # fmt: skip
    """Return a box that holds, about each home's bounds, all that is as near as the nearest of some lines."""
    # No line is farther than the nearest of its vertices: where that settles it, nothing more is asked.
    away, _ = cKDTree(shapely.get_coordinates(lines)).query(shapely.get_coordinates(centres))
    far = (away + across)[:, None]
    open_ = np.flatnonzero(~_within(np.hstack([own[:, :2] - far, own[:, 2:] + far]), box))
    (row, _), distance = shapely.STRtree(lines).query_nearest(centres[open_], return_distance=True, all_matches=False)
    at = open_[row]
    far = (distance + across[at])[:, None]
    return _hull(box, np.hstack([own[at, :2] - far, own[at, 2:] + far]))


def _facing(ways: gpd.GeoDataFrame, *, plain: bool) -> NDArray[np.object_]:
    """Return the streets by which the nearest is settled: the plain ones, where the city has any."""
    if not plain:
        return streets_of(ways, home_rules()).lines
    shapes = ways.geometry.to_numpy()
    lines: NDArray[np.object_] = shapes[plain_streets(ways, home_rules()) & ~shapely.is_empty(shapes)]
    return lines


def _layout_boxes(ways: gpd.GeoDataFrame, country: str, ground: Box) -> list[Box]:
    """Return where streets must be known for the ground of a box: about it, and about each sidewalk that meets it."""
    near = ways[meets(bounds_of(ways), wider(ground, SIDEWALK_M))]
    walks = near[classify(near, ground_rules().ways, country).ground == "sidewalk"]
    bounds = bounds_of(walks)
    out = bounds[~_within(bounds, ground)].tolist()
    return _merged([wider(ground, LAYOUT_M), *(wider((b[0], b[1], b[2], b[3]), LAYOUT_M) for b in out)])


def _merged(boxes: list[Box], most: int = 16) -> list[Box]:
    """Return few boxes that hold all of these: what lies in the first goes, and if many stay, one holds them."""
    rest = np.array(boxes[1:]).reshape(-1, 4)
    rest = np.unique(rest[~_within(rest, boxes[0])], axis=0)
    if len(rest) > most:
        return [_hull(boxes[0], rest)]
    return [boxes[0], *((row[0], row[1], row[2], row[3]) for row in rest.tolist())]


def _meets_any(bounds: NDArray[np.float64], boxes: list[Box]) -> NDArray[np.bool_]:
    found = np.zeros(len(bounds), dtype=bool)
    for box in boxes:
        found |= meets(bounds, box)
    return found


def _areas(store: CityStore, wide: Box, ground: Box) -> gpd.GeoDataFrame:
    """Return areas that meet a box, and those in which the point of one lies by which it is told to be closed."""
    table = store.meeting("areas", [wide])
    areas = store.layer_of("areas", table)
    bounds = bounds_of(areas)
    out = areas.geometry.to_numpy()[meets(bounds, ground) & ~_within(bounds, wide)]
    xy = shapely.get_coordinates(shapely.point_on_surface(out))
    points = np.hstack([xy, xy])
    points = points[~_within(points, wide)]
    for start in range(0, len(points), 16):
        boxes = [(row[0], row[1], row[2], row[3]) for row in points[start : start + 16].tolist()]
        table = _joined(table, store.meeting("areas", boxes))
    return store.layer_of("areas", table) if len(points) else areas


def street_parcels(store: CityStore, lots: gpd.GeoDataFrame, box: Box, known: dict[str, bool]) -> NDArray[np.bool_]:
    """Return which parcels reach out of a box and are streets by all the streets in them (`parcel_polygons`).

    `known` are those that were looked at before, by id; it is added to.
    """
    keys = {*ground_rules().keys("ways"), "highway"}
    found = np.zeros(len(lots), dtype=bool)
    for at in np.flatnonzero(~_within(bounds_of(lots), box)).tolist():
        name, shape = str(lots.index[at]), lots.geometry.iloc[at]
        if name not in known:
            west, south, east, north = shapely.bounds(shape).tolist()
            length = 0.0
            for table in store.groups("ways", keys, (west, south, east, north)):
                lines = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
                lines = lines[is_street(tags_of(table), store.frame.country)]
                length += float(shapely.length(shapely.intersection(lines, shape)).sum())
            known[name] = bool(shapely.area(shape) < STREET_PARCEL_WIDTH_M * length)
        found[at] = known[name]
    return found
