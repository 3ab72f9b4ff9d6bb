"""Known cameras as doors that are certain, and what they see.

A known camera has a heading, a field of view and a height of its own, so views are made in groups of cameras that agree
in them. Most hang above a face: what is lower than the camera but higher than the target hides a strip of ground, from
its foot to where the sight line over its top comes down to the target.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.city.own_cameras import OwnList, read_own_cameras
from doorview.city.surveillance import AngleMeans, camera_table, read_osm_cameras
from doorview.errors import InputError
from doorview.sight.api import CHORD_TOLERANCE_M, DEFAULT_TARGET_HEIGHT_M, views_from
from doorview.sight.api import level as level_of
from doorview.sight.arrays import check_range
from doorview.sight.camera import CameraModel
from doorview.sight.camera import camera as camera_of
from doorview.sight.levels import Level
from doorview.sight.points import pairs_from

__all__ = [
    "DEFAULT_HEIGHT_M",
    "FURTHEST_INSIDE_M",
    "fit_to_publish",
    "known_cameras",
    "known_reach",
    "known_viewsheds",
    "sees_known",
]

DEFAULT_HEIGHT_M = 3.5
"""Height of a known camera that says none [m]: the median of 335 tagged heights of surveillance cameras in Switzerland
(OpenStreetMap; 80 % of them lie from 2.5 to 6 m)."""

FURTHEST_INSIDE_M = 5.0
"""A camera drawn farther than this inside a building [m] is taken to be in it (assumption): footprints and cameras are
each mapped to a few metres."""

OUTSIDE_M = 0.10
"""How far outside the facade a camera is put [m], as doors are."""

_DEFAULT_CAMERA = "ring-video-doorbell-wired"


def known_cameras(
    city: City,
    own: OwnList | None = None,
    camera: str | CameraModel = _DEFAULT_CAMERA,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    height_m: float = DEFAULT_HEIGHT_M,
    angle_means: AngleMeans | None = None,
    unknown_all_around: bool = False,
    plate_readers: bool = False,
    indoor: bool = False,
) -> gpd.GeoDataFrame:
    """Return the known cameras of a city as doors that are certain: OSM's, and the user's own.

    Parameters
    ----------
    city
        Its `surveillance` and its buildings are read.
    own
        A user's list: CSV, GeoPackage or table, see `doorview.city.own_cameras.read_own_cameras`; `columns` names its
        columns, `layer` its layer.
    camera
        The model whose field of view is assumed where nothing says one.
    height_m
        Height above the ground assumed where nothing says one [m].
    angle_means, unknown_all_around, plate_readers, indoor
        How OSM is read, see `doorview.city.surveillance.read_osm_cameras`.

    Returns
    -------
    GeoDataFrame
        In the city's CRS, OSM's first, columns as `doorview.city.surveillance.camera_table`, index `door` (``k:n123``,
        ``k:own:1``); `heading`, `field_of_view_degrees` and `height_m` are always numbers. `moved_m` [m]: how far a
        camera drawn on or in a building was moved to stand 0.10 m outside it. ``attrs["counts"]``: dict of plain words
        to numbers; ``attrs["notes"]``: the assumptions used. Rows that are `private` are never published: see
        `fit_to_publish`.

    Raises
    ------
    InputError, MissingFileError, UnknownNameError
        For an own list that cannot be used, with all its faults, or that lies elsewhere; a height that is no height; a
        camera or meaning that does not exist.
    """
    model = camera_of(camera)
    default_height = check_range(height_m, "height_m")
    counts: Counter[str] = Counter()
    notes: list[str] = []
    parts = []
    if city.surveillance is None:
        notes.append("No surveillance cameras were looked for in OpenStreetMap: the city comes from own layers alone.")
    else:
        found = read_osm_cameras(
            city.surveillance,
            angle_means=angle_means,
            unknown_all_around=unknown_all_around,
            plate_readers=plate_readers,
            indoor=indoor,
        )
        counts.update({f"OpenStreetMap: {reason}": number for reason, number in found.attrs["counts"].items()})
        parts.append(found.to_crs(city.crs))
    if own is not None:
        parts.append(_own_in(city, read_own_cameras(own, columns, layer), counts))
    table = pd.concat(parts) if parts else camera_table([], [], city.crs)
    table = gpd.GeoDataFrame(table, geometry="geometry", crs=city.crs)
    table = table.iloc[_id_order(table.index)]
    for name, value, what, unit in (
        (
            "field_of_view_degrees",
            float(model.field_of_view_degrees),
            f"the field of view of '{model.name}'",
            "degrees",
        ),
        ("height_m", default_height, "the default height", "m"),
    ):
        unsaid = table[name].isna()
        if unsaid.any():
            notes.append(f"{int(unsaid.sum())} known cameras have {what}, {value:g} {unit}, by assumption.")
        table[name] = table[name].fillna(value)
    table = _outside(table, city, counts)
    table.index = pd.Index(table.index, dtype=object, name="door")
    counts["known cameras"] = len(table)
    table.attrs = {"counts": {reason: counts[reason] for reason in sorted(counts) if counts[reason]}, "notes": notes}
    return table


def _id_order(index: pd.Index) -> list[int]:
    """Return the positions that sort ids such as ``k:n9``, ``k:n10.1``, ``k:n10.2``, ``k:own:1`` by their numbers."""
    parts = [re.split(r"([0-9]+)", str(name)) for name in index]  # text and digits by turns
    keys = [[int(part) if place % 2 else part for place, part in enumerate(split)] for split in parts]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _own_in(city: City, table: gpd.GeoDataFrame, counts: Counter[str]) -> gpd.GeoDataFrame:
    """Return the user's cameras where the city's data reach; refuse a list of another place."""
    size = len(table)
    table = table.to_crs(city.crs)
    xy = shapely.get_coordinates(table.geometry.to_numpy())
    finite = np.isfinite(xy).all(axis=1)
    inside = finite.copy()
    inside[finite] = shapely.intersects_xy(city.extent, xy[finite])
    if size and not inside.any():
        raise InputError(
            f"none of {size} own cameras lies where the data of {city.name!r} reach, so they see nothing of it. Are "
            "longitude and latitude exchanged (columns={'lon': ..., 'lat': ...}), or is it another place?"
        )
    counts["own: cameras"] = int(inside.sum())
    if not inside.all():
        counts["own: where the data do not reach, left out"] = int((~inside).sum())
    return table[inside]


def _outside(table: gpd.GeoDataFrame, city: City, counts: Counter[str]) -> gpd.GeoDataFrame:
    """Put cameras on or in a building outside its nearest facade; leave out those deep in one or walled in.

    A camera at least as high as a building whose height is known stands on it, and stays.
    """
    buildings = find_obstacles(city)
    shapes, tops = buildings.geometry.to_numpy(), buildings["height_m"].to_numpy()
    points = table.geometry.to_numpy().copy()
    heights = table["height_m"].to_numpy()
    moved = np.zeros(len(table))
    keep = np.ones(len(table), dtype=bool)
    tree = shapely.STRtree(shapes)
    camera, building = tree.query(points, predicate="dwithin", distance=OUTSIDE_M / 2)
    roofs = np.unique(camera[tops[building] <= heights[camera]])
    against = ~(tops[building] <= heights[camera])  # NaN: taller than any sight line
    counts["on a roof below them, kept there"] = len(np.setdiff1d(roofs, camera[against]))
    for i in np.unique(camera[against]):
        near = tree.query(points[i], predicate="dwithin", distance=FURTHEST_INSIDE_M + 1.0)
        near = near[~(tops[near] <= heights[i])]
        block = shapely.buffer(shapely.union_all(shapes[near]), OUTSIDE_M, join_style="mitre")
        rim = shapely.boundary(block)
        at = _nearest_on(rim, points[i])
        moved[i] = shapely.distance(at, points[i])
        keep[i] = moved[i] <= FURTHEST_INSIDE_M + OUTSIDE_M
        points[i] = at
    counts["on or in a building, moved outside its facade"] = int((keep & (moved > 0)).sum())
    counts[f"more than {FURTHEST_INSIDE_M:g} m inside a building, left out"] = int((~keep).sum())
    table = table.set_geometry(gpd.GeoSeries(points, index=table.index, crs=table.crs))
    table["moved_m"] = moved
    return table[keep]


def _nearest_on(line: shapely.Geometry, point: shapely.Point) -> shapely.Point:
    """Return the point of a line or lines that lies nearest to a point."""
    return shapely.Point(shapely.get_coordinates(shapely.shortest_line(line, point))[0])


def fit_to_publish(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows of known cameras, or of their views, that may be published: none of the user's own.

    Raises
    ------
    InputError
        If the table does not say which rows are private: then nothing can be published.
    """
    if "private" not in table.columns:
        raise InputError(
            "the table has no column 'private', so it cannot be told which cameras are the user's own, which are never "
            "published. Take the table as known_cameras or known_viewsheds gave it."
        )
    # What is not plainly marked as public stays back.
    return table[[value is False or value is np.False_ for value in table["private"].to_numpy(dtype=object)]]


