"""The zones that a study names, as one table on the city's CRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS

from doorview.errors import InputError, UnknownNameError
from doorview.study.sections import Zoning

__all__ = ["read_zones", "zone_membership"]

SLIVER = 1e-9


def read_zones(zonings: Sequence[Zoning], crs: CRS, inside: Any) -> tuple[gpd.GeoDataFrame | None, dict[str, int]]:
    """Return the zones that meet the counted area, and how many were left out, by reason.

    Columns: `zoning`, `zone` (id as text), `name`, `counted_dwellings` (the user's own count, NaN where none), geometry. Zones
    stand in the order of zoning and id.

    Raises
    ------
    InputError
        For a file that cannot be read, without CRS, without polygons, with an id twice, or no zone in the counted area.
    UnknownNameError
        For a column that the file lacks.

    """
    parts, left_out = [], {"zones outside the counted area": 0, "zones without a polygon": 0}
    for zoning in zonings:
        table = _read(zoning, crs)
        shapes = np.asarray(table.geometry.array, dtype=object)
        polygonal = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
        left_out["zones without a polygon"] += int((~polygonal).sum())
        shapes = shapely.make_valid(shapes[polygonal])
        table = table[polygonal]
        meets = shapely.intersects(shapes, inside)
        left_out["zones outside the counted area"] += int((~meets).sum())
        if not meets.any():
            raise InputError(
                f"no zone of '{zoning.file}' lies in the counted area: the file may be of another place, or in another CRS than "
                "it says. Look at both in a map program, or leave the file out."
            )
        table, shapes = table[meets], shapes[meets]
        parts.append(
            gpd.GeoDataFrame(
                {
                    "zoning": zoning.zoning or zoning.file.stem,
                    "zone": _ids(zoning, table),
                    "name": [str(v) for v in table[zoning.name]] if zoning.name else _ids(zoning, table),
                    "counted_dwellings": _counts(zoning, table),
                },
                geometry=shapes,
                crs=crs,
            )
        )
    if not parts:
        return None, {}
    zones = pd.concat(parts, ignore_index=True).sort_values(["zoning", "zone"], ignore_index=True)
    return gpd.GeoDataFrame(zones, crs=crs), {reason: n for reason, n in left_out.items() if n}


def _read(zoning: Zoning, crs: CRS) -> gpd.GeoDataFrame:
    """Return a zoning's file on the city's CRS, with every column that the study names."""
    try:
        if zoning.file.suffix.lower() in (".parquet", ".geoparquet"):
            table = gpd.read_parquet(zoning.file)
        else:
            table = gpd.read_file(zoning.file)
    except (DataSourceError, DataLayerError, ValueError, OSError) as fault:
        raise InputError(
            f"'{zoning.file}' holds no zones that can be read ({fault}). Give polygons as GeoPackage, GeoJSON, GeoParquet or Shapefile."
        ) from fault
    if not isinstance(table, gpd.GeoDataFrame) or table.geometry.isna().all():
        raise InputError(f"'{zoning.file}' holds a table without geometry: zones must be polygons.")
    if table.crs is None:
        raise InputError(
            f"'{zoning.file}' says no CRS, so nobody knows where its zones lie. Store it with one, e.g. with "
            "gpd.read_file(...).set_crs('EPSG:4326').to_file(...)."
        )
    for column in (zoning.id, zoning.name, zoning.dwellings):
        if column is not None and column not in table.columns:
            known = [str(name) for name in table.columns if name != table.geometry.name]
            raise UnknownNameError(f"column of '{zoning.file.name}'", column, known)
    return table.to_crs(crs)


def _ids(zoning: Zoning, table: gpd.GeoDataFrame) -> list[str]:
    """Return the ids of zones as text; refuse one that stands twice or is missing."""
    if zoning.id is None:
        return [str(number) for number in table.index]
    values = table[zoning.id]
    if values.isna().any():
        raise InputError(f"'{zoning.file}', column '{zoning.id}': {int(values.isna().sum())} zones have no id. Fill the column.")
    ids = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
    twice = pd.Index(ids)[pd.Index(ids).duplicated()].unique()
    if len(twice):
        raise InputError(
            f"'{zoning.file}', column '{zoning.id}': the id '{twice[0]}' and {len(twice) - 1} others stand more than once. "
            "Dissolve the zones by it, or name another column."
        )
    return ids


def _counts(zoning: Zoning, table: gpd.GeoDataFrame) -> Any:
    """Return the user's own count of dwellings, NaN where none."""
    if zoning.dwellings is None:
        return np.full(len(table), np.nan)
    values = pd.to_numeric(table[zoning.dwellings], errors="coerce")
    bad = (values.isna() & table[zoning.dwellings].notna()) | (values < 0)
    if bad.any():
        raise InputError(
            f"'{zoning.file}', column '{zoning.dwellings}': {table[zoning.dwellings][bad].iloc[0]!r} is no count of dwellings. "
            "Give numbers of 0 or more, or leave the cell empty."
        )
    return values.to_numpy(dtype=np.float64)


def zone_membership(zones: gpd.GeoDataFrame, xy: Any) -> Any:
    """Return (points, zones): whether each point lies in each zone."""
    holds = np.zeros((len(xy), len(zones)), bool)
    zone, point = shapely.STRtree(shapely.points(xy)).query(np.asarray(zones.geometry.array), predicate="intersects")
    holds[point, zone] = True
    return holds
