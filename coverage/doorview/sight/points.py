"""Who sees a spot: the inverse question, pair by pair of door and point."""

from __future__ import annotations

import math
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from doorview.errors import InputError
from doorview.sight.api import camera as camera_named
from doorview.sight.api import crs_name, door_arrays, lens_groups, wall_index, wall_indexes
from doorview.sight.api import level as level_named
from doorview.sight.arrays import check_field_of_view, check_range
from doorview.sight.camera import CameraModel
from doorview.sight.kernels.sightlines import clear_pairs
from doorview.sight.kernels.types import FloatArray, WallIndex
from doorview.sight.kernels.uneven import OpenWalls, clear_pairs_over
from doorview.sight.levels import Level, level_at
from doorview.sight.rasters import Terrain
from doorview.sight.terrain import NO_WALLS, walls_on_terrain

__all__ = ["SeenPairs", "over_terrain", "pairs_from", "seen_pairs", "sees"]


class SeenPairs(NamedTuple):
    """Pairs of camera and point, as rows of their arrays, with distance [m] and bearing [degrees] of the sight line."""

    camera: NDArray[np.int64]
    point: NDArray[np.int64]
    distance_m: FloatArray
    bearing_degrees: FloatArray


def seen_pairs(
    xy: FloatArray,
    forward: FloatArray,
    points: ArrayLike,
    walls: WallIndex,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
) -> SeenPairs:
    """Return which cameras see which points, ordered by point, then camera.

    Parameters
    ----------
    xy, forward
        Cameras (m, 2) [m] and the unit vectors (m, 2) east, north of their headings.
    points
        (n, 2) [m].
    walls
        As from `index_walls` or `wall_index`, heights within.
    range_m, field_of_view_degrees, near_m
        The sector that a camera covers, its edges with it.

    Raises
    ------
    InputError
        For a range that is not above 0, a field of view outside (0, 360], and points that are not finite numbers.

    """
    reach, field = check_range(range_m), math.radians(check_field_of_view(field_of_view_degrees))
    places = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(places).all():
        raise InputError("a point has a coordinate that is NaN or infinite: drop or mend it before asking who sees it.")
    tree = shapely.STRtree(shapely.points(xy))
    # A hair more than the range: the kernel decides.
    found = tree.query(shapely.points(places), predicate="dwithin", distance=reach * (1 + 1e-9))
    point_of, camera_of = found[0].astype(np.int64), found[1].astype(np.int64)
    clear = np.empty(len(point_of), np.bool_)
    clear_pairs(xy, forward, places, camera_of, point_of, reach, float(near_m), field, walls, clear)
    point_of, camera_of = point_of[clear], camera_of[clear]
    order = np.lexsort((camera_of, point_of))
    point_of, camera_of = point_of[order], camera_of[order]
    way = places[point_of] - xy[camera_of]
    bearing = np.degrees(np.arctan2(way[:, 0], way[:, 1])) % 360.0
    return SeenPairs(camera_of, point_of, np.hypot(way[:, 0], way[:, 1]), np.where(bearing == 360.0, 0.0, bearing))


def sees(
    doors: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    camera: str | CameraModel = "ring-video-doorbell-wired",
    level: str | Level = "observe",
    *,
    lens_height_m: ArrayLike | None = None,
    terrain: Terrain | None = None,
) -> pd.DataFrame:
    """Return who sees these spots: one row for each pair of a door and a point in its camera's view.

    Columns: `door` and `point` (labels of the two indexes), `distance_m` along the ground, `bearing_degrees` from the
    door to the point, clockwise from north (0 where they coincide). Rows follow the order of points, then of doors.
    Sight lines are tested one by one against the walls, without outlines or grids; `viewsheds` gives the same views as
    polygons.

    Parameters
    ----------
    doors
        Points with a column `heading` [degrees clockwise from north], in a projected CRS in metres.
    points
        Points in the same CRS; the level says how high above the ground they are looked for.
    obstacles
        Lines or polygons in the same CRS; a column `height_m` [m] may give heights (else taller than any sight line).
    camera, level, lens_height_m
        As for `viewsheds`.
    terrain
        Heights in the doors' CRS (`doorview.sight.rasters.read_terrain`), on which doors, points and obstacles stand;
        None: flat ground.

    Raises
    ------
    InputError, UnknownNameError
        As `viewsheds`, and for points in another CRS, without coordinates, or of another geometry.

    Examples
    --------
    One spot before a wall and one behind it:

    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> doors = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(0, 0)], crs="EPSG:32618", index=["a"])
    >>> wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(-20, 5), (20, 5)])], crs="EPSG:32618")
    >>> points = [shapely.Point(0, 4), shapely.Point(0, 6)]
    >>> spots = gpd.GeoSeries(points, index=["before", "behind"], crs="EPSG:32618")
    >>> dv.sees(doors, spots, wall)[["door", "point", "distance_m"]].to_dict("records")
    [{'door': 'a', 'point': 'before', 'distance_m': 4.0}]

    """
    model = camera_named(camera)
    wanted = level if isinstance(level, Level) else level_named(model, level)
    xy, forward = door_arrays(doors)
    places = _places(points, doors.crs)
    groups = lens_groups(doors, lens_height_m, model.mount_height_m)
    indexes = _walls_of_lenses(obstacles, doors, [height for height, _ in groups], wanted, terrain)
    found = []
    for (height, rows), (index, opened) in zip(groups, indexes, strict=True):
        seen = level_at(wanted, model, height)
        if seen.range_m > 0 or wanted.range_m <= 0:
            part = seen_pairs(
                xy[rows], forward[rows], places, index, seen.range_m, seen.field_of_view_degrees, seen.near_m
            )
            if terrain is not None:
                part = over_terrain(part, terrain, opened, xy[rows], places, height, wanted.target_height_m)
            found.append(part._replace(camera=rows[part.camera]))
    return _labelled(_together(found), doors, points)


