"""Single sight lines from cameras to points, each tested for itself against the walls about it."""

from __future__ import annotations

import math
from typing import Any

import numba as nb

from doorview.sight.kernels.shadows import field_edge
from doorview.sight.kernels.star import TOUCHING_M, pseudo_angle
from doorview.sight.kernels.types import LENT, FloatArray, IntArray

__all__ = ["clear_pairs", "least_crossed"]


@nb.njit(**LENT)
def _hides(ax: float, ay: float, bx: float, by: float, px: float, py: float, f: float, g: float) -> bool:
    """Say whether a wall a-b hides the point p, all relative to the camera [m].

    The wall's line is q . p = 1, so that q . p is how many times as far as the wall the point lies: hidden is what
    lies beyond f times, and with g > 0 not beyond g times. A bearing through an end of the wall is its own, so that
    walls with a common end leave no gap; a wall seen edge on hides nothing.
    """
    cross = ax * by - ay * bx
    if cross < 0.0:
        ax, ay, bx, by, cross = bx, by, ax, ay, -cross
    if ax * py - ay * px < 0.0 or px * by - py * bx < 0.0:
        return False
    dx, dy = bx - ax, by - ay
    if f * f * cross * cross <= TOUCHING_M * TOUCHING_M * (dx * dx + dy * dy):
        return False
    times = (px * dy - py * dx) / cross
    return times > f and (g == 0.0 or times < g)


@nb.njit(**LENT)
def _squares_between(low: float, high: float, cell: float, first: int, count: int) -> tuple[int, int]:
    """Return the first and last of `count` rows (or columns) of squares that reach from `low` to `high` [m]."""
    return max(math.floor(low / cell) - first, 0), min(math.floor(high / cell) - first, count - 1)


@nb.njit(**LENT)
def _blocked(cx: float, cy: float, x: float, y: float, walls: Any, finite: bool, shade: Any) -> bool:
    """Say whether a wall of an index hides (x, y) from a camera at (cx, cy) [m].

    What hides stands between the two, in its own place, whatever it is scaled by: the squares about the sight line
    hold it. `finite` says that each item has an end of its shadow in `shade`.
    """
    i_low, i_high = _squares_between(min(cx, x), max(cx, x), walls.cell, walls.i0, walls.ni)
    j_low, j_high = _squares_between(min(cy, y), max(cy, y), walls.cell, walls.j0, walls.nj)
    if i_low > i_high:
        return False
    xy, px, py = walls.xy, x - cx, y - cy
    for j in range(j_low, j_high + 1):
        row = j * walls.ni
        for k in range(walls.start[row + i_low], walls.start[row + i_high + 1]):
            g = shade[k] if finite else 0.0
            if _hides(xy[k, 0] - cx, xy[k, 1] - cy, xy[k, 2] - cx, xy[k, 3] - cy, px, py, walls.scale[k], g):
                return True
    return False


@nb.njit(**LENT)
def clear_pairs(
    xy: FloatArray,
    forward: FloatArray,
    points: FloatArray,
    camera_of: IntArray,
    point_of: IntArray,
    reach: float,
    near: float,
    field_of_view: float,
    walls: Any,
    out: Any,
) -> None:
    """Fill `out` (pairs,) with whether camera `camera_of[i]` sees point `point_of[i]`.

    `xy` (cameras, 2), `points` (n, 2) [m], `forward` (cameras, 2) unit vectors; `near` and `reach` [m] belong to the
    view, as do the edges of `field_of_view` [radians].
    """
    t_edge, _, _ = field_edge(field_of_view)
    for i in range(camera_of.shape[0]):
        c, p = camera_of[i], point_of[i]
        cx, cy, fx, fy = xy[c, 0], xy[c, 1], forward[c, 0], forward[c, 1]
        dx, dy = points[p, 0] - cx, points[p, 1] - cy
        distance = math.hypot(dx, dy)
        out[i] = False
        if distance < near or distance > reach:
            continue
        if distance > 0.0:
            if abs(pseudo_angle(dx * fx + dy * fy, dy * fx - dx * fy)) > t_edge:
                continue
            if _blocked(cx, cy, points[p, 0], points[p, 1], walls.tall, False, walls.shade):
                continue
            if walls.lows.ni > 0 and _blocked(cx, cy, points[p, 0], points[p, 1], walls.lows, True, walls.shade):
                continue
        out[i] = True


@nb.njit(cache=True, nogil=True)
def _times(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Return how many times as far as the wall a-b the point p lies on its bearing; 0 where the wall lies elsewhere."""
    cross = ax * by - ay * bx
    if cross < 0.0:
        ax, ay, bx, by, cross = bx, by, ax, ay, -cross
    if cross <= 0.0 or ax * py - ay * px < 0.0 or px * by - py * bx < 0.0:
        return 0.0
    return (px * (by - ay) - py * (bx - ax)) / cross


@nb.njit(cache=True, nogil=True)
def least_crossed(
    xy: FloatArray,
    points: FloatArray,
    camera_of: IntArray,
    point_of: IntArray,
    lens: FloatArray,
    target: float,
    walls: Any,
    height: FloatArray,
    value: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` (pairs,) with the least value of the walls that hide point `point_of[i]` from camera `camera_of[i]`.

    `lens` (cameras,) and `target` are heights [m]; `walls` are squares of walls, each item of a `height` [m] and with a
    `value`. A wall hides what lies behind it where it stands above the sight line. A value that is NaN is the sight
    line's own height at the wall, whatever the wall's: the height from which on it would hide the point. Where nothing
    hides, the value is infinite.
    """
    for i in range(camera_of.shape[0]):
        c, p = camera_of[i], point_of[i]
        cx, cy, x, y = xy[c, 0], xy[c, 1], points[p, 0], points[p, 1]
        out[i] = math.inf
        i_low, i_high = _squares_between(min(cx, x), max(cx, x), walls.cell, walls.i0, walls.ni)
        j_low, j_high = _squares_between(min(cy, y), max(cy, y), walls.cell, walls.j0, walls.nj)
        if i_low > i_high:
            continue
        for j in range(j_low, j_high + 1):
            row = j * walls.ni
            for k in range(walls.start[row + i_low], walls.start[row + i_high + 1]):
                wall = walls.xy[k]
                times = _times(wall[0] - cx, wall[1] - cy, wall[2] - cx, wall[3] - cy, x - cx, y - cy)
                if times <= 1.0:
                    continue
                line = lens[c] + (target - lens[c]) / times
                if math.isnan(value[k]):
                    out[i] = min(out[i], line)
                elif height[k] > line:
                    out[i] = min(out[i], value[k])