def known_viewsheds(
    cameras: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    camera: str | CameraModel = _DEFAULT_CAMERA,
    level: str | Level = "observe",
    *,
    range_m: float | None = None,
    target_height_m: float = DEFAULT_TARGET_HEIGHT_M,
) -> gpd.GeoDataFrame:
    """Return what each known camera sees at a level, with its own heading, field of view, height and range.

    How far: a camera's own `range_m` (along the ground) if it has one, else `range_m`, else the level's range with
    `camera`, along the sight line: a camera z above the target reaches sqrt(range^2 - z^2) along the ground. How near:
    from its foot, as lenses are tilted to what they are for; where the tilt t is known, from
    z / tan(t + v / 2) to z / tan(t - v / 2) for the vertical field of view v of `camera` (exact on the axis).

    What is at least as high as the camera hides what lies beyond; what is lower, of height h above the target's z_t,
    hides from d to d (z_c - z_t) / (z_c - h); a solid obstacle hides its own ground too.

    Parameters
    ----------
    cameras
        As from `known_cameras`: points with `heading`, `field_of_view_degrees`, `height_m`; `range_m`, `tilt_degrees`
        and `private` where they are known.
    obstacles
        Lines or polygons in the same CRS; `height_m` [m], NaN taller than any sight line.
    camera, level
        The model and level whose range and lens are assumed. A `Level` brings its own target height.
    range_m
        Range along the ground [m] in place of the level's.
    target_height_m
        Height of what must be in view [m].

    Returns
    -------
    GeoDataFrame
        On the cameras' index: `geometry` polygons (arcs as chords to 1 cm), `area_m2` (with the arcs: exact, or to some
        1e-5 where the ground of a solid obstacle lower than the camera is cut out), `level`, `reach_m` [m] along the
        ground, `private` (what does not say so is).

    Raises
    ------
    InputError, UnknownNameError
        For tables in another CRS or without the columns, numbers that cannot be, and names that do not exist.
    """
    model = camera_of(camera)
    wanted = level if isinstance(level, Level) else level_of(model, level, target_height_m=target_height_m)
    given = None if range_m is None else check_range(range_m)
    reach, near = known_reach(cameras, model, wanted, given)
    private = cameras["private"].to_numpy() if "private" in cameras else np.ones(len(cameras), dtype=bool)
    shapes: NDArray[np.object_] = np.full(len(cameras), shapely.Polygon(), dtype=object)
    area = np.zeros(len(cameras))
    geometry = obstacles.geometry.to_numpy()
    tree = shapely.STRtree(geometry)
    for rows, height, seen_by in _alike(cameras, wanted, reach, near):
        some = cameras.iloc[rows]
        met = np.unique(tree.query(some.geometry.to_numpy(), predicate="dwithin", distance=seen_by.range_m)[1])
        shapes[rows], area[rows] = _views(some, obstacles.iloc[met], seen_by, height)
    data = {"area_m2": area, "level": wanted.name, "reach_m": reach, "private": private}
    return gpd.GeoDataFrame(data, geometry=shapes, index=cameras.index, crs=cameras.crs)