def _walls_of_lenses(
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    doors: gpd.GeoDataFrame,
    heights: list[float],
    wanted: Level,
    terrain: Terrain | None,
) -> list[tuple[WallIndex, OpenWalls]]:
    """Return the walls of the plane, and those to be judged by their tops, for lenses at each of the heights [m]."""
    target = wanted.target_height_m
    if terrain is None:
        return [(index, NO_WALLS) for index in wall_indexes(obstacles, doors.crs, heights, target)]
    return [walls_on_terrain(obstacles, doors.crs, terrain, height, target, wanted.range_m) for height in heights]


def over_terrain(
    pairs: SeenPairs,
    terrain: Terrain,
    opened: OpenWalls,
    xy: FloatArray,
    at: FloatArray,
    lens: float,
    target: float,
) -> SeenPairs:
    """Return the pairs whose sight line the terrain and the walls on it leave free.

    `opened` are walls to be judged by their tops, `xy` the cameras (m, 2) and `at` the points (n, 2) [m], `lens` and
    `target` heights above the ground [m].
    """
    clear = np.empty(len(pairs.camera), np.bool_)
    clear_pairs_over(
        terrain.ground, terrain.surface, opened, xy, at, pairs.camera, pairs.point, lens, target, terrain.clear_m,
        clear,
    )  # fmt: skip
    camera_of, point_of, distance, bearing = pairs
    return SeenPairs(camera_of[clear], point_of[clear], distance[clear], bearing[clear])


def pairs_from(
    doors: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    camera_height_m: float,
    wanted: Level,
) -> pd.DataFrame:
    """Return what `sees` does, for cameras at one height [m] that see what the level says."""
    xy, forward = door_arrays(doors)
    places = _places(points, doors.crs)
    index = wall_index(obstacles, doors.crs, camera_height_m, wanted.target_height_m)
    pairs = seen_pairs(xy, forward, places, index, wanted.range_m, wanted.field_of_view_degrees, wanted.near_m)
    return _labelled(pairs, doors, points)


def _labelled(pairs: SeenPairs, doors: gpd.GeoDataFrame, points: gpd.GeoDataFrame | gpd.GeoSeries) -> pd.DataFrame:
    """Return pairs with the labels of their doors and points."""
    return pd.DataFrame(
        {
            "door": doors.index.to_flat_index().take(pairs.camera),
            "point": points.index.to_flat_index().take(pairs.point),
            "distance_m": pairs.distance_m,
            "bearing_degrees": pairs.bearing_degrees,
        }
    )


def _together(parts: list[SeenPairs]) -> SeenPairs:
    """Return the pairs of cameras at several heights, ordered by point, then camera."""
    if len(parts) == 1:
        return parts[0]
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    columns = [np.concatenate(column) for column in zip(none, *parts, strict=True)]
    order = np.lexsort((columns[0], columns[1]))
    return SeenPairs(*(column[order] for column in columns))


def _places(points: gpd.GeoDataFrame | gpd.GeoSeries, crs: CRS) -> FloatArray:
    """Return the coordinates (n, 2) [m] of points in the doors' CRS."""
    if points.crs is None or CRS.from_user_input(points.crs) != CRS.from_user_input(crs):
        mend = "points.to_crs(doors.crs)" if points.crs is not None else "points.set_crs('EPSG:...') with their CRS"
        raise InputError(
            f"points are in {crs_name(points.crs)} and doors in {crs_name(crs)}, so their places cannot be compared. "
            f"Use {mend}."
        )
    geometry = np.asarray(points.geometry.array, dtype=object)
    unusable = np.flatnonzero((shapely.get_type_id(geometry) != 0) | shapely.is_empty(geometry))
    if len(unusable):
        first = geometry[unusable[0]]
        label = points.index.tolist()[unusable[0]]
        what = "has no place" if first is None or first.is_empty else f"is a {first.geom_type}"
        raise InputError(
            f"{len(unusable)} points cannot be used; the first, {label!r}, {what}. A spot is one "
            "point: drop what has none, and take points.centroid or representative_point() of shapes."
        )
    return np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)]).reshape(-1, 2)
