"""Viewsheds of doors as tables: the room's door for GeoDataFrames."""

from __future__ import annotations

import math
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from doorview.errors import InputError
from doorview.sight.arrays import check_field_of_view, check_range, forward_of, height_scale, index_walls
from doorview.sight.camera import CameraModel, camera
from doorview.sight.kernels.areas import areas_of_cameras
from doorview.sight.kernels.outline import outlines
from doorview.sight.kernels.shadows import shadow_quads
from doorview.sight.kernels.types import FloatArray, WallIndex
from doorview.sight.levels import Level, level, level_at
from doorview.sight.walls import walls_of

__all__ = [
    "camera",
    "check_obstacles",
    "crs_name",
    "door_arrays",
    "lens_groups",
    "level",
    "views_from",
    "viewsheds",
    "visible_area",
    "wall_index",
    "wall_indexes",
]

CHORD_TOLERANCE_M = 0.01
"""How far the chords of an outline may lie inside its arcs [m]; areas are exact all the same."""
DEFAULT_CAMERA_HEIGHT_M = 1.2
"""Mount height above the floor that makers ask for (see cameras.toml)."""
DEFAULT_TARGET_HEIGHT_M = 1.5
"""An adult's face."""
LENS_COLUMN = "lens_height_m"
"""Column of doors whose lenses hang at heights of their own [m], as on a porch with steps."""
HIGHEST_LENS_M = 30.0


def _check_crs(crs: CRS | None, what: str) -> CRS:
    """Return the CRS; refuse none, degrees and feet."""
    if crs is None:
        raise InputError(
            f"{what} have no CRS, so that their units are unknown: set it, e.g. {what}.set_crs('EPSG:32618')."
        )
    found = CRS.from_user_input(crs)
    if not found.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in found.axis_info[:2]):
        raise InputError(
            f"{what} are in {found.name} ({found.axis_info[0].unit_name}): views are computed in projected metres. "
            f"Use {what}.to_crs({what}.estimate_utm_crs())."
        )
    return found


def crs_name(crs: CRS | None) -> str:
    """Return a CRS as people name it."""
    return "no CRS" if crs is None else CRS.from_user_input(crs).to_string()


