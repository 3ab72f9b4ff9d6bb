"""Sight lines in space: a camera, targets and upright rectangles, with plain numpy and no thought of speed.

Nothing here scales a wall: a sight line is a segment between two points in space, and it is blocked if it passes
through a rectangle that stands on the ground. Heights may be infinite.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["blocked", "lit_area", "seen"]


def blocked(
    camera: tuple[float, float, float], targets: ArrayLike, walls: ArrayLike, heights: ArrayLike
) -> NDArray[np.bool_]:
    """Say for each target (n, 3) [m] whether a rectangle stands between it and the camera.

    `walls` (m, 4) x1 y1 x2 y2 [m] are the feet of the rectangles, `heights` (m,) [m] their heights.
    """
    there = np.asarray(targets, dtype=np.float64).reshape(-1, 3)
    here = np.asarray(camera, dtype=np.float64)
    way = there - here
    hit = np.zeros(len(there), np.bool_)
    rows = np.asarray(walls, dtype=np.float64).reshape(-1, 4)
    for (x1, y1, x2, y2), height in zip(rows, np.asarray(heights, dtype=np.float64), strict=True):
        normal = np.array([y2 - y1, x1 - x2])
        towards = way[:, :2] @ normal
        crosses = towards != 0.0
        # Where the segment meets the wall's upright plane: part of the way, place along the foot, height.
        offset = np.full(len(there), (x1 - here[0]) * normal[0] + (y1 - here[1]) * normal[1])
        part = np.divide(offset, towards, out=np.full(len(there), np.inf), where=crosses)
        inside = (part > 0.0) & (part < 1.0)
        met = here + np.where(inside, part, 0.0)[:, None] * way
        along = (met[:, 0] - x1) * (x2 - x1) + (met[:, 1] - y1) * (y2 - y1)
        length2 = (x2 - x1) ** 2 + (y2 - y1) ** 2
        hit |= inside & (along >= 0.0) & (along <= length2) & (met[:, 2] <= height)
    return hit


def seen(
    camera: tuple[float, float, float],
    heading_degrees: float,
    targets: ArrayLike,
    walls: ArrayLike,
    heights: ArrayLike,
    *,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
) -> NDArray[np.bool_]:
    """Say for each target (n, 3) whether it lies in the sector and its sight line is free; ranges are on the ground."""
    there = np.asarray(targets, dtype=np.float64).reshape(-1, 3)
    dx, dy = there[:, 0] - camera[0], there[:, 1] - camera[1]
    distance = np.hypot(dx, dy)
    turn = (np.degrees(np.arctan2(dx, dy)) - heading_degrees + 180.0) % 360.0 - 180.0
    sector = (distance >= near_m) & (distance <= range_m) & (np.abs(turn) <= 0.5 * field_of_view_degrees)
    return sector & ~blocked(camera, there, walls, heights)


def lit_area(
    camera: tuple[float, float, float],
    heading_degrees: float,
    target_m: float,
    walls: ArrayLike,
    heights: ArrayLike,
    *,
    range_m: float,
    field_of_view_degrees: float,
    near_m: float = 0.0,
    rays: int = 100_001,
) -> float:
    """Return the visible area [m2] by integration over bearings of what is seen along each: half the sum of r^2.

    Along a bearing a wall at distance d whose top has the slope k = (h - z_c) / d, seen from the lens, hides the
    targets at distance D >= d whose slope (z_t - z_c) / D is not above k.
    """
    width = math.radians(field_of_view_degrees)
    step = width / rays
    bearing = math.radians(90.0 - heading_degrees) - 0.5 * width + (np.arange(rays) + 0.5) * step
    cosine, sine = np.cos(bearing), np.sin(bearing)
    rise = target_m - camera[2]
    begin, end = [], []
    rows = np.asarray(walls, dtype=np.float64).reshape(-1, 4) - np.array([*camera[:2], *camera[:2]])
    for (x1, y1, x2, y2), height in zip(rows, np.asarray(heights, dtype=np.float64), strict=True):
        across = cosine * (y2 - y1) - sine * (x2 - x1)
        side1, side2 = cosine * y1 - sine * x1, cosine * y2 - sine * x2
        hit = (side1 * side2 <= 0.0) & (across != 0.0)
        d = np.divide(x1 * y2 - x2 * y1, across, out=np.full(rays, np.inf), where=hit)
        hit &= d > 0.0
        start, stop = np.full(rays, np.inf), np.full(rays, np.inf)
        k = np.where(hit, (height - camera[2]) / np.where(hit, d, 1.0), -np.inf)
        if rise < 0.0:
            start = np.where(hit, d, start)
            stop = np.where(hit & (k < 0.0), rise / np.where(k < 0.0, k, -1.0), stop)
        else:
            start = np.where(hit & (k > 0.0), np.maximum(d, rise / np.where(k > 0.0, k, 1.0)), start)
        begin.append(start)
        end.append(np.maximum(start, stop))
    lit, covered = np.zeros(rays), np.full(rays, float(near_m))
    if begin:
        order = np.argsort(np.array(begin), axis=0)
        starts = np.take_along_axis(np.array(begin), order, axis=0)
        ends = np.take_along_axis(np.array(end), order, axis=0)
        for start, stop in zip(starts, ends, strict=True):
            lit += np.maximum(np.minimum(start, range_m) ** 2 - covered**2, 0.0)
            covered = np.maximum(covered, np.minimum(stop, range_m))
    lit += np.maximum(range_m**2 - covered**2, 0.0)
    return float(0.5 * step * lit.sum())
