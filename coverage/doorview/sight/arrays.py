"""The door of the room for plain arrays: casts, checks, and the index of walls that the kernels read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.types import FloatArray, WallIndex

__all__ = ["check_field_of_view", "check_range", "forward_of", "height_scale", "index_walls", "visible_areas"]

INDEX_CELL_M = 16.0
"""Side of the squares of the wall index [m]: about half the commonest ranges."""


def check_range(range_m: float, what: str = "range_m") -> float:
    """Return the range as float; refuse what is not a finite number above zero."""
    value = float(range_m)
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"{what} is {range_m!r}: a range must be a finite number of metres above 0, e.g. {what}=30.0.")
    return value


def check_field_of_view(field_of_view: float) -> float:
    """Return the field of view [degrees] as float; refuse what lies outside (0, 360]."""
    value = float(field_of_view)
    if not math.isfinite(value) or not 0 < value <= 360:
        raise InputError(
            f"field_of_view is {field_of_view!r}: it must lie above 0 and at most 360 degrees, e.g. "
            "field_of_view=155.0."
        )
    return value


def forward_of(heading_degrees: ArrayLike) -> FloatArray:
    """Return unit vectors (n, 2) east, north for headings [degrees clockwise from north]."""
    heading = np.radians(np.asarray(heading_degrees, dtype=np.float64))
    return np.ascontiguousarray(np.column_stack([np.sin(heading), np.cos(heading)]))


def height_scale(heights: ArrayLike, camera_height_m: float, target_height_m: float) -> FloatArray:
    """Return the factor f (n,) by which walls of `heights` [m] are moved away from the camera; NaN: they hide nothing.

    On flat ground a wall of height h > z_c at distance d hides a target at height z_t >= z_c beyond f d with
    f = max(1, (z_t - z_c) / (h - z_c)), by similar triangles; h <= z_c hides nothing. A target below the camera is
    hidden by every wall of h >= z_c (f = 1) and by none of h <= z_t. A height that is NaN is unknown, and such a wall
    is taken as taller than any sight line, as everywhere in this package: f = 1.

    Raises
    ------
    InputError
        If a height is negative, or lies between a low target and the camera: such a wall hides an interval of
        distances, which this form cannot say.

    """
    h = np.asarray(heights, dtype=np.float64)
    if (h < 0).any():
        raise InputError(
            f"wall {int(np.flatnonzero(h < 0)[0])} has a negative height: heights are metres above the ground, NaN "
            "where "
            "unknown."
        )
    h = np.where(np.isnan(h), np.inf, h)
    rise = target_height_m - camera_height_m
    if rise < 0:
        between = (h > target_height_m) & (h < camera_height_m)
        if between.any():
            raise InputError(
                f"target_height_m is {target_height_m} m, the camera hangs at {camera_height_m} m, and "
                f"{int(between.sum())} "
                f"walls have heights between, such as {h[between][0]} m: each would hide an interval of distances, "
                "which is not "
                f"supported yet. Give a target_height_m of {camera_height_m} or more, or leave walls so low out."
            )
        return np.where(h >= camera_height_m, 1.0, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.maximum(1.0, rise / (h - camera_height_m))
    return np.where(h > camera_height_m, scale, np.nan)


def index_walls(walls: ArrayLike, scale: ArrayLike | None = None, cell: float = INDEX_CELL_M) -> WallIndex:
    """Return the index of walls (n, 4) x1 y1 x2 y2 [m]; `scale` as from `height_scale`, NaN leaves a wall out.

    Raises
    ------
    InputError
        If the array has another shape or holds NaN or infinite coordinates.

    """
    xy = np.ascontiguousarray(walls, dtype=np.float64)
    if xy.size == 0:
        xy = xy.reshape(0, 4)
    if xy.ndim != 2 or xy.shape[1] != 4:
        raise InputError(f"walls have the shape {xy.shape}: expected (n, 4) with x1, y1, x2, y2 in metres.")
    if not np.isfinite(xy).all():
        bad = int(np.flatnonzero(~np.isfinite(xy).all(axis=1))[0])
        raise InputError(
            f"wall {bad} has a coordinate that is NaN or infinite: drop or mend it before asking for views."
        )
    f = np.ones(len(xy)) if scale is None else np.ascontiguousarray(scale, dtype=np.float64)
    if f.shape != xy.shape[:1]:
        raise InputError(f"{len(xy)} walls have heights of the shape {f.shape}: expected one height for each wall.")
    keep = np.isfinite(f)
    if not keep.all():
        xy, f = np.ascontiguousarray(xy[keep]), np.ascontiguousarray(f[keep])
    if not len(xy):
        return WallIndex(xy, f, np.zeros((0, 3), np.int32), cell, 0, 0, 0, 0, np.zeros(1, np.int64))
    low_i = np.floor(np.minimum(xy[:, 0], xy[:, 2]) / cell).astype(np.int64)
    high_i = np.floor(np.maximum(xy[:, 0], xy[:, 2]) / cell).astype(np.int64)
    low_j = np.floor(np.minimum(xy[:, 1], xy[:, 3]) / cell).astype(np.int64)
    high_j = np.floor(np.maximum(xy[:, 1], xy[:, 3]) / cell).astype(np.int64)
    i0, j0 = int(low_i.min()), int(low_j.min())
    ni, nj = int(high_i.max()) - i0 + 1, int(high_j.max()) - j0 + 1
    wide, tall = high_i - low_i + 1, high_j - low_j + 1
    repeats = wide * tall
    wall = np.repeat(np.arange(len(xy)), repeats)
    nth = np.arange(len(wall)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    square = (low_j[wall] - j0 + nth // wide[wall]) * ni + low_i[wall] - i0 + nth % wide[wall]
    order = np.argsort(square, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(square, minlength=ni * nj))]).astype(np.int64)
    item = wall[order]
    low = np.column_stack([low_i[item] - i0, square[order] % ni, low_j[item] - j0]).astype(np.int32)
    return WallIndex(np.ascontiguousarray(xy[item]), f[item], low, cell, i0, j0, ni, nj, start)


def visible_areas(
    xy: ArrayLike,
    heading_degrees: ArrayLike,
    walls: ArrayLike | WallIndex,
    heights: ArrayLike | None = None,
    range_m: float = 30.0,
    field_of_view_degrees: float = 155.0,
    near_m: float = 0.0,
    *,
    camera_height_m: float = 1.2,
    target_height_m: float = 1.5,
) -> NDArray[np.float64]:
    """Return the exact area (m,) [m2] that each camera sees past the walls.

    Parameters
    ----------
    xy
        Cameras (m, 2) [m].
    heading_degrees
        (m,) clockwise from north.
    walls
        (n, 4) x1 y1 x2 y2 [m], or an index made by `index_walls`, which has its heights in it already.
    heights
        (n,) [m], with walls that are an array; None, infinite or NaN: taller than any sight line.
    range_m, near_m, field_of_view_degrees
        The sector that the camera covers.
    camera_height_m, target_height_m
        [m] above flat ground, used with `heights`.

    Raises
    ------
    InputError
        For wrong shapes, NaN or infinite places, a range that is not above 0, a field of view outside (0, 360], and for
        `heights` beside an index, which they could not change any more.

    """
    points = np.ascontiguousarray(xy, dtype=np.float64)
    headings = np.asarray(heading_degrees, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or headings.shape != points.shape[:1]:
        raise InputError(
            f"cameras have the shape {points.shape} and headings {headings.shape}: expected (m, 2) and (m,)."
        )
    if not (np.isfinite(points).all() and np.isfinite(headings).all()):
        raise InputError("a camera has a coordinate or heading that is NaN or infinite: drop or mend it first.")
    reach, field = check_range(range_m), check_field_of_view(field_of_view_degrees)
    near = float(near_m)
    if not (math.isfinite(near) and near >= 0):
        raise InputError(f"near_m is {near_m!r}: it must be a finite number of metres of 0 or more, e.g. near_m=0.0.")
    if isinstance(walls, WallIndex):
        if heights is not None:
            raise InputError(
                "heights are given beside an index of walls, which holds its walls' heights already: they would change "
                "nothing. Give the walls as an array, or the heights to index_walls(walls, height_scale(heights, ...))."
            )
        index = walls
    else:
        scale = None if heights is None else height_scale(heights, camera_height_m, target_height_m)
        index = index_walls(walls, scale)
    out = np.empty((len(points), 1))
    areas_of_cameras(
        points,
        forward_of(headings),
        np.array([reach]),
        np.array([min(near, reach)]),
        math.radians(field),
        index,
        out,
    )
    return out[:, 0]
