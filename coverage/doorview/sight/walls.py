"""Obstacles as plain walls."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["Walls", "segments_of", "walls_of"]


class Walls(NamedTuple):
    """Walls as segments: `xy` (n, 4) x1 y1 x2 y2 [m], `height` (n,) [m], infinite where taller than any sight line."""

    xy: NDArray[np.float64]
    height: NDArray[np.float64]


def walls_of(obstacles: gpd.GeoDataFrame | gpd.GeoSeries) -> Walls:
    """Return the segments of all lines and rings of `obstacles`, in their order, ring by ring.

    A column `height_m` [m] gives heights; without it, or where it is NaN, an obstacle is taller than any sight line.

    Raises
    ------
    InputError
        If an obstacle is a point, or a height is negative or text.

    """
    return segments_of(obstacles)[0]


def segments_of(obstacles: gpd.GeoDataFrame | gpd.GeoSeries) -> tuple[Walls, NDArray[np.int64]]:
    """Return the walls of `obstacles` as `walls_of` does, and the row (n,) of the obstacle that each is of."""
    geometry = np.asarray(obstacles.geometry.array, dtype=object)
    present = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    geometry = geometry[present]
    kinds = shapely.get_type_id(geometry)
    if np.isin(kinds, (0, 4)).any():
        first = obstacles.index[present[np.flatnonzero(np.isin(kinds, (0, 4)))[0]]]
        raise InputError(f"obstacle {first!r} is a point: a point hides nothing. Give lines or polygons.")
    if "height_m" in obstacles:
        height = _heights(obstacles["height_m"])[present]
        if (height < 0).any():
            first = obstacles.index[present[np.flatnonzero(height < 0)[0]]]
            raise InputError(f"obstacle {first!r} has a negative height_m: heights are metres above the ground.")
        height = np.where(np.isnan(height), np.inf, height)
    else:
        height = np.full(len(geometry), np.inf)
    parts, owner = _simple_parts(geometry)
    polygon = shapely.get_type_id(parts) == 3
    rings, ring_of = shapely.get_rings(parts[polygon], return_index=True)
    lines = np.concatenate([rings, parts[~polygon]])
    line_owner = np.concatenate([owner[polygon][ring_of], owner[~polygon]])
    order = np.argsort(line_owner, kind="stable")
    lines, line_owner = lines[order], line_owner[order]
    xy, line = shapely.get_coordinates(lines, return_index=True)
    joined = line[1:] == line[:-1]
    segments = np.column_stack([xy[:-1], xy[1:]])[joined]
    row = line_owner[line[:-1][joined]]
    return Walls(np.ascontiguousarray(segments), height[row]), present[row].astype(np.int64)


def _heights(column: pd.Series) -> NDArray[np.float64]:
    """Return the heights [m] of a column, NaN where there is none; refuse text."""
    if not (pd.api.types.is_numeric_dtype(column) or column.isna().all()):
        raise InputError(
            f"the column 'height_m' of obstacles holds {column.dtype} and must hold metres: use "
            "obstacles['height_m'] = pd.to_numeric(obstacles['height_m'], errors='coerce')."
        )
    return np.asarray(column, dtype=np.float64)


def _simple_parts(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return lines and polygons of all geometry, collections taken apart to the bottom, and the row of each."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    while (shapely.get_type_id(parts) >= 4).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    lines = shapely.get_type_id(parts) > 0  # points inside a collection hide nothing
    return parts[lines], owner[lines]
