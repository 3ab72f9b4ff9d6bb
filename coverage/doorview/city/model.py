"""The city: what is where, in one projected CRS, whatever it was read from.

Extracts, places and own layers take one common path, `city_from_tables`: clean, project, drop what is far away,
sort, count.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from doorview.city import clean
from doorview.city.settling import HALO_M, Tables, settle
from doorview.city.tags import KEYS, LAYERS, OPTIONAL_LAYERS

__all__ = ["HALO_M", "City", "Source", "city_from_tables", "contract_columns"]

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
    shelf = Tables(
        {layer: raw[layer].iloc[clean.id_order(raw[layer].index)] for layer in LAYERS if layer in raw},
    )
    made = settle(
        shelf, name=name, reach=reach, boundary=boundary, crs=crs, country=country, dropped=dropped, halo_m=halo_m
    )
    return City(
        name=name,
        crs=made.crs,
        extent=made.extent,
        boundary=made.boundary,
        country=made.country,
        source=dict(source),
        dropped=made.dropped,
        **{
            layer: None
            if layer in OPTIONAL_LAYERS and layer not in shelf.of
            else contract_columns(shelf.of.get(layer), layer, made.crs)
            for layer in LAYERS
        },
    )


def contract_columns(table: gpd.GeoDataFrame | None, layer: str, crs: CRS) -> gpd.GeoDataFrame:
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
