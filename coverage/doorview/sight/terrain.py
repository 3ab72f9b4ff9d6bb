"""Terrain in a view: what rises, canopies, slopes, and walls that stand on them.

A terrain model (DEM) gives the ground that doors, targets and walls stand on; a surface model (LiDAR first returns)
what one sees or does not see over, canopies and roofs with it. Without one the ground itself is the surface.
What the plane says (`sight.kernels.window`) comes first, with the walls that hide whatever the terrain is; terrain and
the other walls then take away from it (`sight.kernels.uneven`).

Where heights are unknown the plane's answer stands. Curvature of the earth and refraction are left out: over 100 m they
are 0.8 mm. Ranges are measured in the plan.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from doorview.errors import InputError
from doorview.sight.api import check_obstacles
from doorview.sight.arrays import INDEX_CELL_M, height_scale, index_walls
from doorview.sight.kernels.squares import squares_of_walls
from doorview.sight.kernels.terrain import fill_visible
from doorview.sight.kernels.types import Squares, WallIndex
from doorview.sight.kernels.uneven import OpenWalls, clear_spans, fill_extremes
from doorview.sight.rasters import Terrain, heights_at, point_pairs
from doorview.sight.walls import Walls, segments_of

__all__ = ["NO_WALLS", "open_walls", "terrain_spans", "terrain_visible", "walls_on_terrain"]

_NO_SQUARES = Squares(
    np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3), np.int32), INDEX_CELL_M, 0, 0, 0, 0, np.zeros(1, np.int64)
)
NO_WALLS = OpenWalls(_NO_SQUARES, np.zeros((0, 2)), np.zeros(0))
"""The walls of an open field."""


def walls_on_terrain(
    obstacles: gpd.GeoDataFrame,
    crs: CRS | None,
    terrain: Terrain,
    lens: float,
    targets: ArrayLike,
    reach_m: float,
) -> tuple[WallIndex, OpenWalls]:
    """Return the walls of `obstacles` for `window_spans`, and those that `terrain_spans` judges by their tops.

    The top of a building is level, its height above the lowest ground at a corner of its outline (so OpenStreetMap
    defines ``height``); that of a wall, fence, hedge or car follows the ground, straight between its corners. `lens`
    and `targets` [m] are above the ground, `reach_m` is the longest range.

    Raises
    ------
    InputError
        If obstacles lie in another CRS than `crs`, the doors', or terrain does, or in none.

    """
    check_obstacles(obstacles, crs)
    if CRS.from_user_input(obstacles.crs) != terrain.crs:
        raise InputError(
            f"obstacles are in {CRS.from_user_input(obstacles.crs).to_string()} and the terrain in "
            f"{terrain.crs.to_string()}: read it with read_terrain(path, bounds, doors.crs)."
        )
    walls, owner = segments_of(obstacles)
    if "kind" in obstacles:
        level = np.asarray(obstacles["kind"] == "building")
    else:
        level = np.isin(shapely.get_type_id(np.asarray(obstacles.geometry.array, dtype=object)), (3, 6))
    return open_walls(walls, np.where(level[owner], owner, -1), terrain, lens, targets, reach_m)


def open_walls(
    walls: Walls, level: NDArray[np.int64], terrain: Terrain, lens: float, targets: ArrayLike, reach_m: float
) -> tuple[WallIndex, OpenWalls]:
    """Return `walls` as `walls_on_terrain` does; walls of one number in `level` (n,) share a level top, -1: none.

    A wall that is higher than any lens or target within `reach_m` hides all behind it, and one that is lower hides
    nothing, so that neither needs a line: the first are walls of the plane, the second are left out. Walls on unknown
    ground are walls of the plane too, with the heights that they have there.
    """
    above = np.append(np.asarray(targets, dtype=np.float64).ravel(), float(lens))
    base = np.column_stack([heights_at(terrain.ground, np.ascontiguousarray(walls.xy[:, k : k + 2])) for k in (0, 2)])
    flat = level >= 0
    lowest = np.full(int(level.max(initial=-1)) + 1, np.inf)
    with np.errstate(invalid="ignore"):
        np.minimum.at(lowest, level[flat], base[flat].min(axis=1))  # one unknown corner: NaN for all of the building
    base[flat] = lowest[level[flat], None]
    known = np.isfinite(base).all(axis=1)
    top = base + walls.height[:, None]
    west, south = np.minimum(walls.xy[:, :2], walls.xy[:, 2:]).T
    east, north = np.maximum(walls.xy[:, :2], walls.xy[:, 2:]).T
    boxes = np.column_stack([west - reach_m, south - reach_m, east + reach_m, north + reach_m])
    low, high = np.empty(len(boxes)), np.empty(len(boxes))
    fill_extremes(terrain.ground, boxes, low, high)
    with np.errstate(invalid="ignore"):
        tall = np.isinf(walls.height) | (known & (top.min(axis=1) >= high + above.max()))
        idle = known & (top.max(axis=1) <= low + above.min())
    # The plane's factors, for walls on unknown ground; 1 for what hides everything.
    scale = height_scale(np.where(tall, np.inf, walls.height), lens, float(above[:-1].max()))
    scale[known & ~tall] = np.nan
    chosen = known & ~tall & ~idle
    squares, item = squares_of_walls(np.ascontiguousarray(walls.xy[chosen]), np.ones(int(chosen.sum())), INDEX_CELL_M)
    return index_walls(walls.xy, scale), OpenWalls(
        squares, np.ascontiguousarray(top[chosen][item]), np.ascontiguousarray(walls.height[chosen][item])
    )


def terrain_spans(
    spans: NDArray[np.int32],
    count: int,
    window: ArrayLike,
    cell: float,
    doors: ArrayLike,
    terrain: Terrain,
    lens: ArrayLike = 1.2,
    target: ArrayLike = 1.5,
    clear_m: float | None = None,
    walls: OpenWalls = NO_WALLS,
) -> tuple[NDArray[np.int32], int]:
    """Return the spans that are left where the terrain or a wall on it hides cells, and how many they are.

    A cell stays if nothing of the surface rises above the straight line from the lens to the target above the cell's
    centre, its end included: under a canopy that is higher than the target nothing is seen; and if the line passes
    above the tops of `walls`. Exact on the bilinear surface. Spans keep their order; one that is cut gives several, so
    that a bearing holds several intervals; where nothing hides, spans come back as they were.

    Parameters
    ----------
    spans, count
        As from `window_spans`: (room, 5) level, row, start, stop, door; the first `count` rows count.
    window
        row0, rows, col0, columns of the grid of `cell` [m] that they are relative to.
    doors
        (doors, 2) [m]: the cameras.
    lens
        Height of the lens above the ground at its door [m], one or (doors,).
    target
        Height of the target above its own ground [m], one or (levels,).
    clear_m
        Length of each line, from the camera on, that the surface hides nothing of [m]; None: the terrain's own.
    walls
        Walls that are not among those of the spans already, as from `walls_on_terrain`.

    Raises
    ------
    InputError
        For wrong shapes, heights that are negative or no numbers, a door or level that spans name and arrays lack.

    """
    rows = np.ascontiguousarray(spans, dtype=np.int32)
    if rows.ndim != 2 or rows.shape[1] != 5 or not 0 <= count <= len(rows):
        raise InputError(f"{count} spans in an array of the shape {rows.shape}: expected (room, 5) with room for them.")
    xy = point_pairs(doors, "doors")
    lenses = _heights_above(lens, "lens", len(xy))
    levels = int(rows[:count, 0].max()) + 1 if count else 1
    given = np.asarray(target, dtype=np.float64)
    targets = _heights_above(given, "target", levels if given.ndim == 0 else len(given))
    if len(targets) < levels or (count and int(rows[:count, 4].max()) >= len(xy)):
        raise InputError(
            f"spans name {levels} levels and door {int(rows[:count, 4].max())}: there are {len(targets)} targets and "
            f"{len(xy)} doors. Give the arrays that the spans were made with."
        )
    return clear_spans(
        terrain.ground,
        terrain.surface,
        walls,
        xy,
        lenses,
        targets,
        _clear(terrain.clear_m if clear_m is None else clear_m),
        rows,
        int(count),
        np.ascontiguousarray(window, dtype=np.int64),
        float(cell),
    )


def terrain_visible(
    doors: ArrayLike,
    points: ArrayLike,
    terrain: Terrain,
    lens: ArrayLike = 1.2,
    target: ArrayLike = 1.5,
    clear_m: float | None = None,
) -> NDArray[np.bool_]:
    """Return whether the terrain leaves each line from a door to a point open; range and field are not asked.

    `doors` and `points` (..., 2) [m] are broadcast against each other, so that ``doors[:, None], points[None]`` gives
    a table; `lens` and `target` [m above the ground there] are broadcast with them. Walls are not asked either;
    otherwise as `terrain_spans`.

    Raises
    ------
    InputError
        For wrong shapes, places or heights that are no numbers.

    """
    a, b = np.asarray(doors, dtype=np.float64), np.asarray(points, dtype=np.float64)
    if a.ndim < 1 or b.ndim < 1 or a.shape[-1] != 2 or b.shape[-1] != 2:
        raise InputError(f"doors have the shape {a.shape} and points {b.shape}: expected (..., 2) each, x and y.")
    try:
        shape = np.broadcast_shapes(a.shape[:-1], b.shape[:-1], np.shape(lens), np.shape(target))
    except ValueError as error:
        raise InputError(
            f"doors {a.shape}, points {b.shape}, lens {np.shape(lens)} and target {np.shape(target)} do not fit "
            "together: for all doors against all points use doors[:, None] and points[None]."
        ) from error
    size = math.prod(shape)
    xy = point_pairs(np.broadcast_to(a, (*shape, 2)).reshape(size, 2), "doors")
    spots = point_pairs(np.broadcast_to(b, (*shape, 2)).reshape(size, 2), "points")
    lenses = _heights_above(np.broadcast_to(lens, shape).reshape(size), "lens", size)
    targets = _heights_above(np.broadcast_to(target, shape).reshape(size), "target", size)
    out = np.empty(size, np.bool_)
    fill_visible(
        terrain.ground,
        terrain.surface,
        xy,
        spots,
        lenses,
        targets,
        _clear(terrain.clear_m if clear_m is None else clear_m),
        out,
    )
    return out.reshape(shape)


def _heights_above(values: ArrayLike, what: str, count: int) -> NDArray[np.float64]:
    """Return heights above ground (count,) [m]; refuse other lengths, negative heights and what is no number."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != count):
        raise InputError(f"{what} has the shape {given.shape}: expected one height or ({count},).")
    if not (np.isfinite(given).all() and (given >= 0).all()):
        raise InputError(f"{what} holds a height that is negative or no finite number: metres above the ground there.")
    return np.ascontiguousarray(np.broadcast_to(given, (count,)))


def _clear(clear_m: float) -> float:
    """Return the length that is left out at the camera; refuse what is negative or no number."""
    if not (math.isfinite(clear_m) and clear_m >= 0):
        raise InputError(f"clear_m is {clear_m!r}: give a finite number of metres of 0 or more.")
    return float(clear_m)
