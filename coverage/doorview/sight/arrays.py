"""The door of the room for plain arrays: casts, checks, and the index of walls that the kernels read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from doorview.errors import InputError
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.squares import squares_of_walls
from doorview.sight.kernels.types import FloatArray, Squares, WallIndex

__all__ = [
    "check_field_of_view",
    "check_range",
    "forward_of",
    "height_scale",
    "index_walls",
    "squares_of",
    "visible_areas",
]

INDEX_CELL_M = 32.0
"""Side of the squares of the wall index [m]: about the commonest ranges; a view of 15 to 60 m reads few of them."""
MOST_SQUARES = 1 << 24
SQUARES_PER_WALL = 64
"""The index has at most so many squares, whichever is more: 131 km by 131 km of any city's, and 128 MB."""
ENDLESS = 1e6
"""A shadow that reaches so many times as far as its wall has no end: from a wall 0.1 mm away it is 100 m long."""


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
    """Return what walls of `heights` [m] do, as (n, 2): where a wall's shadow begins, and where it ends.

    The first column is the factor f by which a wall is moved away from the camera; NaN: it hides nothing. The second
    is the factor g of the distance at which its shadow ends; 0: never. On flat ground, by similar triangles, with the
    camera at z_c and the target at z_t:

    - z_t >= z_c: a wall of height h > z_c at distance d hides what lies beyond f d, f = max(1, (z_t - z_c) / (h -
      z_c)); h <= z_c hides nothing.
    - z_t < z_c: h >= z_c hides all beyond d; z_t < h < z_c hides from d to g d, g = (z_c - z_t) / (z_c - h); h <= z_t
      hides nothing.

    A height that is NaN is unknown, and such a wall is taken as taller than any sight line, as everywhere in this
    package: f = 1, g = 0.

    Raises
    ------
    InputError
        If a height is negative.

    """
    h = np.asarray(heights, dtype=np.float64)
    if (h < 0).any():
        raise InputError(
            f"wall {int(np.flatnonzero(h < 0)[0])} has a negative height: heights are metres above the ground, NaN "
            "where unknown."
        )
    h = np.where(np.isnan(h), np.inf, h)
    rise = target_height_m - camera_height_m
    with np.errstate(divide="ignore", invalid="ignore"):
        if rise < 0:
            begin = np.where(h > target_height_m, 1.0, np.nan)
            low = (h > target_height_m) & (h < camera_height_m)
            end = np.where(low, rise / (h - camera_height_m), 0.0)
            # A height within rounding of the target's shades nothing.
            begin[low & (end <= 1.0)] = np.nan
        else:
            begin = np.where(h > camera_height_m, np.maximum(1.0, rise / (h - camera_height_m)), np.nan)
            end = np.zeros_like(begin)
    return np.column_stack([begin, np.where(end > ENDLESS, 0.0, end)])


def squares_of(walls: FloatArray, cell: float = INDEX_CELL_M) -> tuple[Squares, NDArray[np.int64]]:
    """Return walls (n, 4) [m] by squares, for `least_crossed`, and the wall of each item."""
    xy = np.ascontiguousarray(walls, dtype=np.float64).reshape(-1, 4)
    squares, item = squares_of_walls(xy, np.ones(len(xy)), _side(xy, cell))
    return squares, item


def _side(xy: FloatArray, cell: float) -> float:
    """Return the side of the index's squares [m]: `cell`, but wider where few walls lie far apart.

    The index has a number for each square of the walls' bounds; which walls are found does not depend on the side.
    """
    if not len(xy):
        return cell
    wide, tall = (float(np.ptp(xy[:, axis::2])) for axis in (0, 1))
    most = max(MOST_SQUARES, SQUARES_PER_WALL * len(xy))
    while (wide / cell + 1) * (tall / cell + 1) > most:
        cell *= 2
    return cell


def index_walls(walls: ArrayLike, scale: ArrayLike | None = None, cell: float = INDEX_CELL_M) -> WallIndex:
    """Return the index of walls (n, 4) x1 y1 x2 y2 [m].

    `scale` is (n, 2) as from `height_scale`, or (n,) for walls whose shadows never end; NaN leaves a wall out. A wall
    with a finite shadow begins it at the wall itself: its first factor is 1.

    Raises
    ------
    InputError
        If an array has another shape, holds NaN or infinite coordinates, or a shadow that ends before it begins.

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
    if f.shape not in {(len(xy),), (len(xy), 2)}:
        raise InputError(f"{len(xy)} walls have heights of the shape {f.shape}: expected one height for each wall.")
    begin, end = (f, np.zeros(len(xy))) if f.ndim == 1 else (f[:, 0], f[:, 1])
    keep = np.isfinite(begin)
    finite = keep & (end != 0)
    wrong = finite & ~((end > 1) & np.isfinite(end) & (begin == 1))
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"wall {bad} has the factors {begin[bad]}, {end[bad]}: a finite shadow goes from 1 to a number above 1. "
            "Take them from height_scale(heights, camera_height_m, target_height_m)."
        )
    ordinary = keep & ~finite
    # Mostly there are neither low walls nor walls that hide nothing: then nothing is copied.
    begin, side = np.ascontiguousarray(begin), _side(xy, float(cell))
    if ordinary.all():
        tall, _ = squares_of_walls(xy, begin, side)
    else:
        tall, _ = squares_of_walls(xy[ordinary], begin[ordinary], side)
    lows, item = squares_of_walls(xy[finite], begin[finite], side)
    return WallIndex(tall, lows, np.ascontiguousarray(end[finite][item]))


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
