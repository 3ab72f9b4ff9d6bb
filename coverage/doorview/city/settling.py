"""From raw layers to a city's: cleaned, projected, without what is far away. One way for layers of any size.

The layers lie on a *shelf*, which hands them out in batches: `Tables` holds them in memory, one batch a layer;
`doorview.city.spool` has them on a disk. What is done to an object depends on that object alone, but for a few
summaries over all: shapes that repeat, the median place (which says the CRS), and how far buildings hang together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from doorview.city import clean
from doorview.city.crs import WGS84, metric_crs, named_country, project
from doorview.city.extent import hull_of, reach_of
from doorview.errors import EmptyCityError, InputError

__all__ = ["HALO_M", "Settled", "Shelf", "Tables", "settle"]

HALO_M = 150.0
"""How far beyond a boundary objects are kept [m]: doors and obstacles outside count for the ground inside."""

_SAME = {"buildings": None, "ways": "highway"}
"""Layers in which an object may be drawn twice, and what else must be the same then."""


class Shelf(Protocol):
    """Layers that are handed out in batches. Rows are counted through all batches of a layer, in their order."""

    def layers(self) -> Iterable[str]:
        """Return the names of the layers that are there, be it without objects."""

    def size(self, layer: str) -> int:
        """Return the number of objects of a layer, 0 for one that is not there."""

    def tables(self, layer: str) -> Iterator[gpd.GeoDataFrame]:
        """Give a layer in batches: its ids as index, geometry, ``highway`` of ways; other columns may be missing."""

    def change(self, layer: str, how: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> None:
        """Replace each batch (with ``nodes`` too) by what `how` returns: some of its rows, their shapes changed."""

    def drop(self, layer: str, rows: npt.NDArray[np.int64]) -> None:
        """Let go of rows."""


class Tables:
    """The shelf of layers in memory: a table each."""

    def __init__(self, tables: Mapping[str, gpd.GeoDataFrame]) -> None:
        self.of = dict(tables)

    def layers(self) -> Iterable[str]:
        """Return the names of the layers."""
        return list(self.of)

    def size(self, layer: str) -> int:
        """Return the number of objects of a layer."""
        return len(self.of.get(layer, ()))

    def tables(self, layer: str) -> Iterator[gpd.GeoDataFrame]:
        """Give a layer as one table."""
        yield self.of[layer]

    def change(self, layer: str, how: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> None:
        """Replace the table."""
        self.of[layer] = how(self.of[layer])

    def drop(self, layer: str, rows: npt.NDArray[np.int64]) -> None:
        """Let go of rows."""
        keep = np.ones(self.size(layer), dtype=bool)
        keep[rows] = False
        self.of[layer] = self.of[layer][keep]


@dataclass(frozen=True)
class Settled:
    """What a city is beside its layers."""

    crs: CRS
    extent: BaseGeometry
    boundary: BaseGeometry | None
    country: str
    dropped: dict[str, int]


def settle(
    shelf: Shelf,
    *,
    name: str,
    reach: BaseGeometry | None = None,
    boundary: gpd.GeoSeries | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    dropped: Mapping[str, int] | None = None,
    halo_m: float = HALO_M,
) -> Settled:
    """Bring the layers on a shelf to those of a city, and return what else a city is.

    Arguments and errors as `doorview.city.model.city_from_tables`. No result depends on how a shelf divides its layers.
    """
    counted: Counter[str] = Counter(dict(dropped or {}))
    for layer in shelf.layers():
        shelf.change(layer, lambda table, layer=layer: clean.clean_shapes(table, layer, counted))  # type: ignore[misc]
        if layer in _SAME:
            again = clean.same_shapes(lambda layer=layer: shelf.tables(layer), _SAME[layer])  # type: ignore[misc]
            clean.tally(counted, layer, "the same geometry as another, dropped", len(again))
            if len(again):
                shelf.drop(layer, again)
    _require(shelf, name, "" if boundary is None else " in or near the boundary (is it of the same place?)")
    lon, lat = _median(shelf)
    target = metric_crs(crs, lon, lat)

    def placed(table: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
        return clean.repair(clean.drop_unprojectable(project(table, target), layer, counted), layer, counted)

    for layer in shelf.layers():
        shelf.change(layer, lambda table, layer=layer: placed(table, layer))  # type: ignore[misc]
    _require(shelf, name)
    counting = None if boundary is None else _boundary_polygon(boundary, target)
    near = None if counting is None else counting.buffer(halo_m)
    if near is not None:
        for layer in shelf.layers():
            shelf.change(layer, lambda table: _touching(table, near))
        if not shelf.size("buildings") and not shelf.size("ways"):
            raise InputError(
                f"the boundary does not overlap the data of {name!r}: no building and no street lies in it, so there "
                "is nothing to count. "
                "Check that both are of the same place and that the boundary's CRS is right (table.crs; mend it with "
                "table.set_crs(...))."
            )
        _require(shelf, name, " inside the boundary")
    got = reach_of(_middles(shelf), near)
    hull = hull_of(_marked(shelf, got.kept))
    for layer in shelf.layers():
        before = shelf.size(layer)
        shelf.change(layer, lambda table: _touching(table, got.region))
        clean.tally(counted, layer, "far from the rest, dropped", before - shelf.size(layer))
    _require(shelf, name)
    return Settled(
        crs=target,
        extent=_extent(hull, got.region, reach, near, target),
        boundary=counting,
        country=named_country(country, lon, lat),
        dropped={reason: counted[reason] for reason in sorted(counted) if counted[reason]},
    )


def _require(shelf: Shelf, name: str, where: str = "") -> None:
    """Raise `EmptyCityError` unless there are buildings and streets."""
    if not shelf.size("buildings"):
        raise EmptyCityError(
            f"{name!r} holds no buildings{where}, so there are no doors and nothing hides a view. Take an extract or "
            "a place that has "
            "building=* areas, or give your own: City.from_layers(buildings='footprints.gpkg', "
            "extract='streets.osm.pbf')."
        )
    if not shelf.size("ways"):
        raise EmptyCityError(
            f"{name!r} holds no streets{where}, so there is no public space to count. Take an extract or a place "
            "that has highway=* "
            "ways, or give your own: City.from_layers(streets='centrelines.gpkg', extract='buildings.osm.pbf')."
        )


def _middles(shelf: Shelf) -> npt.NDArray[np.float64]:
    """Return the middles of the bounds of buildings (n, 2), in their CRS."""
    found = []
    for table in shelf.tables("buildings"):
        bounds = shapely.bounds(table.geometry.to_numpy())
        found.append((bounds[:, :2] + bounds[:, 2:]) / 2.0)
    return np.concatenate(found)


def _median(shelf: Shelf) -> tuple[float, float]:
    """Return the median place of buildings (longitude, latitude) [degrees]: stray objects do not move it."""
    x, y = np.nanmedian(_middles(shelf), axis=0)
    point = gpd.GeoSeries([shapely.Point(x, y)], crs=next(shelf.tables("buildings")).crs).to_crs(WGS84).iloc[0]
    return float(point.x), float(point.y)


def _marked(shelf: Shelf, marked: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.object_]]:
    """Give the shapes of the buildings that are marked."""
    first = 0
    for table in shelf.tables("buildings"):
        yield table.geometry.to_numpy()[marked[first : first + len(table)]]
        first += len(table)


def _boundary_polygon(boundary: gpd.GeoSeries, crs: CRS) -> BaseGeometry:
    """Return the boundary as one valid polygon in `crs`."""
    shape = shapely.union_all(shapely.make_valid(shapely.force_2d(boundary.to_crs(crs).to_numpy())))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    if not parts or not np.isfinite(shapely.bounds(shape)).all():
        raise InputError(
            "the boundary holds no polygon that can be projected to the place of the data, so no ground can be "
            "counted in it. Give polygons "
            "of the same place, with the right CRS (table.crs; mend it with table.set_crs(...))."
        )
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _touching(table: gpd.GeoDataFrame, region: BaseGeometry) -> gpd.GeoDataFrame:
    """Return the rows that touch a region, whole."""
    shapely.prepare(region)
    touches = shapely.intersects(region, table.geometry.to_numpy())
    return table if touches.all() else table[touches]


def _extent(
    hull: BaseGeometry, region: BaseGeometry, reach: BaseGeometry | None, near: BaseGeometry | None, crs: CRS
) -> BaseGeometry:
    """Return where the data reach: the file's own box where the buildings are, else the convex hull of the buildings.

    A box is believed only as far as the squares with buildings go, and one square around: some files say "the whole
    world".
    """
    extent = hull
    if reach is not None:
        box = gpd.GeoSeries([reach], crs=WGS84)
        box = box.segmentize(0.01).to_crs(crs).iloc[0]
        if np.isfinite(shapely.bounds(box)).all():
            inside = shapely.intersection(shapely.make_valid(box), shapely.convex_hull(region))
            extent = inside if inside.area > 0 else extent
    if near is not None:
        inside = shapely.intersection(extent, near)
        extent = inside if inside.area > 0 else extent
    return extent
