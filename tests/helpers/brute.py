"""Slow, plain answers about one viewshed, three ways, to hold the fast kernels against.

Nothing here shares a line or an idea of speed with the package: rays by the hundred thousand, bearings enumerated one
by one in pure Python, and sight lines tested against walls in exact rational arithmetic.

A *camera* is ``(x, y)`` [m] with a heading in degrees clockwise from north. *Walls* are ``(n, 4)`` rows x1 y1 x2 y2
[m].
``factors`` (n,) is the factor by which a wall is moved away from the camera because it is lower than the sight line to
the target (1 for tall walls, inf for walls that hide nothing).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["enumerated_area", "factor_of", "ray_area", "scaled", "sector_area", "sees"]

FULL = 2.0 * math.pi
TOUCHING_M = 1e-9
"""A wall whose line passes the camera nearer than this is seen edge on and hides nothing."""


def sector_area(range_m: float, field_of_view_degrees: float, near_m: float = 0.0) -> float:
    """Return the area [m2] of an open sector between two radii."""
    return 0.5 * math.radians(field_of_view_degrees) * (range_m**2 - near_m**2)


def factor_of(height_m: float, camera_m: float, target_m: float) -> float:
    """Return how many times as far as the wall its shadow begins, for a target at least as high as the camera.

    The sight line rises from `camera_m` at the camera and meets the wall's top at distance d; it reaches `target_m`
    at d (z_t - z_c) / (h - z_c), by similar triangles. Beyond that the target is hidden, and never before the wall.
    """
    if height_m <= camera_m:
        return math.inf
    if math.isinf(height_m):
        return 1.0
    return max(1.0, (target_m - camera_m) / (height_m - camera_m))


def scaled(x: float, y: float, walls: ArrayLike, factors: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return walls relative to the camera, scaled by their factors; those that hide nothing are left out."""
    local = np.asarray(walls, dtype=np.float64).reshape(-1, 4) - np.array([x, y, x, y])
    if factors is None:
        return local
    factor = np.asarray(factors, dtype=np.float64)
    keep = np.isfinite(factor)
    return local[keep] * factor[keep, None]


def field(heading_degrees: float, field_of_view_degrees: float) -> tuple[float, float]:
    """Return start and width [radians, counter-clockwise from east] of a field of view."""
    width = math.radians(field_of_view_degrees)
    return math.radians(90.0 - heading_degrees) - 0.5 * width, width


def ray_area(
    x: float,
    y: float,
    heading_degrees: float,
    walls: ArrayLike,
    *,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    factors: ArrayLike | None = None,
    rays: int = 100_001,
) -> float:
    """Return the visible area [m2] as the half integral of r^2 over `rays` bearings (midpoint rule).

    Each jump of r falls between two rays and is misplaced by at most half a step, so the error is at most
    ``range_m**2 / 4 * step`` per jump, with step = field of view / rays.
    """
    start, width = field(heading_degrees, field_of_view_degrees)
    step = width / rays
    bearing = start + (np.arange(rays) + 0.5) * step
    cosine, sine = np.cos(bearing), np.sin(bearing)
    nearest = np.full(rays, float(range_m))
    for x1, y1, x2, y2 in scaled(x, y, walls, factors):
        cross = x1 * y2 - x2 * y1
        denominator = cosine * (y2 - y1) - sine * (x2 - x1)
        side1 = cosine * y1 - sine * x1
        side2 = cosine * y2 - sine * x2
        hit = (side1 * side2 <= 0.0) & (denominator != 0.0)
        distance = cross / denominator[hit]
        nearest[hit] = np.minimum(nearest[hit], np.where(distance > 0.0, distance, np.inf))
    return float(0.5 * step * np.sum(np.maximum(nearest**2 - near_m**2, 0.0)))


def enumerated_area(
    x: float,
    y: float,
    heading_degrees: float,
    walls: ArrayLike,
    *,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    factors: ArrayLike | None = None,
) -> float:
    """Return the visible area [m2] as a sum of triangles and sectors between all critical bearings, in pure Python.

    Critical are the field's edges, the ends of walls, their crossings with the range and near circles and with each
    other, and the feet of walls (a wall may touch a circle there). Between two neighbours one wall or the arc bounds
    the view throughout; the middle bearing says which.
    """
    start, width = field(heading_degrees, field_of_view_degrees)
    local = [tuple(float(value) for value in row) for row in scaled(x, y, walls, factors)]
    # A wall on a line through the camera fills no bearing; one beyond the range hides nothing that counts.
    local = [wall for wall in local if _line_distance(wall) > TOUCHING_M and _segment_distance(wall) < range_m]
    points: list[tuple[float, float]] = []
    for index, wall in enumerate(local):
        points += [wall[:2], wall[2:], _foot(wall)]
        points += _circle_crossings(wall, range_m)
        if near_m > 0.0:
            points += _circle_crossings(wall, near_m)
        for other in local[:index]:
            points += _crossings(wall, other)
    offsets = sorted({0.0, width, *((math.atan2(py, px) - start) % FULL for px, py in points)})
    offsets = [offset for offset in offsets if offset <= width]
    pieces = []
    for low, high in itertools.pairwise(offsets):
        middle = start + 0.5 * (low + high)
        wall, distance = _first_hit(local, middle, range_m)
        if distance <= near_m:
            continue
        if wall is None:
            far = 0.5 * range_m**2 * (high - low)
        else:
            # Both rays meet the wall's line; the triangle has the camera as its third corner.
            r1, r2 = _along(wall, start + low), _along(wall, start + high)
            far = 0.5 * r1 * r2 * math.sin(high - low)
        pieces.append(far - 0.5 * near_m**2 * (high - low))
    return math.fsum(pieces)