def sees_known(
    cameras: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    obstacles: gpd.GeoDataFrame | gpd.GeoSeries,
    camera: str | CameraModel = _DEFAULT_CAMERA,
    level: str | Level = "observe",
    *,
    range_m: float | None = None,
    target_height_m: float = DEFAULT_TARGET_HEIGHT_M,
) -> pd.DataFrame:
    """Return which known cameras see these spots: `doorview.sight.points.sees` by the rules of `known_viewsheds`.

    Columns as `sees` has them, `door` being the camera, and `private`; rows follow the order of points, then of
    cameras. A spot on or in a solid obstacle lower than the camera is not told apart from one before it.

    Raises as `known_viewsheds` and `sees`.
    """
    model = camera_of(camera)
    wanted = level if isinstance(level, Level) else level_of(model, level, target_height_m=target_height_m)
    reach, near = known_reach(cameras, model, wanted, None if range_m is None else check_range(range_m))
    private = cameras["private"].to_numpy() if "private" in cameras else np.ones(len(cameras), dtype=bool)
    parts = [pd.DataFrame({"door": [], "point": [], "distance_m": [], "bearing_degrees": [], "at": [], "row": []})]
    numbered = points.set_axis(np.arange(len(points)), axis=0)
    for rows, height, seen_by in _alike(cameras, wanted, reach, near):
        some = cameras.iloc[rows].set_axis(rows, axis=0)
        found = pairs_from(some, numbered, obstacles, height, seen_by)
        labels = {
            "door": cameras.index.take(found["door"]),
            "point": points.index.take(found["point"]),
            "row": found["door"],
        }
        parts.append(found.assign(at=found["point"], **labels))
    table = pd.concat([part for part in parts if len(part)] or parts).sort_values(["at", "row"], ignore_index=True)
    table["private"] = private[table["row"].to_numpy(dtype=np.int64)]
    return table.drop(columns=["at", "row"])


