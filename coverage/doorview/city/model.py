"""The city: what is where, in one projected CRS, whatever it was read from.

Extracts, places and own layers take one common path, `city_from_tables`: clean, project, drop what is far away,
sort, count.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from doorview.city import clean
from doorview.city.crs import WGS84, metric_crs, named_country, project
from doorview.city.extent import Reach, reach_of
from doorview.city.tags import KEYS, LAYERS, OPTIONAL_LAYERS
from doorview.errors import EmptyCityError, InputError

__all__ = ["HALO_M", "City", "Source", "city_from_tables"]

HALO_M = 150.0
"""How far beyond a boundary objects are kept [m]: doors and obstacles outside count for the ground inside."""

Source: TypeAlias = Path | str | gpd.GeoDataFrame
"""A layer as the user gives it: a file, ``file.gpkg:layer`` (or ``file.gpkg|layername=layer``), or a table."""

Boundary: TypeAlias = Path | str | gpd.GeoDataFrame | gpd.GeoSeries | BaseGeometry


@dataclass(frozen=True, repr=False, eq=False)
class City:
    """A city: layers, extent and where they come from. All geometry is in `crs`, projected, in metres.

    Each layer's index is named ``osm_id`` (``n123``, ``w123``, ``r123``; own layers ``own:LAYER:ROW``), unique and
    sorted; its columns are ``geometry`` and the raw tags of `doorview.city.tags.KEYS` (`str` or None), ``ways`` also
    ``nodes`` (int64 node ids, as many as the line has points; None for own streets).

    Attributes:
        name: for titles.
        crs: projected CRS, x east and y north [m].
        extent: polygon, where the data reach.
        boundary: polygon or None, where shares are to be counted.
        country: key of the street-width defaults, ``us`` or ``world``.
        buildings: table of Polygon or MultiPolygon.
        ways: table of LineString.
        areas: table of Polygon or MultiPolygon.
        barriers: table of LineString.
        addresses: table of Point.
        entrances: table of Point.
        parcels: table of polygons or None.
        source: ``kind`` (extract, place, layers, mixed), ``files`` [{path, sha256, licence}], ``data_date`` (ISO
            date or None) and ``attribution``.
        dropped: reason -> number of everything that was repaired, dropped or ignored for a fault.
        surveillance: table of Point, ``man_made=surveillance``; None where no extract was read (own layers alone).
        places: table of Point, what people walk to (`doorview.city.tags.PLACE_TAGS`); None where no extract was read.
        trees: table of Point, ``natural=tree``; None where the source was not asked for it.
        tree_rows: table of LineString, ``natural=tree_row``; None as `trees`.
        parts: table of polygons, ``building:part=*``; None where the source was not asked for it.
    """

    name: str
    crs: CRS
    extent: BaseGeometry
    boundary: BaseGeometry | None
    country: str
    buildings: gpd.GeoDataFrame
    ways: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame
    addresses: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    parcels: gpd.GeoDataFrame | None
    source: dict[str, Any]
    dropped: dict[str, int]
    surveillance: gpd.GeoDataFrame | None = None
    places: gpd.GeoDataFrame | None = None
    trees: gpd.GeoDataFrame | None = None
    tree_rows: gpd.GeoDataFrame | None = None
    parts: gpd.GeoDataFrame | None = None

    @classmethod
    def from_extract(
        cls,
        path: Path | str,
        *,
        boundary: Boundary | None = None,
        crs: CRS | str | int | None = None,
        country: str | None = None,
        name: str | None = None,
        halo_m: float = HALO_M,
    ) -> City:
        """Read a city from an OSM extract: ``.osm.pbf``, ``.osm``, ``.osm.gz`` or ``.osm.bz2``, sorted or not.

        Args:
            path: the file.
            boundary: polygon where shares are counted: a file, a GeoDataFrame or GeoSeries, or a geometry in
                longitude and latitude. Whole objects that touch it, or lie within `halo_m` of it, are kept.
            crs: projected CRS in metres; default the local UTM zone.
            country: key of the street-width defaults; default by the place.
            name: for titles; default the file's name.
            halo_m: how far beyond the boundary objects are kept [m].

        Raises:
            MissingFileError: no such file.
            InputError: no OSM file, a truncated or corrupt one, or a boundary that does not fit.
            EmptyCityError: no buildings or no streets in it.
        """
        from doorview.city.extract import city_from_extract

        return city_from_extract(path, boundary=boundary, crs=crs, country=country, name=name, halo_m=halo_m)

    @classmethod
    def from_layers(
        cls,
        *,
        buildings: Source | None = None,
        streets: Source | None = None,
        public_space: Source | None = None,
        parcels: Source | None = None,
        addresses: Source | None = None,
        entrances: Source | None = None,
        extract: Path | str | None = None,
        boundary: Boundary | None = None,
        crs: CRS | str | int | None = None,
        country: str | None = None,
        name: str | None = None,
        halo_m: float = HALO_M,
    ) -> City:
        """Read a city from the user's own layers, the rest from an OSM extract.

        Each layer is a file (GeoPackage, GeoParquet, GeoJSON, Shapefile; ``file.gpkg:layer`` names a layer) or a
        GeoDataFrame, with its CRS. A layer that is given stands in place of the extract's. `public_space` replaces
        the open spaces of the extract (parks, squares) but neither its street areas nor its water and closed ground.
        Other arguments and errors as `from_extract`.

        Examples:
            Twenty houses along a street:

            >>> import geopandas as gpd, shapely
            >>> import doorview as dv
            >>> corners = [(5e5 + x, y) for x in range(0, 200, 20) for y in (8.0, -18.0)]
            >>> shapes = [shapely.box(x, y, x + 10.0, y + 10.0) for x, y in corners]
            >>> houses = gpd.GeoDataFrame({"building": ["house"] * 20}, geometry=shapes, crs="EPSG:32618")
            >>> line = shapely.LineString([(499900, 0), (500300, 0)])
            >>> street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
            >>> city = dv.City.from_layers(buildings=houses, streets=street, country="us")
            >>> len(city.buildings), len(city.ways)
            (20, 1)
        """
        from doorview.city.layers import city_from_layers

        own = {
            "buildings": buildings,
            "streets": streets,
            "public_space": public_space,
            "parcels": parcels,
            "addresses": addresses,
            "entrances": entrances,
        }
        given = {layer: source for layer, source in own.items() if source is not None}
        return city_from_layers(
            given, extract=extract, boundary=boundary, crs=crs, country=country, name=name, halo_m=halo_m
        )

    @classmethod
    def from_place(
        cls,
        query: str | None = None,
        *,
        distance_m: float | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        crs: CRS | str | int | None = None,
        country: str | None = None,
        keep: Path | str | None = None,
        name: str | None = None,
        also: Iterable[str] = (),
    ) -> City:
        """Download a city by place name, address with a distance [m], or bounding box.

        See `doorview.city.place.city_from_place` for arguments and errors.
        """
        from doorview.city.place import city_from_place

        return city_from_place(
            query, distance_m=distance_m, bbox=bbox, crs=crs, country=country, keep=keep, name=name, also=also
        )

    def __repr__(self) -> str:
        """Return a few lines: place, size of each layer, date and what was dropped."""
        return "\n".join(f"{key}: {value}" if key else value for key, value in self._summary())

    def _repr_html_(self) -> str:
        """Return the summary as a table, every text escaped: names come from data."""
        left = 'style="text-align:left"'
        rows = "".join(
            f"<tr><th {left}>{html.escape(key)}</th><td {left}>{html.escape(value)}</td></tr>"
            for key, value in self._summary()
        )
        return f"<table>{rows}</table>"

    def _summary(self) -> list[tuple[str, str]]:
        sizes = [(layer, getattr(self, layer)) for layer in LAYERS]
        return [
            ("", f"City {self.name!r}, {self.crs.name}, {self.extent.area / 1e6:.2f} km2"),
            ("layers", ", ".join(f"{len(table):,} {layer}" for layer, table in sizes if table is not None)),
            ("data date", str(self.source.get("data_date") or "unknown")),
            ("source", str(self.source.get("attribution", ""))),
            (
                "dropped or repaired",
                f"{sum(self.dropped.values()):,} objects, see .dropped" if self.dropped else "nothing",
            ),
        ]


def city_from_tables(
    raw: Mapping[str, gpd.GeoDataFrame],
    *,
    source: Mapping[str, Any],
    name: str,
    reach: BaseGeometry | None = None,
    boundary: gpd.GeoSeries | None = None,
    crs: CRS | str | int | None = None,
    country: str | None = None,
    dropped: Mapping[str, int] | None = None,
    halo_m: float = HALO_M,
) -> City:
    """Make a city of raw layers: the common path of extracts, places and own layers.

    Args:
        raw: layers by their name in `doorview.city.tags.LAYERS`, each with a CRS (they may differ), its ids as index
        and tags as
            columns; a missing layer is empty (one of `doorview.city.tags.OPTIONAL_LAYERS` is None), a missing column
            None. ``ways`` may have ``nodes``.
        source: the `source` of the city.
        name: for titles.
        reach: where the file itself says that its data reach (EPSG:4326), or None. Without it the convex hull of the
        buildings counts.
        boundary: polygons where shares are counted, with their CRS.
        crs: projected CRS in metres; default the local UTM zone at the median of the buildings.
        country: key of the street-width defaults; default by the place.
        dropped: what was dropped before, to be counted with the rest.
        halo_m: how far beyond the boundary objects are kept [m].

    Raises:
        EmptyCityError: no buildings or no streets.
        InputError: a CRS or boundary that does not fit.
    """
    counted: Counter[str] = Counter(dict(dropped or {}))
    tables: dict[str, gpd.GeoDataFrame] = {}
    for layer in LAYERS:
        if layer in raw:
            table = raw[layer].iloc[clean.id_order(raw[layer].index)]
            table = clean.clean_shapes(table, layer, counted)
            if layer == "buildings":
                table = clean.drop_duplicates(table, layer, counted)
            elif layer == "ways" and "highway" in table.columns:
                table = clean.drop_duplicates(table, layer, counted, also="highway")
            tables[layer] = table
    _require(tables, name, "" if boundary is None else " in or near the boundary (is it of the same place?)")
    lon, lat = _middle(tables["buildings"])
    target = metric_crs(crs, lon, lat)
    for layer, table in tables.items():
        placed = clean.drop_unprojectable(project(table, target), layer, counted)
        tables[layer] = clean.repair(placed, layer, counted)
    _require(tables, name)
    counting = None if boundary is None else _boundary_polygon(boundary, target)
    near = None if counting is None else counting.buffer(halo_m)
    if near is not None:
        tables = {layer: _touching(table, near) for layer, table in tables.items()}
        if not len(tables["buildings"]) and not len(tables.get("ways", ())):
            raise InputError(
                f"the boundary does not overlap the data of {name!r}: no building and no street lies in it, so there "
                "is nothing to count. "
                "Check that both are of the same place and that the boundary's CRS is right (table.crs; mend it with "
                "table.set_crs(...))."
            )
        _require(tables, name, " inside the boundary")
    got = reach_of(tables["buildings"].geometry.to_numpy(), near)
    for layer, table in tables.items():
        stay = _touching(table, got.region)
        clean.tally(counted, layer, "far from the rest, dropped", len(table) - len(stay))
        tables[layer] = stay
    _require(tables, name)
    return City(
        name=name,
        crs=target,
        extent=_extent(got, reach, near, target),
        boundary=counting,
        country=named_country(country, lon, lat),
        source=dict(source),
        dropped={reason: counted[reason] for reason in sorted(counted) if counted[reason]},
        **{
            layer: None
            if layer in OPTIONAL_LAYERS and layer not in tables
            else _columns(tables.get(layer), layer, target)
            for layer in LAYERS
        },
    )


def _require(tables: Mapping[str, gpd.GeoDataFrame], name: str, where: str = "") -> None:
    """Raise `EmptyCityError` unless there are buildings and streets."""
    if not len(tables.get("buildings", ())):
        raise EmptyCityError(
            f"{name!r} holds no buildings{where}, so there are no doors and nothing hides a view. Take an extract or "
            "a place that has "
            "building=* areas, or give your own: City.from_layers(buildings='footprints.gpkg', "
            "extract='streets.osm.pbf')."
        )
    if not len(tables.get("ways", ())):
        raise EmptyCityError(
            f"{name!r} holds no streets{where}, so there is no public space to count. Take an extract or a place "
            "that has highway=* "
            "ways, or give your own: City.from_layers(streets='centrelines.gpkg', extract='buildings.osm.pbf')."
        )


def _middle(table: gpd.GeoDataFrame) -> tuple[float, float]:
    """Return the median place of a layer (longitude, latitude) [degrees]: stray objects do not move it."""
    bounds = shapely.bounds(table.geometry.to_numpy())
    x, y = np.nanmedian((bounds[:, :2] + bounds[:, 2:]) / 2.0, axis=0)
    point = gpd.GeoSeries([shapely.Point(x, y)], crs=table.crs).to_crs(WGS84).iloc[0]
    return float(point.x), float(point.y)


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


def _extent(got: Reach, reach: BaseGeometry | None, near: BaseGeometry | None, crs: CRS) -> BaseGeometry:
    """Return where the data reach: the file's own box where the buildings are, else the convex hull of the buildings.

    A box is believed only as far as the squares with buildings go, and one square around: some files say "the whole
    world".
    """
    extent = got.hull
    if reach is not None:
        box = gpd.GeoSeries([reach], crs=WGS84)
        box = box.segmentize(0.01).to_crs(crs).iloc[0]
        if np.isfinite(shapely.bounds(box)).all():
            inside = shapely.intersection(shapely.make_valid(box), shapely.convex_hull(got.region))
            extent = inside if inside.area > 0 else extent
    if near is not None:
        inside = shapely.intersection(extent, near)
        extent = inside if inside.area > 0 else extent
    return extent


def _columns(table: gpd.GeoDataFrame | None, layer: str, crs: CRS) -> gpd.GeoDataFrame:
    """Return a layer with exactly the columns of the contract, text as object dtype with None where there is none."""
    if table is None:
        table = gpd.GeoDataFrame(geometry=[], crs=crs)
    index = pd.Index(table.index.astype(str), name="osm_id")
    data: dict[str, Any] = {}
    for key in KEYS[layer]:
        if key in table.columns:
            values = table[key].to_numpy(dtype=object, copy=True)
            values[pd.isna(values)] = None
        else:
            values = np.full(len(table), None, dtype=object)
        data[key] = pd.Series(values, index=index, dtype=object)
    if layer == "ways":
        nodes = table["nodes"].to_numpy(dtype=object) if "nodes" in table.columns else np.full(len(table), None, object)
        data["nodes"] = pd.Series(nodes, index=index, dtype=object)
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(table.geometry.to_numpy(), index=index, crs=crs), crs=crs)
