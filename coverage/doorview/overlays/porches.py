"""Spots that are looked for: where parcels lie before doors, and ground that stands for an area."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike

from doorview.errors import InputError

__all__ = ["OUT_M", "ground_spots", "porches"]

DOOR = 0
"""What `shapely.get_type_id` says of a point."""
OUT_M = 1.0
"""How far before the doorbell a parcel lies [m]: a free parameter, no source says it. At 0 no neighbour in the same
line of facades could ever have it in view."""


def porches(doors: gpd.GeoDataFrame, out_m: float = OUT_M) -> gpd.GeoSeries:
    """Return where a parcel lies at each door: `out_m` before it along its heading, on the doors' index.

    Raises
    ------
    InputError
        If `out_m` is negative or no number.

    """
    if not (math.isfinite(out_m) and out_m >= 0.0):
        raise InputError(f"out_m is {out_m!r}: a parcel lies 0 m or more before its door, e.g. out_m=1.0.")
    heading = np.radians(doors["heading"].to_numpy(dtype=np.float64))
    xy = shapely.get_coordinates(np.asarray(doors.geometry.array, dtype=object))
    moved = xy + out_m * np.column_stack([np.sin(heading), np.cos(heading)])
    return gpd.GeoSeries(shapely.points(moved), index=doors.index, crs=doors.crs)


def ground_spots(
    ground: shapely.Geometry, hot_spots: gpd.GeoDataFrame, step_m: float = 5.0, classes: ArrayLike | None = None
) -> gpd.GeoDataFrame:
    """Return points on a lattice over public ground that stand for it, each for a square of the step.

    Parameters
    ----------
    ground
        Public ground, polygons [m].
    hot_spots
        Polygons in the same CRS; a point in several belongs to the first.
    step_m
        Step of the lattice [m], whose points lie at odd multiples of half a step.
    classes
        Name of the class of each hot spot, e.g. `persistent`; None: the column `class`, or `hot spot` for all.

    Columns: `hot_spot` ("" outside all), `area_m2`.

    Raises
    ------
    InputError
        For a step of 0 or less.

    """
    if not (math.isfinite(step_m) and step_m > 0.0):
        raise InputError(f"step_m is {step_m!r}: the step of the lattice must be above 0 m, e.g. step_m=5.")
    if classes is not None:
        names = [str(name) for name in np.asarray(classes).tolist()]
    elif "class" in hot_spots.columns:
        names = [str(name) for name in hot_spots["class"]]
    else:
        names = ["hot spot"] * len(hot_spots)
    west, south, east, north = (value / step_m for value in shapely.bounds(ground))
    x, y = np.meshgrid(
        (np.arange(math.floor(west), math.ceil(east)) + 0.5) * step_m,
        (np.arange(math.floor(south), math.ceil(north)) + 0.5) * step_m,
    )
    own = shapely.from_wkb(shapely.to_wkb(ground))  # a copy, so that the caller's shape stays unprepared
    shapely.prepare(own)
    held = shapely.contains_xy(own, x, y)
    points = shapely.points(x[held], y[held])
    kind = np.full(len(points), "", object)
    shapes = np.asarray(hot_spots.geometry.array, dtype=object)
    for shape, name in reversed(list(zip(shapes, names, strict=True))):
        kind[shapely.intersects(shape, points)] = name
    return gpd.GeoDataFrame({"hot_spot": kind, "area_m2": step_m**2}, geometry=points, crs=hot_spots.crs)