def _alike(
    cameras: gpd.GeoDataFrame, wanted: Level, reach: NDArray[np.float64], near: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], float, Level]]:
    """Yield the rows of cameras that agree in all but place and heading, their height [m] and what they see."""
    numbers = cameras[["field_of_view_degrees", "height_m"]].assign(reach=reach, near=near)
    groups, group = np.unique(numbers.to_numpy(dtype=np.float64), axis=0, return_inverse=True)
    for number, (field, height, far, from_m) in enumerate(groups.tolist()):
        if far > from_m:
            rows = np.flatnonzero(group.reshape(-1) == number)
            yield rows, height, replace(wanted, range_m=far, near_m=from_m, field_of_view_degrees=field)


def _check_columns(cameras: gpd.GeoDataFrame) -> None:
    """Refuse a table without the numbers of a camera, or with numbers that cannot be."""
    for name, top in (("heading", math.inf), ("field_of_view_degrees", 360.0), ("height_m", math.inf)):
        if name not in cameras or not pd.api.types.is_numeric_dtype(cameras[name]):
            raise InputError(
                f"known cameras have no column '{name}' of numbers, so it is not known what they see. known_cameras "
                f"gives it, or set cameras['{name}']."
            )
        values = cameras[name].to_numpy(dtype=np.float64)
        fine = np.isfinite(values) if name == "heading" else (values > 0) & (values <= top) & np.isfinite(values)
        if not fine.all():
            raise InputError(
                f"{int((~fine).sum())} known cameras, the first {cameras.index[np.flatnonzero(~fine)[0]]!r}, have a "
                f"{name} of {values[~fine][0]}, which cannot be. Drop or mend them: cameras[cameras['{name}'] > 0]."
            )