def door_arrays(doors: gpd.GeoDataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions (n, 2) [m] and unit vectors of the headings (n, 2) east, north.

    Raises
    ------
    InputError
        If there is no CRS in metres, a geometry that is no point, no column `heading`, or a heading that is not a
        number.

    """
    _check_crs(doors.crs, "doors")
    if "heading" not in doors:
        raise InputError(
            "doors have no column 'heading': degrees clockwise from north in which each camera looks. "
            "dv.find_doors(city) gives it, or set doors['heading'] = 90.0 for east."
        )
    if not pd.api.types.is_numeric_dtype(doors["heading"]):
        raise InputError(
            f"the column 'heading' of doors holds {doors['heading'].dtype} and must hold numbers: degrees clockwise "
            "from north. Use doors['heading'] = pd.to_numeric(doors['heading'])."
        )
    heading = np.asarray(doors["heading"], dtype=np.float64)
    kinds = np.asarray(doors.geometry.geom_type)
    xy = np.full((len(doors), 2), np.nan)
    if (kinds == "Point").all():
        xy = np.column_stack([doors.geometry.x, doors.geometry.y]) if len(doors) else np.zeros((0, 2))
    elif len(doors):
        first = doors.index[np.flatnonzero(kinds != "Point")[0]]
        raise InputError(
            f"door {first!r} is a {kinds[kinds != 'Point'][0]}: a door is a point just outside its facade."
        )
    bad = ~(np.isfinite(xy).all(axis=1) & np.isfinite(heading))
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} doors, the first {doors.index[np.flatnonzero(bad)[0]]!r}, have a place or heading that "
            "is "
            "not a finite number: drop them with doors.dropna()."
        )
    return np.ascontiguousarray(xy, dtype=np.float64), forward_of(heading)


def wall_index(
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    crs: CRS | None,
    camera_height_m: float = DEFAULT_CAMERA_HEIGHT_M,
    target_height_m: float = DEFAULT_TARGET_HEIGHT_M,
) -> WallIndex:
    """Return the index of the walls of `obstacles` for a camera and target height [m]; `crs` must be theirs.

    Raises
    ------
    InputError
        If obstacles lie in another CRS than the doors, or in none.

    """
    return wall_indexes(obstacles, crs, [camera_height_m], target_height_m)[0]


def wall_indexes(
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    crs: CRS | None,
    camera_heights_m: Iterable[float],
    target_height_m: float = DEFAULT_TARGET_HEIGHT_M,
) -> list[WallIndex]:
    """Return the index of the walls for each of the cameras' heights [m]; else as `wall_index`."""
    check_obstacles(obstacles, crs)
    walls, heights = walls_of(obstacles), list(camera_heights_m)
    if np.isinf(walls.height).all():
        # Walls taller than any sight line hide the same from every height.
        return [index_walls(walls.xy)] * len(heights)
    return [index_walls(walls.xy, height_scale(walls.height, height, target_height_m)) for height in heights]


def check_obstacles(obstacles: gpd.GeoDataFrame | gpd.GeoSeries, crs: CRS | None) -> None:
    """Refuse obstacles that lie in another CRS than the doors, or in none."""
    mend = (
        "obstacles.to_crs(doors.crs)" if obstacles.crs is not None else "obstacles.set_crs('EPSG:...') with their CRS"
    )
    if obstacles.crs is None or (crs is not None and CRS.from_user_input(crs) != CRS.from_user_input(obstacles.crs)):
        raise InputError(
            f"obstacles are in {crs_name(obstacles.crs)} and doors in {crs_name(crs)}, so their places cannot be "
            f"compared. Use {mend}."
        )


def lens_groups(
    doors: gpd.GeoDataFrame, given: ArrayLike | None, default_m: float
) -> list[tuple[float, NDArray[np.int64]]]:
    """Return the heights [m] of the lenses above the ground, lowest first, each with the rows of its doors.

    Parameters
    ----------
    doors
        A column `lens_height_m` [m] holds a height for each.
    given
        Heights (n,), or one for all, in place of that column.
    default_m
        The height of all doors where neither says any.

    Raises
    ------
    InputError
        If a height is no number above 0 and at most 30 m, or there are not as many as doors.
    """
    if given is None and LENS_COLUMN not in doors:
        return [(float(default_m), np.arange(len(doors)))]
    source = pd.Series(np.asarray(doors[LENS_COLUMN] if given is None else given).ravel())
    heights = pd.to_numeric(source, errors="coerce").to_numpy(dtype=np.float64)
    if len(heights) not in {1, len(doors)}:
        raise InputError(
            f"lens_height_m holds {len(heights)} heights for {len(doors)} doors: give one for each, in their order, or "
            "one for all."
        )
    heights = np.broadcast_to(heights, (len(doors),))
    wrong = np.flatnonzero(~((heights > 0) & (heights <= HIGHEST_LENS_M)))
    if len(wrong):
        raise InputError(
            f"door {doors.index[wrong[0]]!r} has lens_height_m {heights[wrong[0]]}: a lens hangs above 0 and at most "
            f"{HIGHEST_LENS_M:g} m above the ground before the house. Where it is unknown, use "
            f"doors['lens_height_m'].fillna({default_m:g})."
        )
    found, of = np.unique(heights, return_inverse=True)
    return [(float(height), np.flatnonzero(of == number)) for number, height in enumerate(found)]


def visible_area(
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    range_m: float = 30.0,
    field_of_view: float = 155.0,
    *,
    lens_height_m: ArrayLike | None = None,
) -> pd.Series:
    """Return the exact area [m2] that a camera at each door sees, on the doors' index.

    Parameters
    ----------
    doors
        Points with a column `heading` [degrees clockwise from north], in a projected CRS in metres.
    obstacles
        Lines or polygons in the same CRS; a column `height_m` [m] may give heights (else taller than any sight line).
    range_m
        How far a camera sees [m].
    field_of_view
        How wide it sees [degrees], in (0, 360].
    lens_height_m
        Height [m] of each lens above the ground (n,), or of all; left out: the column `lens_height_m` of doors, else
        1.2. A face at 1.5 m must be in view. Each different height costs an index of the obstacles.

    Raises
    ------
    InputError
        For another CRS, a heading or coordinate that is not a number, a range, field of view or lens out of bounds.

    Examples
    --------
    A camera looks north over 90 degrees; a wall 5 m ahead leaves a triangle of 10 m by 5 m. Without it there is a
    quarter of a disc, 25 pi.

    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> doors = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(0, 0)], crs="EPSG:32618", index=["a"])
    >>> wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(-20, 5), (20, 5)])], crs="EPSG:32618")
    >>> dv.visible_area(doors, wall, range_m=10.0, field_of_view=90.0).round(6).to_dict()
    {'a': 25.0}
    >>> dv.visible_area(doors, wall.iloc[:0], range_m=10.0, field_of_view=90.0).round(6).to_dict()
    {'a': 78.539816}

    """
    reach, field = check_range(range_m), check_field_of_view(field_of_view)
    xy, forward = door_arrays(doors)
    groups = lens_groups(doors, lens_height_m, DEFAULT_CAMERA_HEIGHT_M)
    area = np.empty(len(xy))
    for (_, rows), index in zip(
        groups, wall_indexes(obstacles, doors.crs, [height for height, _ in groups]), strict=True
    ):
        out = np.empty((len(rows), 1))
        areas_of_cameras(xy[rows], forward[rows], np.array([reach]), np.zeros(1), math.radians(field), index, out)
        area[rows] = out[:, 0]
    return pd.Series(area, index=doors.index, name="visible_area_m2")


def viewsheds(
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    camera: str | CameraModel = "ring-video-doorbell-wired",
    level: str | Level = "observe",
    *,
    lens_height_m: ArrayLike | None = None,
) -> gpd.GeoDataFrame:
    """Return what a camera at each door sees at a level, as polygons on the doors' index; on flat ground always.

    Columns: `geometry` (arcs as chords to 1 cm; the near hole and the shadows of walls lower than the lens are cut out
    where there are any), `area_m2` (exact), `level`.

    Parameters
    ----------
    doors
        Points with a column `heading` [degrees clockwise from north], in a projected CRS in metres.
    obstacles
        Lines or polygons in the same CRS; a column `height_m` [m] may give heights (else taller than any sight line).
    camera, level
        Names, or a model and a level of your own.
    lens_height_m
        Height [m] of each lens above the ground (n,), or of all; left out: the column `lens_height_m` of doors, else
        the model's mount height. It decides what low obstacles hide and, but for the trigger, from where on a face is
        in the picture (`levels.level_at`). Each different height costs an index of the obstacles.

    Raises
    ------
    InputError, UnknownNameError
        As `visible_area`, and for a camera or level that does not exist.

    Examples
    --------
    Nothing is in view behind a wall 5 m ahead that is longer than the range on both sides:

    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> doors = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(0, 0)], crs="EPSG:32618", index=["a"])
    >>> wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(-50, 5), (50, 5)])], crs="EPSG:32618")
    >>> views = dv.viewsheds(doors, wall, level="detect")
    >>> round(views.geometry.iloc[0].bounds[3], 6)  # how far north the view reaches [m]
    5.0

    """
    model = _camera(camera)
    wanted = level if isinstance(level, Level) else _level(model, level)
    xy, forward = door_arrays(doors)
    groups = lens_groups(doors, lens_height_m, model.mount_height_m)
    indexes = wall_indexes(obstacles, doors.crs, [height for height, _ in groups], wanted.target_height_m)
    shapes: NDArray[np.object_] = np.empty(len(xy), dtype=object)
    area = np.empty(len(xy))
    for (height, rows), index in zip(groups, indexes, strict=True):
        shapes[rows], area[rows] = _views(xy[rows], forward[rows], level_at(wanted, model, height), index)
    return gpd.GeoDataFrame({"area_m2": area, "level": wanted.name}, geometry=shapes, index=doors.index, crs=doors.crs)


def views_from(
    doors: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame | gpd.GeoSeries, camera_height_m: float, wanted: Level
) -> gpd.GeoDataFrame:
    """Return what `viewsheds` does, for cameras at one height [m] that see what the level says."""
    xy, forward = door_arrays(doors)
    index = wall_index(obstacles, doors.crs, camera_height_m, wanted.target_height_m)
    shapes, area = _views(xy, forward, wanted, index)
    return gpd.GeoDataFrame({"area_m2": area, "level": wanted.name}, geometry=shapes, index=doors.index, crs=doors.crs)


def _views(
    xy: FloatArray, forward: FloatArray, wanted: Level, index: WallIndex
) -> tuple[NDArray[np.object_], FloatArray]:
    """Return the views (n,) of cameras alike and their exact areas (n,) [m2]; at a range of 0 they are empty."""
    if wanted.range_m <= 0:
        return np.full(len(xy), shapely.Polygon(), dtype=object), np.zeros(len(xy))
    field = math.radians(check_field_of_view(wanted.field_of_view_degrees))
    start, points, area = outlines(xy, forward, wanted.range_m, wanted.near_m, field, index, CHORD_TOLERANCE_M)
    lengths = np.diff(start)
    if wanted.field_of_view_degrees < 360:
        # The camera itself closes the outline.
        points = np.insert(points, start[1:], xy, axis=0)
        lengths = lengths + 1
    rings = (
        shapely.linearrings(points, indices=np.repeat(np.arange(len(xy)), lengths)) if len(xy) else np.zeros(0, object)
    )
    shapes: NDArray[np.object_] = shapely.polygons(rings)
    # An outline touches itself where a wall begins right behind another's end.
    touching = np.flatnonzero(~shapely.is_valid(shapes))
    shapes[touching] = shapely.make_valid(shapes[touching], method="structure", keep_collapsed=False)
    if index.lows.ni > 0:
        shapes = _without_shadows(shapes, xy, forward, wanted.range_m, field, index)
    if wanted.near_m > 0:
        shapes = shapely.difference(shapes, shapely.buffer(shapely.points(xy), wanted.near_m, quad_segs=32))
    return shapes, area


def _without_shadows(
    shapes: NDArray[np.object_], xy: FloatArray, forward: FloatArray, range_m: float, field: float, index: WallIndex
) -> NDArray[np.object_]:
    """Return the views (n,) less the shadows of the low walls that each camera meets."""
    start, quads = shadow_quads(xy, forward, range_m, field, index.lows, index.shade)
    shadows = shapely.polygons(quads) if len(quads) else np.zeros(0, object)
    lit = shapes.copy()
    for camera_row in np.flatnonzero(np.diff(start)):
        hidden = shapely.union_all(shadows[start[camera_row] : start[camera_row + 1]])
        lit[camera_row] = shapely.difference(shapes[camera_row], hidden)
    return lit


# The parameters `camera` and `level` of `viewsheds` hide the functions of the same names.
_camera = camera
_level = level
