"""Viewsheds the way one writes them with shapely: the sector less the shadows of the walls that meet it.

The baseline of `viewsheds.py` and a part of `plain.py`. It knows nothing of doorview. The walls that meet a sector
are found through an STRtree of walls; each throws a shadow quadrilateral: the wall, and the wall moved away from the
camera until its far side lies wholly beyond the range. The shadows are united and taken from the sector in one
difference.

Twice over: `plain_viewshed_areas` is what one writes by hand, a loop over cameras and walls that makes one polygon at a
time; `array_viewsheds` makes the polygons of a camera by array calls and also takes a near radius and low walls.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, STRtree, unary_union

__all__ = ["arc_error", "array_viewshed_areas", "array_viewsheds", "plain_viewshed_areas", "sectors", "wall_tree"]

Floats = NDArray[np.float64]


def arc_error(quad_segs: int) -> float:
    """Return the relative error of a sector's area whose arc has `quad_segs` chords per quarter turn.

    A chord over the angle s cuts the area r^2 (s - sin s) / 2 off: 1.6e-3 of it at 16 chords, 6.3e-6 at 256.
    """
    step = 0.5 * math.pi / quad_segs
    return 1.0 - math.sin(step) / step


def wall_tree(walls: Floats) -> STRtree:
    """Return an STRtree of the walls (n, 4) x1 y1 x2 y2 [m]."""
    return STRtree(shapely.linestrings(np.asarray(walls, dtype=np.float64).reshape(-1, 2, 2)))


def plain_viewshed_areas(
    xy: Floats,
    heading_degrees: Floats,
    walls: Floats,
    range_m: float,
    field_of_view_degrees: float,
    quad_segs: int = 256,
    tree: STRtree | None = None,
) -> Floats:
    """Return the area of each viewshed [m2], by hand: one camera, one wall, one polygon at a time.

    Parameters
    ----------
    xy : (m, 2) float array [m]
    heading_degrees : (m,) float array [degrees clockwise from north]
    walls : (n, 4) float array x1 y1 x2 y2 [m]
    range_m : far radius [m]
    field_of_view_degrees : full width, less than 360 (the camera is a corner of the sector)
    quad_segs : chords per quarter turn of the arc; the areas are short by `arc_error(quad_segs)` at most
    tree : the walls as `wall_tree` gives them, if they are at hand
    """
    rows = np.asarray(walls, dtype=np.float64).tolist()
    tree = wall_tree(walls) if tree is None else tree
    chords = math.ceil(quad_segs * field_of_view_degrees / 90.0)
    areas = []
    for (x, y), heading in zip(np.asarray(xy).tolist(), np.asarray(heading_degrees).tolist(), strict=True):
        arc = []
        for step in range(chords + 1):
            bearing = math.radians(heading + field_of_view_degrees * (step / chords - 0.5))
            arc.append((x + range_m * math.sin(bearing), y + range_m * math.cos(bearing)))
        sector = Polygon([(x, y), *arc])
        shadows = []
        for index in tree.query(sector, predicate="intersects"):
            x1, y1, x2, y2 = rows[index]
            ax, ay, bx, by = x1 - x, y1 - y, x2 - x, y2 - y
            twice, length = abs(ax * by - ay * bx), math.hypot(bx - ax, by - ay)
            # A wall in line with the camera throws no shadow.
            if twice <= 1e-9 * length:
                continue
            # The far side is the wall scaled by k about the camera; its line must lie beyond the range.
            k = 1.0 + 1.01 * range_m * length / twice
            shadows.append(Polygon([(x1, y1), (x2, y2), (x + k * bx, y + k * by), (x + k * ax, y + k * ay)]))
        areas.append(sector.difference(unary_union(shadows)).area)
    return np.array(areas)


def sectors(
    xy: Floats, heading_degrees: Floats, range_m: float, field_of_view_degrees: float, near_m: float, quad_segs: int
) -> NDArray[np.object_]:
    """Return one sector polygon per camera.

    Parameters
    ----------
    xy : (m, 2) float array [m]
    heading_degrees : (m,) float array [degrees clockwise from north]
    range_m, near_m : far and near radius [m]
    field_of_view_degrees : full width; 360 gives the disc
    quad_segs : chords per quarter turn of the arc

    Returns
    -------
    (m,) object array of shapely polygons
    """
    width = math.radians(field_of_view_degrees)
    chords = max(1, math.ceil(quad_segs * width / (0.5 * math.pi)))
    whole = field_of_view_degrees >= 360.0
    turn = np.linspace(-0.5, 0.5, chords + 1) * width
    bearing = np.radians(90.0 - np.asarray(heading_degrees))[:, None] + turn
    unit = np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)
    centre = np.asarray(xy)[:, None, :]
    if near_m > 0.0 and not whole:
        rings = np.concatenate([unit * range_m, unit[:, ::-1] * near_m], axis=1)
    elif whole:
        rings = unit[:, :-1] * range_m
    else:
        rings = np.concatenate([unit * range_m, np.zeros_like(centre)], axis=1)
    made = shapely.polygons(rings + centre)
    if near_m > 0.0 and whole:
        made = shapely.difference(made, shapely.polygons(unit[:, :-1] * near_m + centre))
    return np.asarray(made, dtype=object)


def array_viewsheds(
    xy: Floats,
    heading_degrees: Floats,
    walls: Floats,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    quad_segs: int = 16,
    factors: Floats | None = None,
) -> NDArray[np.object_]:
    """Return the viewshed polygon of each camera.

    Parameters
    ----------
    xy, heading_degrees, range_m, field_of_view_degrees, near_m, quad_segs : as in `sectors`
    walls : (n, 4) float array x1 y1 x2 y2 [m]
    factors : (n,) float array or None
        How many times as far as the wall its shadow begins, because it is lower than the sight line to the target:
        1 (or None) for tall walls, inf for those that hide nothing.

    Returns
    -------
    (m,) object array of shapely polygons, short of the true areas by `arc_error(quad_segs)` at most
    """
    shape = sectors(xy, heading_degrees, range_m, field_of_view_degrees, near_m, quad_segs)
    if factors is not None:
        walls, factors = walls[np.isfinite(factors)], factors[np.isfinite(factors)]
    tree = shapely.STRtree(shapely.linestrings(walls.reshape(-1, 2, 2)))
    seen = np.empty(len(shape), dtype=object)
    for camera, sector in enumerate(shape):
        # The near hole does not matter to a wall's shadow, so the walls are sought from the camera outward.
        around = sector if near_m == 0.0 else shapely.convex_hull(shapely.union(sector, shapely.Point(xy[camera])))
        found = tree.query(around, predicate="intersects")
        if len(found) == 0:
            seen[camera] = sector
            continue
        by = None if factors is None else factors[found]
        shadow = _shadows(xy[camera], walls[found], range_m, by)
        seen[camera] = shapely.difference(sector, shapely.union_all(shadow))
    return seen


def array_viewshed_areas(
    xy: Floats,
    heading_degrees: Floats,
    walls: Floats,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    quad_segs: int = 16,
    factors: Floats | None = None,
) -> Floats:
    """Return the area of each viewshed [m2]: `array_viewsheds`, measured."""
    seen = array_viewsheds(xy, heading_degrees, walls, range_m, field_of_view_degrees, near_m, quad_segs, factors)
    return np.asarray(shapely.area(seen), dtype=np.float64)


def _shadows(camera: Floats, walls: Floats, range_m: float, factors: Floats | None) -> NDArray[np.object_]:
    """Return the shadow quadrilaterals of walls as seen from one camera."""
    local = walls.reshape(-1, 2, 2) - camera
    if factors is not None:
        local = local * factors[:, None, None]
    one, two = local[:, 0], local[:, 1]
    twice = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    length = np.hypot(two[:, 0] - one[:, 0], two[:, 1] - one[:, 1])
    # A wall in line with the camera throws no shadow.
    keep = twice > 1e-9 * length
    one, two = one[keep], two[keep]
    # The far side is the wall scaled by k about the camera; its line must lie beyond the range.
    k = (1.0 + 1.01 * range_m * length[keep] / twice[keep])[:, None]
    rings = np.stack([one, two, two * k, one * k], axis=1) + camera
    return np.asarray(shapely.polygons(rings), dtype=object)
