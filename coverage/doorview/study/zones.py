"""The zones that a study names, as one table on the city's CRS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.layers import read_layer
from doorview.errors import InputError, UnknownNameError
from doorview.show.text import clean
from doorview.study.dwellings import ALL
from doorview.study.sections import Zoning

__all__ = ["COLUMN", "id_text", "read_zones", "zone_column", "zone_membership"]


COLUMN = "column: "
"""Before the name of a column of the user's own in the table of zones."""


def read_zones(
    zonings: Sequence[Zoning], crs: CRS, inside: Any, columns: Mapping[str, Sequence[str]] | None = None
) -> tuple[gpd.GeoDataFrame | None, dict[str, int]]:
    """Return the zones that meet the counted area, and how many were left out, by reason.

    Columns: `zoning`, `zone` (id as text), `name`, `counted_dwellings` (the user's own count, NaN where none),
    geometry; and those that `columns` asks for by zoning, with `COLUMN` before their names. Zones stand in
    the order of zoning and id.

    Raises
    ------
    InputError
        For a file that cannot be read, without CRS, without polygons, with an id twice, or no zone in the counted area.
    UnknownNameError
        For a column that the file lacks.

    """
    parts, left_out = [], {"zones outside the counted area": 0, "zones without a polygon": 0}
    for zoning in zonings:
        own = list((columns or {}).get(zoning.set_name, ()))
        table = _read(zoning, crs, own)
        shapes = shapely.force_2d(np.asarray(table.geometry.array, dtype=object))
        usable = np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)
        usable[usable] = np.isfinite(shapely.bounds(shapes[usable])).all(axis=1)
        table, shapes = table[usable], shapely.make_valid(shapes[usable], method="structure", keep_collapsed=False)
        left_out["zones without a polygon"] += int((~usable).sum())
        meets = shapely.intersects(shapes, inside)
        left_out["zones outside the counted area"] += int((~meets).sum())
        if not meets.any():
            raise InputError(
                f"no zone of '{zoning.file}' lies in the counted area: the file may be of another place, or in another "
                "CRS than it says. Look at both in a map program, or leave the file out."
            )
        ids, names, counts = _ids(zoning, table), _names(zoning, table), _counts(zoning, table)
        parts.append(
            gpd.GeoDataFrame(
                {
                    "zoning": zoning.set_name,
                    "zone": ids[meets],
                    "name": names[meets],
                    "counted_dwellings": counts[meets],
                    **{COLUMN + name: table[name].to_numpy()[meets] for name in own},
                },
                geometry=shapes[meets],
                crs=crs,
            )
        )
    if not parts:
        return None, {}
    zones = pd.concat(parts, ignore_index=True).sort_values(["zoning", "zone"], ignore_index=True)
    return gpd.GeoDataFrame(zones, crs=crs), {reason: n for reason, n in left_out.items() if n}


def _read(zoning: Zoning, crs: CRS, more: Sequence[str]) -> gpd.GeoDataFrame:
    """Return a zoning's file on the city's CRS, with every column that the study names."""
    table = read_layer(zoning.file, "zones")
    for column in (zoning.id, zoning.name, zoning.dwellings, *more):
        if column is not None and column not in table.columns:
            known = [str(name) for name in table.columns if name != table.geometry.name]
            raise UnknownNameError(f"column of '{zoning.file.name}'", column, known)
    return table.to_crs(crs)


def _names(zoning: Zoning, table: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the names of zones as plain text on one line, for they come from data; the id where there is none."""
    ids = _ids(zoning, table)
    if zoning.name is None:
        return ids
    names = [clean(value, 120) for value in table[zoning.name]]
    return np.array([name or zone for name, zone in zip(names, ids, strict=True)], dtype=object)


def _ids(zoning: Zoning, table: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the ids of zones as text; refuse one that stands twice, is missing, or is the word for all zones."""
    if zoning.id is None:
        return np.array([str(number) for number in table.index], dtype=object)
    values = table[zoning.id]
    if values.isna().any():
        raise InputError(
            f"'{zoning.file}', column '{zoning.id}': {int(values.isna().sum())} zones have no id, so nobody could tell "
            "them "
            "apart in tables. Fill the column, or name another."
        )
    ids = [id_text(value) for value in values]
    if ALL in ids:
        raise InputError(
            f"'{zoning.file}', column '{zoning.id}': a zone has the id '{ALL}', which stands for all zones together in "
            "tables. Give it another."
        )
    twice = pd.Index(ids)[pd.Index(ids).duplicated()].unique()
    if len(twice):
        others = f" and {len(twice) - 1} others stand" if len(twice) > 1 else " stands"
        raise InputError(
            f"'{zoning.file}', column '{zoning.id}': the id '{twice[0]}'{others} more than once. "
            "Dissolve the zones by it, or name another column."
        )
    return np.array(ids, dtype=object)


def id_text(value: object) -> str:
    """Return a zone's id as text: a whole number that a file holds as 12.0 is 12."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def zone_column(zoning: Zoning, column: str) -> tuple[pd.Series | None, list[str]]:
    """Return a column of a set of zones by the ids of its zones, None where the file lacks it; and what it has."""
    table = read_layer(zoning.file, "zones")
    known = [str(name) for name in table.columns if name != table.geometry.name]
    if column not in known:
        return None, known
    ids = table.index if zoning.id is None else table[zoning.id]
    named = ids.notna()
    values = table[column].astype(object)[named]
    return values.set_axis([id_text(value) for value in ids[named]], axis=0), known


def _counts(zoning: Zoning, table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the user's own count of dwellings, NaN where none."""
    if zoning.dwellings is None:
        return np.full(len(table), np.nan)
    values = pd.to_numeric(table[zoning.dwellings], errors="coerce")
    bad = (values.isna() & table[zoning.dwellings].notna()) | (values < 0) | np.isinf(values)
    if bad.any():
        raise InputError(
            f"'{zoning.file}', column '{zoning.dwellings}': {table[zoning.dwellings][bad].iloc[0]!r} is no count of "
            "dwellings. "
            "Give numbers of 0 or more, or leave the cell empty."
        )
    counts: NDArray[np.float64] = values.to_numpy(dtype=np.float64)
    return counts


def zone_membership(zones: gpd.GeoDataFrame, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (points, zones): whether each point lies in each zone."""
    holds = np.zeros((len(xy), len(zones)), bool)
    zone, point = shapely.STRtree(shapely.points(xy)).query(np.asarray(zones.geometry.array), predicate="intersects")
    holds[point, zone] = True
    return holds