def sees(
    camera: Sequence[float],
    point: Sequence[float],
    walls: ArrayLike,
    *,
    heading_degrees: float = 0.0,
    range_m: float = math.inf,
    field_of_view_degrees: float = 360.0,
    near_m: float = 0.0,
    factors: ArrayLike | None = None,
) -> bool:
    """Say whether the camera sees the point: within range and field, and no wall across the sight line.

    The test of the sight line against the walls is exact (rational arithmetic on the given doubles). A wall that the
    line only touches, or that lies along it, does not hide the point: such points have no area.
    """
    dx, dy = point[0] - camera[0], point[1] - camera[1]
    distance = math.hypot(dx, dy)
    if not near_m <= distance <= range_m:
        return False
    if field_of_view_degrees < 360.0:
        turn = (math.degrees(math.atan2(dx, dy)) - heading_degrees + 180.0) % 360.0 - 180.0
        if abs(turn) > 0.5 * field_of_view_degrees:
            return False
    rows = np.asarray(walls, dtype=np.float64).reshape(-1, 4)
    factor = np.ones(len(rows)) if factors is None else np.asarray(factors, dtype=np.float64)
    cx, cy = Fraction(camera[0]), Fraction(camera[1])
    px, py = Fraction(point[0]) - cx, Fraction(point[1]) - cy
    for row, by in zip(rows.tolist(), factor.tolist(), strict=True):
        if math.isinf(by):
            continue
        ax, ay = (Fraction(row[0]) - cx) * Fraction(by), (Fraction(row[1]) - cy) * Fraction(by)
        bx, by_ = (Fraction(row[2]) - cx) * Fraction(by), (Fraction(row[3]) - cy) * Fraction(by)
        side_a, side_b = px * ay - py * ax, px * by_ - py * bx
        side_camera = ax * by_ - ay * bx
        side_point = (bx - ax) * (py - ay) - (by_ - ay) * (px - ax)
        if side_a * side_b < 0 and side_camera * side_point < 0:
            return False
    return True


def _line_distance(wall: tuple[float, ...]) -> float:
    """Return the distance of the camera from the wall's line [m]; 0 for a wall without length."""
    x1, y1, x2, y2 = wall
    length = math.hypot(x2 - x1, y2 - y1)
    return abs(x1 * y2 - x2 * y1) / length if length > 0.0 else 0.0


def _segment_distance(wall: tuple[float, ...]) -> float:
    """Return the distance of the camera from the wall [m]."""
    x1, y1, x2, y2 = wall
    dx, dy = x2 - x1, y2 - y1
    at = min(1.0, max(0.0, -(x1 * dx + y1 * dy) / (dx * dx + dy * dy)))
    return math.hypot(x1 + at * dx, y1 + at * dy)


def _foot(wall: tuple[float, ...]) -> tuple[float, float]:
    """Return the point of the wall's line nearest to the camera."""
    x1, y1, x2, y2 = wall
    dx, dy = x2 - x1, y2 - y1
    across = (x1 * y2 - x2 * y1) / (dx * dx + dy * dy)
    return dy * across, -dx * across


def _circle_crossings(wall: tuple[float, ...], radius: float) -> list[tuple[float, float]]:
    """Return where the wall crosses a circle around the camera: the roots of |p1 + t (p2 - p1)| = radius."""
    x1, y1, x2, y2 = wall
    dx, dy = x2 - x1, y2 - y1
    a, b, c = dx * dx + dy * dy, x1 * dx + y1 * dy, x1 * x1 + y1 * y1 - radius * radius
    root = b * b - a * c
    if root <= 0.0:
        return []
    both = ((-b - math.sqrt(root)) / a, (-b + math.sqrt(root)) / a)
    return [(x1 + t * dx, y1 + t * dy) for t in both if 0.0 <= t <= 1.0]


def _crossings(one: tuple[float, ...], two: tuple[float, ...]) -> list[tuple[float, float]]:
    """Return where two walls cross (none where they are parallel: then their ends are critical already)."""
    dx, dy = one[2] - one[0], one[3] - one[1]
    ex, ey = two[2] - two[0], two[3] - two[1]
    denominator = dx * ey - dy * ex
    if denominator == 0.0:
        return []
    gx, gy = two[0] - one[0], two[1] - one[1]
    t, u = (gx * ey - gy * ex) / denominator, (gx * dy - gy * dx) / denominator
    return [(one[0] + t * dx, one[1] + t * dy)] if 0.0 <= t <= 1.0 and 0.0 <= u <= 1.0 else []


def _along(wall: tuple[float, ...], bearing: float) -> float:
    """Return the distance along a bearing to the wall's line [m]; inf where they are parallel."""
    x1, y1, x2, y2 = wall
    denominator = math.cos(bearing) * (y2 - y1) - math.sin(bearing) * (x2 - x1)
    return (x1 * y2 - x2 * y1) / denominator if denominator != 0.0 else math.inf


def _first_hit(
    walls: Sequence[tuple[float, ...]], bearing: float, range_m: float
) -> tuple[tuple[float, ...] | None, float]:
    """Return the nearest wall along a bearing and its distance, or None and the range."""
    cosine, sine = math.cos(bearing), math.sin(bearing)
    found, nearest = None, range_m
    for wall in walls:
        x1, y1, x2, y2 = wall
        if (cosine * y1 - sine * x1) * (cosine * y2 - sine * x2) > 0.0:
            continue
        distance = _along(wall, bearing)
        if 0.0 < distance < nearest:
            found, nearest = wall, distance
    return found, nearest
