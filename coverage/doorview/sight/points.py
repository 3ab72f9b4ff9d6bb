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
from doorview.sight.api import crs_name, door_arrays, wall_index
from doorview.sight.api import level as level_named
from doorview.sight.arrays import check_field_of_view, check_range
from doorview.sight.camera import CameraModel
from doorview.sight.kernels.sightlines import clear_pairs
from doorview.sight.kernels.types import FloatArray, WallIndex
from doorview.sight.kernels.uneven import clear_pairs_over
from doorview.sight.levels import Level
from doorview.sight.rasters import Terrain
from doorview.sight.terrain import NO_WALLS, walls_on_terrain

__all__ = ["SeenPairs", "seen_pairs", "sees"]


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
    camera, level
        As for `viewsheds`.
    terrain
        Heights in the doors' CRS (`doorview.sight.rasters.read_terrain`), on which doors, points and obstacles stand;
        None: flat ground.

    Raises
    ------
    InputError, UnknownNameError
        As `viewsheds`, and for points in another CRS, without coordinates, or of another geometry.

    """
    model = camera_named(camera)
    wanted = level if isinstance(level, Level) else level_named(model, level)
    xy, forward = door_arrays(doors)
    places = _places(points, doors.crs)
    lens, target = model.mount_height_m, wanted.target_height_m
    if terrain is None:
        index, opened = wall_index(obstacles, doors.crs, lens, target), NO_WALLS
    else:
        index, opened = walls_on_terrain(obstacles, doors.crs, terrain, lens, target, wanted.range_m)
    pairs = seen_pairs(xy, forward, places, index, wanted.range_m, wanted.field_of_view_degrees, wanted.near_m)
    if terrain is not None:
        clear = np.empty(len(pairs.camera), np.bool_)
        clear_pairs_over(
            terrain.ground, terrain.surface, opened, xy, places, pairs.camera, pairs.point, lens, target,
            terrain.clear_m, clear,
        )  # fmt: skip
        camera_of, point_of, distance, bearing = pairs
        pairs = SeenPairs(camera_of[clear], point_of[clear], distance[clear], bearing[clear])
    return pd.DataFrame(
        {
            "door": doors.index.to_flat_index().take(pairs.camera),
            "point": points.index.to_flat_index().take(pairs.point),
            "distance_m": pairs.distance_m,
            "bearing_degrees": pairs.bearing_degrees,
        }
    )


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