def known_reach(
    cameras: gpd.GeoDataFrame, model: CameraModel, wanted: Level, range_m: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far and from how near each camera sees along the ground [m], by the rules of `known_viewsheds`.

    Where the first is not above the second the camera sees nothing at this level. Raises as `known_viewsheds`.
    """
    _check_columns(cameras)
    above = cameras["height_m"].to_numpy(dtype=np.float64) - wanted.target_height_m
    if range_m is not None:
        far = np.full(len(cameras), range_m)
    elif wanted.name == "trigger":  # a maker's trigger range is one along the ground
        far = np.full(len(cameras), wanted.range_m)
    else:
        far = np.sqrt(np.maximum(wanted.range_m**2 - above**2, 0.0))
    near = np.zeros(len(cameras))
    if "range_m" in cameras:
        own = cameras["range_m"].to_numpy(dtype=np.float64)
        far = np.where(np.isnan(own), far, own)
        if not (np.isfinite(far) & (far >= 0)).all():
            raise InputError("a known camera has a range_m that is no finite number of metres above 0: mend it first.")
    if "tilt_degrees" in cameras:
        tilt = np.radians(cameras["tilt_degrees"].to_numpy(dtype=np.float64))
        half = math.radians(model.vertical_field_of_view_degrees) / 2.0
        tilted = np.isfinite(tilt) & (above > 0)
        down, up = tilt + half, tilt - half
        steep = tilted & (down < math.pi / 2)
        near[steep] = above[steep] / np.tan(down[steep])
        short = tilted & (up > 0)
        far[short] = np.minimum(far[short], above[short] / np.tan(up[short]))
    return far, near


def _views(
    cameras: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame | gpd.GeoSeries, seen_by: Level, height_m: float
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Return polygons and areas [m2] of cameras of one field, range and height."""
    made = views_from(cameras, obstacles, height_m, seen_by)
    shapes, area = made.geometry.to_numpy().copy(), made["area_m2"].to_numpy().copy()
    if "height_m" not in obstacles:
        return shapes, area
    # What is solid and lower than the camera hides its own ground too: its roof is in the way.
    top, solid = obstacles["height_m"].to_numpy(dtype=np.float64), obstacles.geometry.to_numpy()
    solid = solid[(top > seen_by.target_height_m) & (top < height_m) & (shapely.get_dimensions(solid) == 2)]
    if len(solid):
        tree = shapely.STRtree(solid)
        for i, point in enumerate(cameras.geometry.to_numpy()):
            met = tree.query(shapes[i], predicate="intersects")
            if not len(met):
                continue
            shapes[i] = shapely.difference(shapes[i], shapely.union_all(solid[np.sort(met)]))
            area[i] = _area_with_arcs(shapes[i], point, seen_by.range_m, seen_by.near_m)
    return shapes, area


def _area_with_arcs(shape: shapely.Geometry, point: shapely.Point, far_m: float, near_m: float) -> float:
    """Return the area [m2] of a view whose arcs are drawn as chords, with the arcs themselves.

    By the boundary: an edge from p to q adds the triangle p x q / 2 about the camera, and one that stands for an arc of
    radius r adds the sector r^2 / 2 times its angle.
    """
    doubled = 0.0
    for polygon in shapely.get_parts(shape):
        for ring in shapely.get_rings(shapely.geometry.polygon.orient(polygon)):
            xy = shapely.get_coordinates(ring) - np.array([point.x, point.y])
            radius = np.hypot(xy[:, 0], xy[:, 1])
            (px, py), (qx, qy) = xy[:-1].T, xy[1:].T
            cross = px * qy - py * qx
            angle = np.arctan2(cross, px * qx + py * qy)
            middle = np.hypot(px + qx, py + qy) / 2.0  # far inside the circle for a wall that ends on it twice
            for arc in (far_m, near_m):
                off = np.abs(np.stack([radius[:-1], radius[1:], middle]) - arc).max(axis=0)
                cross = np.where((off <= 1.1 * CHORD_TOLERANCE_M) & (arc > 0), arc**2 * angle, cross)
            doubled += float(cross.sum())
    return max(0.5 * doubled, 0.0)
