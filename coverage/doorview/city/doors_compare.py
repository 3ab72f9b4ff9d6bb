"""Doors and dwellings per zone against the user's own count."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.errors import InputError, UnknownNameError

__all__ = ["compare_dwellings"]


def compare_dwellings(doors: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, column: str) -> pd.DataFrame:
    """Compare the dwellings found in each zone with the user's own count (census, assessor).

    Parameters
    ----------
    doors
        From `find_doors`.
    zones
        Polygons, in any CRS; a door belongs to every zone that holds it.
    column
        Column of `zones` with the count.

    Returns
    -------
    DataFrame
        On the index of `zones`: `doors`, `dwellings` (int), `own_count` (float), `ratio` = dwellings / own_count (NaN
        where the count is 0 or missing), `outside` (bool: the ratio is below 0.8 or above 1.25, or there is none
        although dwellings were found).

    Raises
    ------
    UnknownNameError
        If `zones` has no such column.
    InputError
        If the column holds text or a negative count, or `zones` has no CRS.
    """
    if column not in zones.columns:
        raise UnknownNameError("column of zones", column, [str(item) for item in zones.columns if item != "geometry"])
    own = pd.to_numeric(zones[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = (np.isnan(own) & zones[column].notna().to_numpy()) | (own < 0)
    if bad.any():
        row = zones.index[np.flatnonzero(bad)[0]]
        raise InputError(
            f"zones, row {row!r}, column '{column}': {zones[column].iloc[int(np.flatnonzero(bad)[0])]!r} is no count "
            "of dwellings, so there is nothing to compare with. Make it a number of at least 0, or leave it empty."
        )
    if zones.crs is None:
        raise InputError("zones have no CRS, so no door can be found in them. Set it: zones.set_crs(...).")
    shapes = zones.geometry.to_crs(doors.crs).to_numpy()
    zone, door = shapely.STRtree(doors.geometry.to_numpy()).query(shapes, predicate="intersects")
    found = np.bincount(zone, minlength=len(zones))
    dwellings = np.bincount(zone, weights=doors["dwellings"].to_numpy()[door], minlength=len(zones)).astype(np.int64)
    ratio = np.divide(dwellings, own, out=np.full(len(zones), np.nan), where=own > 0)
    outside = np.where(np.isnan(ratio), (dwellings > 0), (ratio < 0.8) | (ratio > 1.25))
    return pd.DataFrame(
        {"doors": found, "dwellings": dwellings, "own_count": own, "ratio": ratio, "outside": outside.astype(bool)},
        index=zones.index,
    )
